//! Turns: one change at a time for each sandbox and each container.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

/// One at a time for each sandbox and each container, by their names, which they have before an id: the kubelet repeats a request whose
/// answer it did not wait for, and stops what it does not want any more while that is being made.
#[derive(Default)]
pub struct Turns(Mutex<HashMap<String, Weak<RwLock<()>>>>);

impl Turns {
    /// Wait for the name's turn; dropping the guard ends it.
    pub async fn take(&self, name: &str) -> OwnedRwLockWriteGuard<()> {
        self.of(name).write_owned().await
    }

    /// As [`Self::take`], beside others who share it: containers are made at the same time, but not while their sandbox is stopped.
    pub async fn share(&self, name: &str) -> OwnedRwLockReadGuard<()> {
        self.of(name).read_owned().await
    }

    fn of(&self, name: &str) -> Arc<RwLock<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = turns.get(name).and_then(Weak::upgrade).unwrap_or_default();
        turns.insert(name.to_owned(), Arc::downgrade(&turn));
        turn
    }
}
