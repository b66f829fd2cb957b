//! Redirections: descriptors opened, copied, and put back.

use std::ffi::CString;
use std::io;

use crate::ast::{Bytes, From, Redirect, RedirectKind, Word};
use crate::shell::{Flow, Shell, cause, shown};
use sys::descriptor;

/// Lowest number of the copies that the shell keeps for itself.
const OWN: i32 = 10;
/// From here on are those of coprocesses and process substitutions, which scripts may use.
const SCRIPTS: i32 = 60;

/// Descriptors as they were before redirections.
#[derive(Debug, Default)]
pub struct Saved {
    /// Number, and a copy of what it was; none when it was closed.
    before: Vec<(i32, Option<i32>)>,
}

/// Reason why a redirection was not made.
pub enum Failed {
    /// It was said.
    Said,
    /// Way out of the command.
    Out(Flow),
}

impl std::convert::From<Flow> for Failed {
    fn from(flow: Flow) -> Self {
        Self::Out(flow)
    }
}

impl Shell {
    /// Makes redirections; what they replace is kept in `saved`, where there is one.
    pub fn redirect(&mut self, redirects: &[Redirect], mut saved: Option<&mut Saved>) -> Result<(), Failed> {
        for redirect in redirects {
            self.redirect_one(redirect, &mut saved)?;
        }
        Ok(())
    }

    /// Name of a file in a redirection.
    pub fn redirect_name(&mut self, word: &Word) -> Result<Bytes, Flow> {
        if !self.bash && !self.interactive {
            return self.expand_text(word);
        }
        let mut names = Vec::new();
        self.expand_word(word, &mut names)?;
        if let (1, Some(name)) = (names.len(), names.pop()) {
            Ok(name)
        } else {
            let text = self.expand_text(word)?;
            self.fail(format!("{}: ambiguous redirect", shown(&text)))
        }
    }

    fn redirect_one(&mut self, redirect: &Redirect, saved: &mut Option<&mut Saved>) -> Result<(), Failed> {
        let usual = match redirect.kind {
            RedirectKind::Read
            | RedirectKind::ReadWrite
            | RedirectKind::CopyIn
            | RedirectKind::Document
            | RedirectKind::String => 0,
            _ => 1,
        };
        let number = match &redirect.from {
            From::Usual => usual,
            From::Number(number) => *number,
            From::Name(name) => return self.redirect_named(name, redirect),
        };
        match redirect.kind {
            RedirectKind::CopyIn | RedirectKind::CopyOut => self.copy(redirect, number, usual, saved),
            RedirectKind::Both | RedirectKind::BothAppend => {
                let name = self.redirect_name(&redirect.word)?;
                self.both(&name, redirect.kind, saved)
            }
            _ => {
                let opened = self.open_redirect(redirect)?;
                self.install(opened, number, saved)
            }
        }
    }

    /// `{name}>file`: a free number whose name the variable gets.
    fn redirect_named(&mut self, name: &[u8], redirect: &Redirect) -> Result<(), Failed> {
        let closes = matches!(redirect.kind, RedirectKind::CopyIn | RedirectKind::CopyOut);
        if closes && redirect.word.literal() == Some(b"-") {
            let number = self.var(name).and_then(|text| crate::arith::decimal(&text));
            if let Some(number) = number.and_then(|number| i32::try_from(number).ok()) {
                descriptor::close(number);
            }
            return Ok(());
        }
        let opened = if closes {
            let text = self.expand_text(&redirect.word)?;
            self.number_of(&text)?
        } else {
            self.open_redirect(redirect)?
        };
        let number = descriptor::copy_above(opened, OWN).map_err(|e| self.said(name, &e))?;
        if !closes {
            descriptor::close(opened);
        }
        descriptor::set_close_on_exec(number, false);
        Ok(self.set_var(name, number.to_string())?)
    }

    fn said(&self, name: &[u8], e: &io::Error) -> Failed {
        self.complain(None, format!("{}: {}", shown(name), cause(e)));
        Failed::Said
    }

