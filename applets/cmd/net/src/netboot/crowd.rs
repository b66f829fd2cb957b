//! Clients that are served at a time: so many in all, and so many of one address.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

/// The clients of one service.
#[derive(Debug)]
pub struct Crowd {
    all: usize,
    each: usize,
    here: Mutex<HashMap<Ipv4Addr, usize>>,
}

/// One client, until it is dropped.
#[derive(Debug)]
pub struct Guest {
    crowd: Arc<Crowd>,
    from: Ipv4Addr,
}

impl Crowd {
    /// At most `all`, and `each` of one address.
    pub fn new(all: usize, each: usize) -> Arc<Self> {
        Arc::new(Self { all, each, here: Mutex::default() })
    }

    /// Let one in; none when there are too many.
    pub fn enter(self: &Arc<Self>, from: Ipv4Addr) -> Option<Guest> {
        let mut here = self.here.lock().unwrap_or_else(PoisonError::into_inner);
        if here.values().sum::<usize>() >= self.all || here.get(&from).is_some_and(|own| *own >= self.each) {
            return None;
        }
        *here.entry(from).or_default() += 1;
        drop(here);
        Some(Guest { crowd: Arc::clone(self), from })
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut here = self.crowd.here.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = here.get_mut(&self.from) {
            *own -= 1;
            if *own == 0 {
                here.remove(&self.from);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_leaves_room_for_others() {
        let crowd = Crowd::new(5, 3);
        let address = |n| Ipv4Addr::new(10, 0, 0, n);
        let own: Vec<_> = (0..10).filter_map(|_| crowd.enter(address(1))).collect();
        assert_eq!(own.len(), 3);
        let others: Vec<_> = (2..10).filter_map(|n| crowd.enter(address(n))).collect();
        assert_eq!(others.len(), 2);
        drop(own);
        assert!(crowd.enter(address(1)).is_some() && crowd.enter(address(9)).is_some());
        drop(others);
        assert!(crowd.here.lock().is_ok_and(|here| here.is_empty()));
    }
}
