//! Where an entry of a layer belongs: its parent folders, with the symbolic links of this layer and of those below followed
//! inside the image, never outside it.

use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use kit::{Context, Error, Result};
use rustix::fs::XattrFlags;

/// As many links on the way as the kernel follows.
const LINK_LIMIT: u32 = 40;

/// A layer that is being unpacked over others. Nobody else writes here, so a path that was found free of links stays so.
pub struct Place<'a> {
    /// The layer's own folder.
    pub top: &'a Path,
    below: &'a Below<'a>,
    /// The folder of the last entry as its path names it, and where it is: most entries follow one of the same folder.
    last: RefCell<Option<(PathBuf, PathBuf)>>,
}

/// The layers below one. They may be on their way themselves: only who must look at them waits until they are whole.
pub struct Below<'a> {
    paths: &'a [PathBuf],
    wait: Option<&'a (dyn Fn() -> Result<()> + Sync)>,
}

impl<'a> Below<'a> {
    /// Layers that are whole, lowest first.
    pub const fn there(paths: &'a [PathBuf]) -> Self {
        Self { paths, wait: None }
    }

    /// Layers, lowest first, that are whole when `wait` has returned.
    pub const fn after(paths: &'a [PathBuf], wait: &'a (dyn Fn() -> Result<()> + Sync)) -> Self {
        Self { paths, wait: Some(wait) }
    }

    fn whole(&self) -> Result<&'a [PathBuf]> {
        self.wait.map_or(Ok(()), |wait| wait())?;
        Ok(self.paths)
    }
}

/// What lies at a path of the image, seen from the layer that is being made.
enum Seen {
    Nothing,
    Folder,
    FolderBelow(Metadata),
    Link(PathBuf),
    Other,
}

impl<'a> Place<'a> {
    /// A layer in the empty folder `top`.
    pub const fn new(top: &'a Path, below: &'a Below<'a>) -> Self {
        Self { top, below, last: RefCell::new(None) }
    }

    /// Something was removed: what was known of paths may not hold any more.
    pub fn forget(&self) {
        self.last.borrow_mut().take();
    }

    /// The path below `top` at which `entry` belongs. Its parents are made as they are in the layers below, or as plain folders.
    ///
    /// # Errors
    /// An entry that climbs (`..`), goes through a file, or through too many links.
    pub fn find(&self, entry: &Path) -> Result<PathBuf> {
        let bad = |why: &str| Error::new(format!("layer entry {}: {why}", entry.display()));
        let mut parts = names(entry).ok_or_else(|| bad("its path climbs out of the image"))?;
        let Some(last) = parts.pop() else { return Ok(PathBuf::new()) };
        let folder: PathBuf = parts.iter().collect();
        if let Some((_, at)) = self.last.borrow().as_ref().filter(|(known, _)| *known == folder) {
            return Ok(at.join(last));
        }
        parts.reverse();
        let (mut at, mut links) = (PathBuf::new(), 0);
        while let Some(part) = parts.pop() {
            if part == ".." {
                at.pop();
                continue;
            }
            let next = at.join(&part);
            match self.see(&next)? {
                Seen::Folder => at = next,
                Seen::FolderBelow(meta) => at = self.make(next, Some(&meta))?,
                Seen::Nothing => at = self.make(next, None)?,
                Seen::Other => return Err(bad("a parent is not a folder")),
                Seen::Link(target) => {
                    links += 1;
                    if links > LINK_LIMIT {
                        return Err(bad("too many symbolic links"));
                    }
                    at = follow(at, &target, &mut parts);
                }
            }
        }
        let path = at.join(last);
        *self.last.borrow_mut() = Some((folder, at));
        Ok(path)
    }

    fn make(&self, path: PathBuf, like: Option<&Metadata>) -> Result<PathBuf> {
        let full = self.top.join(&path);
        // A whiteout that this layer put here gives way to the folder, which goes on to hide what it hid.
        let hid = fs::symlink_metadata(&full).is_ok();
        if hid {
            fs::remove_file(&full).on("remove", &full)?;
        }
        fs::create_dir(&full).on("make", &full)?;
        if hid {
            make_opaque(&full)?;
        }
        if let Some(meta) = like {
            std::os::unix::fs::chown(&full, Some(meta.uid()), Some(meta.gid())).on("change the owner of", &full)?;
            fs::set_permissions(&full, fs::Permissions::from_mode(meta.mode() & 0o7777)).on("change the mode of", &full)?;
        }
        Ok(path)
    }

