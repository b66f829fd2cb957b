//! Progress of a pull: counters that its threads write and a display reads.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A pull's layers, lowest first.
#[derive(Debug)]
pub struct Progress {
    /// Digest that the image's reference means.
    pub digest: String,
    /// One a layer.
    pub layers: Vec<Layer>,
}

/// One layer's way in.
#[derive(Debug)]
pub struct Layer {
    /// The blob's digest.
    pub digest: String,
    /// Its size in bytes.
    pub size: u64,
    /// The bytes that came.
    pub done: AtomicU64,
    /// It is unpacked.
    pub whole: AtomicBool,
}

impl Layer {
    /// Bytes that came, and whether it is unpacked.
    pub fn state(&self) -> (u64, bool) {
        (self.done.load(Ordering::Relaxed), self.whole.load(Ordering::Relaxed))
    }
}

impl Progress {
    /// Bytes that came, and that will have come.
    pub fn sum(&self) -> (u64, u64) {
        let sum = |of: fn(&Layer) -> u64| self.layers.iter().map(of).fold(0, u64::saturating_add);
        (sum(|layer| layer.state().0), sum(|layer| layer.size))
    }
}
