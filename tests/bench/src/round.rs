//! One side, booted twice: a worker with the kubelet alone, then a node that joins by kubeadm.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use kit::{Context, Error, Result};
use lab::appliance::{Appliance, POD_NETWORK};
use lab::control_plane::ControlPlane;
use lab::network::{Lab, Seat};
use lab::vm::{Spec, Vm};
use lab::{nonce, test_image};

use crate::figures::{Figures, seconds};
use crate::processes::{self, Process};
use crate::side::Side;
use crate::watch::Watch;
use crate::{hand_made, node, serve};

/// A machine that has come no further in this time is broken, however busy the host is.
const LIMIT: Duration = Duration::from_mins(3);
/// MiB. Enough for both sides with the whole bundle; what is used hardly depends on it.
const MEMORY: u32 = 1024;
/// In kubectl's table of nodes and of pods.
const NODE_STATUS: usize = 1;
const POD_STATUS: usize = 2;

/// State that all rounds share.
pub struct Bench {
    plane: ControlPlane,
    /// Ours.
    pub appliance: Appliance,
    settle: Duration,
    cmdline: String,
    files: String,
    /// The private network.
    pub lab: Lab,
    /// MiB of the machines.
    pub memory: u32,
}

/// A running machine.
pub struct Machine {
    /// The virtual machine.
    pub vm: Vm,
    seat: Seat,
    nodes: Watch,
    /// Power-on to the CRI server's first answer.
    cri: Duration,
}

/// Times of the worker's boot.
struct Worker {
    cri: Duration,
    ready: Duration,
    memory: BTreeMap<String, f64>,
    pod: Duration,
    processes: Vec<Process>,
    /// Power-on to init's start, and to the kernel's own zero.
    init: f64,
    zero: f64,
}

impl Bench {
    /// Ready to boot.
    pub fn new(lab: Lab, plane: ControlPlane, appliance: Appliance, settle: u64, cmdline: String) -> Result<Self> {
        let files = serve::files(vec![hand_made::importer()?, image(&appliance)])?;
        Ok(Self { plane, appliance, settle: Duration::from_secs(settle), cmdline, files, lab, memory: MEMORY })
    }

    /// Measure one side once.
    pub fn round(&self, side: Side, round: usize) -> Result<Figures> {
        let name = format!("{}-{round}", side.word());
        let worker = self.worker(side, &name).doing(format!("boot the worker {name}"))?;
        let name = format!("{name}-join");
        let (join, join_ready) = self.join(side, &name).doing(format!("boot the node {name}"))?;
        Ok(figures(side, &worker, join, join_ready))
    }

    fn worker(&self, side: Side, name: &str) -> Result<Worker> {
        let identity = node::identity(&self.plane, &self.lab.dir().join(format!("{name}.cpio")))?;
        let mut machine = self.boot(side, name, side.kube(&self.appliance, "worker"), Some(identity))?;
        let ready = machine.nodes.wait(name, NODE_STATUS, "Ready", LIMIT).map_err(|e| told(&machine.vm, &e))?;
        machine.vm.wait_agent(LIMIT)?;
        self.keep_logs(name, &machine.vm)?;
        self.import(side, &machine.vm)?;
        // A minute of rest is part of what is measured, so this is no wait for something.
        thread::sleep((ready + self.settle).saturating_duration_since(Instant::now()));
        let memory = processes::memory(&machine.vm.guest)?;
        let pod = self.pod(name)?;
        let processes = processes::list(&machine.vm.guest)?;
        let (init, zero) = kernel(&machine.vm)?;
        let worker = Worker { cri: machine.cri, ready: ready - machine.vm.started(), memory, pod, processes, init, zero };
        self.plane.ask(&["delete", "pod", name, "--timeout=60s"])?;
        self.gone(machine)?;
        Ok(worker)
    }

