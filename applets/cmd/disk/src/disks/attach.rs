//! A chosen disk, made ready and mounted: a new file system where the key allows it, its size
//! brought up to the disk's, and one that is damaged put aside.

use std::ffi::CStr;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use format::{ext4, gpt};
use kit::{Context, Error, Result, paths};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use sys::block;

use super::choose::{Disk, Volume};
use crate::make::{ALIGN, Device, only};
use crate::table;

/// Files on a disk give nobody rights, and stand for no device.
const FLAGS: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV);
/// The least that a file system grows by: the kernel leaves a rest that is too small for a group.
const LEAST_GROWTH: u64 = 8 << 20;

/// Makes a partition with a file system of that label on an empty disk. Returns the partition.
pub fn make(disk: &Disk, label: &str) -> Result<PathBuf> {
    let path = disk.device();
    let device = Device::open(&path)?;
    // Once more, now that it is ours: it may have been looked at some seconds ago.
    if !crate::empty::is_empty(&device.file, device.bytes).on("read", &path)? {
        return Err(Error::new(format!("{} is not empty any more", path.display())));
    }
    device.partition(label).doing(format_args!("use {}", path.display()))?;
    block::read_partitions(&device.file).on("read the partitions of", &path)?;
    first_partition(disk)
}

/// A disk's first partition: its name has a `p` where the disk's ends with a digit.
fn first_partition(disk: &Disk) -> Result<PathBuf> {
    let infix = if disk.name.ends_with(|c: char| c.is_ascii_digit()) { "p" } else { "" };
    let path = PathBuf::from(format!("{}{infix}1", disk.device().display()));
    fs::metadata(&path).on("find", &path)?;
    Ok(path)
}

/// Brings the partition that [`make`] made up to the end of a disk that has grown, and writes the
/// copy of the table that is missing. A table that somebody else made, or changed, stays as it is.
/// Returns true when it wrote.
pub fn widen(disk: &Disk, label: &str) -> Result<bool> {
    let path = disk.device();
    let measured = {
        let mut file = File::open(&path).on("open", &path)?;
        let bytes = file.seek(SeekFrom::End(0)).on("measure", &path)?;
        let size = rustix::fs::ioctl_blksszget(&file).on("measure", &path)? as usize;
        let mut head = vec![0; usize::try_from(ALIGN.min(bytes)).unwrap_or_default()];
        file.read_exact_at(&mut head, 0).on("read", &path)?;
        let now = gpt::Disk { id: gpt::Guid([0; 16]), blocks: bytes / size as u64, block: size, boots: false };
        head.truncate(usize::try_from(now.before()).unwrap_or_default() * size);
        let Some((then, partition)) = gpt::read_single(&head, size, gpt::LINUX, label) else { return Ok(false) };
        let wanted = only(gpt::Disk { id: then.id, ..now }, partition.id.0, label);
        let Some(wanted) = wanted.filter(|wanted| wanted.first == partition.first && wanted.blocks >= partition.blocks) else {
            return Ok(false);
        };
        let now = gpt::Disk { id: then.id, ..now };
        let tail = gpt::table(&now, std::slice::from_ref(&wanted)).tail;
        let mut copy = vec![0; tail.len()];
        file.read_exact_at(&mut copy, now.blocks * size as u64 - tail.len() as u64).on("read", &path)?;
        if (now, &wanted) == (then, &partition) && copy == tail {
            return Ok(false);
        }
        (now, wanted)
    };
    let device = Device::open(&path)?;
    device.write_table(&measured.0, &measured.1)?;
    block::read_partitions(&device.file).on("read the partitions of", &path)?;
    Ok(true)
}

/// The end of an attempt to mount.
#[derive(Debug, PartialEq, Eq)]
pub enum Mounted {
    /// It is mounted.
    Yes,
    /// It is damaged, and mounted read-only at that place so that a person can look at it.
    Aside(PathBuf),
}

/// Mounts a file system, whose journal the kernel replays, and lets it grow to the size of its
/// device. `name` is the key's, for the place of one that is damaged.
pub fn mount_at(volume: &Volume, at: &Path, name: &str) -> Result<Mounted> {
    let (device, kind) = (volume.device.as_path(), volume.content.kind.unwrap_or("ext4"));
    if is_damaged(device)? {
        return aside(device, kind, name);
    }
    fs::create_dir_all(at).on("make", at)?;
    if table::read(table::MOUNTS)?.iter().any(|entry| entry.target == at) {
        // Process 1 has waited long enough and gone on: nobody may pull its /var away.
        return Err(Error::new(format!("{} is mounted already", at.display())));
    }
    mount(device, at, kind, FLAGS, None::<&CStr>).doing(format_args!("mount {} on {}", device.display(), at.display()))?;
    // The journal may have brought the mark along.
    if is_damaged(device)? {
        unmount(at, UnmountFlags::empty()).on("unmount", at)?;
        return aside(device, kind, name);
    }
    Ok(Mounted::Yes)
}

/// The state of a file system that has one to tell.
fn state(device: &Path) -> Result<Option<ext4::State>> {
    let mut superblock = [0; ext4::SUPERBLOCK];
    let file = File::open(device).on("open", device)?;
    file.read_exact_at(&mut superblock, ext4::SUPERBLOCK as u64).on("read", device)?;
    Ok(ext4::state(&superblock))
}

fn is_damaged(device: &Path) -> Result<bool> {
    Ok(state(device)?.is_some_and(|state| state.is_damaged))
}

/// Mounts what is damaged so that nothing is written, not even its journal's content.
fn aside(device: &Path, kind: &str, name: &str) -> Result<Mounted> {
    let at = Path::new(paths::DISKS).join(name);
    fs::create_dir_all(&at).on("make", &at)?;
    let options = if kind.starts_with("ext") { Some(c"noload") } else { None };
    let mounted = mount(device, &at, kind, FLAGS | MountFlags::RDONLY, options);
    mounted.doing(format_args!("mount {}, which is damaged, read-only", device.display()))?;
    Ok(Mounted::Aside(at))
}

/// Lets an ext4 file system grow to the size of its device. Returns its new size in bytes when it
/// had to.
pub fn grow(device: &Path, at: &Path) -> Result<Option<u64>> {
    let Some(state) = state(device)? else { return Ok(None) };
    let bytes = File::open(device).and_then(|mut file| file.seek(SeekFrom::End(0))).on("measure", device)?;
    let had = state.blocks.saturating_mul(state.block);
    if state.block == 0 || bytes.saturating_sub(had) < LEAST_GROWTH.max(had >> 10) {
        return Ok(None);
    }
    let root = File::open(at).on("open", at)?;
    block::grow_ext4(&root, bytes / state.block).doing(format_args!("enlarge the file system on {}", device.display()))?;
    Ok(Some(bytes))
}
