//! The house rules that a compiler does not hold, read from manifests and sources. `tests/` asks, `limits.toml` says what is left.

pub mod arrows;
pub mod circles;
pub mod lengths;
pub mod limits;
mod modules;
mod scan;
pub mod sources;
pub mod words;
