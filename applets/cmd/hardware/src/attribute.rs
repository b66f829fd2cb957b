//! Files of /sys and /proc: small, read whole, and bounded, because a root directory can be anybody's.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use kit::{Context, Error, Result};

/// Bytes read of one attribute. The flags of a processor have some 2 KiB, configuration space 4 KiB.
const LARGEST: u64 = 1 << 16;

/// Bytes of a file, up to a limit that it must not exceed.
pub fn bounded(path: &Path, largest: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path).on("open", path)?;
    file.take(largest + 1).read_to_end(&mut bytes).on("read", path)?;
    if bytes.len() as u64 > largest {
        return Err(Error::new(format!("read {}: it has more than {largest} bytes", path.display())));
    }
    Ok(bytes)
}

/// Text of an attribute without the blanks at its end; none where there is no such attribute.
pub fn text(path: impl AsRef<Path>) -> Option<String> {
    read(path.as_ref())
}

fn read(path: &Path) -> Option<String> {
    let bytes = bounded(path, LARGEST).ok()?;
    Some(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}

/// Number of an attribute in decimal, or in hexadecimal after `0x`.
pub fn number(path: impl AsRef<Path>) -> Option<u64> {
    parse(&text(path)?)
}

/// Number of an attribute in hexadecimal without a prefix.
pub fn hexadecimal(path: impl AsRef<Path>) -> Option<u64> {
    u64::from_str_radix(text(path)?.trim_start_matches("0x"), 16).ok()
}

/// Number in decimal, or in hexadecimal after `0x`.
pub fn parse(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Entries of a directory by name; none where there is no such directory.
pub fn entries(directory: impl AsRef<Path>) -> Vec<PathBuf> {
    sorted(directory.as_ref())
}

fn sorted(directory: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<_> = found.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// Last part of a path as text.
pub fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Last part of the path that a link leads to.
pub fn target(link: impl AsRef<Path>) -> Option<String> {
    fs::read_link(link).ok().map(|path| name(&path))
}

/// Numbers of a list such as `0-3,8`, at most 65,536 of them.
pub fn list(text: &str) -> Vec<u32> {
    let mut numbers = Vec::new();
    for part in text.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (Ok(first), Ok(last)) = (first.parse(), last.parse::<u32>()) else { continue };
        let room = 65_536_usize.saturating_sub(numbers.len());
        numbers.extend((first..=last).take(room));
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_ranges_and_an_end() {
        assert_eq!(list("0-2,5\n"), [0, 1, 2, 5]);
        assert!(list("").is_empty() && list("3-1").is_empty());
        assert_eq!(list("0-4294967295").len(), 65_536);
    }

    #[test]
    fn numbers_have_two_forms() {
        assert_eq!((parse("0x1F"), parse("12"), parse("f")), (Some(31), Some(12), None));
    }
}
