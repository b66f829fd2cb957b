//! Parts that cases share: the network, the control plane, and machines that stay warm.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use kit::{Context, Error, Result};
use lab::appliance::Appliance;
use lab::console::Mark;
use lab::control_plane::ControlPlane;
use lab::network::{Lab, Seat};
use lab::segment;
use lab::until;
use lab::vm::{Spec, Vm};

use crate::lane::Lane;

/// From power-on to services, on a busy machine under emulation.
pub const BOOT: Duration = Duration::from_mins(6);
/// From the typed join to a Ready node.
pub const JOIN: Duration = Duration::from_mins(8);
/// Timeout of a pod's step with an image that the node has.
pub const POD: Duration = Duration::from_mins(2);

/// A machine with its place in the network.
pub struct Node {
    /// The machine.
    pub vm: Vm,
    /// Its name in the cluster.
    pub name: String,
    /// Its hold on the network.
    pub seat: Seat,
}

/// The machines that cases share on a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Joined; pods run there.
    Warm,
    /// Has all but the join; joins late.
    Unjoined,
    /// Without Kubernetes, with an unknown key, a corrupt segment and a corrupt image.
    Bare,
    /// Without Kubernetes, with the tests of survival and memory for a hundred pods.
    Lone,
    /// Without Kubernetes, with a Debian userland on a disk.
    Callers,
}

/// Parts that the cases of one lane get. Lanes share the network and the cluster; machines are a
/// lane's own.
pub struct World {
    /// The private network.
    pub lab: Arc<Lab>,
    /// The cluster.
    pub plane: Arc<ControlPlane>,
    /// Machines, or why they are not there: a second case must not wait for the same failure again.
    nodes: HashMap<(String, Kind), Result<Node, String>>,
    /// Directory of transcripts.
    evidence: PathBuf,
    /// The lane whose cases run here.
    lane: Lane,
}

/// Counts machines, so that no two have the same name in the network.
static MACHINES: AtomicU32 = AtomicU32::new(1);

/// A file of no use in the place of an image's archive.
pub const CORRUPT_IMAGE: &str = "corrupt.tar";
/// A key that does not exist.
pub const UNKNOWN_KEY: &str = "kutties.no-such-key";

impl World {
    /// Start the network and the control plane; transcripts go below `evidence`.
    pub fn start(evidence: PathBuf) -> Result<Self> {
        let lab = Lab::start()?;
        let plane = ControlPlane::start(&lab)?;
        Ok(Self { lab: Arc::new(lab), plane: Arc::new(plane), nodes: HashMap::new(), evidence, lane: Lane::Cluster })
    }

    /// A world for another lane: the same network and cluster, no machine yet.
    pub fn beside(&self, lane: Lane) -> Self {
        let (lab, plane) = (Arc::clone(&self.lab), Arc::clone(&self.plane));
        Self { lab, plane, nodes: HashMap::new(), evidence: self.evidence.clone(), lane }
    }

    /// Directory in which transcripts are kept.
    pub fn evidence(&self) -> &Path {
        &self.evidence
    }

    /// End the machines that cases share; the next case that asks for one gets a fresh one.
    pub fn forget_machines(&mut self) {
        for node in self.nodes.drain().filter_map(|(_, node)| node.ok()) {
            let name = node.name.clone();
            drop(node);
            let on_it = format!("--field-selector=spec.nodeName={name}");
            let _ =
                self.plane.ask(&["delete", "pods", "--all-namespaces", &on_it, "--force", "--grace-period=0", "--wait=false"]);
            // It may never have joined.
            let _ = self.plane.ask(&["delete", "node", &name, "--ignore-not-found"]);
        }
    }

    /// The machine of that kind, booted at its first use; and the cluster to ask about it.
    pub fn node(&mut self, board: &str, kind: Kind) -> Result<(&mut Node, &ControlPlane)> {
        let key = (board.to_owned(), kind);
        if !self.nodes.contains_key(&key) {
            let node = self.make(board, kind).map_err(|e| e.to_string());
            self.nodes.insert(key.clone(), node);
        }
        match self.nodes.get_mut(&key) {
            Some(Ok(node)) => Ok((node, &self.plane)),
            Some(Err(why)) => Err(Error::new(format!("the {kind:?} machine of {board} is not there: {why}"))),
            None => Err(Error::new("a machine vanished")),
        }
    }

    /// The joined machine.
    pub fn warm(&mut self, board: &str) -> Result<(&mut Node, &ControlPlane)> {
        if self.lane != Lane::Cluster {
            // Upstream's specs, which run meanwhile, would put pods on it.
            return Err(Error::new("the case joins a machine to the cluster: put its area into the lane of the cluster"));
        }
        self.node(board, Kind::Warm)
    }

    /// The machine without Kubernetes.
    pub fn bare(&mut self, board: &str) -> Result<&mut Node> {
        Ok(self.node(board, Kind::Bare)?.0)
    }

