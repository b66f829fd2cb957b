//! A shell on each of the kernel's consoles, started again whenever it ends.

use std::fs::{self, File, OpenOptions};
use std::io::IsTerminal;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use kit::{Context, Error, Result};
use rustix::fs::OFlags;
use rustix::process::{Pid, WaitStatus};
use rustix::termios::{InputModes, LocalModes, OptionalActions, OutputModes, tcgetattr, tcsetattr};

use crate::{cgroups, spawn};

/// The pause before a shell is started again when the last one ended at once, so that a broken one does not eat the machine.
const PAUSE: Duration = Duration::from_secs(2);
/// Shortest life of a shell that is started again at once; a shorter one delays the next start.
const AT_ONCE: Duration = Duration::from_secs(1);

/// All consoles.
#[derive(Debug, Default)]
pub struct Consoles {
    shell: String,
    /// A program for each console before its first shell.
    first: Option<Vec<String>>,
    all: Vec<Console>,
    /// The system ends: no shell is started again.
    closed: bool,
}

#[derive(Debug)]
struct Console {
    tty: String,
    pid: Option<Pid>,
    started: Instant,
    next: Option<Instant>,
    /// A program before the first shell, until it was started.
    first: Option<Vec<String>>,
}

impl Consoles {
    /// From now on a console that is opened begins with this program; whatever comes of it, shells
    /// follow.
    pub fn begin_with(&mut self, program: Option<Vec<String>>) {
        self.first = program;
    }

    /// Start `shell` on every console; gives their names.
    pub fn open(&mut self, shell: &str) -> Vec<String> {
        shell.clone_into(&mut self.shell);
        let listed = parse(&fs::read_to_string("/proc/consoles").unwrap_or_default());
        let mut ttys: Vec<String> = listed.into_iter().filter(|tty| open(tty).is_ok()).collect();
        if ttys.is_empty() {
            ttys.push("console".into());
        }
        let now = Instant::now();
        for tty in &ttys {
            if !self.all.iter().any(|console| console.tty == *tty) {
                let first = self.first.clone();
                self.all.push(Console { tty: tty.clone(), pid: None, started: now, next: Some(now), first });
            }
        }
        ttys
    }

    /// Start what is due; gives what there is to say.
    pub fn attend(&mut self) -> Vec<String> {
        let now = Instant::now();
        let shell = self.shell.clone();
        self.all
            .iter_mut()
            .filter(|c| c.next.is_some_and(|at| now >= at))
            .filter_map(|console| console.launch(&shell).err())
            .map(|e| e.to_string())
            .collect()
    }

    /// A process ended: whether it was a shell.
    pub fn exited(&mut self, pid: Pid, _: WaitStatus) -> bool {
        let Some(console) = self.all.iter_mut().find(|console| console.pid == Some(pid)) else { return false };
        console.pid = None;
        let pause = if console.started.elapsed() < AT_ONCE { PAUSE } else { Duration::ZERO };
        console.next = Some(Instant::now() + pause).filter(|_| !self.closed);
        true
    }

    /// Returns the time of the next start.
    pub fn due(&self) -> Option<Instant> {
        self.all.iter().filter_map(|console| console.next).min()
    }

    /// Start no more shells: the system ends.
    pub fn close(&mut self) {
        self.closed = true;
        self.all.iter_mut().for_each(|console| console.next = None);
    }
}

impl Console {
    fn launch(&mut self, shell: &str) -> Result<()> {
        self.started = Instant::now();
        self.next = Some(self.started + PAUSE);
        let tty = open(&self.tty)?;
        make_sane(&tty);
        let first = self.first.take();
        let (mut command, program) = program(first.as_deref(), shell);
        let share = || tty.try_clone().on("share", &self.tty);
        command.stdin(share()?).stdout(share()?).stderr(share()?);
        spawn::set_environment(&mut command, &[("TERM".into(), terminal_kind(&self.tty).into())]);
        command.current_dir("/root");
        let cgroup = Some(cgroups::leaf(&format!("consoles/{}", self.tty))?);
        sys::child::before_exec(&mut command, sys::child::Before { session: true, terminal: true, cgroup, oom_score: None });
        self.pid = Some(spawn::spawn(&mut command).doing(format!("start {program} on {}", self.tty))?);
        self.next = None;
        Ok(())
    }
}

