//! `free [-b|-k|-m|-g|-h] [-t]` shows memory in use and to be had, from /proc/meminfo, as procps prints it.

use std::ffi::OsString;
use std::io::Write;

use clap::Parser;
use kit::{Applet, Context, Exit, Place, Result, out, parse};

/// Memory.
pub const FREE: Applet = Applet { name: "free", about: "show memory in use", place: Place::Bin, run };

// `-h` is for people here, so help has its long name alone.
#[derive(Parser)]
#[command(disable_help_flag = true)]
struct Options {
    /// Print help.
    #[arg(long, action = clap::ArgAction::Help)]
    help: Option<bool>,
    /// In bytes.
    #[arg(short, long)]
    bytes: bool,
    /// In KiB, as without it.
    #[arg(short, long)]
    kibi: bool,
    /// In MiB.
    #[arg(short, long)]
    mebi: bool,
    /// In GiB.
    #[arg(short, long)]
    gibi: bool,
    /// With the unit that fits.
    #[arg(short = 'h', long = "human")]
    human: bool,
    /// The sum of memory and swap.
    #[arg(short, long)]
    total: bool,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&FREE, args)?;
    let text = std::fs::read_to_string("/proc/meminfo").on("read", "/proc/meminfo")?;
    let kib = |key: &str| -> u64 {
        let line = text.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix(':'));
        line.and_then(|l| l.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    };
    let (total, available) = (kib("MemTotal"), kib("MemAvailable"));
    let cache = kib("Buffers") + kib("Cached") + kib("SReclaimable");
    let memory = [total, total.saturating_sub(available), kib("MemFree"), kib("Shmem"), cache, available];
    let swap = [kib("SwapTotal"), kib("SwapTotal").saturating_sub(kib("SwapFree")), kib("SwapFree")];
    let sum: Vec<u64> = memory.iter().zip(swap).map(|(m, s)| m + s).collect();
    let mut out = out();
    let title = "               total        used        free      shared  buff/cache   available";
    let mut rows = vec![("Mem:", &memory[..]), ("Swap:", &swap[..])];
    if options.total {
        rows.push(("Total:", &sum));
    }
    writeln!(out, "{title}").doing("write standard output")?;
    for (name, numbers) in rows {
        let cells: Vec<String> = numbers.iter().map(|n| format!("{:>11}", shown(*n, &options))).collect();
        writeln!(out, "{name:<8} {}", cells.join(" ")).doing("write standard output")?;
    }
    out.flush().doing("write standard output")?;
    Ok(Exit::OK)
}

fn shown(kib: u64, options: &Options) -> String {
    if options.human {
        return human(kib);
    }
    let number = match (options.bytes, options.mebi, options.gibi) {
        (true, ..) => kib * 1024,
        (_, true, _) => kib >> 10,
        (.., true) => kib >> 20,
        _ => kib,
    };
    number.to_string()
}

/// At most three digits and a unit.
#[expect(clippy::cast_precision_loss, reason = "two digits of it are shown")]
fn human(kib: u64) -> String {
    const UNITS: [&str; 5] = ["Ki", "Mi", "Gi", "Ti", "Pi"];
    if kib == 0 {
        return "0B".into();
    }
    let mut number = kib as f64;
    let mut unit = 0;
    while number >= 1000.0 && unit + 1 < UNITS.len() {
        number /= 1024.0;
        unit += 1;
    }
    if number < 9.95 { format!("{number:.1}{}", UNITS[unit]) } else { format!("{number:.0}{}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_for_people() {
        assert_eq!(human(0), "0B");
        assert_eq!(human(512 * 1024), "512Mi");
        assert_eq!(human(1536 * 1024), "1.5Gi");
    }
}
