//! Needs root: each test has a mount namespace of its own with two file systems in it.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use rustix::fs::{CWD, Timespec, Timestamps, XattrFlags, lgetxattr, llistxattr, lsetxattr, statfs, utimensat};

use super::*;

/// Two file systems with these options, the first of that kind, in a thread with a mount namespace of its own.
fn with_two(kind: &'static str, options: [&'static str; 2], work: impl FnOnce(&Path, &Path) + Send) {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_FS).unwrap();
            let none: Option<&str> = None;
            mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
            mount(Some("base"), "/mnt", Some("tmpfs"), MsFlags::empty(), none).unwrap();
            let (a, b) = (Path::new("/mnt/a"), Path::new("/mnt/b"));
            for (dir, kind, options) in [(a, kind, options[0]), (b, "tmpfs", options[1])] {
                fs::create_dir(dir).unwrap();
                mount(Some("test"), dir, Some(kind), MsFlags::empty(), Some(options)).unwrap();
            }
            work(a, b);
        });
        thread.join().unwrap();
    });
}

/// All of an entry that has to stay the same.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    mode: u32,
    owner: (u32, u32),
    times: [i64; 4],
    device: u64,
    links: u64,
    /// The first path of the same file.
    same: PathBuf,
    content: Vec<u8>,
    /// Extended attributes, sorted.
    extended: Vec<(Vec<u8>, Vec<u8>)>,
}

fn snapshot(root: &Path) -> BTreeMap<PathBuf, Entry> {
    let (mut seen, mut all, mut waiting) = (HashMap::new(), BTreeMap::new(), vec![PathBuf::new()]);
    while let Some(at) = waiting.pop() {
        let path = root.join(&at);
        let about = fs::symlink_metadata(&path).unwrap();
        let mut content = Vec::new();
        if about.is_dir() {
            let mut names: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| at.join(entry.unwrap().file_name())).collect();
            names.sort();
            waiting.extend(names);
        } else if about.is_file() {
            content = fs::read(&path).unwrap();
        } else if about.is_symlink() {
            content = fs::read_link(&path).unwrap().as_os_str().as_bytes().to_vec();
        }
        let same = seen.entry(about.ino()).or_insert_with(|| at.clone()).clone();
        let entry = Entry {
            mode: about.mode(),
            owner: (about.uid(), about.gid()),
            // Access times are read later than they are compared.
            times: [about.mtime(), about.mtime_nsec(), 0, 0],
            device: about.rdev(),
            links: about.nlink(),
            same,
            content,
            extended: extended(&path),
        };
        all.insert(at, entry);
    }
    all
}

fn extended(path: &Path) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut names = vec![0; 4096];
    let size = llistxattr(path, names.as_mut_slice()).unwrap_or(0);
    let mut all = Vec::new();
    for name in names[..size].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let mut value = vec![0; 4096];
        let size = lgetxattr(path, OsStr::from_bytes(name), value.as_mut_slice()).unwrap();
        value.truncate(size);
        all.push((name.to_vec(), value));
    }
    all.sort();
    all
}

