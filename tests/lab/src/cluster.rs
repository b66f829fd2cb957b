//! `lab cluster`: a cluster of diskless machines alone, from `kubeadm init` typed at the first one's shell to a service that answers on
//! every node, in front of a person.

mod checks;
mod members;
mod objects;
mod single;
mod verbs;

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use firmware::image::Kube;
use kit::{Context, Error, Result};

use crate::appliance::Appliance;
use crate::console::Mark;
use crate::heartbeat::{self, Heartbeat};
use crate::network::{Lab, Seat};
use crate::run::{shown, step};
use crate::terminal::Terminal;
use crate::vm::{Spec, Vm};
use crate::{namespace, phase, until};
use checks::Checks;
pub use single::{Single, single};

/// An emulated machine with all images aboard reaches its shell in seconds; several at once on a busy host take longer.
const SHELL_TIMEOUT: Duration = Duration::from_mins(5);
/// The images that came with a machine are in its store; the agent answers.
const SERVICES_TIMEOUT: Duration = Duration::from_mins(3);
/// `kubeadm init` takes two minutes of an emulated machine's own work.
const INIT_TIMEOUT: Duration = Duration::from_mins(10);
/// `kubeadm join`, against a server that is emulated too.
const JOIN_TIMEOUT: Duration = Duration::from_mins(8);
/// All else that is typed.
const COMMAND_TIMEOUT: Duration = Duration::from_mins(3);

/// Memory of a machine with a control plane, in MiB: what is in use two minutes after its start, and the room that images and pods need.
const SERVER_MIB: u32 = 2560;
/// Memory of a worker, in MiB.
const WORKER_MIB: u32 = 1024;
/// The pods' addresses, those of flannel's manifest.
const POD_NETWORK: &str = "10.244.0.0/16";

/// Wishes of a person.
#[derive(Debug, Clone)]
pub struct Options {
    /// A board of `board/`.
    pub board: String,
    /// Number of machines; the first has the control plane.
    pub nodes: u8,
    /// Number of those with a control plane; several share an address.
    pub control_planes: u8,
    /// End after the checks instead of at the first machine's shell.
    pub check: bool,
    /// Directory of the transcripts; the machine's own directory without.
    pub evidence: Option<PathBuf>,
    /// Network between the nodes.
    pub network: Network,
    /// Try kubeadm's other verbs, too.
    pub verbs: bool,
}

/// Ways of flannel and kube-proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Network {
    /// VXLAN and kube-proxy's iptables mode, kubeadm's default.
    Vxlan,
    /// Routes between hosts of one network, and kube-proxy's nftables mode.
    HostGateway,
}

/// Build all that is needed, boot the machines, and show the cluster.
pub fn run(options: &Options) -> Result<ExitCode> {
    if !(1..=9).contains(&options.nodes) {
        return Err(Error::usage(format!("{} nodes: give 1 to 9", options.nodes)));
    }
    if !(1..=options.nodes).contains(&options.control_planes) {
        return Err(Error::usage(format!("{} control planes: give 1 to {}", options.control_planes, options.nodes)));
    }
    if !namespace::inside() {
        phase::cluster(&options.board)?;
        return namespace::enter();
    }
    show(options, options.check || !std::io::stdin().is_terminal())
}

fn show(options: &Options, check: bool) -> Result<ExitCode> {
    let (leave, left) = mpsc::channel();
    let terminal = if check { None } else { Some(Terminal::take(leave)?) };
    let (tell, told) = mpsc::channel();
    let wanted = options.clone();
    thread::spawn(move || drop(tell.send(stage(&wanted).map(Box::new))));
    let mut stage = loop {
        if left.try_recv().is_ok() {
            return Ok(ExitCode::SUCCESS);
        }
        match told.recv_timeout(Duration::from_millis(100)) {
            Ok(stage) => break stage?,
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => return Err(Error::new("the demonstration died")),
        }
    };
    let cluster = &mut stage.cluster;
    let code = if cluster.checks.failures().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    let Some(terminal) = terminal else {
        shown(&format!("{}\n", cluster.checks));
        return Ok(code);
    };
    shown(&format!("{}\n", cluster.checks));
    step("this is the first machine's own shell; Ctrl-] leaves and cleans up");
    let server = &mut cluster.machines[0].vm;
    terminal.lend(server.console.keys()?);
    server.console.show(true);
    // An empty line brings the prompt back.
    server.console.type_line("")?;
    while server.console.is_open() {
        if left.recv_timeout(Duration::from_millis(100)).is_ok() {
            break;
        }
    }
    Ok(code)
}

