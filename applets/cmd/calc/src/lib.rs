//! Calculators with any number of digits.

mod bc;
mod dc;
mod decimal;
mod expression;
pub mod fuzz;
mod natural;
mod output;
mod parse;
mod radix;
mod run;
mod stack;
mod token;
mod tree;

use kit::Applet;

/// The applets of this crate, sorted by name.
pub const APPLETS: &[Applet] = &[bc::BC, dc::DC];
