//! Places for connections: few and drawn by lot for those that have not proved yet who they are, others for those that have.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Unknown clients up to which none is refused, and at which all are, as OpenSSH's `MaxStartups 10:30:100`.
const FREE: usize = 10;
const FULL: usize = 100;
/// Percent of clients that are refused at [`FREE`]; it rises evenly to all of them.
const RATE: usize = 30;
/// Unknown clients of one source: fewer than [`FREE`], so that one source alone keeps nobody else out.
const SOURCE: usize = 8;
/// Known clients. Each has a key, but the node's memory is not theirs alone.
const KNOWN: usize = 32;

/// A source: an address of IPv4, or the network of an address of IPv6, which one machine has whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Source(IpAddr);

impl Source {
    fn of(peer: IpAddr) -> Self {
        match peer.to_canonical() {
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into())
            }
            address @ IpAddr::V4(_) => Self(address),
        }
    }
}

/// All places.
#[derive(Debug, Default)]
pub struct Lobby {
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    unknown: BTreeMap<Source, usize>,
    known: usize,
}

/// The place of one client, until it is dropped.
#[derive(Debug)]
pub struct Place {
    lobby: Arc<Lobby>,
    /// None for one that is known.
    source: Option<Source>,
}

impl Lobby {
    /// A place for a client that just came; `lot` is any number. None when it has to go.
    pub fn enter(self: &Arc<Self>, peer: IpAddr, lot: u8) -> Option<Place> {
        let source = Source::of(peer);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = taken.unknown.values().sum();
        let own = taken.unknown.get(&source).copied().unwrap_or(0);
        if own >= SOURCE || usize::from(lot) * 100 < refused(all) * 256 {
            return None;
        }
        *taken.unknown.entry(source).or_default() += 1;
        drop(taken);
        Some(Place { lobby: Arc::clone(self), source: Some(source) })
    }
}

/// Percent of clients that are refused when so many unknown ones are there.
const fn refused(unknown: usize) -> usize {
    if unknown < FREE {
        0
    } else if unknown >= FULL {
        100
    } else {
        RATE + (100 - RATE) * (unknown - FREE) / (FULL - FREE)
    }
}

impl Place {
    /// The place of a client that has proved who it is. None when all of those are taken.
    pub fn known(self) -> Option<Self> {
        let lobby = Arc::clone(&self.lobby);
        drop(self);
        let mut taken = lobby.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.known >= KNOWN {
            return None;
        }
        taken.known += 1;
        drop(taken);
        Some(Self { lobby, source: None })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.lobby.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(source) = self.source else {
            taken.known -= 1;
            return;
        };
        if let Some(count) = taken.unknown.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                taken.unknown.remove(&source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn address(n: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, n])
    }

    #[test]
    fn one_source_keeps_nobody_out() {
        let lobby = Arc::new(Lobby::default());
        let crowd: Vec<_> = (0..200).filter_map(|_| lobby.enter(address(1), 255)).collect();
        assert_eq!(crowd.len(), SOURCE);
        assert!(lobby.enter(address(2), 0).is_some(), "whatever the lot is");
        let same: IpAddr = "::ffff:10.0.0.1".parse().unwrap();
        assert!(lobby.enter(same, 255).is_none(), "the same address in the other family");
        drop(crowd);
        assert!(lobby.enter(address(1), 0).is_some());
        assert!(lobby.taken.lock().unwrap().unknown.is_empty());
    }

    #[test]
    fn a_network_is_one_source() {
        let lobby = Arc::new(Lobby::default());
        let own = |n: u16| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, n));
        assert_eq!((0..100).filter_map(|n| lobby.enter(own(n), 255)).map(std::mem::forget).count(), SOURCE);
        let other = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 0, 0, 1));
        assert!(lobby.enter(other, 255).is_some());
    }

    #[test]
    fn the_lot_decides_when_many_sources_crowd() {
        let lobby = Arc::new(Lobby::default());
        let crowd: Vec<_> = (0..=255).filter_map(|n| lobby.enter(address(n), 255)).collect();
        assert_eq!(crowd.len(), FULL);
        assert!(lobby.enter(address(200), 255).is_none());
        drop(crowd);
        let _some: Vec<_> = (0..20).map(|n| lobby.enter(address(n), 255).unwrap()).collect();
        assert!(lobby.enter(address(100), 0).is_none());
        assert!(lobby.enter(address(100), 200).is_some());
        assert_eq!((refused(9), refused(10), refused(55), refused(100)), (0, 30, 65, 100));
    }

    #[test]
    fn known_clients_have_other_places() {
        let lobby = Arc::new(Lobby::default());
        let known: Vec<_> = (0..KNOWN).map(|_| lobby.enter(address(1), 0).unwrap().known().unwrap()).collect();
        assert!(lobby.enter(address(1), 0).unwrap().known().is_none());
        assert_eq!((0..100).filter_map(|_| lobby.enter(address(1), 255)).map(std::mem::forget).count(), SOURCE);
        drop(known);
        assert!(lobby.enter(address(3), 255).unwrap().known().is_some());
    }
}
