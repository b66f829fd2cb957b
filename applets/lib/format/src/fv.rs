//! Firmware volumes: what UEFI firmware keeps its programs in, in flash. Files of a volume, sections of a file; a volume of our
//! own, and files replaced in another's. After the "Platform Initialization Specification", volume 3.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

/// A name, in the order of bytes that volumes have.
pub type Guid = [u8; 16];

/// File systems of a volume: files up to 16 MiB, and larger ones.
const FFS2: Guid = *b"\x78\xe5\x8c\x8c\x3d\x8a\x1c\x4f\x99\x35\x89\x61\x85\xc3\x2d\xd3";
const FFS3: Guid = *b"\x7a\xc0\x73\x54\xcb\x3d\xca\x4d\xbd\x6f\x1e\x96\x89\xe7\x34\x9a";
/// Type of a section that holds LZMA: its "alone" format behind the section's header.
pub const LZMA: Guid = *b"\x98\x58\x4e\xee\x14\x39\x59\x42\x9d\x6e\xdc\x7b\xd7\x94\x03\xcf";

/// The files of a volume of ours: the kernel, its command line, each segment of its initramfs.
pub const KERNEL: Guid = *b"\x0c\x2f\x8d\x71kutties-kern";
/// The kernel's command line.
pub const CMDLINE: Guid = *b"\x0c\x2f\x8d\x71kutties-cmdl";
/// A segment; there may be several.
pub const INITRD: Guid = *b"\x0c\x2f\x8d\x71kutties-init";

/// In a volume's header.
const SYSTEM_AT: usize = 16;
const LEN_AT: usize = 32;
const MARK_AT: usize = 40;
const MARK: &[u8] = b"_FVH";
const ATTRIBUTES_AT: usize = 44;
const HEADER_LEN_AT: usize = 48;
const CHECKSUM_AT: usize = 50;
const MORE_AT: usize = 52;
const REVISION_AT: usize = 55;
const REVISION: u8 = 2;
/// The header with a map of one run of blocks.
const HEADER_LEN: usize = 72;
/// Flash that reads as ones when it is erased; readable, and what else EDK II sets for a volume that is only read.
const ATTRIBUTES: u32 = 0x0004_feff;
const ERASED_ONES: u32 = 0x800;
/// A block of flash, in the map of blocks.
const BLOCK: usize = 4096;
/// Behind the header, in one that has more: its length.
const MORE_LEN_AT: usize = 16;

/// In a file's header.
const HEADER_SUM_AT: usize = 16;
const FILE_SUM_AT: usize = 17;
const TYPE_AT: usize = 18;
const FILE_ATTRIBUTES_AT: usize = 19;
const SIZE_AT: usize = 20;
const STATE_AT: usize = 23;
const FILE_LEN: usize = 24;
const LARGE_FILE_LEN: usize = 32;
const LARGE: u8 = 0x01;
const SUMMED: u8 = 0x40;
/// The sum that stands for none.
const NO_SUM: u8 = 0xaa;
/// Header and data are valid; in flash of ones the bits are turned.
const VALID: u8 = 0x07;
/// Files begin at multiples of it.
const FILE_ALIGN: usize = 8;

/// Types of files.
const PAD: u8 = 0xf0;
/// A file whose sections mean what its name says.
const FREEFORM: u8 = 0x02;

/// Types of sections.
pub const GUIDED: u8 = 0x02;
/// A program.
pub const PE32: u8 = 0x10;
/// The name for people, as UTF-16.
pub const NAME: u8 = 0x15;
/// A volume inside.
pub const VOLUME: u8 = 0x17;
/// Bytes.
pub const RAW: u8 = 0x19;
/// Sections begin at multiples of it.
const SECTION_ALIGN: usize = 4;
const SECTION_LEN: usize = 4;
const LARGE_SECTION_LEN: usize = 8;
/// Three bytes of ones: the length stands behind.
const LARGE_SIZE: usize = 0xff_ffff;
/// Behind a guided section's header: the GUID, where the data begins, attributes.
const DATA_AT: usize = 16;

