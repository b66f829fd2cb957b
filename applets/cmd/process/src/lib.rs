//! Commands for processes, namespaces, and the running kernel. One file a command.

mod dmesg;
mod free;
mod killall;
mod nsenter;
mod pgrep;
mod pidof;
mod process;
mod ps;
mod pstree;
mod select;
mod setsid;
mod start;
mod switch_root;
mod sysctl;
mod unshare;
mod watch;

use kit::Applet;

/// The applets of this crate, sorted by name.
pub const APPLETS: &[Applet] = &[
    dmesg::DMESG,
    free::FREE,
    killall::KILLALL,
    nsenter::NSENTER,
    pgrep::PGREP,
    pidof::PIDOF,
    pgrep::PKILL,
    ps::PS,
    pstree::PSTREE,
    setsid::SETSID,
    switch_root::SWITCH_ROOT,
    sysctl::SYSCTL,
    unshare::UNSHARE,
    watch::WATCH,
];
