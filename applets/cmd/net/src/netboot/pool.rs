//! The addresses that are lent, and to whom. They are in memory alone: who comes back after a restart asks for what it had, and gets it.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

/// Time that an offered address is kept for a machine that has not taken it yet.
const OFFER: Duration = Duration::from_mins(2);
/// Time that an address is left alone after a machine declined it, because another host has it.
const DECLINED: Duration = Duration::from_hours(1);
/// The most addresses in a range: a /16.
const MOST: u32 = 1 << 16;

/// A hardware address.
pub type Mac = [u8; 6];

/// The addresses.
#[derive(Debug)]
pub struct Pool {
    first: u32,
    last: u32,
    /// In seconds.
    pub lease: u32,
    held: HashMap<Ipv4Addr, Held>,
}

#[derive(Debug)]
struct Held {
    /// None when it is nobody's that we know.
    by: Option<Mac>,
    until: Instant,
    /// It was taken, not only offered.
    lent: bool,
}

/// `FIRST-LAST`.
pub fn range(text: &str) -> Result<(Ipv4Addr, Ipv4Addr), String> {
    let wrong = || "it must be two addresses of one network, such as 10.0.0.100-10.0.0.200".to_owned();
    let (first, last) = text.split_once('-').ok_or_else(wrong)?;
    let (first, last): (Ipv4Addr, Ipv4Addr) = (first.parse().map_err(|_| wrong())?, last.parse().map_err(|_| wrong())?);
    if first <= last && last.to_bits() - first.to_bits() < MOST { Ok((first, last)) } else { Err(wrong()) }
}

impl Pool {
    /// From the first to the last address.
    pub fn new(first: Ipv4Addr, last: Ipv4Addr, lease: u32) -> Self {
        Self { first: first.to_bits(), last: last.to_bits(), lease, held: HashMap::new() }
    }

    /// The address to offer: the one that it has, the one that it wishes, else one that depends on who asks, so that it is the same after
    /// a restart.
    pub fn offer(&mut self, mac: Mac, wish: Option<Ipv4Addr>, own: Ipv4Addr, now: Instant) -> Option<Ipv4Addr> {
        let had = self.held.iter().find(|(_, held)| held.by == Some(mac)).map(|(address, _)| *address);
        let found = had
            .or_else(|| wish.filter(|wish| self.is_free(*wish, mac, own, now)))
            .or_else(|| self.candidates(mac).find(|address| self.is_free(*address, mac, own, now)))
            .or_else(|| self.oldest(|held| !held.lent && held.by.is_some()))
            .or_else(|| self.oldest(|held| held.by.is_none()))?;
        let (until, lent) =
            self.held.get(&found).filter(|held| held.by == Some(mac)).map_or((now, false), |held| (held.until, held.lent));
        self.held.insert(found, Held { by: Some(mac), until: until.max(now + OFFER), lent });
        Some(found)
    }

    /// The address that is held longest of those of a kind. Made-up machines that only ask for addresses, or say that somebody else
    /// has them, leave room for real ones.
    fn oldest(&self, kind: impl Fn(&Held) -> bool) -> Option<Ipv4Addr> {
        self.held.iter().filter(|(_, held)| kind(held)).min_by_key(|(_, held)| held.until).map(|(address, _)| *address)
    }

    /// Lend an address, if it can be this machine's.
    pub fn lend(&mut self, mac: Mac, address: Ipv4Addr, own: Ipv4Addr, now: Instant) -> bool {
        // The first machine to ask takes an address that was only offered to another.
        let offered = self.held.get(&address).is_some_and(|held| !held.lent && held.by.is_some());
        let free = offered || self.is_free(address, mac, own, now);
        if free {
            // One machine, one address.
            self.held.retain(|_, held| held.by != Some(mac));
            self.held.insert(address, Held { by: Some(mac), until: now + Duration::from_secs(self.lease.into()), lent: true });
        }
        free
    }

    /// Take it back.
    pub fn release(&mut self, mac: Mac, address: Ipv4Addr) {
        if self.held.get(&address).is_some_and(|held| held.by == Some(mac)) {
            self.held.remove(&address);
        }
    }

