//! Bytes only, no I/O.

pub mod elf;
