//! New namespaces for the calling process.

use std::io;

/// Leave the network, IPC and UTS namespaces for new ones, those that are wanted. The process must have one thread: others would stay behind.
pub fn unshare(net: bool, ipc: bool, uts: bool) -> io::Result<()> {
    let flag = |wanted: bool, flag: libc::c_int| if wanted { flag } else { 0 };
    let flags = flag(net, libc::CLONE_NEWNET) | flag(ipc, libc::CLONE_NEWIPC) | flag(uts, libc::CLONE_NEWUTS);
    // SAFETY: these flags give the process new namespaces and touch no memory.
    if unsafe { libc::unshare(flags) } == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
