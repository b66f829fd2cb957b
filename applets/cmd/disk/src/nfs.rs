//! NFS for `mount -t nfs` and `-t nfs4`, as the kubelet calls it for a volume.
//!
//! The kernel speaks the protocol, version 3's MOUNT included, and takes options as text. What it
//! does not do is done here: find the server's address, agree upon a version, and try again for a
//! while.
//!
//! * Without a version 4.2, 4.1, 4.0 and 3 are tried in that order, with `vers=4` or `-t nfs4`
//!   those of 4.
//! * Version 3 is mounted with `nolock`: its locks need a daemon beside the kernel (rpc.statd) that
//!   no node has, and without it each lock would fail. With `nolock` a lock holds among the
//!   processes of this node alone; version 4 has locks in the protocol.
//! * `retry=MINUTES` (2 when not given) is how long a server may not answer; `bg` and Kerberos need
//!   daemons and are refused.

mod version;

use std::ffi::CString;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use kit::modules::Modules;
use kit::{Context, Error, Result};
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount};

use version::{Version, versions};

/// The kernel's one type for all versions.
const TYPE: &str = "nfs";
/// The port of NFS: any will do to ask for the way there.
const PORT: u16 = 2049;
/// The time for a server that does not answer, unless `retry=` says otherwise, in minutes: that of
/// nfs(5).
const RETRY: u64 = 2;
/// The longest `retry=`, in minutes: a week, as nfs(5) has it for a mount that goes on in the
/// background.
const LONGEST_RETRY: u64 = 10_000;
/// The pause before another try: the first one, which doubles, and the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// True for what is mounted here: the types, and without one a source that is no file and has a
/// server's form.
pub fn is_wanted(kind: &str, source: &Path) -> bool {
    let has_form = || !source.exists() && source.to_str().is_some_and(|text| server(text).is_ok());
    matches!(kind, "nfs" | "nfs4") || (kind == "auto" && has_form())
}

/// The options as they are given, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
struct Request {
    /// The versions to try, in order.
    versions: Vec<Version>,
    /// All else for the kernel.
    words: Vec<String>,
    /// The server's address, when it is given.
    address: Option<IpAddr>,
    /// True where only IPv4, or only IPv6, is allowed by the transport's name.
    family: Option<bool>,
    retry: Duration,
    /// True when the options say something about locks.
    says_lock: bool,
}

