//! `killall [-SIGNAL] NAME...` signals all processes of that exact name, but itself.

use std::ffi::OsString;
use std::io::Write;

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, out, parse};

use crate::{process, select};

/// Signal by name.
pub const KILLALL: Applet = Applet { name: "killall", about: "signal all processes of a program", place: Place::Bin, run };

#[derive(Parser)]
struct Options {
    /// The signal, by name or number; also as -NAME.
    #[arg(short, long, value_name = "SIGNAL")]
    signal: Option<String>,
    /// List the signals' names.
    #[arg(short, long)]
    list: bool,
    /// No process is no message.
    #[arg(short, long)]
    quiet: bool,
    /// The programs.
    names: Vec<String>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let (args, mut signal) = select::take_signal(args);
    let options: Options = parse(&KILLALL, &args)?;
    if options.list {
        let mut out = out();
        let names: Vec<_> = kit::signal::names().collect();
        writeln!(out, "{}", names.join(" ")).and_then(|()| out.flush()).doing("write standard output")?;
        return Ok(Exit::OK);
    }
    if options.names.is_empty() {
        return Err(Error::usage("give the name of a program"));
    }
    if let Some(name) = &options.signal {
        signal = select::signal(name)?;
    }
    let all = process::all();
    let mut exit = Exit::OK;
    for name in &options.names {
        let found: Vec<_> = all.iter().filter(|p| p.pid != std::process::id() && p.is_called(name)).collect();
        if found.is_empty() {
            exit = Exit::FAILED;
            if !options.quiet {
                // A closed standard error loses the message.
                let _ = writeln!(std::io::stderr(), "killall: {name}: no process found");
            }
        }
        found.iter().try_for_each(|p| select::send(p.pid, signal))?;
    }
    Ok(exit)
}
