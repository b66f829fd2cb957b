//! The checks of a cluster, counted.

use std::fmt;
use std::time::Duration;

use kit::{Error, Result};

use super::objects::{self, DNS, HOST_PORT, NAME, NODE_PORT, PORT};
use super::{Cluster, Machine, Network, Options, wait};
use crate::run::{shown, step};

/// Nodes and the pods of the system are ready: images are unpacked, networks made, all emulated.
const READY_TIMEOUT: Duration = Duration::from_mins(8);
/// A Deployment of an image that every node has.
const ROLLOUT_TIMEOUT: Duration = Duration::from_mins(5);
/// A name or a page, through the cluster's network.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(2);

/// Counts of checks, with the reasons of those that failed.
#[derive(Debug, Default)]
pub struct Checks {
    passed: usize,
    failures: Vec<String>,
}

impl fmt::Display for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, 0 skipped", self.passed, self.failures.len())
    }
}

impl Checks {
    /// The checks that failed, with their reasons.
    pub fn failures(&self) -> &[String] {
        &self.failures
    }

    /// Count an outcome and show it.
    pub fn note(&mut self, what: &str, outcome: Result<()>) {
        match outcome {
            Ok(()) => {
                self.passed += 1;
                shown(&format!("\x1b[32mok\x1b[0m     {what}\n"));
            }
            Err(e) => {
                shown(&format!("\x1b[31mFAILED\x1b[0m {what}: {e}\n"));
                self.failures.push(format!("{what}: {e}"));
            }
        }
    }
}

impl Cluster {
    /// Try all that a user of a cluster expects.
    pub fn verify(&mut self, options: &Options) {
        let nodes = options.nodes;
        step("checking the cluster");
        let mut checks = std::mem::take(&mut self.checks);
        let (server, machines) = (&self.machines[0], &self.machines);
        checks.note("all nodes are Ready", nodes_ready(server, nodes));
        checks.note("all pods of kube-system and kube-flannel run", system_pods(server));
        checks.note("a Deployment has a replica on each node", deployment(server, nodes));
        let pods = pods(server);
        for machine in machines {
            let name = &machine.seat.name;
            checks.note(&format!("a pod on {name} reaches the service by its name"), from_pod(server, machine));
            checks.note(&format!("{name} itself finds and reaches the service"), from_host(server, machine));
            checks.note(&format!("{name} reaches each pod at its own address"), each_pod(machine, &pods));
            checks.note(&format!("{name} reaches the NodePort and the host port of each node"), each_node(machine, machines));
            checks.note(&format!("a client on {name} keeps its pod by session affinity"), affinity(server, machine));
        }
        checks.note("a headless Service's name has each pod's address", headless(server, &pods));
        checks.note("flannel and kube-proxy work in the wanted mode", modes(server, options.network));
        checks.note("no image was pulled", nothing_pulled(server));
        checks.note("the processes are a tree", machines[0].show("pstree -A -T").map(drop));
        self.checks = checks;
    }
}

/// Wait until each node is Ready, and show them.
pub fn nodes_ready(server: &Machine, nodes: impl fmt::Display) -> Result<()> {
    let script = format!("test $(kubectl get nodes --no-headers | grep -c ' Ready ') = {nodes}");
    let ready = wait(server, &script, READY_TIMEOUT).map(drop);
    server.show("kubectl get nodes -o wide")?;
    ready.map_err(|e| with_evidence(server, &e))
}

/// The error with what the cluster says of itself.
fn with_evidence(server: &Machine, error: &Error) -> Error {
    let script = "kubectl get pods -A -o wide; kubectl get events -A --sort-by=.lastTimestamp | tail -n 25";
    let said = wait(server, script, ANSWER_TIMEOUT).unwrap_or_else(|e| e.to_string());
    Error::new(format!("{error}\n{said}"))
}

/// Wait until the pods that make the cluster are ready, and show them.
pub fn system_pods(server: &Machine) -> Result<()> {
    let ready = "kubectl wait --for=condition=Ready pod --all --timeout=20s";
    let script = format!("{ready} -n kube-system && {ready} -n kube-flannel");
    let outcome = wait(server, &script, READY_TIMEOUT).map(drop);
    server.show("kubectl get pods -A -o wide")?;
    outcome.map_err(|e| with_evidence(server, &e))
}

fn deployment(server: &Machine, nodes: u8) -> Result<()> {
    server.vm.guest.write("/tmp/web.yml", objects::web(nodes).as_bytes(), 0o644)?;
    server.show("kubectl apply -f /tmp/web.yml")?;
    let script = format!("kubectl rollout status deployment/{NAME} --timeout=20s");
    wait(server, &script, ROLLOUT_TIMEOUT)?;
    wait(server, "kubectl rollout status daemonset/client --timeout=20s", ROLLOUT_TIMEOUT)?;
    let spread =
        server.show(&format!("kubectl get pods -l app={NAME} -o custom-columns=:.spec.nodeName,:.status.podIP --no-headers"))?;
    let mut places: Vec<&str> = spread.lines().filter_map(|line| line.split_whitespace().next()).collect();
    places.sort_unstable();
    places.dedup();
    if places.len() == usize::from(nodes) {
        Ok(())
    } else {
        Err(Error::new(format!("the replicas are on {}", places.join(", "))))
    }
}

