//! `systemctl`: what kubeadm asks of a service manager, answered by our own supervisor.
//!
//! Usage: systemctl daemon-reload | is-enabled NAME | is-active NAME | status [NAME] | start|stop|restart NAME
//!        systemctl reboot|poweroff|halt
//!
//! This machine has no systemd. kubeadm finds a service manager by looking for this command and calls it in just these ways
//! (cmd/kubeadm/app/util/initsystem/initsystem_unix.go). The one trap: it asks `is-active systemd-resolved`, and where the
//! answer is yes it points the whole cluster's kubelets to a file of systemd-resolved. What our supervisor does not know is
//! therefore `inactive`, always.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;

use clap::{Parser, Subcommand};
use kit::control::{self, Reply, Request, Service, Shutdown, State};
use kit::{Applet, Context, Error, Exit, Place, Result};

use crate::resolver;

/// The record.
pub const NAME: Applet =
    Applet { name: "systemctl", about: "start, stop and look at services, as kubeadm does", place: Place::Bin, run };

/// The service whose configuration kubeadm writes.
const KUBELET: &str = "kubelet";
/// Exit statuses of systemctl itself for a unit that is not active, or not there.
const INACTIVE: Exit = Exit(3);
const NO_UNIT: Exit = Exit(4);
/// `systemctl start` of an unknown unit.
const NOT_LOADED: Exit = Exit(5);

#[derive(Parser)]
struct Options {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Nothing to do: services' files are read at each start
    DaemonReload,
    /// Tell if a service is started at boot
    IsEnabled { name: String },
    /// Tell if a service runs
    IsActive { name: String },
    /// Show the state of a service; of all services without a name
    Status { name: Option<String> },
    /// Start a service
    Start { name: String },
    /// Stop a service
    Stop { name: String },
    /// Stop and start a service
    Restart { name: String },
    /// Start the system again
    Reboot,
    /// Switch the system off
    Poweroff,
    /// Stop the system
    Halt,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&NAME, args)?;
    match options.verb {
        Verb::DaemonReload => Ok(Exit::OK),
        Verb::IsEnabled { name } => answer(find(&name)?.map_or(("not-found", NO_UNIT), |_| ("enabled", Exit::OK))),
        Verb::IsActive { name } => answer(find(&name)?.map_or(("inactive", INACTIVE), |service| activity(service.state))),
        Verb::Status { name: Some(name) } => status(&name),
        Verb::Status { name: None } => all(),
        Verb::Start { name } => order(&name, Request::Start),
        Verb::Stop { name } => order(&name, Request::Stop),
        Verb::Restart { name } => order(&name, Request::Restart),
        Verb::Reboot => ask(&Request::Shutdown(Shutdown::Reboot)),
        Verb::Poweroff => ask(&Request::Shutdown(Shutdown::Poweroff)),
        Verb::Halt => ask(&Request::Shutdown(Shutdown::Halt)),
    }
}

/// A service's name without systemd's suffix.
fn plain(name: &str) -> &str {
    name.strip_suffix(".service").unwrap_or(name)
}

fn find(name: &str) -> Result<Option<Service>> {
    match control::ask(&Request::Status(plain(name).to_owned()))? {
        Reply::Services(services) => Ok(services.into_iter().next()),
        Reply::Failed(why) => Err(Error::new(why)),
        _ => Ok(None),
    }
}

/// systemd's words. A service in a pause between two starts is `activating`, which counts as not active.
const fn activity(state: State) -> (&'static str, Exit) {
    match state {
        State::Running => ("active", Exit::OK),
        State::Backoff => ("activating", INACTIVE),
        State::Waiting | State::Stopped => ("inactive", INACTIVE),
    }
}

fn answer((word, exit): (&str, Exit)) -> Result<Exit> {
    write(&format!("{word}\n"))?;
    Ok(exit)
}

fn order(name: &str, request: fn(String) -> Request) -> Result<Exit> {
    if plain(name) == KUBELET && !matches!(request(String::new()), Request::Stop(_)) {
        // kubeadm has just written the kubelet's configuration. Without the link it starts all the same, and makes no pod.
        match resolver::provide(Path::new("/")) {
            Ok(None) => {}
            Ok(Some(line)) => warn(&line),
            Err(e) => warn(&e.to_string()),
        }
    }
    ask(&request(plain(name).to_owned()))
}

fn ask(request: &Request) -> Result<Exit> {
    match control::ask(request)? {
        Reply::Unknown(name) => Err(Error::new(format!("unit {name}.service not found")).with_exit(NOT_LOADED)),
        Reply::Failed(why) => Err(Error::new(why)),
        Reply::Done | Reply::Services(_) => Ok(Exit::OK),
    }
}

/// On standard output also what is not found: that is where kubeadm looks for it.
fn status(name: &str) -> Result<Exit> {
    let Some(service) = find(name)? else {
        write(&format!("Unit {}.service could not be found.\n", plain(name)))?;
        return Ok(NO_UNIT);
    };
    let (word, exit) = activity(service.state);
    write(&describe(&service, word))?;
    Ok(exit)
}

fn describe(service: &Service, word: &str) -> String {
    let mut text =
        format!("{}.service\n     Loaded: loaded (enabled)\n     Active: {word} ({})\n", service.name, doing(service.state));
    if let Some(pid) = service.pid {
        text = format!("{text}   Main PID: {pid}\n");
    }
    text = format!("{text}   Restarts: {}\n        Log: {}/{}.log\n", service.restarts, kit::paths::LOGS, service.name);
    if let Some(error) = &service.last_error {
        text = format!("{text} Last error: {error}\n");
    }
    text
}

const fn doing(state: State) -> &'static str {
    match state {
        State::Waiting => "waits for its files",
        State::Running => "running",
        State::Backoff => "ended; is started again after a pause",
        State::Stopped => "stopped",
    }
}

fn all() -> Result<Exit> {
    let services = match control::ask(&Request::List)? {
        Reply::Services(services) => services,
        Reply::Failed(why) => return Err(Error::new(why)),
        Reply::Done | Reply::Unknown(_) => vec![],
    };
    let mut text = String::new();
    for service in &services {
        let pid = service.pid.map_or_else(|| "-".into(), |pid| pid.to_string());
        text = format!("{text}{:<16} {:<11} {pid:>7}  {}\n", service.name, activity(service.state).0, doing(service.state));
    }
    write(&text)?;
    Ok(Exit::OK)
}

/// On standard error, which kubeadm shows when the start fails.
fn warn(line: &str) {
    // A closed standard error must not stop a start.
    let _ = writeln!(std::io::stderr(), "systemctl: {line}");
}

fn write(text: &str) -> Result<()> {
    let mut out = kit::out();
    out.write_all(text.as_bytes()).doing("write the answer")?;
    out.flush().doing("write the answer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubeadm_must_not_read_a_known_service_as_unknown() {
        let service =
            Service { name: "kubelet".into(), state: State::Waiting, pid: None, restarts: 0, last_error: Some("x".into()) };
        let text = describe(&service, "inactive");
        assert!(text.contains("Loaded: loaded") && !text.contains("could not be found") && !text.contains("not-found"));
    }

    #[test]
    fn only_a_running_service_is_active() {
        assert_eq!(activity(State::Running), ("active", Exit::OK));
        for state in [State::Waiting, State::Backoff, State::Stopped] {
            assert_ne!(activity(state).1, Exit::OK);
        }
    }

    #[test]
    fn the_suffix_is_systemds() {
        assert_eq!(plain("kubelet.service"), "kubelet");
        assert_eq!(plain("kubelet"), "kubelet");
    }
}
