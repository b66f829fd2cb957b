//! Paths inside a container's root, followed and made without ever leaving it.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use kit::{Context, Result};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, PROC_SUPER_MAGIC, ResolveFlags};
use rustix::io::Errno;

/// Links on the way to one place, as in the kernel.
const MAX_LINKS: u32 = 40;

/// Tries of a path walk that a rename elsewhere disturbs.
const MAX_TRIES: u32 = 128;

/// Links of /proc that are plain text. All others lead where their text does not say.
const PLAIN_PROC_LINKS: [&str; 4] = ["self", "thread-self", "mounts", "net"];

const DIRECTORY_MODE: Mode = Mode::from_raw_mode(0o755);
const FILE_MODE: Mode = Mode::from_raw_mode(0o644);

/// Kind of object that a path is to lead to, and what is made where it is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// Anything that is there already.
    Existing,
    /// A directory; made with those above it.
    Directory,
    /// Anything but a directory; made as an empty file.
    File,
}

/// A place in the root.
#[derive(Debug)]
pub struct Place {
    /// Descriptor of it (`O_PATH`), never of a link.
    pub fd: OwnedFd,
    /// Path from the container's root, without links and dots.
    pub path: PathBuf,
}

/// The root directory of a container.
#[derive(Debug)]
pub struct Root {
    fd: OwnedFd,
}

impl Root {
    /// Opens the root; the path is the caller's, not the container's.
    pub fn open(path: &Path) -> Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(CWD, path, flags, Mode::empty()).on("open root directory", path)?;
        Ok(Self { fd })
    }

    /// The file that a path leads to, links followed; none where nothing is.
    pub fn find(&self, path: &Path) -> Result<Option<Place>> {
        match self.walk(path, Wanted::Existing) {
            Ok(place) => Ok(Some(place)),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(e) => Err(e).on("open in the container", path),
        }
    }

    /// The directory that a path leads to; what is missing is made, also behind links that lead nowhere.
    pub fn directory(&self, path: &Path) -> Result<Place> {
        self.walk(path, Wanted::Directory).on("make directory in the container", path)
    }

    /// The file that a path leads to, made empty where it is missing, also behind links that lead nowhere.
    pub fn file(&self, path: &Path) -> Result<Place> {
        self.walk(path, Wanted::File).on("make file in the container", path)
    }

    /// A directory on a path without any link, for file systems that must lie where their path says.
    pub fn plain_directory(&self, path: &Path) -> Result<Place> {
        let place = self.directory_without_links(path);
        match place {
            Err(Errno::LOOP | Errno::NOTDIR) => {
                Err(kit::Error::new(format!("{} in the container is not an ordinary directory", path.display())))
            }
            place => place.on("make directory in the container", path),
        }
    }

    /// The mount or file system root itself.
    pub fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    fn directory_without_links(&self, path: &Path) -> rustix::io::Result<Place> {
        let mut at = PathBuf::from("/");
        for name in names(path) {
            if name == ".." {
                at.pop();
                continue;
            }
            let parent = self.reach(&at, OFlags::DIRECTORY)?;
            match rustix::fs::mkdirat(&parent, &name, DIRECTORY_MODE) {
                // A file system that takes no directories, such as sysfs, may have this one.
                Ok(()) | Err(Errno::EXIST | Errno::ROFS | Errno::PERM | Errno::ACCESS | Errno::OPNOTSUPP | Errno::NOENT) => {
                    at.push(name);
                }
                Err(e) => return Err(e),
            }
        }
        Ok(Place { fd: self.reach(&at, OFlags::DIRECTORY)?, path: at })
    }

    fn walk(&self, path: &Path, wanted: Wanted) -> rustix::io::Result<Place> {
        let mut left = names(path);
        let mut at = PathBuf::from("/");
        let (mut links, mut tries) = (0, 0);
        while let Some(name) = left.pop_front() {
            if name == ".." {
                at.pop();
                continue;
            }
            let parent = self.reach(&at, OFlags::DIRECTORY)?;
            match rustix::fs::statat(&parent, &name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink => {
                    links += 1;
                    if links > MAX_LINKS || is_magic(&parent, &name)? {
                        return Err(Errno::LOOP);
                    }
                    let target = rustix::fs::readlinkat(&parent, &name, Vec::new())?;
                    let target = Path::new(OsStr::from_bytes(target.as_bytes()));
                    if target.is_absolute() {
                        at = PathBuf::from("/");
                    }
                    let mut ahead = names(target);
                    ahead.append(&mut left);
                    left = ahead;
                }
                Ok(stat) if FileType::from_raw_mode(stat.st_mode) != FileType::Directory && !left.is_empty() => {
                    return Err(Errno::NOTDIR);
                }
                Ok(_) => at.push(name),
                Err(Errno::NOENT) if wanted != Wanted::Existing => {
                    match make(&parent, &name, wanted == Wanted::Directory || !left.is_empty()) {
                        Ok(()) => at.push(name),
                        // Somebody else made something there: look again.
                        Err(Errno::EXIST) if tries < MAX_TRIES => {
                            tries += 1;
                            left.push_front(name);
                        }
                        Err(e) => return Err(e),
                    }
                }
                Err(e) => return Err(e),
            }
        }
        let fd = self.reach(&at, OFlags::empty())?;
        let is_directory = FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode) == FileType::Directory;
        match wanted {
            Wanted::Directory if !is_directory => Err(Errno::NOTDIR),
            Wanted::File if is_directory => Err(Errno::ISDIR),
            _ => Ok(Place { fd, path: at }),
        }
    }

    /// Opens a path that was walked: it has no links. One that came meanwhile is refused, not followed.
    fn reach(&self, at: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let flags = flags | OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        for _ in 1..MAX_TRIES {
            match rustix::fs::openat2(&self.fd, at, flags, Mode::empty(), resolve) {
                Err(Errno::AGAIN) => {}
                done => return done,
            }
        }
        rustix::fs::openat2(&self.fd, at, flags, Mode::empty(), resolve)
    }
}

