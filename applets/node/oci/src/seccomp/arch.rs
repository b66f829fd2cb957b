//! Architectures and the numbers of their system calls.

use kit::{Error, Result};

/// A way of calling the kernel that a filter can tell from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arch {
    /// 64 bits on PCs.
    X86_64,
    /// 32 bits on PCs.
    X86,
    /// 32-bit pointers in 64-bit mode; shares its audit number with [`Arch::X86_64`], its calls have bit 30 set.
    X32,
    /// 64 bits on ARM.
    Aarch64,
    /// 32 bits on ARM.
    Arm,
}

/// Bit that marks a call of [`Arch::X32`].
pub const X32_BIT: u32 = 0x4000_0000;

/// Calls of x32 whose number is not x86_64's: kernel, arch/x86/entry/syscalls/syscall_64.tbl from 512 on.
const X32_OWN: [&str; 36] = [
    "rt_sigaction",
    "rt_sigreturn",
    "ioctl",
    "readv",
    "writev",
    "recvfrom",
    "sendmsg",
    "recvmsg",
    "execve",
    "ptrace",
    "rt_sigpending",
    "rt_sigtimedwait",
    "rt_sigqueueinfo",
    "sigaltstack",
    "timer_create",
    "mq_notify",
    "kexec_load",
    "waitid",
    "set_robust_list",
    "get_robust_list",
    "vmsplice",
    "move_pages",
    "preadv",
    "pwritev",
    "rt_tgsigqueueinfo",
    "recvmmsg",
    "sendmmsg",
    "process_vm_readv",
    "process_vm_writev",
    "setsockopt",
    "getsockopt",
    "io_setup",
    "io_submit",
    "execveat",
    "preadv2",
    "pwritev2",
];

/// The number of the first of them.
const X32_OWN_FIRST: u32 = 512;

/// Calls of ARM that are no part of its table: arch/arm/include/uapi/asm/unistd.h.
const ARM_OWN: [(&str, u32); 6] = [
    ("breakpoint", 0x000f_0001),
    ("cacheflush", 0x000f_0002),
    ("usr26", 0x000f_0003),
    ("usr32", 0x000f_0004),
    ("set_tls", 0x000f_0005),
    ("get_tls", 0x000f_0006),
];

/// Calls that 32-bit PCs may also make through `socketcall`, by its first argument from 1: linux/net.h.
const SOCKETCALLS: [&str; 20] = [
    "socket",
    "bind",
    "connect",
    "listen",
    "accept",
    "getsockname",
    "getpeername",
    "socketpair",
    "send",
    "recv",
    "sendto",
    "recvfrom",
    "shutdown",
    "setsockopt",
    "getsockopt",
    "sendmsg",
    "recvmsg",
    "accept4",
    "recvmmsg",
    "sendmmsg",
];

/// The same for `ipc`: linux/ipc.h.
const IPCS: [(&str, u64); 12] = [
    ("semop", 1),
    ("semget", 2),
    ("semctl", 3),
    ("semtimedop", 4),
    ("msgsnd", 11),
    ("msgrcv", 12),
    ("msgget", 13),
    ("msgctl", 14),
    ("shmat", 21),
    ("shmdt", 22),
    ("shmget", 23),
    ("shmctl", 24),
];

/// Names of the architectures in profiles.
pub const NAMES: [(&str, Arch); 5] = [
    ("SCMP_ARCH_X86_64", Arch::X86_64),
    ("SCMP_ARCH_X86", Arch::X86),
    ("SCMP_ARCH_X32", Arch::X32),
    ("SCMP_ARCH_AARCH64", Arch::Aarch64),
    ("SCMP_ARCH_ARM", Arch::Arm),
];

/// Names that a profile may list and that cannot call this machine's kernel.
const FOREIGN: [&str; 20] = [
    "SCMP_ARCH_MIPS",
    "SCMP_ARCH_MIPS64",
    "SCMP_ARCH_MIPS64N32",
    "SCMP_ARCH_MIPSEL",
    "SCMP_ARCH_MIPSEL64",
    "SCMP_ARCH_MIPSEL64N32",
    "SCMP_ARCH_PPC",
    "SCMP_ARCH_PPC64",
    "SCMP_ARCH_PPC64LE",
    "SCMP_ARCH_S390",
    "SCMP_ARCH_S390X",
    "SCMP_ARCH_PARISC",
    "SCMP_ARCH_PARISC64",
    "SCMP_ARCH_RISCV64",
    "SCMP_ARCH_LOONGARCH64",
    "SCMP_ARCH_M68K",
    "SCMP_ARCH_SH",
    "SCMP_ARCH_SHEB",
    "SCMP_ARCH_NATIVE",
    "SCMP_ARCH_ALL",
];

