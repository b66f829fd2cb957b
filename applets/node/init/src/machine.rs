//! PID 1: one thread, one loop. It waits for signals, output, requests and times; whatever takes longer is a child.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use config::Config;
use kit::control::{Reply, Request, Shutdown};
use kit::{Error, Result};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{WaitOptions, wait};
use rustix::system::{RebootCommand, reboot};

use crate::bus::Bus;
use crate::consoles::Consoles;
use crate::control::{self, Control};
use crate::report::{Report, since_start};
use crate::shutdown::Ending;
use crate::steps::{self, Boot};
use crate::supervisor::Supervisor;
use crate::{identity, sysctl};

/// Meaning of signals: a terminal's Ctrl-Alt-Del is INT, a failing power supply PWR; the others as
/// BusyBox's init has them.
const SIGNALS: &[(Signal, Option<Shutdown>)] = &[
    (Signal::SIGCHLD, None),
    (Signal::SIGTERM, Some(Shutdown::Reboot)),
    (Signal::SIGINT, Some(Shutdown::Reboot)),
    (Signal::SIGUSR1, Some(Shutdown::Halt)),
    (Signal::SIGUSR2, Some(Shutdown::Poweroff)),
    (Signal::SIGPWR, Some(Shutdown::Poweroff)),
    // Would end or stop PID 1's loop by their default; nothing is to be done about them.
    (Signal::SIGHUP, None),
    (Signal::SIGPIPE, None),
];

/// Intervals of the check for files that services wait for: short while the machine boots, where every
/// moment counts, and long later. (`systemctl start` checks at once.)
const LOOK_EARLY: Duration = Duration::from_millis(50);
const LOOK_LATER: Duration = Duration::from_secs(1);
/// Time since the start that counts as booting.
const EARLY: Duration = Duration::from_mins(2);
/// Interval of the check for the end of a shutdown's stage.
const LOOK_ENDING: Duration = Duration::from_millis(50);
/// The longest sleep: nothing depends on it, it only ends a mistake.
const LONGEST: Duration = Duration::from_mins(1);
/// Limit of clients that wait for a service's end; others are answered at once.
const STOPPING: usize = 16;
/// The pause before a reboot after a step without which nothing works.
const REBOOT_PAUSE: Duration = Duration::from_secs(10);

/// All that PID 1 knows.
#[derive(Default)]
pub struct Machine {
    /// Its voice.
    pub report: Report,
    /// Its settings.
    pub config: Config,
    /// Progress of the boot.
    pub boot: Boot,
    /// The services.
    pub supervisor: Supervisor,
    /// The shells.
    pub consoles: Consoles,
    /// Its ear.
    pub control: Control,
    /// Its answers to the kubelet.
    pub bus: Bus,
    /// The shutdown, once it has begun.
    pub ending: Option<Ending>,
    /// True if no process but the kernel's is left.
    pub childless: bool,
    signals: Option<SignalFd>,
    /// Clients that wait for a service's end, with the service's name.
    stopping: Vec<(UnixStream, String)>,
    reboot_at: Option<Instant>,
}

impl Machine {
    /// Boot, and look after the system until it ends.
    pub fn run(mut self) -> ! {
        self.catch_signals();
        self.report.line(&format!("kutties {}", kit::version()));
        loop {
            self.boot_on();
            self.attend_services();
            for line in self.consoles.attend() {
                self.report.line(&line);
            }
            if self.reboot_at.is_some_and(|at| Instant::now() >= at) {
                self.reboot_at = None;
                self.end(Shutdown::Reboot);
            }
            self.end_on();
            self.wait();
            self.report.flush();
            self.hear_signals();
            self.reap();
            for line in self.supervisor.read() {
                self.report.line(&line);
            }
            self.bus.attend();
            self.answer_requests();
        }
    }

    /// Start, or kill, the services whose time has come.
    pub fn attend_services(&mut self) {
        if self.ending.is_some() {
            self.supervisor.forbid_starts();
        }
        for line in self.supervisor.attend(self.boot.is_settled("settings")) {
            self.report.line(&line);
        }
    }

    /// Read what was gathered of the settings, and act on it. What is new and wrong with them is the error; the rest holds.
    pub fn reload(&mut self) -> Result<()> {
        let config = Config::gathered()?;
        let wrong: Vec<String> = config.complaints().iter().filter(|c| !self.config.complaints().contains(c)).cloned().collect();
        self.config = config;
        let name = identity::hostname(self).map(drop);
        let sysctls = sysctl::apply_again(&self.config).map(drop);
        self.supervisor.add_all(&self.config);
        let faults = [name, sysctls].into_iter().filter_map(Result::err).map(|e| e.to_string());
        let faults: Vec<String> = wrong.into_iter().chain(faults).collect();
        if faults.is_empty() { Ok(()) } else { Err(Error::new(faults.join("; "))) }
    }

