//! `clear` clears the terminal, with the sequences that every terminal since the VT100 knows.

use std::ffi::OsString;
use std::io::Write;

use clap::Parser;
use kit::{Applet, Context, Exit, Place, Result, out, parse};

/// An empty screen.
pub const CLEAR: Applet = Applet { name: "clear", about: "clear the terminal", place: Place::Bin, run };

#[derive(Parser)]
struct Options {}

fn run(args: &[OsString]) -> Result<Exit> {
    let _: Options = parse(&CLEAR, args)?;
    let mut out = out();
    write!(out, "\x1b[H\x1b[2J\x1b[3J").and_then(|()| out.flush()).doing("write standard output")?;
    Ok(Exit::OK)
}
