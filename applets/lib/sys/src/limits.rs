//! Resource limits of any process, which rustix can set but not read.

use std::io;

/// Limit of a resource, by its number in linux/resource.h, and of a process (0 is the caller); `u64::MAX` is no limit.
/// Answers the soft and the hard limit as they were; `new` replaces them.
pub fn limit(pid: i32, resource: u32, new: Option<(u64, u64)>) -> io::Result<(u64, u64)> {
    let wanted = new.map(|(soft, hard)| libc::rlimit64 { rlim_cur: soft, rlim_max: hard });
    let wanted = wanted.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    let mut old = libc::rlimit64 { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both structures live over the call, and the first may be absent.
    match unsafe { libc::syscall(libc::SYS_prlimit64, pid, resource, wanted, &raw mut old) } {
        0 => Ok((old.rlim_cur, old.rlim_max)),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn own_limits() {
        let old = limit(0, 7, None).unwrap();
        assert_eq!(limit(0, 7, Some(old)).unwrap(), old);
        assert!(limit(0, 99, None).is_err());
    }
}
