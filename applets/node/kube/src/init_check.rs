//! Checks before `kubeadm init` that kubeadm does not make: a cluster with these faults comes up and does not work.

use std::net::IpAddr;

use kit::{Context, Error, Result};
use netlink::{Cidr, Netlink};

/// Services' range where no option names one: kubeadm's own default.
const SERVICES: &str = "10.96.0.0/12";
/// Beginnings of the names of pod networks' interfaces.
const OF_PODS: &[&str] = &["cni", "flannel", "kube-", "veth"];
/// Free memory of /var below which etcd and the pods' files can't be held, in bytes.
const FREE: u64 = 256 << 20;

/// Refuses ranges that overlap one another or hold an address of this node, and a full /var.
///
/// # Errors
/// A sentence that names the option and the reason.
pub fn check(words: &[String]) -> Result<()> {
    let mut ranges = Vec::new();
    for (option, default) in [("--pod-network-cidr", ""), ("--service-cidr", SERVICES)] {
        let text = value(words, option).unwrap_or(default);
        for part in text.split(',').filter(|part| !part.is_empty()) {
            ranges.push((option, range(option, part)?));
        }
    }
    let own = own_addresses().doing("read this node's addresses")?;
    clashes(&ranges, &own)?;
    let stat = rustix::fs::statvfs("/var").on("look at", "/var")?;
    room(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Addresses of this node. Those of pods' networks do not count: `kubeadm reset` leaves them, and
/// init with the same range takes them over.
fn own_addresses() -> Result<Vec<IpAddr>> {
    let mut kernel = Netlink::open()?;
    let links = kernel.links()?;
    let is_pods =
        |index: u32| links.iter().any(|link| link.index == index && OF_PODS.iter().any(|name| link.name.starts_with(name)));
    Ok(kernel.addresses()?.into_iter().filter(|address| !is_pods(address.index)).map(|address| address.cidr.addr).collect())
}

/// Value of an option, behind an equals sign or in the next word; the last one counts.
fn value<'a>(words: &'a [String], option: &str) -> Option<&'a str> {
    let mut found = None;
    for (at, word) in words.iter().enumerate() {
        match word.strip_prefix(option) {
            Some("") => found = words.get(at + 1).map(String::as_str),
            Some(rest) if rest.starts_with('=') => found = rest.get(1..),
            _ => {}
        }
    }
    found
}

fn range(option: &str, text: &str) -> Result<Cidr> {
    let parsed = text.split_once('/').and_then(|(addr, prefix)| Cidr::new(addr.parse().ok()?, prefix.parse().ok()?));
    let cidr = parsed.ok_or_else(|| Error::usage(format!("{option} {text}: not a range such as 10.244.0.0/16")))?;
    if cidr.network() == cidr {
        return Ok(cidr);
    }
    let network = cidr.network();
    Err(Error::usage(format!("{option} {text}: the range begins at {}/{}", network.addr, network.prefix)))
}

fn clashes(ranges: &[(&str, Cidr)], own: &[IpAddr]) -> Result<()> {
    for (at, (option, range)) in ranges.iter().enumerate() {
        let shown = format!("{option} {}/{}", range.addr, range.prefix);
        if let Some(address) = own.iter().find(|address| range.contains(**address)) {
            return Err(Error::new(format!("{shown} holds this node's own address {address}: choose a range that nobody uses")));
        }
        let overlaps = |other: &Cidr| range.contains(other.addr) || other.contains(range.addr);
        if let Some((other, cidr)) = ranges.iter().skip(at + 1).find(|(_, other)| overlaps(other)) {
            return Err(Error::new(format!("{shown} and {other} {}/{} overlap", cidr.addr, cidr.prefix)));
        }
    }
    Ok(())
}

fn room(free: u64) -> Result<()> {
    if free >= FREE {
        return Ok(());
    }
    let (have, want) = (free >> 20, FREE >> 20);
    Err(Error::new(format!(
        "/var has {have} MiB left, and a control plane needs {want}: give the machine more memory, or a disk by var.disk"
    )))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    fn said(ranges: &[(&'static str, &str)], own: &[&str]) -> String {
        let ranges: Vec<(&str, Cidr)> = ranges.iter().map(|(option, text)| (*option, range(option, text).unwrap())).collect();
        let own: Vec<IpAddr> = own.iter().map(|text| text.parse().unwrap()).collect();
        clashes(&ranges, &own).map_or_else(|e| e.to_string(), |()| "ok".into())
    }

    #[test]
    fn options_are_read_in_both_forms() {
        assert_eq!(value(&words("init --service-cidr=10.0.0.0/16"), "--service-cidr"), Some("10.0.0.0/16"));
        assert_eq!(value(&words("init --service-cidr 10.0.0.0/16 -v 5"), "--service-cidr"), Some("10.0.0.0/16"));
        assert_eq!(value(&words("init --service-cidrs=10.0.0.0/16"), "--service-cidr"), None);
    }

    #[test]
    fn ranges_are_networks() {
        for (text, words) in [
            ("10.244.0.0", "not a range"),
            ("10.244.0.0/33", "not a range"),
            ("nonsense/16", "not a range"),
            ("10.244.1.0/16", "begins at 10.244.0.0/16"),
        ] {
            assert!(range("--pod-network-cidr", text).unwrap_err().to_string().contains(words), "{text}");
        }
        assert!(range("--pod-network-cidr", "fd00:10:244::/56").is_ok());
    }

    #[test]
    fn ranges_that_clash_are_named() {
        let (pods, services) = ("--pod-network-cidr", "--service-cidr");
        assert_eq!(said(&[(pods, "10.244.0.0/16"), (services, SERVICES)], &["192.168.1.4", "::1"]), "ok");
        assert!(said(&[(pods, "192.168.0.0/16")], &["192.168.1.4"]).contains("own address 192.168.1.4"));
        let both = said(&[(pods, "10.100.0.0/16"), (services, SERVICES)], &[]);
        assert_eq!(both, "--pod-network-cidr 10.100.0.0/16 and --service-cidr 10.96.0.0/12 overlap");
        assert_eq!(said(&[(pods, "10.244.0.0/16"), (pods, "fd00::/48"), (services, "fd01::/112")], &["fe80::1"]), "ok");
    }

    #[test]
    fn a_full_var_is_refused() {
        assert!(room(FREE).is_ok() && room(FREE - 1).unwrap_err().to_string().contains("/var has 255 MiB left"));
    }
}
