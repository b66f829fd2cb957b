//! Keys of a terminal: single bytes, characters of several, escape sequences.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::stdio::stdin;

use super::line::Key;

/// Time for the rest of an escape sequence: 9600 baud needs a millisecond a byte, networks more.
const ESCAPE_TIME: Duration = Duration::from_millis(100);

/// The next key; none when the terminal is gone.
pub fn read_key() -> io::Result<Option<Key>> {
    let Some(byte) = read_byte()? else { return Ok(None) };
    let key = match byte {
        0x1b => escape()?,
        0x7f => Key::Backspace,
        0..0x20 => Key::Control(char::from(byte + 0x60)),
        0x20..0x80 => Key::Char(char::from(byte)),
        _ => wide_char(byte)?,
    };
    Ok(Some(key))
}

/// The rest of a UTF-8 sequence.
fn wide_char(first: u8) -> io::Result<Key> {
    let len = match first {
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0..0xf8 => 4,
        _ => return Ok(Key::Unknown),
    };
    let mut bytes = vec![first];
    while bytes.len() < len {
        let Some(byte) = read_byte()? else { return Ok(Key::Unknown) };
        bytes.push(byte);
    }
    Ok(std::str::from_utf8(&bytes).ok().and_then(|s| s.chars().next()).map_or(Key::Unknown, Key::Char))
}

/// Key of what follows ESC: `[` or `O`, numbers, a final letter; or one letter with Alt.
fn escape() -> io::Result<Key> {
    let Some(kind) = soon()? else { return Ok(Key::Unknown) };
    match kind {
        b'b' => return Ok(Key::WordLeft),
        b'f' => return Ok(Key::WordRight),
        b'[' | b'O' => {}
        _ => return Ok(Key::Unknown),
    }
    let mut numbers = String::new();
    while let Some(byte) = soon()? {
        if byte.is_ascii_digit() || byte == b';' {
            numbers.push(char::from(byte));
            continue;
        }
        return Ok(sequence(byte, &numbers));
    }
    Ok(Key::Unknown)
}

fn sequence(last: u8, numbers: &str) -> Key {
    match (last, numbers) {
        (b'A', _) => Key::Up,
        (b'B', _) => Key::Down,
        (b'C', "1;5" | "1;3") => Key::WordRight,
        (b'D', "1;5" | "1;3") => Key::WordLeft,
        (b'C', _) => Key::Right,
        (b'D', _) => Key::Left,
        (b'H', _) | (b'~', "1" | "7") => Key::Home,
        (b'F', _) | (b'~', "4" | "8") => Key::End,
        (b'~', "3") => Key::Delete,
        _ => Key::Unknown,
    }
}

/// A byte that comes at once, as those of one key do.
fn soon() -> io::Result<Option<u8>> {
    if UNREAD.with_borrow(|unread| !unread.is_empty()) {
        return read_byte();
    }
    let time = Timespec { tv_sec: 0, tv_nsec: ESCAPE_TIME.subsec_nanos().into() };
    let stdin = stdin();
    let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
    match poll(&mut fds, Some(&time)) {
        Ok(0) | Err(rustix::io::Errno::INTR) => Ok(None),
        Ok(_) => read_byte(),
        Err(e) => Err(e.into()),
    }
}

thread_local! {
    /// Bytes that somebody has read who looked for something else, in front of those to come.
    static UNREAD: RefCell<VecDeque<u8>> = const { RefCell::new(VecDeque::new()) };
}

/// Gives bytes back: the next keys begin with them.
pub fn unread(bytes: &[u8]) {
    UNREAD.with_borrow_mut(|unread| unread.extend(bytes));
}

fn read_byte() -> io::Result<Option<u8>> {
    if let Some(byte) = UNREAD.with_borrow_mut(VecDeque::pop_front) {
        return Ok(Some(byte));
    }
    let mut byte = [0];
    loop {
        match rustix::io::read(stdin(), &mut byte) {
            Ok(0) | Err(rustix::io::Errno::IO) => return Ok(None),
            Ok(_) => return Ok(Some(byte[0])),
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
}
