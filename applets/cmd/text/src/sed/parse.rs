//! A script's text into a program.

use std::rc::Rc;

use kit::{Exit, Result};

use super::escape::{Place, pieces, resolve, unescape};
use super::program::{Action, Address, Command, End, Program, Range, Replace, Search};
use super::scan::{Rules, Scanner};
use pattern::{self, Meaning, Syntax};

/// The version of GNU sed whose commands are known.
const VERSION: (u32, u32) = (4, 9);

/// Read a script.
pub(super) fn parse(script: &[u8], extended: bool, rules: Rules) -> Result<Program> {
    let chars = pattern::decode(script);
    let syntax = if extended { Syntax::Extended } else { Syntax::Basic };
    let mut parser =
        Parser { scan: Scanner::new(&chars, rules), syntax, labels: Vec::new(), jumps: Vec::new(), blocks: Vec::new() };
    let mut program = Program { quiet: script == b"#n" || script.starts_with(b"#n\n"), ..Program::default() };
    while let Some(command) = parser.command(program.commands.len())? {
        program.commands.push(command);
    }
    if let Some(open) = parser.blocks.last() {
        return Err(parser.scan.wrong(&format!("a {{ is not closed (command {})", open + 1)));
    }
    parser.link(&mut program)?;
    Ok(program)
}

struct Parser<'a> {
    scan: Scanner<'a>,
    syntax: Syntax,
    labels: Vec<(String, usize)>,
    /// The command that jumps, and the label.
    jumps: Vec<(usize, String)>,
    /// Open blocks, then pairs of block and end.
    blocks: Vec<usize>,
}

