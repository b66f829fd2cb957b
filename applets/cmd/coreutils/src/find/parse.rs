//! Words into an expression: lists bind least, then `-o`, then `-a` (also unwritten), then `!`.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

use kit::{Context, Error, Result, account};
use rustix::fs::Access;

use super::expression::{Compare, Expression, Field, Permissions, Time};
use super::{Limits, printf};
use pattern::{self, Meaning, Syntax};

/// Read all words. Without an action the files are printed.
pub(crate) fn parse(words: &[OsString]) -> Result<(Expression, Limits)> {
    let limits = Limits { min_depth: 0, max_depth: usize::MAX, depth_first: false, one_device: false };
    let mut parser = Parser { words, at: 0, limits };
    let mut expression = if words.is_empty() { Expression::Constant(true) } else { parser.list()? };
    if let Some(word) = parser.peek() {
        return Err(Error::usage(format!("'{word}' does not belong here")));
    }
    if !expression.acts() {
        expression = Expression::And(expression.into(), Expression::Print { end: b'\n' }.into());
    }
    let mut limits = parser.limits;
    limits.depth_first |= expression.deletes();
    Ok((expression, limits))
}

struct Parser<'a> {
    words: &'a [OsString],
    at: usize,
    limits: Limits,
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

    /// The word after `word`.
    fn argument(&mut self, word: &str) -> Result<OsString> {
        let argument = self.words.get(self.at).cloned();
        self.at += 1;
        argument.ok_or_else(|| Error::usage(format!("{word} needs an argument")))
    }

    fn text(&mut self, word: &str) -> Result<String> {
        Ok(self.argument(word)?.to_string_lossy().into_owned())
    }

    fn number(&mut self, word: &str) -> Result<usize> {
        let text = self.text(word)?;
        text.parse().map_err(|_| Error::usage(format!("{word} needs a number, not {text}")))
    }

    fn compare(&mut self, word: &str) -> Result<Compare> {
        compare(&self.text(word)?).ok_or_else(|| Error::usage(format!("{word} needs a number")))
    }

    fn primary(&mut self, word: &str) -> Result<Expression> {
        const DAY: i64 = 86400;
        const MINUTE: i64 = 60;
        let any_case = word.starts_with("-i");
        Ok(match word {
            "-true" => Expression::Constant(true),
            "-false" => Expression::Constant(false),
            "-name" | "-iname" => Expression::Name { glob: self.argument(word)?.as_bytes().to_vec(), any_case },
            "-path" | "-ipath" | "-wholename" | "-iwholename" => {
                Expression::Path { glob: self.argument(word)?.as_bytes().to_vec(), any_case }
            }
            "-regex" | "-iregex" => self.regex(word, any_case)?,
            "-type" => Expression::Type(types(&self.text(word)?)?),
            "-size" => size(&self.text(word)?).ok_or_else(|| Error::usage("-size needs a number and c, w, b, k, M or G"))?,
            "-empty" => Expression::Empty,
            "-newer" => {
                let file = self.argument(word)?;
                let meta = fs::metadata(&file).on("look at", &file)?;
                Expression::Newer(meta.mtime(), meta.mtime_nsec())
            }
            "-samefile" => {
                let file = self.argument(word)?;
                let meta = fs::metadata(&file).on("look at", &file)?;
                Expression::SameFile(meta.dev(), meta.ino())
            }
            "-mtime" => Expression::Age(Time::Modification, DAY, self.compare(word)?),
            "-mmin" => Expression::Age(Time::Modification, MINUTE, self.compare(word)?),
            "-atime" => Expression::Age(Time::Access, DAY, self.compare(word)?),
            "-amin" => Expression::Age(Time::Access, MINUTE, self.compare(word)?),
            "-ctime" => Expression::Age(Time::Change, DAY, self.compare(word)?),
            "-cmin" => Expression::Age(Time::Change, MINUTE, self.compare(word)?),
            "-perm" => Expression::Permissions(permissions(&self.text(word)?)?),
            "-user" => self.owner(word, Field::User, account::user_id)?,
            "-group" => self.owner(word, Field::Group, account::group_id)?,
            "-uid" => Expression::Number(Field::User, self.compare(word)?),
            "-gid" => Expression::Number(Field::Group, self.compare(word)?),
            "-links" => Expression::Number(Field::Links, self.compare(word)?),
            "-inum" => Expression::Number(Field::Inode, self.compare(word)?),
            "-nouser" => Expression::NoUser,
            "-nogroup" => Expression::NoGroup,
            "-readable" => Expression::Access(Access::READ_OK),
            "-writable" => Expression::Access(Access::WRITE_OK),
            "-executable" => Expression::Access(Access::EXEC_OK),
            "-print" => Expression::Print { end: b'\n' },
            "-print0" => Expression::Print { end: 0 },
            "-printf" => Expression::Printf(printf::parse(&self.text(word)?)?),
            "-exec" | "-execdir" | "-ok" => self.exec(word)?,
            "-delete" => Expression::Delete,
            "-prune" => Expression::Prune,
            "-quit" => Expression::Quit,
            _ => return self.option(word),
        })
    }

    /// What holds for the whole walk stands among the tests and is always true.
    fn option(&mut self, word: &str) -> Result<Expression> {
        match word {
            "-maxdepth" => self.limits.max_depth = self.number(word)?,
            "-mindepth" => self.limits.min_depth = self.number(word)?,
            "-depth" | "-d" => self.limits.depth_first = true,
            "-xdev" | "-mount" => self.limits.one_device = true,
            _ => return Err(Error::usage(format!("no such test or action: {word}"))),
        }
        Ok(Expression::Constant(true))
    }

    fn regex(&mut self, word: &str, any_case: bool) -> Result<Expression> {
        let wrong = |e: String| Error::usage(format!("read the pattern of {word}: {e}"));
        let meaning = Meaning { any_case, lines: false };
        let chars: Vec<char> = self.text(word)?.chars().collect();
        let mut source = pattern::translate(&chars, Syntax::Basic, meaning, 0).map_err(wrong)?;
        source.text = format!("^(?:{})$", source.text);
        source.ambiguous = false;
        pattern::build(&source, meaning).map(Expression::Pattern).map_err(wrong)
    }

    fn owner(&mut self, word: &str, field: Field, id: fn(&str) -> Option<u32>) -> Result<Expression> {
        let name = self.text(word)?;
        let id = id(&name).ok_or_else(|| Error::usage(format!("{word}: there is no {name}")))?;
        Ok(Expression::Number(field, Compare::Exactly(id.into())))
    }

    /// The program's words up to `;`, or up to `{} +`.
    fn exec(&mut self, word: &str) -> Result<Expression> {
        let rest = &self.words[self.at..];
        let end = rest.iter().enumerate().position(|(i, w)| w == ";" || (w == "+" && i > 0 && rest[i - 1] == "{}"));
        let end = end.ok_or_else(|| Error::usage(format!("{word} does not end in ; or {{}} +")))?;
        let many = rest[end] == "+";
        let words = rest[..if many { end - 1 } else { end }].to_vec();
        self.at += end + 1;
        match (words.is_empty(), many, word) {
            (true, ..) => Err(Error::usage(format!("{word} needs a program"))),
            (_, true, "-exec") => Ok(Expression::ExecMany { words, gathered: Vec::new() }),
            (_, true, _) => Err(Error::usage(format!("{word} … + is not supported: use ;"))),
            _ => Ok(Expression::Exec { words, in_folder: word == "-execdir", asks: word == "-ok" }),
        }
    }
}

