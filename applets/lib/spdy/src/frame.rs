//! Frames: what travels. Data comes out in pieces as they arrive, so that a frame of 16 MiB needs no memory; control frames are short.

use crate::headers::{Headers, Packer, Unpacker};
use crate::{Error, headers};

/// The longest control frame that is taken, in bytes: it holds a block of headers at most.
pub const MAX_CONTROL: usize = 64 * 1024;
/// Length of the head of each frame.
const HEAD: usize = 8;
/// The version that is in each control frame of SPDY/3 and SPDY/3.1.
const VERSION: u16 = 3;
/// The flag that closes the sender's half of a stream.
const FIN: u8 = 1;
/// The flag of a stream on which its receiver does not send.
const UNIDIRECTIONAL: u8 = 2;
/// Stream numbers and sizes of windows have 31 bits.
const MASK: u32 = 0x7fff_ffff;

/// A setting: its number and value.
pub type Setting = (u32, u32);

/// A frame, or a piece of a data frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A new stream.
    SynStream {
        /// Its number.
        stream: u32,
        /// The sender sends nothing on it.
        fin: bool,
        /// The receiver sends nothing on it.
        unidirectional: bool,
        /// Purpose of the stream.
        headers: Headers,
    },
    /// A new stream is accepted.
    SynReply {
        /// Its number.
        stream: u32,
        /// The sender sends nothing on it.
        fin: bool,
        /// More about it.
        headers: Headers,
    },
    /// A stream is over at once.
    Rst {
        /// Its number.
        stream: u32,
        /// Reason of the reset.
        status: u32,
    },
    /// Settings of the sender.
    Settings(Vec<Setting>),
    /// To be sent back.
    Ping(u32),
    /// The sender takes no further streams.
    GoAway {
        /// The last one that it took.
        last: u32,
        /// Reason of the end.
        status: u32,
    },
    /// More headers of a stream.
    Headers {
        /// Its number.
        stream: u32,
        /// The sender sends nothing more on it.
        fin: bool,
        /// The headers.
        headers: Headers,
    },
    /// The sender has room for more.
    WindowUpdate {
        /// The stream's number; 0 for the whole connection.
        stream: u32,
        /// Number of bytes more.
        delta: u32,
    },
    /// Bytes of a stream.
    Data {
        /// Its number.
        stream: u32,
        /// The sender sends nothing more on it after these.
        fin: bool,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// A control frame of a type that nobody knows, which the protocol has us ignore.
    Unknown(u16),
}

#[derive(Debug, Clone, Copy)]
enum State {
    Head,
    Control { kind: u16, flags: u8, length: usize },
    Data { stream: u32, fin: bool, left: usize },
}

/// Cuts a stream of bytes into frames.
#[derive(Debug)]
pub struct Decoder {
    state: State,
    held: Vec<u8>,
    unpacker: Unpacker,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { state: State::Head, held: Vec::new(), unpacker: Unpacker::default() }
    }
}

impl Decoder {
    /// The next frame, or none when it needs more; `input` is what is left.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Frame<'a>>, Error> {
        loop {
            match self.state {
                State::Head => {
                    if !self.fill(HEAD, input) {
                        return Ok(None);
                    }
                    let empty = self.head()?;
                    self.held.clear();
                    if empty.is_some() {
                        return Ok(empty);
                    }
                }
                State::Control { kind, flags, length } => {
                    if !self.fill(length, input) {
                        return Ok(None);
                    }
                    self.state = State::Head;
                    let frame = control(kind, flags, &self.held, &mut self.unpacker);
                    self.held = Vec::new();
                    return frame.map(Some);
                }
                State::Data { stream, fin, left } => {
                    if input.is_empty() {
                        return Ok(None);
                    }
                    let (bytes, rest) = input.split_at(left.min(input.len()));
                    *input = rest;
                    let left = left - bytes.len();
                    self.state = if left == 0 { State::Head } else { State::Data { stream, fin, left } };
                    return Ok(Some(Frame::Data { stream, fin: fin && left == 0, bytes }));
                }
            }
        }
    }

    /// Hold `length` bytes; whether they are there.
    fn fill(&mut self, length: usize, input: &mut &[u8]) -> bool {
        let missing = length.saturating_sub(self.held.len());
        let (bytes, rest) = input.split_at(missing.min(input.len()));
        self.held.extend_from_slice(bytes);
        *input = rest;
        self.held.len() >= length
    }

    /// Read a head. A data frame without bytes is whole at once.
    fn head(&mut self) -> Result<Option<Frame<'static>>, Error> {
        let (first, second) = (word(&self.held, 0)?, word(&self.held, 4)?);
        let (flags, length) = ((second >> 24) as u8, (second & 0x00ff_ffff) as usize);
        if first & !MASK == 0 {
            let (stream, fin) = (first, flags & FIN != 0);
            if length == 0 {
                return Ok(Some(Frame::Data { stream, fin, bytes: &[] }));
            }
            self.state = State::Data { stream, fin, left: length };
            return Ok(None);
        }
        let (version, kind) = ((first >> 16 & 0x7fff) as u16, first as u16);
        if version != VERSION {
            return Err(Error::Version(version));
        }
        if length > MAX_CONTROL {
            return Err(Error::TooLong(length));
        }
        self.state = State::Control { kind, flags, length };
        Ok(None)
    }
}

