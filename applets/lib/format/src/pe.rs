//! Portable executables as UEFI runs them: sections of a PE32+ file, in a file or as loaded, and sections added behind the others.
//! After Microsoft's "PE Format".

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

/// Position of the PE header's position in the old DOS header.
const PE_AT: usize = 0x3c;
/// The signature and the COFF header behind it.
const COFF_LEN: usize = 24;
/// In the optional header, counted from its start: magic of PE32+, and where things stand.
const PE32_PLUS: u16 = 0x20b;
const SECTION_ALIGNMENT: usize = 32;
const FILE_ALIGNMENT: usize = 36;
const SIZE_OF_IMAGE: usize = 56;
const SIZE_OF_HEADERS: usize = 60;
const CHECKSUM: usize = 64;
/// The shortest optional header that holds all of these.
const OPTIONAL_LEN: usize = 112;
/// A section header.
const SECTION_LEN: usize = 40;
/// Initialized data that may be read.
const DATA: u32 = 0x4000_0040;
/// More sections than this no program of ours has, and none that it reads.
const MOST: usize = 96;
/// Sections that are added begin with a block of any medium, a CD's included: a BIOS loader reads them where they lie.
const BLOCK: u32 = 4096;
/// The format's own limit.
const MOST_ALIGNED: u32 = 0x1_0000;

/// Reason why bytes are no program, or can't take another section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// It does not begin as a PE file does, or is a 32-bit one.
    NoProgram,
    /// It ends too early, or an offset in it points outside.
    Damaged,
    /// The headers have no room for another section.
    NoRoom,
    /// The name has more than eight bytes.
    LongName,
    /// More than 4 GiB.
    TooLarge,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoProgram => "this is no 64-bit PE program",
            Self::Damaged => "the PE program is damaged",
            Self::NoRoom => "the PE headers have no room for another section",
            Self::LongName => "a section's name has more than eight bytes",
            Self::TooLarge => "the PE program has more than 4 GiB",
        })
    }
}

impl core::error::Error for Error {}

/// One section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section {
    name: [u8; 8],
    /// Bytes of content, without padding.
    pub size: u32,
    /// Address once it is loaded, from the image's start.
    pub address: u32,
    /// Position in the file, and the length with padding.
    pub at: u32,
    /// Bytes in the file.
    pub raw: u32,
}

impl Section {
    /// The name without its padding.
    pub fn name(&self) -> &[u8] {
        self.name.split(|byte| *byte == 0).next().unwrap_or_default()
    }

    /// Its content in the file.
    pub fn of_file<'a>(&self, file: &'a [u8]) -> Option<&'a [u8]> {
        part(file, self.at, self.size.min(self.raw))
    }

    /// Its content in the loaded image.
    pub fn of_image<'a>(&self, image: &'a [u8]) -> Option<&'a [u8]> {
        part(image, self.address, self.size)
    }
}

fn part(bytes: &[u8], at: u32, len: u32) -> Option<&[u8]> {
    bytes.get(at as usize..)?.get(..len as usize)
}

/// The headers' places.
struct Headers {
    optional: usize,
    sections: usize,
    count: usize,
    /// Position of the count of sections.
    count_at: usize,
}

fn headers(file: &[u8]) -> Result<Headers, Error> {
    if !file.starts_with(b"MZ") {
        return Err(Error::NoProgram);
    }
    let pe = u32_at(file, PE_AT)? as usize;
    if file.get(pe..).and_then(|rest| rest.get(..4)) != Some(b"PE\0\0") {
        return Err(Error::NoProgram);
    }
    let optional = pe + COFF_LEN;
    if u16_at(file, optional)? != PE32_PLUS {
        return Err(Error::NoProgram);
    }
    let len = usize::from(u16_at(file, pe + 20)?);
    let count = usize::from(u16_at(file, pe + 6)?);
    if len < OPTIONAL_LEN || count > MOST {
        return Err(Error::Damaged);
    }
    Ok(Headers { optional, sections: optional + len, count, count_at: pe + 6 })
}

