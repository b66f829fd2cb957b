//! The session keyring of the calling process and of what it starts.

use std::ffi::CStr;
use std::io;

/// `KEYCTL_JOIN_SESSION_KEYRING`
const JOIN_SESSION: libc::c_int = 1;

/// Leave the session keyring for the one of that name, which is made if it is not there. ENOSYS without keys in the kernel.
pub fn join_session(name: &CStr) -> io::Result<()> {
    // SAFETY: the name ends with a zero and outlives the call, which reads it.
    match unsafe { libc::syscall(libc::SYS_keyctl, JOIN_SESSION, name.as_ptr()) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
