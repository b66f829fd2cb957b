//! A real control plane in the lab: etcd, kube-apiserver, kube-controller-manager and kube-scheduler, native processes whose
//! certificates, flags and objects `kubeadm init phase …` makes.

mod ca;
mod config;
mod manifest;
mod ready;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use kit::{Context, Error, Result};

use crate::network::{ADDRESS, Lab};
use crate::service::Service;
use crate::{tool, until};

/// Directory of kubeadm's files: the paths travel to every node in the kubelet's configuration, so
/// they are the usual ones.
const KUBERNETES: &str = "/etc/kubernetes";

/// The server's port, as everywhere.
const PORT: u16 = 6443;

/// The API answers in about five seconds; a busy machine may need several times that.
const UP: Duration = Duration::from_mins(2);

/// The programs of a control plane.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The directory of kubeadm, kubectl and the servers.
    kube: PathBuf,
    /// The directory of etcd.
    etcd: PathBuf,
}

impl Programs {
    /// Finds them in the cache, or builds them: call it once outside, where modules can be downloaded, before the lab begins.
    pub fn ready() -> Result<Self> {
        let get = |variant| firmware::bundle::native(variant).map_err(|e| Error::new(format!("{e:#}")));
        Ok(Self { kube: get("lab")?, etcd: get("etcd")? })
    }
}

/// A running control plane. Dropping it ends its processes.
#[derive(Debug)]
pub struct ControlPlane {
    programs: Programs,
    services: Vec<Service>,
    token: String,
    ca_hash: String,
    dir: PathBuf,
}

impl ControlPlane {
    /// Starts it and waits until nodes can join.
    pub fn start(lab: &Lab) -> Result<Self> {
        let (programs, dir, token) = (Programs::ready()?, lab.dir().to_owned(), config::token());
        let mut plane = Self { programs, services: Vec::new(), token, ca_hash: String::new(), dir };
        let text = config::kubeadm(&plane.token, &plane.dir);
        fs::write(plane.config(), text).on("write", plane.config())?;
        plane.files()?;
        plane.ca_hash = ca::hash(&plane.ca()?)?;
        plane.serve(lab)?;
        plane.objects()?;
        Ok(plane)
    }

    /// Command that a person types on a node, after `kutties` if they like.
    pub fn join_command(&self) -> String {
        format!("kubeadm join {} --token {} --discovery-token-ca-cert-hash {}", self.endpoint(), self.token, self.ca_hash)
    }

    /// `HOST:PORT` of the API server.
    pub fn endpoint(&self) -> String {
        format!("{ADDRESS}:{PORT}")
    }

    /// The bootstrap token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The authority's key as `sha256:…`.
    pub fn ca_hash(&self) -> &str {
        &self.ca_hash
    }

    /// The authority's certificate, PEM: what a kubelet needs at /etc/kubernetes/pki/ca.crt.
    pub fn ca(&self) -> Result<String> {
        let path = Path::new(KUBERNETES).join("pki/ca.crt");
        fs::read_to_string(&path).on("read", &path)
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        Path::new(KUBERNETES).join("admin.conf")
    }

    /// A bootstrap-kubelet.conf: with it, [`Self::ca`] and [`Self::kubelet_config`] a kubelet joins without kubeadm.
    pub fn bootstrap_kubeconfig(&self) -> Result<String> {
        Ok(config::bootstrap_kubeconfig(&self.endpoint(), &self.ca()?, &self.token))
    }

    /// The cluster's kubelet configuration, as `kubeadm join` would write it to /var/lib/kubelet/config.yaml.
    pub fn kubelet_config(&self) -> Result<String> {
        self.ask(&["-n", "kube-system", "get", "configmap", "kubelet-config", "-o", "jsonpath={.data.kubelet}"])
    }

    /// Runs kubectl as the administrator; what it said, however it ended.
    pub fn kubectl(&self, args: &[&str]) -> Result<Output> {
        self.kubectl_command(args).stdin(Stdio::null()).output().doing("start kubectl")
    }

    /// Runs kubectl, which must end with 0; its standard output.
    pub fn ask(&self, args: &[&str]) -> Result<String> {
        tool::checked(&mut self.kubectl_command(args))
    }

    /// Gives objects to the cluster, as YAML.
    pub fn apply(&self, objects: &str) -> Result<String> {
        tool::fed(&mut self.kubectl_command(&["apply", "-f", "-"]), objects)
    }

    /// The command that a person types in another terminal before kubectl's arguments.
    pub fn kubectl_hint(&self, lab: &Lab) -> String {
        format!("{} {}", lab.door(), self.dir.join("kubectl").display())
    }