    /// Boot until the CRI server answers.
    pub fn boot(&self, side: Side, name: &str, kube: PathBuf, identity: Option<PathBuf>) -> Result<Machine> {
        let appliance = &self.appliance;
        let nodes = Watch::start(&self.lab.dir().join("kubectl"), "nodes")?;
        let seat = self.lab.seat(name)?;
        let dir = self.lab.dir().join(name);
        let word = format!("{:016x}", nonce());
        let orders = self.lab.dir().join(format!("{name}-prober.cpio"));
        let mut segments = vec![side.core(appliance), appliance.modules(), kube];
        // The hand-made one gets the image when it is Ready: see `import`.
        segments.extend((side == Side::Ours).then(|| appliance.image()));
        segments.extend([appliance.agent(), node::prober(&hand_made::prober(appliance), &word, side.socket(), &orders)?]);
        segments.extend(identity);
        let mut spec = Spec::new(appliance.board.arch, appliance.qemu.clone(), appliance.kernel(), segments, dir);
        spec.memory = self.memory;
        spec.cmdline = format!("rdinit={} {} {POD_NETWORK} {}", node::PROBER, appliance.board.cmdline, self.cmdline);
        spec.transcript = appliance.dir().join("bench").join(format!("{name}.log"));
        spec.nics.push(seat.nic.clone());
        let vm = Vm::boot(&spec)?;
        let delay = vm.verdicts.wait(&word, LIMIT).map_err(|e| told(&vm, &e))?;
        let cri = vm.started().elapsed().saturating_sub(Duration::from_millis(u64::try_from(delay).unwrap_or_default()));
        Ok(Machine { vm, seat, nodes, cri })
    }

    /// Keeps the services' logs up to Ready, beside the console's transcript: they show where the
    /// time went.
    fn keep_logs(&self, name: &str, vm: &Vm) -> Result<()> {
        let to = self.appliance.dir().join("bench").join(format!("{name}-services.log"));
        fs::write(&to, vm.guest.sh(WHOLE_LOGS)?).on("write", &to)
    }

    /// containerd takes no image out of its initramfs: its own importer comes over the network, does its work and goes. All that
    /// costs the hand-made appliance no time of its boot; ours carries its image and imports it while it boots.
    pub fn import(&self, side: Side, vm: &Vm) -> Result<()> {
        if side == Side::Ours {
            return Ok(());
        }
        let files = &self.files;
        vm.guest.sh(&format!(
            "cd /tmp && wget -q {files}/ctr {files}/probe.tar && chmod +x ctr && ./ctr -n k8s.io images import probe.tar && rm ctr probe.tar"
        ))?;
        Ok(())
    }

    /// Start a pod on the node; how long it took to be Running.
    fn pod(&self, name: &str) -> Result<Duration> {
        let pods = Watch::start(&self.lab.dir().join("kubectl"), "pods")?;
        let start = Instant::now();
        self.plane.apply(&test_image::pod(name, name, ""))?;
        let running = pods.wait(name, POD_STATUS, "Running", LIMIT).map_err(|e| {
            let events = self.plane.ask(&["events", "--for", &format!("pod/{name}")]).unwrap_or_default();
            Error::new(format!("{e}\n{events}"))
        })?;
        Ok(running - start)
    }

    /// Join by kubeadm: how long it runs, and from its start to Ready.
    fn join(&self, side: Side, name: &str) -> Result<(Duration, Duration)> {
        let mut machine = self.boot(side, name, side.kube(&self.appliance, "node"), None)?;
        machine.vm.wait_agent(LIMIT)?;
        // Both must have come as far as a person who types: with a network.
        machine.vm.guest.sh_until(&format!("ip route | grep -q default && [ $(uname -n) = {name} ]"), LIMIT)?;
        let words = side.join(&self.plane.join_command());
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let start = Instant::now();
        let output = machine.vm.guest.exec_within(&words, b"", LIMIT)?;
        let join = start.elapsed();
        if !output.ok() {
            return Err(Error::new(format!("the join ended with {}: {}{}", output.code, output.stdout, output.stderr)));
        }
        let ready = machine.nodes.wait(name, NODE_STATUS, "Ready", LIMIT).map_err(|e| told(&machine.vm, &e))?;
        self.gone(machine)?;
        Ok((join, ready - start))
    }

