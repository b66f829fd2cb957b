//! The chunks behind the header: 64 KiB each, each sealed by itself, the last one marked.

use std::io::{self, Read, Write};

use kit::{Context, Error, Result};
use ring::aead::{Aad, LessSafeKey, Nonce};

use super::header::{Header, LONGEST, Wrong};
use super::keys::{FileKey, Identity, Recipient, random};

/// Bytes of a full chunk, and of the proof behind each.
const CHUNK: usize = 64 << 10;
const TAG: usize = 16;
/// Bytes of the number in front of the chunks.
const NUMBER: usize = 16;
/// Bytes of a header that are read in one go.
const PIECE: usize = 512;

/// The length of a file with that header and so many bytes of content.
pub fn sealed_length(header: usize, content: u64) -> u64 {
    header as u64 + NUMBER as u64 + content + TAG as u64 * content.div_ceil(CHUNK as u64).max(1)
}

/// Encrypts what is written to it. Without [`Sealer::finish`] the file counts as cut.
pub struct Sealer<W> {
    out: W,
    key: LessSafeKey,
    counter: u64,
    chunk: Vec<u8>,
    header: usize,
}

impl<W: Write> Sealer<W> {
    /// A file for those recipients, of whom there must be one.
    pub fn new(mut out: W, recipients: &[Recipient]) -> Result<Self> {
        if recipients.is_empty() {
            return Err(Error::usage("nobody could open a file without a recipient"));
        }
        let (key, number) = (FileKey::random()?, random::<NUMBER>()?);
        let header = key.header(recipients)?.bytes();
        out.write_all(&header).and_then(|()| out.write_all(&number)).doing("write the header")?;
        let (key, header) = (key.payload(&number)?, header.len());
        Ok(Self { out, key, counter: 0, chunk: Vec::with_capacity(CHUNK + TAG), header })
    }

    /// The length of the header.
    pub const fn header(&self) -> usize {
        self.header
    }

    /// Seal what is left, as the end.
    pub fn finish(mut self) -> io::Result<W> {
        self.seal(true)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn seal(&mut self, last: bool) -> io::Result<()> {
        let nonce = nonce(self.counter, last);
        let sealed = self.key.seal_in_place_append_tag(nonce, Aad::empty(), &mut self.chunk);
        sealed.map_err(|_| io::Error::other("seal a chunk"))?;
        self.counter += 1;
        self.out.write_all(&self.chunk)?;
        self.chunk.clear();
        Ok(())
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full chunk waits until it is known whether it is the last.
        if self.chunk.len() == CHUNK && !bytes.is_empty() {
            self.seal(false)?;
        }
        let taken = bytes.len().min(CHUNK - self.chunk.len());
        self.chunk.extend_from_slice(bytes.get(..taken).unwrap_or_default());
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Decrypts what is read through it. Only who has read up to the end knows that the file is whole.
pub struct Opener<R> {
    from: R,
    key: LessSafeKey,
    counter: u64,
    /// Sealed bytes that have come, at most one more than a chunk's.
    sealed: Vec<u8>,
    /// The opened chunk, and how much of it was read.
    open: Vec<u8>,
    read: usize,
    over: bool,
}

impl<R: Read> Opener<R> {
    /// Read the header, and open the file with one of the identities.
    pub fn new(mut from: R, identities: &[Identity]) -> Result<Self> {
        let mut bytes = Vec::new();
        let (header, length) = loop {
            match Header::parse(&bytes) {
                Ok(found) => break found,
                Err(Wrong::Short) if fill(&mut from, &mut bytes, PIECE).doing("read the header")? => {}
                Err(wrong) => return Err(Error::new(sentence(wrong))),
            }
        };
        let key = FileKey::of(&header, identities)?;
        while bytes.len() < length + NUMBER {
            if !fill(&mut from, &mut bytes, PIECE).doing("read the header")? {
                return Err(Error::new(sentence(Wrong::Short)));
            }
        }
        let sealed = bytes.split_off(length + NUMBER);
        let number = bytes.last_chunk().ok_or_else(|| Error::new(sentence(Wrong::Short)))?;
        let key = key.payload(number)?;
        Ok(Self { from, key, counter: 0, sealed, open: Vec::new(), read: 0, over: false })
    }

    fn next(&mut self) -> io::Result<()> {
        const FULL: usize = CHUNK + TAG;
        // One byte more tells that this chunk is not the last.
        while self.sealed.len() <= FULL {
            let missing = FULL + 1 - self.sealed.len();
            if !fill(&mut self.from, &mut self.sealed, missing)? {
                break;
            }
        }
        let last = self.sealed.len() <= FULL;
        let rest = self.sealed.split_off(self.sealed.len().min(FULL));
        self.open = std::mem::replace(&mut self.sealed, rest);
        let opened = self.key.open_in_place(nonce(self.counter, last), Aad::empty(), &mut self.open);
        let length = opened.map_err(|_| broken())?.len();
        if length == 0 && self.counter > 0 {
            return Err(broken());
        }
        self.open.truncate(length);
        self.read = 0;
        self.counter += 1;
        self.over = last;
        Ok(())
    }
}

impl<R: Read> Read for Opener<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        while self.read == self.open.len() {
            if self.over {
                return Ok(0);
            }
            if let Err(e) = self.next() {
                // Nothing of it may be read again.
                (self.open, self.read) = (Vec::new(), 0);
                return Err(e);
            }
        }
        let there = self.open.get(self.read..).unwrap_or_default();
        let length = there.len().min(bytes.len());
        bytes.iter_mut().zip(there).for_each(|(to, from)| *to = *from);
        self.read += length;
        Ok(length)
    }
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it was cut or changed on the way")
}

fn sentence(wrong: Wrong) -> &'static str {
    match wrong {
        Wrong::Short => "it was cut: its header does not end",
        Wrong::Long => "its header is too long",
        Wrong::Version => "it is no file of age (age-encryption.org/v1)",
        Wrong::Armor => "it is a file of age as text: make it without --armor",
        Wrong::Malformed => "its header is malformed",
    }
}

