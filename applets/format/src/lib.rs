//! Bytes only, no I/O.
