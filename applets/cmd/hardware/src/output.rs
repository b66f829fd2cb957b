//! Standard output of the crate's commands.

use std::io::Write;

use kit::{Context, Result, out};

/// Writes lines.
pub fn show<S: AsRef<str>>(lines: &[S]) -> Result<()> {
    let mut out = out();
    for line in lines {
        writeln!(out, "{}", line.as_ref()).doing("write standard output")?;
    }
    out.flush().doing("write standard output")
}
