//! Keeping a lease: renewing it, asking others, beginning anew.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use kit::{Context, Result, paths};
use rustix::fs::FlockOperation;
use rustix::process::{Pid, Signal, kill_process};

use super::apply;
use super::exchange::{Nic, Word};
use super::lease::Lease;

/// The least time between two tries to renew (RFC 2131, section 4.4.5).
const LEAST: Duration = Duration::from_mins(1);
/// Pause before a new beginning after an error such as a link that went away.
const REST: Duration = Duration::from_secs(5);

/// Keep the lease, and get another when it is lost. Returns only when the interface is gone or we can't be the one that keeps it.
pub fn forever(nic: &mut Nic, lease: Lease, no_resolv_conf: bool) -> Result<()> {
    let _lock = be_the_one(&nic.name)?;
    let mut current = lease;
    loop {
        while let Some(next) = next(nic, &current)? {
            apply::apply(&next, Some(&current), no_resolv_conf)?;
            current = next;
        }
        nic.say("the address is lost");
        apply::withdraw(&current, no_resolv_conf)?;
        current = loop {
            match nic.obtain(None) {
                Ok(Some(lease)) => break lease,
                Ok(None) => {}
                Err(e) => {
                    nic.say(&e.to_string());
                    // The interface may be gone for good, which ends this process, or down for now.
                    netlink::Netlink::open()?.need(&nic.name)?;
                    std::thread::sleep(REST);
                }
            }
        };
        apply::apply(&current, None, no_resolv_conf)?;
    }
}

/// Wait until the lease must be renewed and do so; none when it is lost.
fn next(nic: &Nic, lease: &Lease) -> Result<Option<Lease>> {
    let Some(wait) = lease.left_until(lease.renew) else {
        // A lease without end needs nothing.
        loop {
            std::thread::park();
        }
    };
    std::thread::sleep(wait);
    loop {
        let to_rebind = lease.left_until(lease.rebind).unwrap_or_default();
        let to_end = lease.left_until(lease.lease).unwrap_or_default();
        if to_end.is_zero() {
            return Ok(None);
        }
        let (word, left) = if to_rebind.is_zero() { (nic.rebind(lease), to_end) } else { (nic.renew(lease), to_rebind) };
        match word {
            Ok(Word::Yes(lease)) => return Ok(Some(*lease)),
            Ok(Word::No(why)) => {
                nic.say(&format!("refused: {why}"));
                return Ok(None);
            }
            Ok(Word::Silence) => nic.say("no answer"),
            // The link may be down for a moment; the lease holds still.
            Err(e) => nic.say(&e.to_string()),
        }
        std::thread::sleep((left / 2).max(LEAST).min(left));
    }
}

/// Only one process keeps an interface's lease: the one that holds the lock on the file with its number.
fn be_the_one(name: &str) -> Result<File> {
    let file = pid_file(name);
    std::fs::create_dir_all(paths::DHCP).on("make", paths::DHCP)?;
    let mut lock = File::options().create(true).truncate(false).read(true).write(true).open(&file).on("open", &file)?;
    rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).on("lock", &file)?;
    lock.set_len(0).on("write", &file)?;
    writeln!(lock, "{}", std::process::id()).on("write", &file)?;
    Ok(lock)
}

/// End the process that keeps an interface's lease, if there is one.
pub fn end_other(name: &str) -> Result<()> {
    let file = pid_file(name);
    let Ok(mut lock) = File::open(&file) else { return Ok(()) };
    if rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
        return Ok(());
    }
    let mut text = String::new();
    lock.read_to_string(&mut text).on("read", &file)?;
    if let Some(pid) = text.trim().parse().ok().and_then(Pid::from_raw) {
        kill_process(pid, Signal::TERM).doing(format_args!("end process {pid:?}, which keeps the lease of {name}"))?;
        // It holds the lock until it is gone.
        rustix::io::retry_on_intr(|| rustix::fs::flock(&lock, FlockOperation::LockExclusive)).on("lock", &file)?;
    }
    Ok(())
}

fn pid_file(name: &str) -> PathBuf {
    Path::new(paths::DHCP).join(format!("{name}.pid"))
}
