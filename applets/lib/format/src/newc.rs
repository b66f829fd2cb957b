//! Archives of the kind that the kernel unpacks at boot: newc, see the kernel's `buffer-format.rst`.

use alloc::format;
use alloc::vec::Vec;

/// A directory that anybody may read, and a file for root alone.
const DIRECTORY: u32 = 0o40755;
const FILE: u32 = 0o100_600;
/// The archive's last entry.
pub const END: &str = "TRAILER!!!";

/// An archive of files for root alone, each with its path from the root (without a slash at its beginning) and its content. The directories
/// above them are in it, too: the kernel makes none by itself, and takes one that is there for made.
pub fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut number = 1;
    for (path, content) in files {
        for (at, _) in path.match_indices('/') {
            entry(&mut out, &path[..at], DIRECTORY, number, &[]);
            number += 1;
        }
        entry(&mut out, path, FILE, number, content);
        number += 1;
    }
    entry(&mut out, END, 0, 0, &[]);
    out
}

/// One entry: `mode` as stat(2) has it; a link's content is where it leads.
pub fn entry(out: &mut Vec<u8>, name: &str, mode: u32, number: u32, content: &[u8]) {
    let links = if mode & 0o170_000 == DIRECTORY & 0o170_000 { 2 } else { 1 };
    let fields = [number, mode, 0, 0, links, 0, content.len() as u32, 0, 0, 0, 0, name.len() as u32 + 1, 0];
    out.extend_from_slice(b"070701");
    for field in fields {
        out.extend_from_slice(format!("{field:08x}").as_bytes());
    }
    out.extend_from_slice(name.as_bytes());
    out.push(0);
    out.resize(out.len().next_multiple_of(4), 0);
    out.extend_from_slice(content);
    out.resize(out.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_come_before_their_files() {
        let bytes = archive(&[("etc/kutties/a.toml", b"x = 1")]);
        let text = alloc::string::String::from_utf8_lossy(&bytes).into_owned();
        let at = |name: &str| text.find(name).unwrap_or(usize::MAX);
        assert!(at("etc\0") < at("etc/kutties\0") && at("etc/kutties\0") < at("etc/kutties/a.toml\0") && at("x = 1") < at(END));
        assert_eq!((bytes.len() % 4, text.matches("070701").count()), (0, 4));
        assert!(text.contains("000081800000000000000000"), "{text}");
    }
}
