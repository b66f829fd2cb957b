//! `test` and `[`.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use super::Call;
use crate::ast::Bytes;
use crate::shell::{Done, Shell, shown};

/// Answer to a test.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// Yes or no.
    Is(bool),
    /// The test makes no sense.
    Wrong(String),
}

/// `test EXPRESSION`
pub fn test(shell: &mut Shell, call: &Call) -> Done {
    Ok(evaluate(shell, call.name(), call.args()))
}

/// `[ EXPRESSION ]`
pub fn bracket(shell: &mut Shell, call: &Call) -> Done {
    match call.args().split_last() {
        Some((last, args)) if last == b"]" => Ok(evaluate(shell, b"[", args)),
        _ => {
            shell.complain(Some(b"["), "missing ]");
            Ok(2)
        }
    }
}

fn evaluate(shell: &mut Shell, name: &[u8], args: &[Bytes]) -> i32 {
    let mut reader = Reader { shell, args, at: 0, depth: 0 };
    match reader.by_count() {
        Ok(found) => i32::from(!found),
        Err(message) => {
            shell.complain(Some(name), message);
            2
        }
    }
}

/// Operators between two operands.
const BINARY: &[&[u8]] =
    &[b"=", b"==", b"!=", b"<", b">", b"-eq", b"-ne", b"-lt", b"-le", b"-gt", b"-ge", b"-nt", b"-ot", b"-ef", b"=~"];

struct Reader<'a> {
    shell: &'a mut Shell,
    args: &'a [Bytes],
    at: usize,
    depth: u32,
}

impl Reader<'_> {
    fn word(&self, ahead: usize) -> Option<&[u8]> {
        self.args.get(self.at + ahead).map(Vec::as_slice)
    }

    /// POSIX decides by the number of arguments up to four.
    fn by_count(&mut self) -> Result<bool, String> {
        match self.args {
            [] => Ok(false),
            [one] => Ok(!one.is_empty()),
            [not, one] if not == b"!" => Ok(one.is_empty()),
            [left, op, right] if BINARY.contains(&op.as_slice()) => two(left, op, right),
            [left, op, right] if op == b"-a" => Ok(!left.is_empty() && !right.is_empty()),
            [left, op, right] if op == b"-o" => Ok(!left.is_empty() || !right.is_empty()),
            [open, one, close] if open == b"(" && close == b")" => Ok(!one.is_empty()),
            [not, rest @ ..] if not == b"!" && rest.len() < 4 => {
                let mut inner = Reader { shell: self.shell, args: rest, at: 0, depth: self.depth };
                inner.by_count().map(|found| !found)
            }
            _ => {
                let found = self.or()?;
                match self.word(0) {
                    None => Ok(found),
                    Some(word) => Err(format!("{}: unexpected operator", shown(word))),
                }
            }
        }
    }

    fn or(&mut self) -> Result<bool, String> {
        let mut found = self.and()?;
        while self.word(0) == Some(b"-o") {
            self.at += 1;
            found |= self.and()?;
        }
        Ok(found)
    }

    fn and(&mut self) -> Result<bool, String> {
        let mut found = self.one()?;
        while self.word(0) == Some(b"-a") {
            self.at += 1;
            found &= self.one()?;
        }
        Ok(found)
    }

    fn one(&mut self) -> Result<bool, String> {
        self.depth += 1;
        if self.depth > 200 {
            return Err("too deep".into());
        }
        let found = self.one_inside();
        self.depth -= 1;
        found
    }

    fn one_inside(&mut self) -> Result<bool, String> {
        let Some(first) = self.args.get(self.at) else { return Err("argument expected".into()) };
        if let (Some(op), Some(right)) = (self.args.get(self.at + 1), self.args.get(self.at + 2))
            && BINARY.contains(&op.as_slice())
        {
            self.at += 3;
            return two(first, op, right);
        }
        match first.as_slice() {
            b"!" => {
                self.at += 1;
                Ok(!self.one()?)
            }
            b"(" if self.at + 1 < self.args.len() => {
                self.at += 1;
                let found = self.or()?;
                if self.word(0) != Some(b")") {
                    return Err("closing paren expected".into());
                }
                self.at += 1;
                Ok(found)
            }
            [b'-', letter] if is_unary(*letter) && self.at + 1 < self.args.len() => {
                let operand = &self.args[self.at + 1];
                self.at += 2;
                match unary(self.shell, first, operand) {
                    Answer::Is(found) => Ok(found),
                    Answer::Wrong(message) => Err(message),
                }
            }
            word => {
                self.at += 1;
                Ok(!word.is_empty())
            }
        }
    }
}

fn two(left: &[u8], op: &[u8], right: &[u8]) -> Result<bool, String> {
    match binary(left, op, right) {
        Answer::Is(found) => Ok(found),
        Answer::Wrong(message) => Err(message),
    }
}

fn is_unary(letter: u8) -> bool {
    b"abcdefghknoprstuvwxzGLNORS".contains(&letter)
}

