//! Scheduling policies and priorities of input and output, which rustix lacks.

use std::io;

/// linux/ioprio.h: the class stands above these bits.
const CLASS_SHIFT: u32 = 13;
/// linux/ioprio.h: the low bits of a priority are its level.
const LEVEL_MASK: u32 = 7;

/// Targets of an input/output priority, as `ioprio_set` numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// One process.
    Process = 1,
    /// A process group.
    Group = 2,
    /// All processes of a user.
    User = 3,
}

/// Priority of input and output: class (0 none, 1 realtime, 2 best effort, 3 idle) and level (0 is the first, 7 the last).
pub fn io_priority(of: Of, id: u32) -> io::Result<(u32, u32)> {
    // SAFETY: numbers alone go to the kernel and come back.
    let answer = unsafe { libc::syscall(libc::SYS_ioprio_get, of as libc::c_int, id) };
    let value = u32::try_from(answer).map_err(|_| io::Error::last_os_error())?;
    Ok((value >> CLASS_SHIFT, value & LEVEL_MASK))
}

/// Set that priority.
pub fn set_io_priority(of: Of, id: u32, class: u32, level: u32) -> io::Result<()> {
    let value = class << CLASS_SHIFT | level & LEVEL_MASK;
    // SAFETY: numbers alone go to the kernel.
    match unsafe { libc::syscall(libc::SYS_ioprio_set, of as libc::c_int, id, value) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Attributes of scheduling: `struct sched_attr` of linux/sched/types.h in its first form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Attributes {
    /// Bytes of this structure; filled in by [`set_attributes`].
    pub size: u32,
    /// Policy: 0 other, 1 fifo, 2 round robin, 3 batch, 5 idle, 6 deadline.
    pub policy: u32,
    /// Flags: 1 resets the policy of children.
    pub flags: u64,
    /// Niceness, for the policies other and batch.
    pub nice: i32,
    /// Priority, for fifo and round robin: 1 to 99.
    pub priority: u32,
    /// Nanoseconds of CPU time in a period, for deadline.
    pub runtime: u64,
    /// Nanoseconds in which they must be had.
    pub deadline: u64,
    /// Nanoseconds of a period.
    pub period: u64,
}

/// `SCHED_FLAG_RESET_ON_FORK`.
pub const RESET_ON_FORK: u64 = 1;

/// Attributes of a thread; 0 is the calling one.
pub fn attributes(pid: u32) -> io::Result<Attributes> {
    let mut found = Attributes::default();
    let size = size_of::<Attributes>();
    // SAFETY: the structure is writable and of that size.
    match unsafe { libc::syscall(libc::SYS_sched_getattr, pid, &raw mut found, size, 0) } {
        0 => Ok(found),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Set them.
pub fn set_attributes(pid: u32, attributes: Attributes) -> io::Result<()> {
    let wanted = Attributes { size: size_of::<Attributes>() as u32, ..attributes };
    // SAFETY: the structure is readable and says its own size.
    match unsafe { libc::syscall(libc::SYS_sched_setattr, pid, &raw const wanted, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Least and greatest priority of a policy.
pub fn priority_range(policy: u32) -> io::Result<(u32, u32)> {
    let policy = policy.cast_signed();
    // SAFETY: numbers alone.
    let least = unsafe { libc::syscall(libc::SYS_sched_get_priority_min, policy) };
    // SAFETY: numbers alone.
    let greatest = unsafe { libc::syscall(libc::SYS_sched_get_priority_max, policy) };
    match (u32::try_from(least), u32::try_from(greatest)) {
        (Ok(least), Ok(greatest)) => Ok((least, greatest)),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn we_are_scheduled() {
        let own = attributes(0).unwrap();
        set_attributes(0, own).unwrap();
        assert_eq!(priority_range(1).unwrap(), (1, 99));
        assert!(attributes(u32::MAX / 2).is_err());
        let (class, level) = io_priority(Of::Process, 0).unwrap();
        assert!(class <= 3 && level <= 7);
    }
}
