//! File systems and partition tables by their first bytes. Offsets and magic numbers are those of the kernel's headers.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use kit::{Context, Error, Result};

/// Content of a device.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Content {
    /// The file system's type, as `mount -t` takes it, or what else it is.
    pub kind: Option<&'static str>,
    /// Its name.
    pub label: Option<String>,
    /// Its number, in its own form.
    pub uuid: Option<String>,
    /// `filesystem`, `crypto`, `raid` or `other`.
    pub usage: Option<&'static str>,
    /// The partition table's type.
    pub table: Option<&'static str>,
}

/// A fixed run of bytes that tells a type.
struct Magic {
    at: u64,
    bytes: &'static [u8],
    kind: &'static str,
    usage: &'static str,
    label: Option<(u64, usize)>,
    uuid: Option<u64>,
}

const fn fs(at: u64, bytes: &'static [u8], kind: &'static str, label: Option<(u64, usize)>, uuid: Option<u64>) -> Magic {
    Magic { at, bytes, kind, usage: "filesystem", label, uuid }
}

const fn other(at: u64, bytes: &'static [u8], kind: &'static str, usage: &'static str, uuid: Option<u64>) -> Magic {
    Magic { at, bytes, kind, usage, label: None, uuid }
}

/// Those that need no more than a look. ext and FAT have functions of their own.
const MAGICS: &[Magic] = &[
    fs(0, b"XFSB", "xfs", Some((108, 12)), Some(32)),
    fs(0, b"hsqs", "squashfs", None, None),
    fs(1024, &[0xe2, 0xe1, 0xf5, 0xe0], "erofs", Some((1024 + 64, 16)), Some(1024 + 48)),
    fs(0x10040, b"_BHRfS_M", "btrfs", Some((0x1012b, 256)), Some(0x10020)),
    fs(1024, &[0x10, 0x20, 0xf5, 0xf2], "f2fs", None, Some(1024 + 108)),
    fs(32769, b"CD001", "iso9660", Some((32808, 32)), None),
    fs(3, b"NTFS    ", "ntfs", None, None),
    fs(3, b"EXFAT   ", "exfat", None, None),
    fs(0, &[0x45, 0x3d, 0xcd, 0x28], "cramfs", None, None),
    other(0, b"LUKS\xba\xbe", "crypto_LUKS", "crypto", None),
    other(512 + 24, b"LVM2 001", "LVM2_member", "raid", None),
    other(4096, &[0xfc, 0x4e, 0x2b, 0xa9], "linux_raid_member", "raid", Some(4096 + 16)),
    other(4086, b"SWAPSPACE2", "swap", "other", Some(1024 + 12)),
    other(65526, b"SWAPSPACE2", "swap", "other", Some(1024 + 12)),
];

/// The offset of the second copy of anything that we look at: what is shorter than this is read as far as it goes.
const LABEL_OF_SWAP: (u64, usize) = (1024 + 28, 16);

/// Look at a device or an image.
pub fn probe(path: &Path) -> Result<Content> {
    let file = File::open(path).on("open", path)?;
    let mut content = Content::default();
    ext(&file, &mut content);
    for magic in MAGICS {
        if content.kind.is_none() && bytes(&file, magic.at, magic.bytes.len()).as_deref() == Some(magic.bytes) {
            content.kind = Some(magic.kind);
            content.usage = Some(magic.usage);
            let label = if magic.kind == "swap" { Some(LABEL_OF_SWAP) } else { magic.label };
            content.label = label.and_then(|(at, len)| text(&file, at, len));
            content.uuid = magic.uuid.and_then(|at| uuid(&file, at));
        }
    }
    if content.kind.is_none() {
        fat(&file, &mut content);
    }
    content.table = partition_table(&file, content.kind);
    Ok(content)
}

/// The type to mount a device with; none when nothing is known or it is no file system.
pub fn file_system(path: &Path) -> Result<Option<String>> {
    let content = probe(path)?;
    Ok(content.kind.filter(|_| content.usage == Some("filesystem")).map(str::to_owned))
}

/// A device for `LABEL=…` and `UUID=…`; anything else is itself.
pub fn resolve(source: &Path) -> Result<PathBuf> {
    let Some(text) = source.to_str() else { return Ok(source.into()) };
    let wanted = |content: &Content| match text.split_once('=') {
        Some(("LABEL", label)) => content.label.as_deref() == Some(label.trim_matches('"')),
        Some(("UUID", uuid)) => content.uuid.as_deref().is_some_and(|u| u.eq_ignore_ascii_case(uuid.trim_matches('"'))),
        _ => false,
    };
    if !text.starts_with("LABEL=") && !text.starts_with("UUID=") {
        return Ok(source.into());
    }
    let found = devices()?.into_iter().find(|d| probe(d).is_ok_and(|c| wanted(&c)));
    found.ok_or_else(|| Error::new(format!("find {text}: no device has it")))
}

/// All block devices that hold something.
pub fn devices() -> Result<Vec<PathBuf>> {
    let text = std::fs::read_to_string("/proc/partitions").on("read", "/proc/partitions")?;
    let lines = text.lines().skip(2).filter_map(|line| line.split_whitespace().nth(3));
    Ok(lines.map(|name| Path::new("/dev").join(name.replace('!', "/"))).collect())
}

