//! `dmesg` shows the kernel's log.
//!
//! ```text
//! dmesg [-r] [-l LEVELS]    what was logged since boot, or since -C
//! dmesg -w                  and what comes
//! dmesg -c, dmesg -C        forget it, with or without showing it first
//! dmesg -n LEVEL            what the console shows: messages more urgent than LEVEL
//! ```

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, out, parse};

/// The kernel's log.
pub const DMESG: Applet = Applet { name: "dmesg", about: "show the kernel's log", place: Place::Bin, run };

/// Names of the levels, most urgent first, as syslog(2) numbers them.
const LEVELS: [&str; 8] = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"];

/// The kernel cuts records at 8 KiB (CONSOLE_EXT_LOG_MAX).
const RECORD: usize = 8192;

#[derive(Parser)]
struct Options {
    /// Forget the log.
    #[arg(short = 'C', long)]
    clear: bool,
    /// Show it, then forget it.
    #[arg(short = 'c', long)]
    read_clear: bool,
    /// With the level and facility in front, as the kernel has them.
    #[arg(short, long)]
    raw: bool,
    /// Without times.
    #[arg(short = 't', long)]
    notime: bool,
    /// Times of the clock, in UTC.
    #[arg(short = 'T', long)]
    ctime: bool,
    /// Only these levels, by commas.
    #[arg(short, long, value_delimiter = ',')]
    level: Vec<String>,
    /// Stay and show what comes.
    #[arg(short = 'w', long)]
    follow: bool,
    /// Show only what comes.
    #[arg(short = 'W', long)]
    follow_new: bool,
    /// Show messages more urgent than this on the console, by name or number.
    #[arg(short = 'n', long, value_name = "LEVEL")]
    console_level: Option<String>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&DMESG, args)?;
    if let Some(level) = &options.console_level {
        sys::kernel_log::set_console_level(console_level(level)?).doing("set the console's level")?;
        return Ok(Exit::OK);
    }
    if !options.clear {
        show(&options)?;
    }
    if options.clear || options.read_clear {
        sys::kernel_log::clear().doing("clear the kernel's log")?;
    }
    Ok(Exit::OK)
}

/// A name means "this and what is more urgent", a number is the kernel's own.
fn console_level(text: &str) -> Result<u8> {
    let by_name = LEVELS.iter().position(|l| *l == text).and_then(|at| u8::try_from(at + 1).ok());
    let level = by_name.or_else(|| text.parse().ok().filter(|n| (1..=8).contains(n)));
    level.ok_or_else(|| Error::usage(format!("no such level: {text}")))
}

fn show(options: &Options) -> Result<()> {
    let levels = options
        .level
        .iter()
        .map(|name| LEVELS.iter().position(|l| l == name).ok_or_else(|| Error::usage(format!("no such level: {name}"))));
    let levels = levels.collect::<Result<Vec<_>>>()?;
    let follow = options.follow || options.follow_new;
    let flags = if follow { 0 } else { rustix::fs::OFlags::NONBLOCK.bits().cast_signed() };
    let mut log = File::options().read(true).custom_flags(flags).open("/dev/kmsg").on("open", "/dev/kmsg")?;
    if options.follow_new {
        io::Seek::seek(&mut log, io::SeekFrom::End(0)).on("go to the end of", "/dev/kmsg")?;
    } else {
        // The place that `dmesg -C` has set.
        rustix::fs::seek(&log, rustix::fs::SeekFrom::Data(0)).on("go to the start of", "/dev/kmsg")?;
    }
    let boot = boot_time();
    let mut out = out();
    let mut record = vec![0; RECORD];
    loop {
        let len = match log.read(&mut record) {
            Ok(0) => break,
            Ok(len) => len,
            Err(e) if e.kind() == ErrorKind::WouldBlock => break,
            // Records were overwritten before we read them: go on with the oldest.
            Err(e) if e.kind() == ErrorKind::BrokenPipe || e.kind() == ErrorKind::Interrupted => continue,
            Err(e) => return Err(e).on("read", "/dev/kmsg"),
        };
        let text = String::from_utf8_lossy(&record[..len]);
        if let Some(line) = line(&text, options, &levels, boot) {
            writeln!(out, "{line}").doing("write standard output")?;
        }
        if follow {
            out.flush().doing("write standard output")?;
        }
    }
    out.flush().doing("write standard output")
}

/// `6,1,0,-;text\n KEY=value` as a line to show; none for what nobody asked for.
fn line(record: &str, options: &Options, levels: &[usize], boot: i64) -> Option<String> {
    let (head, text) = record.split_once(';')?;
    let text = unescape(text.split('\n').next()?);
    let mut fields = head.split(',');
    let priority: usize = fields.next()?.parse().ok()?;
    let micros: u64 = fields.nth(1)?.parse().ok()?;
    if !levels.is_empty() && !levels.contains(&(priority & 7)) {
        return None;
    }
    let raw = if options.raw { format!("<{priority}>") } else { String::new() };
    let time = match (options.notime, options.ctime) {
        (true, _) => String::new(),
        (_, true) => format!("[{}] ", calendar(boot + (micros / 1_000_000).cast_signed())),
        _ => format!("[{:5}.{:06}] ", micros / 1_000_000, micros % 1_000_000),
    };
    Some(format!("{raw}{time}{text}"))
}

/// Bytes that the kernel wrote as `\x1b`.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.strip_prefix(b"x").and_then(|t| std::str::from_utf8(t.get(..2)?).ok());
        if let Some(byte) = hex.filter(|_| *first == b'\\').and_then(|h| u8::from_str_radix(h, 16).ok()) {
            bytes.push(byte);
            rest = &tail[3..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Seconds of the clock when the system started.
fn boot_time() -> i64 {
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    stat.lines().find_map(|l| l.strip_prefix("btime ")?.trim().parse().ok()).unwrap_or(0)
}

/// `2026-11-21 10:50:33` in UTC, from seconds since 1970 (Howard Hinnant's civil-from-days).
fn calendar(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(86400), seconds.rem_euclid(86400));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year}-{month:02}-{day:02} {:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn records() {
        let options = Options::try_parse_from(["dmesg"]).unwrap();
        let record = "6,339,5140900,-;NET: \\x5bok\\x5d\n SUBSYSTEM=x\n";
        assert_eq!(line(record, &options, &[], 0).unwrap(), "[    5.140900] NET: [ok]");
        assert_eq!(line(record, &options, &[3], 0), None);
        let raw = Options::try_parse_from(["dmesg", "-r", "-T"]).unwrap();
        assert_eq!(line(record, &raw, &[], 1_795_258_233).unwrap(), "<6>[2026-11-21 10:50:38] NET: [ok]");
    }
}
