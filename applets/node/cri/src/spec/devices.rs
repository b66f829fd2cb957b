//! Device nodes and the rules of the device filter. All is denied first; what any program expects is allowed.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use kit::{Context, Error, Result};
use serde_json::{Value, json};

use cri_api::Device;

/// Character devices that every container may use: null, zero, full, random, urandom, tty, ptmx, and all of pts.
const ALLOWED: &[(i64, Option<i64>)] =
    &[(1, Some(3)), (1, Some(5)), (1, Some(7)), (1, Some(8)), (1, Some(9)), (5, Some(0)), (5, Some(2)), (136, None)];

/// Entries of the host's /dev that a privileged container has from elsewhere or must have of its own.
const NOT_COPIED: &[&str] = &["pts", "shm", "mqueue", "console", "fd", "stdin", "stdout", "stderr", "core", "hugepages"];

/// The nodes to make, and the filter's rules.
pub fn build(devices: &[Device], privileged: bool) -> Result<(Vec<Value>, Vec<Value>)> {
    if privileged {
        let nodes = below(Path::new("/dev"), Path::new("/dev"))?;
        return Ok((nodes.iter().map(Node::json).collect(), vec![json!({ "allow": true, "access": "rwm" })]));
    }
    let mut nodes = Vec::new();
    let mut rules = vec![json!({ "allow": false, "access": "rwm" })];
    rules.extend(["c", "b"].map(|kind| json!({ "allow": true, "type": kind, "access": "m" })));
    for (major, minor) in ALLOWED {
        let mut rule = json!({ "allow": true, "type": "c", "major": major, "access": "rwm" });
        if let Some(minor) = minor {
            rule["minor"] = json!(minor);
        }
        rules.push(rule);
    }
    for device in devices {
        for node in of(device)? {
            rules.push(node.rule(&device.permissions));
            nodes.push(node.json());
        }
    }
    Ok((nodes, rules))
}

struct Node {
    path: PathBuf,
    kind: &'static str,
    major: u32,
    minor: u32,
    mode: u32,
    uid: u32,
    gid: u32,
}

impl Node {
    fn json(&self) -> Value {
        json!({
            "path": self.path, "type": self.kind, "major": self.major, "minor": self.minor,
            "fileMode": self.mode, "uid": self.uid, "gid": self.gid,
        })
    }

    fn rule(&self, access: &str) -> Value {
        let access = if access.is_empty() { "rwm" } else { access };
        json!({ "allow": true, "type": self.kind, "major": self.major, "minor": self.minor, "access": access })
    }
}

/// The node that the host's path leads to, or all nodes below it.
fn of(device: &Device) -> Result<Vec<Node>> {
    let host = fs::canonicalize(&device.host_path).on("find device", &device.host_path)?;
    let place = if device.container_path.is_empty() { &device.host_path } else { &device.container_path };
    if host.is_dir() {
        return below(&host, Path::new(place));
    }
    match node(&host, Path::new(place)) {
        Some(node) => Ok(vec![node]),
        None => Err(Error::new(format!("{} is not a device", device.host_path))),
    }
}

fn below(dir: &Path, place: &Path) -> Result<Vec<Node>> {
    let mut nodes = Vec::new();
    for entry in fs::read_dir(dir).on("read", dir)?.flatten() {
        let name = entry.file_name();
        let Ok(kind) = entry.file_type() else { continue };
        if name.to_str().is_some_and(|name| NOT_COPIED.contains(&name)) {
            continue;
        }
        if kind.is_dir() {
            nodes.extend(below(&entry.path(), &place.join(&name))?);
        } else if let Some(node) = node(&entry.path(), &place.join(&name)) {
            nodes.push(node);
        }
    }
    Ok(nodes)
}

/// The device node at a path, or none when something else or nothing is there.
fn node(path: &Path, place: &Path) -> Option<Node> {
    let data = fs::symlink_metadata(path).ok()?;
    let kind = match data.file_type() {
        kind if kind.is_char_device() => "c",
        kind if kind.is_block_device() => "b",
        _ => return None,
    };
    let (major, minor) = (rustix::fs::major(data.rdev()), rustix::fs::minor(data.rdev()));
    let path = place.to_owned();
    Some(Node { path, kind, major, minor, mode: data.mode() & 0o7777, uid: data.uid(), gid: data.gid() })
}
