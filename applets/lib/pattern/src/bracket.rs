//! Bracket expressions: `[…]`, in which a backslash is a character, and brackets have names, classes and ranges.

use super::bytes::{byte_text, raw_byte};

const UNCLOSED: &str = "a [ is not closed";

/// Classes by name.
const CLASSES: &[&str] =
    &["alpha", "digit", "alnum", "upper", "lower", "space", "blank", "punct", "print", "graph", "cntrl", "xdigit"];

/// A part of a bracket expression.
enum Part {
    Range(char, char),
    Class(&'static str),
}

/// Read what follows a `[` at `at`: the same for `regex`, and the place behind it. With `lines` a negated one has no end of line.
pub(super) fn read(chars: &[char], at: usize, lines: bool) -> Result<(String, usize), String> {
    let mut reader = Reader { chars, at };
    let negated = reader.take('^');
    let start = reader.at;
    let mut parts = Vec::new();
    while !(reader.peek() == Some(']') && reader.at > start) {
        parts.push(reader.part()?);
    }
    let inside = &chars[start..reader.at];
    if let ([':', _, .., ':'], false) = (inside, negated) {
        return Err("a class is written [[:name:]], not [:name:]".into());
    }
    Ok((write(&parts, negated, lines)?, reader.at + 1))
}

struct Reader<'a> {
    chars: &'a [char],
    at: usize,
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

    fn part(&mut self) -> Result<Part, String> {
        let rest = &self.chars[self.at..];
        if rest.starts_with(&['[', ':']) {
            let name = self.name(':')?;
            let class = CLASSES.iter().find(|class| **class == name);
            return class.map(|class| Part::Class(class)).ok_or_else(|| format!("there is no class [:{name}:]"));
        }
        let first = self.end_of_range()?;
        // A hyphen that is the last character stands for itself.
        if self.peek() == Some('-') && self.chars.get(self.at + 1).is_some_and(|c| *c != ']') {
            self.at += 1;
            let last = self.end_of_range()?;
            return if first <= last {
                Ok(Part::Range(first, last))
            } else {
                Err(format!("the range {first}-{last} has no characters"))
            };
        }
        Ok(Part::Range(first, first))
    }

    /// One character, or its name in `[. .]` or `[= =]`.
    fn end_of_range(&mut self) -> Result<char, String> {
        let c = self.peek().ok_or(UNCLOSED)?;
        match self.chars.get(self.at + 1) {
            Some(mark @ ('.' | '=')) if c == '[' => {
                let name = self.name(*mark)?;
                let mut chars = name.chars();
                match (chars.next(), chars.next()) {
                    (Some(c), None) => Ok(c),
                    _ => Err(format!("there is no character [{mark}{name}{mark}]")),
                }
            }
            _ => {
                self.at += 1;
                Ok(c)
            }
        }
    }

    /// The name in `[:name:]`.
    fn name(&mut self, mark: char) -> Result<String, String> {
        let body = self.chars.get(self.at + 2..).ok_or(UNCLOSED)?;
        let len = body.windows(2).position(|pair| pair == [mark, ']']).ok_or(UNCLOSED)?;
        self.at += len + 4;
        Ok(body[..len].iter().collect())
    }
}

/// The expression for characters, and beside it one for bytes that are none. A range of bytes stands for all characters beyond
/// ASCII, too: they are made of such.
fn write(parts: &[Part], negated: bool, lines: bool) -> Result<String, String> {
    let (mut text, mut bytes) = (String::new(), String::new());
    for part in parts {
        match part {
            // Letters are those of every script.
            Part::Class("alpha") => text.push_str(r"[\w--[\d_]]"),
            Part::Class("alnum") => text.push_str(r"[\w--_]"),
            Part::Class(class) => text.extend(["[:", class, ":]"]),
            Part::Range(first, last) => match (raw_byte(*first), raw_byte(*last)) {
                (None, None) => text.push_str(&range(u32::from(*first), u32::from(*last))),
                (Some(first), Some(last)) => {
                    bytes.extend([byte_text(first), "-".into(), byte_text(last)]);
                    if first < last {
                        text.push_str(&range(0x80, 0x10_ffff));
                    }
                }
                (None, Some(last)) if first.is_ascii() => {
                    bytes.extend([byte_text(0x80), "-".into(), byte_text(last)]);
                    text.push_str(&range(u32::from(*first), 0x10_ffff));
                }
                _ => return Err("a range goes from a character to a byte that is none".into()),
            },
        }
    }
    if negated {
        text.insert_str(0, if lines { "^\\n" } else { "^" });
        // Every character is meant, but those bytes are none.
        return Ok(if text == "^" { r"[\s\S]".into() } else { format!("[{text}]") });
    }
    Ok(match (text.is_empty(), bytes.is_empty()) {
        (_, true) => format!("[{text}]"),
        (true, false) => format!("(?-u:[{bytes}])"),
        (false, false) => format!("(?:[{text}]|(?-u:[{bytes}]))"),
    })
}

fn range(first: u32, last: u32) -> String {
    format!("\\x{{{first:X}}}-\\x{{{last:X}}}")
}
