//! An expression and its value for a file. Actions are tests too: they do something and say whether it worked.

use std::ffi::{OsStr, OsString};
use std::fs::{self, FileType};
use std::io::{BufRead, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use kit::{Context, Result, account, glob};

use super::{File, Walk, printf};
use pattern::Pattern;

/// Bytes of paths that `-exec … +` gathers for one call: half of what the kernel takes on any system.
const GATHERED: usize = 64 * 1024;

/// A tree of tests and actions.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a tree has a handful of them")]
pub(crate) enum Expression {
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
    /// Both, and the value of the second.
    List(Box<Expression>, Box<Expression>),
    Not(Box<Expression>),
    Constant(bool),
    Name {
        glob: Vec<u8>,
        any_case: bool,
    },
    Path {
        glob: Vec<u8>,
        any_case: bool,
    },
    Pattern(Pattern),
    Type(Vec<char>),
    Number(Field, Compare),
    /// Units of so many bytes, rounded up.
    Size(u64, Compare),
    /// Whole units of so many seconds ago.
    Age(Time, i64, Compare),
    Newer(i64, i64),
    Empty,
    Permissions(Permissions),
    NoUser,
    NoGroup,
    Access(rustix::fs::Access),
    SameFile(u64, u64),
    Print {
        end: u8,
    },
    Printf(Vec<printf::Piece>),
    Exec {
        words: Vec<OsString>,
        in_folder: bool,
        asks: bool,
    },
    ExecMany {
        words: Vec<OsString>,
        gathered: Vec<PathBuf>,
    },
    Delete,
    Prune,
    Quit,
}

/// A number of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Field {
    User,
    Group,
    Links,
    Inode,
}

/// A time of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Time {
    Access,
    Change,
    Modification,
}

/// `5`, `+5`, `-5`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Compare {
    Exactly(i64),
    More(i64),
    Less(i64),
}

impl Compare {
    fn holds(self, number: i64) -> bool {
        match self {
            Self::Exactly(n) => number == n,
            Self::More(n) => number > n,
            Self::Less(n) => number < n,
        }
    }
}

/// `644`, `-644` (all of them), `/644` (any of them).
#[derive(Debug, Clone, Copy)]
pub(crate) enum Permissions {
    Exactly(u32),
    All(u32),
    Any(u32),
}

impl Expression {
    /// Whether the tree does anything by itself; without that the files are printed.
    pub fn acts(&self) -> bool {
        match self {
            Self::And(a, b) | Self::Or(a, b) | Self::List(a, b) => a.acts() || b.acts(),
            Self::Not(e) => e.acts(),
            Self::Print { .. } | Self::Printf(_) | Self::Exec { .. } | Self::ExecMany { .. } | Self::Delete | Self::Quit => true,
            _ => false,
        }
    }

    /// Whether it deletes, which goes with walking folders last.
    pub fn deletes(&self) -> bool {
        match self {
            Self::And(a, b) | Self::Or(a, b) | Self::List(a, b) => a.deletes() || b.deletes(),
            Self::Not(e) => e.deletes(),
            other => matches!(other, Self::Delete),
        }
    }

    /// The value for a file. Only what ends the walk is an error.
    pub fn evaluate(&mut self, file: &File, walk: &mut Walk) -> Result<bool> {
        Ok(match self {
            Self::And(a, b) => a.evaluate(file, walk)? && b.evaluate(file, walk)?,
            Self::Or(a, b) => a.evaluate(file, walk)? || b.evaluate(file, walk)?,
            Self::List(a, b) => {
                a.evaluate(file, walk)?;
                b.evaluate(file, walk)?
            }
            Self::Not(e) => !e.evaluate(file, walk)?,
            Self::Print { end } => {
                let mut write = || {
                    walk.out.write_all(file.path.as_os_str().as_bytes())?;
                    walk.out.write_all(&[*end])
                };
                write().doing("write standard output")?;
                true
            }
            Self::Printf(pieces) => {
                walk.out.write_all(&printf::format(pieces, file)).doing("write standard output")?;
                true
            }
            Self::Exec { words, in_folder, asks } => call(words, *in_folder, *asks, file, walk)?,
            Self::ExecMany { words, gathered } => {
                gathered.push(file.path.to_owned());
                if gathered.iter().map(|p| p.as_os_str().len() + 1).sum::<usize>() > GATHERED {
                    call_many(words, gathered, walk)?;
                }
                true
            }
            Self::Delete => delete(file, walk),
            Self::Pattern(pattern) => pattern.is_match(file.path.as_os_str().as_bytes())?,
            Self::Prune => {
                walk.prune = true;
                true
            }
            Self::Quit => {
                walk.quit = true;
                true
            }
            test => test.holds(file),
        })
    }

    /// Calls that are still to be made.
    pub fn finish(&mut self, walk: &mut Walk) -> Result<()> {
        match self {
            Self::And(a, b) | Self::Or(a, b) | Self::List(a, b) => {
                a.finish(walk)?;
                b.finish(walk)
            }
            Self::Not(e) => e.finish(walk),
            Self::ExecMany { words, gathered } if !gathered.is_empty() => call_many(words, gathered, walk),
            _ => Ok(()),
        }
    }

