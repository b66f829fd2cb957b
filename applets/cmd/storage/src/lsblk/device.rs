//! Block devices as /sys knows them.

use std::cell::OnceCell;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use disk::signature::{self, Content};
use kit::{Context, Error, Result};

/// A block device with those on it.
#[derive(Debug, Clone)]
pub struct Device {
    /// The kernel's name.
    pub name: String,
    /// Its directory.
    pub dir: PathBuf,
    /// Name of the device below it, for a partition.
    pub parent: Option<String>,
    /// Major number.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
    /// Sectors of 512 bytes.
    pub sectors: u64,
    /// Places where it is mounted; `[SWAP]` for a swap area.
    pub mounts: Vec<String>,
    /// Partitions, and devices that are made of it.
    pub children: Vec<Self>,
    content: OnceCell<Content>,
}

impl Device {
    /// First line of a file in its directory, or in that of the disk for a partition; empty without.
    pub fn attribute(&self, file: &str) -> String {
        let own = fs::read_to_string(self.dir.join(file));
        let text = own.or_else(|_| fs::read_to_string(self.dir.join("..").join(file))).unwrap_or_default();
        text.lines().next().unwrap_or_default().trim().to_owned()
    }

    /// The device's file.
    pub fn path(&self) -> PathBuf {
        let mapped = fs::read_to_string(self.dir.join("dm/name"));
        match mapped {
            Ok(name) => Path::new("/dev/mapper").join(name.trim()),
            Err(_) => Path::new("/dev").join(self.name.replace('!', "/")),
        }
    }

    /// Content by its first bytes; read once, and only when asked for.
    pub fn content(&self) -> &Content {
        self.content.get_or_init(|| signature::probe(&self.path()).unwrap_or_default())
    }

    /// `disk`, `part`, `loop`, `rom`, `crypt`, `lvm`, `raid1`…
    pub fn kind(&self) -> String {
        if self.dir.join("partition").exists() {
            return "part".to_owned();
        }
        if let Ok(id) = fs::read_to_string(self.dir.join("dm/uuid")) {
            return id.split('-').next().map_or_else(|| "dm".to_owned(), str::to_lowercase);
        }
        let level = self.attribute("md/level");
        if !level.is_empty() {
            return level;
        }
        // SCSI's number of a CD drive.
        match self.attribute("device/type").as_str() {
            "5" => "rom".to_owned(),
            _ if self.name.starts_with("loop") => "loop".to_owned(),
            _ => "disk".to_owned(),
        }
    }
}

/// The whole devices, by numbers.
pub fn all() -> Result<Vec<Device>> {
    let entries = fs::read_dir("/sys/block").on("read", "/sys/block")?;
    let mounts = mounts();
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut all: Vec<Device> = names.filter_map(|name| read(Path::new("/sys/block").join(&name), None, &mounts)).collect();
    all.sort_by_key(|device| (device.major, device.minor));
    // Devices that are made of others stand below them.
    let is_on_another = |device: &Device| fs::read_dir(device.dir.join("slaves")).is_ok_and(|mut slaves| slaves.next().is_some());
    let (upper, mut lower): (Vec<Device>, Vec<Device>) = all.into_iter().partition(is_on_another);
    for device in &mut lower {
        hold(device, &upper);
    }
    Ok(lower)
}

/// Puts the devices that are made of this one below it.
fn hold(device: &mut Device, upper: &[Device]) {
    for child in &mut device.children {
        hold(child, upper);
    }
    for entry in fs::read_dir(device.dir.join("holders")).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if let Some(found) = upper.iter().find(|other| name == other.name.as_str()) {
            let mut found = found.clone();
            hold(&mut found, upper);
            device.children.push(found);
        }
    }
}

fn read(dir: PathBuf, parent: Option<&str>, mounts: &[(u32, u32, String)]) -> Option<Device> {
    let name = dir.file_name()?.to_str()?.to_owned();
    let number = fs::read_to_string(dir.join("dev")).ok()?;
    let (major, minor) = number.trim().split_once(':')?;
    let (major, minor) = (major.parse().ok()?, minor.parse().ok()?);
    let sectors = fs::read_to_string(dir.join("size")).ok()?.trim().parse().ok()?;
    let places = mounts.iter().filter(|(a, b, _)| (*a, *b) == (major, minor)).map(|(.., place)| place.clone()).collect();
    let mut children: Vec<Device> = Vec::new();
    if parent.is_none() {
        let entries = fs::read_dir(&dir).into_iter().flatten().flatten();
        let parts = entries.map(|entry| entry.path()).filter(|path| path.join("partition").exists());
        children = parts.filter_map(|path| read(path, Some(&name), mounts)).collect();
        children.sort_by_key(|child| child.minor);
    }
    let parent = parent.map(str::to_owned);
    Some(Device { name, dir, parent, major, minor, sectors, mounts: places, children, content: OnceCell::new() })
}

/// Numbers and places of all mounts; the newest first, as a user sees them.
fn mounts() -> Vec<(u32, u32, String)> {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mut found: Vec<(u32, u32, String)> = text.lines().filter_map(mount).collect();
    let swaps = fs::read_to_string("/proc/swaps").unwrap_or_default();
    for path in swaps.lines().skip(1).filter_map(|line| line.split_whitespace().next()) {
        if let Ok(about) = fs::metadata(path)
            && about.file_type().is_block_device()
        {
            found.push((rustix::fs::major(about.rdev()), rustix::fs::minor(about.rdev()), "[SWAP]".to_owned()));
        }
    }
    found.reverse();
    found
}

fn mount(line: &str) -> Option<(u32, u32, String)> {
    let fields: Vec<&str> = line.split(' ').collect();
    let (major, minor) = fields.get(2)?.split_once(':')?;
    Some((major.parse().ok()?, minor.parse().ok()?, fields.get(4)?.replace("\\040", " ")))
}

/// The device of a file, wherever it is in the tree.
pub fn find(all: &[Device], path: &Path) -> Result<Device> {
    let about = fs::metadata(path).on("find", path)?;
    if !about.file_type().is_block_device() {
        return Err(Error::new(format!("{}: not a block device", path.display())));
    }
    let number = (rustix::fs::major(about.rdev()), rustix::fs::minor(about.rdev()));
    search(all, number).cloned().ok_or_else(|| Error::new(format!("{}: the kernel does not list it", path.display())))
}

fn search(all: &[Device], number: (u32, u32)) -> Option<&Device> {
    let own = all.iter().find(|device| (device.major, device.minor) == number);
    own.or_else(|| all.iter().find_map(|device| search(&device.children, number)))
}
