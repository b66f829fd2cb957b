//! Commands that search, edit, compare and page text. One file a command.

mod compare;
mod diff;
mod grep;
mod less;
mod patch;
mod sed;

use kit::Applet;

/// The applets of this crate, sorted by name.
pub const APPLETS: &[Applet] =
    &[compare::CMP, diff::DIFF, grep::EGREP, grep::FGREP, grep::GREP, less::LESS, less::MORE, patch::PATCH, sed::SED];
