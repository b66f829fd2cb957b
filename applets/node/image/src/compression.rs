//! Compression of layers and archives: gzip or zstd, of several members, or none.

use std::io::{self, BufRead, BufReader, Read};

use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

/// The size of the buffer that packed bytes are read through, in bytes.
const BUFFER: usize = 64 << 10;
/// First magic number of zstd frames that hold notes instead of content: 16 numbers from here on
/// (RFC 8878, 3.1.2).
const SKIPPED: u32 = 0x184d_2a50;

/// Compression of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    None,
    /// gzip.
    Gzip,
    /// zstd.
    Zstd,
}

/// Returns the compression of bytes that begin so: no media type tells more than they do.
pub const fn packing(magic: [u8; 4]) -> Packing {
    match magic {
        [0x1f, 0x8b, ..] => Packing::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Packing::Zstd,
        _ => Packing::None,
    }
}

/// The plain stream of packed bytes; the bytes themselves when they are not packed.
pub fn unpacked<'a>(packing: Packing, bytes: impl Read + Send + 'a) -> Box<dyn Read + Send + 'a> {
    match packing {
        Packing::None => Box::new(bytes),
        Packing::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::with_capacity(BUFFER, bytes))),
        Packing::Zstd => Box::new(Zstd { state: State::Between(BufReader::with_capacity(BUFFER, bytes), FrameDecoder::new()) }),
    }
}

/// Frames of zstd one after another.
struct Zstd<R: Read> {
    state: State<R>,
}

enum State<R: Read> {
    Between(BufReader<R>, FrameDecoder),
    Inside(StreamingDecoder<BufReader<R>, FrameDecoder>),
    Ended,
}

impl<R: Read> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(&mut self.state, State::Ended) {
                State::Ended => return Ok(0),
                State::Inside(mut frame) => match frame.read(buffer)? {
                    0 if !buffer.is_empty() => {
                        let (from, decoder) = frame.into_parts();
                        self.state = State::Between(from, decoder);
                    }
                    count => {
                        self.state = State::Inside(frame);
                        return Ok(count);
                    }
                },
                State::Between(mut from, decoder) => {
                    if !skip_notes(&mut from)? {
                        return Ok(0);
                    }
                    let frame = StreamingDecoder::new_with_decoder(from, decoder).map_err(io::Error::other)?;
                    self.state = State::Inside(frame);
                }
            }
        }
    }
}

/// Go behind frames that hold no content, such as an index for lazy pulling. Whether a frame follows.
fn skip_notes(from: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let have = from.fill_buf()?;
        if have.is_empty() {
            return Ok(false);
        }
        // Notes are told by their first byte; the decoder complains about all the rest.
        if have[0] & 0xf0 != (SKIPPED & 0xf0) as u8 {
            return Ok(true);
        }
        let mut head = [0; 8];
        from.read_exact(&mut head)?;
        let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        if number(0) & !0xf != SKIPPED {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a zstd frame begins with other bytes than it should"));
        }
        let length = u64::from(number(4));
        if io::copy(&mut from.by_ref().take(length), &mut io::sink())? < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn read(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        unpacked(packing([bytes[0], bytes[1], bytes[2], bytes[3]]), bytes).read_to_end(&mut plain)?;
        Ok(plain)
    }

    #[test]
    fn zstd_of_several_frames_with_notes() {
        let frame = |bytes: &[u8]| ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest);
        let notes = [&(SKIPPED + 3).to_le_bytes()[..], &5u32.to_le_bytes(), b"notes"].concat();
        let all = [&notes[..], &frame(&vec![7; 300_000]), &notes, &frame(b"end"), &notes].concat();
        let plain = read(&all).unwrap();
        assert_eq!((plain.len(), &plain[300_000..]), (300_003, &b"end"[..]));
        for cut in [all.len() - 1, all.len() - 14, 20] {
            assert!(read(&all[..cut]).is_err(), "{cut}");
        }
        assert!(read(&[&frame(b"x")[..], b"rubbish"].concat()).is_err());
    }
}
