//! The limits that every process inherits.

use kit::{Context, Result};
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::Machine;

/// The most open files a process may ask for: what container runtimes and API servers are usually given.
const FILES_HARD: u64 = 1 << 20;
/// Soft limit of open files. Not more: old programs walk all possible descriptors at start, and
/// `select` ends at 1024;
/// Go programs raise it by themselves.
const FILES_SOFT: u64 = 1024;

/// Raise them.
pub fn raise(_: &mut Machine) -> Result<String> {
    let both = |value| Rlimit { current: value, maximum: value };
    setrlimit(Resource::Nofile, Rlimit { current: Some(FILES_SOFT), maximum: Some(FILES_HARD) })
        .doing("set the limit of open files")?;
    setrlimit(Resource::Nproc, both(None)).doing("lift the limit of processes")?;
    setrlimit(Resource::Memlock, both(None)).doing("lift the limit of locked memory")?;
    // Core files would fill the RAM.
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: None }).doing("set the limit of core files")?;
    Ok(String::new())
}
