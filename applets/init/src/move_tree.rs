//! Moving what an initramfs brought from under a mount into it.

use std::fs::{self, File, Metadata};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::path::{Path, PathBuf};

use kit::{Context, Result};

/// How deep folders may nest: an initramfs is made by hand or by our builder, this only ends a mistake.
const DEPTH: u32 = 64;

/// Move all that lies in the open folder `from` into `to`, freeing the RAM that it took. Folders, files and links; modes and
/// owners are kept. The first failure is given back after the rest was moved.
pub fn into(from: &File, to: &Path) -> Result<()> {
    let from = PathBuf::from(format!("/proc/self/fd/{}", from.as_raw_fd()));
    folder(&from, to, 0)
}

fn folder(from: &Path, to: &Path, depth: u32) -> Result<()> {
    let mut outcome = Ok(());
    for entry in fs::read_dir(from).on("list", from)?.flatten() {
        let moved = entry
            .metadata()
            .on("look at", entry.path())
            .and_then(|about| one(&entry.path(), &to.join(entry.file_name()), &about, depth));
        outcome = outcome.and(moved);
    }
    outcome
}

fn one(from: &Path, to: &Path, about: &Metadata, depth: u32) -> Result<()> {
    if about.is_symlink() {
        symlink(fs::read_link(from).on("read", from)?, to).on("link", to)?;
        return fs::remove_file(from).on("remove", from);
    }
    if about.is_dir() {
        if depth >= DEPTH {
            return Err(kit::Error::new(format!("move {}: folders nest too deep", to.display())));
        }
        fs::create_dir_all(to).on("make", to)?;
        folder(from, to, depth + 1)?;
        keep(to, about)?;
        return fs::remove_dir(from).on("remove", from);
    }
    if about.is_file() {
        fs::copy(from, to).on("copy to", to)?;
        keep(to, about)?;
        return fs::remove_file(from).on("remove", from);
    }
    Ok(())
}

fn keep(to: &Path, about: &Metadata) -> Result<()> {
    chown(to, Some(about.uid()), Some(about.gid())).on("set the owner of", to)?;
    fs::set_permissions(to, about.permissions()).on("set the mode of", to)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn everything_moves_and_nothing_stays() {
        let base = std::env::temp_dir().join(format!("kutties-move-{}", std::process::id()));
        let (a, b) = (base.join("a"), base.join("b"));
        fs::create_dir_all(a.join("lib/kubelet")).unwrap();
        fs::create_dir_all(&b).unwrap();
        fs::write(a.join("lib/kubelet/config.yaml"), "x").unwrap();
        symlink("lib", a.join("link")).unwrap();
        into(&File::open(&a).unwrap(), &b).unwrap();
        assert_eq!(fs::read_to_string(b.join("link/kubelet/config.yaml")).unwrap(), "x");
        assert_eq!(fs::read_dir(&a).unwrap().count(), 0);
        fs::remove_dir_all(base).unwrap();
    }
}
