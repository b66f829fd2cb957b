//! Ranges of addresses that host-local hands out.

use std::net::IpAddr;

use netlink::{Cidr, after};
use serde::Deserialize;

use crate::answer::as_text;

/// A range as the configuration writes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Written {
    #[serde(with = "as_text")]
    subnet: Cidr,
    range_start: Option<IpAddr>,
    range_end: Option<IpAddr>,
    gateway: Option<IpAddr>,
}

/// Part of a network: from `first` to `last`, both handed out; the gateway is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// The network.
    pub subnet: Cidr,
    /// The first address that is handed out.
    pub first: IpAddr,
    /// The last one.
    pub last: IpAddr,
    /// The network's router.
    pub gateway: Option<IpAddr>,
}

impl Range {
    /// With what was not written: all of the network but its own and broadcast address, the gateway at its first address.
    pub fn new(written: &Written) -> Result<Self, String> {
        let subnet = written.subnet;
        if subnet.network() != subnet {
            return Err(format!("network {subnet} has host bits set: the network's address is {}", subnet.network().addr));
        }
        let whole = Cidr::host(subnet.addr).prefix;
        if subnet.prefix > whole - 2 {
            return Err(format!("network {subnet} is too small to allocate from"));
        }
        let first = after(subnet.addr, 1).ok_or_else(|| format!("network {subnet} has no first address"))?;
        let end = match subnet.last() {
            IpAddr::V4(broadcast) => IpAddr::V4((broadcast.to_bits() - 1).into()),
            v6 @ IpAddr::V6(_) => v6,
        };
        let inside = |addr: Option<IpAddr>, what: &str| match addr {
            Some(addr) if !subnet.contains(addr) => Err(format!("{what} {addr} is not in network {subnet}")),
            addr => Ok(addr),
        };
        let start = inside(written.range_start, "rangeStart")?.unwrap_or(first);
        let last = inside(written.range_end, "rangeEnd")?.unwrap_or(end);
        if start > last {
            return Err(format!("rangeStart {start} comes after rangeEnd {last}"));
        }
        let gateway = inside(written.gateway, "gateway")?.or(Some(first));
        Ok(Self { subnet, first: start, last, gateway })
    }

    /// Tells if it hands out that address.
    pub fn contains(&self, addr: IpAddr) -> bool {
        self.subnet.contains(addr) && (self.first..=self.last).contains(&addr)
    }
}

/// Several ranges of one family, of which a pod gets one address.
#[derive(Debug, Clone)]
pub struct RangeSet(Vec<Range>);

impl RangeSet {
    pub fn new(written: &[Written]) -> Result<Self, String> {
        let ranges: Vec<Range> = written.iter().map(Range::new).collect::<Result<_, _>>()?;
        let Some(head) = ranges.first() else { return Err("a range set is empty".into()) };
        if ranges.iter().any(|r| r.subnet.is_v4() != head.subnet.is_v4()) {
            return Err("a range set mixes IPv4 and IPv6".into());
        }
        for (at, range) in ranges.iter().enumerate() {
            if let Some(other) = ranges[..at].iter().find(|o| o.first <= range.last && range.first <= o.last) {
                return Err(format!("ranges {}-{} and {}-{} overlap", other.first, other.last, range.first, range.last));
            }
        }
        Ok(Self(ranges))
    }

    /// Its ranges.
    pub fn ranges(&self) -> &[Range] {
        &self.0
    }

    /// The range that hands out that address.
    pub fn range_of(&self, addr: IpAddr) -> Option<&Range> {
        self.0.iter().find(|range| range.contains(addr))
    }

    /// All addresses but the gateways, each once, beginning after `last` and round to it.
    pub fn beginning_after(&self, last: Option<IpAddr>) -> impl Iterator<Item = (&Range, IpAddr)> {
        let at = last.and_then(|addr| self.0.iter().position(|range| range.contains(addr)));
        let (start, begin) = match (at, last) {
            (Some(at), Some(addr)) => match after(addr, 1).filter(|next| self.0[at].contains(*next)) {
                Some(next) => (at, next),
                None => ((at + 1) % self.0.len(), self.0[(at + 1) % self.0.len()].first),
            },
            _ => (0, self.0[0].first),
        };
        let rest = walk(&self.0[start], begin, self.0[start].last);
        let others = self.0[start + 1..].iter().chain(&self.0[..start]).flat_map(|r| walk(r, r.first, r.last));
        let front = walk(&self.0[start], self.0[start].first, begin).filter(move |(_, addr)| *addr != begin);
        rest.chain(others).chain(front).filter(|(range, addr)| range.gateway != Some(*addr))
    }
}

/// The addresses of a range from `first` to `last`.
fn walk(range: &Range, first: IpAddr, last: IpAddr) -> impl Iterator<Item = (&Range, IpAddr)> {
    let mut next = Some(first);
    std::iter::from_fn(move || {
        let addr = next.filter(|addr| *addr <= last)?;
        next = after(addr, 1);
        Some((range, addr))
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use serde_json::{Value, json};

    fn set(value: Value) -> Result<RangeSet, String> {
        RangeSet::new(&serde_json::from_value::<Vec<Written>>(value).unwrap())
    }

    fn texts(set: &RangeSet, last: Option<&str>) -> Vec<String> {
        set.beginning_after(last.map(|l| l.parse().unwrap())).map(|(_, a)| a.to_string()).collect()
    }

    #[test]
    fn what_is_not_written_is_filled_in() {
        let set = set(json!([{"subnet": "10.0.0.0/29"}])).unwrap();
        assert_eq!(set.0[0].gateway, Some("10.0.0.1".parse().unwrap()));
        assert_eq!(texts(&set, None), ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"]);
    }

    #[test]
    fn it_goes_round() {
        let two = json!([{"subnet": "10.0.0.0/30"}, {"subnet": "10.0.1.0/24", "rangeStart": "10.0.1.5", "rangeEnd": "10.0.1.7"}]);
        let set = set(two).unwrap();
        assert_eq!(texts(&set, Some("10.0.1.5")), ["10.0.1.6", "10.0.1.7", "10.0.0.2", "10.0.1.5"]);
        assert_eq!(texts(&set, Some("10.0.1.7")), ["10.0.0.2", "10.0.1.5", "10.0.1.6", "10.0.1.7"]);
        assert_eq!(texts(&set, Some("9.9.9.9")).len(), 4);
    }

    #[test]
    fn wrong_ranges() {
        for (value, says) in [
            (json!([]), "empty"),
            (json!([{"subnet": "10.0.0.1/24"}]), "host bits"),
            (json!([{"subnet": "10.0.0.0/31"}]), "too small"),
            (json!([{"subnet": "10.0.0.0/24", "rangeStart": "10.0.1.1"}]), "not in network"),
            (json!([{"subnet": "10.0.0.0/24", "rangeStart": "10.0.0.9", "rangeEnd": "10.0.0.8"}]), "comes after"),
            (json!([{"subnet": "10.0.0.0/24"}, {"subnet": "fd00::/64"}]), "mixes"),
            (json!([{"subnet": "10.0.0.0/24"}, {"subnet": "10.0.0.0/25"}]), "overlap"),
        ] {
            let said = set(value).unwrap_err();
            assert!(said.contains(says), "{said}");
        }
    }
}
