//! TFTP (RFC 1350) with options (RFC 2347, 2348, 2349) and windows (RFC 7440): messages, and both ends' counting of blocks.
//!
//! Block numbers have 16 bits and go on at 0 behind 65535: a file may have any length.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The longest request, in bytes.
const LONGEST: usize = 512;
/// The block size of those who ask for none, in bytes.
pub const BLOCK: u16 = 512;
/// The smallest and the largest block that RFC 2348 knows.
const BLOCKS: core::ops::RangeInclusive<u16> = 8..=65464;

/// Numbers of errors.
pub mod code {
    /// See the text.
    pub const OTHER: u16 = 0;
    /// There is no such file.
    pub const NOT_FOUND: u16 = 1;
    /// It must not be.
    pub const FORBIDDEN: u16 = 2;
    /// Nobody asked for that.
    pub const ILLEGAL: u16 = 4;
    /// The options can't be.
    pub const OPTIONS: u16 = 8;
}

/// Options that both sides may agree on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Bytes of a block.
    pub block: Option<u16>,
    /// Blocks that are sent before an answer.
    pub window: Option<u16>,
    /// Seconds until something is said again.
    pub timeout: Option<u8>,
    /// The file's length; 0 in a request asks for it.
    pub size: Option<u64>,
}

/// A message.
#[derive(Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Give me that file, byte by byte (or else as a text, or as a mail).
    Read(String, bool, Options),
    /// Take a file.
    Write,
    /// A block and its number.
    Data(u16, &'a [u8]),
    /// All blocks up to this are there.
    Ack(u16),
    /// That's the end of it.
    Error(u16, String),
    /// These options it shall be.
    Accept(Options),
}

/// Read a message; none when it is malformed.
pub fn parse(bytes: &[u8]) -> Option<Message<'_>> {
    let (kind, rest) = bytes.split_first_chunk::<2>()?;
    let number = || Some(u16::from_be_bytes(*rest.first_chunk()?));
    Some(match u16::from_be_bytes(*kind) {
        1 => {
            let mut texts = texts(rest)?;
            let file = texts.next()?.to_string();
            let octet = texts.next()?.eq_ignore_ascii_case("octet");
            Message::Read(file, octet, options(texts))
        }
        2 => Message::Write,
        3 => Message::Data(number()?, &rest[2..]),
        4 => Message::Ack(number()?),
        5 => {
            Message::Error(number()?, texts(&rest[2..])?.next().unwrap_or_default().chars().filter(|c| !c.is_control()).collect())
        }
        6 => Message::Accept(options(texts(rest)?)),
        _ => return None,
    })
}

/// Texts with a zero behind each.
fn texts(bytes: &[u8]) -> Option<impl Iterator<Item = &str>> {
    if bytes.len() > LONGEST {
        return None;
    }
    // Some leave out the last zero; text it must be.
    let text = core::str::from_utf8(bytes.strip_suffix(&[0]).unwrap_or(bytes)).ok()?;
    Some(text.split('\0'))
}

/// Pairs of a name and a value. What is unknown or can't be is as if it were not there: the other side then does without.
fn options<'a>(mut texts: impl Iterator<Item = &'a str>) -> Options {
    let mut options = Options::default();
    while let (Some(name), Some(value)) = (texts.next(), texts.next()) {
        match name.to_ascii_lowercase().as_str() {
            "blksize" => options.block = value.parse().ok().filter(|size| BLOCKS.contains(size)),
            "windowsize" => options.window = value.parse().ok().filter(|window| *window > 0),
            "timeout" => options.timeout = value.parse().ok().filter(|seconds| *seconds > 0),
            "tsize" => options.size = value.parse().ok(),
            _ => {}
        }
    }
    options
}

fn write_options(out: &mut Vec<u8>, options: &Options) {
    let rows = [
        ("blksize", options.block.map(u64::from)),
        ("windowsize", options.window.map(u64::from)),
        ("timeout", options.timeout.map(u64::from)),
        ("tsize", options.size),
    ];
    for (name, value) in rows.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        for text in [name, &value.to_string()] {
            out.extend_from_slice(text.as_bytes());
            out.push(0);
        }
    }
}

/// The request for a file, byte by byte.
pub fn read_request(file: &str, options: &Options) -> Vec<u8> {
    let mut out = [&[0, 1][..], file.as_bytes(), b"\0octet\0"].concat();
    write_options(&mut out, options);
    out
}

/// The agreement to options.
pub fn accept(options: &Options) -> Vec<u8> {
    let mut out = [0, 6].to_vec();
    write_options(&mut out, options);
    out
}

/// A block.
pub fn data(number: u16, block: &[u8]) -> Vec<u8> {
    [&[0, 3][..], &number.to_be_bytes(), block].concat()
}

/// All up to this block is there.
pub fn ack(number: u16) -> Vec<u8> {
    [[0, 4], number.to_be_bytes()].concat()
}

/// That's the end of it.
pub fn error(code: u16, text: &str) -> Vec<u8> {
    [&[0, 5][..], &code.to_be_bytes(), text.as_bytes(), &[0]].concat()
}

/// The sending end's count.
#[derive(Debug, PartialEq, Eq)]
pub struct Sender {
    /// Blocks of the file; the last one is shorter than the others, if need be empty.
    blocks: u64,
    window: u64,
    /// The blocks that are there.
    done: u64,
}

