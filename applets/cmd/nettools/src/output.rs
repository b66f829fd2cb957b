//! Standard output of the commands.

use std::io::Write;

use kit::{Context, Result, out};

/// Write a text.
pub fn say(text: &str) -> Result<()> {
    let mut out = out();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).doing("write standard output")
}
