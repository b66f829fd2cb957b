//! The lab: private networks, control planes and virtual machines for tests, and for `make run`.

pub mod console;
pub mod guest;
mod initrd;
mod nonce;
mod plain;
mod qemu;
mod qmp;
mod socket;
mod until;
pub mod verdict;
pub mod vm;

pub use nonce::nonce;
pub use until::until;
