//! Random numbers.

/// Random numbers by splitmix64: each seed gives the same ones on all machines.
#[derive(Debug, Default)]
pub struct Random {
    state: u64,
    seed: f64,
}

impl Random {
    /// The next one, below 1.
    pub fn next(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Starts anew; returns the seed before.
    pub fn seed(&mut self, seed: f64) -> f64 {
        self.state = seed.to_bits();
        std::mem::replace(&mut self.seed, seed)
    }
}
