//! The fence: safe functions over the system calls that rustix and nix lack. The only room of the binary where `unsafe` stands.

pub mod sigpipe;
