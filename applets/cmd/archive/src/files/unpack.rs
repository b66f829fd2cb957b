//! One member made into a file, with its owner, mode, attributes and times.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use kit::Context;
use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid, chmod, chownat, fchmod, fchown, fstat, futimens,
    linkat, makedev, mkdirat, mknodat, openat, symlinkat, unlinkat, utimensat,
};
use rustix::io::Errno;

use super::member::{Kind, Member, Time};
use super::names::trimmed;
use super::old::Backup;
use super::owners::Owners;
use super::place::{Place, Spot};
use super::status::Status;
use super::{attributes, old};

/// End of a member that was unpacked, or of one for which an older file was kept.
pub(crate) enum Way {
    Done,
    /// Message about it; it is no failure.
    Kept(String),
}

/// Treatment of a file that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Old {
    Replace,
    Refuse,
    Skip,
    Newer,
    Overwrite,
    RemoveFirst,
}

/// Ways of a call.
pub(crate) struct Settings {
    pub(crate) old: Old,
    pub(crate) umask: u32,
    /// Modes as in the archive.
    pub(crate) preserve: bool,
    /// Owners as in the archive.
    pub(crate) own: bool,
    /// Times of now.
    pub(crate) touch: bool,
    pub(crate) owners: Owners,
    /// Links to directories stay where a directory is unpacked.
    pub(crate) keep_links: bool,
    /// Directories that are there keep mode and time.
    pub(crate) keep_directories: bool,
    /// Whole trees that are in the way go.
    pub(crate) remove_trees: bool,
    pub(crate) backup: Option<Backup>,
    /// Directories are finished last of all, not when a member beside them comes.
    pub(crate) delay: bool,
}

/// Settings, and directories that are not finished.
pub(crate) struct Unpacker<'a> {
    settings: Settings,
    status: &'a Status,
    /// Each with the index of its place: their modes may forbid what comes into them, and that changes their times.
    directories: Vec<(usize, Vec<u8>, Member)>,
}

impl<'a> Unpacker<'a> {
    /// An unpacker that tells of what is no failure of a member alone.
    pub(crate) const fn new(settings: Settings, status: &'a Status) -> Self {
        Self { settings, status, directories: Vec::new() }
    }

    /// Unpack a member by a name.
    pub(crate) fn one(
        &mut self,
        reader: &mut dyn Read,
        member: &Member,
        name: &[u8],
        (base, place): (usize, &mut Place),
    ) -> io::Result<Way> {
        if !self.settings.delay {
            self.leave(base, name, place);
        }
        if member.kind == Kind::Directory {
            return self.directory(member, name, base, place);
        }
        let spot = place.spot(name, place.makes)?;
        let there = spot.stat().ok();
        if let Some(there) = &there {
            if let Some(way) = old::keep(self.settings.old, there, member, name)? {
                return Ok(way);
            }
            let overwrite =
                self.settings.old == Old::Overwrite && member.is_file() && FileType::from_raw_mode(there.st_mode).is_file();
            // A link's own other name must not go before it is linked.
            if !(overwrite || (member.kind == Kind::Hard && linked(place, member, there))) {
                old::clear(&self.settings, &spot, there)?;
                place.forget();
            }
        }
        match member.kind {
            Kind::Hard => hard(member, &spot, place)?,
            Kind::Symlink => {
                symlinkat(std::ffi::OsStr::from_bytes(&member.link), &spot.parent, &spot.name)?;
                self.link_state(member, &spot)?;
            }
            Kind::Char | Kind::Block | Kind::Fifo => self.special(member, &spot)?,
            _ => self.file(reader, member, &spot)?,
        }
        Ok(Way::Done)
    }

    fn file(&self, reader: &mut dyn Read, member: &Member, spot: &Spot) -> io::Result<()> {
        // Nobody else may read it before it has its owner.
        let how = if self.settings.old == Old::Overwrite { OFlags::TRUNC } else { OFlags::EXCL };
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | how;
        let mut file: File = openat(&spot.parent, &spot.name, flags, Mode::RUSR | Mode::WUSR)?.into();
        let mut buffer = vec![0; 64 << 10];
        match &member.parts {
            None => pour(reader, &mut file, member.size, &mut buffer)?,
            Some(parts) => {
                for part in parts {
                    file.seek(SeekFrom::Start(part.offset))?;
                    pour(reader, &mut file, part.len, &mut buffer)?;
                }
                file.set_len(member.size)?;
            }
        }
        self.state(member, file.as_fd())
    }

