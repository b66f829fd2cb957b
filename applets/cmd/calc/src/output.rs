//! Standard output of a calculator: long lines are continued behind a backslash.

use std::io::{BufWriter, StdoutLock, Write};

use kit::{Context, Result, out};

/// Length of a line, unless the environment says another one; 0 is no limit.
const LINE_LENGTH: usize = 70;

/// Writer that counts columns.
pub struct Output {
    out: BufWriter<StdoutLock<'static>>,
    column: usize,
    length: usize,
}

impl Output {
    /// `variable` names the environment's variable with the length of a line; `end` is what the backslash and, in bc, the newline
    /// take of it.
    pub fn new(variable: &str, end: usize) -> Self {
        let length = std::env::var(variable).ok().and_then(|text| text.parse().ok());
        let length = length.filter(|length| *length == 0 || *length > end + 1).unwrap_or(LINE_LENGTH);
        let length = length.saturating_sub(end);
        Self { out: out(), column: 0, length }
    }

    /// Writes digits, which may be continued on the next line.
    ///
    /// # Errors
    /// Standard output can't be written.
    pub fn number(&mut self, text: &str) -> Result<()> {
        for c in text.bytes() {
            if self.length > 0 && self.column >= self.length {
                self.out.write_all(b"\\\n").doing("write standard output")?;
                self.column = 0;
            }
            self.column += 1;
            self.out.write_all(&[c]).doing("write standard output")?;
        }
        Ok(())
    }

    /// Writes a text as it is.
    ///
    /// # Errors
    /// As [`Self::number`].
    pub fn text(&mut self, text: &[u8]) -> Result<()> {
        match text.iter().rposition(|c| *c == b'\n') {
            Some(at) => self.column = text.len() - at - 1,
            None => self.column += text.len(),
        }
        self.out.write_all(text).doing("write standard output")
    }

    /// Ends the line.
    ///
    /// # Errors
    /// As [`Self::number`].
    pub fn newline(&mut self) -> Result<()> {
        self.text(b"\n")
    }

    /// Hands everything on.
    ///
    /// # Errors
    /// As [`Self::number`].
    pub fn flush(&mut self) -> Result<()> {
        self.out.flush().doing("write standard output")
    }
}
