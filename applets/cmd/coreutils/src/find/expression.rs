//! An expression and its value for a file. Actions are tests too: they do something and say if it worked.

use std::os::unix::ffi::OsStrExt;

use kit::Result;
use pattern::Pattern;

use super::action::{Calls, Program, delete};
use super::permissions::Permissions;
use super::{File, Walk, list, printf};

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
    /// The text of a link.
    Link {
        glob: Vec<u8>,
        any_case: bool,
    },
    Pattern(Pattern),
    Type(Vec<char>),
    /// The type of what a link leads to, or of the link where links are followed.
    OtherType(Vec<char>),
    Number(Field, Compare),
    /// Units of so many bytes, rounded up.
    Size(u64, Compare),
    Age(Age),
    /// Whole days between the change of the status and the last access.
    Used(Compare),
    /// A time is later than this one.
    Newer(Time, (i64, i64)),
    Empty,
    Permissions(Permissions),
    NoUser,
    NoGroup,
    Access(rustix::fs::Access),
    SameFile(u64, u64),
    FileSystem(String),
    Print {
        output: usize,
        end: u8,
    },
    Printf(usize, Vec<printf::Piece>),
    Ls(usize),
    Exec(Program),
    ExecMany(Calls),
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

/// An age: of `-mtime`, `-mmin` and their kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Age {
    pub time: Time,
    /// Seconds since 1970 from which it counts.
    pub from: f64,
    /// Seconds of a unit: a day or a minute.
    pub unit: f64,
    pub count: f64,
    /// Greater: the age is more than that, and so on.
    pub order: std::cmp::Ordering,
}

impl Compare {
    pub fn holds(self, number: i64) -> bool {
        match self {
            Self::Exactly(n) => number == n,
            Self::More(n) => number > n,
            Self::Less(n) => number < n,
        }
    }
}

impl Expression {
    /// Tell if the tree does anything by itself; without that the files are printed.
    pub fn acts(&self) -> bool {
        match self {
            Self::And(a, b) | Self::Or(a, b) | Self::List(a, b) => a.acts() || b.acts(),
            Self::Not(e) => e.acts(),
            Self::Print { .. } | Self::Printf(..) | Self::Ls(_) | Self::Exec(_) | Self::ExecMany(_) | Self::Delete => true,
            _ => false,
        }
    }

    /// Tell if it deletes, which goes with walking directories last.
    pub fn deletes(&self) -> bool {
        match self {
            Self::And(a, b) | Self::Or(a, b) | Self::List(a, b) => a.deletes() || b.deletes(),
            Self::Not(e) => e.deletes(),
            other => matches!(other, Self::Delete),
        }
    }

    /// The value for a file. Only what ends the walk is an error.
    pub fn evaluate(&mut self, file: &File, walk: &mut Walk) -> Result<bool> {
        if walk.quit {
            return Ok(false);
        }
        Ok(match self {
            Self::And(a, b) => a.evaluate(file, walk)? && b.evaluate(file, walk)?,
            Self::Or(a, b) => a.evaluate(file, walk)? || b.evaluate(file, walk)?,
            Self::List(a, b) => {
                a.evaluate(file, walk)?;
                b.evaluate(file, walk)?
            }
            Self::Not(e) => !e.evaluate(file, walk)?,
            Self::Print { output, end } => {
                let mut text = file.path.as_os_str().as_bytes().to_vec();
                text.push(*end);
                walk.write(*output, &text)?;
                true
            }
            Self::Printf(output, pieces) => {
                walk.write(*output, &printf::format(pieces, file))?;
                true
            }
            Self::Ls(output) => {
                walk.write(*output, &list::line(file))?;
                true
            }
            Self::Exec(program) => program.call(file, walk)?,
            Self::ExecMany(calls) => {
                calls.add(file, walk)?;
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
            Self::ExecMany(calls) => calls.call(walk),
            _ => Ok(()),
        }
    }
}
