//! A segment of the files that make a machine its node. Tokens with which it joined are not among them.

use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use format::newc;
use kit::{Context, Error, Result};

/// Kubeconfig of a kubelet that the cluster knows.
const JOINED: &str = "/etc/kubernetes/kubelet.conf";

/// Files, and directories with all that is in them.
const KEPT: &[&str] = &[
    "etc/default/kubelet",
    "etc/kubernetes",
    "etc/kutties",
    "etc/machine-id",
    "var/lib/kubelet/config.yaml",
    "var/lib/kubelet/instance-config.yaml",
    "var/lib/kubelet/kubeadm-flags.env",
    "var/lib/kubelet/pki",
];
/// Not those: a token of no more use, and what the next system brings itself.
const LEFT: &[&str] = &["etc/kubernetes/bootstrap-kubelet.conf", "etc/kutties/board.toml"];
/// The most that all of them may have, in bytes: they are configurations and keys.
const LONGEST: usize = 16 << 20;
/// The deepest directory.
const DEEPEST: usize = 16;

/// Tells if this machine is a cluster's node.
pub fn is_joined() -> bool {
    Path::new(JOINED).exists()
}

/// The segment of what is below `root`.
pub fn segment(root: &Path) -> Result<Vec<u8>> {
    let mut segment = Segment { bytes: Vec::new(), number: 0, directories: Vec::new() };
    for path in KEPT {
        segment.add(root, path, 0)?;
    }
    newc::entry(&mut segment.bytes, newc::END, 0, 0, &[]);
    Ok(segment.bytes)
}

struct Segment {
    bytes: Vec<u8>,
    /// Each entry's own: the kernel takes equal ones for the same file.
    number: u32,
    /// Those that are in it.
    directories: Vec<String>,
}

impl Segment {
    /// A file, a link, or a directory with all that is in it; what is not there is left out.
    fn add(&mut self, root: &Path, path: &str, depth: usize) -> Result<()> {
        let full = root.join(path);
        let Ok(about) = fs::symlink_metadata(&full) else { return Ok(()) };
        if LEFT.contains(&path) || depth > DEEPEST {
            return Ok(());
        }
        self.above(root, path)?;
        if about.is_dir() {
            self.directory(path, &about);
            let mut names: Vec<_> = fs::read_dir(&full).on("read", &full)?.flatten().map(|entry| entry.file_name()).collect();
            names.sort();
            let names = names.iter().filter_map(|name| name.to_str());
            return names.into_iter().try_for_each(|name| self.add(root, &format!("{path}/{name}"), depth + 1));
        }
        let content = if about.is_symlink() {
            fs::read_link(&full).on("read", &full)?.as_os_str().as_bytes().to_vec()
        } else if about.is_file() {
            fs::read(&full).on("read", &full)?
        } else {
            return Ok(());
        };
        self.entry(path, &about, &content);
        if self.bytes.len() > LONGEST {
            return Err(Error::new(format!("keep {}: this node's files are more than {} MiB", full.display(), LONGEST >> 20)));
        }
        Ok(())
    }

    /// The directories above, which the kernel does not make by itself.
    fn above(&mut self, root: &Path, path: &str) -> Result<()> {
        for (at, _) in path.match_indices('/') {
            let directory = &path[..at];
            if !self.directories.iter().any(|known| known == directory) {
                let full = root.join(directory);
                let about = fs::metadata(&full).on("look at", &full)?;
                self.directory(directory, &about);
            }
        }
        Ok(())
    }

    fn directory(&mut self, path: &str, about: &Metadata) {
        self.entry(path, about, &[]);
        self.directories.push(path.to_owned());
    }

    fn entry(&mut self, path: &str, about: &Metadata, content: &[u8]) {
        self.number += 1;
        newc::entry(&mut self.bytes, path, about.mode(), self.number, content);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn the_identity_goes_along_and_tokens_do_not() {
        let root = std::env::temp_dir().join(format!("kutties-node-{}", std::process::id()));
        let put = |path: &str, text: &str| {
            fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            fs::write(root.join(path), text).unwrap();
        };
        put("etc/kubernetes/kubelet.conf", "KUBELET");
        put("etc/kubernetes/bootstrap-kubelet.conf", "SECRET");
        put("etc/kutties/board.toml", "BOARD");
        put("etc/kutties/node.toml", "SETTINGS");
        put("etc/shadow", "SHADOW");
        put("var/lib/kubelet/pki/kubelet-client-1.pem", "KEY");
        put("var/lib/kubelet/pods/x", "POD");
        symlink("kubelet-client-1.pem", root.join("var/lib/kubelet/pki/kubelet-client-current.pem")).unwrap();
        fs::set_permissions(root.join("var/lib/kubelet/pki/kubelet-client-1.pem"), fs::Permissions::from_mode(0o600)).unwrap();
        let bytes = segment(&root).unwrap();
        fs::remove_dir_all(&root).unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        for there in
            ["KUBELET", "SETTINGS", "KEY", "kubelet-client-current.pem\0", "000081800000", "0000a1ff0000", "var/lib/kubelet\0"]
        {
            assert!(text.contains(there), "{there} is lost: {text}");
        }
        for not in ["SECRET", "BOARD", "SHADOW", "POD"] {
            assert!(!text.contains(not), "{not} goes along");
        }
        assert_eq!(text.matches("var/lib\0").count(), 1);
        assert!(bytes.len().is_multiple_of(4) && text.contains("TRAILER!!!"));
    }
}