/// ext2, 3 and 4 share a superblock; what it needs of a driver tells them apart.
fn ext(file: &File, content: &mut Content) {
    const JOURNAL: u32 = 4;
    const JOURNAL_DEVICE: u32 = 8;
    /// Features that ext3 lacks: anything above file types, recovery and meta block groups.
    const INCOMPATIBLE_BEYOND_EXT3: u32 = !(2 | 4 | 16);
    /// Beyond sparse superblocks, large files and B-tree directories.
    const READ_ONLY_BEYOND_EXT3: u32 = !(1 | 2 | 4);
    const AT: u64 = 1024;
    if bytes(file, AT + 0x38, 2).as_deref() != Some(&[0x53, 0xef]) {
        return;
    }
    let word = |at| bytes(file, AT + at, 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes);
    let (compatible, incompatible, read_only) = (word(0x5c), word(0x60), word(0x64));
    content.kind = Some(if incompatible & JOURNAL_DEVICE != 0 {
        "jbd"
    } else if incompatible & INCOMPATIBLE_BEYOND_EXT3 != 0 || read_only & READ_ONLY_BEYOND_EXT3 != 0 {
        "ext4"
    } else if compatible & JOURNAL != 0 {
        "ext3"
    } else {
        "ext2"
    });
    content.usage = Some("filesystem");
    content.label = text(file, AT + 0x78, 16);
    content.uuid = uuid(file, AT + 0x68);
}

/// FAT has no magic number of its own: a boot sector whose fields make sense.
fn fat(file: &File, content: &mut Content) {
    let Some(sector) = bytes(file, 0, 512) else { return };
    let jump = matches!(sector[0], 0xeb | 0xe9);
    let cluster = sector[13];
    let sane = jump && sector[510..] == [0x55, 0xaa] && cluster.is_power_of_two() && matches!(sector[16], 1 | 2);
    let wide = sector.get(82..87) == Some(b"FAT32");
    if !sane || !(wide || sector.get(54..57) == Some(b"FAT")) {
        return;
    }
    let (serial, label) = if wide { (67, 71) } else { (39, 43) };
    content.kind = Some("vfat");
    content.usage = Some("filesystem");
    content.label = text(file, label, 11).filter(|l| l != "NO NAME");
    content.uuid = sector.get(serial as usize..).map(|s| format!("{:02X}{:02X}-{:02X}{:02X}", s[3], s[2], s[1], s[0]));
}

fn partition_table(file: &File, kind: Option<&str>) -> Option<&'static str> {
    for sector in [512, 4096] {
        if bytes(file, sector, 8).as_deref() == Some(b"EFI PART") {
            return Some("gpt");
        }
    }
    // A FAT boot sector has the same last two bytes.
    let sector = bytes(file, 0, 512).filter(|s| s[510..] == [0x55, 0xaa] && kind.is_none())?;
    let entries = sector[446..510].chunks(16);
    let sane = entries.clone().all(|e| matches!(e[0], 0 | 0x80)) && entries.into_iter().any(|e| e[4] != 0);
    sane.then_some("dos")
}

/// So many bytes at a place; none past the end.
fn bytes(file: &File, at: u64, len: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, at).ok()?;
    Some(bytes)
}

/// A name that ends at the first zero, blanks behind it dropped; none when it is empty.
fn text(file: &File, at: u64, len: usize) -> Option<String> {
    let bytes = bytes(file, at, len)?;
    let name = bytes.split(|b| *b == 0).next()?;
    let name = String::from_utf8_lossy(name).trim_end().to_owned();
    (!name.is_empty()).then_some(name)
}

fn uuid(file: &File, at: u64) -> Option<String> {
    let bytes: [u8; 16] = bytes(file, at, 16)?.try_into().ok()?;
    bytes.iter().any(|b| *b != 0).then(|| uuid_text(&bytes))
}

/// A number in the usual form: 32 hexadecimal digits in five groups.
pub fn uuid_text(bytes: &[u8; 16]) -> String {
    let mut text = format!("{:032x}", u128::from_be_bytes(*bytes));
    for at in [20, 16, 12, 8] {
        text.insert(at, '-');
    }
    text
}

/// Tells if anything can be read: a drive without a medium can't.
pub fn is_readable(path: &Path) -> bool {
    let read = || -> std::io::Result<()> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(0))?;
        file.read_exact(&mut [0])
    };
    !matches!(read(), Err(e) if e.kind() != ErrorKind::UnexpectedEof)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    /// An image of 128 KiB with some bytes at some places.
    fn image(name: &str, parts: &[(usize, &[u8])]) -> Content {
        let mut bytes = vec![0; 128 << 10];
        for (at, part) in parts {
            bytes[*at..at + part.len()].copy_from_slice(part);
        }
        let path = std::env::temp_dir().join(format!("disk-{}-{name}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        let content = probe(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        content
    }

    #[test]
    fn ext_kinds() {
        let magic: (usize, &[u8]) = (1080, &[0x53, 0xef]);
        assert_eq!(image("ext2", &[magic]).kind, Some("ext2"));
        assert_eq!(image("ext3", &[magic, (1024 + 0x5c, &[4])]).kind, Some("ext3"));
        let ext4 = image("ext4", &[magic, (1024 + 0x60, &[0x40]), (1024 + 0x78, b"root"), (1024 + 0x68, &[0xab; 16])]);
        assert_eq!((ext4.kind, ext4.label.as_deref()), (Some("ext4"), Some("root")));
        assert_eq!(ext4.uuid.as_deref(), Some("abababab-abab-abab-abab-abababababab"));
    }

    #[test]
    fn swap_and_tables() {
        let swap = image("swap", &[(4086, b"SWAPSPACE2"), (1052, b"extra")]);
        assert_eq!((swap.kind, swap.label.as_deref()), (Some("swap"), Some("extra")));
        assert_eq!(image("gpt", &[(512, b"EFI PART")]).table, Some("gpt"));
        assert_eq!(image("dos", &[(450, &[0x83]), (510, &[0x55, 0xaa])]).table, Some("dos"));
        assert_eq!(image("zero", &[]), Content::default());
    }
}
