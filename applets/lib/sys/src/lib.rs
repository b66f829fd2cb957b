//! The fence: safe functions over the system calls that rustix and nix lack. The only room of the binary where `unsafe` stands.

pub mod block;
pub mod bpf;
pub mod calendar;
pub mod child;
pub mod clock;
pub mod extent;
pub mod fds;
pub mod fork;
pub mod heap;
pub mod interface;
pub mod kernel_log;
pub mod kexec;
pub mod keyring;
pub mod loop_device;
pub mod module;
pub mod mount;
pub mod mount_attr;
pub mod netlink;
pub mod own;
pub mod packet;
pub mod pidfd;
pub mod seccomp;
pub mod signals;
pub mod sigpipe;
pub mod unshare;
pub mod version;
