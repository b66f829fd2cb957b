//! The language awk, as a command.
#![expect(clippy::cast_precision_loss, reason = "the language's numbers are doubles: counts beyond 2^53 do not occur")]

mod awk;
mod builtin;
mod check;
mod clock;
mod compound;
mod escape;
mod eval;
mod exec;
mod expression;
mod format;
pub mod fuzz;
mod getline;
mod input;
mod machine;
mod matcher;
mod number;
mod output;
mod parse;
mod random;
mod record;
mod simple;
mod substitute;
mod text;
mod token;
mod tree;
mod value;
mod variable;

use kit::Applet;

/// The applets of this crate, sorted by name.
pub const APPLETS: &[Applet] = &[awk::AWK];
