//! Expansion of words: braces, tildes, parameters, commands, arithmetic, fields, file names, quotes; in this order.

pub mod brace;
pub mod case;
pub mod escape;
pub mod field;
mod files;
mod param;
mod replace;
mod substitute;
mod tilde;
pub mod transform;

use crate::ast::{Bytes, Part, Word};
use crate::matching::Pattern;
use crate::shell::{Flow, Shell};
use field::{Cell, Field, Fields, Mark};

/// Separators where IFS is not set.
const USUAL_IFS: &[u8] = b" \t\n";

impl Shell {
    /// All fields of words.
    pub fn expand_words(&mut self, words: &[Word]) -> Result<Vec<Bytes>, Flow> {
        let mut all = Vec::with_capacity(words.len());
        for word in words {
            self.expand_word(word, &mut all)?;
        }
        Ok(all)
    }

    /// All fields of one word.
    pub fn expand_word(&mut self, word: &Word, all: &mut Vec<Bytes>) -> Result<(), Flow> {
        // Most words are this.
        if let Some(text) = word.literal().filter(|text| !needs_expansion(text)) {
            all.push(text.to_vec());
            return Ok(());
        }
        if self.set.braceexpand && brace::may_have(word) {
            for word in brace::expand(word) {
                self.expand_braceless(&word, all)?;
            }
            return Ok(());
        }
        self.expand_braceless(word, all)
    }

    fn expand_braceless(&mut self, word: &Word, all: &mut Vec<Bytes>) -> Result<(), Flow> {
        let mut fields = Fields::default();
        match self.tilde_in_argument(word) {
            Some(word) => self.parts(&word.parts, &mut fields, false)?,
            None => self.tilde_and_parts(word, &mut fields)?,
        }
        let ifs = self.separators();
        for field in field::split(fields.finish(), &ifs) {
            if self.set.noglob || !crate::matching::is_pattern(&field, self.shopt.extglob) {
                all.push(field::text(&field));
            } else {
                self.file_names(&field, all)?;
            }
        }
        Ok(())
    }

    /// Value of IFS.
    pub fn separators(&self) -> Bytes {
        self.vars.text(b"IFS").map_or_else(|| USUAL_IFS.to_vec(), Clone::clone)
    }

    /// One text of a word, neither split nor matched with files.
    pub fn expand_text(&mut self, word: &Word) -> Result<Bytes, Flow> {
        if let Some(text) = word.literal().filter(|text| text.first() != Some(&b'~')) {
            return Ok(text.to_vec());
        }
        Ok(field::text(&self.expand_cells(word)?))
    }

    /// The value of an assignment: a tilde counts behind colons too.
    pub fn expand_assigned(&mut self, word: &Word) -> Result<Bytes, Flow> {
        if let Some(text) = word.literal().filter(|text| !text.contains(&b'~')) {
            return Ok(text.to_vec());
        }
        let word = self.tilde_in_assignment(word);
        let mut fields = Fields::single();
        self.parts(&word.parts, &mut fields, false)?;
        Ok(field::text(&Self::join_fields(fields)))
    }

    /// Cells of a word that stays one, for patterns.
    pub fn expand_cells(&mut self, word: &Word) -> Result<Field, Flow> {
        let mut fields = Fields::single();
        self.tilde_and_parts(word, &mut fields)?;
        Ok(Self::join_fields(fields))
    }

    fn join_fields(fields: Fields) -> Field {
        let mut joined = Field::new();
        for (number, field) in fields.finish().into_iter().enumerate() {
            if number > 0 {
                joined.push(Cell(b' ', Mark::Quoted));
            }
            joined.extend(field);
        }
        joined
    }

    /// Pattern that a word stands for.
    pub fn expand_pattern(&mut self, word: &Word) -> Result<Pattern, Flow> {
        let cells = self.expand_cells(word)?;
        Ok(Pattern::new(&cells, self.extended_patterns(), self.shopt.nocasematch))
    }

