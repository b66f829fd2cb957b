//! Machines that were here in the last minutes: they got an answer to DHCP or PXE, or a boot file.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::pool::Mac;

/// Time from a machine's last word before its kernel runs to its question for settings: a large image over a slow network.
const STAY: Duration = Duration::from_mins(15);
/// The most that are remembered; the oldest give way. Made-up addresses cost a packet each.
const MOST: usize = 1 << 16;

/// The machines.
#[derive(Debug, Default)]
pub struct Visitors {
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    last: HashMap<Mac, Instant>,
    /// In the order of time; those that came again are in it more than once.
    order: VecDeque<(Instant, Mac)>,
}

impl Visitors {
    /// A machine was here.
    pub fn saw(&self, mac: Mac, now: Instant) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.last.insert(mac, now);
        seen.order.push_back((now, mac));
        while let Some((at, mac)) = seen.order.front().copied() {
            if seen.order.len() <= MOST && now.saturating_duration_since(at) < STAY {
                break;
            }
            seen.order.pop_front();
            if seen.last.get(&mac) == Some(&at) {
                seen.last.remove(&mac);
            }
        }
    }

    /// Tell if a machine was here in the last minutes.
    pub fn knows(&self, mac: Mac, now: Instant) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.last.get(&mac).is_some_and(|at| now.saturating_duration_since(*at) < STAY)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn machines_are_forgotten_in_time() {
        let (visitors, now) = (Visitors::default(), Instant::now());
        assert!(!visitors.knows([1; 6], now));
        visitors.saw([1; 6], now);
        assert!(visitors.knows([1; 6], now + STAY / 2) && !visitors.knows([1; 6], now + STAY));
        visitors.saw([1; 6], now + STAY / 2);
        visitors.saw([2; 6], now + STAY);
        assert!(visitors.knows([1; 6], now + STAY), "it came again");
        assert_eq!(visitors.seen.lock().unwrap().order.len(), 2);
    }

    #[test]
    fn made_up_machines_take_bounded_room() {
        let (visitors, now) = (Visitors::default(), Instant::now());
        for n in 0..(MOST as u32 + 10) {
            let [a, b, c, d] = n.to_be_bytes();
            visitors.saw([2, 0, a, b, c, d], now);
        }
        let seen = visitors.seen.lock().unwrap();
        assert_eq!((seen.last.len(), seen.order.len()), (MOST, MOST));
        assert!(!seen.last.contains_key(&[2, 0, 0, 0, 0, 9]) && seen.last.contains_key(&[2, 0, 0, 0, 0, 10]));
    }
}
