//! The machine's file systems, mounted read-only for a moment.

use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use format::bls;
use format::grub::{By, Disks, Fact};
use format::menu::{Entry, Place};
use kit::calls::{BOOT_BLKID, BOOT_MODPROBE};
use kit::{Context, Error, Result, paths};
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use sys::loop_device::{self, AUTOCLEAR, READ_ONLY, Setting};

use crate::chosen::bounded;

/// The longest configuration, in bytes.
const TEXT: u64 = 1 << 20;
/// File systems that systems are booted from, and what keeps the kernel from writing to them: a journal is replayed even on a read-only
/// mount, and the next system may be one that sleeps.
const KINDS: &[(&str, &str)] = &[
    ("ext4", "noload"),
    ("ext3", "noload"),
    ("ext2", ""),
    ("xfs", "norecovery"),
    ("btrfs", "rescue=nologreplay"),
    ("f2fs", "disable_roll_forward"),
    ("vfat", ""),
    ("exfat", ""),
    ("iso9660", ""),
    ("squashfs", ""),
    ("erofs", ""),
];

/// The most images that are mounted because a configuration wants what is inside.
const IMAGES: usize = 8;

/// One of them.
#[derive(Debug)]
pub struct FileSystem {
    /// The device's name, such as `sda1`.
    pub name: String,
    /// The device's path, and its tags as `blkid` names them.
    device: String,
    tags: Vec<(String, String)>,
    directory: PathBuf,
    root: File,
}

/// All of them. Dropping it unmounts them.
#[derive(Debug, Default)]
pub struct Machine {
    found: Vec<FileSystem>,
    /// File system whose configuration is read now.
    pub own: String,
}

impl Machine {
    /// Mount what lies on these devices, or on all.
    pub fn mount(devices: &[String]) -> Result<Self> {
        let mut machine = Self::default();
        for (device, tags) in tags(devices)? {
            if let Err(e) = machine.add(device, tags) {
                crate::chosen::say(&e.to_string());
            }
        }
        if machine.found.is_empty() {
            return Err(Error::new("there is no disk with a file system that a system could lie on"));
        }
        Ok(machine)
    }

    /// Mount a device when it has a file system of one of the kinds; its name then.
    fn add(&mut self, device: String, tags: Vec<(String, String)>) -> Result<Option<String>> {
        let kind = tag(&tags, "TYPE").unwrap_or_default();
        let Some((kind, words)) = KINDS.iter().find(|(of, _)| *of == kind) else { return Ok(None) };
        let name = device.rsplit('/').next().unwrap_or_default().to_owned();
        let directory = Path::new(paths::RUN).join("boot").join(&name);
        let root = attach(&device, &directory, kind, words)?;
        self.found.push(FileSystem { name: name.clone(), device, tags, directory, root });
        Ok(Some(name))
    }

    fn get(&self, name: &str) -> Option<&FileSystem> {
        let name = if name.is_empty() { self.own.as_str() } else { name };
        self.found.iter().find(|found| found.name == name)
    }

    /// A file system's device and its kind.
    pub fn source(&self, name: &str) -> Option<(String, String)> {
        let found = self.get(name)?;
        Some((found.device.clone(), tag(&found.tags, "TYPE")?.to_owned()))
    }

    /// A file, open for reading.
    pub fn file(&self, device: &str, path: &str) -> std::io::Result<File> {
        self.open(device, path, OFlags::RDONLY)
    }

    /// Their names.
    pub fn names(&self) -> Vec<String> {
        self.found.iter().map(|found| found.name.clone()).collect()
    }

    /// A file's bytes.
    pub fn bytes(&self, device: &str, path: &str, limit: u64) -> Result<Vec<u8>> {
        let name = format!("{path} of {}", if device.is_empty() { &self.own } else { device });
        bounded(self.open(device, path, OFlags::RDONLY).doing(format_args!("open {name}"))?, &name, limit)
    }

