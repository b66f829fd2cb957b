//! A directory's first content: what the boot brought is copied to a disk that lacks it. What the
//! disk has stays, for it is newer.

use std::fs::{self, DirBuilder, Metadata};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};

use kit::{Context, Result};

/// Copies all of `from` that is not at `to`, and then removes it from `from`, which lies in memory.
/// Sockets, pipes and devices are made again at each boot: they are left out.
pub fn all(from: &Path, to: &Path) -> Result<()> {
    let mut dirs = vec![PathBuf::new()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(from.join(&dir)).on("read", from)? {
            let name = dir.join(entry.on("read", from)?.file_name());
            if one(&from.join(&name), &to.join(&name))? {
                dirs.push(name);
            }
        }
    }
    for entry in fs::read_dir(from).on("read", from)?.flatten() {
        // A file that stays costs memory and nothing else.
        let _ = kit::tree::remove(&entry.path());
    }
    Ok(())
}

/// Copies one entry. True for a directory whose content follows.
fn one(from: &Path, to: &Path) -> Result<bool> {
    let about = fs::symlink_metadata(from).on("look at", from)?;
    let there = fs::symlink_metadata(to).ok();
    if about.is_dir() {
        if there.is_none() {
            DirBuilder::new().mode(0o700).create(to).on("make", to)?;
            keep(&about, to)?;
        }
        // A link of that name would lead the rest to another place.
        return Ok(there.is_none_or(|there| there.is_dir()));
    }
    if there.is_some() {
        return Ok(false);
    }
    if about.is_symlink() {
        symlink(fs::read_link(from).on("read", from)?, to).on("link", to)?;
        lchown(to, Some(about.uid()), Some(about.gid())).on("set the owner of", to)?;
    } else if about.is_file() {
        // The name comes last: half a file would be there for ever after a power cut.
        let part = to.with_extension("part-of-a-boot");
        fs::copy(from, &part).on("copy", from)?;
        keep(&about, &part)?;
        fs::rename(&part, to).on("name", to)?;
    }
    Ok(false)
}

fn keep(about: &Metadata, to: &Path) -> Result<()> {
    lchown(to, Some(about.uid()), Some(about.gid())).on("set the owner of", to)?;
    fs::set_permissions(to, fs::Permissions::from_mode(about.mode() & 0o7777)).on("set the mode of", to)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn the_disk_keeps_what_it_has() {
        let root = std::env::temp_dir().join(format!("disk-bring-{}", std::process::id()));
        let (from, to, aside) = (root.join("from"), root.join("to"), root.join("aside"));
        for dir in [from.join("lib/kubelet"), from.join("led"), to.join("lib"), aside.clone()] {
            fs::create_dir_all(dir).unwrap();
        }
        fs::write(from.join("lib/kubelet/config.yaml"), "brought").unwrap();
        fs::set_permissions(from.join("lib/kubelet/config.yaml"), fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(from.join("lib/both"), "brought").unwrap();
        fs::write(to.join("lib/both"), "kept").unwrap();
        fs::write(from.join("led/astray"), "x").unwrap();
        symlink(&aside, to.join("led")).unwrap();
        symlink("nowhere", from.join("link")).unwrap();
        all(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("lib/kubelet/config.yaml")).unwrap(), "brought");
        assert_eq!(fs::metadata(to.join("lib/kubelet/config.yaml")).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(to.join("lib/both")).unwrap(), "kept");
        assert_eq!(fs::read_link(to.join("link")).unwrap(), Path::new("nowhere"));
        assert_eq!(fs::read_dir(&aside).unwrap().count(), 0);
        assert_eq!(fs::read_dir(&from).unwrap().count(), 0);
        fs::remove_dir_all(root).unwrap();
    }
}
