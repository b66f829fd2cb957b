//! Tokens of bc's language.

/// Token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    Number(Vec<u8>),
    Name(String),
    Text(Vec<u8>),
    Sign(&'static str),
    Newline,
    End,
}

/// Trouble with a text.
#[derive(Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It may go on in the next line.
    More,
    Wrong(String),
}

/// Longer ones first.
const SIGNS: &[&str] = &[
    "++", "--", "+=", "-=", "*=", "/=", "%=", "^=", "==", "<=", ">=", "!=", "&&", "||", "{", "}", "(", ")", "[", "]", ";", ",",
    "+", "-", "*", "/", "%", "^", "!", "<", ">", "=",
];

/// All tokens of a text.
///
/// # Errors
/// A comment or text is open at the end, or a character begins nothing.
pub fn tokens(source: &[u8]) -> Result<Vec<Token>, Trouble> {
    if source.ends_with(b"\\\n") {
        return Err(Trouble::More);
    }
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&c) = source.get(at) {
        let rest = &source[at..];
        match c {
            b'\n' => {
                found.push(Token::Newline);
                at += 1;
            }
            b' ' | b'\t' | b'\r' | 11 | 12 => at += 1,
            b'\\' if rest.get(1) == Some(&b'\n') => at += 2,
            b'\\' if rest.len() == 1 => return Err(Trouble::More),
            b'#' => at += rest.iter().position(|c| *c == b'\n').unwrap_or(rest.len()),
            b'/' if rest.get(1) == Some(&b'*') => {
                let end = rest.get(2..).unwrap_or_default().windows(2).position(|pair| pair == b"*/");
                at += end.ok_or(Trouble::More)? + 4;
            }
            b'"' => {
                let len = rest[1..].iter().position(|c| *c == b'"').ok_or(Trouble::More)?;
                found.push(Token::Text(rest[1..=len].to_vec()));
                at += len + 2;
            }
            b'0'..=b'9' | b'A'..=b'Z' | b'.' => at += number(rest, &mut found),
            b'a'..=b'z' => {
                let len = rest.iter().position(|c| !c.is_ascii_lowercase() && !c.is_ascii_digit() && *c != b'_');
                let len = len.unwrap_or(rest.len());
                found.push(Token::Name(String::from_utf8_lossy(&rest[..len]).into_owned()));
                at += len;
            }
            _ => {
                let sign = SIGNS.iter().find(|sign| rest.starts_with(sign.as_bytes()));
                let Some(sign) = sign else { return Err(Trouble::Wrong(format!("{:?} begins nothing", char::from(c)))) };
                found.push(Token::Sign(sign));
                at += sign.len();
            }
        }
    }
    found.push(Token::End);
    Ok(found)
}

/// A number may be continued on the next line. A point alone is the last value.
fn number(rest: &[u8], found: &mut Vec<Token>) -> usize {
    let (mut at, mut point, mut digits) = (0, false, Vec::new());
    while let Some(c) = rest.get(at) {
        match c {
            b'0'..=b'9' | b'A'..=b'Z' => digits.push(*c),
            b'.' if !point => {
                point = true;
                digits.push(*c);
            }
            b'\\' if rest.get(at + 1) == Some(&b'\n') => at += 1,
            _ => break,
        }
        at += 1;
    }
    found.push(if digits == b"." { Token::Name("last".into()) } else { Token::Number(digits) });
    at
}
