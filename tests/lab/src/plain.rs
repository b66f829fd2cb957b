//! A terminal's text without its control sequences, so that a line editor's colours and cursor moves don't hide words.

/// State of the reader in a control sequence.
#[derive(Debug, Default)]
enum At {
    #[default]
    Text,
    Escape,
    /// `ESC [`, up to a letter.
    Csi,
    /// `ESC ]`, up to BEL or `ESC \`.
    Title,
}

/// Takes bytes, gives the characters that a person sees.
#[derive(Debug, Default)]
pub struct Plain {
    at: At,
    /// Bytes of a character that is not whole yet.
    part: Vec<u8>,
}

impl Plain {
    /// The character that this byte completes, if any. Controls are left out, but not those that move: line feed, carriage return, backspace.
    pub fn take(&mut self, byte: u8) -> Option<char> {
        let (at, seen) = match (&self.at, byte) {
            (At::Text | At::Title, 0x1b) => (At::Escape, None),
            (At::Text, b'\n') => (At::Text, Some('\n')),
            (At::Text, b'\t') => (At::Text, Some('\t')),
            (At::Text, b'\r') => (At::Text, Some('\r')),
            (At::Text, 0x08) => (At::Text, Some('\u{8}')),
            (At::Text, 0..0x20 | 0x7f) | (At::Title, 0x07) => (At::Text, None),
            (At::Text, _) => return self.character(byte),
            (At::Escape, b'[') => (At::Csi, None),
            (At::Escape, b']') | (At::Title, _) => (At::Title, None),
            (At::Escape, _) | (At::Csi, 0x40..=0x7e) => (At::Text, None),
            (At::Csi, _) => (At::Csi, None),
        };
        self.at = at;
        seen
    }

    fn character(&mut self, byte: u8) -> Option<char> {
        self.part.push(byte);
        if let Ok(text) = std::str::from_utf8(&self.part) {
            let c = text.chars().next();
            self.part.clear();
            return c;
        }
        if self.part.len() >= 4 {
            self.part.clear();
            return Some(char::REPLACEMENT_CHARACTER);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(bytes: &[u8]) -> String {
        let mut plain = Plain::default();
        bytes.iter().filter_map(|&byte| plain.take(byte)).collect()
    }

    #[test]
    fn sequences_go_and_words_stay() {
        assert_eq!(plain(b"\x1b[1;32mkutties\x1b[0m:~# \x1b]0;title\x07ls\r\n"), "kutties:~# ls\r\n");
        assert_eq!(plain("a \u{fc} \u{1f680}".as_bytes()), "a \u{fc} \u{1f680}");
    }
}
