//! POSIX regular expressions, basic and extended with GNU's additions, written anew for the crate `regex`.
//!
//! Alternatives differ: POSIX takes the longest that matches, `regex` the first. Back-references are refused.

use kit::{Error, Result};
use regex::bytes::{Regex, RegexBuilder};

/// Which language a pattern is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// `\(`, `\{`, `\|`, `\+`, `\?` are operators.
    Basic,
    /// `(`, `{`, `|`, `+`, `?` are operators.
    Extended,
    /// No operators at all.
    Fixed,
}

/// How a pattern is meant.
#[derive(Debug, Clone, Copy, Default)]
pub struct Meaning {
    /// Letters of either case.
    pub any_case: bool,
    /// `^` and `$` match at each line, not only at the ends.
    pub lines: bool,
}

/// The pattern, ready to search with.
pub fn compile(pattern: &str, syntax: Syntax, meaning: Meaning) -> Result<Regex> {
    build(&translate(pattern, syntax)?, meaning).map_err(|e| Error::usage(format!("read the pattern {pattern}: {e}")))
}

/// Build from a text that is in `regex`'s language already.
pub fn build(text: &str, meaning: Meaning) -> Result<Regex, String> {
    RegexBuilder::new(text)
        .case_insensitive(meaning.any_case)
        .multi_line(meaning.lines)
        .dot_matches_new_line(true)
        .build()
        .map_err(|e| e.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned())
}

/// The pattern in `regex`'s language.
pub fn translate(pattern: &str, syntax: Syntax) -> Result<String> {
    if syntax == Syntax::Fixed {
        return Ok(regex::escape(pattern));
    }
    let chars: Vec<char> = pattern.chars().collect();
    Translator { chars: &chars, at: 0, extended: syntax == Syntax::Extended, out: String::new(), last: Last::Start }.run()
}

/// What was written last, as far as the next character's meaning depends on it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    /// Nothing that could be repeated: the start, an open bracket or a bar.
    Start,
    /// Something to repeat.
    Item,
    /// A repetition; a further one must not become `regex`'s lazy form.
    Repeat(char),
}

struct Translator<'a> {
    chars: &'a [char],
    at: usize,
    extended: bool,
    out: String,
    last: Last,
}

impl Translator<'_> {
    fn run(mut self) -> Result<String> {
        while let Some(c) = self.next() {
            match c {
                '\\' => self.escaped()?,
                '[' => self.bracket()?,
                '.' => self.item("."),
                '*' if self.last == Last::Start => self.item("\\*"),
                '*' => self.repeat('*')?,
                '^' if self.is_start_anchor() => self.anchor('^'),
                '$' if self.is_end_anchor() => self.anchor('$'),
                '(' | ')' | '|' | '+' | '?' | '{' if self.extended => self.operator(c)?,
                _ => self.literal(c),
            }
        }
        Ok(self.out)
    }

    fn next(&mut self) -> Option<char> {
        let c = self.chars.get(self.at).copied();
        self.at += 1;
        c
    }

    fn item(&mut self, text: &str) {
        self.out.push_str(text);
        self.last = Last::Item;
    }

    fn literal(&mut self, c: char) {
        self.item(&regex::escape(&c.to_string()));
    }

    fn anchor(&mut self, c: char) {
        self.out.push(c);
        self.last = if c == '^' { Last::Start } else { Last::Item };
    }

    fn escaped(&mut self) -> Result<()> {
        let Some(c) = self.next() else { return Err(Error::usage("the pattern ends in a backslash")) };
        match c {
            '(' | ')' | '|' | '+' | '?' | '{' if !self.extended => self.operator(c)?,
            '1'..='9' => return Err(Error::usage(format!("back-references (\\{c}) are not supported in patterns"))),
            '<' => self.item("\\b{start}"),
            '>' => self.item("\\b{end}"),
            '`' => self.item("\\A"),
            '\'' => self.item("\\z"),
            'w' | 'W' | 's' | 'S' | 'b' | 'B' => self.item(&format!("\\{c}")),
            'n' => self.item("\\n"),
            't' => self.item("\\t"),
            _ => self.literal(c),
        }
        Ok(())
    }

    fn operator(&mut self, c: char) -> Result<()> {
        match c {
            '(' => {
                self.out.push('(');
                self.last = Last::Start;
            }
            '|' => {
                self.out.push('|');
                self.last = Last::Start;
            }
            ')' => self.item(")"),
            '{' => self.interval()?,
            _ if self.last == Last::Start => self.literal(c),
            _ => self.repeat(c)?,
        }
        Ok(())
    }

    /// `*`, `+` or `?`; after another one of them they melt into one.
    fn repeat(&mut self, c: char) -> Result<()> {
        match self.last {
            Last::Repeat('}') => return Err(Error::usage(format!("{c} after an interval is not supported in patterns"))),
            Last::Repeat(before) => {
                self.out.pop();
                self.out.push(if before == c { c } else { '*' });
                self.last = Last::Repeat(if before == c { c } else { '*' });
                return Ok(());
            }
            _ => self.out.push(c),
        }
        self.last = Last::Repeat(c);
        Ok(())
    }

    /// `{2}`, `{2,}`, `{,3}`, `{2,3}`; in the extended language a brace that begins no such thing is a character.
    fn interval(&mut self) -> Result<()> {
        let rest = &self.chars[self.at..];
        let close = rest.iter().position(|c| *c == '}');
        let body: Option<String> = close.map(|end| rest[..end].iter().filter(|c| **c != '\\').collect());
        let is_number = |s: &str| s.chars().all(|c| c.is_ascii_digit());
        let sane = body.as_deref().is_some_and(|b| {
            let (low, high) = b.split_once(',').unwrap_or((b, "0"));
            is_number(low) && is_number(high) && b != "," && !b.is_empty()
        });
        let (Some(body), Some(close), true) = (body, close, sane) else {
            if self.extended {
                self.literal('{');
                return Ok(());
            }
            return Err(Error::usage("\\{ is not followed by numbers and \\}"));
        };
        self.at += close + 1;
        let body = if body.starts_with(',') { format!("0{body}") } else { body };
        self.out.extend(["{", &body, "}"]);
        self.last = Last::Repeat('}');
        Ok(())
    }

    /// Basic: only at the start of a pattern, a group or an alternative.
    fn is_start_anchor(&self) -> bool {
        self.extended || (self.last == Last::Start && !self.out.ends_with('^'))
    }

    /// Basic: only at the end of those.
    fn is_end_anchor(&self) -> bool {
        let rest = &self.chars[self.at..];
        self.extended || rest.is_empty() || matches!(rest, ['\\', ')' | '|', ..])
    }

    /// `[…]`: a backslash is a character there, and brackets have names, classes and ranges.
    fn bracket(&mut self) -> Result<()> {
        let unclosed = || Error::usage("a [ is not closed");
        let mut text = String::from("[");
        if self.chars.get(self.at) == Some(&'^') {
            text.push('^');
            self.at += 1;
        }
        let first = self.at;
        loop {
            let c = self.next().ok_or_else(unclosed)?;
            match (c, self.chars.get(self.at)) {
                (']', _) if self.at - 1 > first => break,
                ('[', Some(':')) => {
                    let name = self.until(':').ok_or_else(unclosed)?;
                    if !CLASSES.contains(&name.as_str()) {
                        return Err(Error::usage(format!("no such class: [:{name}:]")));
                    }
                    text.extend(["[:", &name, ":]"]);
                }
                ('[', Some(mark @ ('=' | '.'))) => {
                    let name = self.until(*mark).ok_or_else(unclosed)?;
                    name.chars().for_each(|c| in_class(&mut text, c));
                }
                ('-', _) if self.at - 1 != first && self.chars.get(self.at) != Some(&']') => text.push('-'),
                _ => in_class(&mut text, c),
            }
        }
        text.push(']');
        self.item(&text);
        Ok(())
    }

    /// The name in `[:name:]`, after which the reading goes on.
    fn until(&mut self, mark: char) -> Option<String> {
        let body = self.chars.get(self.at + 1..)?;
        let len = body.windows(2).position(|w| w == [mark, ']'])?;
        self.at += len + 3;
        Some(body[..len].iter().collect())
    }
}