    /// `2>&1`, `3<&-`, `4>&3-`.
    fn copy(&mut self, redirect: &Redirect, number: i32, usual: i32, saved: &mut Option<&mut Saved>) -> Result<(), Failed> {
        let text = self.redirect_name(&redirect.word)?;
        if text == b"-" {
            save(number, saved);
            descriptor::close(number);
            return Ok(());
        }
        let all_digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
        if !all_digits && !text.ends_with(b"-") && usual == 1 && redirect.from == From::Usual {
            return self.both(&text, RedirectKind::Both, saved);
        }
        let (digits, moves) = match text.strip_suffix(b"-") {
            Some(digits) => (digits, true),
            None => (text.as_slice(), false),
        };
        let from = self.number_of(digits)?;
        // A descriptor that the shell keeps for itself is closed for scripts.
        let hidden = saved.as_ref().is_some_and(|saved| saved.holds(from))
            || (OWN..SCRIPTS).contains(&from) && descriptor::closes_on_exec(from);
        if hidden {
            return Err(self.bad_number(digits));
        }
        if from == number {
            if !descriptor::is_open(from) {
                return Err(self.bad_number(digits));
            }
            descriptor::set_close_on_exec(from, false);
            return Ok(());
        }
        if !descriptor::is_open(from) {
            return Err(self.bad_number(digits));
        }
        save(number, saved);
        descriptor::copy_to(from, number).map_err(|_| self.bad_number(digits))?;
        if moves {
            save(from, saved);
            descriptor::close(from);
        }
        Ok(())
    }

    fn bad_number(&self, digits: &[u8]) -> Failed {
        self.complain(None, format!("{}: Bad file descriptor", shown(digits)));
        Failed::Said
    }

    fn number_of(&self, digits: &[u8]) -> Result<i32, Failed> {
        let number = std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok());
        number.ok_or_else(|| {
            self.complain(None, format!("{}: ambiguous redirect", shown(digits)));
            Failed::Said
        })
    }

    /// `&>file`.
    fn both(&mut self, name: &[u8], kind: RedirectKind, saved: &mut Option<&mut Saved>) -> Result<(), Failed> {
        let kind = match kind {
            RedirectKind::BothAppend => RedirectKind::Append,
            _ => RedirectKind::Write,
        };
        let opened = self.open_file(name, kind)?;
        self.install(opened, 1, saved)?;
        save(2, saved);
        descriptor::copy_to(1, 2).map_err(|e| self.said(name, &e))
    }

    /// Puts an opened file at its number.
    fn install(&mut self, opened: i32, number: i32, saved: &mut Option<&mut Saved>) -> Result<(), Failed> {
        if opened == number {
            // The number was closed before.
            if let Some(saved) = saved {
                saved.before.push((number, None));
            }
            descriptor::set_close_on_exec(number, false);
            return Ok(());
        }
        save(number, saved);
        let done = descriptor::copy_to(opened, number);
        descriptor::close(opened);
        done.map_err(|e| self.said(number.to_string().as_bytes(), &e))
    }

    fn open_redirect(&mut self, redirect: &Redirect) -> Result<i32, Failed> {
        match redirect.kind {
            RedirectKind::Document => {
                let text = match redirect.document.as_ref().and_then(|document| document.get()) {
                    Some(word) => self.document(&word.clone())?,
                    None => Bytes::new(),
                };
                self.in_memory(&text)
            }
            RedirectKind::String => {
                let mut text = self.expand_text(&redirect.word)?;
                text.push(b'\n');
                self.in_memory(&text)
            }
            kind => {
                let name = self.redirect_name(&redirect.word)?;
                self.open_file(&name, kind)
            }
        }
    }

    fn document(&mut self, word: &Word) -> Result<Bytes, Flow> {
        self.arith_word(word)
    }

    /// Descriptor to read a text from.
    fn in_memory(&mut self, text: &[u8]) -> Result<i32, Failed> {
        let made = (|| {
            let file = rustix::fs::memfd_create(c"document", rustix::fs::MemfdFlags::CLOEXEC)?;
            let number = descriptor::give(file);
            descriptor::write_all(number, text)?;
            descriptor::seek_by(number, -(text.len() as i64))?;
            Ok(number)
        })();
        made.map_err(|e: io::Error| self.said(b"here-document", &e))
    }

    fn open_file(&mut self, name: &[u8], kind: RedirectKind) -> Result<i32, Failed> {
        let flags = match kind {
            RedirectKind::Read => libc_flags::READ,
            RedirectKind::ReadWrite => libc_flags::READ_WRITE,
            RedirectKind::Append => libc_flags::APPEND,
            _ => libc_flags::WRITE,
        };
        let opened = match kind {
            RedirectKind::Write if self.set.noclobber => open_new(name),
            _ => open(name, flags),
        };
        opened.map_err(|e| {
            if kind == RedirectKind::Read {
                self.complain_open(name, &e);
            } else {
                self.complain_create(name, &e);
            }
            Failed::Said
        })
    }

    /// Says that a file can't be read.
    pub fn complain_open(&self, name: &[u8], e: &io::Error) {
        let text = match e.kind() {
            io::ErrorKind::NotFound if !self.bash => format!("can't open {}: no such file", shown(name)),
            _ if !self.bash => format!("can't open {}: {}", shown(name), cause(e)),
            _ => format!("{}: {}", shown(name), cause(e)),
        };
        self.complain(None, text);
    }

    fn complain_create(&self, name: &[u8], e: &io::Error) {
        let text = match e.kind() {
            io::ErrorKind::AlreadyExists if self.bash => {
                format!("{}: cannot overwrite existing file", shown(name))
            }
            io::ErrorKind::NotFound if !self.bash => {
                format!("can't create {}: nonexistent directory", shown(name))
            }
            _ if !self.bash => format!("can't create {}: {}", shown(name), cause(e)),
            _ => format!("{}: {}", shown(name), cause(e)),
        };
        self.complain(None, text);
    }
}

