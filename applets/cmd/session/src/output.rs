//! Standard output and complaints of the commands.

use std::io::Write;

use kit::{Context, Error, Result, out};

/// Write a text.
pub fn say(text: &str) -> Result<()> {
    let mut out = out();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).doing("write standard output")
}

/// A complaint that does not end the command.
pub fn complain(name: &str, error: &Error) {
    // Nothing is left to tell it to when standard error is closed.
    let _ = writeln!(std::io::stderr(), "{name}: {error}");
}
