//! Start, environment and end of PID 1's children.

use std::io;
use std::process::Command;

use rustix::process::{Pid, WaitStatus};

/// Search path of programs.
const PATH: &str = "/bin:/sbin:/usr/bin:/usr/sbin:/usr/local/bin";

/// Start it and forget the standard library's handle: PID 1 reaps all children in one place.
pub fn spawn(command: &mut Command) -> io::Result<Pid> {
    let child = command.spawn()?;
    Pid::from_raw(child.id() as i32).ok_or_else(|| io::Error::other("the kernel gave a process number of 0"))
}

/// A clean environment and these settings.
pub fn set_environment(command: &mut Command, settings: &[(String, String)]) {
    command.env_clear().env("PATH", PATH).env("HOME", "/root").current_dir("/");
    command.envs(settings.iter().map(|(name, value)| (name, value)));
}

/// Describes the end of a process in words.
pub fn outcome(status: WaitStatus) -> String {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => format!("ended with exit status {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => "ended".into(),
    }
}
