//! The language awk, as a command.

mod array;
mod awk;
mod builtin;
mod check;
mod clock;
mod eval;
mod exec;
mod expression;
mod format;
mod input;
mod machine;
mod matcher;
mod number;
mod output;
mod parse;
mod record;
mod simple;
mod substitute;
mod text;
mod token;
mod tree;
mod value;

use kit::Applet;

/// The applets of this crate, sorted by name.
pub const APPLETS: &[Applet] = &[awk::AWK];