const CLASSES: &[&str] =
    &["alpha", "digit", "alnum", "upper", "lower", "space", "blank", "punct", "print", "graph", "cntrl", "xdigit"];

fn in_class(text: &mut String, c: char) {
    if matches!(c, '[' | ']' | '\\' | '^' | '&' | '~' | '-') {
        text.push('\\');
    }
    text.push(c);
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn found(pattern: &str, syntax: Syntax, text: &str) -> Option<String> {
        let regex = compile(pattern, syntax, Meaning::default()).unwrap();
        regex.find(text.as_bytes()).map(|m| String::from_utf8_lossy(m.as_bytes()).into_owned())
    }

    #[test]
    fn basic() {
        let b = |pattern, text| found(pattern, Syntax::Basic, text);
        assert_eq!(b("a\\+b\\?", "xaab").as_deref(), Some("aab"));
        assert_eq!(b("a+b", "aab a+b").as_deref(), Some("a+b"));
        assert_eq!(b("*a", "b*a").as_deref(), Some("*a"));
        assert_eq!(b("\\(ab\\)\\{2\\}", "ababab").as_deref(), Some("abab"));
        assert_eq!(b("a^b$c", "a^b$c").as_deref(), Some("a^b$c"));
        assert_eq!(b("^a\\|^b", "b").as_deref(), Some("b"));
        assert_eq!(b("[]x]*", "]x]y").as_deref(), Some("]x]"));
        assert_eq!(b("[\\n]", "\\").as_deref(), Some("\\"));
        assert_eq!(b("\\<be\\>", "to be").as_deref(), Some("be"));
    }

    #[test]
    fn extended() {
        let e = |pattern, text| found(pattern, Syntax::Extended, text);
        assert_eq!(e("(a|b)+", "xabba").as_deref(), Some("abba"));
        assert_eq!(e("a{2}", "aaa").as_deref(), Some("aa"));
        assert_eq!(e("a{,2}", "aaa").as_deref(), Some("aa"));
        assert_eq!(e("{x", "{x").as_deref(), Some("{x"));
        assert_eq!(e("a+?", "aaa").as_deref(), Some("aaa"));
        assert_eq!(e("[[:digit:]-]+", "a1-2").as_deref(), Some("1-2"));
        assert_eq!(e("[a-c&&]+", "b&").as_deref(), Some("b&"));
        assert_eq!(found("a.c", Syntax::Fixed, "abc a.c").as_deref(), Some("a.c"));
    }

    #[test]
    fn what_is_wrong_or_missing_is_said() {
        for (pattern, syntax) in
            [("a\\", Syntax::Basic), ("[a", Syntax::Basic), ("\\(a\\)\\1", Syntax::Basic), ("(a", Syntax::Extended)]
        {
            assert!(compile(pattern, syntax, Meaning::default()).is_err(), "{pattern}");
        }
    }
}
