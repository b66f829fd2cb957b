//! Needs root: each test has a mount namespace of its own, and a tmpfs in it as the initramfs that it stands on.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs::{self, OpenOptions};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::mount::MsFlags;
use nix::sched::{CloneFlags, unshare};
use rustix::fs::{RawDir, StatVfsMountFlags, mkdirat, statvfs};
use rustix::io::Errno;

use super::*;

fn on_initramfs(work: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_FS).unwrap();
            let (none, at) = (None::<&str>, Path::new("/mnt"));
            nix::mount::mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
            nix::mount::mount(Some("initramfs"), at, Some("tmpfs"), MsFlags::empty(), none).unwrap();
            for dir in ["bin", "usr/lib/kutties", "etc/kubernetes", "proc", "dev"] {
                fs::create_dir_all(at.join(dir)).unwrap();
            }
            fs::write(at.join("bin/kutties"), "the binary").unwrap();
            fs::write(at.join("usr/lib/kutties/kube.squashfs"), "the image").unwrap();
            fs::write(at.join("etc/passwd"), "root").unwrap();
            symlink("/bin/kutties", at.join("init")).unwrap();
            chdir(at).unwrap();
            chroot(".").unwrap();
            mounts::proc().unwrap();
            work();
        });
        thread.join().unwrap();
    });
}

fn names(dir: &OwnedFd) -> Vec<String> {
    let dir = openat(dir, c".", OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
    let mut buffer = Vec::with_capacity(8192);
    let mut raw = RawDir::new(&dir, buffer.spare_capacity_mut());
    let mut names = Vec::new();
    while let Some(entry) = raw.next() {
        names.push(entry.unwrap().file_name().to_string_lossy().into_owned());
    }
    names.retain(|name| name != "." && name != "..");
    names.sort();
    names
}

fn all_is_there() {
    for (path, content) in
        [(paths::BINARY, "the binary"), (paths::KUBE_IMAGE, "the image"), ("/etc/passwd", "root"), ("/init", "the binary")]
    {
        assert_eq!(fs::read_to_string(path).unwrap(), content, "{path}");
    }
    assert!(Path::new("/proc/self/mountinfo").exists());
}

#[test]
fn the_old_root_is_empty_and_stays_so() {
    on_initramfs(|| {
        let device = stat("/").unwrap().st_dev;
        let (old, count) = switch().unwrap();
        assert_eq!(count, 12);
        assert_ne!(stat("/").unwrap().st_dev, device);
        assert_eq!(fstat(&old).unwrap().st_dev, device);
        all_is_there();
        move_tree::remove(&old).unwrap();
        seal(&old).unwrap();
        all_is_there();
        assert_eq!(names(&old), [""; 0]);
        assert_eq!(mkdirat(&old, "x", Mode::RWXU), Err(Errno::ROFS));
        // A process that may change mounts makes it writable again: there is the flag.
        fchdir(&old).unwrap();
        nix::mount::mount(None::<&str>, ".", None::<&str>, MsFlags::MS_REMOUNT | MsFlags::MS_BIND, None::<&str>).unwrap();
        assert_eq!(mkdirat(&old, "x", Mode::RWXU), Err(Errno::PERM));
    });
}

#[test]
fn a_file_that_was_not_unpacked_whole_is_no_fault() {
    on_initramfs(|| {
        let unfinished = fs::File::create("/unfinished").unwrap();
        let (old, _) = switch().unwrap();
        move_tree::remove(&old).unwrap();
        seal(&old).unwrap();
        assert_eq!(mkdirat(&old, "x", Mode::RWXU), Err(Errno::PERM));
        assert!(Path::new("/unfinished").exists());
        drop(unfinished);
    });
}

#[test]
fn mappings_name_files_by_device_and_inode() {
    let maps = "00400000-00452000 r-xp 00000000 00:02 173521      /bin/hook\n\
                00651000-00652000 r--p 00051000 00:02 173521      /bin/hook\n\
                7f0000000000-7f0000002000 r-xp 00000000 00:15 9   /other\n\
                7f0000003000-7f0000004000 r-xp 00000000 00:02 77  /lib/of the hook (deleted)\n\
                7ffd00000000-7ffd00002000 rw-p 00000000 00:00 0   [stack]\n\
                damaged 00:02\n";
    assert_eq!(mapped(maps, "00:02").collect::<Vec<_>>(), [173_521, 173_521, 77]);
}

#[test]
fn programs_of_others_are_found() {
    let device = stat("/bin/sleep").unwrap().st_dev;
    let inode = stat("/bin/sleep").unwrap().st_ino;
    let mut child = std::process::Command::new("/bin/sleep").arg("1000").spawn().unwrap();
    // The child is there before its program is mapped.
    let until = Instant::now() + Duration::from_secs(10);
    let mut found = running(device);
    while !found.as_ref().is_ok_and(|found| found.contains(&inode)) && Instant::now() < until {
        found = running(device);
    }
    let alone = is_alone();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!alone);
    assert!(found.unwrap().contains(&inode));
}

#[test]
fn nobody_writes_through_the_kept_files() {
    on_initramfs(|| {
        drop(switch().unwrap());
        for path in [paths::BINARY, paths::KUBE_IMAGE] {
            assert!(statvfs(path).unwrap().f_flag.contains(StatVfsMountFlags::RDONLY), "{path}");
            assert!(OpenOptions::new().write(true).open(path).is_err(), "{path}");
        }
        assert!(!statvfs("/").unwrap().f_flag.contains(StatVfsMountFlags::RDONLY));
    });
}

#[test]
fn a_failed_move_leaves_the_old_root_complete() {
    on_initramfs(|| {
        let device = stat("/").unwrap().st_dev;
        let old = openat(CWD, "/", OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).unwrap();
        let new = file_system().unwrap();
        let mut found = move_tree::mirror(&old, &new, &exceptions(&old).unwrap()).unwrap();
        found.kept.push(c"not/there".to_owned());
        let error = attach(&old, &new, &found).unwrap_err();
        assert_eq!(error.to_string(), "clone /not/there: no such file or directory");
        assert_eq!(stat("/").unwrap().st_dev, device);
        all_is_there();
        // Nothing is left over it, and the other way works.
        drop(new);
        stay().unwrap();
        all_is_there();
        assert_eq!(stat("/").unwrap().st_dev, device);
        assert!(statvfs(paths::BINARY).unwrap().f_flag.contains(StatVfsMountFlags::RDONLY));
    });
}
