//! `kutties install [--from SOURCE] DISK`: write the system to an empty disk, so that the machine
//! boots from it.
//!
//! The running system is in memory, and the file that it was started from is not there any more:
//! its kernel and its segments are unpacked. So the disk image comes from SOURCE: the medium that
//! the machine was booted from (a stick, a CD), a `disk.img` as a file, or the URL of a signed
//! `manifest.json` as `kutties update` takes it. Without SOURCE it is the one medium that has the
//! label KUTTIES. A DISK that holds anything is left alone.
//!
//! The first MiB is written last, so that an installation that fails leaves an empty disk; and of a
//! URL's bytes not before their sum is right. The partition table then covers all of the disk.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use clap::Parser;
use disk::empty::is_empty;
use disk::make::Device;
use disk::signature;
use format::gpt;
use kit::{Applet, Context, Error, Exit, Place, Result};

use crate::update::manifest::Manifest;
use crate::update::{believed, directory, download, manifest_url, say};

/// The record.
pub const INSTALL: Applet =
    Applet { name: "install", about: "write the system to an empty disk, to boot from", place: Place::Node, run };

/// The image's name beside a manifest.
const IMAGE: &str = "disk.img";
/// The label of the file system that a medium of ours boots from.
const LABEL: &str = "KUTTIES";
/// Bytes that are written last: the partition table lies in them, and the boot sector.
const HEAD: usize = 1 << 20;
/// Bytes that are copied at once.
const PIECE: usize = 1 << 20;

#[derive(Parser)]
struct Options {
    /// A device, a file, or the URL of a manifest
    #[arg(long, value_name = "SOURCE")]
    from: Option<String>,
    /// The disk
    disk: PathBuf,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&INSTALL, args)?;
    let path = options.disk.as_path();
    let device = Device::open(path)?;
    if device.block != gpt::BLOCK {
        return Err(Error::new(format!(
            "install on {}: it has blocks of {} bytes, and images have 512",
            path.display(),
            device.block
        )));
    }
    if !is_empty(&device.file, device.bytes).on("read", path)? {
        return Err(Error::new(format!("{} is not empty; nothing was written", path.display())));
    }
    let mut writer = Writer { device: &device, head: Vec::new(), at: 0 };
    let source = options.from.map_or_else(medium, Ok)?;
    if source.starts_with("http://") || source.starts_with("https://") {
        let url = manifest_url(&source);
        let file = Manifest::file(&believed(&url)?, std::env::consts::ARCH, IMAGE).doing(format_args!("read {url}"))?;
        writer.has_room(file.bytes)?;
        download::checked(directory(&url), &file, |part| writer.take(part))?;
    } else {
        copy(Path::new(&source), &mut writer)?;
    }
    let bytes = writer.finish().doing(format_args!("install on {}", path.display()))?;
    // The kernel need not know the partitions for the next boot.
    let _ = sys::block::read_partitions(&device.file);
    say(&format!("{} MiB from {source} are on {}; the machine can boot from it", bytes >> 20, path.display()))?;
    Ok(Exit::OK)
}

/// The disk of the one medium with our label.
fn medium() -> Result<String> {
    let is_ours = |device: &PathBuf| signature::probe(device).is_ok_and(|content| content.label.as_deref() == Some(LABEL));
    let found: Vec<PathBuf> = signature::devices()?.into_iter().filter(is_ours).collect();
    let mut disks: Vec<PathBuf> = found.iter().map(|device| disk_of(device)).collect();
    disks.sort();
    disks.dedup();
    match disks.as_slice() {
        [one] => Ok(one.display().to_string()),
        [] => Err(Error::new(
            "install: the system that runs is in memory alone, and no medium of it is here; name one, or a URL, with --from",
        )),
        several => {
            let names: Vec<String> = several.iter().map(|device| device.display().to_string()).collect();
            Err(Error::new(format!("install: {} all have the label {LABEL}; name one with --from", names.join(", "))))
        }
    }
}

/// The disk that a partition is on; a disk itself is its own.
fn disk_of(device: &Path) -> PathBuf {
    let name = device.file_name().unwrap_or_default();
    let place = fs::canonicalize(Path::new("/sys/class/block").join(name)).unwrap_or_default();
    match place.parent().and_then(Path::file_name) {
        Some(disk) if place.join("partition").exists() => Path::new("/dev").join(disk),
        _ => device.to_owned(),
    }
}