/// Parts that a machine has in the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The one control plane.
    Server,
    /// One of several control planes, which share an address.
    Member,
    Worker,
    /// A cluster of its own in so many MiB.
    Single(u32),
}

impl Role {
    const fn memory(self) -> u32 {
        match self {
            Self::Server | Self::Member => SERVER_MIB,
            Self::Worker => WORKER_MIB,
            Self::Single(memory) => memory,
        }
    }
}

/// A machine of the cluster.
pub struct Machine {
    /// Its place in the network.
    pub seat: Seat,
    /// The machine.
    pub vm: Vm,
    /// Tells whether a person looks.
    is_shown: bool,
}

impl Machine {
    fn boot(lab: &Lab, appliance: &Appliance, name: &str, role: Role, evidence: Option<&Path>) -> Result<Self> {
        let seat = lab.seat(name)?;
        let mut spec =
            Spec { memory: role.memory(), nics: vec![seat.nic.clone()], ..appliance.cluster_spec(lab.dir().join(name)) };
        if role == Role::Member {
            let _ = write!(spec.cmdline, " kutties.network.vip={}", members::ADDRESS);
        }
        if let Some(evidence) = evidence {
            spec.transcript = evidence.join(format!("cluster-{name}.log"));
        }
        Ok(Self { vm: Vm::boot(&spec)?, seat, is_shown: evidence.is_none() })
    }

    /// Show a text to the person, if there is one.
    fn tell(&self, text: &str) {
        if self.is_shown {
            shown(text);
        }
    }

    /// Type a line at its shell, shown; what it said, or an error if it ended with another code than 0.
    fn type_line(&mut self, line: &str, timeout: Duration) -> Result<String> {
        self.tell(&format!("\n\x1b[1m{}#\x1b[0m {line}\n", self.seat.name));
        self.vm.console.show(self.is_shown);
        let outcome = self.vm.type_and_hear(line, timeout);
        self.vm.console.show(false);
        match outcome? {
            (0, said) => Ok(said),
            (code, said) => Err(Error::new(format!("{line}: exit status {code}\n{said}"))),
        }
    }

    /// Run a script by the agent and show what it said.
    fn show(&self, script: &str) -> Result<String> {
        let said = self.vm.guest.sh(&format!("export KUBECONFIG=/etc/kubernetes/admin.conf; {script}"))?;
        self.tell(&format!("\n\x1b[1m{}#\x1b[0m {script}\n{said}", self.seat.name));
        Ok(said)
    }
}

/// Machines that run, and the checks so far. Dropping it ends them.
pub struct Cluster {
    machines: Vec<Machine>,
    /// Outcomes of the checks.
    pub checks: Checks,
}

/// All that runs while the person looks.
struct Stage {
    cluster: Cluster,
    _lab: Lab,
}

fn stage(options: &Options) -> Result<Stage> {
    let _beat = Heartbeat::begin("waiting");
    let lab = Lab::start()?;
    Ok(Stage { cluster: build(&lab, options)?, _lab: lab })
}

/// Boot the machines, make the cluster and check it.
pub fn build(lab: &Lab, options: &Options) -> Result<Cluster> {
    let appliance = Appliance::open(&options.board)?;
    step(format!("booting {} machines of {}, no disk, no registry", options.nodes, options.board));
    let (begun, mut machines) = (Instant::now(), Vec::new());
    // The others wait at their shells while the first machine is busy.
    for number in 1..=options.nodes {
        let role = match options.control_planes {
            1 if number == 1 => Role::Server,
            planes if planes > 1 && number <= planes => Role::Member,
            _ => Role::Worker,
        };
        machines.push(Machine::boot(lab, &appliance, &format!("node-{number}"), role, options.evidence.as_deref())?);
    }
    let mut cluster = Cluster { machines, checks: Checks::default() };
    cluster.up()?;
    let outcome = cluster.make(options);
    cluster.checks.note("the cluster is made as kubeadm documents it", outcome);
    if cluster.checks.failures().is_empty() {
        cluster.verify(options);
        if options.verbs {
            cluster.verbs(options.nodes);
        }
        if options.control_planes > 1 {
            cluster.members(options);
        }
        step(format!("all of it took {} s", begun.elapsed().as_secs()));
    }
    Ok(cluster)
}

