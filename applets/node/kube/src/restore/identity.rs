//! The identity that opens a backup: from a file that nobody else can read, or from a person at a
//! terminal, who does not see it.

use std::fs;
use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use kit::{Context, Error, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

use crate::age::{Identity, identities};

/// The permissions of group and others.
const OTHERS: u32 = 0o077;
/// The longest file that is taken for one of identities, in bytes.
const LONGEST: u64 = 64 << 10;
/// The longest line, in bytes: what a terminal takes.
const LINE: usize = 4096;
/// Character of Ctrl-C.
const INTERRUPT: u8 = 3;
/// Seconds between two looks whether an answer is still wanted.
const LOOK: i64 = 1;

/// The identities in a file.
pub fn read(path: &Path) -> Result<Vec<Identity>> {
    let about = fs::metadata(path).on("read", path)?;
    if about.mode() & OTHERS != 0 {
        let (mode, path) = (about.mode() & 0o777, path.display());
        return Err(Error::new(format!("{path} has mode {mode:04o}, but an identity is for nobody else: chmod 0600 {path}")));
    }
    if about.len() > LONGEST {
        return Err(Error::new(format!("{} is too long for a file of identities", path.display())));
    }
    identities(&fs::read_to_string(path).on("read", path)?).on("read", path)
}

/// Ask the person at the terminal; none for an empty line, or when the answer is wanted no more.
pub fn ask(question: &str, wanted: &dyn Fn() -> bool) -> Result<Option<Vec<Identity>>> {
    if !io::stdin().is_terminal() {
        return Err(Error::usage("give a file with the identity: --identity FILE; without one a terminal is needed to ask"));
    }
    loop {
        let mut out = io::stderr();
        write!(out, "{question}").and_then(|()| out.flush()).doing("ask for the identity")?;
        let Some(line) = Silent::line(wanted)? else { return Ok(None) };
        writeln!(out).doing("ask for the identity")?;
        match line.trim() {
            "" => return Ok(None),
            text => match identities(text) {
                Ok(found) => return Ok(Some(found)),
                Err(_) => writeln!(out, "that is no identity: AGE-SECRET-KEY-1 and 58 letters and digits").doing("ask")?,
            },
        }
    }
}

/// A terminal that does not show what is typed, until this is dropped.
struct Silent(Termios);

impl Silent {
    /// A line from it; none at its end, or when nobody wants it any more.
    fn line(wanted: &dyn Fn() -> bool) -> Result<Option<String>> {
        let silent = Self::new()?;
        let look = Timespec { tv_sec: LOOK, tv_nsec: 0 };
        let stdin = io::stdin();
        loop {
            let mut watched = [PollFd::new(&stdin, PollFlags::IN)];
            match poll(&mut watched, Some(&look)) {
                Ok(0) if !wanted() => return Ok(None),
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => break,
                Err(e) => return Err(e).doing("wait for the identity"),
            }
        }
        // A terminal hands a line over at once, in whatever way it ends.
        let mut line = vec![0; LINE];
        let length = stdin.lock().read(&mut line).doing("read the identity")?;
        drop(silent);
        line.truncate(length);
        let line = String::from_utf8_lossy(&line).into_owned();
        Ok((length > 0 && !line.contains(char::from(INTERRUPT))).then_some(line))
    }

    fn new() -> Result<Self> {
        let old = tcgetattr(io::stdin()).doing("set the terminal up")?;
        let mut modes = old.clone();
        // Ctrl-C ends the line: a signal would end this process, and leave a terminal without echo.
        modes.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        modes.special_codes[SpecialCodeIndex::VEOL] = INTERRUPT;
        // The line's end is shown by us; what was typed ahead was not meant for this.
        tcsetattr(io::stdin(), OptionalActions::Flush, &modes).doing("set the terminal up")?;
        Ok(Self(old))
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        // A terminal that has gone needs no echo.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn an_identity_that_others_can_read_is_refused() {
        let path = std::env::temp_dir().join(format!("kutties-identity-{}", std::process::id()));
        let text = "# mine\nAGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX\n";
        fs::write(&path, text).unwrap();
        for (mode, good) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let why = read(&path).map(|_| ()).err().map(|e| e.to_string()).unwrap_or_default();
            assert_eq!(why.is_empty(), good, "{mode:o}: {why}");
            assert!(!why.contains("SECRET"));
        }
        fs::remove_file(path).unwrap();
    }
}
