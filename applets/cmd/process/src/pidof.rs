//! `pidof NAME...` prints the numbers of processes by their exact name, newest first.

use std::ffi::OsString;
use std::io::Write;

use clap::Parser;
use kit::{Applet, Context, Exit, Place, Result, out, parse};

use crate::process;

/// Numbers of a program.
pub const PIDOF: Applet = Applet { name: "pidof", about: "print the processes of a program", place: Place::Bin, run };

#[derive(Parser)]
struct Options {
    /// One at most.
    #[arg(short)]
    single: bool,
    /// Not these, by commas.
    #[arg(short, value_delimiter = ',', value_name = "PIDS")]
    omit: Vec<u32>,
    /// The programs.
    #[arg(required = true)]
    names: Vec<String>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&PIDOF, args)?;
    let wanted = |p: &process::Process| {
        options.names.iter().any(|n| p.is_called(n)) && !options.omit.contains(&p.pid) && p.pid != std::process::id()
    };
    let mut pids: Vec<_> = process::all().iter().rev().filter(|p| wanted(p)).map(|p| p.pid.to_string()).collect();
    if options.single {
        pids.truncate(1);
    }
    if pids.is_empty() {
        return Ok(Exit::FAILED);
    }
    let mut out = out();
    writeln!(out, "{}", pids.join(" ")).and_then(|()| out.flush()).doing("write standard output")?;
    Ok(Exit::OK)
}
