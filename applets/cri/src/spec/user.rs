//! Whom a container runs as: numbers from Kubernetes, or names that the image's own /etc/passwd and /etc/group explain.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use kit::{Context, Error, Result};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};

use crate::api::{LinuxContainerSecurityContext, LinuxContainerUser, SupplementalGroupsPolicy};

/// An image's passwd or group file is read up to here: bytes. The largest real ones are some tens of kilobytes.
const LIMIT: u64 = 1 << 20;

/// A container's identity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct User {
    /// The user.
    pub uid: u32,
    /// Its primary group.
    pub gid: u32,
    /// All its groups, the primary one among them.
    pub groups: Vec<u32>,
    /// Its home, when the image tells it.
    pub home: Option<String>,
}

impl From<&User> for LinuxContainerUser {
    fn from(user: &User) -> Self {
        let supplemental_groups = user.groups.iter().map(|gid| i64::from(*gid)).collect();
        Self { uid: user.uid.into(), gid: user.gid.into(), supplemental_groups }
    }
}

/// The identity for a container with that root. `image_user` is the image's `USER`: `name|uid[:group|gid]` or empty.
pub fn resolve(rootfs: &Path, image_user: &str, security: &LinuxContainerSecurityContext) -> Result<User> {
    let files = Files { passwd: read(rootfs, "etc/passwd")?, group: read(rootfs, "etc/group")? };
    let (who, group) = wanted(image_user, security)?;
    let entry = files.user(&who);
    let uid = match (&entry, who.parse()) {
        (Some(entry), _) => entry.uid,
        (None, Ok(uid)) => uid,
        (None, Err(_)) => return Err(Error::new(format!("the image's /etc/passwd has no user {who}"))),
    };
    let gid = match group {
        Some(group) => files.gid(&group)?,
        None => entry.as_ref().map_or(0, |entry| entry.gid),
    };
    let mut groups = vec![gid];
    if security.supplemental_groups_policy() == SupplementalGroupsPolicy::Merge
        && let Some(entry) = &entry
    {
        groups.extend(files.groups_of(&entry.name));
    }
    for group in &security.supplemental_groups {
        groups.push(u32::try_from(*group).doing("read a supplemental group")?);
    }
    let mut seen = Vec::new();
    groups.retain(|gid| {
        !seen.contains(gid) && {
            seen.push(*gid);
            true
        }
    });
    Ok(User { uid, gid, groups, home: entry.map(|entry| entry.home).filter(|home| !home.is_empty()) })
}

/// The user and the group as texts, from the security context or the image.
fn wanted(image_user: &str, security: &LinuxContainerSecurityContext) -> Result<(String, Option<String>)> {
    let (mut who, mut group) = match image_user.split_once(':') {
        Some((who, group)) => (who.to_owned(), Some(group.to_owned())),
        None => (image_user.to_owned(), None),
    };
    let given = match (&security.run_as_user, security.run_as_username.as_str()) {
        (Some(uid), _) => Some(u32::try_from(uid.value).doing("read runAsUser")?.to_string()),
        (None, "") => None,
        (None, name) => Some(name.to_owned()),
    };
    if let Some(gid) = &security.run_as_group {
        if given.is_none() {
            return Err(Error::new("a runAsGroup needs a runAsUser"));
        }
        group = Some(u32::try_from(gid.value).doing("read runAsGroup")?.to_string());
    } else if given.is_some() {
        group = None;
    }
    who = given.unwrap_or(who);
    if who.is_empty() {
        "0".clone_into(&mut who);
    }
    Ok((who, group.filter(|group| !group.is_empty())))
}

struct Files {
    passwd: String,
    group: String,
}

struct Entry {
    name: String,
    uid: u32,
    gid: u32,
    home: String,
}

impl Files {
    /// The line of that name, or of that number: a name that consists of digits is a number, as in every runtime.
    fn user(&self, who: &str) -> Option<Entry> {
        let number = who.parse::<u32>().ok();
        self.passwd.lines().filter_map(entry).find(|entry| match number {
            Some(uid) => entry.uid == uid,
            None => entry.name == who,
        })
    }

    fn gid(&self, group: &str) -> Result<u32> {
        if let Ok(gid) = group.parse() {
            return Ok(gid);
        }
        let mut lines = self.group.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let found = lines.find(|fields| fields.first() == Some(&group)).and_then(|fields| fields.get(2)?.parse().ok());
        found.ok_or_else(|| Error::new(format!("the image's /etc/group has no group {group}")))
    }

    fn groups_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = u32> + 'a {
        self.group.lines().filter_map(move |line| {
            let fields: Vec<_> = line.split(':').collect();
            let members = fields.get(3)?;
            members.split(',').any(|member| member.trim() == name).then(|| fields[2].parse().ok()).flatten()
        })
    }
}

fn entry(line: &str) -> Option<Entry> {
    let fields: Vec<_> = line.split(':').collect();
    let home = fields.get(5).copied().unwrap_or_default().to_owned();
    Some(Entry { name: fields.first()?.to_string(), uid: fields.get(2)?.parse().ok()?, gid: fields.get(3)?.parse().ok()?, home })
}

/// A file of the image: its links never lead out of its root. A missing one is empty.
fn read(rootfs: &Path, name: &str) -> Result<String> {
    let open = |dir: std::os::fd::BorrowedFd, path: &str, resolve| {
        rustix::fs::openat2(dir, path, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty(), resolve)
    };
    let root = rustix::fs::openat(CWD, rootfs, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).on("open", rootfs)?;
    let file = match open(std::os::fd::AsFd::as_fd(&root), name, ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => return Ok(String::new()),
        Err(e) => return Err(e).doing(format!("open the image's /{name}")),
    };
    let mut bytes = Vec::new();
    if file.metadata().is_ok_and(|data| data.is_file()) {
        file.take(LIMIT).read_to_end(&mut bytes).doing(format!("read the image's /{name}"))?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