/// Result of a comparison of numbers.
pub fn compare(op: &[u8], left: i64, right: i64) -> bool {
    match op {
        b"-eq" => left == right,
        b"-ne" => left != right,
        b"-lt" => left < right,
        b"-le" => left <= right,
        b"-gt" => left > right,
        _ => left >= right,
    }
}

/// Test of two operands.
pub fn binary(left: &[u8], op: &[u8], right: &[u8]) -> Answer {
    Answer::Is(match op {
        b"=" | b"==" => left == right,
        b"!=" => left != right,
        b"<" => left < right,
        b">" => left > right,
        b"-nt" => newer(left, right),
        b"-ot" => newer(right, left),
        b"-ef" => match (found(left, true), found(right, true)) {
            (Some(a), Some(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
            _ => false,
        },
        b"-eq" | b"-ne" | b"-lt" | b"-le" | b"-gt" | b"-ge" => match (number(left), number(right)) {
            (Some(left), Some(right)) => compare(op, left, right),
            (None, _) => return Answer::Wrong(format!("{}: bad number", shown(left))),
            (_, None) => return Answer::Wrong(format!("{}: bad number", shown(right))),
        },
        _ => return Answer::Wrong(format!("{}: unknown operand", shown(op))),
    })
}

fn number(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text.trim_ascii()).ok()?.parse().ok()
}

fn found(name: &[u8], follow: bool) -> Option<Metadata> {
    let name = OsStr::from_bytes(name);
    if follow { fs::metadata(name) } else { fs::symlink_metadata(name) }.ok()
}

fn newer(left: &[u8], right: &[u8]) -> bool {
    match (found(left, true), found(right, true)) {
        (Some(a), Some(b)) => (a.mtime(), a.mtime_nsec()) > (b.mtime(), b.mtime_nsec()),
        (Some(_), None) => true,
        _ => false,
    }
}

/// Test of one operand.
pub fn unary(shell: &mut Shell, op: &[u8], text: &[u8]) -> Answer {
    use rustix::fs::Access;
    let file = |test: fn(&Metadata) -> bool| found(text, true).is_some_and(|found| test(&found));
    let access = |mode: Access| {
        !text.is_empty()
            && rustix::fs::accessat(rustix::fs::CWD, OsStr::from_bytes(text), mode, rustix::fs::AtFlags::EACCESS).is_ok()
    };
    Answer::Is(match op.get(1) {
        Some(b'n') => !text.is_empty(),
        Some(b'z') => text.is_empty(),
        Some(b'a' | b'e') => file(|_| true),
        Some(b'b') => file(|f| f.file_type().is_block_device()),
        Some(b'c') => file(|f| f.file_type().is_char_device()),
        Some(b'd') => file(Metadata::is_dir),
        Some(b'f') => file(Metadata::is_file),
        Some(b'p') => file(|f| f.file_type().is_fifo()),
        Some(b'S') => file(|f| f.file_type().is_socket()),
        Some(b'h' | b'L') => found(text, false).is_some_and(|f| f.file_type().is_symlink()),
        Some(b'g') => file(|f| f.mode() & 0o2000 != 0),
        Some(b'u') => file(|f| f.mode() & 0o4000 != 0),
        Some(b'k') => file(|f| f.mode() & 0o1000 != 0),
        Some(b's') => file(|f| f.len() > 0),
        Some(b'r') => access(Access::READ_OK),
        Some(b'w') => access(Access::WRITE_OK),
        Some(b'x') => access(Access::EXEC_OK),
        Some(b'O') => file(|f| f.uid() == rustix::process::geteuid().as_raw()),
        Some(b'G') => file(|f| f.gid() == rustix::process::getegid().as_raw()),
        Some(b'N') => file(|f| f.mtime() > f.atime()),
        Some(b't') => match number(text).and_then(|number| i32::try_from(number).ok()) {
            Some(number) => sys::descriptor::is_terminal(number),
            None => return Answer::Wrong(format!("{}: bad number", shown(text))),
        },
        Some(b'o') => {
            let all = shell.set.all();
            all.iter().any(|(name, on)| *on && name.as_bytes() == text)
        }
        Some(b'v') => return is_set(shell, text),
        Some(b'R') => shell.vars.get(text).is_some_and(|var| var.nameref),
        _ => return Answer::Wrong(format!("{}: unknown operand", shown(op))),
    })
}

fn is_set(shell: &mut Shell, name: &[u8]) -> Answer {
    use crate::ast::Index;
    use crate::vars::lookup::{Got, split_subscript};
    let got = match split_subscript(name) {
        Some((name, b"@" | b"*")) => return Answer::Is(!shell.elements(name).is_empty()),
        Some((name, index)) => {
            let word = shell.parse_word(index);
            shell.element(name, &Index::At(word))
        }
        None => shell.param_value(name),
    };
    Answer::Is(got.is_ok_and(|got| got != Got::Unset))
}
