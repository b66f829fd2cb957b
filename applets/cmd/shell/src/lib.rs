//! The shell: `sh` and `bash`, an interpreter of our own with a line editor for serial consoles.

#![expect(clippy::similar_names, reason = "list and last, test and text are the shell's own words")]

mod arguments;
mod arith;
mod ast;
mod builtins;
mod editor;
mod exec;
mod expand;
pub mod fuzz;
mod jobs;
mod matching;
mod options;
mod parse;
mod redirect;
mod sh;
mod shell;
mod source;
mod start;
mod time;
mod trap;
mod vars;

use kit::Applet;

/// The applets of this crate, sorted by name.
pub const APPLETS: &[Applet] = &[sh::BASH, sh::SH];