impl Cluster {
    /// Wait until each machine stands at its prompt with its services.
    fn up(&mut self) -> Result<()> {
        for machine in &mut self.machines {
            machine.vm.console.wait_prompt(Mark::default(), SHELL_TIMEOUT)?;
            machine.vm.wait_agent(SERVICES_TIMEOUT)?;
        }
        Ok(())
    }

    /// Type the commands of a person.
    fn make(&mut self, options: &Options) -> Result<()> {
        step("the control plane");
        let server = &mut self.machines[0];
        let (init, flannel) = match options.network {
            Network::Vxlan => (format!("--pod-network-cidr={POD_NETWORK}"), "kubectl apply -f /etc/kubernetes/flannel.yml"),
            Network::HostGateway => {
                server.vm.guest.write("/tmp/kubeadm.yml", objects::configuration(POD_NETWORK).as_bytes(), 0o644)?;
                (
                    "--config /tmp/kubeadm.yml".to_owned(),
                    "sed 's/\"vxlan\"/\"host-gw\"/' /etc/kubernetes/flannel.yml | kubectl apply -f -",
                )
            }
        };
        let upload = if options.control_planes > 1 { " --upload-certs" } else { "" };
        let said = server.type_line(&format!("kutties kubeadm init {init}{upload}"), INIT_TIMEOUT)?;
        let join = join_command(&said).doing("read the join command that kubeadm init printed")?;
        server.type_line(flannel, COMMAND_TIMEOUT)?;
        for number in 1..self.machines.len() {
            if number > 1 && number < usize::from(options.control_planes) {
                // A member of etcd is added when those before it have caught up.
                checks::nodes_ready(&self.machines[0], number)?;
            }
            let machine = &mut self.machines[number];
            step(format!("{} joins", machine.seat.name));
            if number < usize::from(options.control_planes) {
                machine.type_line(&format!("kutties {join} {}", members::role(&said)?), INIT_TIMEOUT)?;
            } else {
                machine.type_line(&format!("kutties {join}"), JOIN_TIMEOUT)?;
            }
        }
        if options.nodes == 1 {
            // As kubeadm's documentation says for a cluster of one machine.
            let taint = "kubectl taint nodes --all node-role.kubernetes.io/control-plane-";
            self.machines[0].type_line(taint, COMMAND_TIMEOUT)?;
        }
        Ok(())
    }
}

/// `kubeadm join …` as `kubeadm init` prints it, on two lines.
fn join_command(said: &str) -> Result<String> {
    let start = said.rfind("kubeadm join ").ok_or_else(|| Error::new("it is not there"))?;
    let mut line = String::new();
    for part in said[start..].lines() {
        let part = part.trim();
        line.push_str(part.trim_end_matches('\\').trim_end());
        if !part.ends_with('\\') {
            break;
        }
        line.push(' ');
    }
    if line.contains("--token") && line.contains("sha256:") {
        Ok(line)
    } else {
        Err(Error::new(format!("{line:?} is incomplete")))
    }
}

/// Build the parts that the machines boot from.
pub fn ready(board: &str) -> Result<()> {
    Appliance::build_with(board, Kube::ControlPlane).map(drop)
}

/// Wait until a script ends with 0, with signs of life.
fn wait(machine: &Machine, script: &str, timeout: Duration) -> Result<String> {
    let script = format!("export KUBECONFIG=/etc/kubernetes/admin.conf; {script}");
    heartbeat::touch();
    until(timeout, || machine.vm.guest.sh(&script))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_join_command_is_two_lines() {
        let said = "Then you can join:\r\n\r\nkubeadm join 10.77.0.11:6443 --token abcdef.0123456789abcdef \\\r\n\
                    \t--discovery-token-ca-cert-hash sha256:00ff \r\nend 1\r\n";
        let join = "kubeadm join 10.77.0.11:6443 --token abcdef.0123456789abcdef --discovery-token-ca-cert-hash sha256:00ff";
        assert_eq!(join_command(said).unwrap(), join);
        assert!(join_command("kubeadm join 10.77.0.11:6443 --token a").is_err());
        assert!(join_command("no").is_err());
    }
}
