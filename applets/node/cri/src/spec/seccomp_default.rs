//! The filter of `RuntimeDefault`: a list of what is allowed, all else is EPERM. It grows with the container's capabilities, because
//! a call that the capability check guards anyway gains nothing from a second lock.

use serde_json::{Value, json};

/// System calls that any program may make, by purpose. A name that a machine does not have is skipped there.
const ALLOWED: &[&str] = &[
    // Files by path and by descriptor.
    "access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64 \
     fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr \
     flistxattr flock fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat \
     getcwd getdents getdents64 getxattr getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch ioctl lchown \
     lchown32 lgetxattr link linkat listxattr listxattrat llistxattr _llseek lremovexattr lseek lsetxattr lstat lstat64 mkdir \
     mkdirat mknod mknodat newfstatat open openat openat2 pipe pipe2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read \
     readahead readlink readlinkat readv removexattr removexattrat rename renameat renameat2 rmdir sendfile sendfile64 setxattr \
     setxattrat splice stat stat64 statfs statfs64 statx symlink symlinkat sync sync_file_range syncfs tee truncate truncate64 \
     umask unlink unlinkat utime utimensat utimensat_time64 utimes vmsplice write writev name_to_handle_at cachestat statmount \
     listmount",
    // Waiting, events, asynchronous input and output; not io_uring, which goes around this filter.
    "epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 \
     io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit _newselect poll ppoll ppoll_time64 \
     pselect6 pselect6_time64 select signalfd signalfd4 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime \
     timerfd_settime64",
    // Memory.
    "brk madvise membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall map_shadow_stack mmap mmap2 mprotect mremap \
     mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect process_mrelease remap_file_pages",
    // Processes, threads, scheduling, identity.
    "alarm capget capset execve execveat exit exit_group fork futex futex_requeue futex_time64 futex_wait futex_waitv \
     futex_wake get_robust_list get_thread_area getcpu getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups \
     getgroups32 getpgid getpgrp getpid getppid getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit \
     getrusage getsid gettid getuid getuid32 ioprio_get ioprio_set landlock_add_rule landlock_create_ruleset \
     landlock_restrict_self nanosleep pause pidfd_open pidfd_send_signal prctl prlimit64 ptrace process_vm_readv \
     process_vm_writev restart_syscall rseq sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr \
     sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr \
     sched_setparam sched_setscheduler sched_yield seccomp set_robust_list set_thread_area set_tid_address setfsgid setfsgid32 \
     setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setpgid setpriority setregid setregid32 setresgid setresgid32 \
     setresuid setresuid32 setreuid setreuid32 setrlimit setsid setuid setuid32 sysinfo time times tgkill tkill ugetrlimit \
     uname vfork wait4 waitid waitpid kill lsm_get_self_attr lsm_set_self_attr lsm_list_modules uretprobe",
    // Signals.
    "rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait \
     rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack sigprocmask sigreturn",
    // Clocks and timers; setting a clock is below.
    "adjtimex clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep \
     clock_nanosleep_time64 getitimer gettimeofday setitimer timer_create timer_delete timer_getoverrun timer_gettime \
     timer_gettime64 timer_settime timer_settime64",
    // Sockets; socket itself is below.
    "accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmmsg_time64 recvmsg send \
     sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair",
    // System V and POSIX objects.
    "ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink \
     msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget",
    // Calls of one architecture.
    "arch_prctl modify_ldt riscv_flush_icache riscv_hwprobe sync_file_range2 arm_fadvise64_64 arm_sync_file_range breakpoint \
     cacheflush set_tls",
];

/// System calls that a capability allows in addition.
const WITH: &[(&str, &str)] = &[
    ("DAC_READ_SEARCH", "open_by_handle_at"),
    (
        "SYS_ADMIN",
        "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr \
         move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount umount2 \
         unshare",
    ),
    ("SYS_BOOT", "reboot"),
    ("SYS_CHROOT", "chroot"),
    ("SYS_MODULE", "delete_module finit_module init_module"),
    ("SYS_PACCT", "acct"),
    ("SYS_PTRACE", "kcmp pidfd_getfd process_madvise"),
    ("SYS_RAWIO", "ioperm iopl"),
    ("SYS_TIME", "clock_settime clock_settime64 settimeofday stime"),
    ("SYS_TTY_CONFIG", "vhangup"),
    ("SYS_NICE", "get_mempolicy mbind migrate_pages move_pages set_mempolicy set_mempolicy_home_node"),
    ("SYSLOG", "syslog"),
    ("BPF", "bpf"),
    ("PERFMON", "perf_event_open"),
];

/// The personalities that change nothing about safety: Linux, its 32-bit and uname-2.6 variants, and the question (personality(2)).
const PERSONALITIES: &[u64] = &[0x0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/// All CLONE_NEW* bits: without CAP_SYS_ADMIN a clone must not make a namespace (clone(2)).
const NEW_NAMESPACES: u64 = 0x7e02_0000;

/// AF_ALG: the kernel's ciphers, whose bugs have let programs write to files that they may only read (CVE-2026-31431): on a diskless
/// node the page cache is the only copy of layers and programs.
const ALG: u64 = 38;
/// AF_VSOCK: a socket to the machine below, which no pod network policy sees.
const VSOCK: u64 = 40;

/// ENOSYS: C libraries then fall back from clone3, whose flags a filter can't see, to clone.
const ENOSYS: u32 = 38;

/// The filter for a container with these capabilities (short names).
pub fn build(capabilities: &[&str]) -> Value {
    let mut rules: Vec<Value> = ALLOWED.iter().map(|names| allow(names)).collect();
    for (capability, names) in WITH {
        if capabilities.contains(capability) {
            rules.push(allow(names));
        }
    }
    for personality in PERSONALITIES {
        rules.push(one("personality", *personality, None, "SCMP_CMP_EQ"));
    }
    // Ranges, because conditions of several rules for one argument are alternatives: two that say "not equal" allow all.
    for (value, op) in [(ALG, "SCMP_CMP_LT"), (ALG + 1, "SCMP_CMP_EQ"), (VSOCK, "SCMP_CMP_GT")] {
        rules.push(one("socket", value, None, op));
    }
    if !capabilities.contains(&"SYS_ADMIN") {
        rules.push(one("clone", NEW_NAMESPACES, Some(0), "SCMP_CMP_MASKED_EQ"));
        rules.push(json!({ "names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": ENOSYS }));
    }
    json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 1,
        "architectures": architectures(),
        "syscalls": rules,
    })
}

const ALLOW: &str = "SCMP_ACT_ALLOW";

/// Calls that are allowed whatever their arguments are.
fn allow(names: &str) -> Value {
    json!({ "names": names.split_whitespace().collect::<Vec<_>>(), "action": ALLOW })
}

/// A call that is allowed when its first argument compares so.
fn one(name: &str, value: u64, two: Option<u64>, op: &str) -> Value {
    let mut arg = json!({ "index": 0, "value": value, "op": op });
    if let Some(two) = two {
        arg["valueTwo"] = json!(two);
    }
    json!({ "names": [name], "action": ALLOW, "args": [arg] })
}

/// This machine's calls, and those of the 32-bit programs that its kernel may run.
fn architectures() -> &'static [&'static str] {
    match std::env::consts::ARCH {
        "x86_64" => &["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
        "aarch64" => &["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
        "riscv64" => &["SCMP_ARCH_RISCV64"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests;
