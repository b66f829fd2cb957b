//! kubeadm's other verbs and kubectl's completion, as a person uses them on a cluster that runs.

use std::time::Duration;

use kit::{Context, Error, Result};

use super::checks::{Checks, nodes_ready};
use super::{Cluster, JOIN_TIMEOUT, Machine};
use crate::run::step;

/// A verb of kubeadm on an emulated machine: one start of it takes ten seconds.
const VERB_TIMEOUT: Duration = Duration::from_mins(4);

impl Cluster {
    /// Try the verbs, the last of which make the second machine a node anew.
    pub fn verbs(&mut self, nodes: u8) {
        step("kubeadm's other verbs");
        let mut checks = std::mem::take(&mut self.checks);
        let server = &mut self.machines[0];
        checks.note("a second init is refused and harms nothing", second_init(server));
        checks.note("certs check-expiration and renew", certificates(server));
        checks.note("upgrade plan names the version that runs", upgrade_plan(server));
        checks.note("kubectl's completion is a script for the shell", completion(server));
        self.anew(&mut checks, nodes);
        self.checks = checks;
    }

    /// token create, reset, join again.
    fn anew(&mut self, checks: &mut Checks, nodes: u8) {
        let [server, worker, ..] = self.machines.as_mut_slice() else { return };
        checks.note("join with a token that there is not is one sentence", wrong_token(server, worker));
        let join = server.type_line("kutties kubeadm token create --print-join-command", VERB_TIMEOUT);
        let join = join.and_then(|said| super::join_command(&said));
        let outcome = join.and_then(|join| rejoin(server, worker, &join, nodes));
        checks.note("token create, reset of a worker, and its join again", outcome);
    }
}

/// Output of a line that must fail.
fn refused(machine: &mut Machine, line: &str, timeout: Duration) -> Result<String> {
    match machine.vm.type_and_hear(line, timeout)? {
        (0, said) => Err(Error::new(format!("{line} succeeded\n{said}"))),
        (_, said) => Ok(said),
    }
}

fn expect(said: &str, words: &[&str]) -> Result<()> {
    match words.iter().find(|word| !said.contains(**word)) {
        None => Ok(()),
        Some(word) => Err(Error::new(format!("{word:?} is not in what it said\n{said}"))),
    }
}

fn second_init(server: &mut Machine) -> Result<()> {
    let before = server.vm.guest.sh("cat /etc/kubernetes/pki/ca.crt /etc/kubernetes/manifests/*")?;
    let said = refused(server, "kutties kubeadm init --pod-network-cidr=10.244.0.0/16", VERB_TIMEOUT)?;
    expect(&said, &["6443"])?;
    let after = server.vm.guest.sh("cat /etc/kubernetes/pki/ca.crt /etc/kubernetes/manifests/*")?;
    if before == after { Ok(()) } else { Err(Error::new("certificates or manifests have changed")) }
}

fn certificates(server: &mut Machine) -> Result<()> {
    let sum = "sha256sum /etc/kubernetes/pki/apiserver.crt /etc/kubernetes/pki/ca.crt";
    let before = server.vm.guest.sh(sum)?;
    let said = server.type_line("kutties kubeadm certs check-expiration", VERB_TIMEOUT)?;
    expect(&said, &["apiserver-etcd-client", "364d"])?;
    server.type_line("kutties kubeadm certs renew all", VERB_TIMEOUT)?;
    let after = server.vm.guest.sh(sum)?;
    let (old, new) = (before.lines().next(), after.lines().next());
    if old != new && before.lines().nth(1) == after.lines().nth(1) {
        Ok(())
    } else {
        Err(Error::new(format!("before: {before}after: {after}")))
    }
}

fn upgrade_plan(server: &mut Machine) -> Result<()> {
    let version = server.vm.guest.sh("kubelet --version")?;
    let version = version.trim().rsplit(' ').next().unwrap_or_default().to_owned();
    let said =
        server.type_line(&format!("kutties kubeadm upgrade plan {version} --allow-experimental-upgrades"), VERB_TIMEOUT)?;
    expect(&said, &[&version, "kubeadm"])
}

/// The script is sourced, and the functions that it makes are there.
fn completion(server: &Machine) -> Result<()> {
    let script = "kubectl completion bash >/tmp/completion && bash -c '. /tmp/completion && type __start_kubectl' | head -n 1";
    expect(&server.vm.guest.sh(script)?, &["__start_kubectl is a function"])
}

fn wrong_token(server: &Machine, worker: &mut Machine) -> Result<()> {
    let hash = format!("sha256:{}", "0".repeat(64));
    let address = server.seat.address;
    let line = format!(
        "kutties kubeadm join {address}:6443 --token abcdef.0123456789abcdef --discovery-token-ca-cert-hash {hash} --node-name other"
    );
    let said = refused(worker, &line, JOIN_TIMEOUT)?;
    // The node is the one that it was.
    let node = worker.vm.guest.sh("cat /var/lib/kubelet/config.yaml | head -n 1; pidof kubelet")?;
    if said.trim().is_empty() || !node.starts_with("apiVersion") {
        return Err(Error::new(format!("{said}\n{node}")));
    }
    Ok(())
}

fn rejoin(server: &mut Machine, worker: &mut Machine, join: &str, nodes: u8) -> Result<()> {
    let name = worker.seat.name.clone();
    server.type_line(&format!("kubectl drain {name} --ignore-daemonsets --delete-emptydir-data --force"), VERB_TIMEOUT)?;
    worker.type_line("kutties kubeadm reset -f", VERB_TIMEOUT)?;
    let look = "ls /etc/kubernetes/*.conf /var/lib/kubelet/* /etc/kubernetes/pki/* 2>/dev/null; pidof kubelet; true";
    let left = worker.vm.guest.sh(look).doing("look at what reset left")?;
    if !left.trim().is_empty() {
        return Err(Error::new(format!("reset left {left}")));
    }
    server.type_line(&format!("kubectl delete node {name}"), VERB_TIMEOUT)?;
    worker.type_line(&format!("kutties {join}"), JOIN_TIMEOUT)?;
    nodes_ready(server, nodes)
}
