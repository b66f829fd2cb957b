//! GRUB's environment blocks: variables that are written before a start, in the place where they lie on the disk.
//!
//! The file systems are mounted read-only and without their journals' replay, so a block is written
//! as GRUB writes it: into its own sector, beside the file system. That is done only where the
//! block lies in one piece on a file system that keeps no sums of its data, and only when the disk
//! has there what the file has.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;

use format::grub;
use format::menu::{Place, Save};
use kit::{Context, Error, Result};
use sys::extent;

use super::disks::Machine;

/// Bytes of a block.
const BLOCK: usize = 1024;
/// File systems on which data may be written beside them.
const KINDS: &[&str] = &["ext2", "ext3", "ext4", "xfs"];

/// A block that is to be written.
pub struct Write {
    name: String,
    device: String,
    /// Bytes from the beginning of the device.
    offset: u64,
    before: Vec<u8>,
    after: Vec<u8>,
}

/// Find the places of all blocks that variables are saved in.
///
/// # Errors
/// A sentence about the first one that can't be written.
pub fn prepare<'s>(machine: &Machine, saves: impl Iterator<Item = &'s Save>) -> Result<Vec<Write>> {
    let mut blocks: BTreeMap<(String, String), (Vec<u8>, Vec<u8>)> = BTreeMap::new();
    for Save { file, name, value } in saves {
        let key = (file.device.clone(), file.path.clone());
        if !blocks.contains_key(&key) {
            let bytes = machine.bytes(&file.device, &file.path, BLOCK as u64)?;
            blocks.insert(key.clone(), (bytes.clone(), bytes));
        }
        if let Some((_, after)) = blocks.get_mut(&key) {
            *after = grub::with_variable(after, name, value).doing(format_args!("write {name} into {}", file.path))?;
        }
    }
    let changed = blocks.into_iter().filter(|(_, (before, after))| before != after);
    changed.map(|((device, path), (before, after))| place(machine, &Place { device, path }, before, after)).collect()
}

fn place(machine: &Machine, file: &Place, before: Vec<u8>, after: Vec<u8>) -> Result<Write> {
    let name = format!("{} of {}", file.path, file.device);
    let refused = |why: &str| Error::new(format!("write {name}: {why}"));
    let (device, kind) = machine.source(&file.device).ok_or_else(|| refused("it is on no disk"))?;
    if !KINDS.contains(&kind.as_str()) {
        return Err(refused(&format!("{kind} can't be written beside the file system")));
    }
    let open = machine.file(&file.device, &file.path).doing(format_args!("open {name}"))?;
    let offset = extent::place(&open, BLOCK as u64).doing(format_args!("find {name} on its disk"))?;
    let offset = offset.ok_or_else(|| refused("it does not lie in one piece on the disk"))?;
    Ok(Write { name, device, offset, before, after })
}

impl Write {
    /// Write the block, when the disk has what it is known to have.
    ///
    /// # Errors
    /// A sentence about what hinders; nothing is written then.
    pub fn apply(&self) -> Result<()> {
        let doing = || format!("write {}", self.name);
        let disk = File::options().read(true).write(true).open(&self.device).doing(doing())?;
        let mut there = vec![0; self.before.len()];
        disk.read_exact_at(&mut there, self.offset).doing(doing())?;
        if there != self.before {
            return Err(Error::new(format!("{}: the disk has something else in its place", doing())));
        }
        disk.write_all_at(&self.after, self.offset).doing(doing())?;
        disk.sync_all().doing(doing())
    }
}
