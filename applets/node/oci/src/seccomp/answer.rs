//! Answers of a filter to a call, as the kernel takes them (linux/seccomp.h).

/// `SECCOMP_RET_KILL_PROCESS`
pub const KILL_PROCESS: u32 = 0x8000_0000;
/// `SECCOMP_RET_KILL_THREAD`
pub const KILL_THREAD: u32 = 0;
/// `SECCOMP_RET_TRAP`
pub const TRAP: u32 = 0x0003_0000;
/// `SECCOMP_RET_ERRNO`, with the errno in the low half.
pub const ERRNO: u32 = 0x0005_0000;
/// `SECCOMP_RET_TRACE`, with a message in the low half.
pub const TRACE: u32 = 0x7ff0_0000;
/// `SECCOMP_RET_LOG`
pub const LOG: u32 = 0x7ffc_0000;
/// `SECCOMP_RET_ALLOW`
pub const ALLOW: u32 = 0x7fff_0000;
/// `SECCOMP_RET_ACTION_FULL`: an answer without its data. As a signed number, less is stricter.
pub const KIND: u32 = 0xffff_0000;
