//! The end of the system, stage by stage, none of which can last for ever.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use config::{Config, key};
use kit::cgroup::Cgroup;
use kit::control::Shutdown;
use kit::paths;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustix::mount::{MountFlags, UnmountFlags, mount_remount, unmount};
use rustix::process::WaitStatus;
use rustix::system::{RebootCommand, reboot};

use crate::supervisor::VIP;
use crate::{Machine, cgroups, grace, spawn, steps};

/// The kubelet's cgroup for all pods, and the CRI server's for those that name none.
const PODS: &str = "kubepods";
const OTHER_PODS: &str = "kutties/pods";
/// The service that would start pods again.
const KUBELET: &str = "kubelet";
/// Time that the service `vip` has to give its address up: two short requests to this machine's own API server.
const HAND_OVER_TIMEOUT: Duration = Duration::from_secs(5);
/// Timeout of all services' end. Their own limit, after which their cgroup is killed, is shorter.
const SERVICES_TIMEOUT: Duration = Duration::from_secs(12);
/// Time beyond the containers' grace period that the command may take that stops them: each is
/// killed at the end of it.
const STOP_SLACK: Duration = Duration::from_secs(5);
/// Timeout of all other processes: shells and their children.
const PROCESSES_TIMEOUT: Duration = Duration::from_secs(3);
/// Timeout of killed processes.
const KILL_TIMEOUT: Duration = Duration::from_secs(2);
/// Number of rounds of unmounting: a mount may lie on another that comes later in the table.
const ROUNDS: u32 = 3;

/// One stage.
struct Stage {
    name: &'static str,
    begin: fn(&mut Machine),
    is_over: fn(&Machine) -> bool,
    limit: fn(&Config) -> Duration,
}

/// In order. The shared address goes to another machine while this one's API server still answers. The kubelet alone knows the pods'
/// hooks and order, so that it comes next, for as long as it holds its lock; it is stopped before what it left is, which it would start
/// again, and the CRI server after all, which knows the containers' signals and records how they end.
const STAGES: &[Stage] = &[
    Stage {
        name: "the shared address",
        begin: |machine| machine.supervisor.stop_where(|name| name == VIP),
        is_over: |machine| machine.supervisor.are_stopped(|name| name == VIP),
        limit: |_| HAND_OVER_TIMEOUT,
    },
    Stage {
        name: "pods, by the kubelet",
        begin: |machine| machine.bus.prepare_for_shutdown(),
        is_over: |machine| !machine.bus.is_held(),
        limit: |_| grace::kubelet_timeout(),
    },
    Stage {
        name: "kubelet",
        begin: |machine| machine.supervisor.stop_where(|name| name == KUBELET),
        is_over: |machine| machine.supervisor.are_stopped(|name| name == KUBELET),
        limit: |_| SERVICES_TIMEOUT,
    },
    Stage {
        name: "containers that the kubelet left",
        begin: Machine::stop_containers,
        is_over: Machine::containers_are_stopped,
        limit: |config| grace_of(config) + STOP_SLACK,
    },
    Stage { name: "pods", begin: |_| ask_pods(), is_over: |_| !cgroups::is_populated(PODS), limit: grace_of },
    Stage {
        name: "pods that did not end",
        begin: |_| kill_pods(),
        is_over: |_| !cgroups::is_populated(PODS),
        limit: |_| KILL_TIMEOUT,
    },
    Stage {
        name: "services",
        begin: |machine| machine.supervisor.stop_where(|_| true),
        is_over: |machine| machine.supervisor.are_stopped(|_| true),
        limit: |_| SERVICES_TIMEOUT,
    },
    Stage { name: "processes", begin: |_| ask_all(), is_over: |machine| machine.childless, limit: |_| PROCESSES_TIMEOUT },
    Stage {
        name: "processes that did not end",
        begin: |_| signal_all(Signal::SIGKILL),
        is_over: |machine| machine.childless,
        limit: |_| KILL_TIMEOUT,
    },
];

