//! POSIX regular expressions, basic and extended with GNU's additions.
//!
//! A pattern is rewritten for the crate `regex`, which is linear in the text. Two things are not in its language: of several
//! matches at one place POSIX takes the longest, which a second search finds; and back-references, for which the crate
//! `fancy-regex` takes over, with a limit of its steps. With back-references the first alternative counts, not the longest.

mod bracket;
mod bytes;
mod translate;

use std::cell::RefCell;
use std::fmt::{self, Debug, Formatter};
use std::ops::Range;

use kit::{Error, Result};
use regex::bytes::{Regex, RegexBuilder};
use regex_automata::nfa::thompson;
use regex_automata::nfa::thompson::pikevm::{self, PikeVM};
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind};

use bytes::Text;
pub use bytes::{decode, encode};
pub use translate::{Source, translate};

/// Steps that a pattern with back-references may take for one search: a second or so.
const STEPS: usize = 10_000_000;

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
    /// `^` and `$` match at each line, not only at the ends; `.` and `[^x]` match no end of line.
    pub lines: bool,
}

/// A pattern, ready to search with.
pub struct Pattern {
    engine: Engine,
    groups: usize,
}

#[expect(clippy::large_enum_variant, reason = "a command has a handful of them")]
enum Engine {
    /// The first match that is found at a place is the longest.
    Plain(Regex),
    /// It may not be: the other one follows all ways from there.
    Longest(Regex, Box<PikeVM>, RefCell<pikevm::Cache>),
    /// With back-references.
    Recalling(Box<fancy_regex::Regex>),
}

/// Places of a match and of its groups, in bytes.
pub type Spans = Vec<Option<Range<usize>>>;

/// The pattern, ready to search with.
///
/// # Errors
/// It is wrong, or too large.
#[cfg(test)]
pub fn compile(pattern: &str, syntax: Syntax, meaning: Meaning) -> Result<Pattern> {
    let chars: Vec<char> = pattern.chars().collect();
    compile_chars(&chars, syntax, meaning)
}

/// The same for characters of [`decode`].
///
/// # Errors
/// It is wrong, or too large.
pub fn compile_chars(pattern: &[char], syntax: Syntax, meaning: Meaning) -> Result<Pattern> {
    let wrong = |e: String| Error::usage(format!("read the pattern {}: {e}", String::from_utf8_lossy(&encode(pattern))));
    let source = translate(pattern, syntax, meaning, 0).map_err(wrong)?;
    build(&source, meaning).map_err(wrong)
}

/// Build from a text that is in `regex`'s language already.
///
/// # Errors
/// One sentence: it is wrong, or too large.
pub fn build(source: &Source, meaning: Meaning) -> Result<Pattern, String> {
    let engine = if source.recalls {
        if source.text.contains("(?-u:") {
            return Err("single bytes that are no characters do not go together with back-references".into());
        }
        let mut builder = fancy_regex::RegexBuilder::new(&source.text);
        builder.case_insensitive(meaning.any_case).multi_line(meaning.lines).dot_matches_new_line(!meaning.lines);
        let regex = builder.backtrack_limit(STEPS).build().map_err(|e| last_line(&e.to_string()))?;
        Engine::Recalling(Box::new(regex))
    } else if source.ambiguous {
        longest(&source.text, meaning)?
    } else {
        Engine::Plain(plain(&source.text, meaning)?)
    };
    Ok(Pattern { engine, groups: source.groups })
}

fn plain(text: &str, meaning: Meaning) -> Result<Regex, String> {
    RegexBuilder::new(text)
        .case_insensitive(meaning.any_case)
        .multi_line(meaning.lines)
        .dot_matches_new_line(!meaning.lines)
        .build()
        .map_err(|e| last_line(&e.to_string()))
}

