//! Several control planes that share an address, and the death of the one that holds it.

use std::time::{Duration, Instant};

use kit::{Error, Result};

use super::checks::Checks;
use super::{Cluster, Machine, Options, wait};
use crate::run::{shown, step};

/// The shared address: a free one of the lab's network.
pub const ADDRESS: &str = "10.77.0.100";
/// Answers of a cluster whose machines are all emulated.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(3);
/// Lease, election and the machines' own slowness: on hardware the writes go on within 20 s.
const TAKEOVER_TIMEOUT: Duration = Duration::from_mins(4);

/// Options that make a join one of a control plane, as `kubeadm init --upload-certs` prints them.
pub fn role(said: &str) -> Result<String> {
    let key = said.lines().find_map(|line| line.split_once("--certificate-key ")).map(|(_, key)| key.trim());
    match key {
        Some(key) if key.len() == 64 && key.bytes().all(|b| b.is_ascii_hexdigit()) => {
            Ok(format!("--control-plane --certificate-key {key}"))
        }
        _ => Err(Error::new("kubeadm init printed no certificate key")),
    }
}

impl Cluster {
    /// Check the members, and stop the one that holds the address if the others are a majority.
    pub fn members(&mut self, options: &Options) {
        step("the control planes");
        let mut checks = std::mem::take(&mut self.checks);
        let servers = usize::from(options.control_planes);
        checks.note("etcd has a member on each control plane", etcd(&self.machines[0], servers));
        checks.note("one machine holds the shared address", holder(&self.machines[..servers]).map(drop));
        if servers > 2 {
            self.takeover(&mut checks, servers);
        }
        self.checks = checks;
    }

    /// Writes go on, and nothing that was acknowledged is lost.
    fn takeover(&mut self, checks: &mut Checks, servers: usize) {
        let outcome = holder(&self.machines[..servers]).and_then(|number| {
            let write = "kubectl create configmap before --from-literal=a=b";
            wait(&self.machines[number], write, ANSWER_TIMEOUT)?;
            step(format!("{} holds the address and is cut off", self.machines[number].seat.name));
            drop(self.machines.remove(number));
            let begun = Instant::now();
            let server = format!("kubectl --server=https://{ADDRESS}:6443 --request-timeout=5s");
            let script = format!("{server} create configmap after --from-literal=a=b && {server} get configmap before after");
            let said = wait(&self.machines[0], &script, TAKEOVER_TIMEOUT)?;
            shown(&format!("{said}a write succeeded after {} s\n", begun.elapsed().as_secs()));
            holder(&self.machines[..servers - 1]).map(drop)
        });
        checks.note("the holder's death moves the address, and writes go on", outcome);
    }
}

fn etcd(server: &Machine, servers: usize) -> Result<()> {
    let flags = "--endpoints=https://127.0.0.1:2379 --cacert=/etc/kubernetes/pki/etcd/ca.crt \
                 --cert=/etc/kubernetes/pki/etcd/server.crt --key=/etc/kubernetes/pki/etcd/server.key";
    let pod = "$(kubectl -n kube-system get pods -l component=etcd -o jsonpath='{.items[0].metadata.name}')";
    let script = format!("kubectl -n kube-system exec {pod} -- etcdctl {flags} member list");
    let said = wait(server, &script, ANSWER_TIMEOUT)?;
    if said.lines().filter(|line| line.contains("started")).count() == servers {
        Ok(())
    } else {
        Err(Error::new(format!("etcd's members are\n{said}")))
    }
}

/// Number of the one machine that has the shared address; a moment of nobody is waited for.
fn holder(servers: &[Machine]) -> Result<usize> {
    crate::until(TAKEOVER_TIMEOUT, || {
        let mut holders = Vec::new();
        for (number, machine) in servers.iter().enumerate() {
            if machine.vm.guest.sh("ip address")?.contains(&format!("{ADDRESS}/")) {
                holders.push(number);
            }
        }
        match holders.as_slice() {
            [one] => Ok(*one),
            others => Err(Error::new(format!("{} machines have {ADDRESS}", others.len()))),
        }
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_certificate_key_is_on_the_last_line_of_the_join_of_a_control_plane() {
        let key = "0123456789abcdef".repeat(4);
        let said = format!("  kubeadm join a:6443 --token b \\\r\n\t--control-plane --certificate-key {key}\r\nnext");
        assert_eq!(role(&said).unwrap(), format!("--control-plane --certificate-key {key}"));
        assert!(role("--certificate-key 12\n").is_err());
        assert!(role("no").is_err());
    }
}