    /// A path on a file system: links lead nowhere else.
    fn open(&self, device: &str, path: &str, flags: OFlags) -> std::io::Result<File> {
        let found = self.get(device).ok_or(std::io::ErrorKind::NotFound)?;
        let path = path.trim_start_matches('/');
        let path = if path.is_empty() { "." } else { path };
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        // A named pipe would keep us waiting; who only looks whether it is there may not say so.
        let at_once = if flags.contains(OFlags::PATH) { OFlags::empty() } else { OFlags::NONBLOCK | OFlags::NOCTTY };
        let flags = flags | OFlags::CLOEXEC | at_once;
        Ok(File::from(openat2(&found.root, path, flags, Mode::empty(), resolve)?))
    }

    /// The names in a directory, sorted; none when it is not there.
    pub fn directory(&self, path: &str) -> Vec<String> {
        let Ok(directory) = self.open("", path, OFlags::RDONLY | OFlags::DIRECTORY) else { return Vec::new() };
        let Ok(entries) = rustix::fs::Dir::new(directory) else { return Vec::new() };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().to_str().ok().map(str::to_owned));
        let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
        names.sort();
        names
    }
}

impl Disks for Machine {
    fn read(&mut self, device: &str, path: &str) -> Option<String> {
        self.bytes(device, path, TEXT).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    fn exists(&mut self, device: &str, path: &str) -> bool {
        self.open(device, path, OFlags::PATH).is_ok()
    }

    fn search(&mut self, by: By, value: &str) -> Option<String> {
        let names = self.names();
        let fits = |name: &String| {
            let own = |key: &str| self.get(name).and_then(|found| tag(&found.tags, key));
            match by {
                By::Uuid => own("UUID").is_some_and(|own| own.eq_ignore_ascii_case(value)),
                By::Label => own("LABEL").is_some_and(|own| own == value),
                By::File => self.open(name, value, OFlags::PATH).is_ok(),
            }
        };
        names.iter().find(|name| fits(name)).cloned()
    }

    fn entries(&mut self, device: &str, variable: &dyn Fn(&str) -> Option<String>) -> Vec<Entry> {
        let there = if device.is_empty() { self.own.clone() } else { device.to_owned() };
        let own = std::mem::replace(&mut self.own, there);
        let mut sorted = Vec::new();
        for directory in ["/loader/entries", "/boot/loader/entries"] {
            for name in self.directory(directory).into_iter().filter(|name| name.strip_suffix(".conf").is_some()) {
                let text = self.read("", &format!("{directory}/{name}")).unwrap_or_default();
                sorted.extend(bls::entry(&name, &text, variable));
            }
        }
        bls::sort(&mut sorted);
        let place = |place: Place| Place { device: self.own.clone(), ..place };
        let entries = sorted.into_iter().map(|sorted| sorted.entry);
        let entries = entries.map(|entry| Entry {
            kernel: place(entry.kernel),
            initrds: entry.initrds.into_iter().map(place).collect(),
            ..entry
        });
        let entries = entries.collect();
        self.own = own;
        entries
    }

    fn partition(&mut self, disk: usize, partition: usize) -> Option<String> {
        let own = disk_of(&self.own);
        let mut disks: Vec<String> = own.iter().map(|(disk, _)| disk.clone()).collect();
        let places: Vec<_> = self.found.iter().filter_map(|found| Some((disk_of(&found.name)?, &found.name))).collect();
        for ((disk, _), _) in &places {
            if !disks.contains(disk) {
                disks.push(disk.clone());
            }
        }
        let disk = disks.get(disk)?;
        let fits = |((own, number), _): &&((String, usize), &String)| own == disk && *number == partition;
        places.iter().find(fits).map(|(_, name)| (*name).clone())
    }

    fn fact(&mut self, device: &str, fact: Fact) -> Option<String> {
        let key = match fact {
            Fact::Uuid => "UUID",
            Fact::Label => "LABEL",
            Fact::Kind => "TYPE",
            Fact::Partition => "PARTUUID",
        };
        let value = tag(&self.get(device)?.tags, key)?;
        // GRUB knows the newer kinds by the first one's name.
        Some(if value.starts_with("ext") && fact == Fact::Kind { "ext2" } else { value }.to_owned())
    }

    fn inside(&mut self, device: &str, path: &str) -> Result<String, String> {
        let key = format!("{}:{path}", self.get(device).map_or("", |found| found.name.as_str()));
        let known = |found: &&FileSystem| tag(&found.tags, IMAGE).is_some_and(|own| own == key);
        if let Some(found) = self.found.iter().find(known) {
            return Ok(found.name.clone());
        }
        if self.found.iter().filter(|found| tag(&found.tags, IMAGE).is_some()).count() >= IMAGES {
            return Err(format!("there are more than {IMAGES} images"));
        }
        self.image(device, path, key).map_err(|e| e.to_string())
    }
}

/// The tag that says from which file an image comes.
const IMAGE: &str = "kutties-image";

impl Machine {
    /// Mount what a file has inside. The loop device goes with the mount.
    fn image(&mut self, device: &str, path: &str, key: String) -> Result<String> {
        let doing = || format!("look into {path}");
        let file = self.file(device, path).doing(doing())?;
        let (name, open) = loop_over(&file).doing(doing())?;
        let tags = tags(std::slice::from_ref(&name))?.into_iter().next().map(|(_, tags)| tags).unwrap_or_default();
        let tags = tags.into_iter().chain([(IMAGE.to_owned(), key)]).collect();
        let added = self.add(name, tags)?;
        drop(open);
        added.ok_or_else(|| Error::new(format!("{}: it has no file system that is read here", doing())))
    }
}

/// The next free loop device over a file, which is freed at its last close.
fn loop_over(file: &File) -> std::io::Result<(String, File)> {
    let control = File::options().read(true).write(true).open("/dev/loop-control")?;
    let setting = Setting { flags: READ_ONLY | AUTOCLEAR, ..Setting::default() };
    let mut tries = 0;
    loop {
        let name = format!("/dev/loop{}", loop_device::free(&control)?);
        let device = File::open(&name)?;
        match loop_device::attach(&device, file, &setting) {
            // Somebody else was faster.
            Err(e) if e.kind() == std::io::ErrorKind::ResourceBusy && tries < IMAGES => tries += 1,
            done => return done.map(|()| (name, device)),
        }
    }
}

fn tag<'t>(tags: &'t [(String, String)], name: &str) -> Option<&'t str> {
    tags.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
}

