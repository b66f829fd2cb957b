//! Texts of a module about itself, in its ELF section `.modinfo`, whatever the file is compressed
//! with.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use kit::{Context, Error, Result};

/// More than any module has, unpacked: a guard against a file that is none.
const LIMIT: u64 = 256 << 20;

/// The fields, in the file's order, such as `license` and `GPL`.
pub fn fields(path: &Path) -> Result<Vec<(String, String)>> {
    let bytes = unpacked(path)?;
    let section = section(&bytes, b".modinfo").ok_or_else(|| Error::new(format!("read {}: no kernel module", path.display())))?;
    let texts = section.split(|b| *b == 0).filter(|t| !t.is_empty());
    let pairs = texts.filter_map(|t| String::from_utf8_lossy(t).split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())));
    Ok(pairs.collect())
}

fn unpacked(path: &Path) -> Result<Vec<u8>> {
    let file = File::open(path).on("open", path)?;
    let mut reader: Box<dyn Read> = match path.extension().and_then(|e| e.to_str()) {
        Some("gz") => Box::new(flate2::read::GzDecoder::new(file)),
        Some("xz") => Box::new(lzma_rust2::XzReader::new(std::io::BufReader::new(file), true)),
        Some("zst") => Box::new(ruzstd::decoding::StreamingDecoder::new(file).on("unpack", path)?),
        _ => Box::new(file),
    };
    let mut bytes = Vec::new();
    reader.by_ref().take(LIMIT).read_to_end(&mut bytes).on("read", path)?;
    Ok(bytes)
}

/// A section of a little-endian ELF file of 64 bits, by name.
fn section<'a>(elf: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    const HEADER: usize = 64;
    if elf.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let half = |at: usize| Some(usize::from(u16::from_le_bytes(elf.get(at..at + 2)?.try_into().ok()?)));
    let table = usize::try_from(u64::from_le_bytes(elf.get(40..48)?.try_into().ok()?)).ok()?;
    let (count, names) = (half(60)?, half(62)?);
    let header = |i: usize| elf.get(table.checked_add(i * HEADER)?..)?.get(..HEADER);
    let place = |header: &[u8]| {
        let number = |at: usize| usize::try_from(u64::from_le_bytes(header.get(at..at + 8)?.try_into().ok()?)).ok();
        elf.get(number(24)?..)?.get(..number(32)?)
    };
    let names = place(header(names)?)?;
    (0..count).find_map(|i| {
        let header = header(i)?;
        let at = u32::from_le_bytes(header.get(..4)?.try_into().ok()?) as usize;
        let its = names.get(at..)?.split(|b| *b == 0).next()?;
        if its == name { place(header) } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_elf_has_no_section() {
        assert_eq!(section(b"", b".modinfo"), None);
        assert_eq!(section(&[0x7f; 64], b".modinfo"), None);
        let mut short = b"\x7fELF\x02\x01".to_vec();
        short.resize(64, 0xff);
        assert_eq!(section(&short, b".modinfo"), None);
    }
}
