//! Languages of patterns, by what their characters mean.

use super::{Meaning, Syntax};

/// Meaning of a repetition operator that has nothing before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leading {
    /// It is a character.
    Character,
    /// It is an error.
    Error,
    /// It is left out.
    Nothing,
}

/// Rules of a language.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grammar {
    /// `\(`, `\)`, `\|` are operators, not `(`, `)`, `|`.
    pub slashed_groups: bool,
    /// `\+` and `\?` are operators, not `+` and `?`.
    pub slashed_plus: bool,
    /// There are intervals; slashed as groups are.
    pub intervals: bool,
    /// `^` and `$` are places wherever they stand.
    pub free_anchors: bool,
    pub leading: Leading,
    /// The same of an interval.
    pub leading_interval: Leading,
    /// A star or an interval behind a repetition is an error.
    pub once: bool,
    /// A brace that begins no interval, and a closing bracket without an open one, are characters.
    pub loose: bool,
    /// Brackets know classes by name.
    pub names: bool,
}

impl Grammar {
    pub fn of(syntax: Syntax, meaning: Meaning) -> Self {
        let basic = Self {
            slashed_groups: true,
            slashed_plus: true,
            intervals: true,
            free_anchors: false,
            leading: Leading::Character,
            leading_interval: if meaning.lenient { Leading::Character } else { Leading::Error },
            once: !meaning.lenient,
            loose: false,
            names: true,
        };
        match syntax {
            Syntax::Basic | Syntax::Fixed => basic,
            Syntax::Extended => {
                let leading = if meaning.lenient { Leading::Nothing } else { Leading::Error };
                Self {
                    slashed_groups: false,
                    slashed_plus: false,
                    free_anchors: true,
                    leading,
                    leading_interval: leading,
                    once: false,
                    loose: meaning.lenient,
                    ..basic
                }
            }
            Syntax::Emacs => Self { slashed_plus: false, intervals: false, once: false, names: false, ..basic },
        }
    }
}