fn longest(text: &str, meaning: Meaning) -> Result<Engine, String> {
    let regex = plain(text, meaning)?;
    let syntax = syntax::Config::new()
        .case_insensitive(meaning.any_case)
        .multi_line(meaning.lines)
        .dot_matches_new_line(!meaning.lines)
        .utf8(false);
    let machine = PikeVM::builder()
        .configure(pikevm::Config::new().match_kind(MatchKind::All))
        .syntax(syntax)
        .thompson(thompson::Config::new().utf8(false))
        .build(text)
        .map_err(|e| last_line(&e.to_string()))?;
    let cache = RefCell::new(machine.create_cache());
    Ok(Engine::Longest(regex, Box::new(machine), cache))
}

/// The sentence at the end of what a crate says of a pattern.
fn last_line(text: &str) -> String {
    text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

impl Pattern {
    /// Number of groups.
    pub const fn groups(&self) -> usize {
        self.groups
    }

    /// Tell if there is a match.
    ///
    /// # Errors
    /// A pattern with back-references takes too many steps.
    pub fn is_match(&self, text: &[u8]) -> Result<bool> {
        match &self.engine {
            Engine::Plain(regex) | Engine::Longest(regex, ..) => Ok(regex.is_match(text)),
            Engine::Recalling(regex) => regex.is_match(Text::of(text).as_str()).map_err(|e| steps(&e)),
        }
    }

    /// The first match that begins at `at` or later, the longest of those that begin there.
    ///
    /// # Errors
    /// As [`Self::is_match`].
    pub fn find_at(&self, text: &[u8], at: usize) -> Result<Option<Range<usize>>> {
        match &self.engine {
            Engine::Plain(regex) => Ok(regex.find_at(text, at).map(|found| found.range())),
            _ => Ok(self.captures_at(text, at)?.and_then(|spans| spans.into_iter().next().flatten())),
        }
    }

    /// The same with the groups; the match itself is the first.
    ///
    /// # Errors
    /// As [`Self::is_match`].
    pub fn captures_at(&self, text: &[u8], at: usize) -> Result<Option<Spans>> {
        match &self.engine {
            Engine::Plain(regex) => {
                Ok(regex.captures_at(text, at).map(|found| found.iter().map(|group| group.map(|group| group.range())).collect()))
            }
            Engine::Longest(regex, machine, cache) => {
                let Some(found) = regex.find_at(text, at) else { return Ok(None) };
                let mut captures = machine.create_captures();
                let input = Input::new(text).span(found.start()..text.len()).anchored(Anchored::Yes);
                machine.captures(&mut cache.borrow_mut(), input, &mut captures);
                Ok(captures.is_match().then(|| captures.iter().map(|group| group.map(|group| group.range())).collect()))
            }
            Engine::Recalling(regex) => {
                let text = Text::of(text);
                let found = regex.captures_from_pos(text.as_str(), text.inside(at)).map_err(|e| steps(&e))?;
                let span = |group: fancy_regex::Match<'_>| text.outside(group.start())..text.outside(group.end());
                Ok(found.map(|found| (0..found.len()).map(|n| found.get(n).map(span)).collect()))
            }
        }
    }

    /// Matches one after another, none overlapping and no empty one directly behind another, from `at` on.
    /// `each` returns false to end.
    ///
    /// # Errors
    /// As [`Self::is_match`].
    pub fn each_match(&self, text: &[u8], mut each: impl FnMut(&Spans) -> bool) -> Result<()> {
        let (mut at, mut last_end) = (0, None);
        while at <= text.len() {
            let Some(spans) = self.captures_at(text, at)? else { break };
            let Some(whole) = spans.first().cloned().flatten() else { break };
            if whole.is_empty() && Some(whole.end) == last_end {
                at = next_char(text, whole.end);
                continue;
            }
            if !each(&spans) {
                break;
            }
            at = if whole.is_empty() { next_char(text, whole.end) } else { whole.end };
            last_end = Some(whole.end);
        }
        Ok(())
    }
}

/// The place behind the character at `at`; a byte that belongs to none counts as one.
fn next_char(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let len = match rest.first() {
        Some(0xc2..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf4) => 4,
        _ => 1,
    };
    let whole = rest.get(..len).is_some_and(|bytes| std::str::from_utf8(bytes).is_ok());
    at + if whole { len } else { 1 }
}

fn steps(e: &fancy_regex::Error) -> Error {
    Error::new(format!("search for a pattern with back-references: {e}"))
}

impl Debug for Pattern {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.engine {
            Engine::Plain(regex) | Engine::Longest(regex, ..) => Debug::fmt(regex, f),
            Engine::Recalling(regex) => Debug::fmt(regex, f),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn found(pattern: &str, syntax: Syntax, text: &str) -> Option<String> {
        let regex = compile(pattern, syntax, Meaning::default()).unwrap();
        let found = regex.find_at(text.as_bytes(), 0).unwrap();
        assert_eq!(found.is_some(), regex.is_match(text.as_bytes()).unwrap(), "{pattern} {text}");
        found.map(|m| text[m].to_owned())
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
        assert_eq!(b("[\\n]", "n").as_deref(), Some("n"), "grep and find know no escape between brackets");
        assert_eq!(b("\\<be\\>", "to be").as_deref(), Some("be"));
        assert_eq!(b("a\\<*b", "a*b"), None);
        assert_eq!(b("\\<*b", "a *b").as_deref(), None);
        assert_eq!(b("a\\>*", "a*").as_deref(), Some("a*"), "a star behind a place is a character");
        assert_eq!(b("a\\tb", "a\tb atb").as_deref(), Some("atb"), "nor outside of them");
    }

    #[test]
    fn extended() {
        let e = |pattern, text| found(pattern, Syntax::Extended, text);
        assert_eq!(e("(a|b)+", "xabba").as_deref(), Some("abba"));
        assert_eq!(e("a{2}", "aaa").as_deref(), Some("aa"));
        assert_eq!(e("a{,2}", "aaa").as_deref(), Some("aa"));
        assert_eq!(e("a{,}b", "aab").as_deref(), Some("aab"));
        assert_eq!(e("{x", "{x").as_deref(), Some("{x"));
        assert_eq!(e("a+?", "aaa").as_deref(), Some("aaa"));
        assert_eq!(e("a{2}{2}", "aaaaa").as_deref(), Some("aaaa"));
        assert_eq!(e("a{2}*", "aaaaa").as_deref(), Some("aaaa"));
        assert_eq!(e("(ab|c){2}?", "cabx").as_deref(), Some("cab"));
        assert_eq!(e("[[:digit:]-]+", "a1-2").as_deref(), Some("1-2"));
        assert_eq!(e("[a-c&&]+", "b&").as_deref(), Some("b&"));
        assert_eq!(e("[+--]+", "a,-+").as_deref(), Some(",-+"));
        assert_eq!(e("[[:alpha:]]+", "1äb2").as_deref(), Some("äb"));
        assert_eq!(e("[[.-.]x]+", "a-x").as_deref(), Some("-x"));
        assert_eq!(found("a.c", Syntax::Fixed, "abc a.c").as_deref(), Some("a.c"));
    }

    #[test]
    fn longest_match_counts() {
        for (pattern, text, longest) in [
            ("a|ab", "xabc", "ab"),
            ("(a|ab)(c|bcd)", "abcd", "abcd"),
            ("(foo|foobar)?z?", "foobar", "foobar"),
            ("(a*)(ab)*", "aab", "aab"),
        ] {
            assert_eq!(found(pattern, Syntax::Extended, text).as_deref(), Some(longest), "{pattern}");
        }
        let regex = compile("(a|ab)(c|bcd)?", Syntax::Extended, Meaning::default()).unwrap();
        assert_eq!(regex.captures_at(b"-abcd", 0).unwrap().unwrap(), [Some(1..5), Some(1..2), Some(2..5)]);
    }

    #[test]
    fn back_references() {
        let b = |pattern, text| found(pattern, Syntax::Basic, text);
        assert_eq!(b("\\(.\\)\\1", "abccd").as_deref(), Some("cc"));
        assert_eq!(b("^\\(.*\\)-\\1$", "ab-ab").as_deref(), Some("ab-ab"));
        assert_eq!(b("^\\(.*\\)-\\1$", "ab-ac"), None);
        assert_eq!(b("\\(a\\)\\10", "aa0").as_deref(), Some("aa0"));
        assert_eq!(b("\\<\\(x\\)\\1\\>", "xxx xx").as_deref(), Some("xx"));
        assert_eq!(found("(a|b)\\1", Syntax::Extended, "abb").as_deref(), Some("bb"));
        let regex = compile("\\(.\\)\\1", Syntax::Basic, Meaning::default()).unwrap();
        assert!(regex.is_match(b"\xff\xfe--").unwrap(), "bytes that are no characters are passed over");
        assert_eq!(regex.captures_at(b"\xff-a\xc3\xa9\xc3\xa9", 1).unwrap().unwrap()[0], Some(3..7));
    }

    #[test]
    fn search_without_end_is_an_error() {
        let regex = compile("\\(\\(a*\\)*\\)*b\\2c", Syntax::Basic, Meaning::default()).unwrap();
        let text = "a".repeat(60);
        assert!(regex.is_match(text.as_bytes()).is_err() || !regex.is_match(text.as_bytes()).unwrap());
    }

    #[test]
    fn lines() {
        let lines = Meaning { lines: true, ..Meaning::default() };
        for (pattern, text, expected) in
            [("a.b", "a\nb", false), ("a[^x]b", "a\nb", false), ("^b$", "a\nb\nc", true), ("\\`b", "a\nb", false)]
        {
            let regex = compile(pattern, Syntax::Basic, lines).unwrap();
            assert_eq!(regex.is_match(text.as_bytes()).unwrap(), expected, "{pattern}");
        }
    }

    #[test]
    fn single_bytes() {
        let regex = |bytes: &[u8]| compile_chars(&decode(bytes), Syntax::Basic, Meaning::default()).unwrap();
        assert_eq!(regex(b"\xc3").find_at("é".as_bytes(), 0).unwrap(), Some(0..1));
        assert_eq!(regex(b"[\x80-\xff]*").find_at("éa".as_bytes(), 0).unwrap(), Some(0..2));
        assert_eq!(regex(b"[\xff]").find_at(b"\xc3\xa9\xff", 0).unwrap(), Some(2..3));
        assert_eq!(regex(b"[^\xff]").find_at(b"\xff\xc3\xa9", 0).unwrap(), Some(1..3));
        assert_eq!(regex(b"[a-\xff]*").find_at(b"b\xc3\xa9\xff-", 0).unwrap(), Some(0..4));
        assert_eq!(regex("é".as_bytes()).find_at("éa".as_bytes(), 0).unwrap(), Some(0..2));
    }

    #[test]
    fn matches_in_turn() {
        let all = |pattern: &str, text: &str| {
            let mut all = Vec::new();
            let regex = compile(pattern, Syntax::Extended, Meaning::default()).unwrap();
            regex
                .each_match(text.as_bytes(), |spans| {
                    all.push(spans[0].clone().unwrap());
                    true
                })
                .unwrap();
            all
        };
        assert_eq!(all("l*", "héllo"), [0..0, 1..1, 3..5, 6..6]);
        assert_eq!(all("a|ab", "abab"), [0..2, 2..4]);
        assert_eq!(all("(a)\\1*", "aab"), vec![0..2; 1]);
        assert_eq!(all("$", "ab"), vec![2..2; 1]);
    }

    #[test]
    fn what_is_wrong_or_missing_is_said() {
        for (pattern, syntax) in [
            ("a\\", Syntax::Basic),
            ("[a", Syntax::Basic),
            ("\\(a\\1\\)", Syntax::Basic),
            ("\\1\\(a\\)", Syntax::Basic),
            ("\\(a\\)\\2", Syntax::Basic),
            ("a\\{1", Syntax::Basic),
            ("[:space:]", Syntax::Basic),
            ("[[.hyphen.]]", Syntax::Basic),
            ("[[:foo:]]", Syntax::Basic),
            ("[z-a]", Syntax::Basic),
            ("(a", Syntax::Extended),
            ("a)", Syntax::Extended),
        ] {
            assert!(compile(pattern, syntax, Meaning::default()).is_err(), "{pattern}");
        }
    }
}
