//! The disk that a key names, out of those that are there. Nothing here writes.

use std::fs;
use std::path::{Path, PathBuf};

use kit::{Error, Result};

use crate::signature::{self, Content};

/// File systems that pods and the kubelet can live on.
const KINDS: &[&str] = &["ext2", "ext3", "ext4", "xfs", "btrfs"];

/// The disk that a person wants, as the key says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// `LABEL=…`: the file system of that name.
    Label(String),
    /// `UUID=…`: the file system of that number.
    Uuid(String),
    /// `SERIAL=…`: the one file system of the disk with that serial number, or that disk if it is
    /// empty.
    Serial(String),
    /// `first-empty`: the file system that was made so before, or the first empty disk.
    FirstEmpty,
}

impl Wanted {
    /// Reads the key's text.
    pub fn parse(text: &str) -> Result<Self> {
        match text.split_once('=') {
            Some(("LABEL", name)) if !name.is_empty() => Ok(Self::Label(name.into())),
            Some(("UUID", number)) if !number.is_empty() => Ok(Self::Uuid(number.into())),
            Some(("SERIAL", number)) if !number.is_empty() => Ok(Self::Serial(number.into())),
            None if text == "first-empty" => Ok(Self::FirstEmpty),
            _ => Err(Error::new(format!("{text:?} names no disk: LABEL=…, UUID=…, SERIAL=… and first-empty do"))),
        }
    }
}

/// A disk or a partition, and what is on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Its path in /dev.
    pub device: PathBuf,
    /// Its content.
    pub content: Content,
}

/// A disk that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// The kernel's name for it.
    pub name: String,
    /// Its maker's number for it.
    pub serial: Option<String>,
    /// True when it stays in its machine and can be written.
    pub is_fixed: bool,
    /// Itself and its partitions.
    pub volumes: Vec<Volume>,
}

impl Disk {
    /// Its path in /dev.
    pub fn device(&self) -> PathBuf {
        Path::new("/dev").join(self.name.replace('!', "/"))
    }
}

/// The disk to take, and what is to be done with it.
#[derive(Debug, PartialEq, Eq)]
pub enum Choice<'a> {
    /// This file system of that disk.
    Use(&'a Disk, &'a Volume),
    /// A new file system: the disk is empty, and the key allows it.
    Make(&'a Disk),
}

/// The reason why there is none.
#[derive(Debug)]
pub enum Refusal {
    /// It may still come.
    Missing(String),
    /// Waiting does not help.
    Final(String),
}

/// Chooses by the key. `own` is the label of what `first-empty` makes; `create` allows to make a
/// file system on the disk that a serial number names; `is_empty` looks at a disk's bytes.
pub fn choose<'a>(
    wanted: &Wanted,
    own: &str,
    create: bool,
    disks: &'a [Disk],
    is_empty: impl Fn(&Disk) -> bool,
) -> Result<Choice<'a>, Refusal> {
    let is_label = |content: &Content, name: &str| content.label.as_deref() == Some(name);
    match wanted {
        Wanted::Label(name) => found(disks, &format!("the label {name}"), |c| is_label(c, name)),
        Wanted::Uuid(id) => {
            found(disks, &format!("the UUID {id}"), |c| c.uuid.as_deref().is_some_and(|uuid| uuid.eq_ignore_ascii_case(id)))
        }
        Wanted::Serial(serial) => by_serial(serial, create, disks, is_empty),
        Wanted::FirstEmpty => match found(disks, &format!("the label {own}"), |c| is_label(c, own)) {
            Err(Refusal::Missing(_)) => {
                let first = disks.iter().find(|disk| disk.is_fixed && is_blank(disk) && is_empty(disk));
                first.map(Choice::Make).ok_or_else(|| Refusal::Missing("no disk is empty".into()))
            }
            other => other,
        },
    }
}

/// The one file system that fits; of several none, since any of them could be the wrong one.
fn found<'a>(disks: &'a [Disk], what: &str, fits: impl Fn(&Content) -> bool) -> Result<Choice<'a>, Refusal> {
    let mut all = volumes(disks).filter(|(_, volume)| fits(&volume.content));
    match (all.next(), all.next()) {
        (Some((disk, volume)), None) => Ok(Choice::Use(disk, volume)),
        (Some((_, one)), Some((_, other))) => {
            Err(Refusal::Final(format!("{} and {} both have {what}", one.device.display(), other.device.display())))
        }
        (None, _) => Err(Refusal::Missing(format!("no file system has {what}"))),
    }
}

