//! The editor vi.

mod buffer;
mod chars;
mod editor;
mod ex;
mod ex_command;
mod file;
mod insert;
mod keys;
mod layout;
mod motion;
mod normal;
mod object;
mod operator;
mod range;
mod screen;
mod search;
mod settings;
mod substitute;
#[cfg(test)]
mod tests;
mod vi;
mod visual;
mod word;

use kit::Applet;

/// The applets of this crate, sorted by name.
pub const APPLETS: &[Applet] = &[vi::VI];
