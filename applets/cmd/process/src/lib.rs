//! Commands for processes, namespaces, and the running kernel. One file a command.

mod capabilities;
mod choom;
mod chrt;
mod dmesg;
mod flock;
mod free;
mod fuser;
mod getopt;
mod ionice;
mod killall;
mod logger;
mod lsof;
mod nsenter;
mod open_files;
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
mod sockets;
mod start;
mod start_stop_daemon;
mod switch_root;
mod sysctl;
mod taskset;
mod time;
mod top;
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
    fuser::FUSER,
    getopt::GETOPT,
    ionice::IONICE,
    killall::KILLALL,
    logger::LOGGER,
    lsof::LSOF,
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
    start_stop_daemon::START_STOP_DAEMON,
    switch_root::SWITCH_ROOT,
    sysctl::SYSCTL,
    taskset::TASKSET,
    time::TIME,
    top::TOP,
    unshare::UNSHARE,
    watch::WATCH,
];
