//! Rust sources as far as the rules need them: words and signs, without comments and texts.

/// A word or a sign, and the line that it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Itself.
    pub text: String,
    /// Line, from 1.
    pub line: usize,
}

/// Words and signs of a source. What is in quotes becomes one `""`.
pub fn tokens(source: &str) -> Vec<Token> {
    let bytes = source.as_bytes();
    let (mut all, mut at, mut line) = (Vec::new(), 0, 1);
    while at < bytes.len() {
        let end = end_of(bytes, at);
        let text = &bytes[at..end];
        let first = text.first().copied().unwrap_or(b' ');
        let is_quoted = text.contains(&b'"') || text.last() == Some(&b'\'') && text.len() > 2;
        let shown = if first.is_ascii_whitespace() || text.starts_with(b"//") || text.starts_with(b"/*") {
            None
        } else if is_quoted {
            Some("\"\"".to_owned())
        } else {
            Some(String::from_utf8_lossy(text).into_owned())
        };
        all.extend(shown.map(|text| Token { text, line }));
        line += text.split(|byte| *byte == b'\n').count() - 1;
        at = end;
    }
    all
}

/// End of what begins at a place.
fn end_of(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
    let word = rest.iter().take_while(|byte| is_word(byte)).count();
    if rest.starts_with(b"//") {
        return at + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    }
    if rest.starts_with(b"/*") {
        return at + comment(rest);
    }
    if word > 0 {
        let prefix = &rest[..word];
        let hashes = rest[word..].iter().take_while(|byte| **byte == b'#').count();
        let quoted = rest.get(word + hashes) == Some(&b'"');
        return match prefix {
            b"r" | b"br" | b"cr" if quoted => at + word + hashes + 1 + raw(&rest[word + hashes + 1..], hashes),
            b"b" | b"c" if hashes == 0 && quoted => at + word + text(&rest[word..], b'"'),
            b"b" if rest.get(word) == Some(&b'\'') => at + word + text(&rest[word..], b'\''),
            _ => at + word,
        };
    }
    match rest[0] {
        b'"' => at + text(rest, b'"'),
        // A character, or a lifetime, which has no closing quote.
        b'\'' if rest.get(1) == Some(&b'\\') => at + text(rest, b'\''),
        b'\'' => {
            let character = rest[1..].iter().skip(1).take_while(|byte| **byte & 0xc0 == 0x80).count() + 2;
            if rest.get(character) == Some(&b'\'') { at + character + 1 } else { at + 1 }
        }
        b':' if rest.get(1) == Some(&b':') => at + 2,
        _ => at + 1,
    }
}

fn text(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

fn raw(rest: &[u8], hashes: usize) -> usize {
    let mut end = vec![b'"'];
    end.extend(std::iter::repeat_n(b'#', hashes));
    rest.windows(end.len()).position(|part| part == end).map_or(rest.len(), |at| at + end.len())
}

fn comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match rest.get(at..at + 2) {
            Some(b"/*") => (depth, at) = (depth + 1, at + 2),
            Some(b"*/") => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at.min(rest.len())
}

/// Index behind the bracket that closes the one at `open`.
pub fn closed(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

/// The same without modules and functions that are compiled for tests alone.
pub fn without_tests(tokens: &[Token]) -> Vec<Token> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let (mut kept, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        let is_mark = tokens[at..].iter().map(|token| token.text.as_str()).take(MARK.len()).eq(MARK);
        if is_mark {
            at += MARK.len();
            let end =
                tokens[at..].iter().position(|token| token.text == "{" || token.text == ";").map_or(tokens.len(), |n| at + n);
            at = if tokens.get(end).is_some_and(|token| token.text == "{") { closed(tokens, end) } else { end + 1 };
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(source: &str) -> String {
        tokens(source).iter().map(|token| token.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    const LITERALS: &str = "x(\"{\", r#\"}\"\"#, b\"{\", '{', '\\'', b'}', 'é') y";

    #[test]
    fn texts_and_comments_are_no_code() {
        assert_eq!(words("a // fn\n/* { /* } */ */ b"), "a b");
        assert_eq!(words(LITERALS), r#"x ( "" , "" , "" , "" , "" , "" , "" ) y"#);
        assert_eq!(words("fn f<'a>(x: &'a str) { crate::g() }"), "fn f < ' a > ( x : & ' a str ) { crate :: g ( ) }");
        assert_eq!(tokens("a\n\n\"\n\"\nb").last().map(|token| token.line), Some(5));
    }

    #[test]
    fn tests_are_left_out() {
        let all = tokens("use a; #[cfg(test)] mod tests { use super::*; fn f() {} } #[cfg(test)] mod more; fn g() {}");
        let kept: Vec<_> = without_tests(&all).into_iter().map(|token| token.text).collect();
        assert_eq!(kept.join(" "), "use a ; fn g ( ) { }");
    }
}
