//! `kutties screen`: one screen with the node's identity, addresses, services, cluster and newest
//! error.
//!
//! Usage: kutties screen
//!
//! `watch kutties screen` on a console shows it again every two seconds.

use std::ffi::OsString;
use std::io::Write;

use clap::Parser;
use kit::control::{Service, State};
use kit::{Applet, Context, Exit, Place, Result, out, paths};

use crate::boot_log;
use crate::node::{self, KUBELET_CONF, text};

/// The record.
pub const SCREEN: Applet = Applet {
    name: "screen",
    about: "show identity, addresses, services, cluster and the newest error",
    place: Place::Hidden,
    run,
};

#[derive(Parser)]
struct Options {}

fn run(args: &[OsString]) -> Result<Exit> {
    let Options {} = kit::parse(&SCREEN, args)?;
    let mut out = out();
    out.write_all(page().as_bytes()).and_then(|()| out.flush()).doing("write standard output")?;
    Ok(Exit::OK)
}

fn page() -> String {
    let services = node::services();
    let addresses: Vec<String> = node::addresses().iter().map(ToString::to_string).collect();
    let cluster = match node::api_server(&text(KUBELET_CONF)) {
        Some(server) => format!("joined {server}"),
        None => "not joined".to_owned(),
    };
    let (running, error) = match &services {
        Ok(services) => (states(services), newest_error(services)),
        Err(e) => (e.to_string(), None),
    };
    let error = error.or_else(failed_step).unwrap_or_else(|| "none".into());
    let seconds = text("/proc/uptime").split('.').next().and_then(|up| up.parse().ok()).unwrap_or(0);
    let rows = [
        ("node", format!("{}  {}", text("/proc/sys/kernel/hostname"), text("/etc/machine-id"))),
        (
            "system",
            format!("kutties {}  Linux {}  up {}", kit::version_number(), text("/proc/sys/kernel/osrelease"), up(seconds)),
        ),
        ("addresses", if addresses.is_empty() { "none".into() } else { addresses.join("  ") }),
        ("cluster", cluster),
        ("services", running),
        ("last error", error),
    ];
    rows.iter().fold(String::new(), |page, (name, value)| format!("{page}{name:<12}{value}\n"))
}

fn states(services: &[Service]) -> String {
    let word = |service: &Service| {
        let state = match service.state {
            State::Running => return service.name.clone(),
            State::Waiting => "waiting",
            State::Backoff => "FAILING",
            State::Stopped => "stopped",
        };
        format!("{} ({state})", service.name)
    };
    services.iter().map(word).collect::<Vec<_>>().join("  ")
}

/// Last words of a service that fails, else of one that failed before.
fn newest_error(services: &[Service]) -> Option<String> {
    let failing = services.iter().filter(|service| service.state == State::Backoff).chain(services);
    let mut said = failing.filter_map(|service| Some(format!("{}: {}", service.name, service.last_error.as_ref()?)));
    said.next()
}

fn failed_step() -> Option<String> {
    let steps = boot_log::steps(&text(paths::BOOT_LOG));
    steps.iter().rev().find(|step| step.failed).map(|step| format!("boot, {}: {}", step.name, step.note))
}

fn up(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} min"),
        (0, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_service_comes_first() {
        let service = |name: &str, state, error: Option<&str>| Service {
            name: name.into(),
            state,
            pid: None,
            restarts: 0,
            last_error: error.map(str::to_owned),
        };
        let services = [service("cri", State::Running, Some("old")), service("ntp", State::Backoff, Some("new"))];
        assert_eq!(newest_error(&services).as_deref(), Some("ntp: new"));
        assert_eq!(states(&services), "cri  ntp (FAILING)");
    }

    #[test]
    fn durations_are_short() {
        assert_eq!([up(59), up(3_700), up(90_000)], ["0 min", "1 h 1 min", "1 d 1 h"]);
    }
}
