//! The temporary place of what is restored, and its way from there to where it belongs: all of it,
//! or nothing.
//!
//! There are two directories, since /etc and /var may be two file systems and a name can be changed
//! within one alone.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use kit::{Context, Error, Result, tree};

use crate::backup::archive::{Manifest, Receiver, SNAPSHOT, What};
use crate::backup::facts::{DATA, HELD, KUBELET};

/// The directories of names in an archive, and the temporary ones beside them.
const PLACES: [(&str, &str); 2] = [("etc/", "etc/.kutties-restore"), ("var/lib/", "var/lib/.kutties-restore")];
/// Directory for the snapshot and etcd's new data.
const STORE: &str = "var/lib/.kutties-restore/store";

/// Files that were unpacked and are not yet where they belong. Those that are left go when this is
/// dropped.
pub struct Stage {
    root: PathBuf,
    /// In the order of the archive: directories before what is in them.
    things: Vec<Thing>,
    check: Check,
}

/// Looks at the manifest before anything is unpacked.
type Check = Box<dyn Fn(&Manifest) -> Result<()>>;

struct Thing {
    name: String,
    mode: u32,
    what: Kind,
}

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    Directory,
    File,
    Link(String),
}

impl Stage {
    /// An empty one below `root`; `check` looks at the manifest before anything is unpacked.
    pub fn new(root: &Path, check: Check) -> Result<Self> {
        let stage = Self { root: root.to_owned(), things: Vec::new(), check };
        stage.clear()?;
        for path in PLACES.iter().map(|(_, place)| root.join(place)) {
            let parent = path.parent().unwrap_or(root);
            DirBuilder::new().recursive(true).mode(0o755).create(parent).on("make", parent)?;
            DirBuilder::new().mode(0o700).create(&path).on("make", &path)?;
        }
        DirBuilder::new().mode(0o700).create(root.join(STORE)).on("make", root.join(STORE))?;
        Ok(stage)
    }

    fn clear(&self) -> Result<()> {
        PLACES.iter().map(|(_, place)| self.root.join(place)).try_for_each(|path| tree::remove(&path).on("remove", path))
    }

    /// The temporary path of a name that belongs into a backup.
    pub fn path(&self, name: &str) -> Result<PathBuf> {
        if name == SNAPSHOT {
            return Ok(self.root.join(STORE).join("snapshot.db"));
        }
        let held = HELD.iter().any(|held| name.strip_prefix(held).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
        let place = PLACES.iter().find_map(|(prefix, place)| Some((place, name.strip_prefix(prefix)?)));
        match place.filter(|_| held) {
            Some((place, rest)) => Ok(self.root.join(place).join("files").join(rest)),
            None => Err(Error::new(format!("it is no backup that kutties has made: {name} does not belong there"))),
        }
    }

    /// Directory for etcd's new data.
    pub fn data(&self) -> PathBuf {
        self.root.join(STORE).join("data")
    }

    /// Tells an entry that came.
    pub fn has(&self, name: &str) -> bool {
        self.things.iter().any(|thing| thing.name == name)
    }

    fn add(&mut self, name: &str, mode: u32, what: Kind) -> Result<PathBuf> {
        let path = self.path(name)?;
        if let Some(parent) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(parent).on("make", parent)?;
        }
        self.things.push(Thing { name: name.to_owned(), mode, what });
        Ok(path)
    }

    /// Make the links, which nothing may be unpacked through, and give directories their
    /// permissions.
    pub fn complete(&self) -> Result<()> {
        for thing in &self.things {
            if let Kind::Link(to) = &thing.what {
                let path = self.path(&thing.name)?;
                symlink(to, &path).on("make", &path)?;
            }
        }
        Ok(())
    }

    /// Move everything to where it belongs, what starts the kubelet last.
    ///
    /// # Errors
    /// Something is there already, or can't be moved. What was moved before is taken back.
    pub fn put(&self) -> Result<()> {
        let last = |thing: &&Thing| thing.name == KUBELET;
        self.things.iter().filter(|thing| thing.name != SNAPSHOT).try_for_each(|thing| self.is_free(thing))?;
        let mut made = Vec::new();
        let moved = self
            .things
            .iter()
            .filter(|thing| !last(thing))
            .try_for_each(|thing| self.move_one(thing, &mut made))
            .and_then(|()| self.move_data(&mut made))
            .and_then(|()| self.things.iter().filter(last).try_for_each(|thing| self.move_one(thing, &mut made)));
        if moved.is_err() {
            for path in made.iter().rev() {
                // The next try finds and names a file that can't be taken back.
                let _ = if path.ends_with(DATA) { tree::remove(path) } else { remove_one(path) };
            }
        }
        moved
    }

    fn is_free(&self, thing: &Thing) -> Result<()> {
        let path = self.root.join(&thing.name);
        match path.symlink_metadata() {
            Ok(there) if thing.what != Kind::Directory || !there.is_dir() => {
                Err(Error::new(format!("{} is there already, and nothing is written over", path.display())))
            }
            _ => Ok(()),
        }
    }

    fn move_one(&self, thing: &Thing, made: &mut Vec<PathBuf>) -> Result<()> {
        if thing.name == SNAPSHOT {
            return Ok(());
        }
        let (from, to) = (self.path(&thing.name)?, self.root.join(&thing.name));
        parents(&to, made)?;
        if thing.what != Kind::Directory {
            fs::rename(&from, &to).on("move into place", &to)?;
            made.push(to);
        } else if !to.exists() {
            DirBuilder::new().mode(0o700).create(&to).on("make", &to)?;
            made.push(to.clone());
            fs::set_permissions(&to, PermissionsExt::from_mode(thing.mode)).on("set up", &to)?;
        }
        Ok(())
    }