fn by_serial<'a>(serial: &str, create: bool, disks: &'a [Disk], is_empty: impl Fn(&Disk) -> bool) -> Result<Choice<'a>, Refusal> {
    let mut all = disks.iter().filter(|disk| disk.serial.as_deref() == Some(serial));
    let disk = match (all.next(), all.next()) {
        (Some(disk), None) => disk,
        (Some(_), Some(_)) => return Err(Refusal::Final(format!("several disks have the serial number {serial}"))),
        (None, _) => return Err(Refusal::Missing(format!("no disk has the serial number {serial}"))),
    };
    match found(std::slice::from_ref(disk), "a file system", |_| true) {
        Err(Refusal::Missing(_)) => {}
        Err(Refusal::Final(several)) => return Err(Refusal::Final(format!("{several}; name one by LABEL= or UUID="))),
        found => return found,
    }
    match (is_blank(disk) && is_empty(disk), create) {
        (true, true) => Ok(Choice::Make(disk)),
        (true, false) => Err(Refusal::Final(format!("{} is empty, and no key says that it is to be used", disk.name))),
        (false, _) => Err(Refusal::Final(format!("{} is not empty, and holds no file system to use", disk.name))),
    }
}

fn volumes(disks: &[Disk]) -> impl Iterator<Item = (&Disk, &Volume)> {
    let usable = |volume: &&Volume| volume.content.kind.is_some_and(|kind| KINDS.contains(&kind));
    disks.iter().flat_map(move |disk| disk.volumes.iter().filter(usable).map(move |volume| (disk, volume)))
}

/// True when nothing is known to be on it, no partition either.
fn is_blank(disk: &Disk) -> bool {
    matches!(disk.volumes.as_slice(), [only] if only.content == Content::default())
}

/// The disks of this machine, those that came first in front. What stands on other devices (loop,
/// RAM, mapper) is none.
pub fn disks(sys: &Path) -> Vec<Disk> {
    let mut disks: Vec<Disk> = entries(&sys.join("block"))
        .into_iter()
        .filter(|(_, dir)| dir.join("device").exists() && read(&dir.join("hidden")).as_deref() != Some("1"))
        .map(|(name, dir)| disk(name, &dir))
        .collect();
    // vdb before vdaa.
    disks.sort_by(|one, other| (one.name.len(), &one.name).cmp(&(other.name.len(), &other.name)));
    disks
}

fn disk(name: String, dir: &Path) -> Disk {
    let is = |file: &str| read(&dir.join(file)).as_deref() == Some("1");
    let mut names = vec![name.clone()];
    names.extend(entries(dir).into_iter().filter(|(_, dir)| dir.join("partition").exists()).map(|(name, _)| name));
    let volume = |name: &String| {
        let device = Path::new("/dev").join(name.replace('!', "/"));
        // One that can't be read holds something, for all that is known.
        let content = signature::probe(&device).unwrap_or(Content { usage: Some("other"), ..Content::default() });
        Volume { device, content }
    };
    Disk { serial: serial(dir), is_fixed: !is("removable") && !is("ro"), volumes: names.iter().map(volume).collect(), name }
}

/// The serial number as the kinds of drivers tell it: virtio and NVMe, MMC, SCSI (page 0x80 of its
/// vital data, behind four bytes).
fn serial(dir: &Path) -> Option<String> {
    let scsi = || {
        let page = fs::read(dir.join("device/vpd_pg80")).ok()?;
        Some(String::from_utf8_lossy(page.get(4..)?).trim_matches(['\0', ' ']).to_owned())
    };
    let text = read(&dir.join("serial")).or_else(|| read(&dir.join("device/serial"))).or_else(scsi)?;
    Some(text).filter(|text| !text.is_empty())
}

fn entries(dir: &Path) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut named: Vec<_> = entries.filter_map(|e| Some((e.file_name().into_string().ok()?, e.path()))).collect();
    named.sort();
    named
}

fn read(path: &Path) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests;
