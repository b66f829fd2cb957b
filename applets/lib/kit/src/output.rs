//! Standard output and standard error of commands.

use std::io::{self, BufWriter, StdoutLock, Write};

use crate::{Context, Error, Result};

/// Standard output of a command, locked and buffered. Flush it before returning: a failed flush is a failed command.
/// From here on a reader that goes away (`ps | head`) ends the process silently: never call it in a server.
pub fn out() -> BufWriter<StdoutLock<'static>> {
    sys::sigpipe::end_on_closed_pipe();
    BufWriter::new(io::stdout().lock())
}

/// Write a text to standard output, whole. As [`out`], for commands alone.
///
/// # Errors
/// Standard output can't be written.
pub fn print(text: &str) -> Result<()> {
    print_bytes(text.as_bytes())
}

/// The same with any bytes.
///
/// # Errors
/// As [`print`].
pub fn print_bytes(bytes: &[u8]) -> Result<()> {
    let mut out = out();
    out.write_all(bytes).and_then(|()| out.flush()).doing("write standard output")
}

/// Report an error on standard error, as `NAME: ERROR`, and go on.
pub fn warn(name: &str, error: &Error) {
    // A closed standard error loses the message; the exit status still reports the failure.
    let _ = writeln!(io::stderr(), "{name}: {error}");
}