    /// Boot a machine for one case, with its own place in the network; `change` what is booted.
    pub fn boot(&mut self, board: &str, change: impl FnOnce(&Appliance, &mut Spec) -> Result<()>) -> Result<Node> {
        self.boot_as(board, "extra", change)
    }

    fn make(&mut self, board: &str, kind: Kind) -> Result<Node> {
        match kind {
            Kind::Warm => {
                let mut node = self.boot_as(board, "warm", |_, _| Ok(()))?;
                node.join(&self.plane)?;
                node.wait_ready(&self.plane, JOIN)?;
                Ok(node)
            }
            Kind::Unjoined => self.boot_as(board, "late", |_, _| Ok(())),
            Kind::Bare => self.boot_as(board, "bare", spoil),
            Kind::Lone => self.boot_as(board, "lone", |appliance, spec| {
                leave_alone(appliance, spec);
                Ok(())
            }),
            Kind::Callers => self.boot_as(board, "callers", bring_debian),
        }
    }

    fn boot_as(&self, board: &str, kind: &str, change: impl FnOnce(&Appliance, &mut Spec) -> Result<()>) -> Result<Node> {
        let appliance = Appliance::open(board)?;
        let name = &format!("{kind}-{}-{}", MACHINES.fetch_add(1, Ordering::Relaxed), arch(board));
        let seat = self.lab.seat(name)?;
        let mut spec = appliance.test_spec(self.lab.dir().join(name));
        fs::create_dir_all(&spec.dir).on("make", &spec.dir)?;
        spec.transcript = self.evidence.join(format!("{name}.log"));
        spec.nics.push(seat.nic.clone());
        change(&appliance, &mut spec)?;
        let mut vm = Vm::boot(&spec)?;
        vm.wait_agent(BOOT)?;
        Ok(Node { vm, name: name.to_owned(), seat })
    }
}

/// No Kubernetes; an image, a segment and a key that are no good.
fn spoil(appliance: &Appliance, spec: &mut Spec) -> Result<()> {
    let kube = appliance.kube_node();
    spec.segments.retain(|segment| *segment != kube);
    let image = format!("{}/{CORRUPT_IMAGE}", kit::paths::IMAGES_GIVEN);
    spec.segments.push(segment::files(&spec.dir.join("image.cpio"), &[(&image, b"this is no archive")])?);
    let corrupt = spec.dir.join("corrupt.cpio");
    let modules = fs::read(appliance.modules()).on("read", appliance.modules())?;
    fs::write(&corrupt, &modules[..modules.len() / 2]).on("write", &corrupt)?;
    spec.segments.push(corrupt);
    spec.cmdline = format!("{} {UNKNOWN_KEY}=1", spec.cmdline);
    Ok(())
}

/// No Kubernetes; the tests of survival.
fn leave_alone(appliance: &Appliance, spec: &mut Spec) {
    let kube = appliance.kube_node();
    spec.segments.retain(|segment| *segment != kube);
    spec.segments.push(appliance.survival());
    spec.memory = 1536;
}

/// No Kubernetes, but a Debian userland, whose programs want room.
fn bring_debian(appliance: &Appliance, spec: &mut Spec) -> Result<()> {
    let kube = appliance.kube_node();
    spec.segments.retain(|segment| *segment != kube);
    spec.disks.push(lab::debian::disk()?);
    spec.memory = 1024;
    Ok(())
}

fn arch(board: &str) -> String {
    board.split('-').next().unwrap_or(board).replace('_', "-")
}

impl Node {
    /// Type the join at the console's shell, as a person would, and wait for its end.
    pub fn join(&mut self, plane: &ControlPlane) -> Result<()> {
        self.vm.console.wait_prompt(Mark::default(), BOOT)?;
        let (code, said) = self.vm.type_and_hear(&format!("kutties {}", plane.join_command()), JOIN)?;
        if code == 0 { Ok(()) } else { Err(Error::new(format!("the join ended with {code}:\n{said}"))) }
    }

    /// Wait until the cluster shows the node as Ready.
    pub fn wait_ready(&mut self, plane: &ControlPlane, limit: Duration) -> Result<()> {
        let node = format!("node/{}", self.name);
        let ready = until(limit, || plane.ask(&["wait", "--for=condition=Ready", &node, "--timeout=2s"]));
        ready.map(drop).map_err(|e| Error::new(format!("{e}\n{}\n{}", self.service_log("kubelet"), self.vm.console.tail(20))))
    }

    /// The last lines of a service's output, as evidence.
    pub fn service_log(&self, service: &str) -> String {
        let path = format!("{}/{service}.log", kit::paths::LOGS);
        let log = self.vm.guest.read(&path).map_or_else(|e| e.to_string(), |log| String::from_utf8_lossy(&log).into_owned());
        let lines: Vec<&str> = log.lines().collect();
        let tail = &lines[lines.len().saturating_sub(12)..];
        tail.iter().fold(format!("    {service}:"), |text, line| format!("{text}\n    | {line}"))
    }
}
