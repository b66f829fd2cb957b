//! Characters in texts: those of UTF-8; a byte that belongs to none counts as one.

/// Bytes of the first character; 0 at the end.
pub fn char_len(text: &[u8]) -> usize {
    let len = match text.first() {
        None => return 0,
        Some(0xc2..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf4) => 4,
        Some(_) => return 1,
    };
    let whole = text.get(..len).is_some_and(|bytes| std::str::from_utf8(bytes).is_ok());
    if whole { len } else { 1 }
}

/// Number of characters.
pub fn char_count(text: &[u8]) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    let (mut at, mut count) = (0, 0);
    while at < text.len() {
        at += char_len(&text[at..]);
        count += 1;
    }
    count
}

/// The first so many characters.
pub fn prefix(text: &[u8], chars: usize) -> &[u8] {
    &text[..offset(text, chars)]
}

/// Place in bytes behind so many characters.
pub fn offset(text: &[u8], chars: usize) -> usize {
    if chars >= text.len() {
        return text.len();
    }
    if text.is_ascii() {
        return chars;
    }
    let mut at = 0;
    for _ in 0..chars {
        at += char_len(&text[at..]);
    }
    at
}

/// The characters from `start` on (the first is 1), `count` of them. Fractions are cut off, and a start before the text is its
/// start, as in gawk and in the awk of Kernighan.
pub fn substr(text: &[u8], start: f64, count: Option<f64>) -> &[u8] {
    let first = if start >= 1.0 { start as usize - 1 } else { 0 };
    let rest = &text[offset(text, first)..];
    // A number that is none is cast to zero.
    count.map_or(rest, |count| prefix(rest, count.max(0.0) as usize))
}

/// Text with the case of its letters changed.
pub fn changed_case(text: &[u8], upper: bool) -> Vec<u8> {
    if text.is_ascii() {
        return if upper { text.to_ascii_uppercase() } else { text.to_ascii_lowercase() };
    }
    let mut out = Vec::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            // A letter that becomes several stays: lengths are kept, as C's functions do.
            let mut changed = [c; 3];
            let count = if upper { fill(c.to_uppercase(), &mut changed) } else { fill(c.to_lowercase(), &mut changed) };
            let c = if count == 1 { changed[0] } else { c };
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
        out.extend_from_slice(chunk.invalid());
    }
    out
}

fn fill(from: impl Iterator<Item = char>, into: &mut [char; 3]) -> usize {
    let mut count = 0;
    for (place, c) in into.iter_mut().zip(from) {
        *place = c;
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_texts() {
        let part = |start, count| String::from_utf8_lossy(substr("häuser".as_bytes(), start, count)).into_owned();
        assert_eq!(part(2.0, Some(2.0)), "äu");
        assert_eq!(part(0.0, Some(2.0)), "hä");
        assert_eq!(part(-1.0, None), "häuser");
        assert_eq!(part(1.5, Some(1.9)), "h");
        assert_eq!(part(5.0, Some(100.0)), "er");
        assert_eq!(part(f64::NAN, None), "häuser");
        assert_eq!(part(7.0, None), "");
        assert_eq!(char_count(b"a\xff\xc3\xa9"), 3);
    }

    #[test]
    fn case() {
        assert_eq!(changed_case("äß\u{130}x".as_bytes(), true), "Äß\u{130}X".as_bytes());
        assert_eq!(changed_case(b"A\xffB", false), b"a\xffb");
    }
}
