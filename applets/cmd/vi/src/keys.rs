//! Keys: from the terminal, from a script in tests, or from a command that is repeated.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Keys without a character, in a private area of Unicode.
pub mod key {
    pub const ESCAPE: char = '\x1b';
    pub const UP: char = '\u{f700}';
    pub const DOWN: char = '\u{f701}';
    pub const LEFT: char = '\u{f702}';
    pub const RIGHT: char = '\u{f703}';
    pub const HOME: char = '\u{f704}';
    pub const END: char = '\u{f705}';
    pub const PAGE_UP: char = '\u{f706}';
    pub const PAGE_DOWN: char = '\u{f707}';
    pub const DELETE: char = '\u{f708}';
    pub const INSERT: char = '\u{f709}';
    /// No key: the window has another size.
    pub const RESIZED: char = '\u{f70a}';
}

/// Time in which the rest of an arrow key comes: a slow serial line takes some milliseconds a byte.
const SEQUENCE_TIMEOUT_MS: i64 = 60;
/// Time after which the size of the window is asked for again.
const IDLE_TIMEOUT_MS: i64 = 400;

/// Outcome of waiting for a byte.
enum Waited {
    Byte(u8),
    Nothing,
    End,
}

/// Source of keys.
pub struct Keys {
    terminal: Option<File>,
    /// Bytes that were read and not used yet.
    bytes: VecDeque<u8>,
    /// Keys of a repeated command or a register, which come first.
    queue: VecDeque<char>,
    /// Keys of the command that is typed.
    pub typed: Vec<char>,
    replays: bool,
}

impl Keys {
    pub fn terminal(terminal: File) -> Self {
        Self { terminal: Some(terminal), ..Self::script(b"") }
    }

    pub fn script(bytes: &[u8]) -> Self {
        let bytes = bytes.iter().copied().collect();
        Self { terminal: None, bytes, queue: VecDeque::new(), typed: Vec::new(), replays: false }
    }

    /// Tells if the next key is there already: the screen can wait.
    pub fn is_pending(&self) -> bool {
        !self.queue.is_empty() || !self.bytes.is_empty()
    }

    /// Puts keys before all others.
    pub fn push(&mut self, keys: &[char]) {
        for key in keys.iter().rev() {
            self.queue.push_front(*key);
        }
    }

    /// Puts a key behind all others.
    pub fn push_back(&mut self, key: char) {
        self.queue.push_back(key);
    }

    /// Gives up what is repeated.
    pub fn drop_queue(&mut self) {
        self.queue.clear();
    }

    pub const fn replays(&self) -> bool {
        self.replays
    }

    pub const fn set_replays(&mut self, replays: bool) {
        self.replays = replays;
    }

    pub fn queue_is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// The next key; `resized` is asked while none comes. None at the end of the input.
    pub fn next(&mut self, resized: &mut dyn FnMut() -> bool) -> Option<char> {
        let key = match self.queue.pop_front() {
            Some(key) => key,
            None => self.read(resized)?,
        };
        if key != key::RESIZED {
            self.typed.push(key);
        }
        Some(key)
    }

    fn read(&mut self, resized: &mut dyn FnMut() -> bool) -> Option<char> {
        loop {
            match self.byte(IDLE_TIMEOUT_MS) {
                Waited::Byte(0x1b) => return Some(self.escape()),
                Waited::Byte(byte) if byte < 0x80 => return Some(char::from(byte)),
                Waited::Byte(byte) => return Some(self.wide(byte)),
                Waited::Nothing if resized() => return Some(key::RESIZED),
                Waited::Nothing => {}
                Waited::End => return None,
            }
        }
    }

    fn byte(&mut self, timeout: i64) -> Waited {
        if let Some(byte) = self.bytes.pop_front() {
            return Waited::Byte(byte);
        }
        let Some(terminal) = &mut self.terminal else { return Waited::End };
        let timeout = Timespec { tv_sec: timeout / 1000, tv_nsec: timeout % 1000 * 1_000_000 };
        let mut fds = [PollFd::new(terminal, PollFlags::IN)];
        match poll(&mut fds, Some(&timeout)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return Waited::Nothing,
            Ok(_) => {}
            Err(_) => return Waited::End,
        }
        let mut bytes = [0; 256];
        match terminal.read(&mut bytes) {
            Ok(0) | Err(_) => Waited::End,
            Ok(count) => {
                self.bytes.extend(&bytes[1..count]);
                Waited::Byte(bytes[0])
            }
        }
    }

    /// A byte that may belong to one of the next ones.
    fn wide(&mut self, first: u8) -> char {
        let more = match first {
            0xc2..=0xdf => 1,
            0xe0..=0xef => 2,
            0xf0..=0xf4 => 3,
            _ => 0,
        };
        let mut bytes = vec![first];
        for _ in 0..more {
            match self.byte(SEQUENCE_TIMEOUT_MS) {
                Waited::Byte(byte) => bytes.push(byte),
                _ => break,
            }
        }
        let keys = pattern::decode(&bytes);
        self.push(keys.get(1..).unwrap_or_default());
        keys.first().copied().unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    /// Escape alone, or the key that it begins.
    fn escape(&mut self) -> char {
        let Waited::Byte(kind) = self.byte(SEQUENCE_TIMEOUT_MS) else { return key::ESCAPE };
        if !matches!(kind, b'[' | b'O') {
            self.bytes.push_front(kind);
            return key::ESCAPE;
        }
        let mut text = Vec::new();
        while let Waited::Byte(byte) = self.byte(SEQUENCE_TIMEOUT_MS) {
            text.push(byte);
            if !matches!(byte, b'0'..=b'9' | b';') || text.len() > 16 {
                break;
            }
        }
        match text.as_slice() {
            [.., b'A'] => key::UP,
            [.., b'B'] => key::DOWN,
            [.., b'C'] => key::RIGHT,
            [.., b'D'] => key::LEFT,
            [.., b'H'] | [b'1' | b'7', b'~'] => key::HOME,
            [.., b'F'] | [b'4' | b'8', b'~'] => key::END,
            [b'2', b'~'] => key::INSERT,
            [b'3', b'~'] => key::DELETE,
            [b'5', b'~'] => key::PAGE_UP,
            [b'6', b'~'] => key::PAGE_DOWN,
            _ => {
                // No key of ours: an escape and what was typed after it.
                for byte in text.iter().rev().chain(&[kind]) {
                    self.bytes.push_front(*byte);
                }
                key::ESCAPE
            }
        }
    }
}
