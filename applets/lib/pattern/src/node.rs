//! A pattern as a tree.

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

/// Part of a pattern.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    /// Matches everywhere, without a character.
    Empty,
    /// One byte, also one that is part of a character.
    Byte(u8),
    /// One character of a set.
    Set(Set),
    /// A place between characters.
    Place(Place),
    /// A numbered group.
    Group(usize, Box<Node>),
    /// One after another.
    Sequence(Vec<Node>),
    /// One of several.
    Choice(Vec<Node>),
    /// So many times, as often as possible.
    Repeat { body: Box<Node>, least: u32, most: Option<u32> },
    /// The text that a group has matched.
    Recall(usize),
}

/// A place between characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Start of the text.
    Start,
    /// End of the text.
    End,
    /// Start of a line in the text.
    LineStart,
    /// End of a line in the text.
    LineEnd,
    /// `\b`
    WordEdge,
    /// `\B`
    NoWordEdge,
    /// `\<`
    WordStart,
    /// `\>`
    WordEnd,
    /// Behind no word character: before a match of `grep -w`.
    NotInWordBefore,
    /// Before no word character: behind a match of `grep -w`.
    NotInWordAfter,
}

/// Characters, and bytes that are none.
#[derive(Debug, Clone)]
pub(crate) struct Set {
    /// Characters, sorted.
    pub chars: ClassUnicode,
    /// Bytes from 0x80 on that belong to no character.
    pub bytes: Vec<u8>,
}

impl Set {
    pub fn of(first: char, last: char) -> Self {
        Self { chars: ClassUnicode::new([ClassUnicodeRange::new(first, last)]), bytes: Vec::new() }
    }

    /// Tell if a character is in it.
    pub fn has(&self, c: char) -> bool {
        let ranges = self.chars.ranges();
        let next = ranges.partition_point(|range| range.end() < c);
        ranges.get(next).is_some_and(|range| range.start() <= c)
    }
}

impl Node {
    /// Tell if each match has one character, or none.
    pub fn is_narrow(&self) -> bool {
        match self {
            Self::Empty | Self::Set(_) | Self::Byte(_) | Self::Place(_) => true,
            Self::Group(_, body) => body.is_narrow(),
            _ => false,
        }
    }

    /// Tell if the first match that is found at a place may not be the longest one.
    pub fn is_ambiguous(&self) -> bool {
        match self {
            Self::Choice(_) => true,
            Self::Repeat { body, .. } => !body.is_narrow() || matches!(**body, Self::Group(..)),
            Self::Group(_, body) => body.is_ambiguous(),
            Self::Sequence(parts) => parts.iter().any(Self::is_ambiguous),
            _ => false,
        }
    }

    /// Tell if it can match without a character. A back-reference may.
    pub fn may_be_empty(&self) -> bool {
        match self {
            Self::Empty | Self::Place(_) | Self::Recall(_) => true,
            Self::Byte(_) | Self::Set(_) => false,
            Self::Group(_, body) => body.may_be_empty(),
            Self::Sequence(parts) => parts.iter().all(Self::may_be_empty),
            Self::Choice(parts) => parts.iter().any(Self::may_be_empty),
            Self::Repeat { body, least, .. } => *least == 0 || body.may_be_empty(),
        }
    }

    /// Tell if any part fits.
    pub fn any(&self, fits: &impl Fn(&Self) -> bool) -> bool {
        fits(self)
            || match self {
                Self::Group(_, body) | Self::Repeat { body, .. } => body.any(fits),
                Self::Sequence(parts) | Self::Choice(parts) => parts.iter().any(|part| part.any(fits)),
                _ => false,
            }
    }
}