impl Sender {
    /// A file of `size` bytes in blocks of `block`.
    pub fn new(size: u64, block: u16, window: u16) -> Self {
        Self { blocks: size / u64::from(block.max(1)) + 1, window: window.max(1).into(), done: 0 }
    }

    /// The blocks to send now, counted from 0; empty when all is there.
    pub fn due(&self) -> core::ops::Range<u64> {
        self.done..(self.done + self.window).min(self.blocks)
    }

    /// The number that a block has in messages: the first one is 1.
    pub const fn number(block: u64) -> u16 {
        (block + 1) as u16
    }

    /// The other side has all up to that block. Whether it is news.
    pub fn acknowledged(&mut self, number: u16) -> bool {
        // One of the blocks under way has this number: there are never as many blocks as numbers.
        let ahead = u64::from(number.wrapping_sub(self.done as u16));
        let news = ahead > 0 && ahead <= self.due().end - self.done;
        if news {
            self.done += ahead;
        }
        news
    }

    /// Tells if the other side has all blocks.
    pub fn is_done(&self) -> bool {
        self.done == self.blocks
    }
}

/// The receiving end's count.
#[derive(Debug, PartialEq, Eq)]
pub struct Receiver {
    window: u64,
    /// The blocks that are there, and up to which an answer was given.
    there: u64,
    told: u64,
}

/// Action on a block.
#[derive(Debug, PartialEq, Eq)]
pub struct Taken {
    /// It is the next one: keep it.
    pub keep: bool,
    /// Answer that all up to this one are there.
    pub answer: Option<u16>,
}

impl Receiver {
    /// With so many blocks before an answer.
    pub fn new(window: u16) -> Self {
        Self { window: window.max(1).into(), there: 0, told: 0 }
    }

    /// A block has come; `last` is shorter than the others.
    pub fn take(&mut self, number: u16, last: bool) -> Taken {
        let keep = number == (self.there + 1) as u16;
        if keep {
            self.there += 1;
        }
        // One that does not follow tells that some were lost: the sender then goes on behind the last good one.
        let speak = !keep || last || self.there - self.told >= self.window;
        if speak {
            self.told = self.there;
        }
        Taken { keep, answer: speak.then_some(self.there as u16) }
    }

    /// The answer to say again when nothing comes.
    pub const fn last(&self) -> u16 {
        self.there as u16
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let options = Options { block: Some(1468), window: Some(16), timeout: Some(3), size: Some(5 << 30) };
        assert_eq!(parse(&read_request("a/b.efi", &options)).unwrap(), Message::Read("a/b.efi".into(), true, options));
        assert_eq!(parse(&accept(&options)).unwrap(), Message::Accept(options));
        assert_eq!(parse(&data(7, b"xy")).unwrap(), Message::Data(7, b"xy"));
        assert_eq!(parse(&ack(65535)).unwrap(), Message::Ack(65535));
        assert_eq!(parse(&error(code::NOT_FOUND, "no")).unwrap(), Message::Error(1, "no".into()));
        assert_eq!(parse(b"\0\x02a\0octet\0"), Some(Message::Write));
    }

    #[test]
    fn what_can_not_be_is_not_read() {
        for wrong in
            [&b""[..], b"\0", b"\0\x01", b"\0\x01file", b"\0\x01\xff\0octet\0", b"\0\x03\0", b"\0\x04\x01", b"\0\x09\0\0"]
        {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
        assert_eq!(parse(&[&b"\0\x01"[..], &[b'a'; 600], b"\0octet\0"].concat()), None);
        // Wrong options are as if they were not there.
        let read = parse(b"\0\x01f\0OCTET\0blksize\x004\0windowsize\x000\0timeout\x00999\0tsize\0-1\0blksize\0").unwrap();
        assert_eq!(read, Message::Read("f".into(), true, Options::default()));
    }

    /// Send a file over a line that loses every `lose`th block; how many blocks were kept.
    fn transfer(size: u64, block: u16, window: u16, lose: u64) -> u64 {
        let (mut sender, mut receiver) = (Sender::new(size, block, window), Receiver::new(window));
        let (mut kept, mut sent) = (0, 0);
        while !sender.is_done() {
            let due = sender.due();
            let mut answer = None;
            for at in due {
                sent += 1;
                if lose > 0 && sent % lose == 0 {
                    continue;
                }
                let taken = receiver.take(Sender::number(at), (at + 1) * u64::from(block) > size);
                if taken.keep {
                    assert_eq!(at, kept, "a block in another's place");
                    kept += 1;
                }
                answer = taken.answer.or(answer);
            }
            // Nothing came: it says the last answer again.
            sender.acknowledged(answer.unwrap_or(receiver.last()));
        }
        kept
    }

    #[test]
    fn any_length_any_window_any_loss() {
        for (size, block, window, lose) in [
            (0, 512, 1, 0),
            (512, 512, 1, 0),
            (513, 512, 4, 0),
            (9000, 8, 16, 7),
            (70_000 * 8, 8, 1, 0),
            (200_000 * 8 + 1, 8, 64, 101),
        ] {
            assert_eq!(transfer(size, block, window, lose), size / u64::from(block) + 1, "{size} {block} {window} {lose}");
        }
    }

    #[test]
    fn an_answer_to_what_was_not_sent_is_no_news() {
        let mut sender = Sender::new(10_000, 512, 2);
        assert!(!sender.acknowledged(0) && !sender.acknowledged(3) && !sender.acknowledged(65535));
        assert!(sender.acknowledged(1) && !sender.acknowledged(1));
        assert_eq!(sender.due(), 1..3);
    }
}
