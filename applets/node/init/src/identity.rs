//! The files by which programs know this machine; each is made only when nobody brought it.

use std::fs::{self, Permissions};
use std::net::IpAddr;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use config::{COMMAND_LINE, command_line, key};
use kit::{Context, Error, Result, paths};
use rustix::rand::{GetRandomFlags, getrandom};
use rustix::system::{sethostname, uname};

use crate::{Machine, ip_parameter};

/// The kubelet exits without /etc/passwd and makes no pod without /etc/resolv.conf and, on the host's network, /etc/hosts.
const FILES: &[(&str, &str, u32)] = &[
    ("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n", 0o644),
    ("/etc/group", "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n", 0o644),
    ("/etc/resolv.conf", "", 0o644),
    ("/etc/nsswitch.conf", "hosts: files dns\n", 0o644),
];

/// Directories that others expect to be there.
const DIRECTORIES: &[(&str, u32)] = &[
    ("/root", 0o700),
    ("/mnt", 0o755),
    ("/etc/kubernetes/manifests", 0o755),
    // The kubelet refuses a --config-dir that is not there.
    ("/etc/kubernetes/kubelet.conf.d", 0o755),
    ("/etc/cni/net.d", 0o755),
    ("/run/systemd/resolve", 0o755),
];

/// Links that others expect to be there, and their targets.
const LINKS: &[(&str, &str)] = &[
    ("/etc/mtab", "/proc/self/mounts"),
    // A cluster that was made beside systemd-resolved names this file in the configuration of all its kubelets.
    ("/run/systemd/resolve/resolv.conf", "/etc/resolv.conf"),
];

/// File of the machine's own number; a virtual machine may have none.
const UUID: &str = "/sys/class/dmi/id/product_uuid";

/// Make all of them.
pub fn files(_: &mut Machine) -> Result<String> {
    for (dir, mode) in DIRECTORIES {
        if !Path::new(dir).exists() {
            fs::create_dir_all(dir).on("make", dir)?;
            fs::set_permissions(dir, Permissions::from_mode(*mode)).on("set the mode of", dir)?;
        }
    }
    let release = os_release(kit::version_number());
    for (path, text, mode) in FILES.iter().copied().chain([("/etc/os-release", release.as_str(), 0o644)]) {
        if !Path::new(path).exists() {
            fs::write(path, text).on("write", path)?;
            fs::set_permissions(path, Permissions::from_mode(mode)).on("set the mode of", path)?;
        }
    }
    for (link, target) in LINKS {
        if fs::symlink_metadata(link).is_err() {
            symlink(target, link).on("link", link)?;
        }
    }
    machine_id()?;
    hosts(None)?;
    Ok(String::new())
}

/// Content of /etc/os-release (freedesktop.org's os-release(5)): the kubelet shows PRETTY_NAME as the node's OS image.
fn os_release(version: &str) -> String {
    format!("NAME=\"kutties\"\nID=kutties\nVERSION_ID={version}\nPRETTY_NAME=\"kutties {version}\"\n")
}

/// The machine's number: the firmware's, so that it is the same after a reboot, else the one that a disk of /var keeps, else a random
/// one.
fn machine_id() -> Result<()> {
    const PATH: &str = "/etc/machine-id";
    if fs::read_to_string(PATH).is_ok_and(|text| text.trim().len() == 32) {
        return Ok(());
    }
    let uuid = fs::read_to_string(UUID).unwrap_or_default().trim().replace('-', "").to_ascii_lowercase();
    let kept = fs::read_to_string(paths::MACHINE_ID_KEPT).unwrap_or_default().trim().to_owned();
    let id = match [uuid, kept].into_iter().find(|id| is_number(id)) {
        Some(id) => id,
        None => keep(random()?)?,
    };
    fs::write(PATH, format!("{id}\n")).on("write", PATH)
}

/// For the next boot, if /var is there then.
fn keep(id: String) -> Result<String> {
    let path = Path::new(paths::MACHINE_ID_KEPT);
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).on("make", dir)?;
    }
    fs::write(path, format!("{id}\n")).on("write", path)?;
    Ok(id)
}

/// Tells if it is 32 hexadecimal digits and not all the same, as careless firmware has it.
fn is_number(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()) && id.bytes().any(|b| Some(b) != id.bytes().next())
}

