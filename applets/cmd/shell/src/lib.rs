//! The shell: brush as `sh` and `bash`, with a line editor for serial consoles.

mod background;
mod complete;
mod eval;
mod input;
mod interrupt;
mod kill;
mod line;
mod options;
mod print;
mod rewrite;
mod settle;
mod sh;
mod state;
mod talk;
mod terminal;
mod trap;
mod wait;
mod words;

use kit::Applet;

/// The applets of this room, sorted by name.
pub const APPLETS: &[Applet] = &[sh::BASH, sh::SH];
