//! Directory of a sandbox, for its monitor and its containers: the monitor's orders, `/dev/shm`, three files of `/etc`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use kit::{Context, Error, Result};
use rustix::mount::{MountFlags, mount};

use super::overlay::unmount_all;
use crate::store::Sandbox;
use monitor::wire::{self, Pod};

/// Make the directory's contents, all but the hosts file, which waits for the addresses.
pub fn make(dir: &Path, sandbox: &Sandbox) -> Result<()> {
    for directory in ["ns", "exits", "containers"].map(|name| dir.join(name)) {
        fs::create_dir_all(&directory).on("make", directory)?;
    }
    let pod = serde_json::to_vec(&orders(sandbox)).doing("encode the monitor's orders")?;
    write(&wire::pod_file(dir), &pod)?;
    write(&dir.join("hostname"), format!("{}\n", sandbox.hostname()).as_bytes())?;
    write(&dir.join("resolv.conf"), resolver(sandbox)?.as_bytes())?;
    if !sandbox.on_host_ipc() {
        mount_shm(&dir.join("shm"))?;
    }
    Ok(())
}

/// Write the hosts file for containers to which the kubelet gives none.
pub fn write_hosts(dir: &Path, sandbox: &Sandbox, ips: &[String]) -> Result<()> {
    let hosts = if sandbox.on_host_network() {
        fs::read("/etc/hosts").unwrap_or_else(|_| b"127.0.0.1\tlocalhost\n".to_vec())
    } else {
        let mut text = String::from("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
        for ip in ips {
            let _ = writeln!(text, "{ip}\t{}", sandbox.hostname());
        }
        text.into_bytes()
    };
    write(&dir.join("hosts"), &hosts)
}

/// Unmount what is mounted in the directory: by us, or by a monitor that died.
pub fn release(dir: &Path) -> Result<()> {
    for kind in ["net", "ipc", "uts", "pid"] {
        unmount_all(&wire::namespace(dir, kind))?;
    }
    unmount_all(&dir.join("shm"))
}

fn orders(sandbox: &Sandbox) -> Pod {
    let host_network = sandbox.on_host_network();
    let linux = sandbox.config.linux.clone().unwrap_or_default();
    Pod {
        id: sandbox.id.clone(),
        new_net: !host_network,
        new_ipc: !sandbox.on_host_ipc(),
        // The host's name belongs to the host's network: what it resolves to is an address of the host.
        new_uts: !host_network,
        hostname: if host_network { String::new() } else { sandbox.config.hostname.clone() },
        sysctls: sysctls(linux.sysctls, host_network),
        cgroup_parent: sandbox.cgroup.clone(),
        monitor_cgroups: sandbox.monitor_cgroups(),
        init_cgroup: if sandbox.shares_pids() { sandbox.init_cgroup() } else { String::new() },
    }
}

/// Sysctls of the request; and in a network of the pod's own, where it takes nothing from anybody, low ports and ping for every user, as
/// images expect from other runtimes.
fn sysctls(mut asked: BTreeMap<String, String>, host_network: bool) -> BTreeMap<String, String> {
    if !host_network {
        for (name, value) in [("net.ipv4.ip_unprivileged_port_start", "0"), ("net.ipv4.ping_group_range", "0 2147483647")] {
            let is_asked = asked.contains_key(name) || asked.contains_key(&name.replace('.', "/"));
            if !is_asked {
                asked.insert(name.to_owned(), value.to_owned());
            }
        }
    }
    asked
}

/// resolv.conf as the pod asks for it; the host's when it asks for nothing.
fn resolver(sandbox: &Sandbox) -> Result<String> {
    let dns = sandbox.config.dns_config.clone().unwrap_or_default();
    if dns.servers.is_empty() && dns.searches.is_empty() && dns.options.is_empty() {
        return Ok(fs::read_to_string("/etc/resolv.conf").unwrap_or_default());
    }
    let mut text = String::new();
    for (key, values) in [("search", &dns.searches), ("options", &dns.options)] {
        if !values.is_empty() {
            let _ = writeln!(text, "{key} {}", values.join(" "));
        }
    }
    for server in &dns.servers {
        let _ = writeln!(text, "nameserver {server}");
    }
    // A line break in a value would be a line of its own.
    let expected = dns.servers.len() + usize::from(!dns.searches.is_empty()) + usize::from(!dns.options.is_empty());
    if text.lines().count() == expected { Ok(text) } else { Err(Error::new("the pod's DNS settings hold a line break")) }
}

/// 64 MiB, as all runtimes give; what a pod really uses counts against its own memory limit.
fn mount_shm(place: &Path) -> Result<()> {
    fs::create_dir_all(place).on("make", place)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("shm", place, "tmpfs", flags, c"mode=1777,size=65536k").on("mount", place)
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).on("write", path)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use cri_api::{DnsConfig, PodSandboxConfig};

    fn with_dns(servers: &[&str], searches: &[&str]) -> Sandbox {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let dns = DnsConfig { servers: own(servers), searches: own(searches), options: own(&["ndots:5"]) };
        let config = PodSandboxConfig { dns_config: Some(dns), ..PodSandboxConfig::default() };
        Sandbox { config, ..Sandbox::default() }
    }

    #[test]
    fn the_resolver_is_what_was_asked_for() {
        let text = resolver(&with_dns(&["10.96.0.10"], &["svc.cluster.local", "cluster.local"])).unwrap();
        assert_eq!(text, "search svc.cluster.local cluster.local\noptions ndots:5\nnameserver 10.96.0.10\n");
    }

    #[test]
    fn what_a_pod_asks_goes_before_our_defaults() {
        let asked = BTreeMap::from([("net/ipv4/ip_unprivileged_port_start".to_owned(), "1024".to_owned())]);
        let with = sysctls(asked.clone(), false);
        assert_eq!((with.len(), with["net.ipv4.ping_group_range"].as_str()), (2, "0 2147483647"));
        assert_eq!(sysctls(asked.clone(), true), asked);
    }

    #[test]
    fn a_line_break_is_no_way_in() {
        assert!(resolver(&with_dns(&["10.96.0.10\nnameserver 6.6.6.6"], &[])).is_err());
    }
}