/// Copies an image from a device or a file: as much as its partition table says, for a medium is
/// larger than what lies on it.
fn copy(source: &Path, writer: &mut Writer<'_>) -> Result<()> {
    let file = File::open(source).on("open", source)?;
    let mut header = [0; gpt::BLOCK];
    file.read_exact_at(&mut header, gpt::BLOCK as u64).on("read", source)?;
    let blocks =
        gpt::blocks(&header).ok_or_else(|| Error::new(format!("{} holds no disk image of kutties", source.display())))?;
    let bytes = blocks.saturating_mul(gpt::BLOCK as u64);
    writer.has_room(bytes)?;
    say(&format!("copying {} MiB from {}", bytes >> 20, source.display()))?;
    let mut piece = vec![0; PIECE];
    let mut at = 0;
    while at < bytes {
        let len = usize::try_from(bytes - at).unwrap_or(PIECE).min(PIECE);
        let part = piece.get_mut(..len).unwrap_or_default();
        file.read_exact_at(part, at).on("read", source)?;
        writer.take(part)?;
        at += len as u64;
    }
    Ok(())
}

/// An image on its way to a disk.
struct Writer<'a> {
    device: &'a Device,
    /// The image's first bytes, which are written in the end.
    head: Vec<u8>,
    /// Bytes taken so far.
    at: u64,
}

impl Writer<'_> {
    fn has_room(&self, bytes: u64) -> Result<()> {
        if bytes > HEAD as u64 && bytes <= self.device.bytes {
            return Ok(());
        }
        Err(Error::new(format!("install: the image has {bytes} bytes, and the disk {}", self.device.bytes)))
    }

    fn take(&mut self, part: &[u8]) -> Result<()> {
        let (first, rest) = part.split_at(part.len().min(HEAD - self.head.len().min(HEAD)));
        self.head.extend_from_slice(first);
        self.device.file.write_all_at(rest, self.at + first.len() as u64).doing("write the disk")?;
        self.at += part.len() as u64;
        Ok(())
    }

    /// Writes the table for the whole disk, the end first: then the disk boots.
    fn finish(self) -> Result<u64> {
        let blocks = self.device.bytes / gpt::BLOCK as u64;
        let table = gpt::moved(&self.head, blocks).ok_or_else(|| Error::new("the image has no partition table of ours"))?;
        let file = &self.device.file;
        let write = |bytes: &[u8], at: u64| file.write_all_at(bytes, at).and_then(|()| file.sync_all()).doing("write the disk");
        // The copy at the image's own end is in the middle now.
        let old_tail = self.at.saturating_sub(table.tail.len() as u64);
        write(&vec![0; table.tail.len()], old_tail)?;
        write(self.head.get(table.head.len()..).unwrap_or_default(), table.head.len() as u64)?;
        write(&table.tail, blocks * gpt::BLOCK as u64 - table.tail.len() as u64)?;
        write(&table.head, 0)?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    /// An image as the builder makes it, of so many blocks, its parts told apart by their bytes.
    fn image(blocks: u64) -> Vec<u8> {
        let system = gpt::Partition { kind: gpt::SYSTEM, id: gpt::Guid([7; 16]), first: 2048, blocks: 2048, name: "kutties" };
        let table = gpt::table(&gpt::Disk::image(gpt::Guid([9; 16]), blocks), &[system]);
        let mut image = table.head;
        image.resize(HEAD, 0x11);
        image.resize(blocks as usize * gpt::BLOCK - table.tail.len(), 0x22);
        image.extend(table.tail);
        image
    }

    #[test]
    fn an_image_is_copied_and_covers_the_disk() {
        let dir = std::env::temp_dir().join(format!("boot-install-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let (source, disk) = (dir.join("disk.img"), dir.join("disk"));
        let image = image(6144);
        // A stick is larger than the image on it.
        fs::write(&source, [image.as_slice(), &[0x33; 4096]].concat()).unwrap();
        File::create(&disk).unwrap().set_len(8 << 20).unwrap();
        let device = Device::open(&disk).unwrap();
        let mut writer = Writer { device: &device, head: Vec::new(), at: 0 };
        copy(&source, &mut writer).unwrap();
        assert!(is_empty(&device.file, device.bytes).unwrap(), "empty until the end");
        assert_eq!(writer.finish().unwrap(), 3 << 20);
        let there = fs::read(&disk).unwrap();
        assert_eq!(gpt::blocks(&there[512..]), Some(16_384));
        assert_eq!(there[17_408..image.len() - 33 * 512], image[17_408..image.len() - 33 * 512]);
        assert!(there[image.len() - 33 * 512..there.len() - 33 * 512].iter().all(|byte| *byte == 0));
        let small = Device { bytes: 2 << 20, ..device };
        assert!(Writer { device: &small, head: Vec::new(), at: 0 }.has_room(3 << 20).is_err());
        fs::remove_dir_all(dir).unwrap();
    }
}
