//! `join`: make this machine a worker of a cluster, as `kubeadm join` does, with nothing but the kubelet aboard.
//!
//! Usage: kutties join HOST:PORT --token TOKEN --discovery-token-ca-cert-hash sha256:HEX...
//!        kutties join --discovery-file FILE|URL [--tls-bootstrap-token TOKEN]
//!        kutties join --config FILE
//!
//! The cluster's description is asked for, proved by the token's signature and the pinned CA, and asked for again over a verified
//! connection; the kubelet's configuration is fetched with the token and written with this node's own part; the kubelet is started and
//! asks for its certificate by itself. What fails is said, and the node is as before.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use kit::control::{self, Reply, Request, Service, State};
use kit::{Applet, Error, Exit, Place, Result, paths};
use serde_json::Value;

use crate::api::Api;
use crate::discovery::discover;
use crate::discovery_file::{confirm, from_file};
use crate::kubeconfig::{Credentials, Kubeconfig};
use crate::kubelet_files::{self, BOOTSTRAP, Written};
use crate::options::Options;
use crate::plan::{Discovery, Plan};
use crate::retry::reach;
use crate::{http, preflight, stale_node, yaml};

/// The record.
pub const JOIN: Applet = Applet { name: "join", about: "join a cluster as a worker, without kubeadm", place: Place::Node, run };

/// Kubeconfig of a kubelet that the cluster knows.
const JOINED: &str = "/etc/kubernetes/kubelet.conf";
/// Interval of the waits' checks.
const LOOK: Duration = Duration::from_millis(200);

/// Join, as the applet and in kubeadm's place.
pub fn run(args: &[OsString]) -> Result<Exit> {
    let plan = Options::plan(&JOIN, args)?;
    preflight::kubelet()?;
    let outcome = join(&plan);
    if outcome.is_err() {
        // It may have been stopped: from now on it waits for its files again, or goes on with those that it has.
        let _ = order(&Request::Start("kubelet".into()));
    }
    outcome.map(|()| Exit::OK)
}

fn join(plan: &Plan) -> Result<()> {
    if !plan.skips("preflight") {
        say("[preflight] Looking at this node");
        preflight::run(plan, &mut say)?;
    }
    let cluster = find(plan)?;
    say(&format!("[discovery] The cluster at {} is the one that was asked for", cluster.endpoint));
    let api = Api::verified(&cluster.endpoint, &cluster.ca, &cluster.credentials)?;
    let config = reach(plan.reach, &mut say, || configurations(plan, &api))?;
    let node = plan.node.clone().unwrap_or_else(|| stale_node::host_name().to_ascii_lowercase());
    stale_node::wait(&api, &node, &mut say)?;
    start(plan, &cluster, config)?;
    say(&format!("This node has joined the cluster at {} as {node}.", cluster.endpoint));
    say("'kubectl get nodes' on the control plane shows it.");
    Ok(())
}

/// The cluster, proved, with what the kubelet shall ask for its certificate with.
fn find(plan: &Plan) -> Result<Kubeconfig> {
    let mut cluster = match &plan.discovery {
        Discovery::Token { endpoint, token, pins, .. } => {
            say(&format!("[discovery] Asking {endpoint} for the cluster's description"));
            reach(plan.reach, &mut say, || discover(endpoint, token, pins))?
        }
        Discovery::File(place) => {
            say(&format!("[discovery] Reading the cluster's description in {place}"));
            let found = reach(plan.reach, &mut say, || from_file(place))?;
            reach(plan.reach, &mut say, || confirm(found.clone()))?
        }
    };
    if let Some(token) = &plan.bootstrap {
        cluster.credentials = token.credentials();
    }
    if cluster.credentials == Credentials::None {
        return Err(Error::usage("the discovery file has no credentials: give --tls-bootstrap-token TOKEN"));
    }
    Ok(cluster)
}

/// The cluster's configuration for kubelets, once its own version is known to fit.
fn configurations(plan: &Plan, api: &Api) -> Result<Value> {
    let cluster = config_map(api, "kubeadm-config", "ClusterConfiguration")?;
    if !plan.skips("preflight") {
        preflight::version(plan, &cluster, &mut say)?;
    }
    if plan.verbose {
        say(&format!("[preflight] The cluster is of version {}", cluster["kubernetesVersion"].as_str().unwrap_or("(not told)")));
    }
    let config = config_map(api, "kubelet-config", "kubelet")?;
    kubelet_files::check(&config)?;
    Ok(config)
}