/// Reason why bytes are no volume, or can't take a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// No volume begins there.
    NoVolume,
    /// A length in it points outside, or a sum is wrong.
    Damaged,
    /// There is no such file.
    NoFile,
    /// The new content is larger than the space for it.
    NoRoom,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoVolume => "this is no firmware volume",
            Self::Damaged => "the firmware volume is damaged",
            Self::NoFile => "the firmware volume has no such file",
            Self::NoRoom => "the firmware volume has no room for it",
        })
    }
}

impl core::error::Error for Error {}

/// A file of a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: Guid,
    /// Its type.
    pub kind: u8,
    /// Position in the volume, with its header.
    pub whole: Range<usize>,
    /// Position of its sections in the volume.
    pub content: Range<usize>,
}

/// A section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its type.
    pub kind: u8,
    /// Position of its data, counted from the first section; of a guided section that is behind its
    /// own header.
    pub content: Range<usize>,
    /// Type of a guided section's data.
    pub guid: Option<Guid>,
}

/// The length of the volume that begins there.
pub fn length(bytes: &[u8]) -> Result<usize, Error> {
    if bytes.get(MARK_AT..MARK_AT + MARK.len()) != Some(MARK) {
        return Err(Error::NoVolume);
    }
    let len = usize::try_from(number(bytes, LEN_AT, 8)?).map_err(|_| Error::Damaged)?;
    let header = bytes.get(..number(bytes, HEADER_LEN_AT, 2)? as usize).ok_or(Error::Damaged)?;
    if header.len() < HEADER_LEN || header.len() % 2 != 0 || len < header.len() || len > bytes.len() || words(header) != 0 {
        return Err(Error::Damaged);
    }
    Ok(len)
}

/// The files of the volume that begins there, without those that only pad.
pub fn files(bytes: &[u8]) -> Result<Vec<File>, Error> {
    let volume = &bytes[..length(bytes)?];
    if ![FFS2, FFS3].iter().any(|system| volume.get(SYSTEM_AT..SYSTEM_AT + 16) == Some(system)) {
        return Err(Error::NoVolume);
    }
    let empty = if number(volume, ATTRIBUTES_AT, 4)? as u32 & ERASED_ONES == 0 { 0 } else { 0xff };
    let mut at = number(volume, HEADER_LEN_AT, 2)? as usize;
    let more = number(volume, MORE_AT, 2)? as usize;
    if more != 0 {
        at = more.checked_add(number(volume, more + MORE_LEN_AT, 4)? as usize).ok_or(Error::Damaged)?;
    }
    let mut files = Vec::new();
    loop {
        at = at.next_multiple_of(FILE_ALIGN);
        match volume.get(at..at.saturating_add(FILE_LEN)) {
            Some(header) if header.iter().any(|byte| *byte != empty) => {
                let file = file_at(volume, at, empty)?;
                at = file.whole.end;
                if file.kind != PAD {
                    files.push(file);
                }
            }
            _ => return Ok(files),
        }
    }
}

fn file_at(volume: &[u8], at: usize, empty: u8) -> Result<File, Error> {
    let rest = &volume[at..];
    let large = rest[FILE_ATTRIBUTES_AT] & LARGE != 0;
    let header = if large { LARGE_FILE_LEN } else { FILE_LEN };
    let size = if large { number(rest, FILE_LEN, 8)? } else { number(rest, SIZE_AT, 3)? };
    let size = usize::try_from(size).map_err(|_| Error::Damaged)?;
    if size < header || size > rest.len() || (rest[STATE_AT] ^ empty) & VALID != VALID {
        return Err(Error::Damaged);
    }
    let sum = bytes_sum(&rest[..header]).wrapping_sub(rest[FILE_SUM_AT]).wrapping_sub(rest[STATE_AT]);
    if sum != 0 {
        return Err(Error::Damaged);
    }
    let mut name = [0; 16];
    name.copy_from_slice(&rest[..16]);
    Ok(File { name, kind: rest[TYPE_AT], whole: at..at + size, content: at + header..at + size })
}

