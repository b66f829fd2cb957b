//! Bracket expressions: `[…]`, in which a backslash is a character, and brackets have names, classes and ranges.

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

use super::bytes::raw_byte;
use super::class;
use super::node::Set;

const UNCLOSED: &str = "a [ is not closed";

/// Rules of bracket expressions.
#[derive(Clone, Copy)]
pub(crate) struct Rules {
    /// `[:alpha:]`, `[.x.]` and `[=x=]` have a meaning.
    pub names: bool,
    /// Letters of either case.
    pub any_case: bool,
    /// A negated one has no end of line.
    pub lines: bool,
}

/// Read what follows a `[` at `at`: the set, and the place behind it.
pub(crate) fn read(chars: &[char], at: usize, rules: Rules) -> Result<(Set, usize), String> {
    let mut reader = Reader { chars, at, rules, class: ClassUnicode::empty(), bytes: Vec::new() };
    let negated = reader.take('^');
    let start = reader.at;
    while !(reader.peek() == Some(']') && reader.at > start) {
        reader.part(start)?;
    }
    let inside = &chars[start..reader.at];
    if let ([':', _, .., ':'], false, true) = (inside, negated, rules.names) {
        return Err("a class is written [[:name:]], not [:name:]".into());
    }
    let (mut class, mut bytes) = (reader.class, reader.bytes);
    if rules.any_case && class.try_case_fold_simple().is_err() {
        return Err("there is no table of letters' cases".into());
    }
    if negated {
        // Every character is meant, but those bytes are none.
        bytes.clear();
        class.negate();
        if rules.lines {
            class = class::without(&class, &class::range('\n', '\n'));
        }
    }
    bytes.sort_unstable();
    bytes.dedup();
    Ok((Set { chars: class, bytes }, reader.at + 1))
}

struct Reader<'a> {
    chars: &'a [char],
    at: usize,
    rules: Rules,
    class: ClassUnicode,
    bytes: Vec<u8>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn take(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        self.at += usize::from(found);
        found
    }

    /// The mark of a name, `:`, `.` or `=`, behind a bracket here.
    fn mark(&self) -> Option<char> {
        let mark = self.chars.get(self.at + 1).copied().filter(|c| matches!(c, ':' | '.' | '='))?;
        (self.rules.names && self.peek() == Some('[')).then_some(mark)
    }

    /// One character, class or range. A hyphen that is neither first nor last nor in a range is an error, as for GNU.
    fn part(&mut self, start: usize) -> Result<(), String> {
        if self.peek() == Some('-') && self.at > start && self.chars.get(self.at + 1).is_some_and(|c| *c != ']') {
            return Err("a range has more than two ends".into());
        }
        match self.mark() {
            Some(':') => {
                let name: String = self.name(':')?.iter().collect();
                let class = class::named(&name).ok_or_else(|| format!("there is no class [:{name}:]"))?;
                self.class.union(&class);
                return Ok(());
            }
            Some('=') => {
                let c = self.end_of_range()?;
                return self.put(c, c);
            }
            _ => {}
        }
        let first = self.end_of_range()?;
        // A hyphen that is the last character stands for itself.
        if self.peek() == Some('-') && self.chars.get(self.at + 1).is_some_and(|c| *c != ']') {
            self.at += 1;
            if matches!(self.mark(), Some(':' | '=')) {
                return Err("a range does not end in a class".into());
            }
            let last = self.end_of_range()?;
            return if first <= last { self.put(first, last) } else { self.backward(first, last) };
        }
        self.put(first, first)
    }

    /// A range that goes backward has no characters, where that is no error.
    fn backward(&self, first: char, last: char) -> Result<(), String> {
        if self.rules.names { Err(format!("the range {first}-{last} has no characters")) } else { Ok(()) }
    }

    /// One character, or its name in `[. .]` or `[= =]`.
    fn end_of_range(&mut self) -> Result<char, String> {
        let c = self.peek().ok_or(UNCLOSED)?;
        let Some(mark @ ('.' | '=')) = self.mark() else {
            self.at += 1;
            return Ok(c);
        };
        match self.name(mark)? {
            [c] => Ok(*c),
            name => {
                let name: String = name.iter().collect();
                Err(format!("there is no character [{mark}{name}{mark}]"))
            }
        }
    }

    /// The name in `[:name:]`.
    fn name(&mut self, mark: char) -> Result<&[char], String> {
        let body = self.chars.get(self.at + 2..).ok_or(UNCLOSED)?;
        let len = body.windows(2).position(|pair| pair == [mark, ']']).ok_or(UNCLOSED)?;
        self.at += len + 4;
        Ok(&body[..len])
    }

    /// Add a range. One of bytes stands for all characters beyond ASCII, too: they are made of such.
    fn put(&mut self, first: char, last: char) -> Result<(), String> {
        match (raw_byte(first), raw_byte(last)) {
            (None, None) => self.class.push(ClassUnicodeRange::new(first, last)),
            (Some(one), Some(other)) => {
                self.bytes.extend(one..=other);
                if one < other {
                    self.class.push(ClassUnicodeRange::new('\u{80}', char::MAX));
                }
            }
            (None, Some(other)) if first.is_ascii() => {
                self.bytes.extend(0x80..=other);
                self.class.push(ClassUnicodeRange::new(first, char::MAX));
            }
            _ => return Err("a range goes from a character to a byte that is none".into()),
        }
        Ok(())
    }
}
