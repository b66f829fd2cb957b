//! Kernel features, modules and cgroups.

use std::fs;
use std::path::Path;

use kit::modules::{Modules, is_loaded};

use crate::finding::Finding;
use crate::node::text;

/// Namespaces that containers need, as /proc/self/ns names them.
const NAMESPACES: &[&str] = &["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];
/// File systems that must be known, or whose module must be there.
const FILE_SYSTEMS: &[&str] = &["overlay", "squashfs", "tmpfs"];
/// Controllers of cgroup2 that the kubelet needs.
const CONTROLLERS: &[&str] = &["cpu", "cpuset", "io", "memory", "pids"];
/// Modules of pod networks: bridges, pairs of interfaces, packet filters.
const MODULES: &[&str] = &["bridge", "veth", "nf_tables", "nf_nat", "nf_conntrack"];

/// Namespaces, file systems and seccomp.
pub fn features() -> Finding {
    let mut missing: Vec<String> = Vec::new();
    let namespaces = NAMESPACES.iter().filter(|name| !Path::new("/proc/self/ns").join(name).exists());
    missing.extend(namespaces.map(|name| format!("{name} namespaces")));
    let known = text("/proc/filesystems");
    let modules = Modules::of_running_kernel().ok();
    let has = |name: &str| {
        let listed = known.lines().any(|line| line.split_whitespace().last() == Some(name));
        listed || modules.as_ref().is_some_and(|modules| !modules.files(name).is_empty())
    };
    missing.extend(FILE_SYSTEMS.iter().filter(|name| !has(name)).map(|name| format!("the file system {name}")));
    if !Path::new("/proc/sys/kernel/seccomp").exists() {
        missing.push("seccomp filters".into());
    }
    let release = text("/proc/sys/kernel/osrelease");
    match missing.as_slice() {
        [] => Finding::good(format!("Linux {release} has all that containers need")),
        missing => Finding::bad(
            format!("Linux {release} lacks {}", missing.join(", ")),
            "boot a kernel with these options; board/kernel/ has configurations that work",
        ),
    }
}

/// Modules of pod networks, loaded or built in.
pub fn modules() -> Finding {
    let modules = Modules::of_running_kernel();
    let is_there = |name: &&&str| {
        let file = modules.as_ref().is_ok_and(|modules| modules.is_builtin(name) || !modules.files(name).is_empty());
        is_loaded(name) || file || Path::new("/sys/module").join(name).exists()
    };
    let missing: Vec<&str> = MODULES.iter().filter(|name| !is_there(name)).copied().collect();
    if missing.is_empty() {
        return Finding::good("those of pod networks are there");
    }
    let release = text("/proc/sys/kernel/osrelease");
    Finding::bad(
        format!("{} can't be loaded", missing.join(", ")),
        format!("boot with the modules segment of the kernel {release}: modules.cpio.zst of the same build"),
    )
}

/// The one hierarchy of cgroup2 and its controllers.
pub fn cgroups() -> Finding {
    let Ok(all) = fs::read_to_string("/sys/fs/cgroup/cgroup.controllers") else {
        return Finding::bad(
            "cgroup2 is not mounted at /sys/fs/cgroup",
            "remove systemd.unified_cgroup_hierarchy=0 from the kernel's command line",
        );
    };
    let missing = missing_controllers(&all);
    if missing.is_empty() {
        return Finding::good("cgroup2 with cpu, cpuset, io, memory and pids");
    }
    Finding::bad(
        format!("cgroup2 has no controller {}", missing.join(", ")),
        "remove cgroup_disable= and cgroup_no_v1= from the kernel's command line, or boot a kernel that has them",
    )
}

fn missing_controllers(all: &str) -> Vec<&'static str> {
    CONTROLLERS.iter().filter(|name| !all.split_whitespace().any(|one| one == **name)).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_controller_is_named() {
        assert_eq!(missing_controllers("cpuset cpu io hugetlb pids\n"), ["memory"]);
        assert!(missing_controllers("cpuset cpu io memory hugetlb pids rdma").is_empty());
    }
}
