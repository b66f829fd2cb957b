//! A cable into a pod: its inner end with addresses and routes, its outer end on the host.

use std::fs::File;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use kit::{Context, Error, Result};
use netlink::{Cidr, Kind, Link, Netlink, NewLink, OperState, Route, Scope, within};

use crate::plugin::Request;
use crate::{Answer, Interface};

/// Timeout of a new veth pair's carrier, and the interval of the check. It comes within
/// milliseconds; without it the first packets are lost, no more.
const CARRIER: (Duration, Duration) = (Duration::from_secs(2), Duration::from_millis(2));

/// Make the cable. The inner end is down yet; the outer one has a random name.
pub fn make(request: &Request, mtu: Option<u32>, mac: Option<&[u8]>) -> Result<Link> {
    let host = File::open("/proc/thread-self/ns/net").doing("open the host's network namespace")?;
    let outer = outer_name()?;
    inside(request, |nl| {
        let peer = NewLink { name: &outer, mtu, netns: Some(host.as_fd()), ..NewLink::default() };
        let kind = Kind::Veth(Box::new(peer));
        nl.add_link(&NewLink { name: &request.ifname, kind, mtu, address: mac, netns: None })
    })?;
    let mut nl = Netlink::open()?;
    quiet(&outer);
    nl.up(&outer)?;
    nl.need(&outer)
}

/// Make a link's IPv6 addresses of use at once, before it is set up: nobody has to be asked whether somebody else has them, which
/// takes a second, and until the link-local one is sure nothing is led to pods. Routers there are nobody's to believe.
pub fn quiet(link: &str) {
    for (setting, value) in [("accept_ra", "0"), ("accept_dad", "0")] {
        // The file is missing where the kernel has no IPv6.
        let _ = set(&format!("ipv6/conf/{link}/{setting}"), value);
    }
}

/// Run `work` in the pod's network namespace.
pub fn inside<T: Send>(request: &Request, work: impl FnOnce(&mut Netlink) -> Result<T> + Send) -> Result<T> {
    let netns = File::open(&request.netns).on("open the network namespace", &request.netns)?;
    within(netns.as_fd(), || work(&mut Netlink::open()?))
}

/// Neighbours of the inner end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Neighbours {
    /// All of the address's network, as on a bridge.
    Network,
    /// The gateway alone, which leads to the others too.
    Gateway,
}

/// Give the inner end its addresses and routes, and set it up.
pub fn configure(request: &Request, answer: &Answer, neighbours: Neighbours) -> Result<()> {
    let name = &request.ifname;
    inside(request, |nl| {
        // Told to the neighbours when all is up, by `announce`.
        let _ = set(&format!("ipv4/conf/{name}/arp_notify"), "1");
        let _ = set(&format!("ipv6/conf/{name}/ndisc_notify"), "1");
        quiet(name);
        if answer.ips.iter().any(|ip| !ip.address.is_v4()) {
            set(&format!("ipv6/conf/{name}/disable_ipv6"), "0")?;
        }
        nl.up(name)?;
        let index = nl.need(name)?.index;
        for ip in &answer.ips {
            match (neighbours, ip.gateway) {
                (Neighbours::Gateway, Some(gateway)) => beside_gateway(nl, name, index, ip.address, gateway)?,
                _ => nl.add_address_at_once(name, ip.address)?,
            }
        }
        answer.routes.iter().try_for_each(|route| nl.add_route(&kernel_route(route, answer, index)))
    })
}

/// An address whose network is reached by the gateway, which alone is on the link.
fn beside_gateway(nl: &mut Netlink, name: &str, index: u32, own: Cidr, gateway: IpAddr) -> Result<()> {
    nl.add_address_without_route(name, own)?;
    let base = Route { index: Some(index), source: Some(own.addr), ..Route::to(Cidr::host(gateway)) };
    nl.add_route(&Route { scope: Some(Scope::LINK), ..base.clone() })?;
    nl.add_route(&Route { to: own.network(), gateway: Some(gateway), ..base })
}

/// A route as the kernel takes it: by its own gateway, or its family's.
fn kernel_route(route: &crate::Route, answer: &Answer, index: u32) -> Route {
    let same = |addr: &IpAddr| addr.is_ipv4() == route.dst.is_v4();
    let by_scope = route.scope.map(Scope);
    let on_link = by_scope == Some(Scope::LINK);
    let gateway = route.gw.or_else(|| answer.ips.iter().filter_map(|ip| ip.gateway).find(same)).filter(|_| !on_link);
    Route {
        gateway,
        index: Some(index),
        metric: route.priority,
        table: route.table.unwrap_or(Route::MAIN),
        scope: by_scope,
        mtu: route.mtu,
        advmss: route.advmss,
        ..Route::to(route.dst.network())
    }
}

