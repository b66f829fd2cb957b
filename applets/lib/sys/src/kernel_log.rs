//! The kernel's log, beyond what /dev/kmsg can do (syslog(2)).

use std::io;

/// Forget what was logged so far: `dmesg` begins after it.
pub fn clear() -> io::Result<()> {
    const CLEAR: i32 = 5;
    call(CLEAR, 0)
}

/// Show messages below this level (1 to 8) on the console.
pub fn set_console_level(level: u8) -> io::Result<()> {
    const CONSOLE_LEVEL: i32 = 8;
    call(CONSOLE_LEVEL, level.into())
}

fn call(action: i32, number: i32) -> io::Result<()> {
    // SAFETY: these actions take no buffer.
    let done = unsafe { libc::klogctl(action, std::ptr::null_mut(), number) };
    if done >= 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
