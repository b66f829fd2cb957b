//! The services: their table, and what happens to all of them.

use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::time::Instant;

use config::{Config, key};
use kit::calls::{INIT_CONFIG, INIT_CRI, INIT_NTP, INIT_SSHD, INIT_VIP};
use kit::control::{Reply, Request, State};
use kit::paths;
use rustix::process::{Pid, WaitStatus};

use crate::bus::Bus;
use crate::grace::Grace;
use crate::service::{Plan, Program, Service};
use crate::{join, kubelet, restore};

/// The kernel's killer shall take pods before those that run them.
const PROTECTED: &str = "-998";

/// The service that shares the cluster's address.
pub const VIP: &str = "vip";

/// All services.
#[derive(Debug, Default)]
pub struct Supervisor {
    services: Vec<Service>,
}

impl Supervisor {
    /// Add what the configuration wants to have run. A service that is there already has its new plan from its next start on.
    pub fn add_all(&mut self, config: &Config) {
        let plans = [
            Some(cri(config)),
            fetch_plan(config),
            kubelet_plan(config),
            join::plan(config),
            restore::plan(config),
            restore::backup_plan(config),
            ntp_plan(config),
            sshd_plan(config),
            vip_plan(config),
        ];
        let own = config.open(&key::SERVICE_COMMAND).map(|(name, command)| user(config, name, command));
        for plan in plans.into_iter().flatten().chain(own) {
            match self.services.iter_mut().find(|service| service.plan.name == plan.name) {
                Some(service) => service.plan = plan,
                None => self.services.push(Service::new(plan)),
            }
        }
    }

    /// Answer a request about services; what else can be asked is not for here.
    pub fn answer(&mut self, request: &Request) -> Reply {
        let (name, act): (&str, fn(&mut Service)) = match request {
            Request::Start(name) => (name, Service::start),
            Request::Stop(name) => (name, Service::stop),
            Request::Restart(name) => (name, Service::restart),
            Request::Status(name) => (name, |_| ()),
            Request::List => return Reply::Services(self.services.iter().map(Service::status).collect()),
            Request::Shutdown(_) | Request::Reload => return Reply::Failed("not a request about a service".into()),
        };
        let Some(service) = self.services.iter_mut().find(|s| s.plan.name == name) else {
            return Reply::Unknown(name.to_owned());
        };
        act(service);
        match request {
            Request::Status(_) => Reply::Services(vec![service.status()]),
            _ => Reply::Done,
        }
    }

    /// Do what is due; gives what there is to say.
    pub fn attend(&mut self, network: bool) -> Vec<String> {
        self.services.iter_mut().filter_map(|service| service.attend(network)).collect()
    }

    /// A process ended: whether it was a service's, and what there is to say.
    pub fn exited(&mut self, pid: Pid, status: WaitStatus) -> Option<Vec<String>> {
        self.services.iter_mut().find(|s| s.pid() == Some(pid)).map(|service| service.exited(status))
    }

    /// Read what services wrote; gives what is to be shown.
    pub fn read(&mut self) -> Vec<String> {
        self.services.iter_mut().flat_map(Service::read).collect()
    }

    /// Returns the descriptors of services' output.
    pub fn outputs(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.services.iter().flat_map(Service::outputs)
    }

    /// Returns the time of the next start or kill.
    pub fn due(&self) -> Option<Instant> {
        self.services.iter().filter_map(Service::due).min()
    }

    /// Tells if some service waits for a file.
    pub fn is_waiting(&self) -> bool {
        self.services.iter().any(Service::is_waiting)
    }

    /// From now on what is not running stays so.
    pub fn forbid_starts(&mut self) {
        self.services.iter_mut().filter(|s| s.pid().is_none()).for_each(Service::stop);
    }

    /// Stop those whose name is wanted.
    pub fn stop_where(&mut self, wanted: impl Fn(&str) -> bool) {
        self.services.iter_mut().filter(|s| wanted(&s.plan.name)).for_each(Service::stop);
    }

    /// Tells if the service was asked to end and has not yet.
    pub fn is_stopping(&self, name: &str) -> bool {
        self.services.iter().any(|s| s.plan.name == name && s.is_stopping())
    }

