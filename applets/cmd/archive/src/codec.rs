//! Compressed streams: their first bytes, their names' ends, readers and writers.
//!
//! A reader takes several streams one behind the other, as the programs do: gzip, bzip2 and zstd pass over what follows
//! the last one, xz refuses it. Memory that a stream asks for is limited.

mod compress;
mod input;
mod match_finder;
mod members;
mod zstd;

use std::io::{self, BufWriter, Read, Write};

use flate2::{Compression, GzBuilder};
use lzma_rust2::{LzmaOptions, LzmaReader, LzmaWriter, XzOptions, XzReader, XzWriter};

pub(crate) use input::Input;
pub(crate) use members::Members;

/// Memory in KiB that an xz or lzma stream may ask for: eight times that of `xz -9`.
const XZ_MEMORY: u32 = 512 << 10;
/// Bytes by which [`Codec::detect`] knows a stream: .lzma has the most.
pub(crate) const MAGIC: usize = 13;

/// A way to compress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    /// RFC 1952.
    Gzip,
    /// bzip2's blocks.
    Bzip2,
    /// LZMA2 in the .xz container.
    Xz,
    /// LZMA with the 13 bytes of the old header.
    Lzma,
    /// RFC 8878.
    Zstd,
    /// LZW of compress(1); to be read alone.
    Compress,
}

/// A stream that is written: its end must be asked for.
pub(crate) trait Sink: Write {
    /// Write the stream's end and flush what lies below.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

impl Codec {
    /// Codec of a stream that begins so.
    pub(crate) fn detect(start: &[u8]) -> Option<Self> {
        match start {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x1f, 0x9d, ..] => Some(Self::Compress),
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some(Self::Bzip2),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            // Usual properties, a dictionary of a power of two, a size that is unknown or below 256 GiB.
            [0x5d, 0, 0, _, d, rest @ ..] if *d < 0x20 && rest.len() >= 8 => {
                let size = rest.get(..8)?;
                (size == [0xff; 8] || size.get(5..) == Some(&[0; 3])).then_some(Self::Lzma)
            }
            _ => None,
        }
    }

    /// Codec that an archive's name tells, as GNU tar's `--auto-compress` has it.
    pub(crate) fn of_name(name: &[u8]) -> Option<Self> {
        let end = name.rsplit(|b| *b == b'.').next().filter(|end| end.len() < name.len())?;
        match end {
            b"gz" | b"tgz" | b"taz" => Some(Self::Gzip),
            b"bz2" | b"tbz" | b"tbz2" | b"tz2" => Some(Self::Bzip2),
            b"xz" | b"txz" => Some(Self::Xz),
            b"lzma" | b"tlz" => Some(Self::Lzma),
            b"zst" | b"tzst" => Some(Self::Zstd),
            b"Z" | b"taZ" => Some(Self::Compress),
            _ => None,
        }
    }

    /// Level that the programs take when none is given.
    pub(crate) const fn usual_level(self) -> u32 {
        match self {
            Self::Gzip | Self::Xz | Self::Lzma => 6,
            Self::Bzip2 | Self::Compress => 9,
            Self::Zstd => 3,
        }
    }

    /// The bytes behind the compression.
    pub(crate) fn reader(self, input: Input) -> io::Result<Box<dyn Read>> {
        Ok(match self {
            Self::Gzip | Self::Bzip2 | Self::Zstd => Box::new(Members::new(self, input)?),
            Self::Xz => Box::new(XzReader::new_mem_limit(input, true, XZ_MEMORY)),
            Self::Lzma => Box::new(LzmaReader::new_mem_limit(input, XZ_MEMORY, None)?),
            Self::Compress => Box::new(compress::Reader::new(input)?),
        })
    }

