//! A script's text into a program.

use std::path::PathBuf;

use kit::{Error, Result};
use regex::bytes::Regex;

use super::program::{Action, Address, Case, Command, End, Piece, Program, Range, Replace, Search};
use crate::pattern::{self, Meaning, Syntax};

/// Read a script.
pub(super) fn parse(script: &str, extended: bool) -> Result<Program> {
    let chars: Vec<char> = script.chars().collect();
    let syntax = if extended { Syntax::Extended } else { Syntax::Basic };
    let mut parser = Parser { chars: &chars, at: 0, syntax, labels: Vec::new(), jumps: Vec::new(), blocks: Vec::new() };
    let mut program = Program { quiet: script == "#n" || script.starts_with("#n\n"), ..Program::default() };
    while let Some(command) = parser.command(program.commands.len())? {
        program.commands.push(command);
    }
    if let Some(open) = parser.blocks.last() {
        return Err(Error::usage(format!("a {{ is not closed (command {})", open + 1)));
    }
    parser.link(&mut program)?;
    Ok(program)
}

struct Parser<'a> {
    chars: &'a [char],
    at: usize,
    syntax: Syntax,
    labels: Vec<(String, usize)>,
    /// The command that jumps, and the label.
    jumps: Vec<(usize, String)>,
    /// Open blocks, then pairs of block and end.
    blocks: Vec<usize>,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek();
        self.at += 1;
        c
    }

    fn skip(&mut self, what: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&what) {
            self.at += 1;
        }
    }

    fn wrong(&self, what: &str) -> Error {
        Error::usage(format!("read the script at character {}: {what}", self.at)).with_exit(kit::Exit::FAILED)
    }

    fn number(&mut self) -> Option<u64> {
        let start = self.at;
        self.skip(|c| c.is_ascii_digit());
        self.chars[start..self.at].iter().collect::<String>().parse().ok()
    }

    fn command(&mut self, number: usize) -> Result<Option<Command>> {
        self.skip(|c| c.is_whitespace() || c == ';');
        if self.peek().is_none() {
            return Ok(None);
        }
        let from = self.address()?;
        let mut to = None;
        self.skip(|c| c == ' ');
        if from.is_some() && self.peek() == Some(',') {
            self.at += 1;
            self.skip(|c| c == ' ');
            to = Some(self.end()?);
        }
        if matches!(from, Some(Address::Zero)) && !matches!(to, Some(End::At(Address::Pattern(_)))) {
            return Err(self.wrong("line 0 is only good in 0,/RE/"));
        }
        self.skip(|c| c == ' ');
        let mut inverse = false;
        while self.peek() == Some('!') {
            inverse = true;
            self.at += 1;
            self.skip(|c| c == ' ');
        }
        let letter = self.next().ok_or_else(|| self.wrong("a command is missing"))?;
        let action = self.action(letter, number)?;
        let range = if matches!(from, Some(Address::Zero)) { Range::Open } else { Range::Closed };
        Ok(Some(Command { from, to, inverse, action, range }))
    }

    fn address(&mut self) -> Result<Option<Address>> {
        let address = match self.peek() {
            Some('$') => {
                self.at += 1;
                Address::Last
            }
            Some(c) if c.is_ascii_digit() => {
                let first = self.number().ok_or_else(|| self.wrong("that number is too large"))?;
                if self.peek() == Some('~') {
                    self.at += 1;
                    Address::Step(first, self.number().unwrap_or(0))
                } else if first == 0 {
                    Address::Zero
                } else {
                    Address::Line(first)
                }
            }
            Some('/') => {
                self.at += 1;
                self.pattern('/')?
            }
            Some('\\') => {
                self.at += 1;
                let mark = self.next().ok_or_else(|| self.wrong("a pattern is missing"))?;
                self.pattern(mark)?
            }
            _ => return Ok(None),
        };
        Ok(Some(address))
    }

    fn pattern(&mut self, mark: char) -> Result<Address> {
        let text = self.delimited(mark, true)?;
        let mut meaning = Meaning::default();
        loop {
            match self.peek() {
                Some('I') => meaning.any_case = true,
                Some('M') => meaning.lines = true,
                _ => break,
            }
            self.at += 1;
        }
        Ok(Address::Pattern(self.search(&text, meaning)?))
    }

    fn search(&self, text: &str, meaning: Meaning) -> Result<Search> {
        if text.is_empty() {
            return Ok(Search::Last);
        }
        let regex: Result<Regex> = pattern::compile(text, self.syntax, meaning);
        regex.map(Search::For).map_err(|e| e.with_exit(kit::Exit::FAILED))
    }

    fn end(&mut self) -> Result<End> {
        let sign = self.peek();
        if let Some('+' | '~') = sign {
            self.at += 1;
            let number = self.number().ok_or_else(|| self.wrong("a number is missing"))?;
            return Ok(if sign == Some('+') { End::After(number) } else { End::Multiple(number) });
        }
        match self.address()? {
            Some(Address::Zero) | None => Err(self.wrong("the end of a range is missing")),
            Some(address) => Ok(End::At(address)),
        }
    }

    /// The text up to an unescaped mark. In a pattern the mark counts for nothing between brackets.
    fn delimited(&mut self, mark: char, is_pattern: bool) -> Result<String> {
        let mut text = String::new();
        let mut in_bracket = false;
        loop {
            let c = self.next().ok_or_else(|| self.wrong(&format!("a {mark} is missing")))?;
            match c {
                _ if c == mark && !in_bracket => return Ok(text),
                '\\' if !in_bracket => match self.next() {
                    Some(next) if next == mark => text.push(next),
                    Some('n') if is_pattern => text.push_str("\\n"),
                    Some(next) => text.extend(['\\', next]),
                    None => return Err(self.wrong("the script ends in a backslash")),
                },
                '[' if is_pattern && !in_bracket => {
                    in_bracket = true;
                    text.push(c);
                    // A bracket or a caret first in it is one of its characters.
                    if self.peek() == Some('^') {
                        self.at += 1;
                        text.push('^');
                    }
                    if self.peek() == Some(']') {
                        self.at += 1;
                        text.push(']');
                    }
                }
                '[' if in_bracket && matches!(self.peek(), Some(':' | '.' | '=')) => text.push_str(&self.class()),
                ']' if in_bracket => {
                    in_bracket = false;
                    text.push(c);
                }
                '\\' if in_bracket && self.peek() == Some('n') => {
                    self.at += 1;
                    text.push('\n');
                }
                _ => text.push(c),
            }
        }
    }

    /// `[:name:]`, of which the first bracket is read.
    fn class(&mut self) -> String {
        let mark = self.peek().unwrap_or(':');
        let rest = &self.chars[self.at + 1..];
        let len = rest.windows(2).position(|w| w == [mark, ']']).map_or(0, |at| at + 3);
        let text: String = self.chars[self.at..self.at + len].iter().collect();
        self.at += len;
        format!("[{text}")
    }

    fn action(&mut self, letter: char, number: usize) -> Result<Action> {
        let action = match letter {
            '{' => {
                self.blocks.push(number);
                return Ok(Action::Block(usize::MAX));
            }
            '}' => {
                let open = self.blocks.pop().ok_or_else(|| self.wrong("a } closes nothing"))?;
                self.jumps.push((open, format!("\n{}", number + 1)));
                Action::Nothing
            }
            '#' => {
                self.skip(|c| c != '\n');
                return Ok(Action::Nothing);
            }
            ':' => {
                let label = self.word(true);
                if label.is_empty() {
                    return Err(self.wrong("a label is missing"));
                }
                self.labels.push((label, number));
                return Ok(Action::Nothing);
            }
            'a' => return self.text().map(Action::Append),
            'i' => return self.text().map(Action::Insert),
            'c' => return self.text().map(Action::Change),
            'b' | 't' | 'T' => {
                let label = self.word(false);
                self.jumps.push((number, label));
                match letter {
                    'b' => Action::Branch(0),
                    't' => Action::BranchIfReplaced(0),
                    _ => Action::BranchUnlessReplaced(0),
                }
            }
            'r' => return Ok(Action::ReadFile(self.file()?)),
            'w' => return Ok(Action::WriteFile(self.file()?)),
            'q' | 'Q' => {
                self.skip(|c| c == ' ');
                let status = self.number().unwrap_or(0);
                Action::Quit(u8::try_from(status).unwrap_or(u8::MAX), letter == 'q')
            }
            's' => self.replace()?,
            'y' => self.map()?,
            _ => simple(letter).ok_or_else(|| self.wrong(&format!("there is no command {letter}")))?,
        };
        self.skip(|c| c == ' ' || c == '\t');
        match self.peek() {
            None | Some('\n' | ';' | '}' | '#') => Ok(action),
            Some(c) => Err(self.wrong(&format!("{c} after a command"))),
        }
    }

    /// A label: to the end of the line, or but for `:` to a semicolon or brace.
    fn word(&mut self, is_label: bool) -> String {
        self.skip(|c| c == ' ');
        let start = self.at;
        self.skip(|c| !c.is_whitespace() && c != ';' && (is_label || c != '}'));
        self.chars[start..self.at].iter().collect()
    }

    /// A file's name: to the end of the line.
    fn file(&mut self) -> Result<PathBuf> {
        self.skip(|c| c == ' ');
        let start = self.at;
        self.skip(|c| c != '\n');
        let name: String = self.chars[start..self.at].iter().collect();
        if name.is_empty() { Err(self.wrong("a file's name is missing")) } else { Ok(name.into()) }
    }

    /// The text of `a`, `i`, `c`: after a backslash and an end of line, or on the same line. A backslash goes on with the next line.
    fn text(&mut self) -> Result<Vec<u8>> {
        self.skip(|c| c == ' ' || c == '\t');
        if self.peek() == Some('\\') {
            self.at += 1;
            self.skip(|c| c == ' ' || c == '\t');
            if self.peek() == Some('\n') {
                self.at += 1;
            }
        }
        if self.peek().is_none() {
            return Err(self.wrong("a text is missing"));
        }
        let mut text = String::new();
        loop {
            match self.next() {
                Some('\\') => text.extend(self.next()),
                Some('\n') | None => break,
                Some(c) => text.push(c),
            }
        }
        text.push('\n');
        Ok(text.into_bytes())
    }

    fn replace(&mut self) -> Result<Action> {
        let mark = self.next().ok_or_else(|| self.wrong("s needs a pattern"))?;
        let pattern = self.delimited(mark, true)?;
        let with = pieces(&self.delimited(mark, false)?, mark);
        let mut replace = Replace { search: Search::Last, with, all: false, from: 1, print: false, file: None };
        let mut meaning = Meaning::default();
        loop {
            match self.peek() {
                Some('g') => replace.all = true,
                Some('p') => replace.print = true,
                Some('i' | 'I') => meaning.any_case = true,
                Some('m' | 'M') => meaning.lines = true,
                Some('1'..='9') => {
                    replace.from = self.number().and_then(|n| usize::try_from(n).ok()).unwrap_or(1);
                    continue;
                }
                Some('w') => {
                    self.at += 1;
                    replace.file = Some(self.file()?);
                    break;
                }
                _ => break,
            }
            self.at += 1;
        }
        replace.search = self.search(&pattern, meaning)?;
        if let Search::For(regex) = &replace.search {
            let most = replace.with.iter().map(|p| if let Piece::Group(n) = p { *n } else { 0 }).max().unwrap_or(0);
            if most >= regex.captures_len() {
                return Err(self.wrong(&format!("\\{most} stands for no group")));
            }
        }
        Ok(Action::Replace(Box::new(replace)))
    }

    fn map(&mut self) -> Result<Action> {
        let mark = self.next().ok_or_else(|| self.wrong("y needs characters"))?;
        let plain = |text: String| -> Vec<char> {
            let mut chars = text.chars();
            let mut plain = Vec::new();
            while let Some(c) = chars.next() {
                plain.extend(if c == '\\' { chars.next().map(|n| if n == 'n' { '\n' } else { n }) } else { Some(c) });
            }
            plain
        };
        let (from, to) = (plain(self.delimited(mark, false)?), plain(self.delimited(mark, false)?));
        if from.len() != to.len() {
            return Err(self.wrong("the two lists of y differ in length"));
        }
        Ok(Action::Map(from.into_iter().zip(to).collect()))
    }

    /// Labels into numbers of commands; a jump without one goes to the end.
    fn link(&self, program: &mut Program) -> Result<()> {
        let end = program.commands.len();
        for (number, label) in &self.jumps {
            let place = match label.strip_prefix('\n') {
                Some(place) => place.parse().ok(),
                None if label.is_empty() => Some(end),
                None => self.labels.iter().find(|(name, _)| name == label).map(|(_, place)| *place),
            };
            let place = place.ok_or_else(|| self.wrong(&format!("there is no label {label}")))?;
            if let Some(command) = program.commands.get_mut(*number) {
                match &mut command.action {
                    Action::Block(to) | Action::Branch(to) | Action::BranchIfReplaced(to) | Action::BranchUnlessReplaced(to) => {
                        *to = place;
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

fn simple(letter: char) -> Option<Action> {
    Some(match letter {
        '=' => Action::Number,
        'd' => Action::Delete,
        'D' => Action::DeleteFirst,
        'g' => Action::GetHold,
        'G' => Action::AppendHold,
        'h' => Action::Hold,
        'H' => Action::HoldAppend,
        'x' => Action::Exchange,
        'l' => Action::List,
        'n' => Action::Next,
        'N' => Action::NextAppend,
        'p' => Action::Print,
        'P' => Action::PrintFirst,
        _ => return None,
    })
}

/// A replacement's text, taken apart.
fn pieces(text: &str, mark: char) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let special = match c {
            '&' if mark != '&' => Some(Piece::Group(0)),
            '\\' => match chars.next() {
                Some(d @ '0'..='9') => Some(Piece::Group(d as usize - '0' as usize)),
                Some('L') => Some(Piece::Case(Case::Lower)),
                Some('U') => Some(Piece::Case(Case::Upper)),
                Some('l') => Some(Piece::Case(Case::NextLower)),
                Some('u') => Some(Piece::Case(Case::NextUpper)),
                Some('E') => Some(Piece::Case(Case::Keep)),
                other => {
                    plain.extend(other.map(|c| match c {
                        'n' => '\n',
                        't' => '\t',
                        'r' => '\r',
                        c => c,
                    }));
                    None
                }
            },
            c => {
                plain.push(c);
                None
            }
        };
        if let Some(piece) = special {
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain).into_bytes()));
            }
            pieces.push(piece);
        }
    }
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain.into_bytes()));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_that_are_good() {
        for script in [
            "s/a/b/g;p",
            "/x/,$d",
            "1~2{p;p}",
            "$!N;P;D",
            ":a;s/x/y/;ta",
            "a\\\ntext\\\nmore",
            "a text",
            "0,/re/s//x/",
            "y/abc/xyz/",
            "s|[/|]|\\||",
            "/a/I!d",
            "2,+3p",
            "2,~4p",
            "# comment\np",
            "s/a/b/w file",
            "b;",
            "/[[:space:]/]/d",
            "{p};p",
            "5q3",
            "\\,x,p",
        ] {
            assert!(parse(script, false).is_ok(), "{script}: {:?}", parse(script, false).err());
        }
    }

    #[test]
    fn scripts_that_are_not() {
        for script in ["s/a/b", "k", "{p", "p}", "bnowhere", "y/a/bc/", "p p", "0p", "s/a/\\1/", "1,p", ":", "/a"] {
            assert!(parse(script, false).is_err(), "{script}");
        }
    }

    #[test]
    fn replacements() {
        let text = |t: &str| Piece::Text(t.as_bytes().to_vec());
        assert_eq!(pieces("a&b\\1\\n\\&", '/'), [text("a"), Piece::Group(0), text("b"), Piece::Group(1), text("\n&")]);
    }
}
