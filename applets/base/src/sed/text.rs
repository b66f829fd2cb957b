//! Text that commands make: replacements, and lines with nothing in them that a terminal would act on.

use regex::bytes::Captures;

use super::program::{Case, Piece};

/// A replacement for one match.
pub(super) fn put(pieces: &[Piece], found: &Captures, to: &mut Vec<u8>) {
    let (mut lasting, mut once) = (Case::Keep, None);
    for piece in pieces {
        let text = match piece {
            Piece::Text(text) => text.as_slice(),
            Piece::Group(n) => found.get(*n).map_or(&[][..], |m| m.as_bytes()),
            Piece::Case(case @ (Case::NextLower | Case::NextUpper)) => {
                once = Some(*case);
                continue;
            }
            Piece::Case(case) => {
                lasting = *case;
                continue;
            }
        };
        if lasting == Case::Keep && once.is_none() {
            to.extend_from_slice(text);
            continue;
        }
        for c in String::from_utf8_lossy(text).chars() {
            let case = once.take().unwrap_or(lasting);
            let cased = match case {
                Case::Lower | Case::NextLower => c.to_lowercase().to_string(),
                Case::Upper | Case::NextUpper => c.to_uppercase().to_string(),
                Case::Keep => c.to_string(),
            };
            to.extend_from_slice(cased.as_bytes());
        }
    }
}

/// The line of `l`: no byte that a terminal would act on, at most 70 columns.
pub(super) fn listed(line: &[u8]) -> String {
    /// POSIX leaves it open; this is GNU's.
    const WIDTH: usize = 69;
    let mut text = String::new();
    let mut column = 0;
    for byte in line {
        let shown = match byte {
            b'\\' => "\\\\".into(),
            7 => "\\a".into(),
            8 => "\\b".into(),
            9 => "\\t".into(),
            10 => "\\n".into(),
            11 => "\\v".into(),
            12 => "\\f".into(),
            13 => "\\r".into(),
            0x20..0x7f => char::from(*byte).to_string(),
            _ => format!("\\{byte:03o}"),
        };
        if column + shown.len() > WIDTH {
            text.push_str("\\\n");
            column = 0;
        }
        column += shown.len();
        text.push_str(&shown);
    }
    text + "$\n"
}
