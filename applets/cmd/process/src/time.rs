//! `time [-p] [-f FORMAT] [-o FILE [-a]] PROGRAM [ARGUMENT]...` tells how long a program ran and what it used.
//!
//! In a format `%e` and `%E` are the time that went by, `%U` and `%S` that in the program and in the kernel, `%P` their share, `%M`
//! the most memory in KiB, `%F` and `%R` page faults, `%I` and `%O` blocks read and written, `%w` and `%c` switches, `%C`
//! the command, `%x` its status. Exit status: the program's.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Parser;
use kit::{Applet, Context, Exit, Place, Result, parse};
use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeVal;

use crate::start;

/// Time and memory of a program.
pub const TIME: Applet = Applet { name: "time", about: "tell how long a program runs", place: Place::Bin, run };

/// As GNU's, without what Linux does not count.
const USUAL: &str =
    "%Uuser %Ssystem %Eelapsed %PCPU (0avgtext+0avgdata %Mmaxresident)k\n%Iinputs+%Ooutputs (%Fmajor+%Rminor)pagefaults 0swaps";
/// As POSIX says.
const PORTABLE: &str = "real %e\nuser %U\nsys %S";

#[derive(Parser)]
struct Options {
    /// In the form of POSIX
    #[arg(short, long)]
    portability: bool,
    /// In this form
    #[arg(short, long, value_name = "FORMAT", allow_hyphen_values = true)]
    format: Option<String>,
    /// Into a file, not to standard error
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// At the end of the file
    #[arg(short, long, requires = "output")]
    append: bool,
    /// The program
    #[arg(required = true, trailing_var_arg = true)]
    program: Vec<OsString>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&TIME, args)?;
    let begin = Instant::now();
    let exit = start::run_and_wait(start::command(&options.program))?;
    let elapsed = begin.elapsed();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).doing("ask for what was used")?;
    let format = options.format.as_deref().unwrap_or(if options.portability { PORTABLE } else { USUAL });
    let words: Vec<_> = options.program.iter().map(|word| word.to_string_lossy()).collect();
    let mut text = String::new();
    if exit.0 != 0 && options.format.is_none() && !options.portability {
        text = format!("Command exited with non-zero status {}\n", exit.0);
    }
    text.push_str(&filled(format, elapsed, &usage, &words.join(" "), exit.0));
    text.push('\n');
    match &options.output {
        Some(path) => {
            let file = File::options().create(true).write(true).append(options.append).truncate(!options.append).open(path);
            file.and_then(|mut file| file.write_all(text.as_bytes())).on("write", path)?;
        }
        None => io::stderr().write_all(text.as_bytes()).doing("write standard error")?,
    }
    Ok(exit)
}

fn seconds(time: TimeVal) -> f64 {
    let micros = i32::try_from(time.tv_usec()).unwrap_or(0);
    // Half a century of seconds fits.
    f64::from(i32::try_from(time.tv_sec()).unwrap_or(i32::MAX)) + f64::from(micros) / 1e6
}

fn filled(format: &str, elapsed: Duration, usage: &Usage, command: &str, status: u8) -> String {
    let (user, system) = (seconds(usage.user_time()), seconds(usage.system_time()));
    let all = elapsed.as_secs_f64();
    let mut out = String::new();
    let mut letters = format.chars();
    while let Some(c) = letters.next() {
        let part = match c {
            '%' => match letters.next() {
                Some('e') => format!("{all:.2}"),
                Some('E') => clock(elapsed),
                Some('U') => format!("{user:.2}"),
                Some('S') => format!("{system:.2}"),
                Some('P') if all > 0.0 => format!("{:.0}%", ((user + system) * 100.0 / all).trunc()),
                Some('P') => "?%".into(),
                Some('M') => usage.max_rss().to_string(),
                Some('F') => usage.major_page_faults().to_string(),
                Some('R') => usage.minor_page_faults().to_string(),
                Some('I') => usage.block_reads().to_string(),
                Some('O') => usage.block_writes().to_string(),
                Some('w') => usage.voluntary_context_switches().to_string(),
                Some('c') => usage.involuntary_context_switches().to_string(),
                Some('C') => command.to_owned(),
                Some('x') => status.to_string(),
                Some('%') | None => "%".into(),
                Some(other) => format!("?{other}"),
            },
            '\\' => match letters.next() {
                Some('n') => "\n".into(),
                Some('t') => "\t".into(),
                Some('\\') | None => "\\".into(),
                Some(other) => format!("\\{other}"),
            },
            c => c.to_string(),
        };
        out.push_str(&part);
    }
    out
}

/// Minutes and seconds, with hours if there are some.
fn clock(elapsed: Duration) -> String {
    let (seconds, hundredths) = (elapsed.as_secs(), elapsed.subsec_millis() / 10);
    if seconds >= 3600 {
        return format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    }
    format!("{}:{:02}.{hundredths:02}", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_a_clock_shows_them() {
        assert_eq!(clock(Duration::from_millis(61_239)), "1:01.23");
        assert_eq!(clock(Duration::from_secs(3661)), "1:01:01");
    }
}
