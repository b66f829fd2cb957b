//! Resources that a node holds, seen from outside of kutties, so that before and after can be
//! compared.

use std::collections::BTreeMap;
use std::time::Duration;

use kit::{Error, Result};
use lab::guest::Guest;
use lab::until;

/// Table that guards the node's loopback addresses: made once, with the first port of a pod, and there to stay.
const GUARD: &str = "kutties_loopback";

/// Resources, each with its count.
#[derive(Debug, PartialEq, Eq)]
pub struct Holdings(BTreeMap<String, usize>);

impl Holdings {
    /// Look now.
    pub fn of(guest: &Guest) -> Result<Self> {
        let mut held = BTreeMap::new();
        for line in guest.look()?.into_iter().filter(|line| !line.contains(GUARD)) {
            *held.entry(line).or_insert(0) += 1;
        }
        Ok(Self(held))
    }

    /// Look until two looks agree: what is on its way out is gone.
    pub fn settled(guest: &Guest, limit: Duration) -> Result<Self> {
        let mut last = Self::of(guest)?;
        until(limit, || {
            let now = Self::of(guest)?;
            if now == last {
                return Ok(now);
            }
            last = now;
            Err(Error::new("it changes still"))
        })
    }

    /// Returns the resources in `later` that were not here.
    pub fn new_in(&self, later: &Self) -> Vec<String> {
        let more = |(name, count): (&String, &usize)| {
            let before = self.0.get(name).copied().unwrap_or(0);
            (*count > before).then(|| format!("{name} (+{})", count - before))
        };
        later.0.iter().filter_map(more).collect()
    }

    /// Wait until all is as it was: nothing more, nothing less.
    pub fn wait_equal(&self, guest: &Guest, limit: Duration) -> Result<()> {
        until(limit, || {
            let now = Self::of(guest)?;
            let (new, lost) = (self.new_in(&now), now.new_in(self));
            if new.is_empty() && lost.is_empty() {
                return Ok(());
            }
            Err(Error::new(format!("left behind:\n{}\nlost:\n{}", new.join("\n"), lost.join("\n"))))
        })
    }

    /// Wait until nothing is there that was not before.
    pub fn wait_same(&self, guest: &Guest, limit: Duration) -> Result<()> {
        until(limit, || {
            let new = self.new_in(&Self::of(guest)?);
            if new.is_empty() { Ok(()) } else { Err(Error::new(format!("left behind:\n{}", new.join("\n")))) }
        })
    }
}
