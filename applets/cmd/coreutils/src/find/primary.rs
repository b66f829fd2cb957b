//! Tests, actions and options by name.

use std::cmp::Ordering;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use kit::{Context, Error, Result, account};
use pattern::{Extent, Meaning, Syntax, compile_list, decode};
use rustix::fs::Access;

use super::Follow;
use super::action::{Calls, Program};
use super::expression::{Age, Compare, Expression, Field, Time};
use super::parse::Parser;
use super::permissions::Permissions;
use super::{printf, test, time};

/// Seconds of a day and a minute.
const DAY: f64 = 86400.0;
const MINUTE: f64 = 60.0;

/// Languages of `-regex`: names, and what they are. Those of awk have their escapes in brackets no more than others.
const REGEX_TYPES: &[(&str, Syntax, bool)] = &[
    ("findutils-default", Syntax::Emacs, false),
    ("emacs", Syntax::Emacs, false),
    ("ed", Syntax::Basic, false),
    ("sed", Syntax::Basic, false),
    ("posix-basic", Syntax::Basic, false),
    ("grep", Syntax::Basic, true),
    ("posix-extended", Syntax::Extended, false),
    ("egrep", Syntax::Extended, true),
    ("posix-egrep", Syntax::Extended, true),
    ("awk", Syntax::Extended, true),
    ("gnu-awk", Syntax::Extended, true),
    ("posix-awk", Syntax::Extended, true),
];

