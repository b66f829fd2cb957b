//! Headers of cpio archives: the old binary one, POSIX's odc, SVR4's newc and its sister with a sum.

use std::fmt::Write as _;
use std::io::{self, Read};

use kit::{Error, Result};

/// Name that ends an archive.
pub(crate) const END: &[u8] = b"TRAILER!!!";
/// Bytes that a name may have: the kernel's PATH_MAX and more than enough.
const MAX_NAME: u64 = 64 << 10;

/// Form of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// 16-bit words.
    Bin,
    /// Octal digits.
    Odc,
    /// Hexadecimal digits.
    Newc,
    /// The same with a sum of the data.
    Crc,
}

/// Content of a header.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    pub(crate) name: Vec<u8>,
    pub(crate) inode: u64,
    /// Sort and permissions.
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) links: u32,
    pub(crate) mtime: u64,
    pub(crate) size: u64,
    pub(crate) device: (u32, u32),
    /// Number of a device file.
    pub(crate) special: (u32, u32),
    pub(crate) sum: u32,
}

impl Format {
    /// Form of an option's word.
    pub(crate) fn named(word: Option<&str>, portable: bool) -> Result<Self> {
        Ok(match word {
            None if portable => Self::Newc,
            None | Some("bin") => Self::Bin,
            Some("odc") => Self::Odc,
            Some("newc") => Self::Newc,
            Some("crc") => Self::Crc,
            Some("ustar" | "tar") => return Err(Error::usage("the form is refused: tar makes and reads it")),
            Some(other) => return Err(Error::usage(format!("no such form: {other}"))),
        })
    }

    /// Bytes to which names and data are filled up.
    pub(crate) const fn align(self) -> u64 {
        match self {
            Self::Bin => 2,
            Self::Odc => 1,
            Self::Newc | Self::Crc => 4,
        }
    }

    /// A header with its name; fails for what it has no room for.
    pub(crate) fn header(self, entry: &Entry) -> io::Result<Vec<u8>> {
        let name_len = entry.name.len() as u64 + 1;
        let mut bytes = match self {
            Self::Bin => binary(entry, name_len)?,
            Self::Odc => odc(entry, name_len)?,
            Self::Newc | Self::Crc => newc(entry, name_len, self == Self::Crc)?,
        };
        bytes.extend_from_slice(&entry.name);
        bytes.push(0);
        bytes.resize(bytes.len().next_multiple_of(self.align() as usize), 0);
        Ok(bytes)
    }
}

fn too_large() -> io::Error {
    io::Error::other("a number of it is too large for the form")
}

fn newc(entry: &Entry, name_len: u64, sum: bool) -> io::Result<Vec<u8>> {
    let fields = [
        entry.inode & 0xffff_ffff,
        u64::from(entry.mode),
        u64::from(entry.uid),
        u64::from(entry.gid),
        u64::from(entry.links),
        entry.mtime,
        entry.size,
        u64::from(entry.device.0),
        u64::from(entry.device.1),
        u64::from(entry.special.0),
        u64::from(entry.special.1),
        name_len,
        u64::from(if sum { entry.sum } else { 0 }),
    ];
    let mut text = String::from(if sum { "070702" } else { "070701" });
    for field in fields {
        let field = u32::try_from(field).map_err(|_| too_large())?;
        // Writing to a string can't fail.
        let _ = write!(text, "{field:08X}");
    }
    Ok(text.into_bytes())
}

/// A device's number in 16 bits, as it was of old.
fn short_device((major, minor): (u32, u32)) -> u64 {
    u64::from((major & 0xff) << 8 | minor & 0xff)
}

fn odc(entry: &Entry, name_len: u64) -> io::Result<Vec<u8>> {
    let fields = [
        (short_device(entry.device), 6),
        (entry.inode & 0o777_777, 6),
        (u64::from(entry.mode), 6),
        (u64::from(entry.uid), 6),
        (u64::from(entry.gid), 6),
        (u64::from(entry.links), 6),
        (short_device(entry.special), 6),
        (entry.mtime, 11),
        (name_len, 6),
        (entry.size, 11),
    ];
    let mut text = String::from("070707");
    for (value, digits) in fields {
        if value >> (3 * digits) != 0 {
            return Err(too_large());
        }
        // As above.
        let _ = write!(text, "{value:0digits$o}");
    }
    Ok(text.into_bytes())
}

fn binary(entry: &Entry, name_len: u64) -> io::Result<Vec<u8>> {
    let long = |value: u64| u32::try_from(value).map(|value| [u64::from(value >> 16), u64::from(value & 0xffff)]);
    let mtime = long(entry.mtime).map_err(|_| too_large())?;
    let size = long(entry.size).map_err(|_| too_large())?;
    let words = [
        0o070_707,
        short_device(entry.device),
        entry.inode & 0xffff,
        u64::from(entry.mode),
        u64::from(entry.uid),
        u64::from(entry.gid),
        u64::from(entry.links),
        short_device(entry.special),
        mtime[0],
        mtime[1],
        name_len,
        size[0],
        size[1],
    ];
    let mut bytes = Vec::new();
    for word in words {
        bytes.extend(u16::try_from(word).map_err(|_| too_large())?.to_le_bytes());
    }
    Ok(bytes)
}