    /// A stream into `to`.
    pub(crate) fn writer<W: Write + 'static>(self, to: W, level: u32) -> io::Result<Box<dyn Sink>> {
        Ok(match self {
            Self::Gzip => gzip(to, level, &GzipName::default()),
            Self::Bzip2 => {
                let level = bzip2::Compression::new(level.clamp(1, 9));
                Box::new(bzip2::write::BzEncoder::new(BufWriter::new(to), level))
            }
            Self::Xz => Box::new(XzWriter::new(BufWriter::new(to), XzOptions::with_preset(level))?),
            Self::Lzma => {
                let options = LzmaOptions::with_preset(level);
                Box::new(LzmaWriter::new_use_header(BufWriter::new(to), &options, None)?)
            }
            Self::Zstd => Box::new(zstd::Writer::new(to, level)),
            Self::Compress => return Err(io::Error::other("compress's form can be read alone")),
        })
    }
}

/// Name and time that a gzip stream tells.
#[derive(Default)]
pub(crate) struct GzipName {
    /// Name without directories; empty for none.
    pub(crate) name: Vec<u8>,
    /// Seconds since 1970; 0 for none.
    pub(crate) time: u32,
}

/// A gzip stream with a name and a time.
pub(crate) fn gzip<W: Write + 'static>(to: W, level: u32, told: &GzipName) -> Box<dyn Sink> {
    let builder = GzBuilder::new().operating_system(3).mtime(told.time);
    let builder = if told.name.is_empty() { builder } else { builder.filename(told.name.clone()) };
    Box::new(builder.write(BufWriter::new(to), Compression::new(level.min(9))))
}

impl<W: Write> Sink for flate2::write::GzEncoder<W> {
    fn finish(self: Box<Self>) -> io::Result<()> {
        (*self).finish()?.flush()
    }
}

impl<W: Write> Sink for bzip2::write::BzEncoder<W> {
    fn finish(self: Box<Self>) -> io::Result<()> {
        (*self).finish()?.flush()
    }
}

impl<W: Write> Sink for XzWriter<W> {
    fn finish(self: Box<Self>) -> io::Result<()> {
        (*self).finish()?.flush()
    }
}

impl<W: Write> Sink for LzmaWriter<W> {
    fn finish(self: Box<Self>) -> io::Result<()> {
        (*self).finish()?.flush()
    }
}

/// Bytes as they are.
pub(crate) struct Plain<W: Write>(pub(crate) BufWriter<W>);

impl<W: Write> Write for Plain<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<W: Write> Sink for Plain<W> {
    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Rc<RefCell<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn there_and_back(codec: Codec, level: u32, text: &[u8]) -> usize {
        let kept = Kept::default();
        let mut sink = codec.writer(kept.clone(), level).unwrap();
        sink.write_all(text).unwrap();
        sink.finish().unwrap();
        let packed = kept.0.borrow().clone();
        let twice = [packed.as_slice(), &packed].concat();
        let streams = if codec == Codec::Lzma { 1 } else { 2 };
        let packed_twice = if streams == 2 { twice } else { packed.clone() };
        let mut input = Input::new(io::Cursor::new(packed_twice));
        assert_eq!(Codec::detect(input.peek(MAGIC).unwrap()), Some(codec));
        let mut back = Vec::new();
        codec.reader(input).unwrap().read_to_end(&mut back).unwrap();
        assert!(back == text.repeat(streams), "{codec:?} {level}");
        packed.len()
    }

    #[test]
    fn every_codec_gives_back_what_it_was_given() {
        let mut text = Vec::new();
        let mut seed = 1_u32;
        for line in 0..20_000_u32 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            text.extend_from_slice(format!("{line} word {} of {seed}\n", seed % 97).as_bytes());
        }
        for codec in [Codec::Gzip, Codec::Bzip2, Codec::Xz, Codec::Lzma, Codec::Zstd] {
            for level in [1, codec.usual_level(), 9] {
                let len = there_and_back(codec, level, &text);
                assert!(len * 5 < text.len() * 4, "{codec:?} {level}: {len} of {}", text.len());
            }
            there_and_back(codec, 1, b"");
            there_and_back(codec, 1, &vec![7; 300_000]);
        }
    }
}