    /// Switch the machine off and forget its node, so that the next one's cluster is as empty.
    fn gone(&self, machine: Machine) -> Result<()> {
        let name = machine.seat.name.clone();
        self.off(machine)?;
        self.plane.ask(&["delete", "node", &name]).map(drop)
    }

    /// Switch a machine off that no cluster knows.
    pub fn off(&self, machine: Machine) -> Result<()> {
        let Machine { vm, seat, .. } = machine;
        drop(vm);
        self.lab.leave(&seat)
    }
}

/// The test image's archive, as the lab packed it.
fn image(appliance: &Appliance) -> PathBuf {
    appliance.dir().join("lab/probe.tar")
}

/// Power-on to the start of init, and to the kernel's own zero in seconds; the guest's log and clock say both.
fn kernel(vm: &Vm) -> Result<(f64, f64)> {
    let said = vm.guest.sh("cat /proc/uptime; dmesg | grep 'as init process'")?;
    let zero = seconds(vm.started().elapsed()) - number(&said)?;
    let line = said.lines().nth(1).and_then(|line| line.split(['[', ']']).nth(1));
    let stamp = line.ok_or_else(|| Error::new(format!("the kernel did not say when it started init: {said}")))?;
    Ok((zero + number(stamp)?, zero))
}

/// The first word as a number.
fn number(text: &str) -> Result<f64> {
    text.split_whitespace().next().unwrap_or_default().parse().doing(format!("read {text:?}"))
}

/// The error with what the machine has to say: its console, and the ends of its logs where there is an agent to read them.
fn told(vm: &Vm, e: &Error) -> Error {
    let logs = vm.guest.exec_within(&["/bin/sh", "-c", LOGS], b"", LOGS_LIMIT).map(|output| output.stdout).unwrap_or_default();
    Error::new(format!("{e}\n{}\n{logs}", vm.console.tail(30)))
}

/// Either side's.
const LOGS: &str = "for log in /var/log/*.log /run/kutties/log/*.log; do echo \"$log\"; tail -n 15 \"$log\"; done 2>/dev/null";
const WHOLE_LOGS: &str =
    "dmesg; for log in /var/log/*.log /run/kutties/log/*.log; do echo \"$log\"; cat \"$log\"; done 2>/dev/null; true";
const LOGS_LIMIT: Duration = Duration::from_secs(10);

fn figures(side: Side, worker: &Worker, join: Duration, join_ready: Duration) -> Figures {
    let first = |wanted: &dyn Fn(&Process) -> bool| {
        let starts = worker.processes.iter().filter(|p| wanted(p)).map(|p| p.started + worker.zero);
        starts.min_by(f64::total_cmp).unwrap_or_default()
    };
    let of = |name: &str| worker.memory.get(name).copied().unwrap_or_default();
    let kubelet: u64 = worker.processes.iter().filter(|p| p.comm == "kubelet").filter_map(|p| p.pss).sum();
    Figures {
        cri: seconds(worker.cri),
        ready: seconds(worker.ready),
        memory: of("MemTotal") - of("MemAvailable"),
        meminfo: worker.memory.clone(),
        pod: seconds(worker.pod),
        pss: processes::runtime_pss(side, &worker.processes),
        join: seconds(join),
        join_ready: seconds(join_ready),
        stages: BTreeMap::from([
            ("0 kernel", worker.zero),
            ("1 init", worker.init),
            ("2 runtime started", first(&|p| side.is_runtime(&p.comm, &p.cgroup))),
            ("3 CRI answers", seconds(worker.cri)),
            ("4 kubelet started", first(&|p| p.comm == "kubelet")),
            ("5 Ready", seconds(worker.ready)),
        ]),
        held: BTreeMap::from([
            ("files in RAM", of("Shmem")),
            ("processes' own", of("AnonPages")),
            ("slab", of("Slab")),
            ("page tables, stacks", of("PageTables") + of("KernelStack")),
            ("kept free by the kernel", of("min_free_kbytes")),
            ("per CPU", of("Percpu")),
            ("kubelet's PSS", processes::mebibytes(kubelet)),
        ]),
    }
}