    /// Somebody else has it.
    pub fn decline(&mut self, mac: Mac, address: Ipv4Addr, now: Instant) {
        if self.held.get(&address).is_some_and(|held| held.by == Some(mac)) {
            self.held.insert(address, Held { by: None, until: now + DECLINED, lent: true });
        }
    }

    fn is_free(&self, address: Ipv4Addr, mac: Mac, own: Ipv4Addr, now: Instant) -> bool {
        let inside = (self.first..=self.last).contains(&address.to_bits()) && address != own;
        inside && self.held.get(&address).is_none_or(|held| held.by == Some(mac) || held.until <= now)
    }

    /// All of them, beginning with one that depends on the machine.
    fn candidates(&self, mac: Mac) -> impl Iterator<Item = Ipv4Addr> + use<> {
        let count = self.last - self.first + 1;
        let start = mac.iter().fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add((*byte).into())) % count;
        let first = self.first;
        (0..count).map(move |at| Ipv4Addr::from_bits(first + (start + at) % count))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    const OWN: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 3);

    fn pool() -> Pool {
        let (first, last) = range("10.0.0.2-10.0.0.4").unwrap();
        Pool::new(first, last, 100)
    }

    #[test]
    fn each_machine_has_its_own_and_keeps_it() {
        let (mut pool, now) = (pool(), Instant::now());
        let one = pool.offer([1; 6], None, OWN, now).unwrap();
        let other = pool.offer([2; 6], Some(one), OWN, now).unwrap();
        assert!(one != other && one != OWN && other != OWN);
        assert_eq!(pool.offer([1; 6], Some(other), OWN, now), Some(one));
        assert!(pool.lend([1; 6], one, OWN, now) && pool.lend([2; 6], other, OWN, now));
        assert_eq!(pool.offer([3; 6], None, OWN, now), None, "there are two only");
        assert!(!pool.lend([2; 6], one, OWN, now) && !pool.lend([1; 6], OWN, OWN, now));
        let later = now + Duration::from_secs(101);
        assert_eq!(pool.offer([3; 6], Some(one), OWN, later), Some(one), "its time was over");
    }

    #[test]
    fn what_is_given_back_is_free_and_what_is_declined_is_not() {
        let (mut pool, now) = (pool(), Instant::now());
        let one = pool.offer([1; 6], None, OWN, now).unwrap();
        assert!(pool.lend([1; 6], one, OWN, now));
        pool.release([2; 6], one);
        assert!(!pool.lend([2; 6], one, OWN, now), "another can't give it back");
        pool.release([1; 6], one);
        assert!(pool.lend([2; 6], one, OWN, now));
        pool.decline([2; 6], one, now);
        assert!(!pool.lend([2; 6], one, OWN, now));
        let other = pool.offer([3; 6], None, OWN, now).unwrap();
        assert!(other != one && pool.lend([3; 6], other, OWN, now));
        assert_eq!(pool.offer([4; 6], None, OWN, now), Some(one), "nothing else is left");
        pool.release([4; 6], one);
        assert!(pool.lend([2; 6], one, OWN, now + DECLINED));
    }

    #[test]
    fn offers_that_nobody_takes_keep_nobody_out() {
        let (mut pool, now) = (pool(), Instant::now());
        let real = pool.offer([1; 6], None, OWN, now).unwrap();
        for n in 0..200 {
            let at = now + Duration::from_millis(n.into());
            assert!(pool.offer([9, 9, 9, 9, 9, n], None, OWN, at).is_some());
        }
        let later = now + Duration::from_secs(1);
        assert!(pool.lend([1; 6], real, OWN, later), "it takes what it was offered");
        let second = pool.offer([2; 6], None, OWN, later).unwrap();
        assert!(second != real && pool.lend([2; 6], second, OWN, later));
        assert_eq!(pool.offer([3; 6], None, OWN, later), None, "what is lent stays lent");
        assert!(!pool.lend([3; 6], real, OWN, later));
    }

    #[test]
    fn ranges_are_checked() {
        for wrong in ["", "10.0.0.1", "10.0.0.9-10.0.0.1", "10.0.0.0-10.9.0.0", "a-b"] {
            assert!(range(wrong).is_err(), "{wrong}");
        }
    }
}