/// The sections in a file's content, or in what a guided section held.
pub fn sections(bytes: &[u8]) -> Result<Vec<Section>, Error> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| rest.len() >= SECTION_LEN) {
        let short = number(rest, 0, 3)? as usize;
        let (mut header, size) =
            if short == LARGE_SIZE { (LARGE_SECTION_LEN, number(rest, SECTION_LEN, 4)? as usize) } else { (SECTION_LEN, short) };
        if size < header || size > rest.len() {
            return Err(Error::Damaged);
        }
        let kind = rest[3];
        let mut guid = None;
        if kind == GUIDED {
            guid = Some(rest.get(header..header + 16).and_then(|bytes| bytes.try_into().ok()).ok_or(Error::Damaged)?);
            let data = number(rest, header + DATA_AT, 2)? as usize;
            if data < header + DATA_AT || data > size {
                return Err(Error::Damaged);
            }
            header = data;
        }
        found.push(Section { kind, content: at + header..at + size, guid });
        at = (at + size).next_multiple_of(SECTION_ALIGN);
    }
    Ok(found)
}

/// The bytes of the first raw section of each file of that name, in order: what [`volume`] put there.
pub fn raw<'a>(bytes: &'a [u8], name: &Guid) -> Result<Vec<&'a [u8]>, Error> {
    let mut found = Vec::new();
    for file in files(bytes)?.into_iter().filter(|file| file.name == *name) {
        let content = bytes.get(file.content).ok_or(Error::Damaged)?;
        if let Some(section) = sections(content)?.into_iter().find(|section| section.kind == RAW) {
            found.push(content.get(section.content).ok_or(Error::Damaged)?);
        }
    }
    Ok(found)
}

/// A section of that type.
pub fn section(kind: u8, data: &[u8]) -> Vec<u8> {
    let size = data.len() + SECTION_LEN;
    let mut out = Vec::with_capacity(data.len() + LARGE_SECTION_LEN);
    if size < LARGE_SIZE {
        out.extend_from_slice(&(size as u32).to_le_bytes()[..3]);
        out.push(kind);
    } else {
        out.extend_from_slice(&[0xff, 0xff, 0xff, kind]);
        out.extend_from_slice(&((data.len() + LARGE_SECTION_LEN) as u32).to_le_bytes());
    }
    out.extend_from_slice(data);
    out
}

/// A guided section whose data needs a program of that GUID to be read.
pub fn guided(guid: &Guid, data: &[u8]) -> Vec<u8> {
    /// Processing is required.
    const ATTRIBUTES: u16 = 1;
    let header = SECTION_LEN + DATA_AT + 4;
    // Data that is long takes a longer header, and begins later.
    let header = if header + data.len() < LARGE_SIZE { header } else { header + LARGE_SECTION_LEN - SECTION_LEN };
    let inner = [guid.as_slice(), &(header as u16).to_le_bytes(), &ATTRIBUTES.to_le_bytes(), data].concat();
    section(GUIDED, &inner)
}

/// A file of flash that is erased to ones.
pub fn file(name: &Guid, kind: u8, attributes: u8, content: &[u8]) -> Vec<u8> {
    let large = content.len() + FILE_LEN >= LARGE_SIZE;
    let header = if large { LARGE_FILE_LEN } else { FILE_LEN };
    let mut out = vec![0; header];
    out[..16].copy_from_slice(name);
    out[TYPE_AT] = kind;
    out[FILE_ATTRIBUTES_AT] = (attributes & !LARGE) | if large { LARGE } else { 0 };
    let size = header + content.len();
    if large {
        out[FILE_LEN..].copy_from_slice(&(size as u64).to_le_bytes());
    } else {
        out[SIZE_AT..STATE_AT].copy_from_slice(&(size as u32).to_le_bytes()[..3]);
    }
    out[HEADER_SUM_AT] = 0_u8.wrapping_sub(bytes_sum(&out));
    out[FILE_SUM_AT] = if attributes & SUMMED == 0 { NO_SUM } else { 0_u8.wrapping_sub(bytes_sum(content)) };
    out[STATE_AT] = !VALID;
    out.extend_from_slice(content);
    out
}

