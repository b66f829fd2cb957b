//! Fields in the making: bytes that know if quotes protect them.

use crate::ast::Bytes;

/// Origin of a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Written without quotes.
    Plain,
    /// Protected by quotes.
    Quoted,
    /// Result of an expansion without quotes: it is split.
    Split,
    /// No byte at all: here stand quotes around nothing.
    Empty,
}

impl Mark {
    /// True when a pattern's character has its meaning.
    pub const fn is_special(self) -> bool {
        matches!(self, Self::Plain | Self::Split)
    }
}

/// A byte and its origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell(pub u8, pub Mark);

/// A field.
pub type Field = Vec<Cell>;

/// Fields that an expansion makes.
#[derive(Debug, Default)]
pub struct Fields {
    /// Those that are done.
    pub done: Vec<Field>,
    /// The one that is written to.
    pub now: Field,
    /// All is one text in the end: nothing is split.
    pub single: bool,
}

impl Fields {
    /// Fields that become one text.
    pub fn single() -> Self {
        Self { single: true, ..Self::default() }
    }

    /// Adds bytes.
    pub fn add(&mut self, text: &[u8], mark: Mark) {
        self.now.extend(text.iter().map(|byte| Cell(*byte, mark)));
    }

    /// Ends the field.
    pub fn cut(&mut self) {
        self.done.push(std::mem::take(&mut self.now));
    }

    /// All fields.
    pub fn finish(mut self) -> Vec<Field> {
        self.done.push(self.now);
        self.done
    }
}

/// Text of a field.
pub fn text(field: &[Cell]) -> Bytes {
    field.iter().filter(|cell| cell.1 != Mark::Empty).map(|cell| cell.0).collect()
}

/// Splits fields at the separators of `ifs`. Fields of nothing go away.
pub fn split(fields: Vec<Field>, ifs: &[u8]) -> Vec<Field> {
    let mut all = Vec::new();
    for field in fields {
        if field.iter().all(|cell| cell.1 != Mark::Split) {
            if !field.is_empty() {
                all.push(field);
            }
            continue;
        }
        split_one(&field, ifs, &mut all);
    }
    all
}

fn split_one(field: &[Cell], ifs: &[u8], all: &mut Vec<Field>) {
    let mut now = Field::new();
    // White space ended the last field: a separator behind it belongs to the same gap.
    let mut behind_blank = false;
    for cell in field {
        if cell.1 != Mark::Split || !ifs.contains(&cell.0) {
            behind_blank = false;
            now.push(*cell);
        } else if matches!(cell.0, b' ' | b'\t' | b'\n') {
            if !now.is_empty() {
                all.push(std::mem::take(&mut now));
                behind_blank = true;
            }
        } else if behind_blank {
            behind_blank = false;
        } else {
            // A field of nothing between two separators is one.
            if now.is_empty() {
                now.push(Cell(0, Mark::Empty));
            }
            all.push(std::mem::take(&mut now));
        }
    }
    if !now.is_empty() {
        all.push(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn splits(value: &str, ifs: &str) -> Vec<String> {
        let field: Field = value.bytes().map(|byte| Cell(byte, Mark::Split)).collect();
        let fields = split(vec![field], ifs.as_bytes());
        fields.iter().map(|field| String::from_utf8_lossy(&text(field)).into_owned()).collect()
    }

    #[test]
    fn separators() {
        assert_eq!(splits(" a  b ", " \t\n"), ["a", "b"]);
        assert_eq!(splits("a:b::c", ":"), ["a", "b", "", "c"]);
        assert_eq!(splits(",a", ","), ["", "a"]);
        assert_eq!(splits("a,", ","), ["a"]);
        assert_eq!(splits("a : b", ": "), ["a", "b"]);
        assert_eq!(splits("a:\tb\tc", ":\t"), ["a", "b", "c"]);
        assert_eq!(splits(" ", " "), Vec::<String>::new());
    }
}
