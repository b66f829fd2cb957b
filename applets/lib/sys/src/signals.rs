//! Dispositions of signals, before a program is executed.

/// Highest signal number of Linux on x86 and ARM.
const LAST: libc::c_int = 64;

/// Bytes of the kernel's signal set, which the C library's is larger than.
const SET_SIZE: usize = 8;

/// Gives every signal its default disposition: an ignored one would stay so through an exec. The kernel is asked directly, as
/// the C library keeps some signals to itself. SIGKILL and SIGSTOP are never ignored and refuse the call.
pub fn reset() {
    // All zero bytes: SIG_DFL, no flags, an empty mask. `struct sigaction` of the kernel is at most this long.
    let default = [0_u64; 8];
    for signal in 1..=LAST {
        // SAFETY: the kernel only reads the structure, which outlives the call; no handler of ours is lost that is still needed.
        unsafe {
            libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), std::ptr::null::<u64>(), SET_SIZE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_signal_is_not_ignored_any_more() {
        // SAFETY: SIG_IGN is a valid disposition; nothing in this test's process needs the signal.
        unsafe { libc::signal(libc::SIGUSR2, libc::SIG_IGN) };
        reset();
        // SAFETY: SIG_DFL is a valid disposition.
        let before = unsafe { libc::signal(libc::SIGUSR2, libc::SIG_DFL) };
        assert_eq!(before, libc::SIG_DFL);
        // Rust's start-up ignores SIGPIPE, for the tests beside this one.
        crate::sigpipe::ignore();
    }
}
