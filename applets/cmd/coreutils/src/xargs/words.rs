//! Words of the input.

use std::ffi::OsString;
use std::io::BufRead;
use std::os::unix::ffi::OsStringExt;

use kit::{Context, Error, Result};

/// The words of an input, as it comes.
pub(super) struct Words<R> {
    pub input: R,
    /// The byte at a word's end, when nothing else is special.
    pub delimiter: Option<u8>,
    /// A word is a whole line, without the blanks before it.
    pub lines: bool,
    /// The word that ends the input.
    pub end: Option<OsString>,
}

impl<R: BufRead> Words<R> {
    /// The next word, and if a line ends with it: not behind a blank.
    pub fn next(&mut self) -> Result<Option<(OsString, bool)>> {
        let Some(delimiter) = self.delimiter else {
            let next = self.quoted()?;
            return Ok(next.filter(|(word, _)| self.end.as_ref() != Some(word)));
        };
        let mut word = Vec::new();
        if self.input.read_until(delimiter, &mut word).doing("read the input")? == 0 {
            return Ok(None);
        }
        word.pop_if(|byte| *byte == delimiter);
        Ok(Some((OsString::from_vec(word), true)))
    }

    fn byte(&mut self) -> Result<Option<u8>> {
        let byte = self.input.fill_buf().doing("read the input")?.first().copied();
        if byte.is_some() {
            self.input.consume(1);
        }
        Ok(byte)
    }

    /// Blanks and ends of lines part words; quotes and backslashes keep them together.
    fn quoted(&mut self) -> Result<Option<(OsString, bool)>> {
        let mut word = None::<Vec<u8>>;
        loop {
            let byte = self.byte()?;
            match byte {
                Some(b' ' | b'\t') if self.lines && word.is_some() => word.get_or_insert_default().extend(byte),
                None | Some(b'\n' | b' ' | b'\t') => match word.take() {
                    Some(word) => return Ok(Some((OsString::from_vec(word), !matches!(byte, Some(b' ' | b'\t'))))),
                    None if byte.is_none() => return Ok(None),
                    None => {}
                },
                Some(0) => {
                    return Err(Error::new("the input has a zero byte, which no argument can have; -0 parts words by them"));
                }
                Some(b'\\') => word.get_or_insert_default().extend(self.byte()?),
                Some(quote @ (b'"' | b'\'')) => {
                    let word = word.get_or_insert_default();
                    loop {
                        match self.byte()? {
                            Some(byte) if byte == quote => break,
                            Some(byte) if byte != b'\n' => word.push(byte),
                            _ => return Err(Error::new("a quote is not closed; -0 takes words as they are")),
                        }
                    }
                }
                Some(byte) => word.get_or_insert_default().push(byte),
            }
        }
    }
}

/// The byte of `-d`: a character, or an escape as in C.
pub(super) fn delimiter(text: &str) -> Result<u8> {
    let wrong = || Error::usage(format!("the delimiter is one character: {text}"));
    let byte = match text.as_bytes() {
        [byte] => Some(*byte),
        [b'\\', b'a'] => Some(7),
        [b'\\', b'b'] => Some(8),
        [b'\\', b'f'] => Some(12),
        [b'\\', b'n'] => Some(b'\n'),
        [b'\\', b'r'] => Some(b'\r'),
        [b'\\', b't'] => Some(b'\t'),
        [b'\\', b'v'] => Some(11),
        [b'\\', b'\\'] => Some(b'\\'),
        [b'\\', b'x', ..] => u8::from_str_radix(&text[2..], 16).ok(),
        [b'\\', b'0'..=b'7', ..] => u8::from_str_radix(&text[1..], 8).ok(),
        _ => None,
    };
    byte.ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn words(input: &[u8], lines: bool) -> Result<Vec<(String, bool)>> {
        let mut words = Words { input, delimiter: None, lines, end: None };
        let mut all = Vec::new();
        while let Some((word, ends)) = words.next()? {
            all.push((word.to_string_lossy().into_owned(), ends));
        }
        Ok(all)
    }

    #[test]
    fn quotes_keep_words_together() {
        let found = words(b"a 'b c'\\ d\n\n \"e\"\"f\"\n''", false).unwrap();
        let expected = [("a", false), ("b c d", true), ("ef", true), ("", true)];
        assert_eq!(found, expected.map(|(word, ends)| (word.to_owned(), ends)));
        assert!(words(b"'a", false).is_err());
        assert_eq!(words(b"a \nb\n", false).unwrap()[0], ("a".to_owned(), false), "a blank joins the next line");
    }

    #[test]
    fn lines_lose_quotes_and_keep_blanks() {
        let lines: Vec<String> =
            words(b"  a  b \n\n \n\"c  d\" e\\ f", true).unwrap().into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, ["a  b ", "c  d e f"]);
    }

    #[test]
    fn delimited_words_are_as_they_are() {
        let mut found = Words { input: &b"a b,,'c"[..], delimiter: Some(b','), lines: false, end: None };
        let all: Vec<OsString> = std::iter::from_fn(|| found.next().unwrap().map(|(word, _)| word)).collect();
        assert_eq!(all, ["a b", "", "'c"]);
    }

    #[test]
    fn a_word_ends_the_input() {
        let mut words = Words { input: &b"a b c"[..], delimiter: None, lines: false, end: Some("b".into()) };
        assert_eq!(words.next().unwrap().unwrap().0, "a");
        assert_eq!(words.next().unwrap(), None);
    }

    #[test]
    fn delimiters() {
        for (text, byte) in [("x", b'x'), ("\\n", b'\n'), ("\\0", 0), ("\\041", b'!'), ("\\x2c", b','), ("\\\\", b'\\')] {
            assert_eq!(delimiter(text).unwrap(), byte, "{text}");
        }
        assert!(delimiter("xy").is_err() && delimiter("").is_err() && delimiter("\\q").is_err());
    }
}
