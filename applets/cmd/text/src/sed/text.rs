//! Text that commands make: replacements, and lines with nothing in them that a terminal would act on.

use super::program::{Case, Piece};
use pattern::{Spans, decode, encode};

/// Put a replacement for one match behind `to`.
pub(super) fn put(pieces: &[Piece], line: &[u8], found: &Spans, to: &mut Vec<u8>) {
    // `\u` or `\l` before a group that is empty is for what follows.
    let mut saved = None;
    for piece in pieces {
        let mut first = piece.first.or(saved.take());
        if !piece.text.is_empty() {
            put_cased(&piece.text, piece.case, first.take(), to);
        }
        let Some(group) = piece.group else { continue };
        let text = found.get(group).cloned().flatten().and_then(|span| line.get(span)).unwrap_or_default();
        if text.is_empty() {
            saved = piece.first.and(first);
        } else {
            put_cased(text, piece.case, first, to);
        }
    }
}

fn put_cased(text: &[u8], case: Case, first: Option<Case>, to: &mut Vec<u8>) {
    if case == Case::Keep && first.is_none() {
        to.extend_from_slice(text);
        return;
    }
    for (at, c) in decode(text).into_iter().enumerate() {
        let cased = match first.filter(|_| at == 0).unwrap_or(case) {
            Case::Lower => only(c.to_lowercase()),
            Case::Upper => only(c.to_uppercase()),
            Case::Keep => None,
        };
        to.extend(encode(&[cased.unwrap_or(c)]));
    }
}

/// The one character; some letters become two, and stay as they are.
fn only(mut chars: impl Iterator<Item = char>) -> Option<char> {
    chars.next().filter(|_| chars.next().is_none())
}

/// The line of `l`: no byte that a terminal would act on, at most `width` columns with the mark of a continued line.
/// 0 stands for no limit.
pub(super) fn listed(line: &[u8], width: usize) -> String {
    let most = width.checked_sub(1).unwrap_or(usize::MAX);
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
        if column + shown.len() > most {
            text.push_str("\\\n");
            column = 0;
        }
        column += shown.len();
        text.push_str(&shown);
    }
    text + "$\n"
}

#[cfg(test)]
mod tests {
    use super::super::escape::pieces;
    use super::*;

    #[test]
    fn cases_of_letters() {
        let made = |replacement: &str, line: &str, spans: &Spans| {
            let chars: Vec<char> = replacement.chars().collect();
            let mut to = Vec::new();
            put(&pieces(&chars), line.as_bytes(), spans, &mut to);
            String::from_utf8_lossy(&to).into_owned()
        };
        let word = vec![Some(0..3), Some(0..0)];
        for (replacement, expected) in [
            ("\\U&", "FOO"),
            ("\\u&", "Foo"),
            ("\\L\\u&X", "Foox"),
            ("\\u\\L&", "foo"),
            ("\\l\\UABC", "ABC"),
            ("\\u\\Eabc", "abc"),
            ("\\u\\1abc", "Abc"),
            ("\\u\\1&", "Foo"),
            ("\\Ua&\\Eb", "AFOOb"),
        ] {
            assert_eq!(made(replacement, "foo", &word), expected, "{replacement}");
        }
        assert_eq!(made("\\U&", "é\u{df}x", &vec![Some(0..5)]), "É\u{df}X");
    }

    #[test]
    fn long_lines_are_listed_in_parts() {
        assert_eq!(listed(b"abcdefgh", 5), "abcd\\\nefgh$\n");
        assert_eq!(listed(b"abc\xff", 5), "abc\\\n\\377$\n");
        assert_eq!(listed(b"a\\\t", 0), "a\\\\\\t$\n");
    }
}
