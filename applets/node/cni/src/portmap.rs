//! `portmap`: ports of the host that lead to a pod (a CNI plugin, for use after one that gives addresses).

use std::ffi::OsString;
use std::net::IpAddr;

use kit::{Applet, Error, Exit, Place, Result};
use netlink::{Netlink, conntrack, nft};
use serde_json::Value;

use crate::plugin::{self, Fault, Plugin, Request, code, nothing};
use crate::{Answer, PortMapping, veth};

/// The applet's row.
pub const NAME: Applet = Applet { name: "portmap", about: "CNI plugin: ports of the host", place: Place::Cni, run };

fn run(args: &[OsString]) -> Result<Exit> {
    plugin::run(&NAME, args, &Plugin { add, del, check, status: nothing, gc: nothing })
}

const UDP: u8 = 17;

fn add(request: &Request) -> Result<Answer, Fault> {
    for option in ["conditionsV4", "conditionsV6", "externalSetMarkChain", "markMasqBit", "masqAll"] {
        if !matches!(request.configuration[option], Value::Null | Value::Bool(false)) {
            return Err(Fault::unsupported(option));
        }
    }
    let previous = request.previous()?;
    let previous = previous.ok_or_else(|| Fault::new(code::CONFIGURATION, "must be called as chained plugin"))?;
    let mappings = mappings(request)?;
    if mappings.is_empty() {
        return Ok(previous);
    }
    let back = request.configuration["snat"] != false;
    let pods = pods(request, &previous);
    nft::forward(&forwards(&mappings, &pods)?, &request.container_id, back)?;
    for pod in pods.iter().filter(|pod| pod.is_ipv4() && back) {
        // First, so that no packet of a pod is taken for a loopback address.
        nft::guard_loopback()?;
        let_loopback_reach(*pod)?;
    }
    forget(&mappings);
    Ok(previous)
}

fn del(request: &Request) -> Result<(), Fault> {
    let mappings = mappings(request)?;
    if !mappings.is_empty() {
        nft::unforward(&request.container_id)?;
        forget(&mappings);
    }
    Ok(())
}

fn check(request: &Request) -> Result<(), Fault> {
    let previous = request.previous()?;
    let previous = previous.ok_or_else(|| Fault::new(code::CONFIGURATION, "CHECK without prevResult"))?;
    let wanted = forwards(&mappings(request)?, &pods(request, &previous))?.len();
    let found = if wanted == 0 { 0 } else { nft::forwarded(&request.container_id)? };
    if found < wanted {
        return Err(Fault::new(code::OTHER, format!("{found} of {wanted} ports of the host lead to the pod")));
    }
    Ok(())
}

/// The pod's address to which ports lead: the first of each family.
fn pods(request: &Request, answer: &Answer) -> Vec<IpAddr> {
    let own = answer.addresses_on(&request.ifname);
    let first = |v4: bool| own.iter().map(|cidr| cidr.addr).find(|addr| addr.is_ipv4() == v4);
    [first(true), first(false)].into_iter().flatten().collect()
}

fn forwards(mappings: &[PortMapping], pods: &[IpAddr]) -> Result<Vec<nft::Forward>> {
    let mut all = Vec::new();
    for pod in pods {
        for mapping in mappings {
            all.extend(forward(mapping, *pod)?);
        }
    }
    Ok(all)
}

/// Senders of UDP that go on while a port's pod changes must not be led where it led before.
fn forget(mappings: &[PortMapping]) {
    let udp = mappings.iter().filter(|mapping| mapping.protocol.eq_ignore_ascii_case("udp"));
    let ports: Vec<u16> = udp.map(|mapping| mapping.host_port).collect();
    if !ports.is_empty() {
        // A kernel that can't list them lets them end by themselves, in half a minute of silence.
        let _ = conntrack::forget(UDP, &ports);
    }
}

fn mappings(request: &Request) -> Result<Vec<PortMapping>, Fault> {
    match &request.configuration["runtimeConfig"]["portMappings"] {
        Value::Null => Ok(Vec::new()),
        list => serde_json::from_value(list.clone())
            .map_err(|e| Fault::new(code::CONFIGURATION, format!("runtimeConfig.portMappings: {e}"))),
    }
}

/// The mapping for one address of the pod; none when the host's address is of the other family.
fn forward(mapping: &PortMapping, pod: IpAddr) -> Result<Option<nft::Forward>> {
    let protocol = match mapping.protocol.to_ascii_lowercase().as_str() {
        "tcp" | "" => 6,
        "udp" => UDP,
        "sctp" => 132,
        other => return Err(Error::new(format!("port mapping: unknown protocol {other:?}"))),
    };
    let host: Option<IpAddr> = match mapping.host_ip.as_str() {
        "" => None,
        text => Some(text.parse().map_err(|_| Error::new(format!("port mapping: hostIP {text:?} is not an address")))?),
    };
    if host.is_some_and(|addr| addr.is_ipv4() != pod.is_ipv4()) {
        return Ok(None);
    }
    if mapping.host_port == 0 || mapping.container_port == 0 {
        return Err(Error::new("port mapping: 0 is no port"));
    }
    let host = host.filter(|addr| !addr.is_unspecified());
    let (host_port, pod_port) = (mapping.host_port, mapping.container_port);
    Ok(Some(nft::Forward { protocol, host, host_port, pod, pod_port }))
}

/// Let packets from 127.0.0.1 be led to the pod: the link that the pod is behind must take them.
fn let_loopback_reach(pod: IpAddr) -> Result<()> {
    let mut nl = Netlink::open()?;
    let index = nl.route_to(pod)?.index.unwrap_or_default();
    match nl.link_by_index(index)? {
        Some(link) => veth::set(&format!("ipv4/conf/{}/route_localnet", link.name), "1"),
        None => Ok(()),
    }
}