/// It need be unique, not secret: never wait for the kernel's entropy here.
fn random() -> Result<String> {
    let mut bytes = [0_u8; 16];
    getrandom(&mut bytes, GetRandomFlags::INSECURE).doing("make a machine id")?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

/// The name that a person gave: the configuration's or the `ip=` parameter's. Without one the network may bring it.
pub fn hostname(machine: &mut Machine) -> Result<String> {
    let words = command_line::words(&fs::read_to_string("/proc/cmdline").unwrap_or_default());
    let configured = Some(machine.config.text(&key::HOSTNAME)).filter(|name| !name.is_empty()).map(str::to_owned);
    // ip= stands on the command line, and counts before all but the key there.
    let by_person = machine.config.source(&key::HOSTNAME).is_some_and(|source| source == COMMAND_LINE);
    let given = ip_parameter::all(&words).find_map(|ip| ip.hostname);
    let Some(name) = (if by_person { configured } else { given.or(configured) }) else {
        return Ok("not given".into());
    };
    set_hostname(&name)?;
    Ok(name)
}

/// A name after all where neither a person nor the network gave one.
pub fn last_name(_: &mut Machine) -> Result<String> {
    if own_name().is_none() {
        set_hostname(&by_card())?;
    }
    Ok(own_name().unwrap_or_default())
}

/// This machine's name, if it has one.
pub fn own_name() -> Option<String> {
    let name = uname().nodename().to_string_lossy().into_owned();
    Some(name).filter(|name| !matches!(name.as_str(), "" | "(none)" | "localhost"))
}

/// Set the name, in the kernel and in /etc/hosts.
pub fn set_hostname(name: &str) -> Result<()> {
    if own_name().as_deref() == Some(name) {
        return Ok(());
    }
    // It goes into files and arguments; a parameter such as ip= has brought it unseen.
    if !config::is_host_name(name) {
        return Err(Error::new(format!("{name:?} can't be this machine's name")));
    }
    sethostname(name.as_bytes()).doing(format!("set the hostname to {name}"))?;
    fs::write("/etc/hostname", format!("{name}\n")).on("write", "/etc/hostname")?;
    hosts(None)
}

/// `kutties-525400123456`, by the lowest-numbered card.
pub fn by_card() -> String {
    let mut cards: Vec<(u32, String)> = Vec::new();
    for entry in fs::read_dir("/sys/class/net").into_iter().flatten().flatten() {
        let read = |name: &str| fs::read_to_string(entry.path().join(name)).unwrap_or_default().trim().to_owned();
        let mac = read("address").replace(':', "");
        if entry.path().join("device").exists() && mac.len() == 12 {
            cards.push((read("ifindex").parse().unwrap_or(u32::MAX), mac));
        }
    }
    cards.sort();
    cards.first().map_or_else(|| "kutties".into(), |(_, mac)| format!("kutties-{mac}"))
}

/// The first line of a file that kutties wrote and may write again.
const MARK: &str = "# written by kutties; replace this line to keep your own\n";

/// /etc/hosts with this machine's name at `address`, unless a person wrote it.
pub fn hosts(address: Option<IpAddr>) -> Result<()> {
    const PATH: &str = "/etc/hosts";
    if fs::read_to_string(PATH).is_ok_and(|text| !text.starts_with(MARK)) {
        return Ok(());
    }
    // The address outlives a new name.
    let there = fs::read_to_string(PATH).unwrap_or_default();
    let last = there.lines().last().and_then(|line| line.split(' ').next()?.parse::<IpAddr>().ok());
    let address = address.or(last.filter(|last| !last.is_loopback()));
    let own = own_name().map_or_else(String::new, |name| match address {
        Some(address) => format!("{address} {name}\n"),
        None => format!("127.0.1.1 {name}\n"),
    });
    fs::write(PATH, format!("{MARK}127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n{own}")).on("write", PATH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn careless_uuids_are_no_numbers() {
        assert!(is_number("4c4c4544003958108052b4c04f4d4d32"));
        assert!(!is_number("00000000000000000000000000000000"));
        assert!(!is_number("not-a-uuid"));
    }
}
