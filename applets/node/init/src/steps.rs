//! The boot as a table, and how far it has come.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use config::{Config, key};
use kit::{Context, Error, Result, paths};
use rustix::process::{Pid, WaitStatus};

use crate::{Machine, cgroups, clock, identity, limits, mounts, restore, root, root_size, spawn, sysctl};

/// One row.
pub struct Step {
    /// Its name in the boot log.
    pub name: &'static str,
    /// The steps that must be over before: done, failed or late.
    pub after: &'static [&'static str],
    /// Work of the step.
    pub work: Work,
    /// Reaction to a failure.
    pub failure: Failure,
}

/// Work of a step.
pub enum Work {
    /// A function in PID 1, which must not wait for anything. Gives a note for the log, or an empty text.
    Here(fn(&mut Machine) -> Result<String>),
    /// An applet in a child. Steps after it wait this long; it may go on for longer.
    Child(&'static [&'static str], Duration),
    /// The same where the settings ask for it; elsewhere nobody waits for it.
    ChildIf(fn(&Config) -> bool, &'static [&'static str], Duration),
}

/// Reaction to a step's failure.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// It is said, and the boot goes on.
    GoOn,
    /// The boot stops with a shell on every console.
    Rescue,
    /// The machine starts again in ten seconds.
    Reboot,
}

/// The longest that modules keep others waiting: probing an old disk controller takes that long.
const MODULES_TIMEOUT: Duration = Duration::from_secs(20);
/// The longest that disks keep others waiting: they have half a minute to appear, and a journal or a new file system on a slow one takes
/// a while. A node that goes on without its state is worse than a late one.
const DISKS_TIMEOUT: Duration = Duration::from_mins(10);
/// The longest that the network keeps the shell and the kubelet waiting.
pub const NETWORK_TIMEOUT: Duration = Duration::from_secs(15);

/// In order. Services start before devices and network: a CRI server needs neither, unless /var is to be on a disk.
pub const STEPS: &[Step] = &[
    here("root", &[], root::leave, Failure::GoOn),
    here("mounts", &[], mounts::needed, Failure::Reboot),
    here("config", &[], configure, Failure::GoOn),
    here("root size", &[], root_size::limit, Failure::GoOn),
    here("cgroups", &[], cgroups::set_up, Failure::Rescue),
    Step { name: "devices for disks", after: &[], work: DEVICES_FOR_DISKS, failure: Failure::GoOn },
    Step {
        name: "disks",
        after: &["devices for disks"],
        work: Work::ChildIf(disk::disks::are_wanted, &["disks"], DISKS_TIMEOUT),
        failure: Failure::GoOn,
    },
    here("var", &["disks"], mounts::var, Failure::Rescue),
    here("clock", &[], clock::floor, Failure::GoOn),
    here("files", &["var"], identity::files, Failure::GoOn),
    here("limits", &[], limits::raise, Failure::GoOn),
    here("hostname", &[], identity::hostname, Failure::GoOn),
    here("security", &[], mounts::security, Failure::GoOn),
    here("services", &["var", "files"], services, Failure::Rescue),
    Step { name: "kube", after: &[], work: Work::Child(&["bundle"], MODULES_TIMEOUT), failure: Failure::GoOn },
    Step { name: "devices", after: &[], work: Work::Child(&["coldplug", "devices"], MODULES_TIMEOUT), failure: Failure::GoOn },
    here("more mounts", &[], mounts::welcome, Failure::GoOn),
    here("sysctl", &[], sysctl::apply, Failure::GoOn),
    Step {
        name: "network",
        after: &["devices", "files"],
        work: Work::Child(&["netup"], NETWORK_TIMEOUT),
        failure: Failure::GoOn,
    },
    Step {
        name: "modules",
        after: &["devices"],
        work: Work::Child(&["coldplug", "kubernetes"], MODULES_TIMEOUT),
        failure: Failure::GoOn,
    },
    here("sysctl-net", &["modules"], sysctl::apply_after_modules, Failure::GoOn),
    here("settings", &["network"], settings, Failure::GoOn),
    here("name", &["settings"], identity::last_name, Failure::GoOn),
    here("consoles", &["name"], consoles, Failure::GoOn),
];

