//! `ts [-i | -s] [-m] [FORMAT]` puts the time before each line of standard input.
//!
//! FORMAT is that of strftime(3), `%b %d %H:%M:%S` without one; `%.S`, `%.s` and `%.T` have microseconds. `-i` is the time since
//! the line before, `-s` since the start, both as `%H:%M:%S`; `-m` takes a clock that nobody sets. `-r`, which makes relative
//! times of those in the input, is refused.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{self, BufRead, Write};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use kit::{Applet, Context, Error, Exit, Place, Result, out, parse};

/// Times of lines.
pub const TS: Applet = Applet { name: "ts", about: "put the time before each line", place: Place::Bin, run };

#[derive(Parser)]
#[command(args_override_self = true)]
struct Options {
    /// The time since the line before.
    #[arg(short, conflicts_with = "since_start")]
    increment: bool,
    /// The time since the start.
    #[arg(short = 's')]
    since_start: bool,
    /// By a clock that nobody sets.
    #[arg(short)]
    monotonic: bool,
    /// Form of the time, as of strftime.
    format: Option<String>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&TS, args)?;
    let elapsed = options.increment || options.since_start;
    let usual = if elapsed { "%H:%M:%S" } else { "%b %d %H:%M:%S" };
    let format = options.format.as_deref().unwrap_or(usual);
    let zone = if elapsed { TimeZone::UTC } else { TimeZone::system() };
    let start = (Instant::now(), now());
    let mut before = start;
    let mut input = io::stdin().lock();
    let mut out = out();
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line).doing("read standard input")? > 0 {
        let here = (Instant::now(), if options.monotonic { start.1 + start.0.elapsed() } else { now() });
        let since = |then: (Instant, Duration)| if options.monotonic { here.0 - then.0 } else { here.1.saturating_sub(then.1) };
        let time = match (options.increment, options.since_start) {
            (true, _) => since(before),
            (_, true) => since(start),
            _ => here.1,
        };
        before = here;
        let head = stamp(time, format, &zone)?;
        // A reader waits for each line as it comes.
        let write = [head.as_bytes(), b" ", &line].iter().try_for_each(|part| out.write_all(part)).and_then(|()| out.flush());
        write.doing("write standard output")?;
        line.clear();
    }
    Ok(Exit::OK)
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A time since 1970 in a form.
fn stamp(time: Duration, format: &str, zone: &TimeZone) -> Result<String> {
    let (seconds, micros) = (time.as_secs(), time.subsec_micros());
    let format = format
        .replace("%.S", &format!("%S.{micros:06}"))
        .replace("%.T", &format!("%T.{micros:06}"))
        .replace("%.s", &format!("{seconds}.{micros:06}"));
    let time = Timestamp::from_second(seconds.cast_signed()).doing("read the clock")?.to_zoned(zone.clone());
    let mut text = String::new();
    write!(text, "{}", time.strftime(&format)).map_err(|_| Error::usage(format!("there is no form of time {format}")))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn forms() {
        let time = Duration::new(1_798_759_259, 5_000);
        for (format, expected) in [
            ("%b %d %H:%M:%S", "Dec 31 23:20:59"),
            ("%F %.T", "2026-12-31 23:20:59.000005"),
            ("%.s", "1798759259.000005"),
            ("%Y-%m-%dT%.S", "2026-12-31T59.000005"),
            ("%H:%M:%S", "23:20:59"),
        ] {
            assert_eq!(stamp(time, format, &TimeZone::UTC).unwrap(), expected, "{format}");
        }
    }
}