    fn special(&self, member: &Member, spot: &Spot) -> io::Result<()> {
        let kind = match member.kind {
            Kind::Char => FileType::CharacterDevice,
            Kind::Block => FileType::BlockDevice,
            _ => FileType::Fifo,
        };
        mknodat(&spot.parent, &spot.name, kind, Mode::empty(), makedev(member.major, member.minor))?;
        // By its descriptor: another file may take its place.
        let fd = openat(&spot.parent, &spot.name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
        if FileType::from_raw_mode(fstat(&fd)?.st_mode) != kind {
            return Err(io::Error::other("something took its place"));
        }
        if self.settings.own {
            let (uid, gid) = self.settings.owners.of(member);
            chownat(&fd, "", Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)), AtFlags::EMPTY_PATH)?;
        }
        let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
        chmod(&path, self.mode(member))?;
        for wrong in attributes::write_path(path.as_ref(), member) {
            self.status.fail(wrong);
        }
        self.times(member, |times| Ok(utimensat(&spot.parent, &spot.name, times, AtFlags::SYMLINK_NOFOLLOW)?))
    }

    fn link_state(&self, member: &Member, spot: &Spot) -> io::Result<()> {
        if self.settings.own {
            let (uid, gid) = self.settings.owners.of(member);
            let ids = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
            chownat(&spot.parent, &spot.name, ids.0, ids.1, AtFlags::SYMLINK_NOFOLLOW)?;
        }
        self.times(member, |times| Ok(utimensat(&spot.parent, &spot.name, times, AtFlags::SYMLINK_NOFOLLOW)?))
    }

    fn mode(&self, member: &Member) -> Mode {
        let mode = if self.settings.preserve { member.mode & 0o7777 } else { member.mode & 0o777 & !self.settings.umask };
        Mode::from_raw_mode(mode)
    }

    /// Owner, mode, attributes and times, in this order: each clears something of those behind it.
    fn state(&self, member: &Member, file: BorrowedFd<'_>) -> io::Result<()> {
        if self.settings.own {
            let (uid, gid) = self.settings.owners.of(member);
            fchown(file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
        }
        fchmod(file, self.mode(member))?;
        for wrong in attributes::write(file, member) {
            self.status.fail(format_args!("{}: {wrong}", String::from_utf8_lossy(&member.name)));
        }
        self.times(member, |times| Ok(futimens(file, times)?))
    }

    fn times(&self, member: &Member, set: impl FnOnce(&Timestamps) -> io::Result<()>) -> io::Result<()> {
        if self.settings.touch {
            return Ok(());
        }
        let at = |time: Time| Timespec { tv_sec: time.seconds, tv_nsec: time.nanos.into() };
        let last_access = member.atime.map_or(Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW }, at);
        set(&Timestamps { last_access, last_modification: at(member.mtime) })
    }

    fn directory(&mut self, member: &Member, name: &[u8], base: usize, place: &mut Place) -> io::Result<Way> {
        let mut new = false;
        if trimmed(name) != b"." {
            let spot = place.spot(name, place.makes)?;
            new = match mkdirat(&spot.parent, &spot.name, Mode::from_raw_mode((member.mode & 0o777) | 0o700)) {
                Ok(()) => true,
                Err(Errno::EXIST) => {
                    let there = spot.stat()?;
                    let link = FileType::from_raw_mode(there.st_mode).is_symlink();
                    let stays = link && self.settings.keep_links && place.leads_to_directory(name);
                    if stays {
                        return Ok(Way::Done);
                    }
                    let is_dir = FileType::from_raw_mode(there.st_mode).is_dir();
                    if !is_dir {
                        if let Some(way) = old::keep(self.settings.old, &there, member, name)? {
                            return Ok(way);
                        }
                        unlinkat(&spot.parent, &spot.name, AtFlags::empty())?;
                        mkdirat(&spot.parent, &spot.name, Mode::RWXU)?;
                        place.forget();
                    }
                    !is_dir
                }
                Err(e) => return Err(e.into()),
            };
        }
        if !new && self.settings.keep_directories {
            return Ok(Way::Done);
        }
        let opened = place.directory(name)?;
        if !new {
            // Members must be able to come into it.
            open_up(&opened);
        }
        self.directories.push((base, name.to_vec(), member.clone()));
        Ok(Way::Done)
    }

    /// Modes and times of directories in a place, the deepest first.
    pub(crate) fn finish(&mut self, base: usize, place: &Place) {
        self.finish_those(place, |of, _| of == base);
    }

    /// The same of those that a member is not in.
    fn leave(&mut self, base: usize, member: &[u8], place: &Place) {
        let beside = |name: &[u8]| {
            let name = trimmed(name);
            name != b"." && !member.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
        };
        self.finish_those(place, |of, name| of == base && beside(name));
    }

    fn finish_those(&mut self, place: &Place, those: impl Fn(usize, &[u8]) -> bool) {
        let (mut own, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.directories).into_iter().partition(|(of, name, _)| those(*of, name));
        self.directories = rest;
        own.sort_by(|(_, a, ..), (_, b, ..)| b.cmp(a));
        for (_, name, member) in own {
            let done = place.directory(&name).and_then(|fd: OwnedFd| self.state(&member, fd.as_fd()));
            if let Err(e) = done.on("unpack", std::ffi::OsStr::from_bytes(&name)) {
                self.status.fail(e);
            }
        }
    }
}

/// Let its owner write into a directory that is there. If that is not ours to do, what comes into it tells.
fn open_up(directory: &OwnedFd) {
    if let Ok(stat) = fstat(directory)
        && stat.st_mode & 0o700 != 0o700
    {
        let _ = fchmod(directory, Mode::from_raw_mode((stat.st_mode & 0o7777) | 0o700));
    }
}

fn linked(place: &mut Place, member: &Member, there: &Stat) -> bool {
    let target = place.spot(&member.link, false).and_then(|target| target.stat());
    target.is_ok_and(|target| (target.st_dev, target.st_ino) == (there.st_dev, there.st_ino))
}

fn hard(member: &Member, spot: &Spot, place: &mut Place) -> io::Result<()> {
    let target = place.spot(&member.link, false)?;
    match linkat(&target.parent, &target.name, &spot.parent, &spot.name, AtFlags::empty()) {
        // Both names may be one file already.
        Err(Errno::EXIST) => {
            let (a, b) = (target.stat()?, spot.stat()?);
            if (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino) { Ok(()) } else { Err(Errno::EXIST.into()) }
        }
        linked => Ok(linked?),
    }
}

/// Exactly so many bytes.
fn pour(reader: &mut dyn Read, file: &mut File, len: u64, buffer: &mut [u8]) -> io::Result<()> {
    let mut left = len;
    while left > 0 {
        let want = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let read = reader.read(&mut buffer[..want])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        file.write_all(&buffer[..read])?;
        left -= read as u64;
    }
    Ok(())
}