/// The machine that it is for: 0x8664 for x86_64, 0xaa64 for arm64.
pub fn machine(file: &[u8]) -> Result<u16, Error> {
    headers(file)?;
    u16_at(file, u32_at(file, PE_AT)? as usize + 4)
}

/// Its sections, in order. The headers are the same in the file and in memory.
pub fn sections(file: &[u8]) -> Result<Vec<Section>, Error> {
    let headers = headers(file)?;
    (0..headers.count).map(|index| section_at(file, headers.sections + index * SECTION_LEN)).collect()
}

fn section_at(file: &[u8], at: usize) -> Result<Section, Error> {
    let header = file.get(at..at + SECTION_LEN).ok_or(Error::Damaged)?;
    let mut name = [0; 8];
    name.copy_from_slice(&header[..8]);
    let word = |at| u32_at(header, at);
    Ok(Section { name, size: word(8)?, address: word(12)?, raw: word(16)?, at: word(20)? })
}

/// The file with sections added behind its own, in this order; whoever loads it finds them in memory, too.
pub fn with_sections(file: &[u8], more: &[(&str, &[u8])]) -> Result<Vec<u8>, Error> {
    let headers = headers(file)?;
    let last = sections(file)?;
    let align_file = u32_at(file, headers.optional + FILE_ALIGNMENT)?;
    let align_image = u32_at(file, headers.optional + SECTION_ALIGNMENT)?;
    if [align_file, align_image].iter().any(|align| !align.is_power_of_two() || *align > MOST_ALIGNED) {
        return Err(Error::Damaged);
    }
    let headers_end = u32_at(file, headers.optional + SIZE_OF_HEADERS)? as usize;
    let table_end = headers.sections + (headers.count + more.len()) * SECTION_LEN;
    if table_end > headers_end || headers.count + more.len() > MOST {
        return Err(Error::NoRoom);
    }
    // Bytes behind the last section are not the program's.
    let end = last.iter().map(|section| section.at as usize + section.raw as usize).max().unwrap_or(0).max(headers_end);
    let own = file.get(..end).ok_or(Error::Damaged)?;
    let mut address = u32_at(file, headers.optional + SIZE_OF_IMAGE)?;
    let mut out = Vec::with_capacity(file.len() + more.iter().map(|(_, bytes)| bytes.len() + 2 * BLOCK as usize).sum::<usize>());
    out.extend_from_slice(own);
    for (index, (name, bytes)) in more.iter().enumerate() {
        pad(&mut out, align_file.max(BLOCK));
        let at = u32::try_from(out.len()).map_err(|_| Error::TooLarge)?;
        out.extend_from_slice(bytes);
        pad(&mut out, align_file);
        let raw = u32::try_from(out.len()).map_err(|_| Error::TooLarge)? - at;
        let size = bytes.len() as u32;
        let header = section_header(name, size, address, raw, at)?;
        let place = headers.sections + (headers.count + index) * SECTION_LEN;
        out[place..place + SECTION_LEN].copy_from_slice(&header);
        address =
            address.checked_add(size.max(1)).and_then(|end| end.checked_next_multiple_of(align_image)).ok_or(Error::TooLarge)?;
    }
    let count = (headers.count + more.len()) as u16;
    out[headers.count_at..headers.count_at + 2].copy_from_slice(&count.to_le_bytes());
    put(&mut out, headers.optional + SIZE_OF_IMAGE, address);
    put(&mut out, headers.optional + CHECKSUM, 0);
    Ok(out)
}

/// A program with one section more, without the bytes between: `head` in the place of the file's first ones, the file up to `end`,
/// then `tail`.
#[derive(Debug, PartialEq, Eq)]
pub struct Extended {
    /// The changed headers.
    pub head: Vec<u8>,
    /// End of the file's own bytes.
    pub end: u64,
    /// Padding and the new section.
    pub tail: Vec<u8>,
}

