//! Commands that search, edit, compare, show and page text and bytes. One file a command.

mod compare;
mod diff;
pub mod fuzz;
#[cfg(test)]
mod gnu;
mod grep;
mod hexdump;
mod less;
mod patch;
mod rev;
mod sed;
mod strings;
mod tree;
mod ts;
mod xxd;

use kit::Applet;

/// The applets of this crate, sorted by name.
pub const APPLETS: &[Applet] = &[
    compare::CMP,
    diff::DIFF,
    grep::EGREP,
    grep::FGREP,
    grep::GREP,
    hexdump::HD,
    hexdump::HEXDUMP,
    less::LESS,
    less::MORE,
    patch::PATCH,
    rev::REV,
    sed::SED,
    strings::STRINGS,
    tree::TREE,
    ts::TS,
    xxd::XXD,
];
