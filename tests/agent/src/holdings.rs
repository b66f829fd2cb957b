//! What a node holds, looked at without any of its own commands: mounts, processes, namespaces, links, cgroups, leases, folders.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Folders whose files a pod leaves behind where its end is not whole, and how deep to look.
const FOLDERS: &[(&str, &str, usize)] = &[
    ("cgroup", "/sys/fs/cgroup", usize::MAX),
    ("lease", "/var/lib/cni", usize::MAX),
    ("link", "/sys/class/net", 1),
    ("pod folder", "/run/kutties/pods", 1),
    ("pod folder", "/var/lib/kubelet/pods", 1),
    ("pod folder", "/var/log/pods", 1),
    ("container folder", "/run/kutties/oci", 1),
    ("container folder", "/var/lib/kutties/containers", 1),
];

/// A line for each thing that is there. What can't be read is gone, or never was.
pub fn look() -> Vec<String> {
    let mut held = Vec::new();
    let mounts = fs::read_to_string("/proc/1/mountinfo").unwrap_or_default();
    held.extend(mounts.lines().filter_map(|line| Some(format!("mount {}", line.split(' ').nth(4)?))));
    processes(&mut held);
    for (kind, folder, depth) in FOLDERS {
        walk(kind, Path::new(folder), *depth, &mut held);
    }
    held
}

/// Programs, and the network namespaces that they are in. Kernel threads have no program.
fn processes(held: &mut Vec<String>) {
    let mut namespaces = BTreeSet::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Ok(program) = fs::read_link(entry.path().join("exe")) else { continue };
        held.push(format!("process {}", program.display()));
        namespaces.extend(fs::read_link(entry.path().join("ns/net")));
    }
    held.extend(namespaces.iter().map(|name| format!("network namespace {}", name.display())));
}

/// Of cgroups only the folders count: the rest of that tree are the kernel's files.
fn walk(kind: &str, folder: &Path, depth: usize, held: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder || kind != "cgroup" {
            held.push(format!("{kind} {}", entry.path().display()));
        }
        if is_folder && depth > 1 {
            walk(kind, &entry.path(), depth - 1, held);
        }
    }
}
