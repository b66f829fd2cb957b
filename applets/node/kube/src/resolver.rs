//! The resolv.conf that the cluster's kubelets use, where kubeadm wrote their configuration as it is.
//!
//! `kubeadm init` beside systemd-resolved makes /run/systemd/resolve/resolv.conf every node's (kubeadm#3034). A kubelet without that file
//! makes no pod.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Component, Path};

use kit::{Context, Result, paths};

use crate::yaml;

/// This node's own file.
const OWN: &str = "/etc/resolv.conf";

/// Makes a link to this node's own resolv.conf where the kubelet's configuration below `root` names a file that is not there; gives a
/// sentence when it did. A file that is there, and a link that leads nowhere, stay.
pub fn provide(root: &Path) -> Result<Option<String>> {
    let file = root.join(paths::KUBELET_CONFIG.trim_start_matches('/'));
    let text = match fs::read_to_string(&file) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        text => text.on("read", &file)?,
    };
    // The kubelet has better messages for a wrong configuration.
    let config = yaml::document(&text).unwrap_or_default();
    let Some(named) = config["resolvConf"].as_str().filter(|named| is_plain(Path::new(named))) else { return Ok(None) };
    let link = root.join(named.trim_start_matches('/'));
    if fs::symlink_metadata(&link).is_ok() {
        return Ok(None);
    }
    if let Some(dir) = link.parent() {
        fs::create_dir_all(dir).on("make", dir)?;
    }
    match symlink(OWN, &link) {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(None),
        made => made.on("link", &link).map(|()| Some(format!("the cluster's kubelets use {named}: here it leads to {OWN}"))),
    }
}

/// Tells if it is an absolute path without steps back.
fn is_plain(path: &Path) -> bool {
    path.is_absolute() && path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn a_missing_file_becomes_a_link_and_no_other() {
        let root = std::env::temp_dir().join(format!("kutties-resolver-{}", std::process::id()));
        let config = root.join(paths::KUBELET_CONFIG.trim_start_matches('/'));
        assert_eq!(provide(&root).unwrap(), None);
        fs::create_dir_all(config.parent().unwrap()).unwrap();
        let named = |path: &str| {
            fs::write(&config, format!("kind: KubeletConfiguration\nresolvConf: {path}\n")).unwrap();
            provide(&root).unwrap()
        };
        for path in ["/run/systemd/resolve/resolv.conf", "/run/NetworkManager/resolv.conf", "/var/run/netconfig/resolv.conf"] {
            assert!(named(path).unwrap().contains(path));
            assert_eq!(fs::read_link(root.join(&path[1..])).unwrap(), Path::new(OWN));
            assert_eq!(named(path), None);
        }
        fs::create_dir_all(root.join("etc")).unwrap();
        fs::write(root.join("etc/resolv.conf"), "nameserver 10.0.0.1\n").unwrap();
        for path in ["/etc/resolv.conf", "\"\"", "resolv.conf", "/etc/../../outside", "7"] {
            assert_eq!(named(path), None, "{path}");
        }
        assert_eq!(fs::read_to_string(root.join("etc/resolv.conf")).unwrap(), "nameserver 10.0.0.1\n");
        symlink("/nowhere", root.join("dangling")).unwrap();
        assert_eq!(named("/dangling"), None);
        fs::write(&config, "{ broken").unwrap();
        assert_eq!(provide(&root).unwrap(), None);
        fs::remove_dir_all(root).unwrap();
    }
}