/// Number of bytes that [`extended`] needs of a file at most: no program has more headers.
pub const HEAD: usize = 64 << 10;

/// Add a section to a file of which no more than the beginning is read: programs that carry a system are large.
pub fn extended(head: &[u8], len: u64, name: &str, bytes: &[u8]) -> Result<Extended, Error> {
    let headers = headers(head)?;
    let size = u32_at(head, headers.optional + SIZE_OF_HEADERS)? as usize;
    let end = sections(head)?.iter().map(|section| u64::from(section.at) + u64::from(section.raw)).max();
    let end = end.unwrap_or(0).max(size as u64);
    let align = u32_at(head, headers.optional + FILE_ALIGNMENT)?.max(BLOCK);
    let image = u32_at(head, headers.optional + SECTION_ALIGNMENT)?;
    if [align, image].iter().any(|align| !align.is_power_of_two() || *align > MOST_ALIGNED) || end > len {
        return Err(Error::Damaged);
    }
    let place = headers.sections + headers.count * SECTION_LEN;
    if place + SECTION_LEN > size || headers.count == MOST {
        return Err(Error::NoRoom);
    }
    let mut head = head.get(..size).ok_or(Error::Damaged)?.to_vec();
    let at = u32::try_from(end).ok().and_then(|end| end.checked_next_multiple_of(align)).ok_or(Error::TooLarge)?;
    let mut tail = vec![0; (u64::from(at) - end) as usize];
    tail.extend_from_slice(bytes);
    pad_to(&mut tail, bytes.len(), align);
    let raw = u32::try_from(bytes.len().next_multiple_of(align as usize)).map_err(|_| Error::TooLarge)?;
    let address = u32_at(&head, headers.optional + SIZE_OF_IMAGE)?;
    let header = section_header(name, bytes.len() as u32, address, raw, at)?;
    head[place..place + SECTION_LEN].copy_from_slice(&header);
    let after = address.checked_add((bytes.len() as u32).max(1)).and_then(|end| end.checked_next_multiple_of(image));
    head[headers.count_at..headers.count_at + 2].copy_from_slice(&(headers.count as u16 + 1).to_le_bytes());
    put(&mut head, headers.optional + SIZE_OF_IMAGE, after.ok_or(Error::TooLarge)?);
    put(&mut head, headers.optional + CHECKSUM, 0);
    Ok(Extended { head, end, tail })
}

fn pad_to(out: &mut Vec<u8>, written: usize, align: u32) {
    let more = written.next_multiple_of(align as usize) - written;
    out.resize(out.len() + more, 0);
}

fn section_header(name: &str, size: u32, address: u32, raw: u32, at: u32) -> Result<Vec<u8>, Error> {
    if name.len() > 8 {
        return Err(Error::LongName);
    }
    let mut header = vec![0; SECTION_LEN];
    header[..name.len()].copy_from_slice(name.as_bytes());
    for (place, value) in [(8, size), (12, address), (16, raw), (20, at), (36, DATA)] {
        put(&mut header, place, value);
    }
    Ok(header)
}

fn pad(out: &mut Vec<u8>, align: u32) {
    out.resize(out.len().next_multiple_of(align as usize), 0);
}