    /// A test's value.
    fn holds(&self, file: &File) -> bool {
        let meta = file.meta;
        match self {
            Self::Constant(value) => *value,
            Self::Name { glob, any_case } => fits(glob, name(file.path).as_bytes(), *any_case),
            Self::Path { glob, any_case } => fits(glob, file.path.as_os_str().as_bytes(), *any_case),
            Self::Type(letters) => letters.contains(&letter(meta.file_type())),
            Self::Number(field, compare) => compare.holds(match field {
                Field::User => meta.uid().into(),
                Field::Group => meta.gid().into(),
                Field::Links => meta.nlink().cast_signed(),
                Field::Inode => meta.ino().cast_signed(),
            }),
            Self::Size(unit, compare) => compare.holds(meta.len().div_ceil(*unit).cast_signed()),
            Self::Age(time, unit, compare) => {
                let then = match time {
                    Time::Access => meta.atime(),
                    Time::Change => meta.ctime(),
                    Time::Modification => meta.mtime(),
                };
                let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
                compare.holds((now.as_secs().cast_signed() - then).div_euclid(*unit))
            }
            Self::Newer(seconds, nanos) => (meta.mtime(), meta.mtime_nsec()) > (*seconds, *nanos),
            Self::Empty if meta.is_dir() => fs::read_dir(file.path).is_ok_and(|mut d| d.next().is_none()),
            Self::Empty => meta.is_file() && meta.len() == 0,
            Self::Permissions(wanted) => match *wanted {
                Permissions::Exactly(bits) => meta.mode() & 0o7777 == bits,
                Permissions::All(bits) => meta.mode() & bits == bits,
                Permissions::Any(bits) => bits == 0 || meta.mode() & bits != 0,
            },
            Self::NoUser => account::user_name(meta.uid()).parse::<u32>().is_ok(),
            Self::NoGroup => account::group_name(meta.gid()).parse::<u32>().is_ok(),
            Self::Access(access) => rustix::fs::access(file.path, *access).is_ok(),
            Self::SameFile(device, inode) => (meta.dev(), meta.ino()) == (*device, *inode),
            _ => false,
        }
    }
}

fn fits(pattern: &[u8], text: &[u8], any_case: bool) -> bool {
    if any_case { glob::matches_any_case(pattern, text) } else { glob::matches(pattern, text) }
}

/// The last part of a path; of `.` and `/` they themselves.
pub(crate) fn name(path: &Path) -> &OsStr {
    path.file_name().unwrap_or(path.as_os_str())
}

/// The letter of `-type`.
pub(crate) fn letter(kind: FileType) -> char {
    match kind {
        k if k.is_dir() => 'd',
        k if k.is_symlink() => 'l',
        k if k.is_block_device() => 'b',
        k if k.is_char_device() => 'c',
        k if k.is_fifo() => 'p',
        k if k.is_socket() => 's',
        _ => 'f',
    }
}

/// Run a program for one file; whether it ended with 0.
fn call(words: &[OsString], in_folder: bool, asks: bool, file: &File, walk: &mut Walk) -> Result<bool> {
    let folder = file.path.parent().filter(|p| !p.as_os_str().is_empty());
    let shown: OsString =
        if in_folder { [OsStr::new("./"), name(file.path)].iter().copied().collect() } else { file.path.into() };
    let words: Vec<OsString> = words.iter().map(|w| put(w, &shown)).collect();
    if asks && !agreed(&words)? {
        return Ok(false);
    }
    walk.out.flush().doing("write standard output")?;
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    if let (true, Some(folder)) = (in_folder, folder) {
        command.current_dir(folder);
    }
    match command.status() {
        Ok(status) => Ok(status.success()),
        Err(e) => {
            walk.complain(Err::<(), _>(e).on("run", &words[0]));
            Ok(false)
        }
    }
}

/// The path in place of each `{}`.
fn put(word: &OsStr, path: &OsStr) -> OsString {
    let mut bytes = Vec::new();
    let mut rest = word.as_bytes();
    while let Some(at) = rest.windows(2).position(|w| w == b"{}") {
        bytes.extend_from_slice(&rest[..at]);
        bytes.extend_from_slice(path.as_bytes());
        rest = &rest[at + 2..];
    }
    bytes.extend_from_slice(rest);
    OsString::from_vec(bytes)
}

fn agreed(words: &[OsString]) -> Result<bool> {
    let mut ask = std::io::stderr();
    write!(ask, "< {} >? ", words.join(OsStr::new(" ")).display()).and_then(|()| ask.flush()).doing("ask")?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).doing("read the answer")?;
    Ok(answer.starts_with(['y', 'Y']))
}

fn call_many(words: &[OsString], gathered: &mut Vec<PathBuf>, walk: &mut Walk) -> Result<()> {
    walk.out.flush().doing("write standard output")?;
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).args(gathered.drain(..));
    match command.status() {
        Ok(status) => walk.failed |= !status.success(),
        Err(e) => walk.complain(Err::<(), _>(e).on("run", &words[0])),
    }
    Ok(())
}

fn delete(file: &File, walk: &mut Walk) -> bool {
    // `find . -delete` empties the working folder and leaves it.
    if file.path == Path::new(".") {
        return true;
    }
    let done = if file.meta.is_dir() { fs::remove_dir(file.path) } else { fs::remove_file(file.path) };
    let ok = done.is_ok();
    walk.complain(done.on("delete", file.path));
    ok
}
