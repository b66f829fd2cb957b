//! Blocks of headers: pairs of names and values, compressed with one zlib stream for the whole connection and each direction.

use flate2::{Decompress, FlushDecompress, Status};

use crate::{Error, dictionary};

/// The longest block that is taken, uncompressed. Kubernetes sends about a hundred bytes.
const BLOCK_LIMIT: usize = 64 * 1024;
/// The most pairs in a block.
const PAIR_LIMIT: usize = 256;
/// The longest stored block of deflate.
const STORED_LIMIT: usize = 0xffff;

/// Names and values, in the peer's order. Names are in lower case.
pub type Headers = Vec<(String, String)>;

/// A reader of headers by name.
pub trait Block {
    /// The value of that name, given in lower case.
    fn value(&self, name: &str) -> Option<&str>;
}

impl Block for Headers {
    fn value(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Decompresses the blocks that one peer sends.
#[derive(Debug)]
pub struct Unpacker {
    inflate: Decompress,
    dictionary: Vec<u8>,
}

impl Default for Unpacker {
    fn default() -> Self {
        Self { inflate: Decompress::new(true), dictionary: dictionary::bytes() }
    }
}

impl Unpacker {
    /// The pairs of one block. After an error the stream can't be read any further.
    pub fn unpack(&mut self, block: &[u8]) -> Result<Headers, Error> {
        parse(&self.inflate(block)?)
    }

    fn inflate(&mut self, mut from: &[u8]) -> Result<Vec<u8>, Error> {
        let mut text = Vec::with_capacity(1024);
        loop {
            let before = (self.inflate.total_in(), self.inflate.total_out());
            let done = self.inflate.decompress_vec(from, &mut text, FlushDecompress::Sync);
            from = &from[(self.inflate.total_in() - before.0) as usize..];
            match done {
                Ok(Status::StreamEnd) => return Err(Error::Headers("the stream ended")),
                Ok(_) => {}
                Err(e) if e.needs_dictionary() == Some(dictionary::SUM) => {
                    self.inflate.set_dictionary(&self.dictionary).map_err(|_| Error::Headers("the dictionary does not fit"))?;
                    continue;
                }
                Err(_) => return Err(Error::Headers("they are not compressed as they should be")),
            }
            if text.len() > BLOCK_LIMIT {
                return Err(Error::Headers("there are too many"));
            }
            let full = text.len() == text.capacity();
            if full {
                text.reserve(text.len());
            } else if from.is_empty() || before == (self.inflate.total_in(), self.inflate.total_out()) {
                return Ok(text);
            }
        }
    }
}

fn parse(mut text: &[u8]) -> Result<Headers, Error> {
    let count = number(&mut text)?;
    if count > PAIR_LIMIT {
        return Err(Error::Headers("there are too many"));
    }
    let mut headers = Headers::with_capacity(count);
    for _ in 0..count {
        let name = word(&mut text)?.to_ascii_lowercase();
        if name.is_empty() {
            return Err(Error::Headers("a name is empty"));
        }
        headers.push((name, word(&mut text)?));
    }
    if text.is_empty() { Ok(headers) } else { Err(Error::Headers("something stands behind the last one")) }
}

fn number(text: &mut &[u8]) -> Result<usize, Error> {
    let (first, rest) = text.split_first_chunk::<4>().ok_or(Error::Headers("they are cut off"))?;
    *text = rest;
    Ok(u32::from_be_bytes(*first) as usize)
}

fn word(text: &mut &[u8]) -> Result<String, Error> {
    let length = number(text)?;
    let (word, rest) = text.split_at_checked(length).ok_or(Error::Headers("they are cut off"))?;
    *text = rest;
    String::from_utf8(word.to_vec()).map_err(|_| Error::Headers("one is not UTF-8"))
}

/// Packs the blocks for one peer. It stores instead of compressing: our headers are few and short, and a compressor takes
/// 256 KiB of memory a connection.
#[derive(Debug, Default)]
pub struct Packer {
    begun: bool,
}

impl Packer {
    /// One block.
    pub fn pack(&mut self, headers: &[(String, String)]) -> Vec<u8> {
        let mut text = (headers.len() as u32).to_be_bytes().to_vec();
        for word in headers.iter().flat_map(|(name, value)| [name, value]) {
            text.extend_from_slice(&(word.len() as u32).to_be_bytes());
            text.extend_from_slice(word.as_bytes());
        }
        let mut block = Vec::with_capacity(text.len() + 16);
        if !self.begun {
            self.begun = true;
            // RFC 1950: deflate with a window of 32 KiB, a dictionary is set, and its sum.
            block.extend_from_slice(&[0x78, 0xbb]);
            block.extend_from_slice(&dictionary::SUM.to_be_bytes());
        }
        for piece in text.chunks(STORED_LIMIT) {
            store(&mut block, piece);
        }
        // An empty block is zlib's sync flush: readers hand out the bytes that they hold back when
        // they see it.
        store(&mut block, &[]);
        block
    }
}

/// A stored block of RFC 1951; each begins and ends at a whole byte.
fn store(block: &mut Vec<u8>, bytes: &[u8]) {
    let length = bytes.len() as u16;
    block.push(0);
    block.extend_from_slice(&length.to_le_bytes());
    block.extend_from_slice(&(!length).to_le_bytes());
    block.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use flate2::{Compress, Compression, FlushCompress};

    fn pairs(pairs: &[(&str, &str)]) -> Headers {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn text(headers: &Headers) -> Vec<u8> {
        let mut text = (headers.len() as u32).to_be_bytes().to_vec();
        for word in headers.iter().flat_map(|(name, value)| [name, value]) {
            text.extend_from_slice(&(word.len() as u32).to_be_bytes());
            text.extend_from_slice(word.as_bytes());
        }
        text
    }

    /// A peer that compresses, as all others do.
    struct Peer(Compress);

    impl Peer {
        fn new() -> Self {
            let mut deflate = Compress::new(Compression::best(), true);
            assert_eq!(deflate.set_dictionary(&dictionary::bytes()).unwrap(), dictionary::SUM);
            Self(deflate)
        }

        fn pack(&mut self, text: &[u8]) -> Vec<u8> {
            let mut block = Vec::with_capacity(text.len() + 4096);
            self.0.compress_vec(text, &mut block, FlushCompress::Sync).unwrap();
            block
        }
    }

    #[test]
    fn blocks_of_a_compressing_peer_are_read_one_after_the_other() {
        let (mut peer, mut unpacker) = (Peer::new(), Unpacker::default());
        for n in 0..20 {
            let port = n.to_string();
            let headers = pairs(&[("streamtype", "data"), ("port", &port), ("requestid", "7"), ("content-length", "0")]);
            assert_eq!(unpacker.unpack(&peer.pack(&text(&headers))).unwrap(), headers);
        }
    }

    #[test]
    fn own_blocks_come_back() {
        let (mut packer, mut unpacker) = (Packer::default(), Unpacker::default());
        let long = "x".repeat(BLOCK_LIMIT - 100);
        for headers in [pairs(&[]), pairs(&[("a", "b"), ("c", "")]), pairs(&[("long", &long)]), pairs(&[("a", "b")])] {
            assert_eq!(unpacker.unpack(&packer.pack(&headers)).unwrap(), headers);
        }
    }

    #[test]
    fn names_come_in_lower_case_and_are_found() {
        let (mut packer, mut unpacker) = (Packer::default(), Unpacker::default());
        let headers = unpacker.unpack(&packer.pack(&pairs(&[("StreamType", "Error")]))).unwrap();
        assert_eq!((headers.value("streamtype"), headers.value("port")), (Some("Error"), None));
    }

    #[test]
    fn a_bomb_is_refused() {
        let mut peer = Peer::new();
        let bomb = peer.pack(&vec![0; 8 << 20]);
        assert!(bomb.len() < 64 * 1024);
        assert_eq!(Unpacker::default().unpack(&bomb), Err(Error::Headers("there are too many")));
    }

    #[test]
    fn every_truncation_and_damage_is_an_error_or_harmless() {
        let headers = pairs(&[("streamtype", "data"), ("port", "80")]);
        let block = Peer::new().pack(&text(&headers));
        for end in 0..block.len() - 5 {
            assert!(Unpacker::default().unpack(&block[..end]).is_err(), "cut at {end}");
        }
        for at in 0..block.len() {
            for bit in 0..8 {
                let mut damaged = block.clone();
                damaged[at] ^= 1 << bit;
                // Either is right; that it returns is what is tried.
                let _ = Unpacker::default().unpack(&damaged);
            }
        }
    }

    #[test]
    fn counts_that_lie_are_refused() {
        for text in [
            &b"\0\0\0\x02\0\0\0\x01a\0\0\0\x01b"[..],
            b"\0\0\0\x01\xff\xff\xff\xffa",
            b"\xff\xff\xff\xff",
            b"\0\0\0\0more",
            b"\0\0\0\x01\0\0\0\0\0\0\0\0",
            b"\0\0\0\x01\0\0\0\x01a\0\0\0\x01\xff",
        ] {
            assert!(Unpacker::default().unpack(&Peer::new().pack(text)).is_err(), "{text:?}");
        }
    }
}
