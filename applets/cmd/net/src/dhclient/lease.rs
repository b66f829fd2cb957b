//! A lease: what a server told, and the file that remembers it.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use format::dhcp::{Packet, option};
use kit::fs::Form;
use kit::{Context, Result, paths};
use netlink::Cidr;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// A lease without end, in seconds.
const FOREVER: u32 = u32::MAX;
/// The smallest MTU that is believed: what every IPv4 host must take.
const LEAST_MTU: u16 = 576;

/// The most of each that is taken: a resolver uses three name servers, a kubelet 32 domains, and a site has a few time servers. An
/// option of a long packet could hold hundreds.
const SERVERS: usize = 8;
const DOMAINS: usize = 32;
const ROUTES: usize = 64;

/// Lease of a server. The file `/run/kutties/dhcp/INTERFACE.json` is this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "option 51 is called so")]
pub struct Lease {
    /// The interface.
    pub interface: String,
    /// The address with its prefix, as `10.0.0.5/24`.
    pub address: String,
    /// Routers, best first.
    pub routers: Vec<Ipv4Addr>,
    /// Routes with prefixes; where there are some, routers do not count.
    pub routes: Vec<Way>,
    /// Name servers.
    pub dns: Vec<Ipv4Addr>,
    /// The domain.
    pub domain: Option<String>,
    /// Domains to look short names up in.
    pub search: Vec<String>,
    /// The name that the server gives us.
    pub host_name: Option<String>,
    /// Time servers.
    pub ntp: Vec<Ipv4Addr>,
    /// The longest packet, in bytes.
    pub mtu: Option<u16>,
    /// The server.
    pub server: Option<Ipv4Addr>,
    /// The server to boot from, as an address or a name.
    pub boot_server: Option<String>,
    /// The file to boot.
    pub boot_file: Option<String>,
    /// Lease time of the address, in seconds; 4294967295 for ever.
    pub lease: u32,
    /// Time of the renewal, in seconds after `bound`.
    pub renew: u32,
    /// Time from which any server is asked, in seconds after `bound`.
    pub rebind: u32,
    /// Begin of the lease, in seconds since the machine started (wall clocks jump).
    pub bound: u64,
    /// All options by their numbers, as hexadecimal digits.
    pub options: BTreeMap<u8, String>,
}

/// A route with a prefix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// The network, as `10.1.0.0/16`.
    pub to: String,
    /// The router; none when the network is on the link.
    pub via: Option<Ipv4Addr>,
}

impl Lease {
    /// The lease that an acknowledgement gives; none when it lacks an address that a host can have, or is over at once. What else is
    /// wrong or too much in it is left out: the address counts all the same.
    pub fn of(interface: &str, packet: &Packet) -> Option<Self> {
        let lease = packet.number(option::LEASE).unwrap_or(FOREVER);
        if !is_host(packet.yours) || lease == 0 {
            return None;
        }
        // A network of everything would be a default route in disguise.
        let prefix = packet.prefix().filter(|prefix| *prefix > 0).unwrap_or_else(|| natural_prefix(packet.yours));
        let hosts =
            |number| packet.addresses(number).into_iter().filter(|address| !address.is_unspecified()).take(SERVERS).collect();
        let within = |asked: Option<u32>, otherwise: u32| asked.filter(|t| *t > 0 && *t < lease).unwrap_or(otherwise);
        let rebind = within(packet.number(option::REBIND), lease - lease / 8);
        let renew = within(packet.number(option::RENEW), lease / 2).min(rebind);
        let named = |field: &str, number| packet.text(number).or_else(|| Some(field.to_owned()).filter(|f| !f.is_empty()));
        let next = Some(packet.next_server).filter(|a| !a.is_unspecified()).map(|a| a.to_string());
        Some(Self {
            interface: interface.to_owned(),
            address: Cidr::new(packet.yours.into(), prefix)?.to_string(),
            routers: packet.addresses(option::ROUTERS).into_iter().filter(|router| is_host(*router)).take(SERVERS).collect(),
            routes: packet.routes().iter().filter_map(Way::of).take(ROUTES).collect(),
            dns: hosts(option::DNS),
            domain: packet.text(option::DOMAIN).filter(|name| is_domain(name)),
            search: packet.search().into_iter().filter(|name| is_domain(name)).take(DOMAINS).collect(),
            host_name: packet.text(option::HOST_NAME).filter(|name| is_domain(name)),
            ntp: hosts(option::NTP),
            mtu: packet.short(option::MTU).filter(|mtu| *mtu >= LEAST_MTU),
            server: packet.address(option::SERVER),
            boot_server: next.or_else(|| named(&packet.server_name, option::BOOT_SERVER)),
            boot_file: named(&packet.file, option::BOOT_FILE),
            lease,
            renew,
            rebind,
            bound: since_boot().as_secs(),
            options: packet.options.iter().map(|(number, value)| (*number, hex(value))).collect(),
        })
    }

