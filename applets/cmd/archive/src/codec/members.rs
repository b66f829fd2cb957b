//! Streams of gzip, bzip2 or zstd, one behind the other.

use std::io::{self, BufRead, Read};

use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use super::{Codec, Input, MAGIC};

/// The first bytes of a zstd frame that holds nothing for a reader, but for the lower half of the first one.
const SKIPPED: [u8; 3] = [0x2a, 0x4d, 0x18];

/// Bytes of all streams.
pub(crate) struct Members {
    codec: Codec,
    state: State,
    /// Behind the last stream lay something else.
    pub(crate) garbage: bool,
    /// Name and time of the first gzip stream.
    pub(crate) told: Option<(Vec<u8>, u32)>,
}

enum State {
    Gzip(Box<flate2::bufread::GzDecoder<Input>>),
    Bzip2(Box<bzip2::bufread::BzDecoder<Input>>),
    Zstd(Box<StreamingDecoder<Input, FrameDecoder>>),
    Done(Option<Input>),
}

impl Members {
    /// A reader of streams of one kind. The first must begin where the input does.
    pub(crate) fn new(codec: Codec, input: Input) -> io::Result<Self> {
        let mut members = Self { codec, state: State::Done(None), garbage: false, told: None };
        members.next(input, true)?;
        Ok(members)
    }

    /// Begin the next stream, or note the end.
    fn next(&mut self, mut input: Input, first: bool) -> io::Result<()> {
        if self.codec == Codec::Zstd {
            skip_frames(&mut input)?;
        }
        let found = Codec::detect(input.peek(MAGIC)?);
        if found != Some(self.codec) {
            let nothing = input.peek(1)?.is_empty();
            if first && !(nothing && self.codec == Codec::Zstd && input.taken > 0) {
                return Err(if nothing {
                    io::Error::new(io::ErrorKind::UnexpectedEof, "unexpected end of file")
                } else {
                    io::Error::new(io::ErrorKind::InvalidData, "not in the expected format")
                });
            }
            self.garbage = !nothing && !only_zeros(&mut input)?;
            self.state = State::Done(Some(input));
            return Ok(());
        }
        self.state = match self.codec {
            Codec::Gzip => State::Gzip(Box::new(flate2::bufread::GzDecoder::new(input))),
            Codec::Bzip2 => State::Bzip2(Box::new(bzip2::bufread::BzDecoder::new(input))),
            _ => State::Zstd(Box::new(StreamingDecoder::new(input).map_err(io::Error::other)?)),
        };
        Ok(())
    }

    /// The input, with the number of bytes that were taken from it.
    fn end_of_member(&mut self) -> Option<Input> {
        match std::mem::replace(&mut self.state, State::Done(None)) {
            State::Gzip(decoder) => {
                if let Some(header) = decoder.header().filter(|_| self.told.is_none()) {
                    self.told = Some((header.filename().unwrap_or_default().to_vec(), header.mtime()));
                }
                Some(decoder.into_inner())
            }
            State::Bzip2(decoder) => Some(decoder.into_inner()),
            State::Zstd(decoder) => Some(decoder.into_inner()),
            State::Done(input) => input,
        }
    }
}

impl Read for Members {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if to.is_empty() {
            return Ok(0);
        }
        loop {
            let read = match &mut self.state {
                State::Gzip(decoder) => decoder.read(to)?,
                State::Bzip2(decoder) => decoder.read(to)?,
                State::Zstd(decoder) => zstd(decoder, to)?,
                State::Done(_) => return Ok(0),
            };
            if read > 0 {
                return Ok(read);
            }
            let Some(input) = self.end_of_member() else { return Ok(0) };
            self.next(input, false)?;
        }
    }
}

/// Read, and at the end of a frame compare its checksum: the crate leaves that to its callers.
fn zstd(decoder: &mut StreamingDecoder<Input, FrameDecoder>, to: &mut [u8]) -> io::Result<usize> {
    let read = decoder.read(to)?;
    if read == 0 {
        let frame = &decoder.decoder;
        let told = frame.get_checksum_from_data();
        if told.is_some() && told != frame.get_calculated_checksum() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the checksum does not match"));
        }
    }
    Ok(read)
}

fn skip_frames(input: &mut Input) -> io::Result<()> {
    loop {
        let start = input.peek(8)?;
        let [0x50..=0x5f, magic @ .., a, b, c, d] = start else { return Ok(()) };
        if magic != SKIPPED {
            return Ok(());
        }
        let len = u64::from(u32::from_le_bytes([*a, *b, *c, *d])) + 8;
        let skipped = io::copy(&mut input.by_ref().take(len), &mut io::sink())?;
        if skipped < len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Tell if nothing but zeros is left: tapes are filled up with them.
fn only_zeros(input: &mut Input) -> io::Result<bool> {
    loop {
        let bytes = input.fill_buf()?;
        if bytes.is_empty() {
            return Ok(true);
        }
        if bytes.iter().any(|b| *b != 0) {
            return Ok(false);
        }
        let len = bytes.len();
        input.consume(len);
    }
}
