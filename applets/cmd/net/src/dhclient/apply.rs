//! Making a lease true: the address, the routes, the MTU, the name servers, the host name.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use kit::{Context, Result};
use netlink::{Cidr, Lifetime, Netlink, Route, Scope};

use super::exchange::own_name;
use super::lease::Lease;

/// File of name servers.
const RESOLV_CONF: &str = "/etc/resolv.conf";
/// Routes of several interfaces must differ in their metric, or one would replace the other: this and the interface's number.
const METRIC: u32 = 1000;

/// Make `lease` true, in the place of `before`.
pub fn apply(lease: &Lease, before: Option<&Lease>, no_resolv_conf: bool) -> Result<()> {
    let name = lease.interface.as_str();
    let cidr = lease.cidr()?;
    let mut nl = Netlink::open()?;
    if let Some(mtu) = lease.mtu {
        told(name, nl.set_mtu(name, mtu.into()));
    }
    if let Some(old) = before.map(Lease::cidr).transpose()?.filter(|old| *old != cidr) {
        nl.delete_address(name, old)?;
    }
    nl.replace_address(name, cidr, Lifetime { valid: lease.lease, preferred: lease.lease })?;
    for route in routes(lease, cidr, nl.need(name)?.index)? {
        told(name, nl.replace_route(&route));
    }
    lease.save()?;
    if !no_resolv_conf {
        resolv_conf()?;
    }
    host_name(lease)
}

/// Says what the kernel refused of a lease and goes on: one wrong route must not cost the address.
fn told(name: &str, outcome: Result<()>) {
    if let Err(e) = outcome {
        // Nobody is told when standard error is closed.
        let _ = writeln!(std::io::stderr(), "{name}: {e}");
    }
}

/// Undo it: the lease is lost.
pub fn withdraw(lease: &Lease, no_resolv_conf: bool) -> Result<()> {
    lease.forget();
    // The routes go with the address, which may have run out and gone by itself.
    Netlink::open()?.delete_address(&lease.interface, lease.cidr()?)?;
    if no_resolv_conf { Ok(()) } else { resolv_conf() }
}

/// The routes of a lease: first those that the others need, to routers that are not in the address's network.
fn routes(lease: &Lease, own: Cidr, index: u32) -> Result<Vec<Route>> {
    let metric = Some(METRIC + index);
    let base = |to: Cidr| Route { index: Some(index), source: Some(own.addr), protocol: Route::DHCP, metric, ..Route::to(to) };
    let mut found = Vec::new();
    for way in &lease.routes {
        let to: Cidr = way.to.parse()?;
        found.push(Route { gateway: way.via.map(IpAddr::V4), ..base(to) });
    }
    if lease.routes.is_empty()
        && let Some(router) = lease.routers.first()
    {
        let gateway = IpAddr::V4(*router);
        found.push(Route { gateway: Some(gateway), ..base(Route::default_by(gateway).to) });
    }
    for route in &mut found {
        // A router that no network of ours has must still be on the link: clouds hand out /32 addresses.
        route.onlink = route.gateway.is_some_and(|gateway| !own.contains(gateway));
        route.scope = Some(if route.gateway.is_some() { Scope::GLOBAL } else { Scope::LINK });
    }
    found.sort_by_key(|route| route.gateway.is_some());
    Ok(found)
}

/// Write the name servers of all leases. A file that somebody else wrote stays when no lease has any.
fn resolv_conf() -> Result<()> {
    let leases = Lease::all();
    if let Some(text) = resolv_text(&leases) {
        std::fs::write(RESOLV_CONF, text).on("write", RESOLV_CONF)?;
    }
    Ok(())
}

fn resolv_text(leases: &[Lease]) -> Option<String> {
    let mut servers: Vec<Ipv4Addr> = Vec::new();
    let mut search: Vec<String> = Vec::new();
    for lease in leases {
        let domain = lease.domain.iter().filter(|_| lease.search.is_empty());
        for name in domain.chain(&lease.search) {
            if !search.contains(name) {
                search.push(name.clone());
            }
        }
        for server in &lease.dns {
            if !servers.contains(server) {
                servers.push(*server);
            }
        }
    }
    if servers.is_empty() {
        return None;
    }
    let mut text = String::new();
    if !search.is_empty() {
        let _ = writeln!(text, "search {}", search.join(" "));
    }
    for server in servers {
        let _ = writeln!(text, "nameserver {server}");
    }
    Some(text)
}

/// Take the server's name for us where we have none.
fn host_name(lease: &Lease) -> Result<()> {
    let file = Path::new("/proc/sys/kernel/hostname");
    match &lease.host_name {
        // A whole domain does not belong there; one label of it always fits.
        Some(name) if own_name().is_none() => {
            let first = name.split('.').next().unwrap_or_default();
            std::fs::write(file, first).on("write", file)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use crate::dhclient::lease::Way;
    use format::dhcp::{Packet, Type, option};

    fn lease(address: [u8; 4]) -> Lease {
        let mut packet = Packet::of_client(Type::Ack, 1, [0; 6]);
        packet.yours = address.into();
        packet.options.insert(option::MASK, vec![255, 255, 255, 0]);
        packet.options.insert(option::ROUTERS, vec![10, 0, 0, 1]);
        packet.options.insert(option::DNS, vec![10, 0, 0, 1]);
        packet.options.insert(option::DOMAIN, b"lab".to_vec());
        Lease::of("eth0", &packet).unwrap()
    }

    #[test]
    fn classless_routes_count_before_the_router() {
        let mut lease = lease([10, 0, 0, 5]);
        let own = lease.cidr().unwrap();
        let one = routes(&lease, own, 2).unwrap();
        assert_eq!((one.len(), one[0].metric, one[0].onlink), (1, Some(1002), false));
        let via = Some([172, 16, 0, 1].into());
        lease.routes = vec![Way { to: "0.0.0.0/0".into(), via }, Way { to: "172.16.0.1/32".into(), via: None }];
        let two = routes(&lease, own, 2).unwrap();
        assert_eq!((two[0].to.to_string().as_str(), two[0].scope), ("172.16.0.1/32", Some(Scope::LINK)));
        assert!(two[1].onlink && two[1].is_default());
    }

    #[test]
    fn name_servers_of_all_leases_once() {
        let mut other = lease([10, 0, 1, 5]);
        other.dns = vec![[10, 0, 0, 1].into(), [1, 1, 1, 1].into()];
        other.search = vec!["a.lab".into(), "lab".into()];
        let text = resolv_text(&[lease([10, 0, 0, 5]), other.clone()]).unwrap();
        assert_eq!(text, "search lab a.lab\nnameserver 10.0.0.1\nnameserver 1.1.1.1\n");
        other.dns.clear();
        assert_eq!(resolv_text(&[other]), None);
    }
}