/// The disks' drivers come first then, and the step `devices` finds its work done.
const DEVICES_FOR_DISKS: Work = Work::ChildIf(disk::disks::are_wanted, &["coldplug", "devices"], MODULES_TIMEOUT);

const fn here(
    name: &'static str,
    after: &'static [&'static str],
    work: fn(&mut Machine) -> Result<String>,
    failure: Failure,
) -> Step {
    Step { name, after, work: Work::Here(work), failure }
}

/// Reads the settings that came along; what is wrong with them is said, and nothing more.
fn configure(machine: &mut Machine) -> Result<String> {
    machine.config = Config::early();
    match machine.config.complaints() {
        [] => Ok(String::new()),
        complaints => Err(Error::new(complaints.join("; "))),
    }
}

/// Acts on all settings, now that the network's are known, too: the step `network` has gathered them. One that is late will ask for this.
fn settings(machine: &mut Machine) -> Result<String> {
    if !Path::new(paths::CONFIG_GATHERED).exists() {
        return Ok("those of the network are not known yet".into());
    }
    machine.reload().map(|()| String::new())
}

#[expect(clippy::unnecessary_wraps, reason = "the form of a boot step")]
fn services(machine: &mut Machine) -> Result<String> {
    let bus = machine.bus.open();
    machine.supervisor.add_all(&machine.config);
    machine.attend_services();
    // Without the bus the kubelet only misses the shutdown.
    Ok(bus.err().map(|e| e.to_string()).unwrap_or_default())
}

fn consoles(machine: &mut Machine) -> Result<String> {
    let question = restore::question(&machine.config);
    machine.consoles.begin_with(question);
    let ttys = machine.open_consoles();
    if ttys.is_empty() { Err(Error::new("no terminal to open")) } else { Ok(ttys.join(" ")) }
}

/// Progress of the boot.
#[derive(Debug)]
pub struct Boot {
    progress: Vec<Progress>,
    /// A step failed whose failure ends the boot.
    stopped: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Waiting,
    Running { pid: Pid, since: Instant, until: Instant, late: bool },
    Over,
}

impl Default for Boot {
    fn default() -> Self {
        Self { progress: vec![Progress::Waiting; STEPS.len()], stopped: false }
    }
}

impl Boot {
    /// Tells if the steps that wait for this one may go on.
    pub fn is_settled(&self, name: &str) -> bool {
        let at = STEPS.iter().position(|step| step.name == name);
        at.and_then(|at| self.progress.get(at))
            .is_none_or(|progress| matches!(progress, Progress::Over | Progress::Running { late: true, .. }))
    }

    /// Returns the earliest deadline of a child.
    pub fn due(&self) -> Option<Instant> {
        self.progress
            .iter()
            .filter_map(|progress| if let Progress::Running { until, late: false, .. } = progress { Some(*until) } else { None })
            .min()
    }

    /// The next step that can begin.
    fn next(&self) -> Option<usize> {
        let may = |at: usize, step: &Step| {
            self.progress.get(at) == Some(&Progress::Waiting) && step.after.iter().all(|name| self.is_settled(name))
        };
        STEPS.iter().enumerate().find(|(at, step)| !self.stopped && may(*at, step)).map(|(at, _)| at)
    }

    fn set(&mut self, at: usize, progress: Progress) {
        if let Some(place) = self.progress.get_mut(at) {
            *place = progress;
        }
    }
}

impl Machine {
    /// Do every step that can be done now; none any more once the system ends.
    pub fn boot_on(&mut self) {
        if self.ending.is_some() {
            return;
        }
        self.name_late_steps();
        while let Some((at, step)) = self.boot.next().and_then(|at| Some((at, STEPS.get(at)?))) {
            let since = Instant::now();
            match step.work {
                Work::Here(work) => {
                    // First, so that a step that asks about itself sees itself done.
                    self.boot.set(at, Progress::Over);
                    let outcome = work(self);
                    self.step_over(step, since, outcome);
                }
                Work::ChildIf(is_wanted, ..) if !is_wanted(&self.config) => self.boot.set(at, Progress::Over),
                Work::Child(arguments, timeout) | Work::ChildIf(_, arguments, timeout) => match child(step.name, arguments) {
                    Ok(pid) => self.boot.set(at, Progress::Running { pid, since, until: since + timeout, late: false }),
                    Err(e) => {
                        self.boot.set(at, Progress::Over);
                        self.step_over(step, since, Err(e));
                    }
                },
            }
        }
    }

