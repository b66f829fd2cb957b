//! `kutties vip ADDRESS`: take part in sharing an address among the machines with a control plane.
//!
//! Usage: kutties vip [--name NAME] [--kubernetes DIR] ADDRESS
//!
//! It is what init runs as the service `vip` when the key `network.vip` is set and this machine has a control plane. One member holds the
//! address: the one that the Lease `kutties-vip` of the namespace kube-system names. It renews the Lease every two seconds through its own
//! API server, and sets the address for as long as the Lease is surely its own: the kernel takes it away when nobody renews it, whatever
//! has become of this program. The others take a Lease that was not renewed for ten seconds. Who stops gives it back at once.

mod announce;
mod claim;
#[cfg(test)]
mod kernel_tests;
mod lease;
mod local;
mod member;
mod place;

use std::ffi::OsString;
use std::io::Write;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use kit::{Applet, Context, Exit, Result};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::time::{ClockId, clock_gettime};

pub use claim::prepare;
use local::Local;
use member::{LOOK, Member, Right};
use place::Place;

/// The record.
pub const VIP: Applet =
    Applet { name: "vip", about: "share an address among the machines with a control plane", place: kit::Place::Hidden, run };

/// The number of rounds in which a new holder announces the address: a packet may be lost, and a switch may just be learning.
const ANNOUNCEMENTS: u32 = 4;
/// The number that tells two machines apart that were given the same name.
const MACHINE_ID: &str = "/etc/machine-id";

#[derive(Parser)]
struct Options {
    /// This member's name; without it the machine's, with the beginning of its number
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The directory of kubeadm's files
    #[arg(long, value_name = "DIR", default_value = local::DIR)]
    kubernetes: PathBuf,
    /// The address
    address: IpAddr,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&VIP, args)?;
    let stop = Stop::hold()?;
    let mut service = Service {
        address: options.address,
        local: Local::new(options.kubernetes),
        place: Place::open(options.address)?,
        member: Member::new(options.name.unwrap_or_else(own_name)),
        announcements: 0,
        said: String::new(),
    };
    loop {
        let pause = service.round();
        if stop.comes_within(pause)? {
            service.give_up();
            return Ok(Exit::OK);
        }
    }
}

/// The signals that end it, which come when it has time for them.
struct Stop(SignalFd);

impl Stop {
    fn hold() -> Result<Self> {
        let mut mask = SigSet::empty();
        mask.add(Signal::SIGTERM);
        mask.add(Signal::SIGINT);
        mask.thread_block().doing("hold signals back")?;
        SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC).doing("wait for signals").map(Self)
    }

    fn comes_within(&self, pause: Duration) -> Result<bool> {
        let timeout = Timespec { tv_sec: pause.as_secs().cast_signed(), tv_nsec: pause.subsec_nanos().into() };
        match poll(&mut [PollFd::from_borrowed_fd(self.0.as_fd(), PollFlags::IN)], Some(&timeout)) {
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(e) => Err(e).doing("wait for signals"),
        }
    }
}

struct Service {
    address: IpAddr,
    local: Local,
    place: Place,
    member: Member,
    /// The number of announcements that are still to come.
    announcements: u32,
    /// The newest line: the same is not said again.
    said: String,
}

impl Service {
    /// Find out who has the address, and act on it; gives the time until the next round.
    fn round(&mut self) -> Duration {
        let right = match self.local.api() {
            Ok(Some(api)) => self.member.round(api, &since_start),
            // It was taken away, or kubeadm is about to make it.
            Ok(None) if self.member.holds() => return self.give_up_for("this machine has no control plane any more"),
            Ok(None) => return LOOK,
            Err(e) => Right::Unknown(e.to_string()),
        };
        let outcome = match right {
            Right::Mine(until) => self.hold(until),
            Right::Other(name) => {
                self.say(&format!("{} is held by {name}", self.address));
                self.place.leave().map(drop)
            }
            Right::Unfit => return self.give_up_for("this machine's API server is not ready"),
            // The address has an end, by an earlier run of this service or by `kutties kubeadm init`.
            Right::Unknown(why) if !self.member.has_lapsed(since_start()) => {
                self.say(&why);
                Ok(())
            }
            Right::Unknown(why) => return self.give_up_for(&why),
        };
        match outcome {
            Ok(()) => self.member.pause(since_start()),
            Err(e) => self.give_up_for(&e.to_string()),
        }
    }

    /// Have the address until that moment, and tell the neighbours when that is new.
    fn hold(&mut self, until: Duration) -> Result<()> {
        let left = until.saturating_sub(since_start()).as_secs();
        if left == 0 {
            // The answer took so long that the right is nearly over: the next round is soon.
            return Ok(());
        }
        let held = self.place.hold(u32::try_from(left).unwrap_or(1))?;
        self.say(&format!("holding {} on {}", self.address, held.link.name));
        if held.is_new {
            self.announcements = ANNOUNCEMENTS;
        }
        if self.announcements > 0 {
            self.announcements -= 1;
            announce::announce(&held.link, self.address)?;
        }
        Ok(())
    }

    /// Say why it ends, and end it; gives the time until the next round.
    fn give_up_for(&mut self, why: &str) -> Duration {
        self.say(&format!("{} is not held here: {why}", self.address));
        self.give_up();
        LOOK
    }

    /// Take the address away, and after that give the Lease back.
    fn give_up(&mut self) {
        self.announcements = 0;
        if let Err(e) = self.place.leave() {
            // Another must not take it before the kernel ends it here: the Lease runs out by itself.
            return self.say(&e.to_string());
        }
        let given = self.local.last().map_or(Ok(()), |api| self.member.give_back(api));
        // Its time ends without that, too.
        if let Err(e) = given {
            self.say(&format!("{} goes to another machine after a while: {e}", self.address));
        }
    }

    /// A line of the service's log.
    fn say(&mut self, line: &str) {
        if self.said != line {
            // A log that is gone must not stop the service.
            let _ = writeln!(std::io::stdout(), "{line}");
            line.clone_into(&mut self.said);
        }
    }
}

/// The time since this machine was started, sleep included: nobody can set it.
fn since_start() -> Duration {
    let now = clock_gettime(ClockId::Boottime);
    Duration::new(now.tv_sec.cast_unsigned(), now.tv_nsec as u32)
}

fn own_name() -> String {
    const DIGITS: usize = 8;
    let name = crate::stale_node::host_name();
    let number: String = std::fs::read_to_string(MACHINE_ID).unwrap_or_default().trim().chars().take(DIGITS).collect();
    format!("{name}_{number}")
}
