//! A pod's namespaces: made, set up, and held by bound files, so that they need no process.

use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use kit::{Context, Error, Result};
use rustix::mount::{UnmountFlags, mount_bind, unmount};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::wire::{self, Pod};

/// The namespaces that a pod may have of its own, and the calls' names for them.
const KINDS: [(&str, LinkNameSpaceType); 3] = [
    ("net", LinkNameSpaceType::Network),
    ("ipc", LinkNameSpaceType::InterProcessCommunication),
    ("uts", LinkNameSpaceType::HostNameAndNISDomainName),
];

/// Make the pod's namespaces, set them up, bind them below `DIR/ns`, and return to the host's.
pub fn make(dir: &Path, pod: &Pod) -> Result<()> {
    let wanted: Vec<_> = KINDS.into_iter().filter(|(kind, _)| wants(pod, kind)).collect();
    let folder = dir.join("ns");
    fs::create_dir_all(&folder).on("make", &folder)?;
    let home: Vec<(OwnedFd, LinkNameSpaceType)> = wanted.iter().map(|(kind, t)| Ok((open(kind)?, *t))).collect::<Result<_>>()?;
    sys::unshare::unshare(pod.new_net, pod.new_ipc, pod.new_uts).doing("make the pod's namespaces")?;
    let made = set_up(dir, pod, &wanted);
    for (fd, kind) in home {
        move_into_link_name_space(fd.as_fd(), Some(kind)).doing("return to the host's namespaces")?;
    }
    made.inspect_err(|_| drop(unmake(dir)))
}

/// Unbind the namespaces. Missing ones are none.
pub fn unmake(dir: &Path) -> Result<()> {
    for (kind, _) in KINDS {
        let file = wire::namespace(dir, kind);
        if file.exists() {
            // A file that was made and never bound over is simply removed.
            let _ = unmount(&file, UnmountFlags::DETACH);
            fs::remove_file(&file).on("remove", &file)?;
        }
    }
    Ok(())
}

fn wants(pod: &Pod, kind: &str) -> bool {
    match kind {
        "net" => pod.new_net,
        "ipc" => pod.new_ipc,
        _ => pod.new_uts,
    }
}

fn open(kind: &str) -> Result<OwnedFd> {
    let path = format!("/proc/self/ns/{kind}");
    Ok(File::open(&path).on("open", &path)?.into())
}

/// Inside the new namespaces: `lo`, host name, sysctls, and the bound files.
fn set_up(dir: &Path, pod: &Pod, wanted: &[(&str, LinkNameSpaceType)]) -> Result<()> {
    if pod.new_net {
        sys::interface::up(c"lo").doing("set the pod's lo up")?;
    }
    if pod.new_uts && !pod.hostname.is_empty() {
        rustix::system::sethostname(pod.hostname.as_bytes()).doing(format_args!("set the host name {:?}", pod.hostname))?;
    }
    for (name, value) in &pod.sysctls {
        set_sysctl(pod, name, value)?;
    }
    for (kind, _) in wanted {
        let file = wire::namespace(dir, kind);
        File::create(&file).on("make", &file)?;
        mount_bind(format!("/proc/self/ns/{kind}"), &file).on("bind", &file)?;
    }
    Ok(())
}

/// Set a sysctl that belongs to a namespace of the pod; any other would change the node.
fn set_sysctl(pod: &Pod, name: &str, value: &str) -> Result<()> {
    let path = if name.contains('/') { name.to_owned() } else { name.replace('.', "/") };
    let ipc = path.starts_with("fs/mqueue/")
        || path.starts_with("kernel/msg")
        || path.starts_with("kernel/sem")
        || path.starts_with("kernel/shm");
    let uts = path == "kernel/hostname" || path == "kernel/domainname";
    let own = (pod.new_net && path.starts_with("net/")) || (pod.new_ipc && ipc) || (pod.new_uts && uts);
    if !own || path.split('/').any(|part| part.is_empty() || part == "..") {
        return Err(Error::new(format!("sysctl {name} is not in a namespace of the pod's own")));
    }
    let file = Path::new("/proc/sys").join(path);
    fs::write(&file, value).on("write", &file)
}
