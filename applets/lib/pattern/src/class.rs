//! Classes of characters: those of glibc's locale C.UTF-8, as far as that matters.

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, HirKind};

/// The last character that has a case; scanning further finds none.
const LAST_CASED: char = '\u{1e943}';

/// Class of `[:name:]`.
pub(crate) fn named(name: &str) -> Option<ClassUnicode> {
    Some(match name {
        "alpha" => without(&without(&word(), &range('_', '_')), &range('0', '9')),
        "alnum" => without(&word(), &range('_', '_')),
        "digit" => range('0', '9'),
        "xdigit" => ranges(&[('0', '9'), ('A', 'F'), ('a', 'f')]),
        "blank" => without(&space(), &ranges(&[('\n', '\r'), ('\u{2028}', '\u{2029}')])),
        "space" => space(),
        "cntrl" => control(),
        "upper" => cased(char::is_uppercase),
        "lower" => cased(char::is_lowercase),
        "print" => without(&all(), &control()),
        "graph" => without(&without(&all(), &control()), &space()),
        "punct" => {
            let mut letters = without(&word(), &range('_', '_'));
            letters.union(&space());
            letters.union(&control());
            without(&all(), &letters)
        }
        _ => return None,
    })
}

/// Class of `\w`.
pub(crate) fn word() -> ClassUnicode {
    perl(r"\w")
}

/// Class of `\s`: without the blanks at which a line must not end.
pub(crate) fn space() -> ClassUnicode {
    let no_break = ranges(&[('\u{85}', '\u{85}'), ('\u{a0}', '\u{a0}'), ('\u{2007}', '\u{2007}'), ('\u{202f}', '\u{202f}')]);
    without(&perl(r"\s"), &no_break)
}

/// Tell if a character is one of a word.
pub(crate) fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

pub(crate) fn all() -> ClassUnicode {
    range('\0', char::MAX)
}

pub(crate) fn without(from: &ClassUnicode, these: &ClassUnicode) -> ClassUnicode {
    let mut class = from.clone();
    class.difference(these);
    class
}

fn control() -> ClassUnicode {
    ranges(&[('\0', '\x1f'), ('\x7f', '\u{9f}'), ('\u{2028}', '\u{2029}')])
}

pub(crate) fn range(first: char, last: char) -> ClassUnicode {
    ranges(&[(first, last)])
}

fn ranges(pairs: &[(char, char)]) -> ClassUnicode {
    ClassUnicode::new(pairs.iter().map(|(first, last)| ClassUnicodeRange::new(*first, *last)))
}

fn cased(fits: impl Fn(char) -> bool) -> ClassUnicode {
    ClassUnicode::new(('\0'..=LAST_CASED).filter(|c| fits(*c)).map(|c| ClassUnicodeRange::new(c, c)))
}

/// The class that `regex` has by this name.
fn perl(name: &str) -> ClassUnicode {
    match regex_syntax::parse(name).map(regex_syntax::hir::Hir::into_kind) {
        Ok(HirKind::Class(Class::Unicode(class))) => class,
        _ => ClassUnicode::empty(),
    }
}
