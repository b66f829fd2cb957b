//! Content of a segment, by path.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::newc;

/// Directories whose mode is not 0755, in whatever segment they occur: the kernel sets a directory's mode anew at each occurrence.
const DIRECTORY_MODES: &[(&str, u32)] = &[("root", 0o700), ("tmp", 0o1777), ("proc", 0o555), ("sys", 0o555), ("var/tmp", 0o1777)];

/// Kind of a path, with its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A directory; the mode's permission bits.
    Directory(u32),
    /// A file; the mode's permission bits, the contents.
    File(u32, Vec<u8>),
    /// A symbolic link; where it leads.
    Link(String),
    /// A character device; the mode's permission bits, major and minor number.
    Device(u32, u32, u32),
}

/// Reason why an archive can't be made: one sentence.
#[derive(Debug)]
pub struct Error(pub(crate) String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// A segment in the making. Paths are kept without the slash in front and written sorted, so a directory comes before what is in it.
#[derive(Clone, Debug, Default)]
pub struct Archive {
    nodes: BTreeMap<String, Node>,
}

impl Archive {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Put a node at a path, and the directories above it where they are not there yet. Two different nodes at one path are an error,
    /// and so is a path that is no plain absolute one.
    pub fn put(&mut self, path: &str, node: Node) -> Result<(), Error> {
        let key = path.trim_start_matches('/').trim_end_matches('/');
        if key.is_empty() || key.split('/').any(|part| matches!(part, "" | "." | "..")) || key.contains('\0') {
            return Err(Error(format!("put {path:?} into the archive: not a plain path")));
        }
        for (slash, _) in key.match_indices('/') {
            let directory =
                self.nodes.entry(key[..slash].to_owned()).or_insert_with(|| Node::Directory(directory_mode(&key[..slash])));
            if !matches!(directory, Node::Directory(_)) {
                return Err(Error(format!("put {path} into the archive: /{} is no directory", &key[..slash])));
            }
        }
        match self.nodes.get(key) {
            Some(Node::Directory(_)) if matches!(node, Node::Directory(_)) => {}
            Some(there) if *there != node => return Err(Error(format!("put {path} into the archive: it is there already"))),
            _ => {}
        }
        self.nodes.insert(key.to_owned(), node);
        Ok(())
    }

    /// Put a directory.
    pub fn directory(&mut self, path: &str) -> Result<(), Error> {
        self.put(path, Node::Directory(directory_mode(path.trim_matches('/'))))
    }

    /// Put a file of these bytes.
    pub fn file(&mut self, path: &str, mode: u32, bytes: impl Into<Vec<u8>>) -> Result<(), Error> {
        self.put(path, Node::File(mode, bytes.into()))
    }

    /// Put a copy of the host's file.
    pub fn copy(&mut self, path: &str, mode: u32, host: &Path) -> Result<(), Error> {
        let bytes = fs::read(host).map_err(|e| Error(format!("read {}: {e}", host.display())))?;
        self.file(path, mode, bytes)
    }

    /// Put a symbolic link.
    pub fn link(&mut self, path: &str, target: &str) -> Result<(), Error> {
        self.put(path, Node::Link(target.to_owned()))
    }

    /// Put all that is below the host's directory at `path` and below. Permission bits of files are kept, owners become root; directories
    /// that the core segment has keep its modes. Only directories, files and symbolic links may be there.
    pub fn tree(&mut self, path: &str, host: &Path) -> Result<(), Error> {
        let told = |e: std::io::Error| Error(format!("read {}: {e}", host.display()));
        for entry in fs::read_dir(host).map_err(told)? {
            let entry = entry.map_err(told)?;
            let name = entry.file_name();
            let name = name.to_str().ok_or_else(|| Error(format!("read {}: a name is not UTF-8", host.display())))?;
            self.host_node(&format!("{}/{name}", path.trim_end_matches('/')), &entry.path())?;
        }
        Ok(())
    }

    fn host_node(&mut self, path: &str, host: &Path) -> Result<(), Error> {
        let told = |e: std::io::Error| Error(format!("read {}: {e}", host.display()));
        let meta = fs::symlink_metadata(host).map_err(told)?;
        let mode = meta.permissions().mode() & 0o7777;
        if meta.is_dir() {
            let key = path.trim_matches('/');
            let known = DIRECTORY_MODES.iter().find(|(directory, _)| *directory == key);
            self.put(path, Node::Directory(known.map_or(mode, |(_, mode)| *mode)))?;
            self.tree(path, host)
        } else if meta.is_file() {
            self.copy(path, mode, host)
        } else if meta.is_symlink() {
            let target = fs::read_link(host).map_err(told)?;
            let target = target.to_str().ok_or_else(|| Error(format!("read {}: the link is not UTF-8", host.display())))?;
            self.link(path, target)
        } else {
            Err(Error(format!("read {}: neither a directory, a file nor a symbolic link", host.display())))
        }
    }

    /// Returns the node at a path.
    pub fn get(&self, path: &str) -> Option<&Node> {
        self.nodes.get(path.trim_matches('/'))
    }

    /// Every path, without the slash in front, and what is there, sorted.
    pub fn nodes(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.nodes.iter().map(|(path, node)| (path.as_str(), node))
    }

    /// The same, given away.
    pub fn into_nodes(self) -> impl Iterator<Item = (String, Node)> {
        self.nodes.into_iter()
    }

    /// The newc archive; `mtime` in seconds since 1970 stands on every node.
    pub fn to_newc(&self, mtime: u32) -> Result<Vec<u8>, Error> {
        newc::write(self.nodes(), mtime).map_err(|e| Error(format!("write the archive: {e}")))
    }
}

fn directory_mode(key: &str) -> u32 {
    DIRECTORY_MODES.iter().find(|(directory, _)| *directory == key).map_or(0o755, |(_, mode)| *mode)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn directories_above_come_along_with_their_modes() {
        let mut archive = Archive::new();
        archive.file("/root/.profile", 0o644, "x").unwrap();
        assert_eq!(archive.get("/root"), Some(&Node::Directory(0o700)));
        assert_eq!(archive.nodes().map(|(path, _)| path).collect::<Vec<_>>(), ["root", "root/.profile"]);
    }

    #[test]
    fn no_path_is_two_things() {
        let mut archive = Archive::new();
        archive.link("/lib", "usr/lib").unwrap();
        archive.link("/lib", "usr/lib").unwrap();
        assert!(archive.link("/lib", "elsewhere").is_err());
        assert!(archive.file("/lib/modules/x", 0o644, "").is_err());
        for path in ["", "/", "../x", "/a/./b", "/a//b"] {
            assert!(archive.directory(path).is_err(), "{path}");
        }
    }

    #[test]
    fn the_same_bytes_whatever_the_order() {
        let (mut one, mut other) = (Archive::new(), Archive::new());
        one.file("/b", 0o600, "2").unwrap();
        one.directory("/a").unwrap();
        other.directory("/a").unwrap();
        other.file("/b", 0o600, "2").unwrap();
        assert_eq!(one.to_newc(7).unwrap(), other.to_newc(7).unwrap());
    }
}
