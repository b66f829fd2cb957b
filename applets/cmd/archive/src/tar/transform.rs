//! Names changed by `s/PATTERN/REPLACEMENT/FLAGS`, as sed does: `--transform`.

use std::os::unix::ffi::OsStrExt;

use kit::{Error, Result};
use pattern::{Meaning, Pattern, Syntax, compile_chars, decode};

use super::options::Line;

/// Sort of name that is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Names of members.
    Name = 1,
    /// Targets of symbolic links.
    Symlink = 2,
    /// Targets of hard links.
    Hard = 4,
}

/// All expressions, in their order.
#[derive(Default)]
pub(super) struct Transform(Vec<Expression>);

struct Expression {
    pattern: Pattern,
    replacement: Vec<Piece>,
    all: bool,
    nth: usize,
    scopes: u8,
}

/// A piece of a replacement.
enum Piece {
    Text(Vec<u8>),
    Group(usize),
    Case(Case),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    AsIs,
    Upper,
    Lower,
    NextUpper,
    NextLower,
}

impl Transform {
    /// Expressions of the command line.
    pub(super) fn read(line: &Line) -> Result<Self> {
        let mut all = Vec::new();
        let mut scopes = 7;
        for (_, text) in line.many("transform") {
            let mut rest = text.as_bytes();
            while !rest.is_empty() {
                rest = one(rest, &mut scopes, &mut all)?;
                rest = rest.strip_prefix(b";").unwrap_or(rest);
            }
        }
        Ok(Self(all))
    }

    /// The changed name.
    pub(super) fn apply(&self, name: Vec<u8>, scope: Scope) -> Result<Vec<u8>> {
        let mut name = name;
        for expression in self.0.iter().filter(|expression| expression.scopes & scope as u8 != 0) {
            name = expression.apply(&name)?;
        }
        Ok(name)
    }
}

impl Expression {
    fn apply(&self, name: &[u8]) -> Result<Vec<u8>> {
        let (mut out, mut end, mut count) = (Vec::new(), 0, 0);
        self.pattern.each_match(name, |spans| {
            let Some(whole) = spans.first().cloned().flatten() else { return true };
            count += 1;
            if count < self.nth {
                return true;
            }
            out.extend_from_slice(&name[end..whole.start]);
            self.replace(name, spans, &mut out);
            end = whole.end;
            self.all
        })?;
        out.extend_from_slice(&name[end..]);
        Ok(out)
    }

    fn replace(&self, name: &[u8], spans: &pattern::Spans, out: &mut Vec<u8>) {
        let (mut case, mut next) = (Case::AsIs, Case::AsIs);
        for piece in &self.replacement {
            let text = match piece {
                Piece::Text(text) => text.as_slice(),
                Piece::Group(group) => spans.get(*group).cloned().flatten().map_or(&[][..], |span| &name[span]),
                Piece::Case(change @ (Case::NextUpper | Case::NextLower)) => {
                    next = *change;
                    continue;
                }
                Piece::Case(change) => {
                    (case, next) = (*change, Case::AsIs);
                    continue;
                }
            };
            let start = out.len();
            out.extend_from_slice(text);
            match case {
                Case::Upper => out[start..].make_ascii_uppercase(),
                Case::Lower => out[start..].make_ascii_lowercase(),
                _ => {}
            }
            if let Some(first) = out.get_mut(start).filter(|_| next != Case::AsIs) {
                *first = if next == Case::NextUpper { first.to_ascii_uppercase() } else { first.to_ascii_lowercase() };
                next = Case::AsIs;
            }
        }
    }
}

/// Read one expression, or `flags=`, which holds for those behind it; gives the rest.
fn one<'a>(text: &'a [u8], scopes: &mut u8, all: &mut Vec<Expression>) -> Result<&'a [u8]> {
    let wrong = |why: &str| Error::usage(format!("--transform={}: {why}", String::from_utf8_lossy(text)));
    if let Some(flags) = text.strip_prefix(b"flags=") {
        let end = flags.iter().position(|byte| *byte == b';').unwrap_or(flags.len());
        for flag in &flags[..end] {
            scope(*flag, scopes).ok_or_else(|| wrong("no such flag"))?;
        }
        return Ok(&flags[end..]);
    }
    let [b's', limit, rest @ ..] = text else { return Err(wrong("s/PATTERN/REPLACEMENT/ was expected")) };
    let (regex, rest) = part(rest, *limit).ok_or_else(|| wrong("it does not end"))?;
    let (replacement, rest) = part(rest, *limit).ok_or_else(|| wrong("it does not end"))?;
    let end = rest.iter().position(|byte| *byte == b';').unwrap_or(rest.len());
    let (mut all_matches, mut syntax, mut meaning, mut nth, mut own) = (false, Syntax::Basic, Meaning::default(), 0, *scopes);
    for flag in &rest[..end] {
        match flag {
            b'g' => all_matches = true,
            b'i' => meaning.any_case = true,
            b'x' => syntax = Syntax::Extended,
            b'0'..=b'9' => nth = nth * 10 + usize::from(flag - b'0'),
            flag => scope(*flag, &mut own).ok_or_else(|| wrong("no such flag"))?,
        }
    }
    let pattern = compile_chars(&decode(&regex), syntax, meaning)?;
    let replacement = pieces(&replacement, pattern.groups()).ok_or_else(|| wrong("no such group"))?;
    all.push(Expression { pattern, replacement, all: all_matches, nth, scopes: own });
    Ok(&rest[end..])
}