fn compare(text: &str) -> Option<Compare> {
    Some(match text.as_bytes().first()? {
        b'+' => Compare::More(text[1..].parse().ok()?),
        b'-' => Compare::Less(text[1..].parse().ok()?),
        _ => Compare::Exactly(text.parse().ok()?),
    })
}

fn size(text: &str) -> Option<Expression> {
    let (number, unit) = match text.char_indices().last()? {
        (at, 'c') => (&text[..at], 1),
        (at, 'w') => (&text[..at], 2),
        (at, 'b') => (&text[..at], 512),
        (at, 'k') => (&text[..at], 1 << 10),
        (at, 'M') => (&text[..at], 1 << 20),
        (at, 'G') => (&text[..at], 1 << 30),
        _ => (text, 512),
    };
    Some(Expression::Size(unit, compare(number)?))
}

fn types(text: &str) -> Result<Vec<char>> {
    let letters: Vec<char> = text.chars().filter(|c| *c != ',').collect();
    match letters.iter().find(|c| !"bcdpfls".contains(**c)) {
        None if !letters.is_empty() => Ok(letters),
        _ => Err(Error::usage(format!("no such type of file: {text}"))),
    }
}

fn permissions(text: &str) -> Result<Permissions> {
    let (kind, rest): (fn(u32) -> Permissions, &str) = match text.as_bytes().first() {
        Some(b'-') => (Permissions::All, &text[1..]),
        Some(b'/') => (Permissions::Any, &text[1..]),
        _ => (Permissions::Exactly, text),
    };
    let bits = u32::from_str_radix(rest, 8).ok().or_else(|| symbolic(rest));
    bits.map(kind).ok_or_else(|| Error::usage(format!("-perm can't be {text}")))
}

/// `u+x,g=rw`: the bits that such a change sets on a file that has none.
fn symbolic(text: &str) -> Option<u32> {
    let mut bits = 0;
    for clause in text.split(',') {
        let at = clause.find(['+', '='])?;
        let (who, what) = (&clause[..at], &clause[at + 1..]);
        let shifts: Vec<u32> = if who.is_empty() || who == "a" {
            vec![6, 3, 0]
        } else {
            who.chars()
                .map(|c| match c {
                    'u' => Some(6),
                    'g' => Some(3),
                    'o' => Some(0),
                    _ => None,
                })
                .collect::<Option<_>>()?
        };
        for c in what.chars() {
            bits |= match c {
                'r' => shifts.iter().fold(0, |b, s| b | 4 << s),
                'w' => shifts.iter().fold(0, |b, s| b | 2 << s),
                'x' => shifts.iter().fold(0, |b, s| b | 1 << s),
                's' => (u32::from(shifts.contains(&6)) * 0o4000) | (u32::from(shifts.contains(&3)) * 0o2000),
                't' => 0o1000,
                _ => return None,
            };
        }
    }
    Some(bits)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn shape(words: &[&str]) -> String {
        let words: Vec<OsString> = words.iter().map(Into::into).collect();
        format!("{:?}", parse(&words).unwrap().0)
    }

    #[test]
    fn binding() {
        let all = shape(&["-true", "-o", "-false", "-true", ",", "!", "-true"]);
        assert_eq!(
            all,
            "And(List(Or(Constant(true), And(Constant(false), Constant(true))), Not(Constant(true))), Print { end: 10 })"
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        for words in [&["-nope"][..], &["("], &["-name"], &["-type", "z"], &["-exec", "ls"], &[")"], &["-maxdepth", "x"]] {
            let words: Vec<OsString> = words.iter().map(Into::into).collect();
            assert!(parse(&words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn permissions_by_letters() {
        assert_eq!(symbolic("u+x,g=rw"), Some(0o160));
        assert_eq!(symbolic("+r"), Some(0o444));
    }
}
