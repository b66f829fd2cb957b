//! The lab's network: a bridge, a tap a machine, and DHCP that gives each machine its name and address.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use kit::{Context, Error, Result};

use crate::service::Service;
use crate::vm::Nic;
use crate::{namespace, tool, until};

/// The bridge that all machines hang on.
pub const BRIDGE: &str = "kt0";

/// The lab's own address: gateway, DHCP server and control plane.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

/// Its hardware address; no machine's.
const BRIDGE_MAC: &str = "52:54:00:4d:ff:01";

/// The Debian packages that it takes.
pub const PACKAGES: &[&str] = &["dnsmasq-base"];

/// Prefix of the hardware addresses of machines to which DHCP names a time server at the lab's
/// address.
pub const TIMED: &str = "52:54:01";

/// Prefix of the hardware addresses of machines that DHCP attacks: option 224 with a setting for
/// every power, names, routes and a domain that are none.
pub const ATTACKED: &str = "52:54:02";

/// Prefix of the hardware addresses of machines to which DHCP gives the settings of [`Lab::offer`].
pub const OFFERED: &str = "52:54:03";

/// Settings that a hostile DHCP server would like to make; one option holds 255 bytes.
pub const ATTACK: &[&str] = &[
    "kutties.service.x.command=/bin/evil",
    "kutties.ssh.keys=x",
    "kutties.console.shell=/evil",
    "kutties.modules.load=evil",
    "kutties.sysctl.vm.swappiness=3",
    "kutties.config=http://evil/",
    "kutties.settings.unsigned",
    "kutties.settings.dhcp",
    "kutties.join=10.77.0.1:1",
];

/// The first address that is given to a machine; the last byte of its hardware address is the same.
const FIRST: u8 = 11;

/// dnsmasq is up at once; a busy machine gets more.
const DHCP_UP: Duration = Duration::from_mins(1);

/// A network of the lab's own. One a process; it ends with the process at the latest.
#[derive(Debug)]
pub struct Lab {
    dir: PathBuf,
    number: u32,
    next: AtomicU8,
    dhcp: Service,
}

/// A machine's place in the network.
#[derive(Debug, Clone)]
pub struct Seat {
    /// The host name that DHCP gives.
    pub name: String,
    /// The address that DHCP gives.
    pub address: Ipv4Addr,
    /// The card to boot with.
    pub nic: Nic,
}

impl Lab {
    /// Makes the network; [`namespace::inside`] must be true.
    pub fn start() -> Result<Self> {
        if !namespace::inside() {
            return Err(Error::new("start the lab: this process is not in a namespace of its own"));
        }
        let number = namespace::settle()?;
        let dir = PathBuf::from(namespace::DIR);
        links()?;
        let mut dhcp = Service::start("dnsmasq", &mut dnsmasq(&dir)?, &dir.join("log"))?;
        until(DHCP_UP, || {
            dhcp.check()?;
            if dhcp.said().contains("DHCP, IP range") { Ok(()) } else { Err(Error::new("dnsmasq is not ready")) }
        })?;
        Ok(Self { dir, number, next: AtomicU8::new(FIRST), dhcp })
    }

    /// The lab's files: logs, sockets, leases. In memory; gone with the lab.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Command with which a person in another terminal runs a program in here.
    pub fn door(&self) -> String {
        let user = if in_user_namespace() { " -U --preserve-credentials" } else { "" };
        format!("nsenter -t {}{user} -m -n -p -u", self.number)
    }

