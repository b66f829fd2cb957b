//! The shell: brush as `sh` and `bash`, with a line editor for serial consoles.

mod background;
mod complete;
mod input;
mod interrupt;
mod kill;
mod line;
mod options;
mod sh;
mod talk;
mod terminal;

use kit::Applet;

/// The applets of this room, sorted by name.
pub const APPLETS: &[Applet] = &[sh::BASH, sh::SH];