/// A volume of that length with files of those names, each with its bytes as one raw section.
pub fn volume(files: &[(Guid, &[u8])], len: usize) -> Result<Vec<u8>, Error> {
    if !len.is_multiple_of(BLOCK) || u32::try_from(len).is_err() {
        return Err(Error::NoRoom);
    }
    let mut out = vec![0; HEADER_LEN];
    out[SYSTEM_AT..SYSTEM_AT + 16].copy_from_slice(&FFS3);
    out[LEN_AT..MARK_AT].copy_from_slice(&(len as u64).to_le_bytes());
    out[MARK_AT..ATTRIBUTES_AT].copy_from_slice(MARK);
    out[ATTRIBUTES_AT..HEADER_LEN_AT].copy_from_slice(&ATTRIBUTES.to_le_bytes());
    out[HEADER_LEN_AT..CHECKSUM_AT].copy_from_slice(&(HEADER_LEN as u16).to_le_bytes());
    out[REVISION_AT] = REVISION;
    out[56..60].copy_from_slice(&((len / BLOCK) as u32).to_le_bytes());
    out[60..64].copy_from_slice(&(BLOCK as u32).to_le_bytes());
    let sum = 0_u16.wrapping_sub(words(&out));
    out[CHECKSUM_AT..MORE_AT].copy_from_slice(&sum.to_le_bytes());
    if len < HEADER_LEN {
        return Err(Error::NoRoom);
    }
    out.resize(len, 0xff);
    for (name, bytes) in files {
        add(&mut out, name, bytes)?;
    }
    Ok(out)
}

/// Put a file with these bytes as one raw section behind the others of the volume that begins there.
pub fn add(volume: &mut [u8], name: &Guid, bytes: &[u8]) -> Result<(), Error> {
    let len = length(volume)?;
    let end = match files(volume)?.last() {
        Some(file) => file.whole.end,
        None => number(volume, HEADER_LEN_AT, 2)? as usize,
    };
    let start = end.next_multiple_of(FILE_ALIGN);
    let new = file(name, FREEFORM, 0, &section(RAW, bytes));
    let large = new[FILE_ATTRIBUTES_AT] & LARGE != 0;
    let room = volume.get(start..len).filter(|room| room.iter().all(|byte| *byte == 0xff));
    if room.is_none_or(|room| room.len() < new.len()) || (large && volume[SYSTEM_AT..SYSTEM_AT + 16] != FFS3) {
        return Err(Error::NoRoom);
    }
    volume[start..start + new.len()].copy_from_slice(&new);
    Ok(())
}

/// Put other sections into a file of a volume, or take it out if there are none. The files behind it stay where they are, as some of
/// them run there; what the new one leaves is filled.
pub fn replace(volume: &mut [u8], name: &Guid, sections: Option<&[u8]>) -> Result<(), Error> {
    let all = files(volume)?;
    let index = all.iter().position(|file| file.name == *name).ok_or(Error::NoFile)?;
    let (old, next) = (&all[index], all.get(index + 1));
    let place = &volume[old.whole.clone()];
    let new = match sections {
        Some(content) => file(name, old.kind, place[FILE_ATTRIBUTES_AT], content),
        None => Vec::new(),
    };
    let (start, kept) = (old.whole.start, old.whole.start + new.len().next_multiple_of(FILE_ALIGN));
    let end = old.whole.end.next_multiple_of(FILE_ALIGN);
    // Nothing lies behind the last file: there is room up to the end, and nothing to be filled.
    let len = length(volume)?;
    let last = next.is_none() && volume[old.whole.end..len].iter().all(|byte| *byte == 0xff);
    let room = if last { len } else { end.min(len) };
    let padding = room.checked_sub(kept).ok_or(Error::NoRoom)?;
    if !last && padding != 0 && padding < FILE_LEN {
        return Err(Error::NoRoom);
    }
    volume[start..room].fill(0xff);
    volume[start..start + new.len()].copy_from_slice(&new);
    if !last && padding != 0 {
        let large = padding >= LARGE_SIZE;
        let header = if large { LARGE_FILE_LEN } else { FILE_LEN };
        let pad = file(&[0xff; 16], PAD, 0, &vec![0xff; padding - header]);
        volume[kept..kept + pad.len()].copy_from_slice(&pad);
    }
    Ok(())
}

fn number(bytes: &[u8], at: usize, len: usize) -> Result<u64, Error> {
    let bytes = bytes.get(at..).and_then(|rest| rest.get(..len)).ok_or(Error::Damaged)?;
    Ok(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn bytes_sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

fn words(bytes: &[u8]) -> u16 {
    bytes.chunks_exact(2).fold(0, |sum, word| sum.wrapping_add(u16::from_le_bytes([word[0], word[1]])))
}

#[cfg(test)]
mod tests;
