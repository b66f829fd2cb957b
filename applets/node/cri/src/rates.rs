//! Rates of processor time: the time used since the last sample, by the time that passed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Two looks that are closer than this (nanoseconds) would tell of the kernel's accounting rather than of the program.
const NEAR: i64 = 500_000_000;
/// Age of a sample (nanoseconds) at which it is dropped, because its mean would tell nothing of now.
const OLD: i64 = 600_000_000_000;

/// The last look at each.
#[derive(Default)]
pub struct Rates(Mutex<HashMap<String, Look>>);

#[derive(Clone, Copy)]
struct Look {
    at: i64,
    used: u64,
    rate: Option<u64>,
}

impl Rates {
    /// Nanoseconds of processor a second, now that `used` nanoseconds have been used; none at the first look.
    pub fn rate(&self, id: &str, at: i64, used: u64) -> Option<u64> {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        looks.retain(|_, look| at - look.at < OLD);
        let rate = match looks.get(id) {
            // Less than before: its cgroup is a new one.
            Some(last) if used < last.used => None,
            Some(last) if at - last.at < NEAR => return last.rate,
            Some(last) => {
                let (used, passed) = (u128::from(used - last.used), (at - last.at).unsigned_abs());
                u64::try_from(used * 1_000_000_000 / u128::from(passed)).ok()
            }
            None => None,
        };
        looks.insert(id.to_owned(), Look { at, used, rate });
        rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn the_rate_is_that_of_the_time_between_two_looks() {
        let rates = Rates::default();
        assert_eq!(rates.rate("a", SECOND, 100), None);
        assert_eq!(rates.rate("a", SECOND + 1, 200), None);
        assert_eq!(rates.rate("a", 3 * SECOND, 100 + 500_000_000), Some(250_000_000));
        assert_eq!(rates.rate("a", 3 * SECOND + 1, 600_000_000), Some(250_000_000));
        assert_eq!(rates.rate("b", 3 * SECOND, 5), None);
        // Begun anew, and forgotten.
        assert_eq!(rates.rate("a", 5 * SECOND, 10), None);
        assert_eq!(rates.rate("a", 5 * SECOND + OLD, 20), None);
    }
}
