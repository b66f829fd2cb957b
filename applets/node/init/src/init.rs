//! `init`: process 1 of a machine, started by the kernel as /init.
//!
//! Usage: the kernel starts it; a person never does.

use std::ffi::OsString;

use clap::Parser;
use kit::{Applet, Error, Exit, Place, Result};

use crate::Machine;

/// The record.
pub const NAME: Applet =
    Applet { name: "init", about: "boot the machine and look after it (process 1)", place: Place::Root, run };

#[derive(Parser)]
struct Options {}

fn run(args: &[OsString]) -> Result<Exit> {
    // The kernel hands parameters that it does not know to its first process: they are no options of ours.
    if std::process::id() == 1 {
        Machine::default().run();
    }
    let Options {} = kit::parse(&NAME, args)?;
    Err(Error::new("is started by the kernel as process 1; to end the system use reboot or poweroff"))
}
