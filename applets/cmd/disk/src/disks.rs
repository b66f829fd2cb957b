//! `kutties disks`: mount the disks that the keys `var.disk` and `data.disk` name, as PID 1 does at
//! boot.
//!
//! Usage: kutties disks
//!
//! /var, with /etc/kubernetes bound from it, and /data. The README of init says what is kept where,
//! and what happens to a disk that is empty, foreign, damaged or not there. The last line of output
//! tells the outcome.

mod attach;
mod bring;
mod choose;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use clap::Parser;
use config::{Config, Key, key};
use kit::{Applet, Context, Error, Exit, Place, Result, paths};
use rustix::mount::{UnmountFlags, mount_bind, unmount};

use attach::Mounted;
use choose::{Choice, Disk, Refusal, Volume, Wanted, choose, disks};

/// The record.
pub const DISKS: Applet = Applet { name: "disks", about: "mount the node's own disks", place: Place::Hidden, run };

/// The longest that a disk may take to appear: spinning ones and the controllers of servers take
/// that long.
const DISK_TIMEOUT: Duration = Duration::from_secs(30);
/// For so long no other disk must have appeared before an empty one is taken: the one that was made
/// earlier may be slower.
const SETTLED: Duration = Duration::from_secs(3);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

#[derive(Parser)]
struct Options {}

/// A place for a disk.
struct Wish {
    /// The first part of its keys' names.
    name: &'static str,
    at: &'static str,
    /// The label of what is made for it.
    label: &'static str,
    disk: &'static Key,
    create: &'static Key,
}

/// In order: of two that take the first empty disk /var is the first.
const WISHES: [Wish; 2] = [
    Wish { name: "var", at: "/var", label: "kutties-var", disk: &key::VAR_DISK, create: &key::VAR_CREATE },
    Wish { name: "data", at: "/data", label: "kutties-data", disk: &key::DATA_DISK, create: &key::DATA_CREATE },
];

/// True when any disk is wanted.
pub fn are_wanted(config: &Config) -> bool {
    WISHES.iter().any(|wish| !config.text(wish.disk).is_empty())
}

fn run(args: &[OsString]) -> Result<Exit> {
    let Options {} = kit::parse(&DISKS, args)?;
    let config = Config::early();
    let (until, mut notes, mut exit) = (Instant::now() + DISK_TIMEOUT, Vec::new(), Exit::OK);
    for wish in WISHES.iter().filter(|wish| !config.text(wish.disk).is_empty()) {
        let outcome = wish.fulfil(&config, until).unwrap_or_else(|e| {
            exit = Exit::FAILED;
            format!("without it: {e}")
        });
        notes.push(format!("{} {outcome}", wish.at));
    }
    let line = notes.join("; ");
    writeln!(std::io::stdout(), "{line}").doing("write the outcome")?;
    Ok(exit)
}

impl Wish {
    /// Finds the disk, makes it ready and mounts it. Returns a note; after an error nothing is
    /// mounted.
    fn fulfil(&self, config: &Config, until: Instant) -> Result<String> {
        let wanted = Wanted::parse(config.text(self.disk)).doing(self.disk.name)?;
        let (disk, volume) = self.wait_for(&wanted, config.flag(self.create), until)?;
        let mut notes = Vec::new();
        let volume = if let Some(volume) = volume {
            if attach::widen(&disk, self.label)? {
                notes.push("partition widened".to_owned());
            }
            volume
        } else {
            notes.push("made".to_owned());
            let device = attach::make(&disk, self.label)?;
            let content = crate::signature::probe(&device)?;
            Volume { device, content }
        };
        // Held open, so that it can still be reached below the new mount.
        fs::create_dir_all(self.at).on("make", self.at)?;
        let below = File::open(self.at).on("open", self.at)?;
        let (device, at) = (volume.device.as_path(), Path::new(self.at));
        if let Mounted::Aside(aside) = attach::mount_at(&volume, at, self.name)? {
            let (device, aside) = (device.display(), aside.display());
            return Err(Error::new(format!("{device} is damaged; it can be read at {aside}, until somebody repairs it")));
        }
        // A file system that stays small is better than none.
        match attach::grow(device, at) {
            Ok(Some(bytes)) => notes.push(format!("now {} MiB", bytes >> 20)),
            Ok(None) => {}
            Err(e) => notes.push(e.to_string()),
        }
        if self.at == "/var" {
            kept(&below).inspect_err(|_| {
                // The boot's own files are in sight again, and complete.
                let _ = unmount(self.at, UnmountFlags::DETACH);
            })?;
        }
        notes.insert(0, format!("is {}", device.display()));
        Ok(notes.join(", "))
    }

    /// The disk, and its file system unless it is to be made, as soon as there is one.
    fn wait_for(&self, wanted: &Wanted, create: bool, until: Instant) -> Result<(Disk, Option<Volume>)> {
        let (mut seen, mut since) = (Vec::new(), Instant::now());
        loop {
            let disks = disks(Path::new("/sys"));
            let names: Vec<PathBuf> = disks.iter().flat_map(|disk| &disk.volumes).map(|volume| volume.device.clone()).collect();
            if names != seen {
                (seen, since) = (names, Instant::now());
            }
            let missing = match choose(wanted, self.label, create, &disks, is_empty) {
                Ok(Choice::Use(disk, volume)) => return Ok((disk.clone(), Some(volume.clone()))),
                Ok(Choice::Make(disk)) if since.elapsed() >= SETTLED => return Ok((disk.clone(), None)),
                Ok(Choice::Make(_)) => None,
                Err(Refusal::Final(why)) => return Err(Error::new(why)),
                Err(Refusal::Missing(why)) => Some(why),
            };
            if let Some(why) = missing.filter(|_| Instant::now() >= until) {
                return Err(Error::new(why));
            }
            sleep(LOOK);
        }
    }
}

/// Looks at a disk's bytes. One that can't be opened for us alone is in use.
fn is_empty(disk: &Disk) -> bool {
    crate::make::Device::open(&disk.device()).is_ok_and(|d| crate::empty::is_empty(&d.file, d.bytes).unwrap_or(false))
}

/// Puts what the boot brought to /var and /etc/kubernetes onto the disk, unless the disk has it,
/// and shows the disk's /etc/kubernetes.
fn kept(below: &File) -> Result<()> {
    bring::all(Path::new(&format!("/proc/self/fd/{}", below.as_raw_fd())), Path::new("/var"))?;
    for dir in [paths::KUBERNETES_KEPT, paths::KUBERNETES] {
        fs::create_dir_all(dir).on("make", dir)?;
    }
    bring::all(Path::new(paths::KUBERNETES), Path::new(paths::KUBERNETES_KEPT))?;
    mount_bind(paths::KUBERNETES_KEPT, paths::KUBERNETES).on("bind", paths::KUBERNETES)
}
