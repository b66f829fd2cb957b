//! Preflight checks of a join, by kubeadm's names, so that `--ignore-preflight-errors` means the
//! same.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;

use kit::control::{self, Request};
use kit::{Error, Exit, Result, paths};
use serde_json::Value;

use crate::plan::Plan;
use crate::ready::{ready_node, wait_for_cri};

/// The bundle's kubelet.
const KUBELET: &str = "/usr/bin/kubelet";
/// Kubeconfig of a joined node.
const JOINED: &str = "/etc/kubernetes/kubelet.conf";
/// Directory of a control plane's static pods.
const MANIFESTS: &str = "/etc/kubernetes/manifests";
/// The kubelet's own port.
const PORT: u16 = 10250;

/// A look at one thing.
type Check = fn() -> Result<()>;

/// Checks that there is a kubelet to join with.
pub fn kubelet() -> Result<()> {
    if Path::new(KUBELET).exists() {
        return Ok(());
    }
    let why = "this node was booted without a kube segment: add kube-worker.cpio.zst or kube-node.cpio.zst to its initrds";
    Err(Error::new(format!("no kubelet: {why}")).with_exit(Exit::NOT_FOUND))
}

/// Runs the checks that need no server.
pub fn run(plan: &Plan, say: &mut dyn FnMut(&str)) -> Result<()> {
    if !Path::new(JOINED).exists() {
        // A kubelet that an interrupted join left is in the way of this one.
        let _ = control::ask(&Request::Stop("kubelet".into()));
    }
    let checks: [(&str, Check); 6] = [
        ("IsPrivilegedUser", root),
        ("CRI", wait_for_cri),
        ("FileContent--proc-sys-net-ipv4-ip_forward", ready_node),
        ("DirAvailable--etc-kubernetes-manifests", manifests),
        ("FileAvailable--etc-kubernetes-kubelet.conf", joined),
        ("Port-10250", port),
    ];
    let failed = checks.iter().filter_map(|(name, check)| Some((*name, check().err()?)));
    told(plan, failed.collect(), say)
}

/// Checks that the kubelet is not newer than the cluster's control plane, which `kubeadm-config`
/// tells.
pub fn version(plan: &Plan, cluster: &Value, say: &mut dyn FnMut(&str)) -> Result<()> {
    let output = Command::new(KUBELET).arg("--version").output();
    let own = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let (own, theirs) = (minor(&own), minor(cluster["kubernetesVersion"].as_str().unwrap_or_default()));
    let failed = match (own, theirs) {
        (Some(own), Some(theirs)) if own > theirs => {
            Some(format!("the kubelet is of version {}.{}, newer than the cluster's {}.{}", own.0, own.1, theirs.0, theirs.1))
        }
        (None, _) => Some(format!("{KUBELET} does not tell its version")),
        _ => None,
    };
    told(plan, failed.map(|why| ("KubeletVersion", Error::new(why))).into_iter().collect(), say)
}

/// Major and minor of `Kubernetes v1.37.1` or `v1.37.1`.
fn minor(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim().rsplit('v').next()?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// All that failed, in one error; what is to be ignored is only said.
fn told(plan: &Plan, failed: Vec<(&str, Error)>, say: &mut dyn FnMut(&str)) -> Result<()> {
    let mut fatal = Vec::new();
    for (name, e) in failed {
        if plan.ignores(name) {
            say(&format!("[WARNING {name}]: {e}"));
        } else {
            fatal.push(format!("[{name}] {e}"));
        }
    }
    if fatal.is_empty() {
        return Ok(());
    }
    Err(Error::new(format!("this node can't join: {} (--ignore-preflight-errors=CHECK goes on all the same)", fatal.join("; "))))
}

fn root() -> Result<()> {
    if rustix::process::geteuid().is_root() { Ok(()) } else { Err(Error::new("only root can join a node")) }
}

fn manifests() -> Result<()> {
    let full = std::fs::read_dir(MANIFESTS).is_ok_and(|mut entries| entries.next().is_some());
    if full { Err(Error::new(format!("{MANIFESTS} is not empty"))) } else { Ok(()) }
}

fn joined() -> Result<()> {
    if Path::new(JOINED).exists() { Err(Error::new(format!("{JOINED} is there: this node has joined already"))) } else { Ok(()) }
}

fn port() -> Result<()> {
    match TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)) {
        Ok(_) => Ok(()),
        Err(e) => Err(Error::new(format!("port {PORT} can't be had: {e}; the kubelet's log is {}/kubelet.log", paths::LOGS))),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use crate::plan::Discovery;

    #[test]
    fn versions_are_read() {
        assert_eq!(minor("Kubernetes v1.37.1\n"), Some((1, 37)));
        assert_eq!(minor("v1.36.0-rc.1"), Some((1, 36)));
        for wrong in ["", "v", "v1", "Kubernetes", "vx.y"] {
            assert_eq!(minor(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn ignored_failures_are_told_and_others_refuse() {
        let mut plan = Plan::new(Discovery::File("/x".into()), None);
        let failed = || vec![("Port-10250", Error::new("busy")), ("CRI", Error::new("silent"))];
        let mut said = Vec::new();
        let e = told(&plan, failed(), &mut |line| said.push(line.to_owned())).unwrap_err().to_string();
        assert!(e.contains("[Port-10250] busy; [CRI] silent") && said.is_empty(), "{e}");
        plan.ignored = vec!["cri".into(), "port-10250".into()];
        told(&plan, failed(), &mut |line| said.push(line.to_owned())).unwrap();
        assert_eq!(said, ["[WARNING Port-10250]: busy", "[WARNING CRI]: silent"]);
    }
}
