#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{mkdirat, openat};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::*;

/// A directory of the test's own.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("kutties-tree-{}-{name}", std::process::id()));
        remove(&dir).unwrap();
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = remove(&self.0);
    }
}

/// Nested directories, each with a file: as deep as no path reaches.
fn nest(top: &Path, depth: usize) {
    fs::create_dir(top).unwrap();
    let mut dir = openat(CWD, top, OPEN, Mode::empty()).unwrap();
    for _ in 0..depth {
        mkdirat(&dir, c"d", Mode::RWXU).unwrap();
        rustix::fs::mknodat(&dir, c"f", FileType::Fifo, Mode::RWXU, 0).unwrap();
        dir = openat(&dir, c"d", OPEN, Mode::empty()).unwrap();
    }
}

#[test]
fn a_tree_deeper_than_descriptors_and_stack_is_measured_and_removed() {
    let place = Place::new("deep");
    let top = place.join("t");
    nest(&top, 5000);
    // In a thread with little stack, and with few descriptors for the whole process.
    let limit = getrlimit(Resource::Nofile);
    let few = Rlimit { current: Some(256), ..limit };
    setrlimit(Resource::Nofile, few).unwrap();
    let at = top.clone();
    let small = std::thread::Builder::new().stack_size(128 << 10);
    let worker = small.spawn(move || (measure(&at).unwrap().inodes, remove(&at))).unwrap();
    let (inodes, removed) = worker.join().unwrap();
    setrlimit(Resource::Nofile, limit).unwrap();
    assert_eq!(inodes, 10_001);
    removed.unwrap();
    assert!(!top.exists());
}

#[test]
fn a_wide_tree_is_removed() {
    let place = Place::new("wide");
    let top = place.join("t");
    for number in 0..2000 {
        fs::create_dir_all(top.join(format!("a/{number}/x/y"))).unwrap();
        // Names that removal itself would use.
        fs::create_dir_all(top.join(format!(".removed-{number}/z"))).unwrap();
        fs::write(top.join(format!("file-{number}")), "").unwrap();
    }
    remove(&top).unwrap();
    assert!(!top.exists());
}

#[test]
fn links_are_removed_and_not_followed() {
    let place = Place::new("links");
    let (top, outside) = (place.join("t"), place.join("outside"));
    fs::create_dir_all(top.join("a/b")).unwrap();
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("f"), "kept").unwrap();
    for link in ["l", "a/l", "a/b/l"] {
        symlink(&outside, top.join(link)).unwrap();
    }
    remove(&top).unwrap();
    assert_eq!(fs::read_to_string(outside.join("f")).unwrap(), "kept");
    // A link itself, a file, nothing at all.
    symlink(&outside, &top).unwrap();
    remove(&top).unwrap();
    fs::write(&top, "").unwrap();
    remove(&top).unwrap();
    remove(&top).unwrap();
    assert!(outside.join("f").exists() && !top.exists());
}

#[test]
fn what_is_replaced_meanwhile_leads_nowhere() {
    let place = Place::new("race");
    let outside = place.join("outside");
    fs::create_dir_all(outside.join("d")).unwrap();
    fs::write(outside.join("d/f"), "kept").unwrap();
    for round in 0..10 {
        let top = place.join(&format!("t{round}"));
        fs::create_dir_all(top.join("a/d/d")).unwrap();
        let end = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                // Directories become links and the other way round, as fast as it goes.
                for number in 0..2000 {
                    if end.load(Ordering::Relaxed) {
                        return;
                    }
                    let (a, b) = (top.join(format!("a/{}", number % 3)), top.join("a/d"));
                    let _ = symlink(&outside, &a);
                    let _ = fs::create_dir_all(a.join("d"));
                    let _ = fs::rename(&b, &a);
                    let _ = fs::rename(&a, &b);
                }
            });
            let removed = remove(&top);
            end.store(true, Ordering::Relaxed);
            writer.join().unwrap();
            drop(removed);
        });
        remove(&top).unwrap();
        assert_eq!(fs::read_to_string(outside.join("d/f")).unwrap(), "kept");
    }
}