    /// The address.
    pub fn cidr(&self) -> Result<Cidr> {
        self.address.parse().on("read", file(&self.interface))
    }

    /// The address without its prefix.
    pub fn ipv4(&self) -> Result<Ipv4Addr> {
        match self.cidr()?.addr {
            IpAddr::V4(addr) => Ok(addr),
            IpAddr::V6(addr) => Err(kit::Error::new(format!("{addr} is not an IPv4 address"))),
        }
    }

    /// Returns the time left until `seconds` after the lease began; none for a lease without end.
    pub fn left_until(&self, seconds: u32) -> Option<Duration> {
        let end = Duration::from_secs(self.bound + u64::from(seconds));
        (self.lease != FOREVER).then(|| end.saturating_sub(since_boot()))
    }

    /// Write it down.
    pub fn save(&self) -> Result<()> {
        let file = file(&self.interface);
        std::fs::create_dir_all(paths::DHCP).on("make", paths::DHCP)?;
        let text = serde_json::to_vec_pretty(self).doing("encode a lease")?;
        kit::fs::replace(&file, text, Form::PLAIN)
    }

    /// The lease that was written down for an interface.
    pub fn load(interface: &str) -> Result<Self> {
        read(&file(interface))
    }

    /// The leases of all interfaces, by their names; what can't be read is left out.
    pub fn all() -> Vec<Self> {
        let entries = std::fs::read_dir(paths::DHCP).into_iter().flatten().filter_map(std::result::Result::ok);
        let mut files: Vec<_> = entries.map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "json")).collect();
        files.sort();
        files.iter().filter_map(|file| read(file).ok()).collect()
    }

    /// Forget it.
    pub fn forget(&self) {
        // It lies in /run: what can't be removed now is gone at the next boot.
        let _ = std::fs::remove_file(file(&self.interface));
    }
}

impl Way {
    /// None for a route that no host has: to this machine itself, to groups, or by such an address.
    fn of(route: &format::dhcp::Route) -> Option<Self> {
        let via = Some(route.gateway).filter(|gateway| !gateway.is_unspecified());
        let other = |address: Ipv4Addr| !address.is_loopback() && !address.is_multicast() && !address.is_broadcast();
        let sound = other(route.network) && via.is_none_or(is_host);
        sound.then(|| Self { to: format!("{}/{}", route.network, route.prefix), via })
    }
}

/// Tells if another host, or this one on a network, can have the address.
const fn is_host(address: Ipv4Addr) -> bool {
    !(address.is_unspecified() || address.is_broadcast() || address.is_multicast() || address.is_loopback())
}

