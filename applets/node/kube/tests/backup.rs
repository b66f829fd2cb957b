//! A control plane's store backed up and taken back, with etcd, etcdctl, etcdutl, age and
//! age-keygen themselves. `make check` names their directory by `KUTTIES_PROGRAMS` and has it first
//! in `PATH`; without it they are not tried.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod control_plane;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use control_plane::{ControlPlane, are_programs_here, program, said, tried};

/// A directory that goes with its test.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("kutties-backup-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// An identity in a file, and its recipient, as age-keygen makes them.
fn keygen(path: &Path) -> String {
    assert!(Command::new(program("age-keygen")).arg("-o").arg(path).stderr(Stdio::null()).status().unwrap().success());
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    said(Command::new(program("age-keygen")).arg("-y").arg(path)).trim().to_owned()
}

fn backup(root: &Path, to: &str, recipients: &[&str]) -> kit::Result<kit::Exit> {
    let mut words = vec!["backup", "--keep", "2", "--to", to, "--root", root.to_str().unwrap()];
    words.extend(recipients.iter().flat_map(|recipient| ["--recipient", recipient]));
    tried(&kube::backup::NAME, &words)
}

fn restore(root: &Path, from: &Path, identity: &Path, more: &[&str]) -> kit::Result<kit::Exit> {
    let mut words = vec!["restore", from.to_str().unwrap(), "--identity", identity.to_str().unwrap()];
    words.extend(["--root", root.to_str().unwrap()]);
    words.extend(more);
    tried(&kube::restore::NAME, &words)
}

/// The refusal's sentence. It must leave nothing behind.
fn refused(root: &Path, from: &Path, identity: &Path, more: &[&str]) -> String {
    let why = restore(root, from, identity, more).unwrap_err().to_string();
    assert_eq!(files(root), ["run/kutties/restore.lock"], "{why}");
    why
}

/// The files below a directory, sorted.
fn files(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(dir) = open.pop() {
        for path in fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()) {
            if path.is_dir() && !path.is_symlink() { open.push(path) } else { found.push(path) }
        }
    }
    let mut names: Vec<_> = found.iter().map(|path| path.strip_prefix(root).unwrap().display().to_string()).collect();
    names.sort();
    names
}

fn the_only_file(dir: &Path) -> PathBuf {
    let all = files(dir);
    assert_eq!(all.len(), 1, "{all:?}");
    dir.join(&all[0])
}

#[test]
fn a_control_plane_is_what_it_was_at_its_backup() {
    if !are_programs_here() {
        return;
    }
    let dir = Dir::new("whole");
    let identity = dir.path("identity");
    let recipient = keygen(&identity);
    let plane = ControlPlane::new(&dir.path("root"));
    let etcd = plane.start(&dir.path("root"));
    etcd.put("first", "1");
    // Some megabytes, so that there is more than one chunk of each kind.
    (0..8).for_each(|at| etcd.put(&format!("large/{at}"), &"x".repeat(500_000)));
    let before = etcd.revision();
    fs::create_dir(dir.path("to")).unwrap();
    backup(&dir.path("root"), &dir.text("to"), &[&recipient]).unwrap();
    etcd.put("first", "changed");
    etcd.put("second", "2");
    drop(etcd);
    let archive = the_only_file(&dir.path("to"));
    assert!(archive.file_name().unwrap().to_string_lossy().starts_with("cp1-20"), "{}", archive.display());
    assert_eq!(fs::metadata(&archive).unwrap().permissions().mode() & 0o777, 0o600);

    let new = dir.path("new");
    restore(&new, &archive, &identity, &["--cluster", &plane.pin]).unwrap();
    let mut expected = files(&dir.path("root"));
    expected.retain(|name| !name.starts_with("var/lib/etcd/") && !name.contains("05-kutties"));
    let mut there = files(&new);
    there.retain(|name| !name.starts_with("var/lib/etcd/") && !name.starts_with("run/"));
    assert_eq!(there, expected);
    for name in &expected {
        let mode = |root: &Path| fs::symlink_metadata(root.join(name)).unwrap().permissions().mode();
        assert_eq!(mode(&new), mode(&dir.path("root")), "{name}");
    }
    let etcd = plane.start(&new);
    assert_eq!((etcd.get("first").as_str(), etcd.get("second").as_str()), ("1", ""));
    assert_eq!(etcd.get("large/7").len(), 500_000);
    assert!(etcd.revision() >= before + 1_000_000_000, "{} {before}", etcd.revision());
    let watch = etcd.watch("first", before);
    assert!(watch.contains("has been compacted"), "{watch}");
    drop(etcd);
    // A node that has a cluster keeps it.
    let why = restore(&new, &archive, &identity, &[]).unwrap_err().to_string();
    assert!(why.ends_with("member is there: a store of a cluster is not written over"), "{why}");
}