#[test]
fn the_rest_goes_when_one_thing_can_not() {
    use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
    let place = Place::new("mount");
    let top = place.join("t");
    for dir in ["a/mnt", "b/c/mnt", "z/y"] {
        fs::create_dir_all(top.join(dir)).unwrap();
        fs::write(top.join(dir).with_file_name("f"), "").unwrap();
    }
    let mounted = top.join("b/c/mnt");
    if mount("none", &mounted, "tmpfs", MountFlags::empty(), None).is_err() {
        // Only root may mount.
        return;
    }
    fs::write(mounted.join("kept"), "kept").unwrap();
    assert_eq!(measure(&top).unwrap().inodes, 11);
    let failed = remove(&top).unwrap_err();
    assert_eq!(failed.raw_os_error(), Some(Errno::BUSY.raw_os_error()));
    assert!(!top.join("a").exists() && !top.join("z").exists());
    // The directory that holds the mount may have moved up: the mount is found where it is now.
    let table = fs::read_to_string("/proc/self/mounts").unwrap();
    let line = table.lines().find(|line| line.contains(&format!("kutties-tree-{}-mount/", std::process::id()))).unwrap();
    let now = PathBuf::from(line.split(' ').nth(1).unwrap());
    assert_eq!(fs::read_to_string(now.join("kept")).unwrap(), "kept");
    unmount(&now, UnmountFlags::DETACH).unwrap();
    remove(&top).unwrap();
}

#[test]
fn immutable_files_go() {
    let place = Place::new("immutable");
    let top = place.join("t");
    fs::create_dir_all(top.join("d/e/g")).unwrap();
    fs::write(top.join("d/e/f"), "").unwrap();
    for path in ["d/e/f", "d/e/g", "d/e", "d"] {
        let file = fs::File::open(top.join(path)).unwrap();
        let Ok(flags) = ioctl_getflags(&file) else { return };
        if ioctl_setflags(&file, flags | IFlags::IMMUTABLE).is_err() {
            // This file system has no such attribute.
            return;
        }
    }
    remove(&top).unwrap();
    assert!(!top.exists());
}

#[test]
fn a_file_with_several_names_counts_once() {
    let place = Place::new("measure");
    fs::create_dir_all(place.join("a/b")).unwrap();
    fs::write(place.join("a/f"), vec![1; 100_000]).unwrap();
    fs::hard_link(place.join("a/f"), place.join("a/b/g")).unwrap();
    symlink("/", place.join("a/l")).unwrap();
    let usage = measure(&place.0).unwrap();
    assert_eq!(usage.inodes, 5);
    let least = fs::metadata(place.join("a/f")).unwrap().blocks() * 512;
    assert!(usage.bytes >= least && usage.bytes < least + 50_000);
    assert_eq!(measure(&place.join("nothing")).unwrap(), Usage::default());
}

#[test]
fn a_copy_is_like_its_source() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new("copy");
    let (from, to) = (place.join("from"), place.join("to"));
    nest(&from, 600);
    fs::create_dir(&to).unwrap();
    fs::create_dir_all(from.join("a/b")).unwrap();
    fs::write(from.join("a/b/f"), "content").unwrap();
    fs::hard_link(from.join("a/b/f"), from.join("g")).unwrap();
    symlink("/etc/passwd", from.join("a/l")).unwrap();
    fs::set_permissions(from.join("a/b/f"), fs::Permissions::from_mode(0o4711)).unwrap();
    fs::set_permissions(&from, fs::Permissions::from_mode(0o1777)).unwrap();
    let hole = fs::File::create(from.join("hole")).unwrap();
    hole.set_len(1 << 40).unwrap();
    std::os::unix::fs::FileExt::write_at(&hole, b"end", (1 << 40) - 3).unwrap();
    let open = |path: &Path| rustix::fs::open(path, OPEN, Mode::empty()).unwrap();
    copy(open(&from).as_fd(), open(&to).as_fd()).unwrap();
    let file = fs::metadata(to.join("a/b/f")).unwrap();
    assert_eq!(file.permissions().mode() & 0o7777, 0o4711);
    assert_eq!(file.mtime(), fs::metadata(from.join("a/b/f")).unwrap().mtime());
    assert_eq!(file.ino(), fs::metadata(to.join("g")).unwrap().ino());
    assert_eq!(fs::read_link(to.join("a/l")).unwrap(), Path::new("/etc/passwd"));
    assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o7777, 0o1777);
    let hole = fs::metadata(to.join("hole")).unwrap();
    assert!(hole.len() == 1 << 40 && hole.blocks() < 100);
    assert_eq!(measure(&to).unwrap().inodes, measure(&from).unwrap().inodes);
}
