//! Numbers that nobody can have seen before.

use std::hash::{BuildHasher, RandomState};

/// A random number: the standard library keys each hasher from the system's source.
pub fn nonce() -> u64 {
    RandomState::new().hash_one(std::process::id())
}
