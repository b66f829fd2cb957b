//! Plan of a join.

use std::time::Duration;

use kit::{Error, Result, paths};

use crate::discovery::{Pin, Token};

/// The CA's file on a node, which the cluster's kubelet configuration names.
pub const CA: &str = "/etc/kubernetes/pki/ca.crt";
/// Timeout of reaching an API server: a network that has just come up may take that long.
const REACH_TIMEOUT: Duration = Duration::from_secs(30);
/// As kubeadm: how long the kubelet may take to be healthy, and then to get its certificate.
const HEALTHY_TIMEOUT: Duration = Duration::from_mins(4);
const BOOTSTRAP_TIMEOUT: Duration = Duration::from_mins(5);
/// The phases of `kubeadm join` that can be left out here, and those that a worker has not.
const SKIPPABLE: &[&str] = &["preflight", "kubelet-wait-bootstrap"];
const NEVER: &[&str] = &["control-plane-prepare", "check-etcd", "etcd-join", "control-plane-join", "wait-control-plane"];

/// Discovery of the cluster, and its proof.
#[derive(Debug, PartialEq, Eq)]
pub enum Discovery {
    /// By its endpoint, a token and the pinned CA.
    Token {
        /// `HOST:PORT`
        endpoint: String,
        /// Signs what the endpoint says.
        token: Token,
        /// Any of these will do.
        pins: Vec<Pin>,
        /// No pin is needed.
        any_ca: bool,
    },
    /// By a kubeconfig: a path or an HTTPS URL.
    File(String),
}

/// A join of a worker.
#[derive(Debug)]
pub struct Plan {
    /// Discovery of the cluster.
    pub discovery: Discovery,
    /// Token with which the kubelet asks for its certificate; without one the discovery file must
    /// have credentials.
    pub bootstrap: Option<Token>,
    /// The Node's name when it is not the hostname.
    pub node: Option<String>,
    /// Path of the CA's certificate.
    pub ca: String,
    /// The taints that the Node registers with, as `key=value:effect`.
    pub taints: Vec<String>,
    /// More arguments for the kubelet, name and value.
    pub kubelet_args: Vec<(String, String)>,
    /// Checks whose failure is only told, in small letters; or `all`.
    pub ignored: Vec<String>,
    /// Phases that are left out.
    pub skipped: Vec<String>,
    /// Timeout of reaching the cluster.
    pub reach: Duration,
    /// Timeout of the kubelet's health.
    pub healthy: Duration,
    /// Timeout of the kubelet's certificate.
    pub bootstrapped: Duration,
    /// Tell more.
    pub verbose: bool,
}

impl Plan {
    /// With kubeadm's defaults.
    pub fn new(discovery: Discovery, bootstrap: Option<Token>) -> Self {
        Self {
            discovery,
            bootstrap,
            node: None,
            ca: CA.into(),
            taints: vec![],
            kubelet_args: vec![],
            ignored: vec![],
            skipped: vec![],
            reach: REACH_TIMEOUT,
            healthy: HEALTHY_TIMEOUT,
            bootstrapped: BOOTSTRAP_TIMEOUT,
            verbose: false,
        }
    }

    /// Checks that all is there that a join needs.
    pub fn complete(&self) -> Result<()> {
        if let Discovery::Token { endpoint, pins, any_ca, .. } = &self.discovery {
            crate::endpoint::split(endpoint)?;
            if pins.is_empty() && !any_ca {
                return Err(Error::usage(
                    "give the CA's hash: --discovery-token-ca-cert-hash sha256:… (kubeadm token create prints it)",
                ));
            }
        }
        Ok(())
    }

    /// Tells if a failed check is only a warning.
    pub fn ignores(&self, check: &str) -> bool {
        let check = check.to_ascii_lowercase();
        self.ignored.iter().any(|name| name == "all" || *name == check)
    }

    /// Tells if a phase is left out.
    pub fn skips(&self, phase: &str) -> bool {
        self.skipped.iter().any(|name| name == phase)
    }
}

/// A Node's name, in small letters (RFC 1123).
pub fn check_name(name: &str) -> Result<String> {
    const LONGEST: usize = 253;
    let small = name.trim().to_ascii_lowercase();
    let label = |label: &str| {
        let inner = label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        inner && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
    };
    if small.len() <= LONGEST && small.split('.').all(label) {
        return Ok(small);
    }
    Err(Error::usage(format!("{name:?} can't be a Node's name: small letters, digits, dashes and dots make one")))
}

/// This node has one runtime; another socket would be ignored by the kubelet's supervisor.
pub fn check_socket(socket: &str) -> Result<()> {
    let path = socket.strip_prefix("unix://").unwrap_or(socket);
    if [paths::CRI, paths::CRI_WELL_KNOWN, "/var/run/containerd/containerd.sock"].contains(&path) {
        return Ok(());
    }
    Err(Error::usage(format!("this node's runtime is at unix://{}, not at {socket}", paths::CRI)))
}

/// Checks that those phases can be left out.
pub fn check_phases(phases: &[String]) -> Result<()> {
    match phases.iter().map(String::as_str).find(|phase| !SKIPPABLE.contains(phase) && !NEVER.contains(phase)) {
        Some("kubelet-start") => Err(Error::usage("without the phase kubelet-start there is no join")),
        Some(phase) => {
            Err(Error::usage(format!("a join has no phase {phase:?} that can be skipped, but {}", SKIPPABLE.join(", "))))
        }
        None => Ok(()),
    }
}
