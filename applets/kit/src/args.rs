//! Arguments by clap, with the applet's name and summary from its record.

use std::ffi::OsString;

use clap::Parser;
use clap::error::ErrorKind;

use crate::{Applet, Error, Result};

/// The version that every applet answers to `--version`.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The options of a call. Help and version come back as a text error; a wrong option as a usage error.
pub fn parse<T: Parser>(applet: &Applet, args: &[OsString]) -> Result<T> {
    let command = T::command().name(applet.name).about(applet.about).version(VERSION).no_binary_name(true);
    command
        .try_get_matches_from(args.get(1..).unwrap_or_default())
        .and_then(|mut matches| T::from_arg_matches_mut(&mut matches))
        .map_err(|e| said(&e))
}

/// What clap has to say, as ours: its own "error: " and trailing newline go.
fn said(e: &clap::Error) -> Error {
    let text = e.render().to_string();
    match e.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Error::text(text),
        _ => Error::usage(text.trim_start_matches("error: ").trim_end()),
    }
}
