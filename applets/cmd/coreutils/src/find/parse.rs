//! Words into an expression: lists bind least, then `-o`, then `-a` (also unwritten), then `!`.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use kit::{Context, Error, Result};
use pattern::{Meaning, Syntax};

use super::expression::Expression;
use super::{Follow, Limits};

/// Meaning of the words.
pub(crate) struct Parsed {
    pub expression: Expression,
    pub limits: Limits,
    /// Files of `-fprint` and its kind, from number 1 on.
    pub outputs: Vec<Box<dyn Write>>,
}

/// Read all words. Without an action the files are printed.
pub(crate) fn parse(words: &[OsString], follow: Follow, now: SystemTime) -> Result<Parsed> {
    let limits =
        Limits { min_depth: 0, max_depth: usize::MAX, depth_first: false, one_device: false, follow, race: false, roots: None };
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let regex = (Syntax::Emacs, Meaning::default());
    let mut parser =
        Parser { words, at: 0, limits, outputs: Vec::new(), files: Vec::new(), now, day_start: false, regex, prunes: false };
    let mut expression = if words.is_empty() { Expression::Constant(true) } else { parser.list()? };
    if let Some(word) = parser.peek() {
        return Err(Error::usage(format!("'{word}' does not belong here: paths come before the expression")));
    }
    if !expression.acts() {
        expression = Expression::And(expression.into(), Expression::Print { output: 0, end: b'\n' }.into());
    }
    let mut limits = parser.limits;
    if expression.deletes() {
        if parser.prunes && !limits.depth_first {
            return Err(Error::usage(
                "-delete walks directories last, so that -prune has no effect: give -depth if that is meant",
            ));
        }
        limits.depth_first = true;
    }
    Ok(Parsed { expression, limits, outputs: parser.outputs })
}

pub(super) struct Parser<'a> {
    pub words: &'a [OsString],
    pub at: usize,
    pub limits: Limits,
    outputs: Vec<Box<dyn Write>>,
    files: Vec<PathBuf>,
    /// Seconds since 1970.
    pub now: f64,
    /// Ages count from the end of this day.
    pub day_start: bool,
    /// The language of `-regex`.
    pub regex: (Syntax, Meaning),
    pub prunes: bool,
}

impl Parser<'_> {
    fn peek(&self) -> Option<String> {
        self.words.get(self.at).map(|w| w.to_string_lossy().into_owned())
    }

    fn next_is(&mut self, any: &[&str]) -> bool {
        let found = self.peek().is_some_and(|w| any.contains(&w.as_str()));
        self.at += usize::from(found);
        found
    }

    fn list(&mut self) -> Result<Expression> {
        let mut left = self.or()?;
        while self.next_is(&[","]) {
            left = Expression::List(left.into(), self.or()?.into());
        }
        Ok(left)
    }

    fn or(&mut self) -> Result<Expression> {
        let mut left = self.and()?;
        while self.next_is(&["-o", "-or"]) {
            left = Expression::Or(left.into(), self.and()?.into());
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expression> {
        let mut left = self.not()?;
        loop {
            let written = self.next_is(&["-a", "-and"]);
            let ends = self.peek().is_none_or(|w| matches!(w.as_str(), "-o" | "-or" | ")" | ","));
            if ends && !written {
                return Ok(left);
            }
            left = Expression::And(left.into(), self.not()?.into());
        }
    }

    fn not(&mut self) -> Result<Expression> {
        if self.next_is(&["!", "-not"]) {
            return Ok(Expression::Not(self.not()?.into()));
        }
        if self.next_is(&["("]) {
            let inner = self.list()?;
            return if self.next_is(&[")"]) { Ok(inner) } else { Err(Error::usage("a ( is not closed")) };
        }
        let Some(word) = self.peek() else { return Err(Error::usage("the expression ends too early")) };
        self.at += 1;
        self.primary(&word)
    }

    /// The number of a file to write to.
    pub fn output(&mut self, word: &str) -> Result<usize> {
        let path = PathBuf::from(self.argument(word)?);
        if path.as_os_str() == "/dev/stdout" {
            return Ok(0);
        }
        if let Some(at) = self.files.iter().position(|file| *file == path) {
            return Ok(at + 1);
        }
        self.outputs.push(if path.as_os_str() == "/dev/stderr" {
            Box::new(io::stderr())
        } else {
            Box::new(BufWriter::new(File::create(&path).on("make", &path)?))
        });
        self.files.push(path);
        Ok(self.files.len())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn parsed(words: &[&str]) -> Result<Parsed> {
        let words: Vec<OsString> = words.iter().map(Into::into).collect();
        parse(&words, Follow::Never, SystemTime::now())
    }

    #[test]
    fn binding() {
        let all = format!("{:?}", parsed(&["-true", "-o", "-false", "-true", ",", "!", "-true"]).unwrap().expression);
        assert_eq!(
            all,
            "And(List(Or(Constant(true), And(Constant(false), Constant(true))), Not(Constant(true))), \
             Print { output: 0, end: 10 })"
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        for words in [
            &["-nope"][..],
            &["("],
            &["-name"],
            &["-type", "z"],
            &["-exec", "ls"],
            &[")"],
            &["-maxdepth", "x"],
            &["-regextype", "pcre"],
            &["-newerBm", "x"],
            &["-mtime", "x"],
            &["-size", "3q"],
            &["-prune", "-delete"],
            &["-context", "x"],
        ] {
            assert!(parsed(words).is_err(), "{words:?}");
        }
    }
}