impl Saved {
    /// Puts descriptors back.
    pub fn restore(self) {
        for (number, before) in self.before.into_iter().rev() {
            match before {
                Some(copy) => {
                    // It was open a moment ago.
                    let _ = descriptor::copy_to(copy, number);
                    descriptor::close(copy);
                }
                None => descriptor::close(number),
            }
        }
    }

    /// Leaves redirections in force: `exec 3>file`.
    pub fn drop_copies(self) {
        for copy in self.before.into_iter().filter_map(|(_, copy)| copy) {
            descriptor::close(copy);
        }
    }

    /// True when a number is one of the copies.
    fn holds(&self, number: i32) -> bool {
        self.before.iter().any(|(_, copy)| *copy == Some(number))
    }
}

/// Numbers of open(2).
mod libc_flags {
    use rustix::fs::OFlags;

    pub const READ: i32 = OFlags::RDONLY.bits() as i32;
    pub const READ_WRITE: i32 = OFlags::RDWR.bits() as i32 | OFlags::CREATE.bits() as i32;
    pub const APPEND: i32 = WRITING | OFlags::APPEND.bits() as i32;
    pub const WRITE: i32 = WRITING | OFlags::TRUNC.bits() as i32;
    pub const NEW: i32 = WRITING | OFlags::EXCL.bits() as i32;
    pub const WRITING: i32 = OFlags::WRONLY.bits() as i32 | OFlags::CREATE.bits() as i32;
    pub const WRITE_OLD: i32 = OFlags::WRONLY.bits() as i32;
}

/// Keeps a copy of what a number is now.
fn save(number: i32, saved: &mut Option<&mut Saved>) {
    if let Some(saved) = saved {
        let copy = descriptor::copy_above(number, OWN).ok();
        saved.before.push((number, copy));
    }
}

/// Opens a file by its name.
pub fn open(name: &[u8], flags: i32) -> io::Result<i32> {
    let path = CString::new(name).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    loop {
        match descriptor::open(&path, flags, 0o666) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// Opens a file to read it.
pub fn open_to_read(name: &[u8]) -> io::Result<i32> {
    open(name, libc_flags::READ)
}

/// `set -C`: a file must be new; devices and pipes may be old.
fn open_new(name: &[u8]) -> io::Result<i32> {
    match open(name, libc_flags::NEW) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            let old = open(name, libc_flags::WRITE_OLD)?;
            let regular = descriptor::mode(old).is_ok_and(|mode| mode & 0o170_000 == 0o100_000);
            if regular {
                descriptor::close(old);
                return Err(e);
            }
            Ok(old)
        }
        done => done,
    }
}