    /// Shells on every console, from now on.
    pub fn open_consoles(&mut self) -> Vec<String> {
        let shell = steps::shell(&self.config).to_owned();
        self.consoles.open(&shell)
    }

    /// Start again in a while: a person can read why.
    pub fn reboot_soon(&mut self) {
        self.report.line(&format!("nothing works without that; the machine starts again in {} s", REBOOT_PAUSE.as_secs()));
        self.reboot_at = Some(Instant::now() + REBOOT_PAUSE);
    }

    /// Signals become something to read. Without that PID 1 would have to poll its children: it goes on, and does.
    fn catch_signals(&mut self) {
        let mut mask = SigSet::empty();
        for (signal, _) in SIGNALS {
            mask.add(*signal);
        }
        self.signals =
            mask.thread_block().and_then(|()| SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)).ok();
        // Ctrl-Alt-Del comes to us as SIGINT. Not permitted outside a real machine.
        let _ = reboot(RebootCommand::CadOff);
    }

    fn hear_signals(&mut self) {
        while let Some(info) = self.signals.as_ref().and_then(|signals| signals.read_signal().ok().flatten()) {
            let meaning = SIGNALS.iter().find(|(signal, _)| *signal as u32 == info.ssi_signo).and_then(|(_, meaning)| *meaning);
            if let Some(how) = meaning {
                self.end(how);
            }
        }
    }

    /// Every process that ended, ours or one that its parent left to us.
    fn reap(&mut self) {
        loop {
            let (pid, status) = match wait(WaitOptions::NOHANG) {
                Ok(Some(ended)) => ended,
                Ok(None) => {
                    self.childless = false;
                    return;
                }
                Err(Errno::INTR) => continue,
                Err(_) => {
                    self.childless = true;
                    return;
                }
            };
            if let Some(lines) = self.supervisor.exited(pid, status) {
                for line in lines {
                    self.report.line(&line);
                }
            } else if !self.consoles.exited(pid, status) && !self.stopper_exited(pid, status) {
                self.step_exited(pid, status);
            }
        }
    }

    fn answer_requests(&mut self) {
        for (client, request) in self.control.requests() {
            let reply = match request {
                Ok(Request::Reload) => match self.reload() {
                    Ok(()) => Reply::Done,
                    Err(e) => {
                        self.report.line(&format!("settings: {e}"));
                        Reply::Done
                    }
                },
                Ok(Request::Shutdown(how)) => {
                    self.end(how);
                    Reply::Done
                }
                Ok(request) => {
                    let reply = self.supervisor.answer(&request);
                    if let (Request::Stop(name), Reply::Done) = (request, &reply) {
                        self.stopping.push((client, name));
                        continue;
                    }
                    reply
                }
                Err(e) => Reply::Failed(e.to_string()),
            };
            control::answer(client, &reply);
        }
        self.answer_stopped();
    }

    /// Answers clients that asked for a stop, once the service has ended or has been started again.
    fn answer_stopped(&mut self) {
        for (client, name) in std::mem::take(&mut self.stopping) {
            if self.supervisor.is_stopping(&name) && self.stopping.len() < STOPPING {
                self.stopping.push((client, name));
            } else {
                control::answer(client, &Reply::Done);
            }
        }
    }

    /// Sleep until something happens or is due.
    fn wait(&self) {
        let mut watched: Vec<PollFd<'_>> = Vec::new();
        watched.extend(self.signals.iter().map(|fd| PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::IN)));
        watched.extend(
            self.control
                .watched()
                .chain(self.bus.watched())
                .chain(self.supervisor.outputs())
                .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)),
        );
        watched.extend(self.report.blocked().into_iter().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::OUT)));
        let pause = self.pause();
        let time = Timespec { tv_sec: pause.as_secs() as i64, tv_nsec: i64::from(pause.subsec_nanos()) };
        if poll(&mut watched, Some(&time)).is_err_and(|e| e != Errno::INTR) {
            // Never spin, whatever the kernel says.
            std::thread::sleep(LOOK_ENDING);
        }
    }

    /// Returns the time until something is due.
    fn pause(&self) -> Duration {
        let now = Instant::now();
        let due =
            [self.supervisor.due(), self.consoles.due(), self.control.due(), self.bus.due(), self.boot.due(), self.reboot_at];
        let until = due.into_iter().flatten().min().map_or(LONGEST, |at| at.saturating_duration_since(now));
        let look = match (&self.ending, &self.signals) {
            (Some(_), _) | (_, None) => LOOK_ENDING,
            _ if !self.supervisor.is_waiting() => LONGEST,
            _ if since_start() < EARLY => LOOK_EARLY,
            _ => LOOK_LATER,
        };
        until.min(look)
    }
}