fn scope(flag: u8, scopes: &mut u8) -> Option<()> {
    match flag {
        b'r' => *scopes |= Scope::Name as u8,
        b'R' => *scopes &= !(Scope::Name as u8),
        b's' => *scopes |= Scope::Symlink as u8,
        b'S' => *scopes &= !(Scope::Symlink as u8),
        b'h' => *scopes |= Scope::Hard as u8,
        b'H' => *scopes &= !(Scope::Hard as u8),
        _ => return None,
    }
    Some(())
}

/// Bytes before the limit, which a backslash makes a plain character, and those behind it.
fn part(text: &[u8], limit: u8) -> Option<(Vec<u8>, &[u8])> {
    let mut out = Vec::new();
    let mut at = 0;
    loop {
        match *text.get(at)? {
            byte if byte == limit => return Some((out, &text[at + 1..])),
            b'\\' if text.get(at + 1) == Some(&limit) => {
                out.push(limit);
                at += 2;
            }
            b'\\' => {
                out.extend([b'\\', *text.get(at + 1)?]);
                at += 2;
            }
            byte => {
                out.push(byte);
                at += 1;
            }
        }
    }
}

/// Pieces of a replacement; none when it names a group that is not there.
fn pieces(text: &[u8], groups: usize) -> Option<Vec<Piece>> {
    let mut all = Vec::new();
    let mut plain = Vec::new();
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        let piece = match byte {
            b'&' => Piece::Group(0),
            b'\\' => match bytes.next()? {
                digit @ b'0'..=b'9' => Piece::Group(usize::from(digit - b'0')),
                b'U' => Piece::Case(Case::Upper),
                b'L' => Piece::Case(Case::Lower),
                b'E' => Piece::Case(Case::AsIs),
                b'u' => Piece::Case(Case::NextUpper),
                b'l' => Piece::Case(Case::NextLower),
                b'n' => {
                    plain.push(b'\n');
                    continue;
                }
                other => {
                    plain.push(*other);
                    continue;
                }
            },
            other => {
                plain.push(*other);
                continue;
            }
        };
        if matches!(piece, Piece::Group(group) if group > groups) {
            return None;
        }
        if !plain.is_empty() {
            all.push(Piece::Text(std::mem::take(&mut plain)));
        }
        all.push(piece);
    }
    if !plain.is_empty() {
        all.push(Piece::Text(plain));
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn changed(text: &str, name: &str, by: Scope) -> String {
        let mut all = Vec::new();
        let mut scopes = 7;
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            rest = one(rest, &mut scopes, &mut all).unwrap();
            rest = rest.strip_prefix(b";").unwrap_or(rest);
        }
        String::from_utf8(Transform(all).apply(name.as_bytes().to_vec(), by).unwrap()).unwrap()
    }

    #[test]
    fn as_sed_does() {
        for (text, name, expected) in [
            ("s/a/b/", "aa", "ba"),
            ("s/a/b/g", "aa", "bb"),
            ("s/a/b/2g", "aaa", "abb"),
            ("s,^,x/,", "a/b", "x/a/b"),
            (r"s/\(.\)\(.\)/\2\1/", "ab", "ba"),
            ("s/(.)b/[&\\1]/x", "ab", "[aba]"),
            (r"s/.*/\U&/", "ab", "AB"),
            (r"s/.*/\u&\E-x/", "ab", "Ab-x"),
            ("s/A/b/i;s/b/c/", "a", "c"),
            (r"s/a\/b/x/", "a/b", "x"),
        ] {
            assert_eq!(changed(text, name, Scope::Name), expected, "{text}");
        }
        assert_eq!(changed("s/a/b/S", "a", Scope::Symlink), "a");
        assert_eq!(changed("flags=rH;s/a/b/", "a", Scope::Hard), "a");
        for wrong in ["s/a", "s/a/b", "y/a/b/", "s/a/b/q", r"s/a/\1/"] {
            assert!(one(wrong.as_bytes(), &mut 7, &mut Vec::new()).is_err(), "{wrong}");
        }
    }
}
