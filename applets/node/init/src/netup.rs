//! `kutties netup`: bring the network up, as PID 1 does at boot.
//!
//! Usage: kutties netup
//!
//! The loopback link first; then every network card is set up, and each that has a carrier gets its address: from the kernel's
//! `ip=` parameter, else from a DHCP server (key `network.dhcp`), all cards at the same time. It ends when every card has an
//! address or the key `network.timeout` has passed, and writes how each fared. The DHCP clients stay behind: they keep the
//! leases, or go on asking. In the end it gathers all settings (`kutties config`) for PID 1, DHCP's among them. It runs as a child of PID 1, and the clients as children of its own, because they read what
//! strangers send.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

use clap::Parser;
use config::{Config, command_line, key};
use kit::calls::NETUP_DHCLIENT;
use kit::control::{self, Request};
use kit::{Applet, Context, Exit, Place, Result, paths};
use netlink::{Cidr, Link, Netlink, Route};

use crate::ip_parameter::{self, How, IpParameter};
use crate::{identity, steps};

/// The record.
pub const NAME: Applet = Applet { name: "netup", about: "bring the network up, as at boot", place: Place::Hidden, run };

/// Timeout of an interface's carrier: a switch's port negotiates for up to three seconds.
const CARRIER_TIMEOUT: Duration = Duration::from_secs(4);
/// Time limit of the other interfaces once one has its address: a second one is often plugged into
/// a network without a server.
const OTHERS_TIMEOUT: Duration = Duration::from_secs(3);
/// Interval of the check for carriers and for clients that ended.
const LOOK: Duration = Duration::from_millis(20);

/// No options: the kernel's command line and the configuration say it all.
#[derive(Parser)]
struct Options {}

/// A card and, while it has no answer yet, the client that asks for its address.
struct Asking {
    name: String,
    client: Option<Child>,
}

impl Asking {
    /// Tells if the client still works: it writes an answer once all is set up, or ends.
    fn is_busy(&mut self) -> bool {
        let answered = fs::metadata(answer_file(&self.name)).is_ok_and(|about| about.len() > 0);
        !answered && self.client.as_mut().is_some_and(|client| matches!(client.try_wait(), Ok(None)))
    }
}

/// Returns the file of a client's standard output. A file and no pipe: the client outlives us.
fn answer_file(card: &str) -> PathBuf {
    Path::new(paths::LOGS).join(format!("dhclient-{card}.log"))
}

fn run(args: &[OsString]) -> Result<Exit> {
    let Options {} = kit::parse(&NAME, args)?;
    let begin = Instant::now();
    let outcome = bring_up();
    // With or without a network: firmware and files have settings, too.
    Config::load().keep()?;
    if begin.elapsed() >= steps::NETWORK_TIMEOUT {
        // PID 1 has gone on without us; what a DHCP server told counts all the same.
        control::ask(&Request::Reload)?;
    }
    outcome
}

fn bring_up() -> Result<Exit> {
    let words = command_line::words(&fs::read_to_string("/proc/cmdline").unwrap_or_default());
    let config = Config::load();
    let mut kernel = Netlink::open()?;
    kernel.up("lo")?;
    for why in ip_parameter::complaints(&words) {
        say(&why)?;
    }
    let parameters: Vec<IpParameter> = ip_parameter::all(&words).collect();
    if parameters.iter().any(|ip| ip.how == How::Off) || (parameters.is_empty() && !config.flag(&key::NETWORK_DHCP)) {
        return say("not asked for").map(|()| Exit::OK);
    }
    let limit = Instant::now() + Duration::from_secs(config.number(&key::NETWORK_TIMEOUT));
    let asking = give_all(&mut kernel, &config, &parameters, limit)?;
    finish(&mut kernel, &asking)
}