/// A console's program, which a shell is, by a login shell's name, unless there is something before
/// it; and the program's path.
fn program<'a>(first: Option<&'a [String]>, shell: &'a str) -> (Command, &'a str) {
    if let Some((program, words)) = first.and_then(<[String]>::split_first) {
        let mut command = Command::new(program);
        command.args(words);
        return (command, program);
    }
    let base = shell.rsplit('/').next().unwrap_or(shell);
    let mut command = Command::new(shell);
    command.arg0(format!("-{base}"));
    (command, shell)
}

/// Open it without making it anyone's controlling terminal and without waiting for a modem's carrier.
fn open(tty: &str) -> Result<File> {
    let path = format!("/dev/{tty}");
    let flags = (OFlags::NOCTTY | OFlags::NONBLOCK).bits() as i32;
    let file = OpenOptions::new().read(true).write(true).custom_flags(flags).open(&path).on("open", &path)?;
    rustix::io::ioctl_fionbio(&file, false).on("set up", &path)?;
    if file.is_terminal() { Ok(file) } else { Err(Error::new(format!("open {path}: not a terminal"))) }
}

/// Undo what the last program on it may have left: a terminal without echo, or without line ends.
fn make_sane(tty: &File) {
    let Ok(mut modes) = tcgetattr(tty) else { return };
    modes.local_modes |=
        LocalModes::ICANON | LocalModes::ECHO | LocalModes::ECHOE | LocalModes::ECHOK | LocalModes::ISIG | LocalModes::IEXTEN;
    modes.input_modes |= InputModes::ICRNL | InputModes::IXON;
    modes.output_modes |= OutputModes::OPOST | OutputModes::ONLCR;
    // The shell will cope with what can't be set.
    let _ = tcsetattr(tty, OptionalActions::Now, &modes);
}

/// A virtual terminal is one of Linux's, anything else a serial line of whose far end we know nothing better.
fn terminal_kind(tty: &str) -> &'static str {
    let digits = tty.strip_prefix("tty").unwrap_or_default();
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) { "linux" } else { "vt102" }
}

/// The terminals of /proc/consoles: enabled ones, each once. tty0 is whichever virtual terminal is in front, so the shell goes
/// to the first.
fn parse(table: &str) -> Vec<String> {
    let mut ttys: Vec<String> = Vec::new();
    for line in table.lines() {
        let enabled =
            line.split_once('(').and_then(|(_, rest)| rest.split_once(')')).is_some_and(|(flags, _)| flags.contains('E'));
        let Some(name) = line.split_whitespace().next().filter(|_| enabled) else { continue };
        let name = if name == "tty0" { "tty1" } else { name };
        if !ttys.iter().any(|tty| tty == name) {
            ttys.push(name.to_owned());
        }
    }
    ttys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enabled_consoles_once_each() {
        let table = "ttyS0                -W- (EC p a)    4:64\ntty0                 -WU (E  p  )    4:1\nttyS0 -W- (E) 4:64\nnetcon0 -W- (  p ) \n";
        assert_eq!(parse(table), ["ttyS0", "tty1"]);
        assert!(parse("").is_empty());
    }

    #[test]
    fn kinds_of_terminals() {
        assert_eq!(terminal_kind("tty1"), "linux");
        assert_eq!(terminal_kind("ttyS0"), "vt102");
        assert_eq!(terminal_kind("hvc0"), "vt102");
        assert_eq!(terminal_kind("ttyAMA0"), "vt102");
    }
}