    /// A process ended: whether it was a step's.
    pub fn step_exited(&mut self, pid: Pid, status: WaitStatus) -> bool {
        let found = self.boot.progress.iter().enumerate().find_map(|(at, progress)| match progress {
            Progress::Running { pid: its, since, .. } if *its == pid => Some((at, *since)),
            _ => None,
        });
        let Some((at, since)) = found else { return false };
        self.boot.set(at, Progress::Over);
        if let Some(step) = STEPS.get(at) {
            let note = last_line(step.name);
            let failed = || Error::new(note.clone().unwrap_or_else(|| spawn::outcome(status)));
            let outcome = if status.exit_status() == Some(0) { Ok(note.clone().unwrap_or_default()) } else { Err(failed()) };
            self.step_over(step, since, outcome);
        }
        true
    }

    fn name_late_steps(&mut self) {
        let now = Instant::now();
        for (progress, step) in self.boot.progress.iter_mut().zip(STEPS) {
            if let Progress::Running { until, late: late @ false, .. } = progress
                && now >= *until
            {
                *late = true;
                self.report.line(&format!("{}: takes long; going on meanwhile", step.name));
            }
        }
    }

    /// Say how a step ended, and do what its row says.
    fn step_over(&mut self, step: &Step, since: Instant, outcome: Result<String>) {
        let took = since.elapsed().as_millis();
        match outcome {
            Ok(note) if note.is_empty() => self.report.line(&format!("{}: {took} ms", step.name)),
            Ok(note) => self.report.line(&format!("{}: {note}, {took} ms", step.name)),
            Err(e) => {
                self.report.line(&format!("{}: FAILED after {took} ms: {e}", step.name));
                self.fail(step.failure);
            }
        }
    }

    fn fail(&mut self, failure: Failure) {
        match failure {
            Failure::GoOn => {}
            Failure::Rescue => {
                self.boot.stopped = true;
                self.report.line("the boot stops here; a shell to repair it follows");
                self.open_consoles();
            }
            Failure::Reboot => {
                self.boot.stopped = true;
                self.reboot_soon();
            }
        }
    }
}

fn log_of(name: &str) -> PathBuf {
    PathBuf::from(paths::LOGS).join(format!("{name}.log"))
}

/// Start an applet whose output goes to a log of that name.
pub fn child(name: &str, arguments: &[&str]) -> Result<Pid> {
    let path = log_of(name);
    let log = OpenOptions::new().create(true).append(true).open(&path).on("open", &path)?;
    let mut command = Command::new(paths::BINARY);
    command.args(arguments).stdin(Stdio::null());
    command.stdout(log.try_clone().on("share", &path)?).stderr(log);
    spawn::set_environment(&mut command, &[]);
    sys::child::before_exec(&mut command, sys::child::Before::default());
    spawn::spawn(&mut command).on("run", paths::BINARY)
}

fn last_line(name: &str) -> Option<String> {
    let text = fs::read(log_of(name)).ok()?;
    let text = String::from_utf8_lossy(&text);
    text.lines().rev().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
}

/// The program for consoles, from the configuration.
pub fn shell(config: &Config) -> &str {
    config.text(&key::CONSOLE_SHELL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_wait_for_steps_that_come_before_them() {
        for (at, step) in STEPS.iter().enumerate() {
            for name in step.after {
                assert!(STEPS[..at].iter().any(|earlier| earlier.name == *name), "{} after {name}", step.name);
            }
        }
    }

    #[test]
    fn a_late_child_lets_others_go_on() {
        let mut boot = Boot { progress: vec![Progress::Over; STEPS.len()], stopped: false };
        let at = STEPS.iter().position(|step| step.name == "network").unwrap_or(0);
        let now = Instant::now();
        boot.set(at, Progress::Running { pid: Pid::INIT, since: now, until: now, late: false });
        assert!(!boot.is_settled("network"));
        boot.set(at, Progress::Running { pid: Pid::INIT, since: now, until: now, late: true });
        assert!(boot.is_settled("network"));
    }
}