impl fmt::Display for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.interface, self.address)?;
        let default = self.routes.iter().find(|way| way.to == "0.0.0.0/0").and_then(|way| way.via);
        if let Some(router) = default.or_else(|| self.routers.first().copied()) {
            write!(f, " by {router}")?;
        }
        if !self.dns.is_empty() {
            let servers: Vec<_> = self.dns.iter().map(ToString::to_string).collect();
            write!(f, ", names from {}", servers.join(" "))?;
        }
        match self.lease {
            FOREVER => f.write_str(", for ever"),
            seconds => write!(f, ", for {seconds} s"),
        }
    }
}

/// The file of an interface's lease. A name with a slash can't be a link's.
pub fn file(interface: &str) -> PathBuf {
    Path::new(paths::DHCP).join(format!("{interface}.json"))
}

fn read(file: &Path) -> Result<Lease> {
    let text = std::fs::read(file).on("read", file)?;
    serde_json::from_slice(&text).on("read", file)
}

/// Time since the machine started, sleep included.
pub fn since_boot() -> Duration {
    let now = clock_gettime(ClockId::Boottime);
    Duration::new(now.tv_sec.cast_unsigned(), now.tv_nsec as u32)
}

/// The prefix of the address's class, for servers that tell no mask.
const fn natural_prefix(addr: Ipv4Addr) -> u8 {
    match addr.octets()[0] {
        0..128 => 8,
        128..192 => 16,
        _ => 24,
    }
}

/// Tells if it can be a host's or domain's name: it goes into files that other programs read, and
/// into their arguments.
fn is_domain(name: &str) -> bool {
    const LONGEST: usize = 253;
    const LONGEST_LABEL: usize = 63;
    let label = |label: &str| {
        let inner = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        inner && (1..=LONGEST_LABEL).contains(&label.len()) && !label.starts_with('-')
    };
    name.len() <= LONGEST && name.split('.').all(label)
}

