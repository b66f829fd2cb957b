//! `kill`: send a signal to a container's first process, or to all of them.

use clap::Args;
use kit::{Context, Error, Exit, Result};
use libcontainer::container::ContainerStatus;
use nix::sys::signal::Signal;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::os::fd::AsFd;

use crate::context::Oci;
use crate::directory::Known;

/// Options of `kill`.
#[derive(Debug, Args)]
pub struct Options {
    /// To all of its processes
    #[arg(long, short)]
    all: bool,
    /// The container's name
    id: String,
    /// Name or number
    #[arg(default_value = "SIGTERM")]
    signal: String,
}

/// Enter.
pub fn run(oci: &Oci, options: &Options) -> Result<Exit> {
    let signal = number(&options.signal)?;
    let known = Known::load(&oci.root, &options.id)?;
    let stopped = known.status() == ContainerStatus::Stopped;
    if stopped && !options.all {
        return Err(Error::new("container not running"));
    }
    if signal == Signal::SIGKILL as i32 && (options.all || !has_own_pids(&known)) {
        known.cgroup().kill()?;
    } else if options.all {
        for pid in known.cgroup().processes()? {
            send(Pid::from_raw(pid), signal)?;
        }
    } else {
        send(known.pid(), signal)?;
    }
    Ok(Exit::OK)
}

/// Without a process namespace of its own the others would outlive the first.
fn has_own_pids(known: &Known) -> bool {
    let spec: Option<serde_json::Value> =
        std::fs::read(known.directory.config()).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    makes_pids(spec.as_ref())
}

/// Tells if a configuration asks for a new process namespace; one at an empty path is new too.
fn makes_pids(spec: Option<&serde_json::Value>) -> bool {
    let namespaces = spec.and_then(|spec| spec.pointer("/linux/namespaces")?.as_array());
    let own = |ns: &serde_json::Value| {
        let path = ns.get("path").and_then(serde_json::Value::as_str).unwrap_or_default();
        ns.get("type").is_some_and(|t| t == "pid") && path.is_empty()
    };
    namespaces.is_some_and(|all| all.iter().any(own))
}

/// To a process that has ended meanwhile there is nothing to send.
fn send(pid: Option<Pid>, signal: i32) -> Result<()> {
    let Some(pid) = pid else { return Ok(()) };
    let process = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(process) => process,
        Err(rustix::io::Errno::SRCH) => return Ok(()),
        Err(e) => return Err(e).doing(format!("open process {pid}")),
    };
    match sys::pidfd::send_signal(process.as_fd(), signal) {
        Err(e) if e.raw_os_error() != Some(rustix::io::Errno::SRCH.raw_os_error()) => {
            Err(e).doing(format!("signal process {pid}"))
        }
        _ => Ok(()),
    }
}

/// A name or number; 0 asks whether the process is there.
fn number(text: &str) -> Result<i32> {
    if text == "0" { Ok(0) } else { kit::signal::number(text) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn a_process_namespace_without_a_path_is_new() {
        use serde_json::json;
        for (namespaces, new) in [
            (json!([{"type": "pid"}]), true),
            (json!([{"type": "pid", "path": null}]), true),
            (json!([{"type": "pid", "path": ""}]), true),
            (json!([{"type": "pid", "path": "/proc/1/ns/pid"}]), false),
            (json!([{"type": "ipc", "path": ""}]), false),
            (json!([]), false),
        ] {
            assert_eq!(makes_pids(Some(&json!({"linux": {"namespaces": namespaces}}))), new, "{namespaces}");
        }
        assert!(!makes_pids(None));
    }

    #[test]
    fn signals_have_names_and_numbers() {
        for (text, expected) in [
            ("TERM", 15),
            ("SIGKILL", 9),
            ("sigusr1", 10),
            ("0", 0),
            ("64", 64),
            ("RTMIN+3", 37),
            ("SIGRTMAX-1", 63),
            ("RTMIN", 34),
        ] {
            assert_eq!(number(text).unwrap(), expected);
        }
        for wrong in ["", "SIG", "NONE", "65", "-1", "RTMIN-1", "RTMIN+x"] {
            assert!(number(wrong).is_err(), "{wrong}");
        }
    }
}
