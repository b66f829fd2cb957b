//! The shared address on an interface of this machine: chosen, set for a time, taken away.

use std::net::IpAddr;

use kit::{Error, Result};
use netlink::{Address, Cidr, Link, Netlink, Route, Scope};

/// The address, and the kernel that is told of it.
pub struct Place {
    kernel: Netlink,
    address: IpAddr,
}

/// The address is set.
pub struct Held {
    /// On this interface.
    pub link: Link,
    /// It was not there before.
    pub is_new: bool,
}

impl Place {
    /// That address on this machine, wherever it may be.
    pub fn open(address: IpAddr) -> Result<Self> {
        Ok(Self { kernel: Netlink::open()?, address })
    }

    /// The interface for the address.
    pub fn link(&mut self) -> Result<Link> {
        let addresses = self.kernel.addresses()?;
        let host = Cidr::host(self.address);
        if addresses.iter().any(|has| has.cidr.addr == self.address && has.cidr != host) {
            return Err(Error::new(format!("share {}: it is an address of this machine's own", self.address)));
        }
        let index = choose(self.address, &addresses, &self.kernel.routes()?).ok_or_else(|| {
            Error::new(format!("share {}: no interface is in its network, and there is no default route", self.address))
        })?;
        let link = self.kernel.link_by_index(index)?;
        link.ok_or_else(|| Error::new(format!("share {}: its interface has gone", self.address)))
    }

    /// Tells whether this machine has the address.
    pub fn is_here(&mut self) -> Result<bool> {
        Ok(!self.found()?.is_empty())
    }

    /// This machine's own address of the same family on that interface, by which others reach it whoever holds the shared one.
    pub fn own_address(&mut self, link: &Link) -> Result<Option<IpAddr>> {
        let family = self.address.is_ipv4();
        let all = self.kernel.addresses()?.into_iter().filter(|has| has.index == link.index && has.scope == Scope::GLOBAL);
        Ok(all.map(|has| has.cidr.addr).find(|addr| addr.is_ipv4() == family && *addr != self.address))
    }

    /// Have the address for so many seconds from now on; the kernel takes it away then.
    pub fn hold(&mut self, seconds: u32) -> Result<Held> {
        let link = self.link()?;
        let addresses = self.kernel.addresses()?;
        // Programs take an interface's first address for the machine's own.
        let is_first = is_before_others(self.address, link.index, &addresses);
        let (mut is_new, host) = (true, Cidr::host(self.address));
        for has in addresses.iter().filter(|has| has.cidr == host) {
            if has.index == link.index && !is_first {
                is_new = false;
            } else {
                self.delete(has.index)?;
            }
        }
        self.kernel.lease_address(&link.name, host, seconds)?;
        Ok(Held { link, is_new })
    }

    /// Take the address away; false when it was not there.
    pub fn leave(&mut self) -> Result<bool> {
        let found = self.found()?;
        found.iter().try_for_each(|index| self.delete(*index))?;
        Ok(!found.is_empty())
    }

    /// The numbers of the interfaces that have it.
    fn found(&mut self) -> Result<Vec<u32>> {
        let host = Cidr::host(self.address);
        Ok(self.kernel.addresses()?.into_iter().filter(|has| has.cidr == host).map(|has| has.index).collect())
    }

    fn delete(&mut self, index: u32) -> Result<()> {
        let Some(link) = self.kernel.link_by_index(index)? else { return Ok(()) };
        self.kernel.delete_address(&link.name, Cidr::host(self.address)).map(drop)
    }
}

/// The number of the interface in whose network the address is, or else of the one with the default route.
fn choose(address: IpAddr, addresses: &[Address], routes: &[Route]) -> Option<u32> {
    let in_network = |has: &&Address| has.cidr != Cidr::host(has.cidr.addr) && has.cidr.contains(address);
    let near = addresses.iter().filter(in_network).max_by_key(|has| has.cidr.prefix).map(|has| has.index);
    let is_way = |route: &&Route| route.is_default() && route.table == Route::MAIN && route.kind == Route::UNICAST;
    let ways = routes.iter().filter(is_way).filter(|route| route.to.is_v4() == address.is_ipv4());
    near.or_else(|| ways.min_by_key(|route| route.metric.unwrap_or(0)).and_then(|route| route.index))
}

/// Tells whether the kernel lists the IPv4 address before others of its interface: they were set later, as after a new lease of DHCP. IPv6's
/// newest address always comes first.
fn is_before_others(address: IpAddr, index: u32, addresses: &[Address]) -> bool {
    let mut own = addresses.iter().filter(|has| has.index == index && has.cidr.is_v4() && has.scope == Scope::GLOBAL);
    address.is_ipv4() && own.next().is_some_and(|first| first.cidr.addr == address) && own.next().is_some()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use netlink::Lifetime;

    use super::*;

    fn on(index: u32, cidr: &str) -> Address {
        let cidr: Cidr = cidr.parse().unwrap();
        Address {
            index,
            cidr,
            peer: None,
            broadcast: None,
            scope: Scope::of_address(cidr.addr),
            label: None,
            flags: 0,
            lifetime: Lifetime::FOREVER,
            protocol: 0,
        }
    }

    fn default_on(index: u32, gateway: &str, metric: u32) -> Route {
        Route { index: Some(index), metric: Some(metric), ..Route::default_by(gateway.parse().unwrap()) }
    }

    #[test]
    fn the_interface_is_the_one_in_its_network_or_has_the_default_route() {
        let addresses = [on(1, "127.0.0.1/8"), on(2, "10.0.0.1/24"), on(3, "192.168.7.1/24"), on(3, "fd00::1/64")];
        let routes = [default_on(3, "192.168.7.254", 200), default_on(2, "10.0.0.254", 100), default_on(3, "fd00::fe", 50)];
        let chosen = |address: &str| choose(address.parse().unwrap(), &addresses, &routes);
        assert_eq!(chosen("192.168.7.100"), Some(3));
        assert_eq!(chosen("10.0.0.100"), Some(2));
        assert_eq!(chosen("172.16.0.1"), Some(2), "the better default route");
        assert_eq!(chosen("fd00::64"), Some(3));
        assert_eq!(chosen("fd99::64"), Some(3));
        assert_eq!(choose("172.16.0.1".parse().unwrap(), &addresses, &[]), None);
        // Its own entry is no network that it is in.
        assert_eq!(choose("172.16.0.1".parse().unwrap(), &[on(4, "172.16.0.1/32")], &routes), Some(2));
    }

    #[test]
    fn it_comes_after_the_machines_own() {
        let shared = "10.0.0.100".parse().unwrap();
        let (own, vip) = (on(2, "10.0.0.1/24"), on(2, "10.0.0.100/32"));
        assert!(!is_before_others(shared, 2, &[own.clone(), vip.clone()]));
        assert!(is_before_others(shared, 2, &[vip.clone(), own.clone()]));
        assert!(!is_before_others(shared, 2, &[vip.clone(), on(3, "10.1.0.1/24")]), "alone on its interface");
        assert!(!is_before_others(shared, 3, &[vip, own]));
    }
}
