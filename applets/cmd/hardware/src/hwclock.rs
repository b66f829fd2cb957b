//! `hwclock` shows and sets the battery clock of the machine (RTC).
//!
//! ```text
//! hwclock               show the time of the battery clock
//! hwclock -w            set the battery clock from the system's time
//! hwclock -s            set the system's time from the battery clock
//! hwclock -r -f /dev/rtc1 --localtime
//! ```
//!
//! The clock holds UTC unless `-l` says local time. Without `-u` and `-l` the third line of `/etc/adjtime` tells; `-w` with
//! one of them writes that line, so that the next start reads the clock alike. A drift is not computed.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, clock, parse};
use sys::{calendar, device_io};

use crate::attribute::{name, text};
use crate::output::show;

/// Battery clock.
pub const HWCLOCK: Applet = Applet { name: "hwclock", about: "show or set the battery clock", place: Place::Sbin, run };

/// Nanoseconds of a second.
const SECOND: i64 = 1_000_000_000;
/// Reads of the clock until its second changes: at 10 ms each they are two seconds.
const READS: u32 = 200;

#[derive(Parser)]
struct Options {
    /// Show the battery clock (the default).
    #[arg(short = 'r', long, visible_alias = "get", group = "function")]
    show: bool,
    /// Set the battery clock from the system's time.
    #[arg(short = 'w', long, group = "function")]
    systohc: bool,
    /// Set the system's time from the battery clock.
    #[arg(short = 's', long, group = "function")]
    hctosys: bool,
    /// Take the battery clock to hold UTC.
    #[arg(short, long, conflicts_with = "localtime")]
    utc: bool,
    /// Take the battery clock to hold local time.
    #[arg(short, long)]
    localtime: bool,
    /// Use this clock in place of /dev/rtc0.
    #[arg(short = 'f', long, value_name = "FILE")]
    rtc: Option<PathBuf>,
    /// Use this file in place of /etc/adjtime.
    #[arg(long, value_name = "FILE", default_value = "/etc/adjtime")]
    adjfile: PathBuf,
    /// Neither read nor write /etc/adjtime.
    #[arg(long)]
    noadjfile: bool,
    /// Do all but setting a clock.
    #[arg(long)]
    test: bool,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&HWCLOCK, args)?;
    let (device, path) = open(options.rtc.as_deref())?;
    let utc = is_utc(&options);
    if options.systohc {
        set(&device, &path, utc, options.test)?;
        if (options.utc || options.localtime) && !options.noadjfile && !options.test {
            remember(&options.adjfile, utc)?;
        }
        return Ok(Exit::OK);
    }
    let seconds = at_its_tick(&device, &path, utc)?;
    if !options.hctosys {
        show(&[shown(seconds)?])?;
    } else if !options.test {
        let since = u64::try_from(seconds).map_err(|_| Error::new("the battery clock is before 1970"))?;
        sys::clock::set(Duration::from_secs(since)).doing("set the system's time")?;
    }
    Ok(Exit::OK)
}

/// Opens the clock that was named, or the first of the usual ones.
fn open(named: Option<&Path>) -> Result<(File, PathBuf)> {
    let usual = ["/dev/rtc0", "/dev/rtc", "/dev/misc/rtc"].map(Path::new);
    let first = usual.iter().find(|path| path.exists()).copied().unwrap_or(usual[0]);
    let path = named.unwrap_or(first);
    // A clock is read and set by ioctl alone, for which a descriptor for reading is enough.
    let device = OpenOptions::new().read(true).open(path).on("open", path)?;
    Ok((device, path.to_owned()))
}

fn is_utc(options: &Options) -> bool {
    if options.utc || options.localtime {
        return options.utc;
    }
    let known = if options.noadjfile { None } else { text(&options.adjfile) };
    known.is_none_or(|text| text.lines().nth(2).is_none_or(|line| line.trim() != "LOCAL"))
}

/// Writes the third line of the file that tells what the clock holds; the drift in the first two stays.
fn remember(path: &Path, utc: bool) -> Result<()> {
    let old = text(path).unwrap_or_default();
    let mut lines = old.lines();
    let (drift, last) = (lines.next().unwrap_or("0.0 0 0.0"), lines.next().unwrap_or("0"));
    let new = format!("{drift}\n{last}\n{}\n", if utc { "UTC" } else { "LOCAL" });
    if new.trim_end() == old { Ok(()) } else { kit::fs::replace(path, new, kit::fs::Form::DURABLE) }
}

