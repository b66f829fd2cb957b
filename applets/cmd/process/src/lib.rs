//! Commands for processes, namespaces, and the running kernel. One file a command.

mod dmesg;
mod flock;
mod free;
mod getopt;
mod killall;
mod logger;
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
mod time;
mod unshare;
mod watch;

use kit::Applet;

/// The applets of this crate, sorted by name.
pub const APPLETS: &[Applet] = &[
    dmesg::DMESG,
    flock::FLOCK,
    free::FREE,
    getopt::GETOPT,
    killall::KILLALL,
    logger::LOGGER,
    nsenter::NSENTER,
    pgrep::PGREP,
    pidof::PIDOF,
    pgrep::PKILL,
    ps::PS,
    pstree::PSTREE,
    setsid::SETSID,
    switch_root::SWITCH_ROOT,
    sysctl::SYSCTL,
    time::TIME,
    unshare::UNSHARE,
    watch::WATCH,
];