    /// True when groups such as `@(a|b)` count.
    pub fn extended_patterns(&self) -> bool {
        self.shopt.extglob
    }

    /// Value of a word as an expression.
    pub fn expand_number(&mut self, word: &Word) -> Result<i64, Flow> {
        let text = self.expand_text(word)?;
        self.arith_text(&text)
    }

    fn tilde_and_parts(&mut self, word: &Word, fields: &mut Fields) -> Result<(), Flow> {
        match self.tilde_at_start(word) {
            Some((home, rest)) => {
                fields.add(&home, Mark::Quoted);
                self.parts(&rest.parts, fields, false)
            }
            None => self.parts(&word.parts, fields, false),
        }
    }

    /// Adds what parts stand for.
    fn parts(&mut self, parts: &[Part], fields: &mut Fields, quoted: bool) -> Result<(), Flow> {
        for part in parts {
            self.part(part, fields, quoted)?;
        }
        Ok(())
    }

    fn part(&mut self, part: &Part, fields: &mut Fields, quoted: bool) -> Result<(), Flow> {
        let split = if quoted { Mark::Quoted } else { Mark::Split };
        match part {
            Part::Plain(text) => fields.add(text, if quoted { Mark::Quoted } else { Mark::Plain }),
            Part::Quoted(text) => {
                if text.is_empty() {
                    fields.now.push(Cell(0, Mark::Empty));
                }
                fields.add(text, Mark::Quoted);
            }
            Part::Double(parts) => self.double(parts, fields)?,
            Part::Param(param) => self.param(param, fields, quoted)?,
            Part::Command(list) => {
                let text = self.command_output(list)?;
                fields.add(&text, split);
            }
            Part::Arith(word) => {
                let text = self.arith_word(word)?;
                let value = self.arith_text(&text)?;
                fields.add(value.to_string().as_bytes(), split);
            }
            Part::Process { output, list } => {
                let name = self.process_name(*output, list)?;
                fields.add(&name, Mark::Quoted);
            }
        }
        Ok(())
    }

    /// Double quotes make a field even of nothing, but of `"$@"` without arguments.
    fn double(&mut self, parts: &[Part], fields: &mut Fields) -> Result<(), Flow> {
        let before = (fields.done.len(), fields.now.len());
        self.parts(parts, fields, true)?;
        let nothing = before == (fields.done.len(), fields.now.len());
        if nothing && !(parts.iter().any(is_all) && parts.iter().all(Self::makes_nothing)) {
            fields.now.push(Cell(0, Mark::Empty));
        }
        Ok(())
    }

    /// True for a part that stands for no field at all in quotes.
    fn makes_nothing(part: &Part) -> bool {
        is_all(part) || matches!(part, Part::Plain(text) if text.is_empty())
    }

    /// Text of an expression, its expansions done.
    pub fn arith_word(&mut self, word: &Word) -> Result<Bytes, Flow> {
        let mut fields = Fields::single();
        self.parts(&word.parts, &mut fields, true)?;
        Ok(field::text(&Self::join_fields(fields)))
    }

    /// A text as a word with its expansions, such as a subscript that came from a variable.
    pub fn parse_word(&mut self, text: &[u8]) -> Word {
        let mut parser = crate::parse::Parser::of_text(text, &self.settings, self.line);
        parser.whole_word().unwrap_or_else(|_| Word::plain(text))
    }
}

/// `$@` or an array's elements.
fn is_all(part: &Part) -> bool {
    match part {
        Part::Param(param) => {
            !param.length && (param.name == b"@" || param.index == Some(crate::ast::Index::All))
                || matches!(param.op, crate::ast::Op::Keys(true) | crate::ast::Op::Names(true))
        }
        _ => false,
    }
}

pub use tilde::account;
pub use transform::shown_value as transform_value;

/// True when a plain text may be more than itself.
fn needs_expansion(text: &[u8]) -> bool {
    text.first() == Some(&b'~') || text.iter().any(|byte| b"*?[{\\+@!".contains(byte))
}