/// Add at most `most` bytes; whether any came.
fn fill(from: &mut impl Read, bytes: &mut Vec<u8>, most: usize) -> io::Result<bool> {
    Ok(from.by_ref().take(most as u64).read_to_end(bytes)? > 0)
}

/// The number of a chunk: eleven bytes of it, and whether it is the last.
fn nonce(counter: u64, last: bool) -> Nonce {
    let mut bytes = [0; 12];
    bytes.iter_mut().skip(3).zip(counter.to_be_bytes()).for_each(|(to, from)| *to = from);
    bytes[11] = last.into();
    Nonce::assume_unique_for_key(bytes)
}

const _: () = assert!(LONGEST > PIECE, "a header is read in pieces");

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    const SECRET: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";

    fn sealed(content: &[u8]) -> Vec<u8> {
        let mut sealer = Sealer::new(Vec::new(), &[Identity::parse(SECRET).unwrap().recipient()]).unwrap();
        sealer.write_all(content).unwrap();
        let (header, file) = (sealer.header(), sealer.finish().unwrap());
        assert_eq!(file.len() as u64, sealed_length(header, content.len() as u64));
        file
    }

    fn opened(file: &[u8]) -> Result<Vec<u8>> {
        let mut content = Vec::new();
        let mut opener = Opener::new(file, &[Identity::parse(SECRET).unwrap()])?;
        opener.read_to_end(&mut content).doing("open")?;
        Ok(content)
    }

    fn content(length: usize) -> Vec<u8> {
        (0..length).map(|at| ((at * 31) >> 3) as u8).collect()
    }

    #[test]
    fn contents_of_every_length_survive() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 7] {
            assert!(opened(&sealed(&content(length))).unwrap() == content(length), "{length}");
        }
    }

    #[test]
    fn a_cut_or_changed_file_is_refused() {
        let file = sealed(&content(2 * CHUNK));
        let start = file.len() - 2 * (CHUNK + TAG) - NUMBER;
        let edges = [start, start + 1, start + NUMBER, start + NUMBER + TAG, start + NUMBER + CHUNK + TAG];
        for end in (0..start).chain(edges).chain([file.len() - 1]) {
            assert!(opened(&file[..end]).is_err(), "cut at {end}");
        }
        for at in (0..start + 40).chain([start + NUMBER + CHUNK + TAG, file.len() - 1]) {
            let mut changed = file.clone();
            changed[at] ^= 1;
            assert!(opened(&changed).is_err(), "changed at {at}");
        }
        assert!(opened(&[&file[..], b"x"].concat()).is_err());
        let (head, chunks) = file.split_at(start + NUMBER);
        let (one, two) = chunks.split_at(CHUNK + TAG);
        assert!(opened(&[head, two, one].concat()).is_err() && opened(&[head, two].concat()).is_err());
    }

    #[test]
    fn nobody_else_is_told_what_is_wrong_in_numbers() {
        let other = Identity::parse(SECRET).unwrap();
        let why = Opener::new(&b"PK\x03\x04"[..], &[other]).map(|_| ()).unwrap_err().to_string();
        assert_eq!(why, "it is no file of age (age-encryption.org/v1)");
    }
}
