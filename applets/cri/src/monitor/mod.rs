//! The per-pod monitors and the zygote that forks them.

pub mod wire;