/// A table of the `syscalls` crate by name. A profile names hundreds of calls for each of three architectures: the crate's
/// own search, which compares with one call after the other, took longer than all else that becomes of a configuration.
macro_rules! table {
    ($arch:ident) => {{
        use syscalls::$arch::Sysno;
        static TABLE: [(&str, u32); Sysno::count()] = {
            let mut table = [("", 0); Sysno::count()];
            let (mut id, mut length) = (0, 0);
            while id < Sysno::table_size() {
                if let Some(call) = Sysno::new(id) {
                    put_in_order(&mut table, length, (call.name(), call.id() as u32));
                    length += 1;
                }
                id += 1;
            }
            table
        };
        &TABLE
    }};
}

/// Insert a call into the first `length` of a table, which are in order.
const fn put_in_order(table: &mut [(&'static str, u32)], length: usize, call: (&'static str, u32)) {
    let mut at = length;
    while at > 0 && is_before(call.0.as_bytes(), table[at - 1].0.as_bytes()) {
        table[at] = table[at - 1];
        at -= 1;
    }
    table[at] = call;
}

/// Tells if a name comes before another: `Ord` is not for constants.
const fn is_before(name: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < name.len() && at < other.len() {
        if name[at] != other[at] {
            return name[at] < other[at];
        }
        at += 1;
    }
    name.len() < other.len()
}

impl Arch {
    /// The machine that this binary is for.
    pub const NATIVE: Self = if cfg!(target_arch = "aarch64") { Self::Aarch64 } else { Self::X86_64 };

    /// A profile's name for it; none for one that this build knows to be another machine's.
    pub fn named(name: &str) -> Result<Option<Self>> {
        match NAMES.iter().find(|(known, _)| *known == name) {
            Some((_, arch)) => Ok(Some(*arch)),
            None if FOREIGN.contains(&name) => Ok(None),
            None => Err(Error::new(format!("seccomp profile: there is no architecture {name}"))),
        }
    }

    /// Tells if a machine of architecture `native` can run it.
    pub const fn runs_on(self, native: Self) -> bool {
        match self {
            Self::X86_64 | Self::X86 | Self::X32 => matches!(native, Self::X86_64),
            Self::Aarch64 | Self::Arm => matches!(native, Self::Aarch64),
        }
    }

    /// `AUDIT_ARCH_*`
    pub const fn audit(self) -> u32 {
        match self {
            Self::X86_64 | Self::X32 => 0xc000_003e,
            Self::X86 => 0x4000_0003,
            Self::Aarch64 => 0xc000_00b7,
            Self::Arm => 0x4000_0028,
        }
    }

    /// Tells if the upper halves of its arguments count.
    pub const fn is_wide(self) -> bool {
        matches!(self, Self::X86_64 | Self::Aarch64)
    }

    /// A call's number; none when the architecture has no call of that name.
    pub fn number(self, name: &str) -> Option<u32> {
        match self {
            Self::X86_64 => wide_pc(name),
            Self::X86 => find(table!(x86), name),
            Self::X32 => match X32_OWN.iter().position(|own| *own == name) {
                Some(at) => Some(X32_BIT | (X32_OWN_FIRST + at as u32)),
                None => wide_pc(name).map(|number| X32_BIT | number),
            },
            Self::Aarch64 => find(table!(aarch64), name),
            Self::Arm => match ARM_OWN.iter().find(|(own, _)| *own == name) {
                Some((_, number)) => Some(*number),
                None => find(table!(arm), name),
            },
        }
    }

    /// The call that this one can also be reached through, with that call's first argument.
    pub fn through(self, name: &str) -> Option<(u32, u64)> {
        if self != Self::X86 {
            return None;
        }
        if let Some(at) = SOCKETCALLS.iter().position(|call| *call == name) {
            return Some((self.number("socketcall")?, at as u64 + 1));
        }
        let (_, which) = IPCS.iter().find(|(call, _)| *call == name)?;
        Some((self.number("ipc")?, *which))
    }
}

fn wide_pc(name: &str) -> Option<u32> {
    find(table!(x86_64), name)
}

fn find(table: &[(&str, u32)], name: &str) -> Option<u32> {
    let at = table.binary_search_by_key(&name, |(name, _)| name).ok()?;
    Some(table[at].1)
}