fn hex(bytes: &[u8]) -> String {
    kit::hex::encode(bytes)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use format::dhcp::Type;

    fn packet() -> Packet {
        let mut packet = Packet::of_client(Type::Ack, 1, [0; 6]);
        packet.yours = Ipv4Addr::new(10, 0, 0, 5);
        packet.options.insert(option::MASK, vec![255, 255, 255, 0]);
        packet.options.insert(option::LEASE, 3600u32.to_be_bytes().to_vec());
        packet
    }

    #[test]
    fn times_are_filled_in_and_kept_in_order() {
        let lease = Lease::of("eth0", &packet()).unwrap();
        assert_eq!((lease.address.as_str(), lease.renew, lease.rebind), ("10.0.0.5/24", 1800, 3150));
        let mut odd = packet();
        odd.options.insert(option::RENEW, 9000u32.to_be_bytes().to_vec());
        odd.options.insert(option::REBIND, 60u32.to_be_bytes().to_vec());
        let lease = Lease::of("eth0", &odd).unwrap();
        assert_eq!((lease.renew, lease.rebind), (60, 60));
        odd.options.remove(&option::LEASE);
        let lease = Lease::of("eth0", &odd).unwrap();
        assert_eq!((lease.lease, lease.left_until(lease.renew)), (FOREVER, None));
    }

    #[test]
    fn what_is_dangerous_is_left_out() {
        let mut odd = packet();
        odd.options.insert(option::HOST_NAME, b"a b;reboot".to_vec());
        odd.options.insert(option::MTU, vec![0, 60]);
        odd.options.remove(&option::MASK);
        let lease = Lease::of("eth0", &odd).unwrap();
        assert_eq!((lease.host_name, lease.mtu, lease.address.as_str()), (None, None, "10.0.0.5/8"));
        odd.yours = Ipv4Addr::UNSPECIFIED;
        assert_eq!(Lease::of("eth0", &odd), None);
    }

    #[test]
    fn names_that_are_none_are_left_out() {
        let (label, whole) = ("a".repeat(64), ["a"; 128].join("."));
        for wrong in [
            "a b",
            "a;reboot",
            "$(reboot)",
            "`id`",
            "a/b",
            "../../etc",
            "-a",
            "--help",
            "a..b",
            ".a",
            "..",
            "a.",
            "é",
            "a\nb",
            "a\0;b\n",
            "\u{1b}[2J",
            "a\tb",
            &label,
            &whole,
        ] {
            let mut odd = packet();
            for number in [option::HOST_NAME, option::DOMAIN] {
                odd.options.insert(number, wrong.as_bytes().to_vec());
            }
            let lease = Lease::of("eth0", &odd).unwrap();
            // The text before a zero byte is the name.
            let rest = wrong.split_once('\0').map(|(name, _)| name.to_owned());
            assert_eq!((lease.host_name, lease.domain), (rest.clone(), rest), "{wrong:?}");
        }
        let mut good = packet();
        good.options.insert(option::HOST_NAME, b"rack-7_b.example.org".to_vec());
        assert_eq!(Lease::of("eth0", &good).unwrap().host_name.as_deref(), Some("rack-7_b.example.org"));
    }

    #[test]
    fn a_lease_of_too_much_or_of_nonsense_keeps_its_address() {
        let mut odd = packet();
        let many: Vec<u8> = (0..300_u16).flat_map(|n| [10, 1, (n >> 8) as u8, n as u8]).collect();
        for number in [option::ROUTERS, option::DNS, option::NTP] {
            odd.options.insert(number, many.clone());
        }
        odd.options.insert(option::ROUTES, [8, 10, 10, 0, 0, 1].repeat(200));
        odd.options.insert(option::SEARCH, b"\x01a\0\0\x02-a\0".repeat(200));
        odd.options.insert(option::MASK, vec![0; 4]);
        let lease = Lease::of("eth0", &odd).unwrap();
        assert_eq!((lease.routers.len(), lease.dns.len(), lease.ntp.len()), (SERVERS, SERVERS, SERVERS));
        assert_eq!((lease.routes.len(), lease.search.len(), lease.search[0].as_str()), (ROUTES, DOMAINS, "a"));
        assert_eq!(lease.address, "10.0.0.5/8");
        // Routes over this machine's own addresses, to groups, and by what is no router.
        let none = [
            &[8, 127, 10, 0, 0, 1][..],
            &[4, 224, 10, 0, 0, 1],
            &[0, 127, 0, 0, 1],
            &[0, 224, 0, 0, 1],
            &[0, 255, 255, 255, 255],
        ];
        odd.options.insert(option::ROUTES, none.concat());
        odd.options.insert(option::ROUTERS, vec![127, 0, 0, 1, 0, 0, 0, 0, 10, 0, 0, 1]);
        let lease = Lease::of("eth0", &odd).unwrap();
        assert_eq!((lease.routes.len(), lease.routers), (0, vec![Ipv4Addr::new(10, 0, 0, 1)]));
        for address in [Ipv4Addr::LOCALHOST, Ipv4Addr::BROADCAST, Ipv4Addr::new(224, 0, 0, 1)] {
            odd.yours = address;
            assert_eq!(Lease::of("eth0", &odd), None, "{address}");
        }
        let mut over = packet();
        over.options.insert(option::LEASE, vec![0; 4]);
        assert_eq!(Lease::of("eth0", &over), None);
    }

    #[test]
    fn it_is_said_in_a_line() {
        let mut packet = packet();
        packet.options.insert(option::ROUTERS, vec![10, 0, 0, 1]);
        packet.options.insert(option::DNS, vec![10, 0, 0, 1, 1, 1, 1, 1]);
        let lease = Lease::of("eth0", &packet).unwrap();
        assert_eq!(lease.to_string(), "eth0 10.0.0.5/24 by 10.0.0.1, names from 10.0.0.1 1.1.1.1, for 3600 s");
        assert_eq!(serde_json::from_str::<Lease>(&serde_json::to_string(&lease).unwrap()).unwrap(), lease);
    }
}
