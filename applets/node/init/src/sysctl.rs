//! Kernel settings: what the kubelet and kubeadm check, then the configuration's own.

use std::fs;
use std::io::ErrorKind;

use config::{Config, key};
use kit::{Error, Result};

use crate::Machine;

/// Name and value, with who wants it.
const SETTINGS: &[(&str, &str)] = &[
    // The kernel asks this program for modules; ours is there whatever the kernel was built with.
    ("kernel.modprobe", "/sbin/modprobe"),
    // The kubelet's kernel defaults; with --protect-kernel-defaults it refuses others.
    ("vm.overcommit_memory", "1"),
    ("vm.panic_on_oom", "0"),
    ("kernel.panic", "10"),
    ("kernel.panic_on_oops", "1"),
    ("kernel.keys.root_maxkeys", "1000000"),
    ("kernel.keys.root_maxbytes", "25000000"),
    // kubeadm's preflight; pods' packets are forwarded.
    ("net.ipv4.ip_forward", "1"),
    ("net.ipv6.conf.all.forwarding", "1"),
    ("net.ipv6.conf.default.forwarding", "1"),
    // Each container may watch files: the kernel's 128 instances are used up by a few dozen pods.
    ("fs.inotify.max_user_instances", "8192"),
    ("fs.inotify.max_user_watches", "524288"),
    // Databases in pods ask for it.
    ("vm.max_map_count", "262144"),
    ("kernel.pid_max", "4194304"),
    // A pod does not read the kernel's log: the command line stands there, and a join's token may on that.
    ("kernel.dmesg_restrict", "1"),
    // The console is a person's from now on: the kernel shows errors there, and keeps the rest for dmesg.
    ("kernel.printk", "4"),
];

/// Settings that exist only once br_netfilter is loaded: bridged packets pass the packet filter, as
/// kube-proxy needs.
const BRIDGE: &[(&str, &str)] = &[("net.bridge.bridge-nf-call-iptables", "1"), ("net.bridge.bridge-nf-call-ip6tables", "1")];

/// File of the kernel's policy for huge pages, and the parameter that sets it on the command line.
const HUGE_PAGES: (&str, &str) = ("/sys/kernel/mm/transparent_hugepage/enabled", "transparent_hugepage=");

/// All settings. Those that the kernel does not have are no error; a refused one is.
pub fn apply(machine: &mut Machine) -> Result<String> {
    let cmdline = fs::read_to_string("/proc/cmdline").unwrap_or_default();
    // Programs that ask for huge pages get them. Given to all, each grows a small program by up to
    // 2 MiB, which is memory that is missed.
    let huge = (!cmdline.contains(HUGE_PAGES.1)).then(|| write(HUGE_PAGES.0, "transparent_hugepage", "madvise"));
    let reserve = fs::read_to_string("/proc/meminfo").ok().and_then(|text| reserve(&text));
    let reserve = reserve.map(|kib| set("vm.min_free_kbytes", &kib.to_string()));
    finish(SETTINGS.iter().map(|(name, value)| set(name, value)).chain(reserve).chain(huge).chain(configured(&machine.config)))
}

/// KiB that the kernel keeps free for itself: by its own formula, 4·√total. For transparent huge pages it adds some 40 MiB, more
/// than all that runs here needs; on a small node that memory is missed.
fn reserve(meminfo: &str) -> Option<u64> {
    let total: u64 = meminfo.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse().ok()?;
    // The bounds are the kernel's, too.
    Some((total * 16).isqrt().clamp(128, 262_144))
}

/// Those that came with the modules, and the configuration's once more, since some of its names may be theirs.
pub fn apply_after_modules(machine: &mut Machine) -> Result<String> {
    finish(BRIDGE.iter().map(|(name, value)| set(name, value)).chain(configured(&machine.config)))
}

/// The configuration's alone, when it has changed.
pub fn apply_again(config: &Config) -> Result<String> {
    finish(configured(config))
}

fn configured(config: &Config) -> impl Iterator<Item = Result<(), String>> {
    config.open(&key::SYSCTL).map(|(name, value)| set(name, &value.join(",")))
}

fn finish(outcomes: impl Iterator<Item = Result<(), String>>) -> Result<String> {
    let refused: Vec<String> = outcomes.filter_map(Result::err).collect();
    if refused.is_empty() { Ok(String::new()) } else { Err(Error::new(refused.join("; "))) }
}

fn set(name: &str, value: &str) -> Result<(), String> {
    write(&format!("/proc/sys/{}", name.replace('.', "/")), name, value)
}

fn write(path: &str, name: &str, value: &str) -> Result<(), String> {
    match fs::write(path, value) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(format!("set {name} to {value}: {}", e.kind())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_reserve_grows_with_the_root_of_the_memory() {
        assert_eq!(reserve("MemTotal:         492000 kB\nMemFree: 1 kB\n"), Some(2805));
        assert_eq!(reserve("MemTotal: 100 kB\n"), Some(128));
        assert_eq!(reserve("MemFree: 100 kB\n"), None);
    }
}
