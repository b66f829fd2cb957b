//! One 512-byte header block, in the forms of POSIX ustar, GNU tar and tar of 1979.

use std::io;

/// The unit of a tar archive, in bytes.
pub const BLOCK: usize = 512;

/// Parts of a sparse file: offset and length in bytes.
pub type Parts = Vec<(u64, u64)>;

/// A header block whose sum is right.
pub struct Header<'a>(&'a [u8; BLOCK]);

impl<'a> Header<'a> {
    /// The header in a block; none in the block of zeros that ends an archive.
    pub fn parse(block: &'a [u8; BLOCK]) -> io::Result<Option<Self>> {
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let header = Self(block);
        let told = header.number(148, 8)?;
        // The sum is made with blanks in its own place.
        let plain = |range: &[u8]| range.iter().map(|byte| i64::from(*byte)).sum::<i64>();
        let signed = |range: &[u8]| range.iter().map(|byte| i64::from(byte.cast_signed())).sum::<i64>();
        let blanks = 8 * i64::from(b' ');
        let sums = [plain(&block[..148]) + plain(&block[156..]) + blanks, signed(&block[..148]) + signed(&block[156..]) + blanks];
        if sums.contains(&told) { Ok(Some(header)) } else { Err(broken("a header's sum is wrong")) }
    }

    /// The kind of entry.
    pub const fn flag(&self) -> u8 {
        self.0[156]
    }

    /// The entry's path, with the prefix that ustar has for long ones.
    pub fn path(&self) -> Vec<u8> {
        let name = text(&self.0[..100]);
        let prefix = if self.0[257..263] == *b"ustar\0" { text(&self.0[345..500]) } else { &[] };
        if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() }
    }

    /// Returns the target of a link.
    pub fn link(&self) -> Vec<u8> {
        text(&self.0[157..257]).to_vec()
    }

    /// Permission bits and what goes with them.
    pub fn mode(&self) -> io::Result<i64> {
        self.number(100, 8)
    }

    /// Owner and group.
    pub fn owners(&self) -> io::Result<(i64, i64)> {
        Ok((self.number(108, 8)?, self.number(116, 8)?))
    }

    /// Bytes that follow the header, without their padding.
    pub fn size(&self) -> io::Result<u64> {
        u64::try_from(self.number(124, 12)?).map_err(|_| broken("a size is negative"))
    }

    /// Seconds since 1970.
    pub fn time(&self) -> io::Result<i64> {
        self.number(136, 12)
    }

    /// Major and minor number.
    pub fn device(&self) -> io::Result<(u32, u32)> {
        let number = |at| self.number(at, 8).and_then(|n| u32::try_from(n).map_err(|_| broken("a device number is odd")));
        Ok((number(329)?, number(337)?))
    }

    /// GNU's list of the parts of a sparse file, whether it goes on in a further block, and the file's length.
    pub fn sparse(&self) -> io::Result<(Parts, bool, u64)> {
        let length = u64::try_from(self.number(483, 12)?).map_err(|_| broken("a size is negative"))?;
        Ok((parts(&self.0[386..482])?, self.0[482] != 0, length))
    }

    fn number(&self, at: usize, length: usize) -> io::Result<i64> {
        number(&self.0[at..at + length])
    }
}

/// A block that goes on with GNU's list of parts.
pub fn more_parts(block: &[u8; BLOCK]) -> io::Result<(Parts, bool)> {
    Ok((parts(&block[..504])?, block[504] != 0))
}

fn parts(bytes: &[u8]) -> io::Result<Parts> {
    let mut found = Vec::new();
    for part in bytes.chunks_exact(24).take_while(|part| part[0] != 0) {
        let numbers = (u64::try_from(number(&part[..12])?), u64::try_from(number(&part[12..])?));
        let (Ok(offset), Ok(length)) = numbers else { return Err(broken("a sparse file's part is negative")) };
        found.push((offset, length));
    }
    Ok(found)
}

/// Octal digits, or GNU's binary form for what those can't tell.
fn number(field: &[u8]) -> io::Result<i64> {
    if field[0] & 0x80 != 0 {
        // Bit 6 is the sign of a two's complement.
        let negative = field[0] & 0x40 != 0;
        let first = if negative { i128::from(field[0] | 0x80) - 256 } else { i128::from(field[0] & 0x7f) };
        let value = field[1..].iter().fold(first, |value, byte| value << 8 | i128::from(*byte));
        return i64::try_from(value).map_err(|_| broken("a number is too large"));
    }
    let digits = field.split(|byte| *byte == 0).next().unwrap_or_default().trim_ascii();
    digits.iter().try_fold(0i64, |value, digit| match digit {
        b'0'..=b'7' => Ok(value << 3 | i64::from(digit - b'0')),
        _ => Err(broken("a number has odd digits")),
    })
}

fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// A malformed archive.
pub fn broken(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the archive is broken: {why}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn numbers_in_both_forms() {
        assert_eq!(number(b"0000644\0").unwrap(), 0o644);
        assert_eq!(number(b"   644 \0").unwrap(), 0o644);
        assert_eq!(number(&[0; 8]).unwrap(), 0);
        assert_eq!(number(&[0x80, 0, 0, 0, 0, 0, 1, 0]).unwrap(), 256);
        assert_eq!(number(&[0xff; 12]).unwrap(), -1);
        assert!(number(b"9").is_err());
        assert!(number(&[0xbf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).is_err());
    }
}
