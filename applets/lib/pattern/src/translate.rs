//! A pattern in `regex`'s language.

use super::bytes::{byte_text, raw_byte};
use super::{Meaning, Syntax, bracket};

/// A pattern in `regex`'s language, and what must be known of it.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// The pattern.
    pub text: String,
    /// Number of groups.
    pub groups: usize,
    /// It has back-references.
    pub recalls: bool,
    /// The first match that is found may not be the longest.
    pub ambiguous: bool,
    /// A character behind a backslash that does nothing there.
    pub stray: Option<char>,
}

/// Rewrite a pattern; its groups count from `groups` on.
///
/// # Errors
/// One sentence.
pub fn translate(pattern: &[char], syntax: Syntax, meaning: Meaning, groups: usize) -> Result<Source, String> {
    let mut source = Source { groups, ..Source::default() };
    if syntax == Syntax::Fixed {
        for c in pattern {
            put_literal(&mut source.text, *c);
        }
        return Ok(source);
    }
    let extended = syntax == Syntax::Extended;
    let translator = Translator {
        chars: pattern,
        at: 0,
        extended,
        lines: meaning.lines,
        source,
        last: Last::Start,
        item: 0,
        open: Vec::new(),
        closed: Vec::new(),
    };
    translator.run()
}

/// What was written last, as far as the next character's meaning depends on it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    /// Nothing that could be repeated: the start, an open bracket or a bar.
    Start,
    /// Something to repeat.
    Item,
    /// A repetition; a further one must not become `regex`'s lazy form.
    Repeat,
}

struct Translator<'a> {
    chars: &'a [char],
    at: usize,
    extended: bool,
    lines: bool,
    source: Source,
    last: Last,
    /// Place in the text of the last item.
    item: usize,
    /// Open groups: their numbers, and their places in the text.
    open: Vec<(usize, usize)>,
    /// Numbers of groups that are closed.
    closed: Vec<usize>,
}

