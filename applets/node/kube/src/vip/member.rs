//! A member's decisions: a function of what the cluster answers and of this machine's own clock since its start.
//!
//! The rule that keeps two members from holding the address at once: who has written the Lease holds the address for [`HOLD`] from the
//! moment *before* the request was sent; everybody else waits for [`DURATION`] from the moment *after* the answer that showed the
//! newest change. No clock is compared with another machine's, and none can be set: wrong dates and jumps change nothing.

use std::time::Duration;

use kit::Result;

use super::lease::Lease;

/// Time without a renewal after which another member takes the Lease.
pub const DURATION: Duration = Duration::from_secs(10);
/// Time that a holder may keep the address after its last renewal. The difference is for timers that are late.
pub const HOLD: Duration = Duration::from_secs(8);
/// The time between two renewals: two may fail before the address is lost.
pub const RENEW: Duration = Duration::from_secs(2);
/// The time after a renewal that failed, while there is a right that may be kept.
const AGAIN: Duration = Duration::from_millis(500);
/// The time between two looks of the others. The later they see the last renewal, the later they act; and a client whose packets are lost
/// sends them again 12.6 s after the first one, then only after 25 s.
pub const LOOK: Duration = Duration::from_secs(1);
/// A shorter wait than this is not worth while: a Lease that runs out is looked at then.
const LEAST: Duration = Duration::from_millis(100);
/// The number of rounds, one after another, in which this machine's API server says that it is not ready before its member gives up.
const UNREADY: u32 = 2;

/// This machine's API server, as far as it is asked.
pub trait Cluster {
    /// Tells whether it says that it is ready for clients.
    fn is_ready(&self) -> Result<bool>;
    /// The Lease, when there is one.
    fn read(&self) -> Result<Option<Lease>>;
    /// Write the Lease in the place of the state that it was made from; false when that was changed meanwhile.
    fn write(&self, lease: &Lease) -> Result<bool>;
}

/// This machine's right to the address.
#[derive(Debug, PartialEq, Eq)]
pub enum Right {
    /// It has it until that moment.
    Mine(Duration),
    /// That member has it.
    Other(String),
    /// This machine can't serve: first the address must go, then the Lease be given back.
    Unfit,
    /// It could not be found out; what was told before holds until its end.
    Unknown(String),
}

/// A member.
#[derive(Debug)]
pub struct Member {
    name: String,
    /// The end of the right to the address.
    until: Option<Duration>,
    /// The newest state of the Lease, when it was first seen, and when it may be taken.
    seen: Option<Seen>,
    unready: u32,
    /// The last round found nothing out.
    failed: bool,
}

#[derive(Debug)]
struct Seen {
    version: String,
    free_at: Duration,
}

impl Member {
    /// A member without any right.
    pub fn new(name: String) -> Self {
        Self { name, until: None, seen: None, unready: 0, failed: false }
    }

    /// Tells whether it has the right, as far as it knows.
    pub const fn holds(&self) -> bool {
        self.until.is_some()
    }

    /// Tells whether its right has come to an end that nobody has noted yet.
    pub fn has_lapsed(&mut self, now: Duration) -> bool {
        let lapsed = self.until.is_some_and(|until| now >= until);
        if lapsed {
            self.until = None;
        }
        lapsed
    }

    /// Look at the Lease, and renew or take it when it is its own, nobody's, or was left alone for long enough.
    pub fn round(&mut self, cluster: &dyn Cluster, now: &dyn Fn() -> Duration) -> Right {
        let right = self.try_round(cluster, now).unwrap_or_else(|e| Right::Unknown(e.to_string()));
        self.failed = matches!(right, Right::Unknown(_));
        right
    }

    fn try_round(&mut self, cluster: &dyn Cluster, now: &dyn Fn() -> Duration) -> Result<Right> {
        let lease = cluster.read()?.unwrap_or_default();
        let is_free = self.note(&lease, now());
        let is_own = lease.holder == self.name;
        if !is_own && !is_free {
            self.until = None;
            return Ok(Right::Other(lease.holder));
        }
        if !cluster.is_ready()? {
            self.unready += 1;
            if is_own && self.unready >= UNREADY {
                self.until = None;
                return Ok(Right::Unfit);
            }
            return Ok(Right::Unknown("this machine's API server is not ready".into()));
        }
        self.unready = 0;
        let began = now();
        if !cluster.write(&lease.taken_by(&self.name, DURATION))? {
            return Ok(Right::Unknown("another member was faster".into()));
        }
        self.until = Some(began + HOLD);
        Ok(Right::Mine(began + HOLD))
    }

    /// Note a state of the Lease, and tell whether anybody may take it.
    fn note(&mut self, lease: &Lease, now: Duration) -> bool {
        if lease.holder.is_empty() {
            self.seen = None;
            return true;
        }
        match &self.seen {
            Some(seen) if seen.version == lease.version => now >= seen.free_at,
            _ => {
                let free_at = now + lease.duration.max(DURATION);
                self.seen = Some(Seen { version: lease.version.clone(), free_at });
                false
            }
        }
    }

    /// Give the Lease back, for another member to take at once. The address must be gone before.
    pub fn give_back(&mut self, cluster: &dyn Cluster) -> Result<()> {
        self.until = None;
        match cluster.read()? {
            Some(lease) if lease.holder == self.name => cluster.write(&lease.given_back()).map(drop),
            _ => Ok(()),
        }
    }

    /// The time until the next round.
    pub fn pause(&self, now: Duration) -> Duration {
        if self.holds() {
            return if self.failed { AGAIN } else { RENEW };
        }
        // Not before the moment at which it may be taken by a rounding.
        let free_in = self.seen.as_ref().map_or(LOOK, |seen| seen.free_at.saturating_sub(now));
        if free_in.is_zero() { LOOK } else { LOOK.min(free_in + LEAST) }
    }
}

#[cfg(test)]
mod tests;