#[test]
fn only_the_newest_are_kept() {
    if !are_programs_here() {
        return;
    }
    let dir = Dir::new("keep");
    let recipient = keygen(&dir.path("identity"));
    let plane = ControlPlane::new(&dir.path("root"));
    let etcd = plane.start(&dir.path("root"));
    fs::create_dir(dir.path("to")).unwrap();
    for day in 1..=3 {
        fs::write(dir.path("to").join(format!("cp1-2026010{day}T000000Z.age")), "old").unwrap();
    }
    backup(&dir.path("root"), &dir.text("to"), &[&recipient]).unwrap();
    let kept = files(&dir.path("to"));
    assert_eq!((kept.len(), kept[0].as_str()), (2, "cp1-20260103T000000Z.age"));
    drop(etcd);
    // Without its store there is no backup, and nothing that looks like one.
    assert!(backup(&dir.path("root"), &dir.text("to"), &[&recipient]).is_err());
    assert_eq!(files(&dir.path("to")), kept);
}

#[test]
fn the_reference_reads_ours_and_we_read_the_references() {
    if !are_programs_here() {
        return;
    }
    let dir = Dir::new("reference");
    let (one, two) = (dir.path("one"), dir.path("two"));
    let (first, second) = (keygen(&one), keygen(&two));
    let plane = ControlPlane::new(&dir.path("root"));
    let etcd = plane.start(&dir.path("root"));
    etcd.put("first", "1");
    let (ours, plain, theirs) = (dir.path("ours.age"), dir.path("plain.tar"), dir.path("theirs.age"));
    backup(&dir.path("root"), ours.to_str().unwrap(), &[&first, &second]).unwrap();
    drop(etcd);
    for identity in [&one, &two] {
        said(Command::new(program("age")).arg("-d").arg("-i").arg(identity).arg("-o").arg(&plain).arg(&ours));
    }
    // The sums are those of coreutils, and the snapshot is etcd's.
    fs::create_dir(dir.path("open")).unwrap();
    said(Command::new("tar").arg("xf").arg(&plain).arg("-C").arg(dir.path("open")));
    said(Command::new("sha256sum").args(["-c", "--quiet", "SHA256SUMS"]).current_dir(dir.path("open")));
    said(Command::new(program("etcdutl")).args(["snapshot", "status", "etcd.snapshot"]).current_dir(dir.path("open")));
    said(Command::new(program("age")).arg("-r").arg(&first).arg("-o").arg(&theirs).arg(&plain));
    let why = refused(&dir.path("none"), &theirs, &two, &[]);
    assert!(why.ends_with("it is for another identity than the one that was given"), "{why}");
    restore(&dir.path("new"), &theirs, &one, &["--cluster", &plane.pin]).unwrap();
    let etcd = plane.start(&dir.path("new"));
    assert_eq!(etcd.get("first"), "1");
}

#[test]
fn what_is_cut_changed_or_of_others_leaves_nothing_behind() {
    if !are_programs_here() {
        return;
    }
    let dir = Dir::new("refused");
    let identity = dir.path("identity");
    let recipient = keygen(&identity);
    let plane = ControlPlane::new(&dir.path("root"));
    let etcd = plane.start(&dir.path("root"));
    etcd.put("first", "1");
    let good = dir.path("good.age");
    backup(&dir.path("root"), good.to_str().unwrap(), &[&recipient]).unwrap();
    drop(etcd);
    let (bytes, bad, new) = (fs::read(&good).unwrap(), dir.path("bad.age"), dir.path("new"));
    // Each byte of the header and its surroundings, then a step that meets no pattern of 512 or
    // 65536.
    let places = || (0..300).chain((300..bytes.len()).step_by(997)).chain([bytes.len() - 1]);
    for at in places() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        fs::write(&bad, changed).unwrap();
        refused(&new, &bad, &identity, &[]);
        fs::write(&bad, &bytes[..at]).unwrap();
        refused(&new, &bad, &identity, &[]);
    }
    fs::write(&bad, [&bytes[..], b"x"].concat()).unwrap();
    refused(&new, &bad, &identity, &[]);

    let other = format!("sha256:{}", "0".repeat(64));
    let why = refused(&new, &good, &identity, &["--cluster", &other]);
    assert!(why.contains("it is of another cluster: the hash of its CA is sha256:"), "{why}");
    let stranger = dir.path("stranger");
    keygen(&stranger);
    assert!(refused(&new, &good, &stranger, &[]).contains("another identity"));
    fs::set_permissions(&stranger, fs::Permissions::from_mode(0o644)).unwrap();
    let why = restore(&new, &good, &stranger, &[]).unwrap_err().to_string();
    assert!(why.contains("has mode 0644"), "{why}");

    // Somebody who knows the recipient makes an archive of the same CA, whose key he has not.
    let root = dir.path("root");
    fs::write(root.join("etc/kubernetes/pki/ca.key"), rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let etcd = plane.start(&root);
    backup(&root, bad.to_str().unwrap(), &[&recipient]).unwrap();
    let why = refused(&new, &bad, &identity, &["--cluster", &plane.pin]);
    assert!(why.contains("is not the CA's"), "{why}");
    fs::remove_file(root.join("etc/kubernetes/pki/ca.key")).unwrap();
    backup(&root, bad.to_str().unwrap(), &[&recipient]).unwrap();
    let why = refused(&new, &bad, &identity, &["--cluster", &plane.pin]);
    assert!(why.contains("nothing proves that the cluster has made it"), "{why}");
    drop(etcd);
    restore(&new, &good, &identity, &["--cluster", &plane.pin]).unwrap();
}
