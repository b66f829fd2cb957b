//! A session keyring for each container, as in runc: with the caller's, containers would see each other's keys.

use std::ffi::CString;

use kit::{Context, Result};
use rustix::io::Errno;

/// Join the container's own; its processes inherit it. A kernel without keys has none to hide.
pub fn join(id: &str) -> Result<()> {
    let name = CString::new(format!("_ses.{id}")).doing("name a keyring")?;
    match sys::keyring::join_session(&name) {
        Err(e) if e.raw_os_error() != Some(Errno::NOSYS.raw_os_error()) => Err(e).doing("join the session keyring"),
        _ => Ok(()),
    }
}
