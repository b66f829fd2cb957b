//! `ptp`: pods on a cable of their own each, with the host as their router (a CNI plugin).

use std::ffi::OsString;

use kit::{Applet, Exit, Place, Result};
use netlink::{Cidr, Netlink, Route, after};
use serde::Deserialize;

use crate::plugin::{self, Fault, Plugin, Request, code};
use crate::veth::Neighbours;
use crate::{Answer, Dns, ipam, masquerade, veth};

/// The applet's row.
pub const NAME: Applet = Applet { name: "ptp", about: "CNI plugin: pods on cables of their own", place: Place::Cni, run };

const PLUGIN: Plugin = Plugin { add, del, check, status: |request| ipam::tell("STATUS", request), gc };

fn run(args: &[OsString]) -> Result<Exit> {
    plugin::run(&NAME, args, &PLUGIN)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Configuration {
    #[serde(default)]
    ip_masq: bool,
    #[serde(default)]
    mtu: u32,
    #[serde(default)]
    dns: Dns,
}

fn add(request: &Request) -> Result<Answer, Fault> {
    let conf: Configuration = request.decode()?;
    let mut answer = ipam::add(request)?;
    attach(request, &conf, &mut answer).inspect_err(|_| {
        // The runtime calls DEL after a failed ADD anyhow; this only makes it tidier.
        let _ = del(request);
    })?;
    if !conf.dns.is_empty() {
        answer.dns = conf.dns;
    }
    Ok(answer)
}

fn attach(request: &Request, conf: &Configuration, answer: &mut Answer) -> Result<()> {
    /// The pod's end is the second of the answer's interfaces.
    const INNER: usize = 1;
    for ip in &mut answer.ips {
        ip.interface = Some(INNER);
        ip.gateway = ip.gateway.or_else(|| after(ip.address.network().addr, 1));
    }
    veth::forward(answer)?;
    let mtu = (conf.mtu != 0).then_some(conf.mtu);
    let outer = veth::make(request, mtu, None)?;
    veth::configure(request, answer, Neighbours::Gateway)?;
    let mut nl = Netlink::open()?;
    for ip in &answer.ips {
        if let Some(gateway) = ip.gateway {
            nl.add_address_at_once(&outer.name, Cidr::host(gateway))?;
        }
        nl.replace_route(&Route { index: Some(outer.index), ..Route::to(Cidr::host(ip.address.addr)) })?;
    }
    if conf.ip_masq {
        let addresses: Vec<Cidr> = answer.ips.iter().map(|ip| ip.address).collect();
        masquerade::add(request, &addresses)?;
    }
    veth::announce(request, &outer.name)?;
    answer.interfaces = vec![veth::interface(&nl.need(&outer.name)?), veth::inner(request)?];
    Ok(())
}

fn del(request: &Request) -> Result<(), Fault> {
    ipam::tell("DEL", request)?;
    veth::delete(request)?;
    if request.configuration["ipMasq"] == true { Ok(masquerade::del(request)?) } else { Ok(()) }
}

fn gc(request: &Request) -> Result<(), Fault> {
    ipam::tell("GC", request)?;
    if request.configuration["ipMasq"] == true { masquerade::gc(request) } else { Ok(()) }
}

fn check(request: &Request) -> Result<(), Fault> {
    ipam::tell("CHECK", request)?;
    let previous = request.previous()?;
    let previous = previous.ok_or_else(|| Fault::new(code::CONFIGURATION, "CHECK without prevResult"))?;
    if request.configuration["ipMasq"] == true {
        masquerade::check(request, &previous.addresses_on(&request.ifname))?;
    }
    Ok(veth::check(request, &previous)?)
}
