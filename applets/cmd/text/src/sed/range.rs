//! Lines that a command is for.

use std::rc::Rc;

use kit::{Error, Result};

use super::program::{Action, Address, Command, End, Range, Search};
use super::run::Editor;
use pattern::Pattern;

impl Editor {
    /// Tell if the command is for this line. Opens and closes its range.
    pub(super) fn selects(&mut self, command: &mut Command) -> Result<bool> {
        let Some(from) = &command.from else { return Ok(true) };
        if let Action::ReadFirst(_) = command.action {
            return Ok(self.number == 1);
        }
        let Some(to) = &command.to else { return self.fits(from) };
        // A range from a number is there once; it may begin later, when that line went by within another command.
        let closed = if matches!(from, Address::Line(_)) { Range::Over } else { Range::Closed };
        let (ends, inside) = match (command.range, to) {
            (Range::Over, _) => return Ok(false),
            (Range::Closed, _) => {
                let (begins, range) = self.begins(from, to)?;
                if begins {
                    command.range = if range == Range::Closed { closed } else { range };
                }
                return Ok(begins);
            }
            // A range whose end lies behind us is over; one that counts lines has this one, too.
            (Range::Until(last), End::At(_)) => (self.number >= last, self.number <= last),
            (Range::Until(last), _) => (self.number >= last, true),
            (Range::Open, End::At(address)) => (self.fits(address)?, true),
            (Range::Open, _) => (false, true),
        };
        if ends {
            command.range = closed;
        }
        Ok(inside || (command.range == Range::Closed && self.fits(from)?))
    }

    /// Tell if a range begins with this line, and how it goes on.
    fn begins(&mut self, from: &Address, to: &End) -> Result<(bool, Range)> {
        let begins = match (from, to) {
            (Address::Line(first), End::At(Address::Line(last))) if self.number > *last => self.number == *first,
            (Address::Line(first), _) => self.number >= *first,
            _ => self.fits(from)?,
        };
        let end = match to {
            End::At(Address::Line(last)) => Some(*last),
            End::After(more) => Some(self.number.saturating_add(*more)),
            End::Multiple(0) => Some(self.number),
            // From a multiple to the next one: GNU's.
            End::Multiple(of) => Some((self.number - self.number % of).saturating_add(*of)),
            End::At(Address::Last) if self.input.is_last() => Some(self.number),
            End::At(_) => None,
        };
        let range = match end {
            Some(last) if last <= self.number => Range::Closed,
            Some(last) => Range::Until(last),
            None => Range::Open,
        };
        Ok((begins, range))
    }

    fn fits(&mut self, address: &Address) -> Result<bool> {
        Ok(match address {
            Address::Line(number) => self.number == *number,
            Address::Last => self.input.is_last(),
            Address::Step(first, 0) => self.number == *first,
            Address::Step(first, step) => self.number >= *first && (self.number - first).is_multiple_of(*step),
            Address::Zero => false,
            Address::Pattern(search) => self.pattern(search)?.is_match(&self.line)?,
        })
    }

    pub(super) fn pattern(&mut self, search: &Search) -> Result<Rc<Pattern>> {
        if let Search::For(pattern) = search {
            self.last = Some(Rc::clone(pattern));
        }
        let none = || Error::new("an empty pattern stands for the last one, and there was none");
        self.last.clone().ok_or_else(none)
    }
}
