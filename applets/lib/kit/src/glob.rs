//! The shell's patterns (fnmatch(3)): `*`, `?`, `[…]`, and a backslash that takes a meaning away.

/// Tells if all of `text` fits. A slash is a character like others.
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    // One place to go back to is enough: a later `*` makes earlier ones settled.
    let (mut p, mut t, mut back) = (0, 0, None);
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            back = Some((p + 1, t));
            p += 1;
        } else if let Some(next) = step(pattern, p, text[t]) {
            p = next;
            t += 1;
        } else if let Some((after_star, from)) = back {
            back = Some((after_star, from + 1));
            p = after_star;
            t = from + 1;
        } else {
            return false;
        }
    }
    pattern.iter().skip(p).all(|c| *c == b'*')
}

/// The same without regard to the case of ASCII letters.
pub fn matches_any_case(pattern: &[u8], text: &[u8]) -> bool {
    matches(&pattern.to_ascii_lowercase(), &text.to_ascii_lowercase())
}

/// Returns the position where the pattern goes on after one byte that fits.
fn step(pattern: &[u8], at: usize, byte: u8) -> Option<usize> {
    match *pattern.get(at)? {
        b'?' => Some(at + 1),
        b'\\' => match pattern.get(at + 1) {
            Some(next) => (*next == byte).then_some(at + 2),
            None => (byte == b'\\').then_some(at + 1),
        },
        b'[' => match class(pattern.get(at + 1..)?, byte) {
            Some((fits, len)) => fits.then_some(at + 1 + len),
            None => (byte == b'[').then_some(at + 1),
        },
        other => (other == byte).then_some(at + 1),
    }
}

/// Tells if a bracket expression holds the byte, and its length with the closing bracket; none when
/// it never closes.
fn class(body: &[u8], byte: u8) -> Option<(bool, usize)> {
    let inverse = matches!(body.first(), Some(b'!' | b'^'));
    let mut at = usize::from(inverse);
    let first = at;
    let mut found = false;
    loop {
        match *body.get(at)? {
            b']' if at > first => return Some((found != inverse, at + 1)),
            b'[' if body.get(at + 1) == Some(&b':') => {
                let end = body.get(at + 2..)?.windows(2).position(|w| w == b":]")? + at + 2;
                found |= named(body.get(at + 2..end)?, byte);
                at = end + 2;
            }
            low => {
                let range = body.get(at + 1) == Some(&b'-') && body.get(at + 2).is_some_and(|b| *b != b']');
                let high = if range { *body.get(at + 2)? } else { low };
                found |= (low..=high).contains(&byte);
                at += if range { 3 } else { 1 };
            }
        }
    }
}

fn named(name: &[u8], byte: u8) -> bool {
    match name {
        b"alpha" => byte.is_ascii_alphabetic(),
        b"digit" => byte.is_ascii_digit(),
        b"alnum" => byte.is_ascii_alphanumeric(),
        b"upper" => byte.is_ascii_uppercase(),
        b"lower" => byte.is_ascii_lowercase(),
        b"space" => byte.is_ascii_whitespace() || byte == 0x0b,
        b"blank" => matches!(byte, b' ' | b'\t'),
        b"punct" => byte.is_ascii_punctuation(),
        b"print" => (0x20..0x7f).contains(&byte),
        b"graph" => byte.is_ascii_graphic(),
        b"cntrl" => byte.is_ascii_control(),
        b"xdigit" => byte.is_ascii_hexdigit(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_fnmatch_says() {
        for (pattern, text, fits) in [
            ("*.c", "a.c", true),
            ("*.c", "a.h", false),
            ("a*b*c", "aXbYbZc", true),
            ("[a-c]?", "bx", true),
            ("[!a-c]?", "bx", false),
            ("[]x]", "]", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("[[:digit:]]*", "7up", true),
            ("[", "[", true),
            ("", "", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), fits, "{pattern} {text}");
        }
        assert!(matches_any_case(b"README*", b"readme.md"));
    }
}