/// A shutdown on its way.
#[derive(Debug)]
pub struct Ending {
    how: Shutdown,
    stage: usize,
    until: Instant,
    stopper: Stopper,
}

/// The command that stops containers through the CRI server, which knows their signals.
#[derive(Debug, PartialEq, Eq)]
enum Stopper {
    NotStarted,
    Running(rustix::process::Pid),
    Over,
}

/// The containers' grace period of the settings. The key has a limit, and this holds without it, too: the time is added to a clock.
fn grace_of(config: &Config) -> Duration {
    Duration::from_secs(config.number(&key::SHUTDOWN_GRACE).min(key::LONGEST_GRACE))
}

impl Machine {
    /// Begin to end the system; a second wish changes only how.
    pub fn end(&mut self, how: Shutdown) {
        if let Some(ending) = &mut self.ending {
            ending.how = how;
            return;
        }
        self.report.line(&format!("the system is going to {}", word(how)));
        self.consoles.close();
        self.ending = Some(Ending { how, stage: 0, until: Instant::now(), stopper: Stopper::NotStarted });
        self.begin_stage(0);
    }

    /// Go through the stages that are over; after the last one the system is.
    pub fn end_on(&mut self) {
        while let Some((how, at, until)) = self.ending.as_ref().map(|e| (e.how, e.stage, e.until)) {
            let Some(stage) = STAGES.get(at) else { return self.finish(how) };
            let over = (stage.is_over)(self);
            if !over && Instant::now() < until {
                return;
            }
            if !over {
                self.report.line(&format!("shutdown: {} take too long", stage.name));
            }
            self.begin_stage(at + 1);
        }
    }

    fn begin_stage(&mut self, at: usize) {
        let limit = STAGES.get(at).map_or(Duration::ZERO, |stage| (stage.limit)(&self.config));
        if let Some(ending) = &mut self.ending {
            ending.stage = at;
            ending.until = Instant::now() + limit;
        }
        if let Some(stage) = STAGES.get(at)
            && !(stage.is_over)(self)
        {
            self.report.line(&format!("shutdown: {}", stage.name));
            (stage.begin)(self);
        }
    }

    /// Have the CRI server stop all containers, each with its own signal and grace period.
    fn stop_containers(&mut self) {
        let grace = grace_of(&self.config).as_secs().to_string();
        let started = steps::child("stop", &["crictl", "stop", "--all", "--timeout", &grace]);
        if let Err(e) = &started {
            self.report.line(&format!("shutdown: {e}"));
        }
        if let Some(ending) = &mut self.ending {
            ending.stopper = started.map_or(Stopper::Over, Stopper::Running);
        }
    }

    /// Tells if containers are stopped, or there is nothing to stop or nobody to do it.
    fn containers_are_stopped(&self) -> bool {
        match self.ending.as_ref().map(|ending| &ending.stopper) {
            Some(Stopper::NotStarted) => {
                let none = ![PODS, OTHER_PODS].into_iter().any(cgroups::is_populated);
                none || !Path::new(paths::CRI).exists()
            }
            Some(Stopper::Running(_)) => false,
            Some(Stopper::Over) | None => true,
        }
    }

    /// A process ended: whether it was the one that stops containers.
    pub fn stopper_exited(&mut self, pid: rustix::process::Pid, status: WaitStatus) -> bool {
        let Some(ending) = self.ending.as_mut().filter(|ending| ending.stopper == Stopper::Running(pid)) else { return false };
        ending.stopper = Stopper::Over;
        if status.exit_status() != Some(0) {
            let how = spawn::outcome(status);
            self.report.line(&format!("shutdown: stopping containers {how}; its log is {}/stop.log", paths::LOGS));
        }
        true
    }