/// Addresses of the Deployment's pods.
fn pods(server: &Machine) -> Vec<String> {
    let asked = wait(server, &format!("kubectl get pods -l app={NAME} -o jsonpath='{{.items[*].status.podIP}}'"), ANSWER_TIMEOUT);
    asked.unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

/// The client's pod on that node asks for the service's page by its short name.
fn from_pod(server: &Machine, machine: &Machine) -> Result<()> {
    let node = &machine.seat.name;
    let pod =
        format!("kubectl get pods -l app=client --field-selector=spec.nodeName={node} -o jsonpath='{{.items[0].metadata.name}}'");
    let script = format!("kubectl exec $({pod}) -- wget -q -T 5 -O - http://{NAME}:{PORT}/");
    answered(&wait(server, &script, ANSWER_TIMEOUT)?)
}

/// The host has no cluster DNS of its own: it asks the service of DNS by its address.
fn from_host(server: &Machine, machine: &Machine) -> Result<()> {
    let address = wait(server, &format!("kubectl get service {NAME} -o jsonpath='{{.spec.clusterIP}}'"), ANSWER_TIMEOUT)?;
    let name = format!("nslookup {NAME}.default.svc.cluster.local {DNS}");
    let found = until_said(machine, &name, address.trim())?;
    if !found.contains(address.trim()) {
        return Err(Error::new(format!("{name} says {found:?}")));
    }
    answered(&wait(machine, &format!("wget -q -T 5 -O - http://{}:{PORT}/", address.trim()), ANSWER_TIMEOUT)?)
}

/// Each node's own address answers for the Service, wherever its pods are, and for the client's pod that has a port of the host.
fn each_node(machine: &Machine, machines: &[Machine]) -> Result<()> {
    machines.iter().try_for_each(|node| {
        let address = node.seat.address;
        answered(&wait(machine, &format!("wget -q -T 5 -O - http://{address}:{NODE_PORT}/"), ANSWER_TIMEOUT)?)?;
        let page = wait(machine, &format!("wget -q -T 5 -O - http://{address}:{HOST_PORT}/"), ANSWER_TIMEOUT)?;
        if page.trim().starts_with("client") {
            Ok(())
        } else {
            Err(Error::new(format!("port {HOST_PORT} of {address} says {page:?}")))
        }
    })
}

/// Ten requests of one client reach one pod.
fn affinity(server: &Machine, machine: &Machine) -> Result<()> {
    let ask = "kubectl get service sticky -o jsonpath='{.spec.clusterIP}'";
    let address = wait(server, ask, ANSWER_TIMEOUT)?;
    let url = format!("http://{}:{PORT}/", address.trim());
    let script = format!("for i in 1 2 3 4 5 6 7 8 9 10; do wget -q -T 5 -O - {url} || exit 1; done | sort -u");
    let pages = wait(machine, &script, ANSWER_TIMEOUT)?;
    if pages.lines().count() == 1 { answered(&pages) } else { Err(Error::new(format!("ten requests reached {pages:?}"))) }
}

/// The addresses behind the name of a Service without one of its own are those of the pods.
fn headless(server: &Machine, pods: &[String]) -> Result<()> {
    let name = format!("nslookup each.default.svc.cluster.local {DNS}");
    let first = pods.first().ok_or_else(|| Error::new("the Deployment has no pods"))?;
    let found = until_said(server, &format!("{name} | tr '\\n' ' '"), first)?;
    match pods.iter().find(|address| !found.contains(address.as_str())) {
        None => Ok(()),
        Some(address) => Err(Error::new(format!("{address} is not in {found:?}"))),
    }
}

/// The kernel's own tables tell.
fn modes(server: &Machine, network: Network) -> Result<()> {
    let links = server.vm.guest.sh("ip link")?;
    let metrics = wait(server, "wget -q -T 5 -O - http://127.0.0.1:10249/proxyMode", ANSWER_TIMEOUT)?;
    let (vxlan, proxy) = match network {
        Network::Vxlan => (true, "iptables"),
        Network::HostGateway => (false, "nftables"),
    };
    if links.contains("flannel.1") == vxlan && metrics.trim() == proxy {
        Ok(())
    } else {
        Err(Error::new(format!("kube-proxy says {metrics}; the links are\n{links}")))
    }
}

fn until_said(machine: &Machine, script: &str, wanted: &str) -> Result<String> {
    wait(machine, &format!("{script} | grep -F {wanted}"), ANSWER_TIMEOUT)
}

fn each_pod(machine: &Machine, pods: &[String]) -> Result<()> {
    if pods.is_empty() {
        return Err(Error::new("the Deployment has no pods"));
    }
    pods.iter().try_for_each(|address| {
        answered(&wait(machine, &format!("wget -q -T 5 -O - http://{address}:{}/", objects::POD_PORT), ANSWER_TIMEOUT)?)
    })
}

/// A page of the Deployment is the name of the pod that served it.
fn answered(page: &str) -> Result<()> {
    if page.trim().starts_with(NAME) { Ok(()) } else { Err(Error::new(format!("the page is {page:?}"))) }
}

/// Every image came with the machines.
fn nothing_pulled(server: &Machine) -> Result<()> {
    let events = wait(server, "kubectl get events -A --field-selector=reason=Pulling --no-headers 2>&1", ANSWER_TIMEOUT)?;
    let pulls: Vec<&str> = events.lines().filter(|line| line.contains("Pulling")).collect();
    if pulls.is_empty() { Ok(()) } else { Err(Error::new(pulls.join("; "))) }
}
