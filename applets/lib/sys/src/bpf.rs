//! The two uses of bpf(2) that a container's device filter needs: load a program, attach it to a cgroup.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// `BPF_PROG_LOAD`
const PROG_LOAD: libc::c_int = 5;
/// `BPF_PROG_ATTACH`
const PROG_ATTACH: libc::c_int = 8;
/// `BPF_PROG_TYPE_CGROUP_DEVICE`
const CGROUP_DEVICE_TYPE: u32 = 15;
/// `BPF_CGROUP_DEVICE`
const CGROUP_DEVICE: u32 = 6;
/// `BPF_F_ALLOW_MULTI`: programs of the cgroup and of all above it must all agree.
const ALLOW_MULTI: u32 = 2;

/// One eBPF instruction (`struct bpf_insn`): registers are two nibbles, destination low.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Insn {
    /// Operation code.
    pub code: u8,
    /// Destination register in the low nibble, source register in the high one.
    pub registers: u8,
    /// A jump's distance or a load's offset.
    pub offset: i16,
    /// Its constant.
    pub constant: i32,
}

/// The head of `union bpf_attr` for `BPF_PROG_LOAD`; what follows is zero.
#[repr(C)]
#[derive(Default)]
struct Load {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
}

/// `union bpf_attr` for `BPF_PROG_ATTACH`.
#[repr(C)]
#[derive(Default)]
struct Attach {
    target_fd: u32,
    attach_bpf_fd: u32,
    attach_type: u32,
    attach_flags: u32,
    replace_bpf_fd: u32,
}

/// Load a program that decides on device access.
pub fn load_device_filter(program: &[Insn]) -> io::Result<OwnedFd> {
    let insn_cnt = u32::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    // It calls no helper, so any licence will do for the kernel; this is ours.
    let license = c"Apache-2.0";
    let attr = Load {
        prog_type: CGROUP_DEVICE_TYPE,
        insn_cnt,
        insns: program.as_ptr() as u64,
        license: license.as_ptr() as u64,
        ..Load::default()
    };
    // SAFETY: `attr` is as large as said; its pointers lead to live memory of the said lengths, which the kernel only reads.
    let fd = unsafe { libc::syscall(libc::SYS_bpf, PROG_LOAD, &raw const attr, size_of::<Load>()) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor (close-on-exec) for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Attach a device filter to a cgroup (its open directory), beside those already there. It stays until the cgroup goes.
pub fn attach_device_filter(cgroup: BorrowedFd<'_>, program: BorrowedFd<'_>) -> io::Result<()> {
    let attr = Attach {
        target_fd: cgroup.as_raw_fd() as u32,
        attach_bpf_fd: program.as_raw_fd() as u32,
        attach_type: CGROUP_DEVICE,
        attach_flags: ALLOW_MULTI,
        replace_bpf_fd: 0,
    };
    // SAFETY: `attr` is as large as said and holds no pointers.
    match unsafe { libc::syscall(libc::SYS_bpf, PROG_ATTACH, &raw const attr, size_of::<Attach>()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