    /// Nobody is left. This returns only when the kernel refuses.
    fn finish(&mut self, how: Shutdown) {
        self.report.line("shutdown: file systems");
        rustix::fs::sync();
        unmount_all();
        self.report.line(&format!("{} now", word(how)));
        let command = match how {
            Shutdown::Reboot => RebootCommand::Restart,
            Shutdown::Poweroff => RebootCommand::PowerOff,
            Shutdown::Halt => RebootCommand::Halt,
            Shutdown::Kexec => RebootCommand::Kexec,
        };
        if let Err(e) = reboot(command) {
            self.report.line(&format!("{}: {}; starting again through the firmware", word(how), std::io::Error::from(e).kind()));
            // The last resort; if that fails too, the loop tries once more after its pause.
            let _ = reboot(RebootCommand::Restart);
        }
    }
}

/// The word for it.
const fn word(how: Shutdown) -> &'static str {
    match how {
        Shutdown::Reboot => "reboot",
        Shutdown::Poweroff => "power off",
        Shutdown::Halt => "halt",
        Shutdown::Kexec => "start the loaded kernel",
    }
}

fn ask_pods() {
    let pods = Cgroup::at(PODS).processes().unwrap_or_default();
    for pid in pods.into_iter().filter(|pid| *pid > 1) {
        // It may have ended meanwhile.
        let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
    }
}

fn kill_pods() {
    // Without the group there are no pods.
    let _ = Cgroup::at(PODS).kill();
}

/// SIGHUP too: a shell at a terminal ignores SIGTERM.
fn ask_all() {
    [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGCONT].into_iter().for_each(signal_all);
}

/// To every process but PID 1.
fn signal_all(signal: Signal) {
    let _ = kill(Pid::from_raw(-1), signal);
}

/// Unmount what holds data, the last mounted first. What is busy is made read-only, so that its journal is closed; if that fails too,
/// the kernel replays the journal at the next mount. Nobody waits for a server of NFS that may be gone.
fn unmount_all() {
    let mounts = || data_mounts(&fs::read_to_string("/proc/self/mountinfo").unwrap_or_default());
    for _ in 0..ROUNDS {
        for (at, kind) in mounts().iter().rev() {
            let is_remote = kind.starts_with("nfs");
            let flags = if is_remote { UnmountFlags::FORCE | UnmountFlags::DETACH } else { UnmountFlags::empty() };
            let _ = unmount(at.as_str(), flags);
        }
    }
    for (at, _) in mounts().iter().rev() {
        let _ = mount_remount(at.as_str(), MountFlags::RDONLY, c"");
    }
    rustix::fs::sync();
}

/// Mount points and kinds of file systems that lie on something: those in RAM and the kernel's own need no unmounting.
fn data_mounts(table: &str) -> Vec<(String, String)> {
    const RAM: &[&str] = &[
        "rootfs",
        "tmpfs",
        "ramfs",
        "proc",
        "sysfs",
        "devtmpfs",
        "devpts",
        "mqueue",
        "cgroup2",
        "bpf",
        "securityfs",
        "tracefs",
        "nsfs",
        "overlay",
    ];
    let kind = |line: &str| line.split_once(" - ").and_then(|(_, rest)| rest.split(' ').next()).unwrap_or_default().to_owned();
    let at = |line: &str| line.split(' ').nth(4).map(|text| text.replace("\\040", " "));
    let mounts = table.lines().filter_map(|line| Some((at(line)?, kind(line))));
    mounts.filter(|(at, kind)| !RAM.contains(&kind.as_str()) && at != "/").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_on_something_is_unmounted() {
        let table = "22 1 0:2 / / rw shared:1 - rootfs rootfs rw\n\
                     30 22 254:1 / /var rw shared:9 - ext4 /dev/vda1 rw\n\
                     31 22 0:20 / /run rw - tmpfs tmpfs rw\n\
                     32 30 254:2 / /var/my\\040disk rw - xfs /dev/vdb rw\n";
        let expected = [("/var", "ext4"), ("/var/my disk", "xfs")].map(|(at, kind)| (at.to_owned(), kind.to_owned()));
        assert_eq!(data_mounts(table), expected);
    }
}
