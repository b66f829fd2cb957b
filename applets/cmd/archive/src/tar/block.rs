//! The block of 512 bytes that begins a member: its fields and numbers, see tar(5).

use std::ops::Range;

/// Bytes of a block.
pub(crate) const BLOCK: usize = 512;

pub(super) const NAME: Range<usize> = 0..100;
pub(super) const MODE: Range<usize> = 100..108;
pub(super) const UID: Range<usize> = 108..116;
pub(super) const GID: Range<usize> = 116..124;
pub(super) const SIZE: Range<usize> = 124..136;
pub(super) const MTIME: Range<usize> = 136..148;
const CHECKSUM: Range<usize> = 148..156;
pub(super) const KIND: usize = 156;
pub(super) const LINK: Range<usize> = 157..257;
pub(super) const MAGIC: Range<usize> = 257..265;
pub(super) const USER: Range<usize> = 265..297;
pub(super) const GROUP: Range<usize> = 297..329;
pub(super) const MAJOR: Range<usize> = 329..337;
pub(super) const MINOR: Range<usize> = 337..345;
/// POSIX: what stands before the name and a slash.
pub(super) const PREFIX: Range<usize> = 345..500;
/// GNU: times, in old incremental archives.
pub(super) const ATIME: Range<usize> = 345..357;
pub(super) const CTIME: Range<usize> = 357..369;
/// GNU: four parts of a sparse file, each an offset and a length of 12 bytes.
pub(super) const SPARSE: Range<usize> = 386..482;
/// GNU: more parts follow in a block of their own.
pub(super) const SPARSE_GOES_ON: usize = 482;
/// GNU: size of a sparse file.
pub(super) const REAL_SIZE: Range<usize> = 483..495;
/// The same flag in a block of 21 parts.
pub(super) const PARTS: Range<usize> = 0..504;
pub(super) const PARTS_GO_ON: usize = 504;

/// POSIX's mark with its version.
pub(super) const USTAR: &[u8; 8] = b"ustar\x0000";
/// GNU's.
pub(super) const GNU: &[u8; 8] = b"ustar  \0";

/// A block.
#[derive(Clone)]
pub(crate) struct Block(pub(crate) [u8; BLOCK]);

impl Block {
    /// A block of zeros.
    pub(crate) const fn new() -> Self {
        Self([0; BLOCK])
    }

    /// Tell if it is one of the two that end an archive.
    pub(crate) fn is_zero(&self) -> bool {
        self.0.iter().all(|byte| *byte == 0)
    }

    /// Text of a field, which ends at the first zero.
    pub(super) fn text(&self, field: Range<usize>) -> &[u8] {
        let bytes = &self.0[field];
        bytes.split(|byte| *byte == 0).next().unwrap_or_default()
    }

    /// Put a text that fits.
    pub(super) fn put(&mut self, field: Range<usize>, text: &[u8]) {
        let len = text.len().min(field.len());
        self.0[field.start..field.start + len].copy_from_slice(&text[..len]);
    }

    /// Number in a field: octal digits, or with the first bit set a big-endian one of two's complement.
    pub(super) fn number(&self, field: Range<usize>) -> Option<i64> {
        number(&self.0[field])
    }

    /// Put a number as octal digits, or as GNU's long form when there are too many; false when neither is possible.
    pub(super) fn put_number(&mut self, field: Range<usize>, value: i64, long_form: bool) -> bool {
        let digits = field.len() - 1;
        self.0[field.clone()].fill(0);
        let fits = value >= 0 && (digits >= 21 || value >> (3 * digits) == 0);
        if fits {
            let text = format!("{value:0digits$o}");
            self.put(field, text.as_bytes());
        } else if long_form {
            let len = field.len();
            let fill = if value < 0 { 0xff } else { 0 };
            for (at, byte) in self.0[field.clone()].iter_mut().rev().enumerate() {
                *byte = if at < 8 { (value >> (8 * at)) as u8 } else { fill };
            }
            let sign = if value < 0 { 0xff } else { 0x80 };
            if len == 8 {
                // Seven bytes hold the value.
                self.0[field.start] = sign;
            } else {
                self.0[field.start] |= sign;
            }
        }
        fits || long_form
    }

    /// Put the checksum: last of all.
    pub(super) fn seal(&mut self) {
        let text = format!("{:06o}\0 ", self.sum());
        self.put(CHECKSUM, text.as_bytes());
    }

    /// Sum of all bytes, with blanks for the checksum itself.
    fn sum(&self) -> u64 {
        let all: u64 = self.0.iter().map(|byte| u64::from(*byte)).sum();
        let own: u64 = self.0[CHECKSUM].iter().map(|byte| u64::from(*byte)).sum();
        all - own + 8 * u64::from(b' ')
    }

    /// Tell if the checksum holds; some programs of old summed signed bytes.
    pub(crate) fn holds(&self) -> bool {
        let Some(told) = self.number(CHECKSUM) else { return false };
        let high = |bytes: &[u8]| bytes.iter().filter(|byte| **byte > 127).count() as i64;
        let signed = self.sum() as i64 - 256 * (high(&self.0) - high(&self.0[CHECKSUM]));
        told == self.sum() as i64 || told == signed
    }
}

/// Number in the bytes of a field.
pub(super) fn number(field: &[u8]) -> Option<i64> {
    let first = *field.first()?;
    if first == 0x80 || first == 0xff {
        let start = if first == 0xff { -1_i64 } else { 0 };
        return field[1..]
            .iter()
            .try_fold(start, |value, byte| (-(1 << 55)..1 << 55).contains(&value).then(|| (value << 8) | i64::from(*byte)));
    }
    let text = field.split(|byte| *byte == 0).find(|part| !part.is_empty()).unwrap_or_default();
    let digits = text.trim_ascii();
    digits.iter().try_fold(0_i64, |value, digit| match digit {
        b'0'..=b'7' if value < 1 << 60 => Some(value << 3 | i64::from(digit - b'0')),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let mut block = Block::new();
        for value in [0, 1, 0o7777, 0o777_7777, 0o1000_0000, 1 << 40, -1, -1000, i64::from(u32::MAX)] {
            assert!(block.put_number(UID, value, true));
            assert_eq!(block.number(UID), Some(value), "{value}");
            assert!(block.put_number(SIZE, value, true));
            assert_eq!(block.number(SIZE), Some(value), "{value}");
        }
        assert!(!block.put_number(UID, 0o1000_0000, false) && !block.put_number(UID, -1, false));
        assert_eq!((number(b"  644 \0"), number(b"\0\0\0"), number(b"12x"), number(b"9")), (Some(0o644), Some(0), None, None));
        assert_eq!(number(&[0x80, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), None);
    }

    #[test]
    fn checksums() {
        let mut block = Block::new();
        block.put(NAME, b"a\xff");
        block.seal();
        assert!(block.holds() && !block.is_zero());
        block.0[0] = b'b';
        assert!(!block.holds());
    }
}