/// Fields of the clock as seconds since 1970.
fn seconds(fields: &[i32; 9], utc: bool) -> i64 {
    let [second, minute, hour, day, month, year, ..] = *fields;
    // -1: the C library finds out about summer time.
    calendar::seconds(
        [year.saturating_add(1900), month.saturating_add(1), day, hour, minute, second],
        if utc { 0 } else { -1 },
        utc,
    )
}

/// Seconds since 1970 as fields of the clock.
fn fields(seconds: i64, utc: bool) -> Result<[i32; 9]> {
    let text = calendar::format(b"%S %M %H %d %m %Y", seconds, utc).doing("convert the time")?;
    let text = String::from_utf8_lossy(&text);
    let mut numbers = text.split(' ').filter_map(|number| number.parse::<i32>().ok());
    let mut next = || numbers.next().ok_or_else(|| Error::new("convert the time: a part is missing"));
    let [second, minute, hour, day, month, year] = [next()?, next()?, next()?, next()?, next()?, next()?];
    Ok([second, minute, hour, day, month - 1, year - 1900, 0, 0, 0])
}

/// Waits until the second of the clock changes, and returns the new one: it is exact to 10 ms then.
fn at_its_tick(device: &File, path: &Path, utc: bool) -> Result<i64> {
    let read = || device_io::read_clock(device).on("read the clock", path);
    let first = read()?;
    for _ in 0..READS {
        let now = read()?;
        if now[0] != first[0] {
            return Ok(seconds(&now, utc));
        }
        sleep(Duration::from_millis(10));
    }
    Err(Error::new(format!("read the clock {}: it stands still", path.display())))
}

/// Sets the clock at the moment from which it counts on right: PC clocks tick half a second after they were set.
fn set(device: &File, path: &Path, utc: bool, test: bool) -> Result<()> {
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let driver = text(Path::new("/sys/class/rtc").join(name(&real)).join("name"));
    let late = if driver.is_some_and(|driver| driver.starts_with("rtc_cmos")) { SECOND / 2 } else { 0 };
    let now = clock::now();
    let wait = (SECOND + late - now % SECOND) % SECOND;
    sleep(Duration::from_nanos(wait.unsigned_abs()));
    let fields = fields((now + wait).div_euclid(SECOND), utc)?;
    if test { Ok(()) } else { device_io::set_clock(device, &fields).on("set the clock", path) }
}

/// Time in the form of util-linux. The fraction is 0, because the clock was read at its tick.
fn shown(seconds: i64) -> Result<String> {
    let text = calendar::format(b"%Y-%m-%d %H:%M:%S.000000%z", seconds, false).doing("convert the time")?;
    let mut text = String::from_utf8_lossy(&text).into_owned();
    if let Some(minutes) = text.len().checked_sub(2).filter(|at| text.is_char_boundary(*at)) {
        text.insert(minutes, ':');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn fields_go_both_ways() {
        assert_eq!(fields(1_709_164_799, true).unwrap(), [59, 59, 23, 28, 1, 124, 0, 0, 0]);
        for time in [0, 951_782_400, 1_709_251_199, 4_102_444_800] {
            assert_eq!(seconds(&fields(time, true).unwrap(), true), time);
            assert_eq!(seconds(&fields(time, false).unwrap(), false), time);
        }
        assert!(shown(0).unwrap().contains(":00.000000"));
    }

    #[test]
    fn the_kind_of_time_is_remembered_and_the_drift_stays() {
        let path = std::env::temp_dir().join(format!("adjtime-{}", std::process::id()));
        fs::write(&path, "1.5 7 0.0\n7\nUTC\n").unwrap();
        let options =
            |args: &[&str]| Options::try_parse_from([&["hwclock", "--adjfile", path.to_str().unwrap()], args].concat()).unwrap();
        assert!(is_utc(&options(&[])));
        remember(&path, false).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "1.5 7 0.0\n7\nLOCAL\n");
        assert!(!is_utc(&options(&[])) && is_utc(&options(&["-u"])) && is_utc(&options(&["--noadjfile"])));
        fs::remove_file(&path).unwrap();
    }
}
