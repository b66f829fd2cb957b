//! Place of a layer's entry: its parent directories, with the symbolic links of this layer and of
//! those below followed inside the image, never outside it.

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
/// Nested directories that a layer may make. Images of today have some thirty; each level costs every later look at the layer.
const DEEPEST: usize = 512;
/// Steps on the way to an entry, those through links included: no path that the kernel takes has more (`PATH_MAX`).
const STEPS: u32 = 4096;

/// A layer that is being unpacked over others. Nobody else writes here, so a path that was found free of links stays so.
pub struct Place<'a> {
    /// The layer's own directory.
    pub top: &'a Path,
    below: &'a Below<'a>,
    /// The directory of the last entry as its path names it, and where it is: most entries follow one of the same directory.
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

/// File at a path of the image, seen from the layer that is being made.
enum Seen {
    Nothing,
    Directory,
    DirectoryBelow(Metadata),
    Link(PathBuf),
    Other,
}

/// Layers below that show a directory, by number, topmost first.
type Shown = Vec<usize>;

/// A directory of the image on the way to an entry.
struct Walk {
    at: PathBuf,
    /// The layers below that show each directory from the root to `at`, where somebody wanted to know.
    shown: Vec<Option<Shown>>,
}

impl Walk {
    /// At the image's root.
    fn new() -> Self {
        Self { at: PathBuf::new(), shown: vec![None] }
    }

    fn enter(&mut self, next: PathBuf, shown: Option<Shown>) {
        self.at = next;
        self.shown.push(shown);
    }

    /// Up, but not out of the root.
    fn leave(&mut self) {
        if self.at.pop() {
            self.shown.pop();
        }
    }
}

impl<'a> Place<'a> {
    /// A layer in the empty directory `top`.
    pub const fn new(top: &'a Path, below: &'a Below<'a>) -> Self {
        Self { top, below, last: RefCell::new(None) }
    }

    /// Something was removed: what was known of paths may not hold any more.
    pub fn forget(&self) {
        self.last.borrow_mut().take();
    }

    /// The path below `top` at which `entry` belongs. Its parents are made as they are in the layers below, or as plain directories.
    ///
    /// # Errors
    /// An entry that climbs (`..`), lies too deep, goes through a file, or through too many links.
    pub fn find(&self, entry: &Path) -> Result<PathBuf> {
        let bad = |why: &str| Error::new(format!("layer entry {}: {why}", entry.display()));
        let mut parts = names(entry).ok_or_else(|| bad("its path climbs out of the image"))?;
        if parts.len() > DEEPEST {
            return Err(deep(entry));
        }
        let Some(last) = parts.pop() else { return Ok(PathBuf::new()) };
        let directory: PathBuf = parts.iter().collect();
        if let Some((_, at)) = self.last.borrow().as_ref().filter(|(known, _)| *known == directory) {
            return Ok(at.join(last));
        }
        parts.reverse();
        let (mut walk, mut links, mut steps) = (Walk::new(), 0, 0);
        while let Some(part) = parts.pop() {
            steps += 1;
            // The entry's own name is one level more.
            if walk.shown.len() >= DEEPEST || steps > STEPS {
                return Err(deep(entry));
            }
            if part == ".." {
                walk.leave();
                continue;
            }
            let next = walk.at.join(&part);
            let (seen, shown) = self.see(&mut walk, &next)?;
            match seen {
                Seen::Directory => walk.enter(next, shown),
                Seen::DirectoryBelow(meta) => walk.enter(self.make(next, Some(&meta))?, shown),
                Seen::Nothing => walk.enter(self.make(next, None)?, Some(Shown::new())),
                Seen::Other => return Err(bad("a parent is not a directory")),
                Seen::Link(target) => {
                    links += 1;
                    if links > LINK_LIMIT {
                        return Err(bad("too many symbolic links"));
                    }
                    if follow(&target, &mut parts) {
                        walk = Walk::new();
                    }
                }
            }
        }
        let path = walk.at.join(last);
        *self.last.borrow_mut() = Some((directory, walk.at));
        Ok(path)
    }

