//! The files that a process has open, as /proc shows them: what `lsof` and `fuser` share.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// Ways in which a process uses a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// Its working directory.
    Directory,
    /// Its root directory.
    Root,
    /// Its program.
    Program,
    /// A mapping into memory.
    Mapping,
    /// A descriptor with its number.
    Descriptor(u32),
}

/// One open file.
#[derive(Clone, Debug)]
pub struct OpenFile {
    /// Way of its use.
    pub used: Use,
    /// Path, or the kernel's name for what has none: `socket:[1]`, `pipe:[2]`, `anon_inode:[eventfd]`.
    pub name: PathBuf,
    /// Device of its file system.
    pub device: u64,
    /// Number of its inode.
    pub inode: u64,
    /// Type and permissions; 0 where they can't be read.
    pub mode: u32,
    /// Number of a device file.
    pub special: u64,
    /// Bytes.
    pub size: u64,
    /// Names in directories.
    pub links: u64,
    /// Position of a descriptor.
    pub position: u64,
    /// Flags of its `open`; 0 is reading alone.
    pub flags: u32,
}

impl OpenFile {
    /// Inode of a socket.
    pub fn socket(&self) -> Option<u64> {
        let name = self.name.to_str()?;
        name.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    }
}

/// All open files of a process, in `lsof`'s order. What can't be read is left out.
pub fn of(pid: u32) -> Vec<OpenFile> {
    let dir = PathBuf::from(format!("/proc/{pid}"));
    let mut all = Vec::new();
    for (link, used) in [("cwd", Use::Directory), ("root", Use::Root), ("exe", Use::Program)] {
        all.extend(linked(&dir.join(link), used));
    }
    let program = all.iter().find(|file| file.used == Use::Program).map(|file| (file.device, file.inode));
    all.extend(mappings(&dir).into_iter().filter(|file| Some((file.device, file.inode)) != program));
    let entries = fs::read_dir(dir.join("fd")).map(Iterator::collect::<Vec<_>>).unwrap_or_default();
    let mut numbers: Vec<u32> = entries.into_iter().flatten().filter_map(|e| e.file_name().to_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    for number in numbers {
        let Some(mut file) = linked(&dir.join(format!("fd/{number}")), Use::Descriptor(number)) else { continue };
        let info = fs::read_to_string(dir.join(format!("fdinfo/{number}"))).unwrap_or_default();
        let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        file.position = field("pos:").and_then(|text| text.parse().ok()).unwrap_or_default();
        file.flags = field("flags:").and_then(|text| u32::from_str_radix(text, 8).ok()).unwrap_or_default();
        all.push(file);
    }
    all
}

fn linked(link: &std::path::Path, used: Use) -> Option<OpenFile> {
    let name = fs::read_link(link).ok()?;
    let (mut device, mut inode, mut mode, mut special, mut size, mut links) = (0, 0, 0, 0, 0, 1);
    if let Ok(found) = fs::metadata(link) {
        (device, inode, mode) = (found.dev(), found.ino(), found.mode());
        (special, size, links) = (found.rdev(), found.size(), found.nlink());
    }
    Some(OpenFile { used, name, device, inode, mode, special, size, links, position: 0, flags: 0 })
}

/// Each mapped file once.
fn mappings(dir: &std::path::Path) -> Vec<OpenFile> {
    let text = fs::read(dir.join("maps")).unwrap_or_default();
    let mut seen = HashSet::new();
    let mut all = Vec::new();
    for line in String::from_utf8_lossy(&text).lines() {
        let Some((device, inode, path)) = mapped(line) else { continue };
        if !seen.insert((device, inode)) {
            continue;
        }
        let found = fs::metadata(path).ok().filter(|found| found.ino() == inode);
        all.push(OpenFile {
            used: Use::Mapping,
            name: path.into(),
            device: found.as_ref().map_or(device, MetadataExt::dev),
            inode,
            mode: found.as_ref().map_or(0o100_000, MetadataExt::mode),
            special: 0,
            size: found.as_ref().map_or(0, MetadataExt::size),
            links: found.as_ref().map_or(0, MetadataExt::nlink),
            position: 0,
            flags: 0,
        });
    }
    all
}

/// Device, inode and path of a line of /proc/PID/maps; none for memory without a file.
fn mapped(line: &str) -> Option<(u64, u64, &str)> {
    let mut fields = line.splitn(6, ' ');
    let device = fields.nth(3)?;
    let inode: u64 = fields.next()?.parse().ok().filter(|inode| *inode != 0)?;
    let (major, minor) = device.split_once(':')?;
    let number = |text| u32::from_str_radix(text, 16).ok();
    let device = rustix::fs::makedev(number(major)?, number(minor)?);
    Some((device, inode, fields.next()?.trim_start()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn a_mapping_is_a_line() {
        let line = "7f01c2a00000-7f01c2b00000 r-xp 00022000 fe:00 1234                       /usr/lib/a b.so";
        assert_eq!(mapped(line).unwrap(), (rustix::fs::makedev(0xfe, 0), 1234, "/usr/lib/a b.so"));
        assert!(mapped("7f01c2a00000-7f01c2b00000 rw-p 00000000 00:00 0 [heap]").is_none());
        assert!(mapped("").is_none());
    }

    #[test]
    fn we_have_files_open() {
        let file = fs::File::open("/proc/self/status").unwrap();
        let own = of(std::process::id());
        assert!(own.iter().any(|open| open.used == Use::Program));
        assert!(own.iter().any(|open| open.name.ends_with("status")));
        drop(file);
    }
}
