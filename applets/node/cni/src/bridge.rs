//! `bridge`: pods on a switch of the host's, each by a cable (a CNI plugin).

use std::ffi::OsString;
use std::net::IpAddr;

use kit::{Applet, Error, Exit, Place, Result};
use netlink::{Cidr, Kind, Netlink, NewLink, after};
use ring::digest::{SHA256, digest};
use serde::Deserialize;
use serde_json::Value;

use crate::plugin::{self, Fault, Plugin, Request, code};
use crate::veth::Neighbours;
use crate::{Answer, Dns, Route, host_local, ipam, masquerade, veth};

/// The applet's row.
pub const NAME: Applet = Applet { name: "bridge", about: "CNI plugin: pods on a bridge", place: Place::Cni, run };

const PLUGIN: Plugin = Plugin { add, del, check, status, gc };

fn run(args: &[OsString]) -> Result<Exit> {
    plugin::run(&NAME, args, &PLUGIN)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Configuration {
    #[serde(default = "default_bridge")]
    bridge: String,
    #[serde(default)]
    is_gateway: bool,
    #[serde(default)]
    is_default_gateway: bool,
    #[serde(default)]
    force_address: bool,
    #[serde(default)]
    ip_masq: bool,
    #[serde(default)]
    mtu: u32,
    #[serde(default)]
    hairpin_mode: bool,
    #[serde(default)]
    promisc_mode: bool,
    #[serde(default)]
    port_isolation: bool,
    #[serde(default)]
    dns: Dns,
}

fn default_bridge() -> String {
    "cni0".into()
}

impl Configuration {
    fn of(request: &Request) -> Result<Self, Fault> {
        let own: Self = request.decode()?;
        // Options that change who can talk to whom must not be passed over in silence.
        for option in ["vlan", "vlanTrunk", "macspoofchk", "disableContainerInterface", "enabledad"] {
            if !matches!(&request.configuration[option], Value::Null | Value::Bool(false)) && request.configuration[option] != 0 {
                return Err(Fault::unsupported(option));
            }
        }
        if own.hairpin_mode && own.promisc_mode {
            let msg = "cannot set hairpin mode and promiscuous mode at the same time";
            return Err(Fault::new(code::CONFIGURATION, msg));
        }
        Ok(Self { is_gateway: own.is_gateway || own.is_default_gateway, ..own })
    }

    fn mtu(&self) -> Option<u32> {
        (self.mtu != 0).then_some(self.mtu)
    }
}

fn add(request: &Request) -> Result<Answer, Fault> {
    let conf = Configuration::of(request)?;
    let mut nl = Netlink::open()?;
    ensure_bridge(&mut nl, &conf)?;
    let outer = veth::make(request, conf.mtu(), mac(request)?.as_deref())?.name;
    let plugged = plug(&mut nl, &outer, &conf).map_err(Fault::from).and_then(|()| address(request, &conf, &mut nl));
    let mut answer = plugged.inspect_err(|_| {
        // The runtime calls DEL after a failed ADD anyhow; this only makes it tidier.
        let _ = veth::delete(request);
    })?;
    if !answer.ips.is_empty() {
        veth::announce(request, &outer)?;
    }
    answer.interfaces = vec![veth::interface(&nl.need(&conf.bridge)?), veth::interface(&nl.need(&outer)?), veth::inner(request)?];
    if !conf.dns.is_empty() {
        answer.dns = conf.dns;
    }
    Ok(answer)
}

/// Addresses from the address plugin, given back when anything after fails.
fn address(request: &Request, conf: &Configuration, nl: &mut Netlink) -> Result<Answer, Fault> {
    if ipam::kind(request).is_none() {
        veth::inside(request, |nl| nl.up(&request.ifname))?;
        return Ok(Answer::default());
    }
    let mut answer = ipam::add(request)?;
    finish(request, conf, nl, &mut answer).inspect_err(|_| {
        // As above.
        let _ = del(request);
    })?;
    Ok(answer)
}

fn finish(request: &Request, conf: &Configuration, nl: &mut Netlink, answer: &mut Answer) -> Result<()> {
    /// The pod's end is the third of the answer's interfaces.
    const INNER: usize = 2;
    for ip in &mut answer.ips {
        ip.interface = Some(INNER);
        if conf.is_gateway && ip.gateway.is_none() {
            ip.gateway = after(ip.address.network().addr, 1);
        }
    }
    if conf.is_default_gateway {
        default_routes(answer);
    }
    veth::configure(request, answer, Neighbours::Network)?;
    if conf.is_gateway {
        let gateways = answer.ips.iter().filter_map(|ip| Some(Cidr { addr: ip.gateway?, prefix: ip.address.prefix }));
        let gateways: Vec<Cidr> = gateways.collect();
        leave_old_ranges(nl, request, &conf.bridge, &gateways)?;
        for gateway in gateways {
            ensure_address(nl, conf, gateway, mark(&request.network))?;
        }
        veth::forward(answer)?;
    }
    if conf.ip_masq {
        let addresses: Vec<Cidr> = answer.ips.iter().map(|ip| ip.address).collect();
        masquerade::add(request, &addresses)?;
    }
    Ok(())
}

/// A default route by each family's gateway, where the address plugin gave none.
fn default_routes(answer: &mut Answer) {
    let gateways: Vec<IpAddr> = answer.ips.iter().filter_map(|ip| ip.gateway).collect();
    for gateway in gateways {
        let dst = netlink::Route::default_by(gateway).to;
        if !answer.routes.iter().any(|route| route.dst == dst) {
            let gw = Some(gateway);
            answer.routes.push(Route { dst, gw, mtu: None, advmss: None, priority: None, table: None, scope: None });
        }
    }
}

/// Make the bridge where there is none, and set it up. Another plugin may do so at the same time.
fn ensure_bridge(nl: &mut Netlink, conf: &Configuration) -> Result<()> {
    let name = conf.bridge.as_str();
    if nl.link(name)?.is_none() {
        let kind = Kind::Bridge { vlan_filtering: false };
        let made = nl.add_link(&NewLink { name, kind, mtu: conf.mtu(), ..NewLink::default() });
        if nl.link(name)?.is_none() {
            return made;
        }
    }
    if nl.need(name)?.kind.as_deref() != Some("bridge") {
        return Err(Error::new(format!("{name:?} already exists but is not a bridge")));
    }
    if conf.promisc_mode {
        nl.set_promiscuous(name, true)?;
    }
    veth::quiet(name);
    nl.up(name)
}

fn plug(nl: &mut Netlink, outer: &str, conf: &Configuration) -> Result<()> {
    nl.set_master(outer, Some(&conf.bridge))?;
    nl.set_hairpin(outer, conf.hairpin_mode)?;
    if conf.port_isolation {
        nl.set_isolated(outer, true)?;
    }
    Ok(())
}

/// Mark of the addresses that a network gave its bridge: made of the network's name, as a bridge may have addresses of others. Below 128
/// are the kernel's own marks.
fn mark(network: &str) -> u8 {
    digest(&SHA256, network.as_bytes()).as_ref().first().copied().unwrap_or_default() | 0x80
}

/// Take the network's addresses of ranges that it no longer has from the bridge: a Node that was made anew gets another range. Old pods
/// lose their gateway; they belong to the range that went. Only host-local's configuration tells all ranges.
fn leave_old_ranges(nl: &mut Netlink, request: &Request, bridge: &str, gateways: &[Cidr]) -> Result<()> {
    if ipam::kind(request) != Some(host_local::NAME.name) {
        return Ok(());
    }
    let Some(configured) = host_local::gateways(request) else { return Ok(()) };
    for has in nl.addresses_of(bridge)? {
        let is_current = gateways.contains(&has.cidr) || configured.contains(&has.cidr);
        if has.protocol == mark(&request.network) && !is_current {
            nl.delete_address(bridge, has.cidr)?;
        }
    }
    Ok(())
}

/// Give the bridge its address in the pods' network. Another one of the same network is replaced or, mostly, an error.
fn ensure_address(nl: &mut Netlink, conf: &Configuration, wanted: Cidr, mark: u8) -> Result<()> {
    let bridge = conf.bridge.as_str();
    for has in nl.addresses_of(bridge)? {
        let has = has.cidr;
        if has == wanted {
            return Ok(());
        }
        let overlaps = has.contains(wanted.addr) || wanted.contains(has.addr);
        if has.is_v4() != wanted.is_v4() || !(has.is_v4() || overlaps) {
            continue;
        }
        if !conf.force_address {
            return Err(Error::new(format!("{bridge:?} already has an IP address different from {wanted}")));
        }
        nl.delete_address(bridge, has)?;
    }
    let added = nl.add_marked_address(bridge, wanted, mark);
    if added.is_err() && !nl.addresses_of(bridge)?.iter().any(|a| a.cidr == wanted) {
        return added;
    }
    // A bridge takes the smallest hardware address of its ports, so it would change as pods come and go; once set, it stays.
    let address = nl.need(bridge)?.address;
    nl.set_hardware_address(bridge, &address)
}

/// The hardware address that was asked for: by the capability, `args.cni.mac` or `CNI_ARGS` MAC.
fn mac(request: &Request) -> Result<Option<Vec<u8>>, Fault> {
    let conf = &request.configuration;
    let texts =
        [conf["runtimeConfig"]["mac"].as_str(), conf["args"]["cni"]["mac"].as_str(), request.args.get("MAC").map(String::as_str)];
    let Some(text) = texts.into_iter().flatten().find(|text| !text.is_empty()) else { return Ok(None) };
    let bytes: Option<Vec<u8>> = text.split(':').map(|part| u8::from_str_radix(part, 16).ok()).collect();
    match bytes.filter(|bytes| bytes.len() == 6) {
        Some(bytes) => Ok(Some(bytes)),
        None => Err(Fault::new(code::CONFIGURATION, format!("{text:?} is not a hardware address"))),
    }
}

/// The bridge stays: it is the network's, not the pod's.
fn del(request: &Request) -> Result<(), Fault> {
    ipam::tell("DEL", request)?;
    veth::delete(request)?;
    if request.configuration["ipMasq"] == true { Ok(masquerade::del(request)?) } else { Ok(()) }
}

fn check(request: &Request) -> Result<(), Fault> {
    let conf = Configuration::of(request)?;
    ipam::tell("CHECK", request)?;
    let previous = request.previous()?;
    let previous = previous.ok_or_else(|| Fault::new(code::CONFIGURATION, "CHECK without prevResult"))?;
    let mut nl = Netlink::open()?;
    let bridge = nl.need(&conf.bridge)?;
    // Plugins after this one may have told of links of their own.
    let outer = previous.interfaces.iter().filter(|i| i.sandbox.is_empty() && i.name.starts_with("veth"));
    for interface in outer {
        if nl.need(&interface.name)?.master != Some(bridge.index) {
            return Err(Fault::new(code::OTHER, format!("{} is not on the bridge {}", interface.name, conf.bridge)));
        }
    }
    if request.configuration["ipMasq"] == true {
        masquerade::check(request, &previous.addresses_on(&request.ifname))?;
    }
    Ok(veth::check(request, &previous)?)
}

fn status(request: &Request) -> Result<(), Fault> {
    Configuration::of(request)?;
    ipam::tell("STATUS", request)
}

fn gc(request: &Request) -> Result<(), Fault> {
    ipam::tell("GC", request)?;
    if request.configuration["ipMasq"] == true { masquerade::gc(request) } else { Ok(()) }
}
