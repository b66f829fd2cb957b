//! Attributes of inodes, as linux/fs.h numbers them and `lsattr` names them.

use std::fs::{self, File};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use kit::{Context, Error, Result};
use rustix::fs::{IFlags, OFlags, ioctl_getflags, ioctl_setflags};

/// Letters in `lsattr`'s order, their bits, and long names.
pub const FLAGS: [(char, u32, &str); 21] = [
    ('s', 0x1, "Secure_Deletion"),
    ('u', 0x2, "Undelete"),
    ('S', 0x8, "Synchronous_Updates"),
    ('D', 0x1_0000, "Synchronous_Directory_Updates"),
    ('i', 0x10, "Immutable"),
    ('a', 0x20, "Append_Only"),
    ('d', 0x40, "No_Dump"),
    ('A', 0x80, "No_Atime"),
    ('c', 0x4, "Compression_Requested"),
    ('E', 0x800, "Encrypted"),
    ('j', 0x4000, "Journaled_Data"),
    ('I', 0x1000, "Indexed_directory"),
    ('t', 0x8000, "No_Tailmerging"),
    ('T', 0x2_0000, "Top_of_Directory_Hierarchies"),
    ('e', 0x8_0000, "Extents"),
    ('C', 0x80_0000, "No_COW"),
    ('x', 0x200_0000, "DAX"),
    ('F', 0x4000_0000, "Casefold"),
    ('N', 0x1000_0000, "Inline_Data"),
    ('P', 0x2000_0000, "Project_Hierarchy"),
    ('V', 0x10_0000, "Verity"),
];

/// Bit of a letter.
pub fn bit(letter: char) -> Option<u32> {
    FLAGS.iter().find(|(known, ..)| *known == letter).map(|(_, bit, _)| *bit)
}

/// The letters of a file, `-` for those that it lacks; the letter `m` (no compression) ends them.
pub fn letters(flags: u32) -> String {
    let known = FLAGS.iter().map(|(letter, bit, _)| if flags & bit == 0 { '-' } else { *letter });
    known.chain([if flags & 0x400 == 0 { '-' } else { 'm' }]).collect()
}

/// Opens a file or directory to ask for its attributes; nothing else has any.
pub fn open(path: &Path) -> Result<File> {
    let kind = fs::symlink_metadata(path).on("stat", path)?.file_type();
    if !(kind.is_file() || kind.is_dir()) {
        return Err(Error::new(format!("read flags of {}: operation not supported", path.display())));
    }
    let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
    File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path).on("open", path)
}

/// Attributes of a file.
pub fn flags(file: &File, path: &Path) -> Result<u32> {
    Ok(ioctl_getflags(file).on("read flags of", path)?.bits())
}

/// Set them.
pub fn set_flags(file: &File, path: &Path, flags: u32) -> Result<()> {
    ioctl_setflags(file, IFlags::from_bits_retain(flags)).on("set flags of", path)
}