/// The document under `key` in a `ConfigMap` of the cluster's.
fn config_map(api: &Api, name: &str, key: &str) -> Result<Value> {
    let answer = api.get(&format!("/api/v1/namespaces/kube-system/configmaps/{name}"))?;
    let why = match answer.status {
        200 => {
            let text = answer.body["data"][key].as_str().unwrap_or_default();
            let read = yaml::document(text);
            return read.map_err(|e| Error::new(format!("read {key} of the cluster's {name}: {e}")));
        }
        401 => "does not take the token: it has expired, or may not be used for authentication".to_owned(),
        403 => format!("does not show the token's holder {name}: was the cluster made by kubeadm, and the token for nodes?"),
        404 => format!("has no {name}: was the cluster made by kubeadm?"),
        // It has just been started, or has too much to do.
        status @ (429 | 500..) => return Err(Error::new(format!("reach {}: it answers with status {status}", api.endpoint))),
        status => format!("answers with status {status} when asked for {name}"),
    };
    Err(Error::new(format!("{} {why}", api.endpoint)))
}

/// Write the kubelet's files, start it and wait until the cluster knows it. When that fails the node is as before.
fn start(plan: &Plan, cluster: &Kubeconfig, config: Value) -> Result<()> {
    order(&Request::Stop("kubelet".into()))?;
    let health = kubelet_files::health(&config);
    let mut files = Written::below(Path::new("/"));
    let outcome = files.write(plan, cluster, config, &stale_node::host_name()).and_then(|changed| {
        for line in &changed {
            say(&format!("[kubelet-start] {line}"));
        }
        say(&format!("[kubelet-start] Wrote {} and {}", paths::KUBELET_CONFIG, paths::KUBELET_FLAGS));
        say("[kubelet-start] Starting the kubelet");
        order(&Request::Start("kubelet".into()))?;
        if plan.skips("kubelet-wait-bootstrap") { Ok(()) } else { wait(plan, health) }
    });
    if let Err(e) = outcome {
        // It must not go on with files that are about to vanish.
        let _ = order(&Request::Stop("kubelet".into()));
        files.undo();
        return Err(e);
    }
    if !plan.skips("kubelet-wait-bootstrap") {
        // The kubelet has its own certificate now; the token is of no more use here, and a secret.
        let _ = std::fs::remove_file(Path::new("/").join(BOOTSTRAP));
    }
    Ok(())
}

/// Wait for the kubelet's health, and for its certificate.
fn wait(plan: &Plan, health: Option<String>) -> Result<()> {
    if let Some(endpoint) = health {
        say(&format!("[kubelet-check] Waiting for the kubelet's health at http://{endpoint}/healthz"));
        until(plan.healthy, "is not healthy", || {
            http::connect(&endpoint)
                .and_then(|tcp| http::get(tcp, &endpoint, "/healthz", ""))
                .is_ok_and(|answer| answer.status == 200)
        })?;
    }
    say("[kubelet-start] Waiting for the kubelet's certificate from the cluster");
    until(plan.bootstrapped, "has no certificate from the cluster", has_certificate)
}

/// Tells if the kubelet's kubeconfig is there with all files that it names.
fn has_certificate() -> bool {
    let Ok(text) = std::fs::read_to_string(JOINED) else { return false };
    Kubeconfig::parse(&text, Path::new(JOINED).parent()).is_ok_and(|own| matches!(own.credentials, Credentials::Certificate(..)))
}

/// Look until it holds; the kubelet's own words are said as they change, and are the reason in the end.
fn until(limit: Duration, what: &str, holds: impl Fn() -> bool) -> Result<()> {
    let end = Instant::now() + limit;
    let mut said = None;
    while !holds() {
        let why = complaint();
        if why.is_some() && why != said {
            say(&format!("[kubelet-check] The kubelet ended and is started again: {}", why.as_deref().unwrap_or_default()));
            said.clone_from(&why);
        }
        if Instant::now() >= end {
            let why = said.map(|why| format!(": {why}")).unwrap_or_default();
            return Err(Error::new(format!(
                "the kubelet {what} after {} s{why}; its log is {}/kubelet.log",
                limit.as_secs(),
                paths::LOGS
            )));
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}

/// The last words of a kubelet that does not run.
fn complaint() -> Option<String> {
    let Ok(Reply::Services(services)) = control::ask(&Request::Status("kubelet".into())) else { return None };
    let Service { state, last_error, .. } = services.into_iter().next()?;
    last_error.filter(|_| state == State::Backoff)
}

fn order(request: &Request) -> Result<()> {
    match control::ask(request)? {
        Reply::Unknown(name) => Err(Error::new(format!("there is no service {name}: kubelet.enabled is off"))),
        Reply::Failed(why) => Err(Error::new(why)),
        Reply::Done | Reply::Services(_) => Ok(()),
    }
}

/// A line of progress.
fn say(line: &str) {
    // A closed standard output must not stop a join.
    let _ = writeln!(std::io::stdout(), "{line}");
}