    /// Tells if none of those services runs any more.
    pub fn are_stopped(&self, wanted: impl Fn(&str) -> bool) -> bool {
        self.services.iter().filter(|s| wanted(&s.plan.name)).all(|s| s.status().state == State::Stopped)
    }
}

fn plan(name: &str, program: Program) -> Plan {
    Plan {
        name: name.to_owned(),
        program,
        needs: vec![],
        after_network: false,
        once: false,
        shown: false,
        oom_score: None,
        environment: vec![],
    }
}

/// The CRI server needs nothing but mounts and cgroups: it starts while the network comes up.
fn cri(config: &Config) -> Plan {
    let writable = format!("--writable={}", config.text(&key::CONTAINER_SIZE));
    Plan { oom_score: Some(PROTECTED), ..plan("cri", Program::Is(INIT_CRI.words([writable]))) }
}

/// Fetches the settings that the key `config` names, and tries again until it has them. The shell does not wait for it.
fn fetch_plan(config: &Config) -> Option<Plan> {
    let command = INIT_CONFIG.words(["reload"]);
    let wanted = !config.text(&key::CONFIG).is_empty();
    wanted.then(|| Plan { after_network: true, once: true, ..plan("config", Program::Is(command)) })
}

/// File that services wait for that join a cluster under this node's name: settings that are still
/// to be fetched come first.
pub fn settings_file(config: &Config) -> Option<PathBuf> {
    Some(PathBuf::from(paths::CONFIG_FETCHED)).filter(|_| !config.text(&key::CONFIG).is_empty())
}

fn kubelet_plan(config: &Config) -> Option<Plan> {
    if !config.flag(&key::KUBELET_ENABLED) {
        return None;
    }
    let settings = config.list(&key::KUBELET_ENV);
    let own = settings.iter().filter_map(|s| s.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned()));
    Some(Plan {
        needs: [kubelet::PROGRAM, paths::KUBELET_CONFIG, paths::CRI]
            .iter()
            .map(PathBuf::from)
            .chain(settings_file(config))
            .collect(),
        after_network: true,
        oom_score: Some(PROTECTED),
        environment: std::iter::once(Bus::address()).chain(own).collect(),
        ..plan("kubelet", Program::Kubelet(Grace::of(config)))
    })
}

/// Keeps the clock right, where somebody names time servers.
fn ntp_plan(config: &Config) -> Option<Plan> {
    let servers = config.list(&key::NTP_SERVERS);
    // A name that begins with a dash is none, but would be an option.
    let command = INIT_NTP.words(std::iter::once("--".to_owned()).chain(servers.clone()));
    (!servers.is_empty()).then(|| Plan { after_network: true, ..plan("ntp", Program::Is(command)) })
}

/// Lets people in, where somebody says whom.
fn sshd_plan(config: &Config) -> Option<Plan> {
    let keys = config.list(&key::SSH_KEYS);
    let wanted = !keys.is_empty() || Path::new(paths::SSH_KEYS).exists();
    let port = config.number(&key::SSH_PORT).to_string();
    let keys = keys.into_iter().map(|key| format!("--key={key}"));
    let command = INIT_SSHD.words(["--port".to_owned(), port].into_iter().chain(keys));
    wanted.then(|| plan("sshd", Program::Is(command)))
}

/// Takes part in sharing the cluster's address, where there is one, once this machine has a control plane.
fn vip_plan(config: &Config) -> Option<Plan> {
    let address = config.text(&key::NETWORK_VIP);
    let command = INIT_VIP.words([address]);
    (!address.is_empty()).then(|| Plan {
        needs: vec![PathBuf::from(paths::API_SERVER)],
        after_network: true,
        oom_score: Some(PROTECTED),
        ..plan(VIP, Program::Is(command))
    })
}

/// `service.NAME.command` of the configuration.
fn user(config: &Config, name: &str, command: Vec<String>) -> Plan {
    let needs = config.open(&key::SERVICE_AFTER).find(|(of, _)| *of == name).map_or_else(Vec::new, |(_, files)| files);
    Plan {
        needs: needs.iter().map(|file| Path::new(file).to_owned()).collect(),
        after_network: true,
        ..plan(name, Program::Is(command))
    }
}
