//! User of a container: numbers from Kubernetes, or names that the image's own /etc/passwd and /etc/group explain.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use kit::{Context, Error, Result};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};

use cri_api::{LinuxContainerSecurityContext, LinuxContainerUser, SupplementalGroupsPolicy};

/// Size of an image's passwd or group file above which it is refused, in bytes: the largest real ones are some tens of kilobytes.
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
    let number = number(&who)?;
    let entry = files.user(&who, number);
    let uid = match (&entry, number) {
        (Some(entry), _) => entry.uid,
        (None, Some(uid)) => uid,
        (None, None) => return Err(Error::new(format!("the image's /etc/passwd has no user {who}"))),
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
    let mut seen = HashSet::new();
    groups.retain(|gid| seen.insert(*gid));
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

/// Number of a user or group that is written as one; none for a name.
///
/// # Errors
/// A number that is no user's. It is never looked up as a name: an image could give that name to root (CVE-2026-46680).
pub fn number(text: &str) -> Result<Option<u32>> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(None);
    }
    // The last one means "no change" to setuid(2) and its kin.
    let number = text.parse().ok().filter(|number| *number != u32::MAX);
    number.map(Some).ok_or_else(|| Error::new(format!("{text} is the number of no user and no group")))
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
    fn user(&self, who: &str, number: Option<u32>) -> Option<Entry> {
        self.passwd.lines().filter_map(entry).find(|entry| match number {
            Some(uid) => entry.uid == uid,
            None => entry.name == who,
        })
    }

    fn gid(&self, group: &str) -> Result<u32> {
        if let Some(gid) = number(group)? {
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
        file.take(LIMIT + 1).read_to_end(&mut bytes).doing(format!("read the image's /{name}"))?;
    }
    if bytes.len() as u64 > LIMIT {
        return Err(Error::new(format!("the image's /{name} is larger than {LIMIT} bytes")));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