/// The disk of a partition and its number; of a disk itself 0.
fn disk_of(name: &str) -> Option<(String, usize)> {
    let path = fs::canonicalize(Path::new("/sys/class/block").join(name)).ok()?;
    let number = fs::read_to_string(path.join("partition")).ok().and_then(|number| number.trim().parse().ok());
    match number {
        Some(number) => Some((path.parent()?.file_name()?.to_str()?.to_owned(), number)),
        None => Some((name.to_owned(), 0)),
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(", "))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Images lie on those before them.
        for FileSystem { directory, root, .. } in self.found.drain(..).rev() {
            drop(root);
            // It is read-only; who is still there keeps it until he goes.
            let _ = unmount(&directory, UnmountFlags::DETACH);
            let _ = fs::remove_dir(&directory);
        }
    }
}

fn attach(device: &str, directory: &Path, kind: &str, words: &str) -> Result<File> {
    // The kernel asks for it by itself where it knows how; what is built in has no module.
    let _ = BOOT_MODPROBE.run(["-q", kind]);
    fs::create_dir_all(directory).on("make", directory)?;
    let flags = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    let words = std::ffi::CString::new(words).doing("read the mount's options")?;
    mount(device, directory, kind, flags, Some(words.as_c_str())).doing(format_args!("mount {device}"))?;
    File::open(directory).on("open", directory)
}

/// A device and its tags.
type Tagged = (String, Vec<(String, String)>);

/// By `blkid`, which knows the signatures.
fn tags(devices: &[String]) -> Result<Vec<Tagged>> {
    let (mut command, reports) = BOOT_BLKID.reporting()?;
    let output = command.args(["-o", "export"]).args(devices).output().doing("start blkid")?;
    let mut all: Vec<Tagged> = Vec::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        match (line.split_once('='), all.last_mut()) {
            (Some(("DEVNAME", device)), _) => all.push((device.to_owned(), Vec::new())),
            (Some((name, value)), Some((_, tags))) => tags.push((name.to_owned(), value.to_owned())),
            _ => {}
        }
    }
    // That nothing lies on any of them is a bad status, but no error.
    if all.is_empty()
        && let Some(e) = reports.error()
    {
        return Err(e);
    }
    Ok(all)
}