    fn make(&self, path: PathBuf, like: Option<&Metadata>) -> Result<PathBuf> {
        let full = self.top.join(&path);
        // A whiteout that this layer put here gives way to the directory, which goes on to hide what it hid.
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

    /// Finds the file at `path` in the directory of `walk`. The layers below are looked at only
    /// where this one has nothing; then it is known which of them show a directory there.
    fn see(&self, walk: &mut Walk, path: &Path) -> Result<(Seen, Option<Shown>)> {
        let full = self.top.join(path);
        match look(&full).on("look at", &full)? {
            None => {}
            Some(meta) if meta.is_dir() => return Ok((Seen::Directory, None)),
            Some(meta) if is_whiteout(&meta) => return Ok((Seen::Nothing, None)),
            Some(meta) if meta.is_symlink() => return Ok((Seen::Link(fs::read_link(&full).on("read", &full)?), None)),
            Some(_) => return Ok((Seen::Other, None)),
        }
        let (found, shown) = self.lower(self.shown(walk)?, path)?;
        let seen = match found {
            None => Seen::Nothing,
            Some((_, meta)) if meta.is_dir() => Seen::DirectoryBelow(meta),
            Some((full, meta)) if meta.is_symlink() => Seen::Link(fs::read_link(&full).on("read", &full)?),
            Some(_) => Seen::Other,
        };
        Ok((seen, Some(shown)))
    }

    /// The layers below that show the directory of `walk`: found out from the deepest directory on the way for which it is known.
    fn shown<'w>(&self, walk: &'w mut Walk) -> Result<&'w Shown> {
        let known = walk.shown.iter().rposition(Option::is_some);
        if known.is_none() {
            walk.shown[0] = Some((0..self.below.whole()?.len()).rev().collect());
        }
        let mut path: PathBuf = walk.at.components().take(known.unwrap_or(0)).collect();
        let rest: Vec<_> = walk.at.components().skip(known.unwrap_or(0)).collect();
        for (number, part) in (known.unwrap_or(0)..).zip(rest) {
            path.push(part);
            let above = walk.shown[number].as_deref().unwrap_or_default();
            let shown = if is_opaque(&self.top.join(&path)) { Shown::new() } else { self.lower(above, &path)?.1 };
            walk.shown[number + 1] = Some(shown);
        }
        let last = walk.shown.len() - 1;
        Ok(walk.shown[last].get_or_insert_default())
    }

    /// Finds the file that the layers `above`, which show a path's directory, have at the path
    /// itself, and which of them show a directory there.
    fn lower(&self, above: &[usize], path: &Path) -> Result<(Option<(PathBuf, Metadata)>, Shown)> {
        let layers = self.below.whole()?;
        let (mut found, mut shown) = (None, Shown::new());
        for number in above {
            let full = layers[*number].join(path);
            let Some(meta) = look(&full).on("look at", &full)? else { continue };
            if is_whiteout(&meta) {
                break;
            }
            let (directory, opaque) = (meta.is_dir(), is_opaque(&full));
            if directory {
                shown.push(*number);
            }
            if found.is_none() {
                found = Some((full, meta));
            }
            if !directory || opaque {
                break;
            }
        }
        Ok((found, shown))
    }

    /// Finds the file that the layers below show at a path from [`Place::find`]: its place and its
    /// metadata.
    pub fn below(&self, path: &Path) -> Result<Option<(PathBuf, Metadata)>> {
        let mut walk = Walk::new();
        for part in path.parent().into_iter().flat_map(Path::components) {
            walk.enter(walk.at.join(part), None);
        }
        Ok(self.lower(self.shown(&mut walk)?, path)?.0)
    }
}

fn deep(entry: &Path) -> Error {
    let beginning: String = entry.to_string_lossy().chars().take(40).collect();
    Error::new(format!("layer entry {beginning}…: its path has more than {DEEPEST} directories, or goes around in links"))
}

/// Overlayfs's mark of a deleted name: a character device 0:0.
pub fn is_whiteout(meta: &Metadata) -> bool {
    meta.file_type().is_char_device() && meta.rdev() == 0
}

/// Overlayfs's mark of a directory that hides all that lies below it.
const OPAQUE: &str = "trusted.overlay.opaque";

/// Let a directory hide all that lies below it.
pub fn make_opaque(directory: &Path) -> Result<()> {
    rustix::fs::lsetxattr(directory, OPAQUE, b"y", XattrFlags::empty()).on("make opaque", directory)
}

/// Tells if a directory hides all that lies below it.
pub fn is_opaque(directory: &Path) -> bool {
    let mut value = [0; 1];
    rustix::fs::lgetxattr(directory, OPAQUE, &mut value).is_ok_and(|len| len == 1 && value == *b"y")
}

/// Returns the metadata of the file itself, links not followed.
pub fn look(path: &Path) -> io::Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(meta) => Ok(Some(meta)),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(e) => Err(e),
    }
}

/// Put a link's target in front of the parts that are still to be walked (kept last first). Returns whether it begins at the root.
fn follow(target: &Path, parts: &mut Vec<OsString>) -> bool {
    for part in target.components().rev() {
        match part {
            Component::Normal(name) => parts.push(name.to_owned()),
            Component::ParentDir => parts.push("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    target.is_absolute()
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