fn control(kind: u16, flags: u8, payload: &[u8], unpacker: &mut Unpacker) -> Result<Frame<'static>, Error> {
    let fin = flags & FIN != 0;
    let stream = || Ok::<_, Error>(word(payload, 0)? & MASK);
    let pair = |what| if payload.len() == 8 { Ok((word(payload, 0)?, word(payload, 4)?)) } else { Err(Error::Malformed(what)) };
    Ok(match kind {
        1 => {
            let block = payload.get(10..).ok_or(Error::Malformed("SYN_STREAM"))?;
            let headers = unpacker.unpack(block)?;
            Frame::SynStream { stream: stream()?, fin, unidirectional: flags & UNIDIRECTIONAL != 0, headers }
        }
        2 => {
            let block = payload.get(4..).ok_or(Error::Malformed("SYN_REPLY"))?;
            Frame::SynReply { stream: stream()?, fin, headers: unpacker.unpack(block)? }
        }
        3 => {
            let (stream, status) = pair("RST_STREAM")?;
            Frame::Rst { stream: stream & MASK, status }
        }
        4 => Frame::Settings(settings(payload)?),
        6 if payload.len() == 4 => Frame::Ping(word(payload, 0)?),
        6 => return Err(Error::Malformed("PING")),
        7 => {
            let (last, status) = pair("GOAWAY")?;
            Frame::GoAway { last: last & MASK, status }
        }
        8 => {
            let block = payload.get(4..).ok_or(Error::Malformed("HEADERS"))?;
            Frame::Headers { stream: stream()?, fin, headers: unpacker.unpack(block)? }
        }
        9 => {
            let (stream, delta) = pair("WINDOW_UPDATE")?;
            Frame::WindowUpdate { stream: stream & MASK, delta: delta & MASK }
        }
        other => Frame::Unknown(other),
    })
}

fn settings(payload: &[u8]) -> Result<Vec<Setting>, Error> {
    let count = word(payload, 0)? as usize;
    let entries = &payload[4..];
    if !entries.len().is_multiple_of(8) || entries.len() / 8 != count {
        return Err(Error::Malformed("SETTINGS"));
    }
    // A setting's number has 24 bits, with flags above.
    entries.chunks_exact(8).map(|entry| Ok((word(entry, 0)? & 0x00ff_ffff, word(entry, 4)?))).collect()
}

fn word(bytes: &[u8], at: usize) -> Result<u32, Error> {
    let word = bytes.get(at..at + 4).and_then(|four| four.first_chunk());
    word.map(|four| u32::from_be_bytes(*four)).ok_or(Error::Malformed("a frame that is cut off"))
}

/// Append a frame. Data must be shorter than 16 MiB.
pub fn write(frame: &Frame, packer: &mut Packer, out: &mut Vec<u8>) {
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
    match frame {
        Frame::SynStream { stream, fin, unidirectional, headers } => {
            let fixed = [*stream, 0];
            let flags = flag(*fin, FIN) | flag(*unidirectional, UNIDIRECTIONAL);
            // Priority 0 and no credential slot.
            let rest = [&[0, 0][..], &packer.pack(headers)].concat();
            write_control(out, 1, flags, &fixed, &rest);
        }
        Frame::SynReply { stream, fin, headers } => write_headers(out, 2, *fin, *stream, headers, packer),
        Frame::Rst { stream, status } => write_control(out, 3, 0, &[*stream, *status], &[]),
        Frame::Settings(settings) => {
            let count = [settings.len() as u32];
            let words: Vec<u32> = count.into_iter().chain(settings.iter().flat_map(|(id, value)| [*id, *value])).collect();
            write_control(out, 4, 0, &words, &[]);
        }
        Frame::Ping(id) => write_control(out, 6, 0, &[*id], &[]),
        Frame::GoAway { last, status } => write_control(out, 7, 0, &[*last, *status], &[]),
        Frame::Headers { stream, fin, headers } => write_headers(out, 8, *fin, *stream, headers, packer),
        Frame::WindowUpdate { stream, delta } => write_control(out, 9, 0, &[*stream, *delta], &[]),
        Frame::Data { stream, fin, bytes } => {
            out.extend_from_slice(&(stream & MASK).to_be_bytes());
            write_length(out, flag(*fin, FIN), bytes.len());
            out.extend_from_slice(bytes);
        }
        // There is nothing to say in it.
        Frame::Unknown(kind) => write_control(out, *kind, 0, &[], &[]),
    }
}

fn write_headers(out: &mut Vec<u8>, kind: u16, fin: bool, stream: u32, headers: &headers::Headers, packer: &mut Packer) {
    write_control(out, kind, u8::from(fin), &[stream], &packer.pack(headers));
}

fn write_control(out: &mut Vec<u8>, kind: u16, flags: u8, words: &[u32], rest: &[u8]) {
    out.extend_from_slice(&(1 << 15 | VERSION).to_be_bytes());
    out.extend_from_slice(&kind.to_be_bytes());
    write_length(out, flags, words.len() * 4 + rest.len());
    for word in words {
        out.extend_from_slice(&word.to_be_bytes());
    }
    out.extend_from_slice(rest);
}

fn write_length(out: &mut Vec<u8>, flags: u8, length: usize) {
    let word = u32::from(flags) << 24 | (length as u32 & 0x00ff_ffff);
    out.extend_from_slice(&word.to_be_bytes());
}

#[cfg(test)]
mod tests;
