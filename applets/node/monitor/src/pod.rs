//! A pod's namespaces: made, set up, and held by bound files, so that they need no process.

use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::path::Path;

use kit::{Context, Error, Result};
use nix::sched::{CloneFlags, setns, unshare};
use rustix::mount::{UnmountFlags, mount_bind, unmount};

use super::init;
use super::wire::{self, Pod};

/// The namespaces that a pod may have of its own, and the calls' names for them.
const KINDS: [(&str, CloneFlags); 4] = [
    ("net", CloneFlags::CLONE_NEWNET),
    ("ipc", CloneFlags::CLONE_NEWIPC),
    ("uts", CloneFlags::CLONE_NEWUTS),
    ("pid", CloneFlags::CLONE_NEWPID),
];

/// Make the pod's namespaces, set them up, bind them below `DIR/ns`, and return to the host's. The descriptor stands for the process
/// that holds a shared PID namespace.
pub fn make(dir: &Path, pod: &Pod) -> Result<Option<OwnedFd>> {
    let wanted: Vec<_> = KINDS.into_iter().filter(|(kind, _)| wants(pod, kind)).collect();
    let directory = dir.join("ns");
    fs::create_dir_all(&directory).on("make", &directory)?;
    let home: Vec<(OwnedFd, CloneFlags)> = wanted.iter().map(|(kind, t)| Ok((open(kind)?, *t))).collect::<Result<_>>()?;
    unshare(wanted.iter().map(|(_, kind)| *kind).collect()).doing("make the pod's namespaces")?;
    let made = set_up(dir, pod, &wanted);
    for (fd, kind) in home {
        setns(fd, kind).doing("return to the host's namespaces")?;
    }
    made.inspect_err(|_| drop(unmake(dir, None)))
}

/// Unbind the namespaces, and end the process that holds one. Missing ones are none.
pub fn unmake(dir: &Path, init: Option<&OwnedFd>) -> Result<()> {
    init.into_iter().for_each(init::stop);
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
        "pid" => !pod.init_cgroup.is_empty(),
        _ => pod.new_uts,
    }
}

fn open(kind: &str) -> Result<OwnedFd> {
    let path = format!("/proc/self/ns/{kind}");
    Ok(File::open(&path).on("open", &path)?.into())
}

/// Inside the new namespaces: `lo`, host name, sysctls, the first process, and the bound files.
fn set_up(dir: &Path, pod: &Pod, wanted: &[(&str, CloneFlags)]) -> Result<Option<OwnedFd>> {
    if pod.new_net {
        sys::interface::up(c"lo").doing("set the pod's lo up")?;
    }
    if pod.new_uts && !pod.hostname.is_empty() {
        rustix::system::sethostname(pod.hostname.as_bytes()).doing(format_args!("set the host name {:?}", pod.hostname))?;
    }
    for (name, value) in &pod.sysctls {
        set_sysctl(pod, name, value)?;
    }
    let shares_pids = !pod.init_cgroup.is_empty();
    let init = if shares_pids { Some(init::start(&pod.init_cgroup, &dir.join("ns"))?) } else { None };
    for (kind, _) in wanted {
        let file = wire::namespace(dir, kind);
        // This process stays where it is: only its children are in the new one.
        let own = if *kind == "pid" { "pid_for_children" } else { kind };
        let bound = File::create(&file).and_then(|_| Ok(mount_bind(format!("/proc/self/ns/{own}"), &file)?));
        if let Err(e) = bound {
            init.iter().for_each(init::stop);
            return Err(e).on("bind", &file);
        }
    }
    Ok(init)
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