    fn move_data(&self, made: &mut Vec<PathBuf>) -> Result<()> {
        let to = self.root.join(DATA);
        // An empty directory gives way to it.
        fs::rename(self.data(), &to).on("move into place", &to)?;
        made.push(to);
        Ok(())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // The next try removes a rest.
        let _ = self.clear();
    }
}

impl Receiver for Stage {
    fn manifest(&mut self, manifest: &Manifest) -> Result<()> {
        (self.check)(manifest)
    }

    fn thing(&mut self, name: &str, mode: u32, what: &What) -> Result<()> {
        let What::Link(to) = what else {
            let path = self.add(name, mode, Kind::Directory)?;
            return DirBuilder::new().recursive(true).mode(0o700).create(&path).on("make", &path);
        };
        // kubelet's own link leads to a file beside it.
        let beside = Path::new(to).strip_prefix("/").unwrap_or(Path::new(to));
        let parent = Path::new(name).parent().unwrap_or(Path::new(""));
        if to.contains("..") || (beside.parent() != Some(parent) && to.contains('/')) {
            return Err(Error::new(format!("it is no backup that kutties has made: {name} leads elsewhere")));
        }
        self.add(name, mode, Kind::Link(to.clone())).map(drop)
    }

    fn file(&mut self, name: &str, mode: u32) -> Result<Box<dyn Write + '_>> {
        let path = self.add(name, mode, Kind::File)?;
        let file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).on("unpack", &path)?;
        file.set_permissions(PermissionsExt::from_mode(mode)).on("unpack", &path)?;
        Ok(Box::new(BufWriter::with_capacity(64 << 10, file)))
    }
}

/// Directories that an archive does not name, such as /var/lib/kubelet.
fn parents(path: &Path, made: &mut Vec<PathBuf>) -> Result<()> {
    let missing: Vec<&Path> = path.ancestors().skip(1).take_while(|path| !path.exists()).collect();
    for path in missing.into_iter().rev() {
        DirBuilder::new().mode(0o755).create(path).on("make", path)?;
        made.push(path.to_owned());
    }
    Ok(())
}

fn remove_one(path: &Path) -> std::io::Result<()> {
    if path.is_dir() && !path.is_symlink() { fs::remove_dir(path) } else { fs::remove_file(path) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn root(name: &str) -> PathBuf {
        let root = std::env::temp_dir().join(format!("kutties-stage-{}-{name}", std::process::id()));
        fs::create_dir_all(&root).unwrap();
        root
    }

    fn stage(root: &Path) -> Stage {
        Stage::new(root, Box::new(|_| Ok(()))).unwrap()
    }

    fn put(stage: &mut Stage, name: &str) {
        stage.file(name, 0o640).unwrap().write_all(name.as_bytes()).unwrap();
    }

    fn filled(root: &Path) -> Stage {
        let mut stage = stage(root);
        put(&mut stage, KUBELET);
        stage.thing("etc/kubernetes/pki", 0o755, &What::Directory).unwrap();
        put(&mut stage, "etc/kubernetes/pki/ca.crt");
        put(&mut stage, SNAPSHOT);
        stage.thing("etc/kubernetes/link", 0o777, &What::Link("pki".into())).unwrap();
        stage.complete().unwrap();
        fs::create_dir_all(stage.data().join("member")).unwrap();
        stage
    }

    #[test]
    fn all_is_moved_or_nothing() {
        let root = root("moved");
        filled(&root).put().unwrap();
        assert_eq!(fs::read(root.join("etc/kubernetes/pki/ca.crt")).unwrap(), b"etc/kubernetes/pki/ca.crt");
        assert_eq!(fs::metadata(root.join("etc/kubernetes/pki/ca.crt")).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(root.join("var/lib/etcd/member").exists() && root.join(KUBELET).exists());
        assert_eq!(fs::read_link(root.join("etc/kubernetes/link")).unwrap(), Path::new("pki"));
        let names: Vec<_> = fs::read_dir(root.join("etc")).unwrap().flatten().map(|e| e.file_name()).collect();
        assert_eq!(names, ["kubernetes"]);
        // Nothing is written over.
        fs::remove_dir_all(root.join("var")).unwrap();
        let why = filled(&root).put().unwrap_err().to_string();
        assert!(why.contains("pki/ca.crt is there already"), "{why}");
        assert!(!root.join("var/lib/etcd").exists() && !root.join(KUBELET).exists());
        fs::remove_dir_all(&root).unwrap();
        // A failure in the middle takes back what was moved.
        fs::create_dir_all(root.join("var/lib/etcd/other")).unwrap();
        assert!(filled(&root).put().is_err());
        assert!(!root.join("etc/kubernetes").exists() && !root.join("var/lib/kubelet").exists());
        assert!(root.join("var/lib/etcd/other").exists());
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn what_does_not_belong_there_is_refused() {
        let root = root("refused");
        let mut stage = stage(&root);
        for name in ["etc/passwd", "etc/kubernetesx", "var/lib/kubelet/x", "bin/sh", "var/lib/etcd/member", "manifest.json"] {
            assert!(stage.file(name, 0o600).is_err(), "{name}");
        }
        for to in ["/etc/passwd", "../x", "etc/kubernetes/../../x", "/etc/kubernetes/pki/x", "x/y"] {
            assert!(stage.thing("etc/kubernetes/a", 0o777, &What::Link(to.into())).is_err(), "{to}");
        }
        stage.thing("etc/kubernetes/a", 0o777, &What::Link("/etc/kubernetes/b".into())).unwrap();
        drop(stage);
        assert_eq!(fs::read_dir(root.join("etc")).unwrap().count(), 0);
        fs::remove_dir_all(root).unwrap();
    }
}