/// Takes the process's file mode mask away until it is dropped: what is made has the modes that are said here.
#[derive(Debug)]
pub struct Unmasked(Mode);

impl Unmasked {
    /// From now on.
    pub fn begin() -> Self {
        Self(rustix::process::umask(Mode::empty()))
    }
}

impl Drop for Unmasked {
    fn drop(&mut self) {
        rustix::process::umask(self.0);
    }
}

fn make(parent: &OwnedFd, name: &OsStr, directory: bool) -> rustix::io::Result<()> {
    if directory {
        return rustix::fs::mkdirat(parent, name, DIRECTORY_MODE);
    }
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(parent, name, flags, FILE_MODE).map(drop)
}

/// Tells if a link in this directory may lead elsewhere than its text.
fn is_magic(parent: &OwnedFd, name: &OsStr) -> rustix::io::Result<bool> {
    let plain = PLAIN_PROC_LINKS.iter().any(|plain| name == *plain);
    Ok(!plain && rustix::fs::fstatfs(parent)?.f_type == PROC_SUPER_MAGIC)
}

/// The names of a path and its `..`.
fn names(path: &Path) -> VecDeque<OsString> {
    let kept = |part: Component<'_>| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    };
    path.components().filter_map(kept).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    /// A root of its own beside a directory that must stay empty.
    struct Case {
        base: PathBuf,
        root: Root,
    }

    impl Case {
        fn new(name: &str) -> Self {
            let base = std::env::temp_dir().join(format!("oci-place-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&base);
            fs::create_dir_all(base.join("root")).unwrap();
            fs::create_dir_all(base.join("outside")).unwrap();
            let root = Root::open(&base.join("root")).unwrap();
            Self { base, root }
        }

        fn link(&self, target: &str, name: &str) {
            let target = target.replace("OUTSIDE", self.base.join("outside").to_str().unwrap());
            symlink(target, self.base.join("root").join(name)).unwrap();
        }

        fn end(self) {
            assert_eq!(fs::read_dir(self.base.join("outside")).unwrap().count(), 0, "nothing outside");
            assert_eq!(fs::read_dir(&self.base).unwrap().count(), 2, "nothing beside");
            fs::remove_dir_all(&self.base).unwrap();
        }
    }

    #[test]
    fn links_that_lead_nowhere_are_followed_and_made() {
        let case = Case::new("dangling");
        fs::create_dir(case.base.join("root/etc")).unwrap();
        for (target, name, made) in [
            ("../run/systemd/resolve/stub", "etc/relative", "/run/systemd/resolve/stub"),
            ("/run/absolute/x", "etc/absolute", "/run/absolute/x"),
            ("../../../../../../up", "etc/up", "/up"),
            ("hop2", "etc/hop1", "/far/away"),
            ("/far/away", "etc/hop2", "/far/away"),
        ] {
            case.link(target, name);
            if name == "etc/hop1" {
                continue;
            }
            let place = case.root.file(Path::new(&format!("/{name}"))).unwrap();
            assert_eq!(place.path, Path::new(made));
            assert!(case.base.join("root").join(made.trim_start_matches('/')).is_file(), "{name}");
        }
        assert_eq!(case.root.file(Path::new("/etc/hop1")).unwrap().path, Path::new("/far/away"));
        case.end();
    }

    #[test]
    fn links_that_lead_out_stay_inside() {
        let case = Case::new("out");
        case.link("OUTSIDE", "dev");
        case.link("../../../../../../OUTSIDE", "up");
        let place = case.root.directory(Path::new("/dev/shm")).unwrap();
        assert!(place.path.ends_with("outside/shm"), "{:?}", place.path);
        case.root.file(Path::new("/up/file")).unwrap();
        case.root.directory(Path::new("/../../../x/..")).unwrap();
        case.end();
    }

    #[test]
    fn loops_and_wrong_kinds_are_errors() {
        let case = Case::new("loops");
        case.link("b", "a");
        case.link("a", "b");
        assert!(case.root.directory(Path::new("/a")).is_err());
        assert!(case.root.file(Path::new("/a/x")).is_err());
        fs::write(case.base.join("root/file"), "").unwrap();
        assert!(case.root.directory(Path::new("/file")).is_err());
        assert!(case.root.directory(Path::new("/file/x")).is_err());
        case.root.directory(Path::new("/d")).unwrap();
        assert!(case.root.file(Path::new("/d")).is_err());
        assert!(case.root.find(Path::new("/none/x")).unwrap().is_none());
        assert!(case.root.find(Path::new("/file/x")).unwrap().is_none());
        case.end();
    }

    #[test]
    fn as_many_links_as_the_kernel_follows() {
        let case = Case::new("chain");
        for n in 0..MAX_LINKS {
            case.link(&format!("l{}", n + 1), &format!("l{n}"));
        }
        assert_eq!(case.root.file(Path::new("/l0")).unwrap().path, Path::new("/l40"));
        case.link("l0", "one-more");
        assert!(case.root.file(Path::new("/one-more")).is_err());
        case.end();
    }

    #[test]
    fn an_ordinary_directory_has_no_links_on_its_way() {
        let case = Case::new("plain");
        case.link("OUTSIDE", "proc");
        case.link("real", "via");
        fs::create_dir(case.base.join("root/real")).unwrap();
        for path in ["/proc", "/via/sys", "/via"] {
            let said = case.root.plain_directory(Path::new(path)).unwrap_err().to_string();
            assert!(said.ends_with("is not an ordinary directory"), "{said}");
        }
        assert_eq!(case.root.plain_directory(Path::new("/real/a/./b")).unwrap().path, Path::new("/real/a/b"));
        case.end();
    }

    #[test]
    fn links_of_proc_are_no_text() {
        let proc = Root::open(Path::new("/proc")).unwrap();
        assert!(proc.find(Path::new("/self/cwd")).is_err());
        assert!(proc.find(Path::new("/self/fd/0")).is_err());
        assert!(proc.find(Path::new("/self/status")).unwrap().is_some());
    }
}
