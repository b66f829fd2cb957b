//! `portmap`: ports of the host that lead to a pod (a CNI plugin, for use after one that gives addresses).

use std::ffi::OsString;
use std::net::IpAddr;

use kit::{Applet, Error, Exit, Place, Result};
use netlink::{Netlink, nft};
use serde_json::Value;

use crate::plugin::{self, Fault, Plugin, Request, code, nothing};
use crate::{Answer, PortMapping, veth};

/// The applet's row.
pub const NAME: Applet = Applet { name: "portmap", about: "CNI plugin: ports of the host", place: Place::Cni, run };

fn run(args: &[OsString]) -> Result<Exit> {
    plugin::run(&NAME, args, &Plugin { add, del, check: nothing, status: nothing, gc: nothing })
}

fn add(request: &Request) -> Result<Answer, Fault> {
    for option in ["conditionsV4", "conditionsV6", "externalSetMarkChain", "markMasqBit"] {
        if !request.configuration[option].is_null() {
            return Err(Fault::unsupported(option));
        }
    }
    let previous = request.previous()?;
    let previous = previous.ok_or_else(|| Fault::new(code::CONFIGURATION, "must be called as chained plugin"))?;
    let mappings = mappings(request)?;
    if mappings.is_empty() {
        return Ok(previous);
    }
    let mut forwards = Vec::new();
    for pod in previous.pod_addresses() {
        for mapping in &mappings {
            forwards.extend(forward(mapping, pod.addr)?);
        }
        if pod.is_v4() {
            let_loopback_reach(pod.addr)?;
        }
    }
    nft::forward(&name(request), &forwards)?;
    Ok(previous)
}

fn del(request: &Request) -> Result<(), Fault> {
    Ok(nft::unforward(&name(request))?)
}

/// What the rules are called: one name a container's link.
fn name(request: &Request) -> String {
    format!("{}_{}", request.container_id, request.ifname)
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
        "udp" => 17,
        "sctp" => 132,
        other => return Err(Error::new(format!("port mapping: unknown protocol {other:?}"))),
    };
    let host: Option<IpAddr> = match mapping.host_ip.as_str() {
        "" => None,
        text => Some(text.parse().map_err(|_| Error::new(format!("port mapping: hostIP {text:?} is not an address")))?),
    };
    let host = host.filter(|addr| !addr.is_unspecified());
    if host.is_some_and(|addr| addr.is_ipv4() != pod.is_ipv4()) {
        return Ok(None);
    }
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