    /// An error with its last words when a server has ended.
    pub fn check(&mut self) -> Result<()> {
        self.services.iter_mut().try_for_each(Service::check)
    }

    /// kubectl as the administrator, to be started by the caller.
    pub fn kubectl_command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.programs.kube.join("kubectl"));
        command.arg("--kubeconfig").arg(self.kubeconfig()).args(args);
        // Discovery is cached in HOME otherwise, which is the host's.
        command.env("KUBECACHEDIR", self.dir.join("kubectl.cache")).env("KUBERC", "off");
        command
    }

    fn config(&self) -> PathBuf {
        self.dir.join("kubeadm.yaml")
    }

    /// `kubeadm init phase PHASE`, with our configuration.
    fn phase(&self, phase: &[&str]) -> Result<()> {
        let mut command = Command::new(self.programs.kube.join("kubeadm"));
        command.args(["init", "phase"]).args(phase).arg("--config").arg(self.config());
        tool::checked(&mut command).map(drop)
    }

    /// Certificates, kubeconfigs and the static pods' manifests, whose flags the servers get.
    fn files(&self) -> Result<()> {
        self.phase(&["certs", "all"])?;
        let kubeconfigs = ["admin", "super-admin", "controller-manager", "scheduler"];
        std::thread::scope(|scope| {
            let phases = kubeconfigs.iter().map(|name| ["kubeconfig", *name]);
            let phases = phases.chain([["control-plane", "all"], ["etcd", "local"]]);
            let running: Vec<_> = phases.map(|phase| scope.spawn(move || self.phase(&phase))).collect();
            running.into_iter().try_for_each(joined)
        })?;
        let wrapper = self.dir.join("kubectl");
        let kubectl = self.programs.kube.join("kubectl");
        let script = format!(
            "#!/bin/sh\nKUBECACHEDIR={} exec {} --kubeconfig {} \"$@\"\n",
            self.dir.join("kubectl.cache").display(),
            kubectl.display(),
            self.kubeconfig().display()
        );
        fs::write(&wrapper, script).on("write", &wrapper)?;
        fs::set_permissions(&wrapper, std::os::unix::fs::PermissionsExt::from_mode(0o755)).on("chmod", &wrapper)
    }

    /// Starts the servers and waits until the API says that it is ready.
    fn serve(&mut self, lab: &Lab) -> Result<()> {
        for name in ["etcd", "kube-apiserver"] {
            self.spawn(lab, name)?;
        }
        until(UP, || {
            self.check()?;
            // The administrator's own rights are not there yet.
            self.ask(&["--kubeconfig", &format!("{KUBERNETES}/super-admin.conf"), "get", "--raw", "/readyz"])
        })?;
        for name in ["kube-controller-manager", "kube-scheduler"] {
            self.spawn(lab, name)?;
        }
        Ok(())
    }

    fn spawn(&mut self, lab: &Lab, name: &str) -> Result<()> {
        let manifest = Path::new(KUBERNETES).join("manifests").join(format!("{name}.yaml"));
        let text = fs::read_to_string(&manifest).on("read", &manifest)?;
        let words = manifest::command(&text).doing(format!("read {}", manifest.display()))?;
        let directory = if name == "etcd" { &self.programs.etcd } else { &self.programs.kube };
        let service = Service::start(name, Command::new(directory.join(name)).args(&words[1..]), &lab.dir().join("log"))?;
        self.services.push(service);
        Ok(())
    }

    /// Makes the objects that `kubeadm init` leaves in the API, and the account that pods run
    /// under.
    fn objects(&mut self) -> Result<()> {
        let super_admin = format!("{KUBERNETES}/super-admin.conf");
        let binding = ["create", "clusterrolebinding", "kubeadm:cluster-admins", "--clusterrole=cluster-admin"];
        let group = ["--group=kubeadm:cluster-admins", "--kubeconfig", &super_admin];
        self.ask(&[&binding[..], &group].concat())?;
        std::thread::scope(|scope| {
            let phases: [&[&str]; 2] = [&["upload-config", "all"], &["bootstrap-token"]];
            let running: Vec<_> = phases.into_iter().map(|phase| scope.spawn(|| self.phase(phase))).collect();
            running.into_iter().try_for_each(joined)
        })?;
        until(UP, || {
            self.check()?;
            self.ask(&["get", "serviceaccount", "default"])
        })?;
        Ok(())
    }
}

/// The outcome of a thread that ran a phase.
fn joined(thread: std::thread::ScopedJoinHandle<'_, Result<()>>) -> Result<()> {
    thread.join().unwrap_or_else(|_| Err(Error::new("a thread that ran kubeadm died")))
}