impl Translator<'_> {
    fn run(mut self) -> Result<Source, String> {
        while let Some(c) = self.next() {
            match c {
                '\\' => self.escaped()?,
                '[' => {
                    let (text, end) = bracket::read(self.chars, self.at, self.lines)?;
                    self.at = end;
                    self.item(&text);
                }
                '.' => self.item("."),
                '*' if self.last == Last::Start => self.literal('*'),
                '*' => self.repeat("*"),
                '^' if self.is_start_anchor() => self.anchor('^'),
                '$' if self.is_end_anchor() => self.anchor('$'),
                '(' | ')' | '|' | '+' | '?' | '{' if self.extended => self.operator(c)?,
                _ => self.literal(c),
            }
        }
        if self.open.is_empty() { Ok(self.source) } else { Err("a ( is not closed".into()) }
    }

    fn next(&mut self) -> Option<char> {
        let c = self.chars.get(self.at).copied();
        self.at += 1;
        c
    }

    fn item(&mut self, text: &str) {
        self.item = self.source.text.len();
        self.source.text.push_str(text);
        self.last = Last::Item;
    }

    fn literal(&mut self, c: char) {
        self.item = self.source.text.len();
        put_literal(&mut self.source.text, c);
        self.last = Last::Item;
    }

    fn anchor(&mut self, c: char) {
        self.item(c.encode_utf8(&mut [0; 4]));
        if c == '^' {
            self.last = Last::Start;
        }
    }

    /// A place between characters. Basic: a star behind it is a character.
    fn place(&mut self, text: &str) {
        self.item(text);
        if !self.extended {
            self.last = Last::Start;
        }
    }

    fn escaped(&mut self) -> Result<(), String> {
        let Some(c) = self.next() else { return Err("the pattern ends in a backslash".into()) };
        match c {
            '(' | ')' | '|' | '+' | '?' | '{' if !self.extended => self.operator(c)?,
            '1'..='9' => self.recall(c)?,
            '<' => self.place("\\b{start}"),
            '>' => self.place("\\b{end}"),
            '`' => self.place("\\A"),
            '\'' => self.place("\\z"),
            'b' | 'B' => self.place(&format!("\\{c}")),
            'w' | 'W' | 's' | 'S' => self.item(&format!("\\{c}")),
            _ => {
                if c.is_alphanumeric() {
                    self.source.stray = Some(c);
                }
                self.literal(c);
            }
        }
        Ok(())
    }

    /// `\1` to `\9`: what a group that is closed has matched.
    fn recall(&mut self, digit: char) -> Result<(), String> {
        let number = digit.to_digit(10).map_or(0, |digit| digit as usize);
        let offset = self.source.groups - self.open.len() - self.closed.len();
        if !self.closed.contains(&(offset + number)) {
            return Err(format!("there is no group before the back-reference \\{digit}"));
        }
        self.source.recalls = true;
        self.item(&format!("(?:\\{})", offset + number));
        Ok(())
    }

    fn operator(&mut self, c: char) -> Result<(), String> {
        match c {
            '(' => {
                self.source.groups += 1;
                self.open.push((self.source.groups, self.source.text.len()));
                self.source.text.push('(');
                self.last = Last::Start;
            }
            '|' => {
                self.source.ambiguous = true;
                self.source.text.push('|');
                self.last = Last::Start;
            }
            ')' => {
                let (number, place) = self.open.pop().ok_or("a ) closes nothing")?;
                self.closed.push(number);
                self.source.text.push(')');
                self.item = place;
                self.last = Last::Item;
            }
            '{' => self.interval()?,
            _ if self.last == Last::Start => self.literal(c),
            _ => self.repeat(c.encode_utf8(&mut [0; 4])),
        }
        Ok(())
    }

    /// Repeat the last item. What is a repetition already becomes a group first.
    fn repeat(&mut self, sign: &str) {
        let text = &mut self.source.text;
        // A repeated group can give way to what follows: the first match is not always the longest.
        self.source.ambiguous |= text.ends_with(')');
        if self.last == Last::Repeat {
            text.insert_str(self.item, "(?:");
            text.push(')');
        }
        text.push_str(sign);
        self.last = Last::Repeat;
    }

    /// `{2}`, `{2,}`, `{,3}`, `{2,3}`, `{,}`; in the extended language a brace that begins no such thing is a character.
    fn interval(&mut self) -> Result<(), String> {
        let rest = &self.chars[self.at..];
        let close: &[char] = if self.extended { &['}'] } else { &['\\', '}'] };
        let end = rest.windows(close.len()).position(|part| part == close);
        let body: Option<String> = end.map(|end| rest[..end].iter().collect());
        let is_number = |s: &str| s.chars().all(|c| c.is_ascii_digit());
        let sane = body.as_deref().is_some_and(|b| {
            let (low, high) = b.split_once(',').unwrap_or((b, "0"));
            is_number(low) && is_number(high) && !b.is_empty()
        });
        let (Some(body), Some(end), true) = (body, end, sane) else {
            if self.extended {
                self.literal('{');
                return Ok(());
            }
            return Err("\\{ is not followed by numbers and \\}".into());
        };
        if self.last == Last::Start {
            return Err("there is nothing before the { to repeat".into());
        }
        self.at += end + close.len();
        let body = if body.starts_with(',') { format!("0{body}") } else { body };
        self.repeat(&format!("{{{body}}}"));
        Ok(())
    }

    /// Basic: only at the start of a pattern, a group or an alternative.
    fn is_start_anchor(&self) -> bool {
        let text = &self.source.text;
        self.extended || text.is_empty() || (self.last == Last::Start && text.ends_with(['(', '|']))
    }

    /// Basic: only at the end of those.
    fn is_end_anchor(&self) -> bool {
        let rest = &self.chars[self.at..];
        self.extended || rest.is_empty() || matches!(rest, ['\\', ')' | '|', ..])
    }
}

/// A character, or a byte that is none, as itself.
fn put_literal(text: &mut String, c: char) {
    match raw_byte(c) {
        Some(byte) => text.extend(["(?-u:".into(), byte_text(byte), ")".into()]),
        None => regex::escape(c.encode_utf8(&mut [0; 4])).chars().for_each(|c| text.push(c)),
    }
}
