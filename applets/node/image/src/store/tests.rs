#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod shared;

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use super::*;
use crate::layer::tests::Made;
use crate::step::{ALL, KILL_AT};

/// The store of the child that is killed.
const ROOT: &str = "KUTTIES_IMAGE_ROOT";

/// A directory that goes when the test ends.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("kutties-store-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    fn store(&self) -> Store {
        Store::open(&self.0.join("store")).unwrap()
    }

    /// An archive as `docker save` makes them, with these layers.
    fn archive(&self, name: &str, layers: &[Made]) -> PathBuf {
        let mut outer = Made::default();
        let (mut diff_ids, mut names) = (Vec::new(), Vec::new());
        for (number, layer) in layers.iter().enumerate() {
            let bytes = Made::bytes(layer.clone());
            diff_ids.push(digest(&bytes));
            names.push(format!("{number}.tar"));
            outer = outer.raw(b'0', &names[number], "", bytes.len() as u64, 0o644, &bytes);
        }
        let config = serde_json::json!({
            "architecture": crate::candidate::architecture(), "os": "linux", "config": { "Env": [name] },
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        let manifest = serde_json::json!([{ "Config": "config.json", "RepoTags": [format!("{name}:1")], "Layers": names }]);
        let path = self.0.join(format!("{name}.tar"));
        let bytes = outer.file("config.json", &config.to_string()).file("manifest.json", &manifest.to_string()).bytes();
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn one() -> Vec<Made> {
    vec![Made::default().directory("d").file("d/f", "base"), Made::default().file("one", "1")]
}

fn two() -> Vec<Made> {
    vec![Made::default().directory("d").file("d/f", "base"), Made::default().file("two", "22"), Made::default().file("more", "")]
}

fn tags(store: &Store) -> Vec<String> {
    store.images().unwrap().into_iter().flat_map(|image| image.tags).collect()
}

fn listed(dir: &Path) -> Vec<String> {
    let mut all: Vec<_> = names(dir).unwrap().into_iter().map(|(name, _)| name).collect();
    all.sort();
    all
}

/// Checks that the store holds just what its index says, all of it whole.
fn check(store: &Store) {
    let mut needed: Vec<String> = Vec::new();
    for image in store.images().unwrap() {
        for layer in &image.layers {
            assert!(layer.is_dir(), "{} is missing", layer.display());
            assert!(fs::read_dir(layer).unwrap().count() > 0, "{} is not whole", layer.display());
            needed.push(layer.file_name().unwrap().to_str().unwrap().to_owned());
        }
    }
    needed.sort();
    needed.dedup();
    assert_eq!(listed(&store.layers()), needed);
    assert_eq!(listed(&store.configs()).len(), store.images().unwrap().len());
    assert_eq!(listed(&store.ingests()), Vec::<String>::new());
    let index = store.index().unwrap();
    assert_eq!(index.layers.keys().cloned().collect::<Vec<_>>(), needed);
    for (name, usage) in &index.layers {
        assert_eq!(*usage, measure(&store.layer(name)).unwrap());
    }
}

#[test]
fn images_share_layers_and_leave_nothing() {
    let directory = Directory::new("share");
    let store = directory.store();
    store.import(&directory.archive("one", &one()), false).unwrap();
    store.import(&directory.archive("two", &two()), true).unwrap();
    assert_eq!(tags(&store).len(), 2);
    assert_eq!(listed(&store.layers()).len(), 4);
    check(&store);
    assert!(store.find("two:1").unwrap().unwrap().pinned);
    assert!(store.remove("docker.io/library/one:1").unwrap());
    assert!(!store.remove("one:1").unwrap());
    check(&store);
    assert_eq!(tags(&store), ["docker.io/library/two:1"]);
}

#[test]
fn names_move_between_images() {
    let directory = Directory::new("names");
    let store = directory.store();
    let first = store.import(&directory.archive("one", &one()), false).unwrap().remove(0);
    store.name(&first.id, vec!["r.example/a:1".into()], vec!["r.example/a@sha256:x".into()]).unwrap();
    let second = store.import(&directory.archive("two", &two()), false).unwrap().remove(0);
    store.name(&second.id, vec!["r.example/a:1".into()], vec![]).unwrap();
    assert_eq!(store.find("r.example/a:1").unwrap().unwrap().id, second.id);
    let first = store.find_typed(&first.id[..12]).unwrap().unwrap();
    assert_eq!((first.tags.as_slice(), first.digests.len()), (&["docker.io/library/one:1".to_owned()][..], 1));
    // By one name, all names go.
    assert!(store.remove("two:1").unwrap() && store.find("r.example/a:1").unwrap().is_none());
    assert!(!store.name(&second.id, vec!["x:1".into()], vec![]).unwrap());
}

#[test]
fn usage_is_what_is_used() {
    let directory = Directory::new("usage");
    let store = directory.store();
    let linked = Made::default().file("a", &"x".repeat(100_000)).link("b", "a").link("c", "a");
    store.import(&directory.archive("one", &[linked]), false).unwrap();
    let really = measure(store.root()).unwrap();
    let said = store.usage().unwrap();
    assert_eq!(said, really);
    assert!((100_000..200_000).contains(&said.bytes), "{said:?}");
}

#[test]
fn a_failed_import_leaves_nothing() {
    let directory = Directory::new("failed");
    let store = directory.store();
    let broken = vec![Made::default().file("good", "1"), Made::default().file("../bad", "1")];
    let said = store.import(&directory.archive("one", &broken), false).unwrap_err().to_string();
    assert!(said.contains("../bad"), "{said}");
    assert!(tags(&store).is_empty());
    store.collect().unwrap();
    check(&store);
}

#[test]
fn a_change_under_way_is_left_alone() {
    let directory = Directory::new("under-way");
    let store = directory.store();
    let image = store.import(&directory.archive("one", &one()), false).unwrap().remove(0);
    let needs: Vec<String> = image.layers.iter().map(|layer| layer.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    let ingest = ingest::Ingest::begin(&store, [needs.clone(), vec!["new".into()]].concat()).unwrap();
    assert!(ingest.has(0) && ingest.has(1) && !ingest.has(2));
    let new = ingest.make(2).unwrap();
    store.remove("one:1").unwrap();
    store.collect().unwrap();
    assert!(new.is_dir() && image.layers.iter().all(|layer| layer.is_dir()));
    drop(ingest);
    store.collect().unwrap();
    check(&store);
}

/// Not a test of its own: what a killed process does.
#[test]
fn victim() {
    let Some(root) = std::env::var_os(ROOT) else { return };
    let directory = std::mem::ManuallyDrop::new(Directory(root.into()));
    let store = directory.store();
    store.import(&directory.0.join("two.tar"), false).unwrap();
    store.remove("one:1").unwrap();
    store.remove("two:1").unwrap();
}

#[test]
fn killed_at_any_step_nothing_half_is_seen() {
    for step in ALL {
        let directory = Directory::new(&format!("{step:?}"));
        let store = directory.store();
        store.import(&directory.archive("one", &one()), false).unwrap();
        directory.archive("two", &two());
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "store::tests::victim"]).env(ROOT, &directory.0).env(KILL_AT, format!("{step:?}"));
        let status = command.output().unwrap().status;
        assert_eq!(status.signal(), Some(9), "{step:?} was not reached");
        // A reader before the cleaning sees whole images.
        for image in store.images().unwrap() {
            assert!(image.layers.iter().all(|layer| fs::read_dir(layer).unwrap().count() > 0), "{step:?}");
        }
        let seen = tags(&store);
        store.collect().unwrap();
        assert_eq!(tags(&store), seen, "{step:?}");
        check(&store);
        // The same change goes well now.
        store.import(&directory.0.join("two.tar"), false).unwrap();
        check(&store);
        assert!(tags(&store).contains(&"docker.io/library/two:1".to_owned()));
    }
}

#[test]
fn an_export_can_be_imported() {
    let directory = Directory::new("export");
    let store = directory.store();
    let upper = Made::default()
        .file(".wh.gone", "")
        .file("o/.wh..wh..opq", "")
        .file("o/f", "f")
        .link("g", "o/f")
        .symlink("s", &"t".repeat(99))
        .pax(&[("path", "p".repeat(150).as_bytes()), ("mtime", b"-3.5"), ("SCHILY.xattr.user.note", b"kept")])
        .file("x", "long");
    let image = store.import(&directory.archive("one", &[one()[0].clone(), upper]), false).unwrap().remove(0);
    store.name(&image.id, vec!["r.example/other:2".into()], vec![]).unwrap();
    let (first, second) = (directory.0.join("first.tar"), directory.0.join("second.tar"));
    for path in [&first, &second] {
        let image = store.find("one:1").unwrap().unwrap();
        crate::export::export(&store, &[image], File::create(path).unwrap()).unwrap();
    }
    assert_eq!(fs::read(&first).unwrap(), fs::read(&second).unwrap());
    let other = Store::open(&directory.0.join("other")).unwrap();
    let again = other.import(&first, false).unwrap().remove(0);
    assert_eq!(again.tags, ["docker.io/library/one:1", "r.example/other:2"]);
    assert_eq!(again.config.config(), image.config.config());
    let (old, new) = (&image.layers[1], &again.layers[1]);
    for (path, kind) in [("gone", "whiteout"), ("o/f", "file"), ("g", "file"), ("s", "link")] {
        let (old, new) = (fs::symlink_metadata(old.join(path)).unwrap(), fs::symlink_metadata(new.join(path)).unwrap());
        assert_eq!(
            (old.mode(), old.len(), old.rdev(), old.nlink()),
            (new.mode(), new.len(), new.rdev(), new.nlink()),
            "{kind} {path}"
        );
    }
    assert!(crate::place::is_opaque(&new.join("o")));
    let long = new.join("p".repeat(150));
    let meta = fs::metadata(&long).unwrap();
    assert_eq!((meta.mtime(), meta.mtime_nsec()), (-4, 500_000_000));
    let mut value = [0; 8];
    // A filesystem without attributes of users keeps none.
    if let Ok(length) = rustix::fs::lgetxattr(&long, "user.note", &mut value) {
        assert_eq!(&value[..length], b"kept");
    }
}

#[test]
fn what_can_not_be_removed_keeps_nothing_else() {
    use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
    let directory = Directory::new("left");
    let store = directory.store();
    // Of a killed change; a mount in it can't be removed.
    let stuck = store.ingests().join("1-1/d/mnt");
    fs::create_dir_all(&stuck).unwrap();
    fs::create_dir_all(store.ingests().join("1-2/d")).unwrap();
    if mount("none", &stuck, "tmpfs", MountFlags::empty(), None).is_err() {
        // Only root may mount.
        return;
    }
    store.import(&directory.archive("one", &one()), false).unwrap();
    assert!(store.remove("one:1").unwrap() && tags(&store).is_empty());
    assert!(listed(&store.layers()).is_empty());
    assert_eq!(listed(&store.ingests()), ["1-1"]);
    let said = store.collect().unwrap_err().to_string();
    assert!(said.contains("1-1"), "{said}");
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let line = mounts.lines().find(|line| line.contains(store.root().to_str().unwrap())).unwrap();
    unmount(line.split(' ').nth(1).unwrap(), UnmountFlags::DETACH).unwrap();
    store.collect().unwrap();
    assert!(listed(&store.ingests()).is_empty());
}

#[test]
fn a_layer_on_its_way_out_locks_nobody() {
    let directory = Directory::new("fifo");
    let store = directory.store();
    // Opening a pipe waits for its other end.
    let gone = store.ingests().join(format!("{}.0.gone", "0a".repeat(16)));
    fs::create_dir_all(&gone).unwrap();
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, gone.join("lock"), fifo, rustix::fs::Mode::RWXU, 0).unwrap();
    store.collect().unwrap();
    assert!(listed(&store.ingests()).is_empty());
}

#[test]
fn what_no_index_explains_is_counted() {
    let directory = Directory::new("stray");
    let store = directory.store();
    store.import(&directory.archive("one", &one()), false).unwrap();
    let before = store.usage().unwrap();
    let stray = store.layer("stray");
    fs::create_dir_all(stray.join("d")).unwrap();
    fs::write(stray.join("d/f"), vec![1; 1 << 20]).unwrap();
    let after = store.usage().unwrap();
    assert_eq!(after.inodes, before.inodes + 3);
    assert!(after.bytes >= before.bytes + (1 << 20), "{before:?} {after:?}");
}

#[test]
fn an_image_without_layers_comes_and_goes() {
    let directory = Directory::new("bare");
    let (store, path) = (directory.store(), directory.archive("bare", &[]));
    let image = store.import(&path, false).unwrap().remove(0);
    assert!(image.layers.is_empty() && image.chain().unwrap().is_empty());
    let out = directory.0.join("out.tar");
    crate::export::export(&store, &[image], File::create(&out).unwrap()).unwrap();
    let other = Store::open(&directory.0.join("other")).unwrap();
    assert_eq!(other.import(&out, false).unwrap()[0].tags, ["docker.io/library/bare:1"]);
    assert!(store.remove("bare:1").unwrap() && tags(&store).is_empty());
}

/// Programs of images have their set-user-ID bits in the store (CVE-2021-41103, CVE-2024-25621).
#[test]
fn nobody_else_comes_to_what_images_hold() {
    let directory = Directory::new("closed");
    let store = directory.store();
    // A store of an elder version is closed when it is opened.
    fs::set_permissions(store.layers(), fs::Permissions::from_mode(0o755)).unwrap();
    let store = directory.store();
    for dir in [store.layers(), store.configs(), store.ingests()] {
        assert_eq!(fs::metadata(&dir).unwrap().mode() & 0o777, 0o700, "{}", dir.display());
    }
}

/// An index that names another one many times, over and over (CVE-2026-53493).
#[test]
fn indexes_do_not_multiply() {
    let directory = Directory::new("multiply");
    let kind = "application/vnd.oci.image.index.v1+json";
    let descriptor =
        |bytes: &str| serde_json::json!({ "mediaType": kind, "digest": digest(bytes.as_bytes()), "size": bytes.len() });
    let index =
        |of: &serde_json::Value, count| serde_json::json!({ "schemaVersion": 2, "manifests": vec![of; count] }).to_string();
    let mut archive = Made::default();
    let mut text = index(&serde_json::json!({}), 0);
    for _ in 0..2 {
        archive = archive.file(&format!("blobs/{}", digest(text.as_bytes()).replace(':', "/")), &text);
        text = index(&descriptor(&text), 20_000);
    }
    let path = directory.0.join("deep.tar");
    fs::write(&path, archive.file("index.json", &text).bytes()).unwrap();
    let said = directory.store().import(&path, false).unwrap_err().to_string();
    assert!(said.contains("more documents than an archive may have"), "{said}");
}
