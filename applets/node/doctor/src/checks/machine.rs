//! Boot, clock, memory, disks and network.

use std::net::ToSocketAddrs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use kit::paths;

use crate::boot_log;
use crate::finding::Finding;
use crate::node::{addresses, text};

/// Memory that must be left for the next pod, in KiB.
const MEMORY: u64 = 48 << 10;
/// The kubelet evicts pods below a tenth of a file system's bytes and a twentieth of its files.
const SPACE: u64 = 10;
const FILES: u64 = 5;

/// Steps of the boot that failed.
pub fn boot() -> Finding {
    let log = text(paths::BOOT_LOG);
    if log.is_empty() {
        return Finding::idle(format!("there is no {}", paths::BOOT_LOG), "this machine was not booted by kutties");
    }
    let steps = boot_log::steps(&log);
    let failed: Vec<String> =
        steps.iter().filter(|step| step.failed).map(|step| format!("{}: {}", step.name, step.note)).collect();
    match failed.as_slice() {
        [] => Finding::good(format!("all {} steps were done", steps.len())),
        failed => Finding::bad(failed.join("; "), format!("{} and the logs beside it tell more", paths::BOOT_LOG)),
    }
}

/// Wall clock.
pub fn clock() -> Finding {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs().cast_signed());
    if now < kit::clock::earliest() {
        return Finding::bad(
            "it is before this image was made: certificates are not valid yet",
            "set it with date -s, or name a time server with the key ntp.servers",
        );
    }
    Finding::good("it is later than the image")
}

/// Free memory.
pub fn memory() -> Finding {
    let info = text("/proc/meminfo");
    let field = |name: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0)
    };
    let (total, available) = (field("MemTotal"), field("MemAvailable"));
    let told = format!("{} of {} MiB are available", available >> 10, total >> 10);
    if available >= MEMORY {
        return Finding::good(told);
    }
    Finding::warning(told, "the kubelet evicts pods below 100 MiB: give the machine more, or look for the largest in ps aux")
}

/// File systems of the node.
pub fn disk() -> Finding {
    let mut full = Vec::new();
    for place in ["/", "/var", "/run", "/data"] {
        if !Path::new(place).exists() {
            continue;
        }
        let Ok(stat) = rustix::fs::statvfs(place) else { continue };
        full.extend(shortage(place, (stat.f_bavail, stat.f_blocks), (stat.f_favail, stat.f_files)));
    }
    match full.as_slice() {
        [] => Finding::good("/, /var and /run have space"),
        full => Finding::warning(full.join("; "), "du -x -d 2 /var and kutties image list show what takes it"),
    }
}

fn shortage(place: &str, (bytes, all): (u64, u64), (files, most): (u64, u64)) -> Option<String> {
    let part = |free: u64, all: u64| free.saturating_mul(100).checked_div(all).unwrap_or(100);
    if part(bytes, all) < SPACE {
        return Some(format!("{place} has {} % of its bytes left", part(bytes, all)));
    }
    (part(files, most) < FILES).then(|| format!("{place} has {} % of its files left", part(files, most)))
}

/// Addresses and the default route.
pub fn network() -> Finding {
    let own: Vec<String> = addresses().iter().map(ToString::to_string).collect();
    let has_route = default_route(&text("/proc/net/route"), &text("/proc/net/ipv6_route"));
    if own.is_empty() {
        return Finding::bad(
            "no interface has an address",
            "ip link shows the carriers; dhclient asks for an address, or set ip= on the command line",
        );
    }
    if !has_route {
        return Finding::warning(
            format!("{} without a default route", own.join(", ")),
            "the DHCP server names no router: ip route add default via ADDRESS, or give ip= on the kernel's command line",
        );
    }
    Finding::good(format!("{} and a default route", own.join(", ")))
}

fn default_route(v4: &str, v6: &str) -> bool {
    let four = v4.lines().any(|line| line.split_whitespace().nth(1) == Some("00000000"));
    let all = "0".repeat(32);
    four || v6.lines().any(|line| {
        let mut fields = line.split_whitespace();
        // Destination, prefix, …, interface: the kernel's own route that refuses is by lo.
        fields.next() == Some(&all) && fields.next() == Some("00") && fields.last() != Some("lo")
    })
}

/// Name servers, and the node's own name.
pub fn names() -> Finding {
    let config = text("/etc/resolv.conf");
    let servers: Vec<&str> = config.lines().filter_map(|line| line.strip_prefix("nameserver")).map(str::trim).collect();
    let host = text("/proc/sys/kernel/hostname");
    if servers.is_empty() {
        return Finding::warning(
            "/etc/resolv.conf names no server",
            "write nameserver ADDRESS into it, or have the DHCP server name one",
        );
    }
    let found = (host.as_str(), 0_u16).to_socket_addrs().is_ok_and(|mut found| found.next().is_some());
    if found {
        Finding::good(format!("servers {}; {host} is known", servers.join(", ")))
    } else {
        Finding::warning(format!("{host} has no address by /etc/hosts or DNS"), "kubeadm warns of it; add the name to /etc/hosts")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortages_are_of_bytes_or_files() {
        assert_eq!(shortage("/var", (9, 100), (1, 1)).as_deref(), Some("/var has 9 % of its bytes left"));
        assert_eq!(shortage("/var", (10, 100), (4, 100)).as_deref(), Some("/var has 4 % of its files left"));
        assert_eq!(shortage("/var", (10, 100), (0, 0)), None);
    }

    #[test]
    fn default_routes_of_both_families() {
        let v4 = "Iface\tDestination\tGateway\neth0\t00000000\t0100A8C0\t0003\n";
        assert!(default_route(v4, "") && !default_route("Iface\tDestination\neth0\t0000A8C0\t0\n", ""));
        let zero = "0".repeat(32);
        let refusing = format!("{zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200 lo\n");
        let real = format!("{zero} 00 {zero} 00 fe800000000000000000000000000001 00000400 1 0 3 eth0\n");
        assert!(!default_route("", &refusing) && default_route("", &format!("{refusing}{real}")));
    }
}