impl Parser<'_> {
    fn command(&mut self, number: usize) -> Result<Option<Command>> {
        self.scan.skip(|c| c.is_whitespace() || c == ';');
        if self.scan.peek().is_none() {
            return Ok(None);
        }
        let from = self.address()?;
        let mut to = None;
        self.scan.skip_blanks();
        if from.is_some() && self.scan.peek() == Some(',') {
            self.scan.next();
            self.scan.skip_blanks();
            to = Some(self.end()?);
        }
        self.scan.skip_blanks();
        let inverse = self.scan.peek() == Some('!');
        if inverse {
            self.scan.next();
            self.scan.skip_blanks();
            if self.scan.peek() == Some('!') {
                return Err(self.scan.wrong("there is more than one !"));
            }
        }
        let letter = self.scan.next().ok_or_else(|| self.scan.wrong("a command is missing"))?;
        if from.is_some() && matches!(letter, ':' | '}' | '#') {
            return Err(self.scan.wrong(&format!("{letter} is for no lines in particular")));
        }
        let single = if self.scan.rules.posix { "qai=rl" } else { "qQ" };
        if to.is_some() && single.contains(letter) {
            return Err(self.scan.wrong(&format!("{letter} is for one line")));
        }
        let mut action = self.action(letter, number)?;
        if matches!(from, Some(Address::Zero)) && (self.scan.rules.posix || !matches!(to, Some(End::At(Address::Pattern(_))))) {
            action = match (action, &to) {
                (Action::ReadFile(file), None) if !self.scan.rules.posix => Action::ReadFirst(file),
                _ => return Err(self.scan.wrong("line 0 is only good in 0,/RE/ and 0r")),
            };
        }
        let range = first_state(from.as_ref());
        Ok(Some(Command { from, to, inverse, action, range }))
    }

    fn address(&mut self) -> Result<Option<Address>> {
        let address = match self.scan.peek() {
            Some('$') => {
                self.scan.next();
                Address::Last
            }
            Some(c) if c.is_ascii_digit() => {
                let first = self.scan.number()?.unwrap_or(0);
                if self.scan.peek() == Some('~') && !self.scan.rules.posix {
                    self.scan.next();
                    match (first, self.scan.number()?.unwrap_or(0)) {
                        (0, 0) => return Err(self.scan.wrong("0~0 stands for no line")),
                        (first, step) => Address::Step(first, step),
                    }
                } else if first == 0 {
                    Address::Zero
                } else {
                    Address::Line(first)
                }
            }
            Some('/') => {
                self.scan.next();
                self.pattern('/')?
            }
            Some('\\') => {
                self.scan.next();
                let mark = self.mark()?;
                self.pattern(mark)?
            }
            _ => return Ok(None),
        };
        Ok(Some(address))
    }

    /// The character around a pattern.
    fn mark(&mut self) -> Result<char> {
        let mark = self.scan.next().filter(|mark| *mark != '\n' && *mark != '\\');
        mark.ok_or_else(|| self.scan.wrong("a pattern is missing"))
    }

    /// Characters that are no operators behind a backslash: those of GNU's additions with `--posix`.
    const fn plain(&self) -> &'static str {
        match (self.scan.rules.posix, self.syntax) {
            (false, _) => "",
            (true, Syntax::Extended) => "wWsSbB<>`'",
            (true, _) => "wWsSbB<>`'+?|",
        }
    }

    fn pattern(&mut self, mark: char) -> Result<Address> {
        let text = self.scan.delimited(mark, true, self.plain())?;
        let mut meaning = Meaning::default();
        while !self.scan.rules.posix {
            match self.scan.peek() {
                Some('I') => meaning.any_case = true,
                Some('M') => meaning.lines = true,
                _ => break,
            }
            self.scan.next();
        }
        Ok(Address::Pattern(self.search(&text, meaning)?))
    }

    fn search(&self, text: &[char], meaning: Meaning) -> Result<Search> {
        if text.is_empty() {
            if meaning.any_case || meaning.lines {
                return Err(self.scan.wrong("an empty pattern stands for the last one, as that was meant"));
            }
            return Ok(Search::Last);
        }
        let text = resolve(text, Place::Pattern).map_err(|e| self.scan.wrong(&e))?;
        let pattern = pattern::compile_chars(&text, self.syntax, meaning).map_err(|e| e.with_exit(Exit::FAILED))?;
        Ok(Search::For(Rc::new(pattern)))
    }

    fn end(&mut self) -> Result<End> {
        let sign = self.scan.peek();
        if let (Some('+' | '~'), false) = (sign, self.scan.rules.posix) {
            self.scan.next();
            let number = self.scan.number()?.ok_or_else(|| self.scan.wrong("a number is missing"))?;
            return Ok(if sign == Some('+') { End::After(number) } else { End::Multiple(number) });
        }
        match self.address()? {
            Some(Address::Zero) | None => Err(self.scan.wrong("the end of a range is missing")),
            Some(address) => Ok(End::At(address)),
        }
    }

    fn action(&mut self, letter: char, number: usize) -> Result<Action> {
        let action = match letter {
            _ if self.scan.rules.posix && "eFQRTvWzL".contains(letter) => {
                return Err(self.scan.wrong(&format!("there is no command {letter} with --posix")));
            }
            '{' => {
                self.blocks.push(number);
                return Ok(Action::Block(usize::MAX));
            }
            '}' => {
                let open = self.blocks.pop().ok_or_else(|| self.scan.wrong("a } closes nothing"))?;
                self.jumps.push((open, format!("\n{}", number + 1)));
                Action::Nothing
            }
            '#' => {
                self.scan.skip(|c| c != '\n');
                return Ok(Action::Nothing);
            }
            ':' => {
                let label = self.scan.label();
                if label.is_empty() {
                    return Err(self.scan.wrong("a label is missing"));
                }
                self.labels.push((label, number));
                return Ok(Action::Nothing);
            }
            'a' => return self.scan.text().map(Action::Append),
            'i' => return self.scan.text().map(Action::Insert),
            'c' => return self.scan.text().map(Action::Change),
            'b' | 't' | 'T' => self.jump(letter, number),
            'r' => return self.scan.file().map(Action::ReadFile),
            'R' => return self.scan.file().map(Action::ReadLine),
            'w' => return self.scan.file().map(Action::WriteFile),
            'W' => return self.scan.file().map(Action::WriteFirst),
            'q' | 'Q' | 'l' | 'L' => self.numbered(letter)?,
            's' => self.replace()?,
            'y' => self.map()?,
            'v' => {
                // The version of GNU sed that a script needs; what it needs is here, or is refused where it stands.
                let version = self.scan.label();
                let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
                if (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) > VERSION {
                    return Err(self.scan.wrong(&format!("version {version} of GNU sed is asked for")));
                }
                Action::Nothing
            }
            'e' => {
                self.scan.may_reach_out()?;
                return Ok(Action::Execute(self.scan.rest_of_line()));
            }
            'N' => Action::NextAppend(!self.scan.rules.posix),
            _ => simple(letter).ok_or_else(|| self.scan.wrong(&format!("there is no command {letter}")))?,
        };
        self.scan.skip_blanks();
        match self.scan.peek() {
            None | Some('\n' | ';' | '}' | '#') => Ok(action),
            Some(c) => Err(self.scan.wrong(&format!("{c} after a command"))),
        }
    }

    fn jump(&mut self, letter: char, number: usize) -> Action {
        let label = self.scan.label();
        self.jumps.push((number, label));
        match letter {
            'b' => Action::Branch(0),
            't' => Action::BranchIfReplaced(0),
            _ => Action::BranchUnlessReplaced(0),
        }
    }

    /// A command with a number behind it.
    fn numbered(&mut self, letter: char) -> Result<Action> {
        self.scan.skip_blanks();
        let number = if self.scan.rules.posix { None } else { self.scan.number()? };
        Ok(match letter {
            'l' => Action::List(number.map(|number| usize::try_from(number).unwrap_or(usize::MAX))),
            // As the status of every process: its last byte.
            'q' | 'Q' => Action::Quit(number.unwrap_or(0).to_le_bytes()[0], letter == 'q'),
            _ => return Err(self.scan.wrong("L is not supported: GNU sed has it no longer")),
        })
    }

    fn replace(&mut self) -> Result<Action> {
        let mark = self.mark()?;
        let pattern = self.scan.delimited(mark, true, self.plain())?;
        let with = self.scan.delimited(mark, false, if self.scan.rules.posix { "LUElu" } else { "" })?;
        let with = resolve(&with, Place::Replacement).map_err(|e| self.scan.wrong(&e))?;
        let mut replace =
            Replace { search: Search::Last, with: pieces(&with), all: false, from: 1, print: false, execute: false, file: None };
        let meaning = self.flags(&mut replace)?;
        replace.search = self.search(&pattern, meaning)?;
        if let Search::For(pattern) = &replace.search
            && replace.groups() > pattern.groups()
        {
            return Err(self.scan.wrong(&format!("\\{} stands for no group", replace.groups())));
        }
        Ok(Action::Replace(Box::new(replace)))
    }

    /// Flags behind `s/…/…/`.
    fn flags(&mut self, replace: &mut Replace) -> Result<Meaning> {
        let mut meaning = Meaning::default();
        let mut counted = false;
        loop {
            let twice = match self.scan.peek() {
                Some('g') => std::mem::replace(&mut replace.all, true),
                Some('p') => std::mem::replace(&mut replace.print, true),
                Some('e' | 'i' | 'I' | 'm' | 'M') if self.scan.rules.posix => return Ok(meaning),
                Some('i' | 'I') => {
                    meaning.any_case = true;
                    false
                }
                Some('m' | 'M') => {
                    meaning.lines = true;
                    false
                }
                Some(c) if c.is_ascii_digit() => {
                    let number = self.scan.number()?.and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
                    replace.from = number.ok_or_else(|| self.scan.wrong("the first match is number 1"))?;
                    if std::mem::replace(&mut counted, true) {
                        return Err(self.scan.wrong("s has more than one number"));
                    }
                    continue;
                }
                Some('w') => {
                    self.scan.next();
                    replace.file = Some(self.scan.file()?);
                    return Ok(meaning);
                }
                Some('e') => {
                    self.scan.may_reach_out()?;
                    std::mem::replace(&mut replace.execute, true)
                }
                _ => return Ok(meaning),
            };
            if twice {
                return Err(self.scan.wrong("s has a flag twice"));
            }
            self.scan.next();
        }
    }

    fn map(&mut self) -> Result<Action> {
        let mark = self.mark()?;
        let mut list = || -> Result<Vec<char>> {
            let text = self.scan.delimited(mark, false, "")?;
            let text = resolve(&text, Place::Text).map_err(|e| self.scan.wrong(&e))?;
            Ok(unescape(&text))
        };
        let (from, to) = (list()?, list()?);
        if from.len() != to.len() {
            return Err(self.scan.wrong("the two lists of y differ in length"));
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
            let place = place.ok_or_else(|| self.scan.wrong(&format!("there is no label {label}")).with_exit(Exit(4)))?;
            let command = program.commands.get_mut(*number).map(|command| &mut command.action);
            if let Some(
                Action::Block(to) | Action::Branch(to) | Action::BranchIfReplaced(to) | Action::BranchUnlessReplaced(to),
            ) = command
            {
                *to = place;
            }
        }
        Ok(())
    }
}

/// State of a range before the first line.
pub(super) const fn first_state(from: Option<&Address>) -> Range {
    if matches!(from, Some(Address::Zero)) { Range::Open } else { Range::Closed }
}

fn simple(letter: char) -> Option<Action> {
    Some(match letter {
        '=' => Action::Number,
        'd' => Action::Delete,
        'D' => Action::DeleteFirst,
        'F' => Action::FileName,
        'g' => Action::GetHold,
        'G' => Action::AppendHold,
        'h' => Action::Hold,
        'H' => Action::HoldAppend,
        'x' => Action::Exchange,
        'n' => Action::Next,
        'p' => Action::Print,
        'P' => Action::PrintFirst,
        'z' => Action::Empty,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