fn set_time(path: &Path, seconds: i64, nanoseconds: i64) {
    let time = Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    let times = Timestamps { last_access: time, last_modification: time };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

/// Bytes that tell where they are.
fn bytes(count: usize, seed: u8) -> Vec<u8> {
    (0..count).map(|at| (at % 251) as u8 ^ (at >> 16) as u8 ^ seed).collect()
}

/// One of everything, with sizes around a piece's.
fn fill(root: &Path) {
    for dir in ["etc/kutties", "usr/lib/deep", "empty", "closed", "var/tmp"] {
        fs::create_dir_all(root.join(dir)).unwrap();
    }
    let piece = PIECE as usize;
    for (name, size) in [
        ("empty-file", 0),
        ("one", 1),
        ("etc/short", piece - 1),
        ("etc/piece", piece),
        ("etc/long", piece + 1),
        ("usr/lib/longer", 3 * piece + 4097),
        ("closed/inside", 100),
    ] {
        fs::write(root.join(name), bytes(size, name.len() as u8)).unwrap();
    }
    for (file, link) in
        [("usr/lib/longer", "etc/other-name"), ("usr/lib/longer", "usr/lib/deep/third-name"), ("empty-file", "etc/none")]
    {
        fs::hard_link(root.join(file), root.join(link)).unwrap();
    }
    for (to, at) in
        [("/no/where", "dangling"), ("longer", "usr/lib/link"), (&"x/".repeat(1900), "etc/long-link"), ("../..", "usr/lib/up")]
    {
        symlink(to, root.join(at)).unwrap();
    }
    fs::hard_link(root.join("dangling"), root.join("etc/dangling-again")).unwrap();
    fs::write(root.join(OsStr::from_bytes(b"etc/\xff\n name")), "odd").unwrap();
    fs::write(root.join("etc").join("n".repeat(255)), "long").unwrap();
    let sparse = OpenOptions::new().write(true).create_new(true).open(root.join("sparse")).unwrap();
    sparse.set_len(64 * PIECE + 5).unwrap();
    sparse.write_all_at(b"in the middle", 30 * PIECE + 17).unwrap();
    sparse.write_all_at(b"across", 31 * PIECE - 3).unwrap();
    specials(root);
    attributes(root);
    for (path, time) in
        [("usr", 1), ("usr/lib", -5), ("etc", 1_000_000_000), ("one", 77), ("dangling", 99), ("sparse", 5), ("", 12)]
    {
        set_time(&root.join(path), time, 123_456_789);
    }
}

fn specials(root: &Path) {
    for (name, kind, device) in [
        ("console", FileType::CharacterDevice, rustix::fs::makedev(5, 1)),
        ("disk", FileType::BlockDevice, rustix::fs::makedev(8, 1)),
        ("pipe", FileType::Fifo, 0),
    ] {
        mknodat(CWD, root.join(name), kind, Mode::from_raw_mode(0o600), device).unwrap();
    }
    fs::hard_link(root.join("console"), root.join("etc/console-again")).unwrap();
    drop(UnixListener::bind(root.join("socket")).unwrap());
}

fn attributes(root: &Path) {
    chown(root.join("usr/lib/longer"), Some(1000), Some(1001)).unwrap();
    chown(root.join("one"), Some(7), Some(8)).unwrap();
    rustix::fs::chownat(CWD, root.join("dangling"), Some(rustix::fs::Uid::from_raw(9)), None, AtFlags::SYMLINK_NOFOLLOW).unwrap();
    chown(root.join("pipe"), Some(3), None).unwrap();
    for (name, mode) in
        [("one", 0o6755), ("etc/piece", 0o000), ("closed", 0o000), ("var/tmp", 0o1777), ("empty", 0o2700), ("socket", 0o600)]
    {
        fs::set_permissions(root.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    // CAP_NET_RAW, permitted and effective: lost by each change of owner or content.
    let capability = [1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for (name, key, value) in [
        ("etc/long", "security.capability", &capability[..]),
        ("empty-file", "trusted.of-none", b"1"),
        ("usr", "trusted.of-a-directory", b""),
        ("dangling", "trusted.of-a-link", b"3"),
        ("usr/lib/longer", "trusted.of-several-names", b"4"),
    ] {
        lsetxattr(root.join(name), key, value, XattrFlags::empty()).unwrap();
    }
}

fn blocks(root: &Path) -> u64 {
    let about = statfs(root).unwrap();
    about.f_blocks - about.f_bfree
}

fn entries(root: &Path) -> usize {
    fs::read_dir(root).unwrap().count()
}

#[test]
fn everything_moves_as_it_is() {
    with_two("tmpfs", ["size=128m", "size=128m"], |a, b| {
        fill(a);
        let (before, used) = (snapshot(a), blocks(a));
        into(&File::open(a).unwrap(), b).unwrap();
        assert_eq!(snapshot(b), before);
        assert_eq!(entries(a), 0);
        // A sparse file stays one, and nothing stays behind.
        assert!(blocks(b) <= used, "{} blocks were {used}", blocks(b));
        assert_eq!(blocks(a), 0);
    });
}

#[test]
fn a_ramfs_can_be_left() {
    with_two("ramfs", ["mode=755", "size=128m"], |a, b| {
        for (name, size) in [("one", 1), ("two", 3 * PIECE as usize + 9), ("none", 0)] {
            fs::write(a.join(name), bytes(size, 1)).unwrap();
        }
        fs::hard_link(a.join("two"), a.join("again")).unwrap();
        let before = snapshot(a);
        into(&File::open(a).unwrap(), b).unwrap();
        assert_eq!(snapshot(b), before);
        assert_eq!(entries(a), 0);
    });
}

#[test]
fn a_covered_tree_moves_into_what_covers_it() {
    with_two("tmpfs", ["size=16m", "size=16m"], |a, b| {
        fs::create_dir_all(a.join("lib/kubelet/pki")).unwrap();
        fs::write(a.join("lib/kubelet/config.yaml"), "x").unwrap();
        fs::write(a.join("z"), "y").unwrap();
        let below = File::open(a).unwrap();
        mount(Some(b), a, None::<&str>, MsFlags::MS_BIND, None::<&str>).unwrap();
        into(&below, a).unwrap();
        assert_eq!(fs::read_to_string(a.join("lib/kubelet/config.yaml")).unwrap(), "x");
        assert_eq!(entries(a), 2);
        drop(below);
        rustix::mount::unmount(a, rustix::mount::UnmountFlags::empty()).unwrap();
        assert_eq!(entries(a), 0);
    });
}

#[test]
fn an_error_on_the_way_loses_nothing() {
    // Too little room for the content, at several places of the way; and for the names.
    for room in ["size=512k", "size=1500k", "size=3m", "size=5m", "nr_inodes=20"] {
        with_two("tmpfs", ["size=128m", room], |a, b| {
            fill(a);
            let before = snapshot(a);
            let error = into(&File::open(a).unwrap(), b).unwrap_err().to_string();
            assert!(error.ends_with("no space left on device"), "{room}: {error}");
            let after = snapshot(a);
            for (path, entry) in &before {
                assert_eq!(after.get(path), Some(entry), "{room}: {}", path.display());
            }
            assert_eq!(after.len(), before.len());
        });
    }
}

#[test]
fn nothing_is_held_twice_beyond_a_piece() {
    with_two("tmpfs", ["size=96m", "size=96m"], |a, b| {
        fs::write(a.join("large"), bytes(64 << 20, 3)).unwrap();
        let total = blocks(a);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let watch = scope.spawn(|| {
                let mut peak = 0;
                while !done.load(Ordering::Relaxed) {
                    // In this order the sum is never larger than it was.
                    let arrived = blocks(b);
                    peak = peak.max(arrived + blocks(a));
                }
                peak
            });
            into(&File::open(a).unwrap(), b).unwrap();
            done.store(true, Ordering::Relaxed);
            let peak = watch.join().unwrap();
            assert!(peak <= total + PIECE / 4096, "{peak} of {total} blocks");
        });
        assert_eq!(fs::read(b.join("large")).unwrap(), bytes(64 << 20, 3));
    });
}

#[test]
fn a_running_program_moves_whole() {
    with_two("tmpfs", ["size=64m", "size=64m"], |a, b| {
        let program = fs::read("/bin/sleep").unwrap();
        for name in ["first", "second"] {
            fs::write(a.join(name), &program).unwrap();
            fs::set_permissions(a.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let mut children = ["first", "second"].map(|name| std::process::Command::new(a.join(name)).arg("1000").spawn().unwrap());
        let from = File::open(a).unwrap();
        // The first is known to run, the second is found out by the kernel, where it forbids to write to programs.
        let running = Exceptions { kept: Vec::new(), running: vec![fs::metadata(a.join("first")).unwrap().ino()] };
        mirror(&from, File::open(b).unwrap(), &running).unwrap();
        contents(&from, File::open(b).unwrap(), &running).unwrap();
        assert_eq!(fs::read(a.join("first")).unwrap(), program);
        assert_eq!((fs::read(b.join("first")).unwrap(), fs::read(b.join("second")).unwrap()), (program.clone(), program.clone()));
        contents(File::open(b).unwrap(), &from, &Exceptions::default()).unwrap();
        assert_eq!((fs::read(a.join("first")).unwrap(), fs::read(a.join("second")).unwrap()), (program.clone(), program.clone()));
        for child in &mut children {
            assert!(child.try_wait().unwrap().is_none());
            child.kill().unwrap();
            child.wait().unwrap();
        }
    });
}

#[test]
fn a_tree_may_be_deeper_than_a_path_is_long() {
    with_two("tmpfs", ["size=64m", "size=64m"], |a, b| {
        let mut dir: OwnedFd = File::open(a).unwrap().into();
        for level in 0..3000 {
            let name = format!("level-{level}");
            mkdirat(&dir, &name, Mode::from_raw_mode(0o755)).unwrap();
            dir = openat(&dir, &name, OFlags::DIRECTORY, Mode::empty()).unwrap();
        }
        fs::write(a.join("level-0/level-1/near"), "x").unwrap();
        mknodat(&dir, "far", FileType::RegularFile, Mode::from_raw_mode(0o600), 0).unwrap();
        drop(dir);
        into(&File::open(a).unwrap(), b).unwrap();
        assert_eq!(entries(a), 0);
        let mut dir: OwnedFd = File::open(b).unwrap().into();
        for level in 0..3000 {
            dir = openat(&dir, format!("level-{level}"), OFlags::DIRECTORY, Mode::empty()).unwrap();
        }
        assert!(statat(&dir, "far", AtFlags::empty()).is_ok());
    });
}

#[test]
fn a_directory_may_have_many_entries() {
    with_two("tmpfs", ["size=64m,nr_inodes=50k", "size=64m,nr_inodes=50k"], |a, b| {
        for number in 0..10_000 {
            fs::write(a.join(format!("file-{number}")), if number % 100 == 0 { "x" } else { "" }).unwrap();
        }
        into(&File::open(a).unwrap(), b).unwrap();
        assert_eq!((entries(a), entries(b)), (0, 10_000));
    });
}

#[test]
fn kept_files_and_mount_points_stay_where_they_are() {
    with_two("tmpfs", ["size=64m", "size=64m"], |a, b| {
        fs::create_dir_all(a.join("usr/on")).unwrap();
        fs::write(a.join("usr/image"), "image").unwrap();
        fs::hard_link(a.join("usr/image"), a.join("same")).unwrap();
        fs::write(a.join("moves"), "m").unwrap();
        mount(Some("on"), &a.join("usr/on"), Some("tmpfs"), MsFlags::empty(), None::<&str>).unwrap();
        fs::write(a.join("usr/on/file"), "f").unwrap();
        let kept = Exceptions { kept: vec![fs::metadata(a.join("same")).unwrap().ino()], running: Vec::new() };
        let (from, to) = (File::open(a).unwrap(), File::open(b).unwrap());
        let found = mirror(&from, &to, &kept).unwrap();
        contents(&from, &to, &kept).unwrap();
        let mut names = found.kept.clone();
        names.sort();
        assert_eq!(names, [c"same".to_owned(), c"usr/image".to_owned()]);
        assert_eq!(found.mounts, [c"usr/on".to_owned()]);
        assert_eq!(fs::read_to_string(a.join("same")).unwrap(), "image");
        assert_eq!(fs::read_to_string(b.join("usr/image")).unwrap(), "");
        assert_eq!(fs::read_to_string(b.join("moves")).unwrap(), "m");
        assert_eq!((entries(&b.join("usr/on")), entries(&a.join("usr/on"))), (0, 1));
        // A mount point is never deleted.
        assert!(remove(&from).unwrap_err().to_string().contains("/usr"));
        assert_eq!(fs::read_to_string(a.join("usr/on/file")).unwrap(), "f");
        assert!(fs::symlink_metadata(b.join("usr/image")).unwrap().file_type().is_file());
    });
}