fn bad() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "malformed header")
}

/// Read a header whose first six bytes were read; gives its form, and the length of its name.
pub(crate) fn parse(start: [u8; 6], from: &mut impl Read) -> io::Result<(Format, Entry)> {
    let (format, mut entry, name_len, read) = match &start {
        b"070701" => parse_newc(from, Format::Newc)?,
        b"070702" => parse_newc(from, Format::Crc)?,
        b"070707" => parse_odc(from)?,
        [0xc7, 0x71, ..] => parse_binary(start, from, u16::from_le_bytes)?,
        [0x71, 0xc7, ..] => parse_binary(start, from, u16::from_be_bytes)?,
        _ => return Err(bad()),
    };
    if name_len == 0 || name_len > MAX_NAME {
        return Err(bad());
    }
    let filling = (read + name_len).next_multiple_of(format.align()) - read - name_len;
    let mut name = vec![0; (name_len + filling) as usize];
    from.read_exact(&mut name)?;
    name.truncate(name.iter().position(|byte| *byte == 0).ok_or_else(bad)?);
    entry.name = name;
    Ok((format, entry))
}

type Parsed = (Format, Entry, u64, u64);

fn digits(text: &[u8], radix: u32) -> io::Result<u64> {
    let text = std::str::from_utf8(text).map_err(|_| bad())?;
    if text.starts_with(['+', '-']) {
        return Err(bad());
    }
    u64::from_str_radix(text, radix).map_err(|_| bad())
}

fn parse_newc(from: &mut impl Read, format: Format) -> io::Result<Parsed> {
    let mut text = [0; 104];
    from.read_exact(&mut text)?;
    let mut fields = [0_u32; 13];
    for (field, text) in fields.iter_mut().zip(text.chunks_exact(8)) {
        *field = digits(text, 16)? as u32;
    }
    let [inode, mode, uid, gid, links, mtime, size, major, minor, special_major, special_minor, name, sum] = fields;
    let entry = Entry {
        inode: inode.into(),
        mode,
        uid,
        gid,
        links,
        mtime: mtime.into(),
        size: size.into(),
        device: (major, minor),
        special: (special_major, special_minor),
        sum,
        ..Entry::default()
    };
    Ok((format, entry, name.into(), 110))
}

fn parse_odc(from: &mut impl Read) -> io::Result<Parsed> {
    let mut text = [0; 70];
    from.read_exact(&mut text)?;
    let mut rest = &text[..];
    let mut field = |len: usize| {
        let (field, behind) = rest.split_at(len);
        rest = behind;
        digits(field, 8)
    };
    let device = |number: u64| ((number >> 8 & 0xff) as u32, (number & 0xff) as u32);
    let entry = Entry {
        device: device(field(6)?),
        inode: field(6)?,
        mode: field(6)? as u32,
        uid: field(6)? as u32,
        gid: field(6)? as u32,
        links: field(6)? as u32,
        special: device(field(6)?),
        mtime: field(11)?,
        ..Entry::default()
    };
    let name = field(6)?;
    let size = field(11)?;
    Ok((Format::Odc, Entry { size, ..entry }, name, 76))
}

fn parse_binary(start: [u8; 6], from: &mut impl Read, order: fn([u8; 2]) -> u16) -> io::Result<Parsed> {
    let mut bytes = [0; 26];
    bytes[..6].copy_from_slice(&start);
    from.read_exact(&mut bytes[6..])?;
    let mut words = [0_u16; 13];
    for (word, pair) in words.iter_mut().zip(bytes.chunks_exact(2)) {
        *word = order([pair[0], pair[1]]);
    }
    let [_, device, inode, mode, uid, gid, links, special, t0, t1, name, s0, s1] = words.map(u32::from);
    let pair = |number: u32| (number >> 8, number & 0xff);
    let entry = Entry {
        inode: inode.into(),
        mode,
        uid,
        gid,
        links,
        mtime: u64::from(t0 << 16 | t1),
        size: u64::from(s0 << 16 | s1),
        device: pair(device),
        special: pair(special),
        ..Entry::default()
    };
    Ok((Format::Bin, entry, name.into(), 26))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn headers_there_and_back() {
        let entry = Entry {
            name: b"a/b".to_vec(),
            inode: 77,
            mode: 0o100_644,
            uid: 1,
            gid: 2,
            links: 3,
            mtime: 1_700_000_000,
            size: 70_000,
            device: (8, 1),
            special: (1, 3),
            sum: 0,
        };
        for format in [Format::Bin, Format::Odc, Format::Newc, Format::Crc] {
            let bytes = format.header(&entry).unwrap();
            let start: [u8; 6] = bytes[..6].try_into().unwrap();
            let (found, back) = parse(start, &mut &bytes[6..]).unwrap();
            assert_eq!((found, format!("{back:?}")), (format, format!("{entry:?}")));
            for cut in 6..bytes.len() - 4 {
                assert!(parse(start, &mut &bytes[6..cut]).is_err());
            }
        }
        let large = Entry { uid: 70_000, ..entry };
        assert!(Format::Bin.header(&large).is_err() && Format::Odc.header(&large).is_ok());
    }
}
