//! The per-pod monitors and the zygote that forks them.
//!
//! A monitor is a small process with one thread: parent of its pod's containers, writer of their logs and exit journal, holder of their
//! namespaces. It outlives the server. Nothing here may start a thread, and nothing may wait: [`events`] polls for all.

mod attach;
mod connection;
mod console;
mod container;
mod ends;
mod events;
mod exec;
mod init;
mod job;
mod journal;
pub mod log;
mod memory;
mod pod;
mod requests;
mod streaming;
pub mod wire;
mod zygote;

pub use console::Console;
pub use zygote::start;
