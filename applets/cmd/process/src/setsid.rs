//! `setsid [-c] [-f] [-w] PROGRAM [ARGUMENT]...` runs a program as the leader of a new session.

use std::ffi::OsString;

use clap::Parser;
use kit::{Applet, Context, Exit, Place, Result, parse};
use sys::child::{Before, before_exec};

use crate::start;

/// A new session.
pub const SETSID: Applet = Applet { name: "setsid", about: "run a program in a new session", place: Place::Bin, run };

#[derive(Parser)]
struct Options {
    /// Take standard input as its terminal.
    #[arg(short, long)]
    ctty: bool,
    /// Always as a child.
    #[arg(short, long)]
    fork: bool,
    /// Wait for the child, and end as it does.
    #[arg(short, long)]
    wait: bool,
    /// The program.
    #[arg(required = true, trailing_var_arg = true)]
    program: Vec<OsString>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&SETSID, args)?;
    let mut command = start::command(&options.program);
    // The leader of a process group can't make a session.
    let leads = rustix::process::getpgrp() == rustix::process::getpid();
    if !options.fork && !leads {
        rustix::process::setsid().doing("make a session")?;
        before_exec(&mut command, Before { terminal: options.ctty, ..Before::default() });
        return Err(start::become_it(command));
    }
    before_exec(&mut command, Before { session: true, terminal: options.ctty, ..Before::default() });
    if options.wait {
        return start::run_and_wait(command);
    }
    command.spawn().doing(format!("run {}", command.get_program().display()))?;
    Ok(Exit::OK)
}
