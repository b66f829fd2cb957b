//! Sections of a 64-bit little-endian ELF file, after the System V ABI's generic part.

/// Offset of `e_shoff`, the place of the section headers.
const SECTIONS_AT: usize = 0x28;
/// Offset of `e_shentsize`; `e_shnum` and `e_shstrndx` follow.
const SECTION_SIZE_AT: usize = 0x3a;
/// Bytes of a section header that are read here.
const SECTION_LEN: usize = 0x28;

/// The bytes of the section of that name; none when there is none, or when this is no such file or a damaged one.
pub fn section<'a>(file: &'a [u8], name: &str) -> Option<&'a [u8]> {
    // Magic, 64 bits, little-endian.
    file.starts_with(b"\x7fELF\x02\x01").then_some(())?;
    let start = usize::try_from(u64_at(file, SECTIONS_AT)?).ok()?;
    let size = usize::from(u16_at(file, SECTION_SIZE_AT)?);
    let count = usize::from(u16_at(file, SECTION_SIZE_AT + 2)?);
    let names_index = usize::from(u16_at(file, SECTION_SIZE_AT + 4)?);
    (size >= SECTION_LEN && names_index < count).then_some(())?;
    let header = |index: usize| {
        let at = index.checked_mul(size)?.checked_add(start)?;
        file.get(at..at.checked_add(SECTION_LEN)?)
    };
    let names = contents(file, header(names_index)?)?;
    (0..count).filter_map(header).find(|h| name_of(names, h) == Some(name.as_bytes())).and_then(|h| contents(file, h))
}

fn contents<'a>(file: &'a [u8], header: &[u8]) -> Option<&'a [u8]> {
    let start = usize::try_from(u64_at(header, 0x18)?).ok()?;
    let len = usize::try_from(u64_at(header, 0x20)?).ok()?;
    file.get(start..start.checked_add(len)?)
}

fn name_of<'a>(names: &'a [u8], header: &[u8]) -> Option<&'a [u8]> {
    let start = u32::from_le_bytes(header.get(..4)?.try_into().ok()?) as usize;
    names.get(start..)?.split(|byte| *byte == 0).next()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn finds_a_section_of_this_very_program() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(!section(&own, ".text").unwrap().is_empty());
        assert_eq!(section(&own, ".no-such-section"), None);
    }

    #[test]
    fn damaged_files_have_no_sections() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        for len in [0, 4, 16, 0x3f, 0x40, own.len() / 2] {
            assert_eq!(section(&own[..len], ".text"), None);
        }
        let mut wild = own[..0x40].to_vec();
        wild[SECTIONS_AT..SECTIONS_AT + 8].fill(0xff);
        assert_eq!(section(&wild, ".text"), None);
    }
}
