//! `reboot`, `poweroff`, `halt`, `shutdown`: end the system.
//!
//! Usage: reboot|poweroff|halt [-f] [-k|-p]      shutdown [-r|-h|-P|-H] now
//!
//! They ask PID 1, which has the kubelet end its pods, preStop hooks included, stops it and what it left, then services, and unmounts. `-f` does none of that: it
//! writes back what is in memory and calls the kernel at once. `reboot -k` jumps into the kernel that kexec loaded; `halt -p`
//! switches off.

use std::ffi::OsString;

use clap::Parser;
use kit::control::{self, Reply, Request, Shutdown};
use kit::{Applet, Context, Error, Exit, Place, Result};
use rustix::system::RebootCommand;

/// Stop; power stays on.
pub const HALT: Applet =
    Applet { name: "halt", about: "stop the system", place: Place::Sbin, run: |args| simple(&HALT, Shutdown::Halt, args) };
/// Switch off.
pub const POWEROFF: Applet = Applet {
    name: "poweroff",
    about: "stop the system and switch it off",
    place: Place::Sbin,
    run: |args| simple(&POWEROFF, Shutdown::Poweroff, args),
};
/// Start again.
pub const REBOOT: Applet = Applet {
    name: "reboot",
    about: "stop the system and start it again",
    place: Place::Sbin,
    run: |args| simple(&REBOOT, Shutdown::Reboot, args),
};
/// Any of these.
pub const SHUTDOWN: Applet =
    Applet { name: "shutdown", about: "stop, switch off or start the system again", place: Place::Sbin, run: shutdown };

#[derive(Parser)]
struct Simple {
    /// At once: no service is stopped, nothing is unmounted
    #[arg(short, long)]
    force: bool,
    /// Jump into the kernel that kexec loaded
    #[arg(short, long, conflicts_with = "poweroff")]
    kexec: bool,
    /// Switch off
    #[arg(short, long)]
    poweroff: bool,
}

fn simple(applet: &Applet, how: Shutdown, args: &[OsString]) -> Result<Exit> {
    let options: Simple = kit::parse(applet, args)?;
    let how = match (options.kexec, options.poweroff) {
        (true, _) => Shutdown::Kexec,
        (_, true) => Shutdown::Poweroff,
        _ => how,
    };
    if options.force { force(how) } else { ask(how) }
}

#[derive(Parser)]
struct Long {
    /// Start again
    #[arg(short, long, group = "how")]
    reboot: bool,
    /// Switch off, as without an option
    #[arg(short = 'h', group = "how")]
    down: bool,
    /// Switch off
    #[arg(short = 'P', long, group = "how")]
    poweroff: bool,
    /// Stop; power stays on
    #[arg(short = 'H', long, group = "how")]
    halt: bool,
    /// Time of the shutdown: only `now` (or `+0`)
    time: String,
}

fn shutdown(args: &[OsString]) -> Result<Exit> {
    let options: Long = kit::parse(&SHUTDOWN, args)?;
    if !matches!(options.time.as_str(), "now" | "+0" | "0") {
        return Err(Error::usage(format!("{}: only \"now\" is possible", options.time)));
    }
    ask(if options.reboot {
        Shutdown::Reboot
    } else if options.halt {
        Shutdown::Halt
    } else {
        Shutdown::Poweroff
    })
}

fn ask(how: Shutdown) -> Result<Exit> {
    match control::ask(&Request::Shutdown(how))? {
        Reply::Failed(why) => Err(Error::new(why)),
        _ => Ok(Exit::OK),
    }
}

fn force(how: Shutdown) -> Result<Exit> {
    rustix::fs::sync();
    let command = match how {
        Shutdown::Reboot => RebootCommand::Restart,
        Shutdown::Poweroff => RebootCommand::PowerOff,
        Shutdown::Halt => RebootCommand::Halt,
        Shutdown::Kexec => RebootCommand::Kexec,
    };
    rustix::system::reboot(command).map_err(std::io::Error::from).doing("end the system")?;
    Ok(Exit::OK)
}
