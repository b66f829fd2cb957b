//! Resources that a node holds, read without any of its own commands: mounts, processes,
//! namespaces, links, cgroups, leases, images, packet filter rules, directories.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};

/// Directories whose files a pod leaves behind where its end is not whole, and how deep to look.
const DIRECTORIES: &[(&str, &str, usize)] = &[
    ("cgroup", "/sys/fs/cgroup", usize::MAX),
    ("lease", "/var/lib/cni", usize::MAX),
    ("link", "/sys/class/net", 1),
    ("pod directory", "/run/kutties/pods", 1),
    ("pod directory", "/var/lib/kubelet/pods", 1),
    ("pod directory", "/var/log/pods", 1),
    ("image", "/var/lib/kutties/images", 2),
    ("container directory", "/run/kutties/oci", 1),
    ("container directory", "/var/lib/kutties/containers", 1),
];

/// A line for each thing that is there. What can't be read is gone, or never was.
pub fn look() -> Vec<String> {
    let mut held = Vec::new();
    let mounts = fs::read_to_string("/proc/1/mountinfo").unwrap_or_default();
    held.extend(mounts.lines().filter_map(|line| Some(format!("mount {}", line.split(' ').nth(4)?))));
    processes(&mut held);
    for (kind, directory, depth) in DIRECTORIES {
        walk(kind, Path::new(directory), *depth, &mut held);
    }
    // A kernel without nf_tables has no rules.
    held.extend(nf_tables().unwrap_or_default());
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

/// Of cgroups only the directories count: the rest of that tree are the kernel's files.
fn walk(kind: &str, directory: &Path, depth: usize, held: &mut Vec<String>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_directory || kind != "cgroup" {
            held.push(format!("{kind} {}", entry.path().display()));
        }
        if is_directory && depth > 1 {
            walk(kind, &entry.path(), depth - 1, held);
        }
    }
}

/// Objects of nf_tables that are listed, by the kernel's numbers (linux/netfilter/nf_tables.h): the
/// word for it, the request, and the attributes that name the table and the chain.
const FILTERS: [(&str, u16, [u16; 2]); 2] = [("chain", 4, [1, 3]), ("rule", 7, [1, 2])];

/// All chains and rules, by their tables' and chains' names.
fn nf_tables() -> io::Result<Vec<String>> {
    let kernel = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkNetFilter)?;
    let mut held = Vec::new();
    for (kind, request, names) in FILTERS {
        for message in dump(&kernel, request)? {
            let [table, chain] = names.map(|name| attribute(&message, name).unwrap_or_default());
            held.push(format!("nf_tables {kind} {table} {chain}"));
        }
    }
    Ok(held)
}

/// The number of nf_tables among netfilter's own kinds of messages.
const SUBSYSTEM: u16 = 10;
/// netlink(7): NLM_F_REQUEST, NLM_F_DUMP, NLMSG_ERROR, NLMSG_DONE.
const REQUEST: u16 = 1;
const DUMP: u16 = 0x300;
const ERROR: u16 = 2;
const DONE: u16 = 3;
/// The headers of netlink and of netfilter, in bytes.
const HEADER: usize = 16;
const FAMILY: usize = 4;

/// All that the kernel tells of a kind: the attributes of each message.
fn dump(kernel: &OwnedFd, request: u16) -> io::Result<Vec<Vec<u8>>> {
    let mut ask = Vec::new();
    ask.extend(((HEADER + FAMILY) as u32).to_ne_bytes());
    ask.extend((SUBSYSTEM << 8 | request).to_ne_bytes());
    ask.extend((REQUEST | DUMP).to_ne_bytes());
    // No number and no sender to tell answers by, any family, version 0, no resource.
    ask.extend([0; 12]);
    send(kernel.as_raw_fd(), &ask, MsgFlags::empty())?;
    let (mut messages, mut bytes) = (Vec::new(), vec![0; 64 << 10]);
    loop {
        let count = recv(kernel.as_raw_fd(), &mut bytes, MsgFlags::empty())?;
        let mut rest = &bytes[..count];
        while rest.len() >= HEADER {
            let length = u32::from_ne_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
            match u16::from_ne_bytes([rest[4], rest[5]]) {
                DONE => return Ok(messages),
                ERROR => return Err(io::ErrorKind::Unsupported.into()),
                _ => messages.push(rest.get(HEADER + FAMILY..length).unwrap_or_default().to_vec()),
            }
            rest = rest.get(length.next_multiple_of(4).max(HEADER)..).unwrap_or_default();
        }
    }
}

/// The text of an attribute.
fn attribute(mut rest: &[u8], wanted: u16) -> Option<String> {
    while rest.len() >= 4 {
        let length = u16::from_ne_bytes([rest[0], rest[1]]) as usize;
        if u16::from_ne_bytes([rest[2], rest[3]]) == wanted {
            let text = rest.get(4..length)?;
            return Some(String::from_utf8_lossy(text).trim_end_matches('\0').to_owned());
        }
        rest = rest.get(length.next_multiple_of(4).max(4)..)?;
    }
    None
}
