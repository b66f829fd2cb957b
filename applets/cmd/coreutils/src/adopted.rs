//! Adoption of a command of uutils: one row in the table of `lib.rs`. Its manual is its own
//! `--help`.
//!
//! uucore keeps its exit status and the command's name for the whole process: one command a process, never a call from the shell.

use std::ffi::OsString;
use std::io::Write;
use std::iter::Cloned;
use std::slice::Iter;

use kit::{Applet, Context, Entry, Error, Exit, Place, Result};

/// A row of the table.
pub(crate) const fn row(name: &'static str, about: &'static str, run: Entry) -> Applet {
    Applet { name, about, place: Place::Bin, run }
}

/// Call a uutils command as its own `main` would: its texts loaded first, or it prints their identifiers; output flushed after.
pub(crate) fn adopt<'a>(util: &str, run: fn(Cloned<Iter<'a, OsString>>) -> i32, args: &'a [OsString]) -> Result<Exit> {
    if called_through_box(args) {
        uucore::set_utility_is_second_arg();
    }
    uucore::panic::preserve_inherited_sigpipe();
    uucore::locale::setup_localization(util).map_err(|e| Error::new(format!("load the texts of {util}: {e}")))?;
    let code = run(args.iter().cloned());
    std::io::stdout().flush().doing("write standard output")?;
    Ok(Exit(u8::try_from(code).unwrap_or(Exit::FAILED.0)))
}

/// Tells if this is `kutties NAME …`: uucore takes the name from the process's arguments, and must
/// know at which place.
fn called_through_box(args: &[OsString]) -> bool {
    std::env::args_os().next().as_ref() != args.first()
}