/// Mounts SERVER:PATH.
pub fn mount_nfs(source: &Path, target: &Path, kind: &str, flags: MountFlags, options: &[String]) -> Result<()> {
    let text = source.to_str().ok_or_else(|| Error::new(format!("mount {}: no text", source.display())))?;
    let (server, path) = server(text)?;
    let request = request(kind, options)?;
    let (due, mut pause) = (Instant::now() + request.retry, FIRST_PAUSE);
    loop {
        let (failure, may_help) = match addresses(server, &request) {
            Ok(addresses) => match attempt(text, target, flags, &request, &addresses) {
                Ok(()) => return Ok(()),
                Err((errno, address)) => (explain(errno, text, path, address), is_passing(errno)),
            },
            // A name that nobody knows now may be known as soon as the cluster's DNS runs.
            Err(e) => (e, true),
        };
        if !may_help || Instant::now() + pause > due {
            return Err(failure);
        }
        sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Tries all addresses with all versions. The error is that of the last try, but for a path that an
/// earlier version did not find: what the next one lacks says less.
fn attempt(
    source: &str,
    target: &Path,
    flags: MountFlags,
    request: &Request,
    addresses: &[IpAddr],
) -> Result<(), (Errno, IpAddr)> {
    let mut last = (Errno::HOSTUNREACH, IpAddr::from([0, 0, 0, 0]));
    for address in addresses {
        for version in &request.versions {
            let data = data(request, *version, *address);
            match one(source, target, flags, &data) {
                Ok(()) => return Ok(()),
                Err(errno) if is_of_version(errno) => {
                    if last != (Errno::NOENT, *address) {
                        last = (errno, *address);
                    }
                }
                Err(errno) => {
                    last = (errno, *address);
                    break;
                }
            }
        }
        if !is_passing(last.0) {
            break;
        }
    }
    Err(last)
}

fn one(source: &str, target: &Path, flags: MountFlags, data: &str) -> Result<(), Errno> {
    let data = CString::new(data).map_err(|_| Errno::INVAL)?;
    match mount(source, target, TYPE, flags, data.as_c_str()) {
        Err(Errno::NODEV) => {
            // The kernel has asked for the module itself where it can. What is wrong shows at the
            // second try.
            let _ = Modules::of_running_kernel().and_then(|modules| modules.load(TYPE, &[]));
            mount(source, target, TYPE, flags, data.as_c_str())
        }
        done => done,
    }
}

/// The options for the kernel.
fn data(request: &Request, version: Version, address: IpAddr) -> String {
    let mut words = request.words.clone();
    words.push(format!("vers={version}"));
    words.push(format!("addr={address}"));
    if version == Version::THREE && !request.says_lock {
        words.push("nolock".into());
    }
    // A server of 4.0 calls back there; later versions use the connection that is there.
    if version.is_four() && !words.iter().any(|word| word.starts_with("clientaddr=")) {
        words.extend(own_address(address).map(|own| format!("clientaddr={own}")));
    }
    words.join(",")
}

/// This machine's address as that server sees it, by the table of routes; nothing is sent.
fn own_address(server: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = if server.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect((server, PORT)).ok()?;
    socket.local_addr().ok().map(|own| own.ip())
}

/// The server and the path of SERVER:PATH; an IPv6 address stands in brackets.
fn server(source: &str) -> Result<(&str, &str)> {
    let parts = match source.strip_prefix('[') {
        Some(rest) => rest.split_once("]:"),
        None => source.split_once(':'),
    };
    parts
        .filter(|(server, path)| !server.is_empty() && path.starts_with('/'))
        .ok_or_else(|| Error::new(format!("mount {source}: an NFS source is SERVER:/PATH, or [IPV6]:/PATH")))
}

/// The server's addresses that the transport can reach.
fn addresses(server: &str, request: &Request) -> Result<Vec<IpAddr>> {
    if let Some(address) = request.address {
        return Ok(vec![address]);
    }
    let found = (server, PORT).to_socket_addrs().doing(format_args!("find the address of {server}"))?;
    let fits = |address: &IpAddr| request.family.is_none_or(|v6| address.is_ipv6() == v6);
    let mut addresses = Vec::new();
    for address in found.map(|address: SocketAddr| address.ip()).filter(fits) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(Error::new(format!("find the address of {server}: it has none of the kind that proto= wants")));
    }
    Ok(addresses)
}

fn request(kind: &str, options: &[String]) -> Result<Request> {
    let mut request = Request { retry: Duration::from_secs(60 * RETRY), ..Request::default() };
    let mut named = Vec::new();
    for word in options {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let wrong = || Error::new(format!("mount option {word}: not a value that it can have"));
        match name {
            "vers" | "nfsvers" | "minorversion" | "v3" | "v4" | "v4.0" | "v4.1" | "v4.2" => named.push((name, value)),
            "v2" => return Err(Error::new("mount option v2: NFS 2 is out of the kernel")),
            "addr" => request.address = Some(value.parse().map_err(|_| wrong())?),
            "retry" => {
                let minutes: u64 = value.parse().map_err(|_| wrong())?;
                request.retry = Duration::from_secs(60 * minutes.min(LONGEST_RETRY));
            }
            "bg" => {
                return Err(Error::new("mount option bg: nothing here goes on in the background; retry= says how long to wait"));
            }
            "fg" => {}
            "sec" if value.starts_with("krb5") => {
                return Err(Error::new(format!("mount option {word}: Kerberos needs rpc.gssd, which no node has")));
            }
            "mounthost" => request.words.push(format!("mountaddr={}", mount_host(value)?)),
            _ => {
                request.says_lock |= matches!(name, "lock" | "nolock" | "local_lock");
                request.family = family(name, value).or(request.family);
                request.words.push(word.clone());
            }
        }
    }
    request.versions = versions(kind == "nfs4", &named)?;
    Ok(request)
}

/// The kernel wants addresses of the one family that a transport's name stands for: true is IPv6.
fn family(name: &str, value: &str) -> Option<bool> {
    match (name, value) {
        ("proto", "tcp" | "udp" | "rdma") | ("tcp" | "udp" | "rdma", "") => Some(false),
        ("proto", "tcp6" | "udp6" | "rdma6") => Some(true),
        _ => None,
    }
}

fn mount_host(name: &str) -> Result<IpAddr> {
    let mut found = (name, PORT).to_socket_addrs().doing(format_args!("find the address of {name}"))?;
    found.next().map(|address| address.ip()).ok_or_else(|| Error::new(format!("find the address of {name}: it has none")))
}

/// True for an answer after which another version may do: the server lacks this one, or its paths
/// differ between 4 and 3, or only one of them is served at all.
fn is_of_version(errno: Errno) -> bool {
    matches!(errno, Errno::PROTONOSUPPORT | Errno::OPNOTSUPP | Errno::INVAL | Errno::NOENT | Errno::CONNREFUSED)
}

/// True for a failure that may pass: a server that starts, a route that is not there yet.
fn is_passing(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::TIMEDOUT | Errno::CONNREFUSED | Errno::HOSTUNREACH | Errno::NETUNREACH | Errno::HOSTDOWN | Errno::CONNRESET
    )
}

/// An errno says little here: its meaning for this mount.
fn explain(errno: Errno, source: &str, path: &str, address: IpAddr) -> Error {
    let cause = match errno {
        Errno::TIMEDOUT => format!("the server at {address} does not answer"),
        Errno::CONNREFUSED => format!("no NFS server answers at {address}, nor its rpcbind, which version 3 needs"),
        Errno::HOSTUNREACH | Errno::NETUNREACH | Errno::HOSTDOWN => format!("there is no way to {address}"),
        Errno::ACCESS | Errno::PERM => format!("the server at {address} does not let this machine mount {path}"),
        Errno::NOENT => format!("the server at {address} has no {path}"),
        Errno::PROTONOSUPPORT | Errno::OPNOTSUPP => {
            format!("the server at {address}, or this kernel, lacks the version or transport that is wanted")
        }
        Errno::NODEV => "this kernel has no NFS (module nfs)".into(),
        Errno::STALE => format!("the server at {address} does not know {path} any more"),
        Errno::BUSY => "already mounted, or the mount point is busy".into(),
        Errno::INVAL => "an option is wrong (the kernel log may say which)".into(),
        other => other.to_string().split(" (os").next().unwrap_or_default().to_lowercase(),
    };
    Error::new(format!("mount {source}: {cause}"))
}

#[cfg(test)]
mod tests;