/// Give each card its address as soon as it has a carrier; clients run on until `limit`.
fn give_all(kernel: &mut Netlink, config: &Config, parameters: &[IpParameter], mut limit: Instant) -> Result<Vec<Asking>> {
    let mut asking: Vec<Asking> = Vec::new();
    let carrier_limit = Instant::now() + CARRIER_TIMEOUT;
    loop {
        let cards: Vec<Link> =
            kernel.links()?.into_iter().filter(|link| link.is_card() && wanted(parameters, &link.name)).collect();
        for card in &cards {
            if !card.is_up() {
                hear_routers(config, &card.name)?;
                kernel.up(&card.name)?;
            } else if card.is_running() && !asking.iter().any(|a| a.name == card.name) {
                asking.push(give(kernel, card, parameters)?);
            }
        }
        let all_asked = !cards.is_empty() && asking.len() >= cards.len();
        let busy = asking.iter_mut().map(Asking::is_busy).filter(|busy| *busy).count();
        let now = Instant::now();
        if busy < asking.len() {
            limit = limit.min(now + OTHERS_TIMEOUT);
        }
        let busy = busy > 0;
        if now >= limit || (!busy && (all_asked || now >= carrier_limit)) {
            return Ok(asking);
        }
        sleep(LOOK);
    }
}

/// Take the default route from router advertisements on this card, though the node is a router itself; the configuration's own word goes
/// first. Other interfaces, those of pods among them, keep the kernel's default, by which a router ignores them: a pod must not become the
/// node's gateway (CVE-2020-10749).
fn hear_routers(config: &Config, card: &str) -> Result<()> {
    if config.open(&key::SYSCTL).any(|(name, _)| name.starts_with("net.ipv6.conf.") && name.ends_with(".accept_ra")) {
        return Ok(());
    }
    let setting = format!("/proc/sys/net/ipv6/conf/{card}/accept_ra");
    match fs::write(&setting, "2") {
        // A kernel without IPv6.
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        written => written.on("write", &setting),
    }
}

/// Tells if some parameter names this interface, or there is no parameter.
fn wanted(parameters: &[IpParameter], name: &str) -> bool {
    parameters.is_empty() || parameters.iter().any(|ip| ip.device.as_deref().is_none_or(|device| device == name))
}

/// Set the card's own address, or start a client for it.
fn give(kernel: &mut Netlink, card: &Link, parameters: &[IpParameter]) -> Result<Asking> {
    let own = parameters.iter().find(|ip| ip.device.as_deref().is_none_or(|device| device == card.name));
    let name = card.name.clone();
    if let Some(ip @ IpParameter { how: How::Static(cidr), .. }) = own {
        set(kernel, card, *cidr, ip)?;
        return Ok(Asking { name, client: None });
    }
    let answer = answer_file(&name);
    let output = File::create(&answer).on("make", &answer)?;
    let client = NETUP_DHCLIENT.command().args(["-d", &name]).stdout(output).spawn();
    Ok(Asking { client: Some(client.on("run dhclient on", &name)?), name })
}

fn set(kernel: &mut Netlink, card: &Link, cidr: Cidr, ip: &IpParameter) -> Result<()> {
    kernel.add_address(&card.name, cidr)?;
    if let Some(gateway) = ip.gateway {
        let route = Route { index: Some(card.index), ..Route::default_by(gateway) };
        kernel.replace_route(&route)?;
    }
    if ip.dns.is_empty() {
        return Ok(());
    }
    let mut servers = String::new();
    for server in &ip.dns {
        servers = format!("{servers}nameserver {server}\n");
    }
    fs::write("/etc/resolv.conf", servers).on("write", "/etc/resolv.conf")
}

/// Reports the result of each interface, and names the machine with its address.
fn finish(kernel: &mut Netlink, asking: &[Asking]) -> Result<Exit> {
    let mut lines = Vec::new();
    let mut own = None;
    for one in asking {
        let addresses: Vec<Cidr> =
            kernel.addresses_of(&one.name)?.into_iter().map(|a| a.cidr).filter(|c| c.is_v4() || !is_link_local(c.addr)).collect();
        own = own.or(addresses.first().map(|cidr| cidr.addr));
        let text: Vec<String> = addresses.iter().map(Cidr::to_string).collect();
        lines.push(if text.is_empty() {
            format!("{} no address yet", one.name)
        } else {
            format!("{} {}", one.name, text.join(" "))
        });
    }
    if identity::own_name().is_none() {
        identity::set_hostname(&identity::by_card())?;
    }
    identity::hosts(own)?;
    say(&if lines.is_empty() { "no network card with a carrier".to_owned() } else { lines.join(", ") })?;
    Ok(if own.is_some() || asking.is_empty() { Exit::OK } else { Exit::FAILED })
}

fn is_link_local(addr: IpAddr) -> bool {
    matches!(addr, IpAddr::V6(v6) if v6.is_unicast_link_local())
}

fn say(line: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{line}").doing("write the outcome")
}
