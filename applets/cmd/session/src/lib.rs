//! Logins, the system's log, jobs at times, the power button. One file a command.

mod accounts;
mod acpid;
mod cron;
mod crond;
mod crontab;
mod crypt;
mod getty;
mod identity;
mod login;
mod logread;
mod passwd;
mod su;
mod syslogd;
mod terminal;

use kit::Applet;

/// The applets of this crate, sorted by name.
pub const APPLETS: &[Applet] = &[
    acpid::ACPID,
    crond::CROND,
    crontab::CRONTAB,
    getty::GETTY,
    login::LOGIN,
    logread::LOGREAD,
    passwd::PASSWD,
    su::SU,
    syslogd::SYSLOGD,
];