impl Parser<'_> {
    /// The word after `word`.
    pub(super) fn argument(&mut self, word: &str) -> Result<OsString> {
        let argument = self.words.get(self.at).cloned();
        self.at += 1;
        argument.ok_or_else(|| Error::usage(format!("{word} needs an argument")))
    }

    fn text(&mut self, word: &str) -> Result<String> {
        Ok(self.argument(word)?.to_string_lossy().into_owned())
    }

    fn bytes(&mut self, word: &str) -> Result<Vec<u8>> {
        Ok(self.argument(word)?.as_bytes().to_vec())
    }

    fn number(&mut self, word: &str) -> Result<usize> {
        let text = self.text(word)?;
        text.parse().map_err(|_| Error::usage(format!("{word} needs a number, not {text}")))
    }

    fn compare(&mut self, word: &str) -> Result<Compare> {
        compare(&self.text(word)?).ok_or_else(|| Error::usage(format!("{word} needs a number")))
    }

    /// A test; an action or an option has its own place.
    pub(super) fn primary(&mut self, word: &str) -> Result<Expression> {
        let any_case = word.starts_with("-i");
        Ok(match word {
            "-true" => Expression::Constant(true),
            "-false" => Expression::Constant(false),
            "-name" | "-iname" => Expression::Name { glob: self.bytes(word)?, any_case },
            "-path" | "-ipath" | "-wholename" | "-iwholename" => Expression::Path { glob: self.bytes(word)?, any_case },
            "-lname" | "-ilname" => Expression::Link { glob: self.bytes(word)?, any_case },
            "-regex" | "-iregex" => self.regex(word, any_case)?,
            "-type" => Expression::Type(types(&self.text(word)?)?),
            "-xtype" => Expression::OtherType(types(&self.text(word)?)?),
            "-size" => size(&self.text(word)?).ok_or_else(|| Error::usage("-size needs a number and c, w, b, k, M or G"))?,
            "-empty" => Expression::Empty,
            "-mtime" => self.age(word, Time::Modification, DAY)?,
            "-mmin" => self.age(word, Time::Modification, MINUTE)?,
            "-atime" => self.age(word, Time::Access, DAY)?,
            "-amin" => self.age(word, Time::Access, MINUTE)?,
            "-ctime" => self.age(word, Time::Change, DAY)?,
            "-cmin" => self.age(word, Time::Change, MINUTE)?,
            "-used" => Expression::Used(self.compare(word)?),
            "-perm" => Expression::Permissions(Permissions::parse(&self.text(word)?)?),
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
            "-fstype" => Expression::FileSystem(self.text(word)?),
            "-samefile" => {
                let meta = self.other(word)?;
                Expression::SameFile(meta.dev(), meta.ino())
            }
            "-newer" => self.newer(word, 'm', 'm')?,
            "-anewer" => self.newer(word, 'a', 'm')?,
            "-cnewer" => self.newer(word, 'c', 'm')?,
            _ => return self.action(word),
        })
    }

    fn action(&mut self, word: &str) -> Result<Expression> {
        Ok(match word {
            "-print" => Expression::Print { output: 0, end: b'\n' },
            "-print0" => Expression::Print { output: 0, end: 0 },
            "-fprint" => Expression::Print { output: self.output(word)?, end: b'\n' },
            "-fprint0" => Expression::Print { output: self.output(word)?, end: 0 },
            "-printf" => Expression::Printf(0, printf::parse(&self.bytes(word)?)?),
            "-fprintf" => {
                let output = self.output(word)?;
                Expression::Printf(output, printf::parse(&self.bytes(word)?)?)
            }
            "-ls" => Expression::Ls(0),
            "-fls" => Expression::Ls(self.output(word)?),
            "-exec" | "-execdir" | "-ok" | "-okdir" => self.exec(word)?,
            "-delete" => Expression::Delete,
            "-prune" => {
                self.prunes = true;
                Expression::Prune
            }
            "-quit" => Expression::Quit,
            _ => return self.option(word),
        })
    }

    /// Option of the whole walk, or of the tests behind it: it stands among the tests and is always true.
    fn option(&mut self, word: &str) -> Result<Expression> {
        match word {
            "-maxdepth" => self.limits.max_depth = self.number(word)?,
            "-mindepth" => self.limits.min_depth = self.number(word)?,
            "-depth" | "-d" => self.limits.depth_first = true,
            "-xdev" | "-mount" => self.limits.one_device = true,
            "-follow" => self.limits.follow = Follow::Always,
            "-daystart" => self.day_start = true,
            "-ignore_readdir_race" => self.limits.race = true,
            "-noignore_readdir_race" => self.limits.race = false,
            "-files0-from" => self.limits.roots = Some(PathBuf::from(self.argument(word)?)),
            "-regextype" => {
                let name = self.text(word)?;
                let (_, syntax, lenient) = REGEX_TYPES
                    .iter()
                    .find(|(known, ..)| *known == name)
                    .ok_or_else(|| Error::usage(format!("-regextype knows no {name}")))?;
                self.regex = (*syntax, Meaning { lenient: *lenient, ..Meaning::default() });
            }
            // There are no warnings, and each directory is looked at whatever its number of links says.
            "-warn" | "-nowarn" | "-noleaf" => {}
            _ => {
                let Some([kind, other]) = word.strip_prefix("-newer").map(str::as_bytes).and_then(|two| two.first_chunk()) else {
                    return Err(Error::usage(format!("no such test or action: {word}")));
                };
                return self.newer(word, char::from(*kind), char::from(*other));
            }
        }
        Ok(Expression::Constant(true))
    }

    /// The status of a file that files are compared with.
    fn other(&mut self, word: &str) -> Result<fs::Metadata> {
        let file = self.argument(word)?;
        let follows = self.limits.follow != Follow::Never;
        let meta = if follows { fs::metadata(&file) } else { fs::symlink_metadata(&file) };
        meta.on("look at", &file)
    }

    /// `-newerXY`: time X of a file is later than time Y of another one, or than a date.
    fn newer(&mut self, word: &str, kind: char, other: char) -> Result<Expression> {
        let time = |letter| match letter {
            'a' => Ok(Time::Access),
            'c' => Ok(Time::Change),
            'm' => Ok(Time::Modification),
            _ => Err(Error::usage(format!("{word} is not supported: of files there are the times a, c and m"))),
        };
        let kind = time(kind)?;
        if word.len() > 8 {
            return Err(Error::usage(format!("no such test or action: {word}")));
        }
        if other == 't' {
            let text = self.text(word)?;
            let than = time::parse(&text);
            let than = than
                .ok_or_else(|| Error::usage(format!("{word} needs YYYY-MM-DD, YYYY-MM-DD HH:MM:SS or @SECONDS, not {text}")))?;
            return Ok(Expression::Newer(kind, than));
        }
        let other = time(other)?;
        let meta = self.other(word)?;
        Ok(Expression::Newer(kind, test::at(other, &meta)))
    }

    fn age(&mut self, word: &str, time: Time, unit: f64) -> Result<Expression> {
        let text = self.text(word)?;
        let (order, digits) = match text.as_bytes().first() {
            Some(b'+') => (Ordering::Greater, &text[1..]),
            Some(b'-') => (Ordering::Less, &text[1..]),
            _ => (Ordering::Equal, &text[..]),
        };
        let count = digits.parse::<f64>().ok().filter(|count| count.is_finite() && *count >= 0.0);
        let count = count.ok_or_else(|| Error::usage(format!("{word} needs a number, not {text}")))?;
        let from = if self.day_start { (self.now / DAY).floor() * DAY + DAY } else { self.now };
        Ok(Expression::Age(Age { time, from, unit, count, order }))
    }

    fn regex(&mut self, word: &str, any_case: bool) -> Result<Expression> {
        let (syntax, meaning) = self.regex;
        let chars = decode(&self.bytes(word)?);
        compile_list(&[chars], syntax, Meaning { any_case, ..meaning }, Extent::Lines).map(Expression::Pattern)
    }

    fn owner(&mut self, word: &str, field: Field, id: fn(&str) -> Option<u32>) -> Result<Expression> {
        let name = self.text(word)?;
        let id = id(&name).ok_or_else(|| Error::usage(format!("{word}: there is no {name}")))?;
        Ok(Expression::Number(field, Compare::Exactly(id.into())))
    }

    /// The program's words up to `;`, or up to `{} +`.
    fn exec(&mut self, word: &str) -> Result<Expression> {
        let rest = &self.words[self.at..];
        let asks = word.starts_with("-ok");
        let is_end = |at: usize, w: &OsString| w == ";" || (!asks && w == "+" && at > 0 && rest[at - 1] == "{}");
        let end = rest.iter().enumerate().position(|(at, w)| is_end(at, w));
        let end = end.ok_or_else(|| Error::usage(format!("{word} does not end in ; or {{}} +")))?;
        let many = rest[end] == "+";
        let words = rest[..if many { end - 1 } else { end }].to_vec();
        self.at += end + 1;
        let in_directory = word.ends_with("dir");
        if words.is_empty() {
            return Err(Error::usage(format!("{word} needs a program")));
        }
        if !many {
            return Ok(Expression::Exec(Program { words, in_directory, asks }));
        }
        if words.iter().any(|word| word.as_bytes().windows(2).any(|two| two == b"{}")) {
            return Err(Error::usage(format!("{word} … + takes {{}} once, at its end")));
        }
        Ok(Expression::ExecMany(Calls { words, in_directory, gathered: Vec::new(), directory: PathBuf::new() }))
    }
}

fn compare(text: &str) -> Option<Compare> {
    let number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
    Some(match text.as_bytes().first()? {
        b'+' => Compare::More(number(&text[1..])?),
        b'-' => Compare::Less(number(&text[1..])?),
        _ => Compare::Exactly(number(text)?),
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

/// Letters of types; D, a door, is known and never there.
fn types(text: &str) -> Result<Vec<char>> {
    let letters: Vec<char> = text.split(',').filter_map(|part| part.parse().ok()).collect();
    let whole = letters.len() == text.split(',').count();
    match letters.iter().find(|c| !"bcdpflsD".contains(**c)) {
        None if whole => Ok(letters),
        _ => Err(Error::usage(format!("no such type of file: {text}"))),
    }
}
