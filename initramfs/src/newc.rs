//! The newc format, as the kernel's Documentation/driver-api/early-userspace/buffer-format.rst has it.

use std::io::{self, Write};

use cpio::newc::{Builder, ModeFileType, trailer};

use crate::Node;

/// The archive of these nodes. Inode numbers count up from 1, owners are root, so nothing of the building machine shows.
pub fn write<'a>(nodes: impl Iterator<Item = (&'a str, &'a Node)>, mtime: u32) -> io::Result<Vec<u8>> {
    let mut archive = Vec::new();
    for (ino, (path, node)) in (1..).zip(nodes) {
        let entry = Builder::new(path).ino(ino).mtime(mtime);
        let (entry, bytes): (Builder, &[u8]) = match node {
            Node::Directory(mode) => (entry.nlink(2).mode(*mode).set_mode_file_type(ModeFileType::Directory), &[]),
            Node::File(mode, bytes) => (entry.nlink(1).mode(*mode).set_mode_file_type(ModeFileType::Regular), bytes),
            Node::Link(target) => (entry.nlink(1).mode(0o777).set_mode_file_type(ModeFileType::Symlink), target.as_bytes()),
            Node::Device(mode, major, minor) => {
                let entry = entry.nlink(1).mode(*mode).rdev_major(*major).rdev_minor(*minor);
                (entry.set_mode_file_type(ModeFileType::Char), &[])
            }
        };
        let len = u32::try_from(bytes.len()).map_err(|_| io::Error::other(format!("{path}: newc holds no file over 4 GiB")))?;
        let mut writer = entry.write(archive, len);
        writer.write_all(bytes)?;
        archive = writer.finish()?;
    }
    trailer(archive)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use cpio::newc::Reader;

    #[test]
    fn reads_back() {
        let nodes = [
            ("dev", Node::Directory(0o755)),
            ("dev/console", Node::Device(0o600, 5, 1)),
            ("f", Node::File(0o640, b"hello".to_vec())),
            ("l", Node::Link("f".into())),
        ];
        let bytes = write(nodes.iter().map(|(path, node)| (*path, node)), 42).unwrap();
        let mut at = bytes.as_slice();
        let mut seen = Vec::new();
        loop {
            let reader = Reader::new(at).unwrap();
            if reader.entry().is_trailer() {
                break;
            }
            let entry = reader.entry();
            assert_eq!((entry.mtime(), entry.uid(), entry.gid()), (42, 0, 0));
            seen.push((entry.name().to_owned(), entry.mode(), entry.file_size(), entry.rdev_major(), entry.rdev_minor()));
            at = reader.finish().unwrap();
        }
        let expected = [
            ("dev", 0o040_755, 0, 0, 0),
            ("dev/console", 0o020_600, 0, 5, 1),
            ("f", 0o100_640, 5, 0, 0),
            ("l", 0o120_777, 1, 0, 0),
        ];
        assert_eq!(seen, expected.map(|(name, mode, len, major, minor)| (name.to_owned(), mode, len, major, minor)));
        assert_eq!(bytes.len() % 4, 0);
    }
}