/// Wait until packets pass, then let the pod tell its neighbours where its addresses are now (they may remember an earlier pod).
pub fn announce(request: &Request, outer: &str) -> Result<()> {
    let mut nl = Netlink::open()?;
    let (limit, pause) = CARRIER;
    let end = Instant::now() + limit;
    while nl.need(outer)?.state != OperState::Up && Instant::now() < end {
        std::thread::sleep(pause);
    }
    inside(request, |nl| {
        // The kernel announces all addresses when the hardware address is set, even to what it is.
        let link = nl.need(&request.ifname)?;
        nl.set_hardware_address(&request.ifname, &link.address)
    })
}

/// Delete the inner end, and so the outer one. All is well when the namespace or the link is gone.
pub fn delete(request: &Request) -> Result<()> {
    if !is_namespace(&request.netns) {
        return Ok(());
    }
    inside(request, |nl| nl.delete_link(&request.ifname)).map(drop)
}

/// Tells if the path still is a network namespace: the file of an unmounted one may stay behind,
/// empty.
pub fn is_namespace(path: &Path) -> bool {
    // The field's type differs between machines.
    const NSFS: u32 = 0x6e73_6673;
    const PROC: u32 = 0x9fa0;
    rustix::fs::statfs(path).is_ok_and(|fs| [NSFS, PROC].contains(&(fs.f_type as u32)))
}

/// The inner end as an answer tells it.
pub fn inner(request: &Request) -> Result<Interface> {
    let link = inside(request, |nl| nl.need(&request.ifname))?;
    Ok(Interface { sandbox: request.netns.to_string_lossy().into_owned(), ..interface(&link) })
}

/// A link of the host as an answer tells it.
pub fn interface(link: &Link) -> Interface {
    Interface { name: link.name.clone(), mac: link.mac(), mtu: link.mtu, ..Interface::default() }
}

/// Compare the pod with the answer that ADD gave: the link, its addresses, its routes.
pub fn check(request: &Request, answer: &Answer) -> Result<()> {
    inside(request, |nl| {
        let link = nl.need(&request.ifname)?;
        let has = nl.addresses_of(&request.ifname)?;
        let ours =
            |ip: &&crate::Ip| ip.interface.is_none_or(|i| answer.interfaces.get(i).is_some_and(|i| i.name == request.ifname));
        if let Some(ip) = answer.ips.iter().filter(ours).find(|ip| !has.iter().any(|a| a.cidr == ip.address)) {
            return Err(Error::new(format!("{} has lost the address {}", request.ifname, ip.address)));
        }
        let routes = nl.routes()?;
        let here = |r: &&crate::Route| routes.iter().any(|k| k.to == r.dst.network() && k.index == Some(link.index));
        match answer.routes.iter().find(|route| !here(route)) {
            Some(route) => Err(Error::new(format!("{} has lost the route to {}", request.ifname, route.dst))),
            None => Ok(()),
        }
    })
}

/// Write a setting below `/proc/sys/net`.
pub fn set(name: &str, value: &str) -> Result<()> {
    let file = Path::new("/proc/sys/net").join(name);
    // A write that changes nothing may be forbidden where /proc/sys is read-only.
    if std::fs::read_to_string(&file).is_ok_and(|now| now.trim() == value) {
        return Ok(());
    }
    std::fs::write(&file, value).on("write", &file)
}

/// Let packets pass between links, for each family that the answer has.
pub fn forward(answer: &Answer) -> Result<()> {
    if answer.ips.iter().any(|ip| ip.address.is_v4()) {
        set("ipv4/ip_forward", "1")?;
    }
    if answer.ips.iter().any(|ip| !ip.address.is_v4()) {
        set("ipv6/conf/all/forwarding", "1")?;
    }
    Ok(())
}

/// `veth` and eight random hexadecimal digits.
fn outer_name() -> Result<String> {
    let mut random = [0; 4];
    rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty()).doing("get random bytes")?;
    Ok(format!("veth{:08x}", u32::from_ne_bytes(random)))
}
