//! A program of one table of applets: the `examples/box.rs` of each crate of commands, for a try without the whole binary.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use crate::{Applet, Exit};

/// Run the applet that the link or the first argument names. Exit status 127 without one.
pub fn run(applets: &[Applet]) -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    let named = |arg: Option<&OsString>| {
        let name = Path::new(arg?).file_name()?;
        applets.iter().find(|applet| name == applet.name)
    };
    let (applet, args) = match named(args.first()) {
        Some(applet) => (Some(applet), args.as_slice()),
        None => (named(args.get(1)), args.get(1..).unwrap_or_default()),
    };
    let Some(applet) = applet else { return ExitCode::from(Exit::NOT_FOUND.0) };
    match (applet.run)(args) {
        Ok(exit) => ExitCode::from(exit.0),
        Err(e) => {
            let written =
                if e.is_text() { write!(std::io::stdout(), "{e}") } else { writeln!(std::io::stderr(), "{}: {e}", applet.name) };
            ExitCode::from(if written.is_ok() { e.exit().0 } else { Exit::FAILED.0 })
        }
    }
}
