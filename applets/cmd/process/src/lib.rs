//! Commands for processes, namespaces, and the running kernel. One file a command.

mod capabilities;
mod choom;
mod chrt;
mod dmesg;
mod flock;
mod free;
mod getopt;
mod ionice;
mod killall;
mod logger;
mod nsenter;
mod pgrep;
mod pidof;
mod prlimit;
mod process;
mod ps;
mod pstree;
mod renice;
mod select;
mod setpriv;
mod setsid;
mod start;
mod switch_root;
mod sysctl;
mod taskset;
mod time;
mod unshare;
mod watch;

use kit::Applet;

/// The applets of this crate, sorted by name.
pub const APPLETS: &[Applet] = &[
    choom::CHOOM,
    chrt::CHRT,
    dmesg::DMESG,
    flock::FLOCK,
    free::FREE,
    getopt::GETOPT,
    ionice::IONICE,
    killall::KILLALL,
    logger::LOGGER,
    nsenter::NSENTER,
    pgrep::PGREP,
    pidof::PIDOF,
    pgrep::PKILL,
    prlimit::PRLIMIT,
    ps::PS,
    pstree::PSTREE,
    renice::RENICE,
    setpriv::SETPRIV,
    setsid::SETSID,
    switch_root::SWITCH_ROOT,
    sysctl::SYSCTL,
    taskset::TASKSET,
    time::TIME,
    unshare::UNSHARE,
    watch::WATCH,
];