    /// A tap for a new machine, with a name and an address that DHCP will give it.
    pub fn seat(&self, name: &str) -> Result<Seat> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let seat = Seat {
            name: name.to_owned(),
            address: Ipv4Addr::new(10, 77, 0, number),
            nic: Nic { tap: format!("kt{number}"), mac: format!("52:54:00:4d:00:{number:02x}") },
        };
        let host = self.dir.join("hosts").join(name);
        fs::write(&host, format!("{},{},{name}\n", seat.nic.mac, seat.address)).on("write", &host)?;
        let tap = seat.nic.tap.as_str();
        tool::run("ip", &["tuntap", "add", "dev", tap, "mode", "tap"])?;
        tool::run("ip", &["link", "set", tap, "master", BRIDGE, "up"])?;
        Ok(seat)
    }

    /// Removes the tap; the machine must be off.
    pub fn leave(&self, seat: &Seat) -> Result<()> {
        let host = self.dir.join("hosts").join(&seat.name);
        fs::remove_file(&host).on("remove", &host)?;
        tool::run("ip", &["link", "del", &seat.nic.tap]).map(drop)
    }

    /// Give those settings by DHCP's option 224 to machines of [`OFFERED`], from now on; once a lab.
    pub fn offer(&self, settings: &str) -> Result<()> {
        let file = self.dir.join("options").join("offered");
        fs::write(&file, format!("tag:offered,224,{}\n", hex(settings.as_bytes()))).on("write", &file)
    }

    /// Tells if DHCP has given `seat` its address.
    pub fn leased(&self, seat: &Seat) -> bool {
        let leases = fs::read_to_string(self.dir.join("leases")).unwrap_or_default();
        leases.lines().any(|line| line.split(' ').nth(1) == Some(seat.nic.mac.as_str()))
    }

    /// An error when a part of the network has died.
    pub fn check(&mut self) -> Result<()> {
        self.dhcp.check()
    }
}

/// Loopback, the bridge and its address.
fn links() -> Result<()> {
    let address = format!("{ADDRESS}/24");
    for line in [
        &["link", "set", "lo", "up"][..],
        // Without one of its own a bridge takes the smallest hardware address of its ports, so that it would change as machines come and
        // go, and those that stay would ask the old one for seconds.
        &["link", "add", BRIDGE, "address", BRIDGE_MAC, "type", "bridge", "forward_delay", "0"],
        &["addr", "add", &address, "dev", BRIDGE],
        &["link", "set", BRIDGE, "up"],
    ] {
        tool::run("ip", line)?;
    }
    Ok(())
}

/// DHCP for known machines and strangers; its DNS knows the machines' names and nothing else, so that look-ups fail at once.
fn dnsmasq(dir: &Path) -> Result<Command> {
    let (hosts, options) = (dir.join("hosts"), dir.join("options"));
    fs::create_dir_all(&hosts).on("make", &hosts)?;
    fs::create_dir_all(&options).on("make", &options)?;
    let mut command = Command::new("dnsmasq");
    // In a user namespace it may not change its groups; as "no daemon" it does not try.
    command.args(["--conf-file=/dev/null", "--no-daemon", "--log-facility=-", "--pid-file="]);
    command.arg(format!("--interface={BRIDGE}")).args(["--except-interface=lo", "--bind-interfaces"]);
    command.args(["--no-resolv", "--no-hosts", "--domain=lab", "--local=/lab/"]);
    command.args(["--dhcp-range=10.77.0.128,10.77.0.250,255.255.255.0,1h", "--dhcp-authoritative", "--no-ping", "--log-dhcp"]);
    command.arg(format!("--dhcp-option=option:router,{ADDRESS}")).arg(format!("--dhcp-option=option:dns-server,{ADDRESS}"));
    command
        .arg(format!("--dhcp-mac=set:timed,{TIMED}:*:*:*"))
        .arg(format!("--dhcp-option=tag:timed,option:ntp-server,{ADDRESS}"));
    command.arg(format!("--dhcp-mac=set:attacked,{ATTACKED}:*:*:*")).arg(format!("--dhcp-mac=set:offered,{OFFERED}:*:*:*"));
    for (option, value) in attack() {
        command.arg(format!("--dhcp-option-force=tag:attacked,{option},{}", hex(&value)));
    }
    command.arg(format!("--dhcp-optsdir={}", options.display()));
    command.arg(format!("--dhcp-hostsdir={}", hosts.display()));
    command.arg(format!("--dhcp-leasefile={}", dir.join("leases").display()));
    Ok(command)
}

/// Options of a hostile server, whose names would be lines of files and words of a shell. The routes: one to the loopback network, one by
/// a group's address, and one that is good.
fn attack() -> [(u8, Vec<u8>); 4] {
    [
        (12, b"evil;reboot\n".to_vec()),
        (15, b"evil\nnameserver 6.6.6.6".to_vec()),
        (121, [&[8, 127, 10, 77, 0, 1][..], &[0, 224, 0, 0, 1], &[24, 10, 99, 0, 10, 77, 0, 1]].concat()),
        (224, ATTACK.join(" ").into_bytes()),
    ]
}

/// Bytes as dnsmasq takes them without looking for addresses, quotes and commas in them.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

/// Tells if root here is another user outside.
fn in_user_namespace() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.split_whitespace().nth(1).is_some_and(|outside| outside != "0")
}