    fn see(&self, path: &Path) -> Result<Seen> {
        let full = self.top.join(path);
        match look(&full).on("look at", &full)? {
            None => {}
            Some(meta) if meta.is_dir() => return Ok(Seen::Folder),
            Some(meta) if is_whiteout(&meta) => return Ok(Seen::Nothing),
            Some(meta) if meta.is_symlink() => return fs::read_link(&full).map(Seen::Link).on("read", &full),
            Some(_) => return Ok(Seen::Other),
        }
        if hides(self.top, path) {
            return Ok(Seen::Nothing);
        }
        Ok(match self.below(path)? {
            None => Seen::Nothing,
            Some((_, meta)) if meta.is_dir() => Seen::FolderBelow(meta),
            Some((full, meta)) if meta.is_symlink() => Seen::Link(fs::read_link(&full).on("read", &full)?),
            Some(_) => Seen::Other,
        })
    }

    /// What the layers below show at a path of the image without following links: where it lies, and what it is.
    pub fn below(&self, path: &Path) -> Result<Option<(PathBuf, Metadata)>> {
        for layer in self.below.whole()?.iter().rev() {
            let full = layer.join(path);
            match look(&full).on("look at", &full)? {
                // A parent that is a link or a file there was never walked through: the path is not in that layer.
                Some(_) if !walkable(layer, path) => return Ok(None),
                Some(meta) if is_whiteout(&meta) => return Ok(None),
                Some(meta) => return Ok(Some((full, meta))),
                None if hides(layer, path) => return Ok(None),
                None => {}
            }
        }
        Ok(None)
    }
}

/// Whether all parents of a path are folders of that layer, not links.
fn walkable(layer: &Path, path: &Path) -> bool {
    path.ancestors().skip(1).all(|p| look(&layer.join(p)).ok().flatten().is_some_and(|meta| meta.is_dir()))
}

/// Whether a layer that has nothing at a path hides what those below it have there: a parent is opaque, deleted or no folder.
fn hides(layer: &Path, path: &Path) -> bool {
    path.ancestors().skip(1).filter(|p| !p.as_os_str().is_empty()).any(|parent| {
        let full = layer.join(parent);
        look(&full).ok().flatten().is_some_and(|meta| !meta.is_dir() || is_opaque(&full))
    })
}

/// Overlayfs's mark of a deleted name: a character device 0:0.
pub fn is_whiteout(meta: &Metadata) -> bool {
    meta.file_type().is_char_device() && meta.rdev() == 0
}

/// Overlayfs's mark of a folder that hides all that lies below it.
const OPAQUE: &str = "trusted.overlay.opaque";

/// Let a folder hide all that lies below it.
pub fn make_opaque(folder: &Path) -> Result<()> {
    rustix::fs::lsetxattr(folder, OPAQUE, b"y", XattrFlags::empty()).on("make opaque", folder)
}

/// Whether a folder hides all that lies below it.
pub fn is_opaque(folder: &Path) -> bool {
    let mut value = [0; 1];
    rustix::fs::lgetxattr(folder, OPAQUE, &mut value).is_ok_and(|len| len == 1 && value == *b"y")
}

/// What is there itself, links not followed.
pub fn look(path: &Path) -> io::Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(meta) => Ok(Some(meta)),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(e) => Err(e),
    }
}

/// Put a link's target in front of the parts that are still to be walked (kept last first), and say from where.
fn follow(at: PathBuf, target: &Path, parts: &mut Vec<OsString>) -> PathBuf {
    for part in target.components().rev() {
        match part {
            Component::Normal(name) => parts.push(name.to_owned()),
            Component::ParentDir => parts.push("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    if target.is_absolute() { PathBuf::new() } else { at }
}

/// The names of an entry's path; none when it has a `..` or a NUL.
fn names(path: &Path) -> Option<Vec<OsString>> {
    let mut names = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(name) if !has_nul(name) => names.push(name.to_owned()),
            Component::RootDir | Component::CurDir => {}
            _ => return None,
        }
    }
    Some(names)
}

fn has_nul(name: &OsStr) -> bool {
    name.as_bytes().contains(&0)
}
