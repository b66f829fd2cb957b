//! `pgrep PATTERN` prints the numbers of processes by name; `pkill [-SIGNAL] PATTERN` signals them.
//!
//! Exit status: 0 some were found, 1 none, 2 usage.

use std::ffi::OsString;
use std::io::Write;

use clap::Parser;
use kit::{Applet, Context, Exit, Place, Result, out, parse};

use crate::select::{self, Filter};

/// Find.
pub const PGREP: Applet = Applet { name: "pgrep", about: "find processes by name", place: Place::Bin, run: find };
/// Signal.
pub const PKILL: Applet = Applet { name: "pkill", about: "signal processes by name", place: Place::Bin, run: kill };

#[derive(Parser)]
struct Find {
    #[command(flatten)]
    filter: Filter,
    /// Print the name too.
    #[arg(short = 'l', long)]
    list_name: bool,
    /// Print the command line too.
    #[arg(short = 'a', long)]
    list_full: bool,
    /// Print the number of processes.
    #[arg(short, long)]
    count: bool,
    /// Text between the numbers.
    #[arg(short, long, default_value = "\n", value_name = "TEXT")]
    delimiter: String,
}

#[derive(Parser)]
struct Kill {
    #[command(flatten)]
    filter: Filter,
    /// The signal, by name or number; also as -NAME.
    #[arg(long, value_name = "SIGNAL")]
    signal: Option<String>,
}

fn find(args: &[OsString]) -> Result<Exit> {
    let options: Find = parse(&PGREP, args)?;
    let found = options.filter.processes()?;
    let lines = found.iter().map(|p| match (options.list_full, options.list_name) {
        (true, _) => format!("{} {}", p.pid, p.command()),
        (_, true) => format!("{} {}", p.pid, p.name),
        _ => p.pid.to_string(),
    });
    let text = if options.count { found.len().to_string() } else { lines.collect::<Vec<_>>().join(&options.delimiter) };
    let mut out = out();
    if !text.is_empty() {
        writeln!(out, "{text}").and_then(|()| out.flush()).doing("write standard output")?;
    }
    Ok(if found.is_empty() { Exit::FAILED } else { Exit::OK })
}

fn kill(args: &[OsString]) -> Result<Exit> {
    let (args, mut signal) = select::take_signal(args);
    let options: Kill = parse(&PKILL, &args)?;
    if let Some(name) = &options.signal {
        signal = select::signal(name)?;
    }
    let found = options.filter.processes()?;
    found.iter().try_for_each(|p| select::send(p.pid, signal))?;
    Ok(if found.is_empty() { Exit::FAILED } else { Exit::OK })
}
