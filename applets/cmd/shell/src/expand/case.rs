//! Upper and lower case.

use crate::ast::Bytes;
use crate::matching::{Pattern, character};

/// All letters large.
pub fn upper(text: &[u8]) -> Bytes {
    change(text, b'^', true, None)
}

/// All letters small.
pub fn lower(text: &[u8]) -> Bytes {
    change(text, b',', true, None)
}

/// `^`, `,` or `~`: the first character, or all, that fit the pattern.
pub fn change(text: &[u8], kind: u8, all: bool, pattern: Option<&Pattern>) -> Bytes {
    let mut new = Bytes::with_capacity(text.len());
    let mut at = 0;
    while let Some((code, len)) = character(text.get(at..).unwrap_or_default()) {
        let bytes = text.get(at..at + len).unwrap_or_default();
        let wanted = (all || at == 0) && pattern.is_none_or(|pattern| pattern.matches(bytes));
        match char::from_u32(code).filter(|_| wanted) {
            Some(c) => {
                let large = kind == b'^' || kind == b'~' && c.is_lowercase();
                let mut buffer = [0; 4];
                let mut push = |c: char| new.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
                if large { c.to_uppercase().for_each(&mut push) } else { c.to_lowercase().for_each(push) }
            }
            None => new.extend_from_slice(bytes),
        }
        at += len;
    }
    new
}