fn put(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16, Error> {
    let two = bytes.get(at..).and_then(|rest| rest.get(..2)).ok_or(Error::Damaged)?;
    Ok(u16::from_le_bytes([two[0], two[1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, Error> {
    let four = bytes.get(at..).and_then(|rest| rest.get(..4)).ok_or(Error::Damaged)?;
    Ok(u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// A program of headers alone, aligned as linkers do it, with room for sections.
    fn empty() -> Vec<u8> {
        let mut file = vec![0; 0x400];
        file[..2].copy_from_slice(b"MZ");
        put(&mut file, PE_AT, 0x80);
        file[0x80..0x84].copy_from_slice(b"PE\0\0");
        file[0x84..0x86].copy_from_slice(&0x8664_u16.to_le_bytes());
        file[0x94..0x96].copy_from_slice(&240_u16.to_le_bytes());
        let optional = 0x80 + COFF_LEN;
        file[optional..optional + 2].copy_from_slice(&PE32_PLUS.to_le_bytes());
        for (at, value) in
            [(SECTION_ALIGNMENT, 0x1000), (FILE_ALIGNMENT, 0x200), (SIZE_OF_IMAGE, 0x1000), (SIZE_OF_HEADERS, 0x400)]
        {
            put(&mut file, optional + at, value);
        }
        file
    }

    #[test]
    fn sections_come_back_from_the_file_and_from_memory() {
        let big = vec![7; 0x1234];
        let file = with_sections(&empty(), &[(".cmdline", b"quiet"), (".linux", &big), (".initrd", b"")]).unwrap();
        assert_eq!(machine(&file), Ok(0x8664));
        let found = sections(&file).unwrap();
        let names: Vec<&[u8]> = found.iter().map(Section::name).collect();
        assert_eq!(names, [b".cmdline".as_slice(), b".linux", b".initrd"]);
        assert_eq!(found[0].of_file(&file), Some(b"quiet".as_slice()));
        assert_eq!(found[1].of_file(&file), Some(big.as_slice()));
        assert_eq!(found[2].of_file(&file), Some(b"".as_slice()));
        assert_eq!(found.iter().map(|section| section.address).collect::<Vec<_>>(), [0x1000, 0x2000, 0x4000]);
        assert!(found.iter().all(|section| section.at % 4096 == 0 && section.raw % 0x200 == 0));
        let mut image = vec![0; 0x5000];
        image[..file.len().min(0x400)].copy_from_slice(&file[..0x400]);
        image[0x2000..0x2000 + big.len()].copy_from_slice(&big);
        assert_eq!(found[1].of_image(&image), Some(big.as_slice()));
        // One section after another is the same as all at once.
        let first = with_sections(&empty(), &[(".cmdline", b"quiet")]).unwrap();
        assert_eq!(with_sections(&first, &[(".linux", &big), (".initrd", b"")]).unwrap(), file);
    }

    #[test]
    fn a_section_is_added_without_the_whole_file() {
        let file = with_sections(&empty(), &[(".cmdline", b"quiet"), (".linux", &[7; 0x1234])]).unwrap();
        let Extended { head, end, tail } = extended(&file[..0x800], file.len() as u64, ".initrd", b"more").unwrap();
        let all = [&head, &file[head.len()..end as usize], &tail].concat();
        let found = sections(&all).unwrap();
        assert_eq!(found.last().unwrap().of_file(&all), Some(b"more".as_slice()));
        let other = with_sections(&file, &[(".initrd", b"more")]).unwrap();
        assert_eq!(found.last().unwrap().address, sections(&other).unwrap().last().unwrap().address);
        assert_eq!(sections(&file).unwrap(), found[..2]);
        assert_eq!(extended(&file[..0x100], file.len() as u64, ".x", b""), Err(Error::Damaged));
        assert_eq!(extended(&file, 0x900, ".x", b""), Err(Error::Damaged));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(with_sections(&empty(), &[(".far-too-long", b"")]), Err(Error::LongName));
        let many = vec![(".x", b"".as_slice()); 40];
        assert_eq!(with_sections(&empty(), &many), Err(Error::NoRoom));
    }

    #[test]
    fn damaged_programs_are_refused() {
        assert_eq!(sections(b"\x7fELF"), Err(Error::NoProgram));
        let whole = with_sections(&empty(), &[(".linux", b"x")]).unwrap();
        for len in 0..0x188 {
            assert!(sections(&whole[..len]).is_err(), "{len} bytes");
        }
        for at in 0..0x200 {
            let mut wild = whole.clone();
            wild[at] ^= 0xff;
            for section in sections(&wild).unwrap_or_default() {
                let _ = section.of_file(&wild);
            }
            let _ = with_sections(&wild, &[(".more", b"y")]);
        }
    }
}
