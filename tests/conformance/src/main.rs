//! `make conformance`: upstream's specs of nodes and storage against a node of ours. README.md says how; `specs.toml` says which.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "for the person who typed make conformance")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use conformance::journal::{Entry, Journal};
use conformance::specs::{Choice, Plan};
use conformance::suite::{Run, Suite};
use conformance::{images, node};
use kit::{Context, Error, Result};
use lab::appliance::Appliance;
use lab::control_plane::{ControlPlane, Programs};
use lab::namespace;
use lab::network::{Lab, Seat};
use lab::registry::Registry;
use lab::vm::Vm;
use sha2::{Digest, Sha256};

/// Runs upstream's specs of nodes and storage, several at once, and goes on where the last run stopped.
#[derive(Parser)]
#[command(name = "conformance")]
struct Options {
    /// A board of `board/`.
    #[arg(long, default_value = "x86_64-qemu")]
    board: String,
    /// Only specs whose name holds one of these texts.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// No specs whose name holds one of these texts.
    #[arg(long, value_delimiter = ',')]
    skip: Vec<String>,
    /// Number of specs at once; upstream starts the slow ones first, most of which only wait.
    #[arg(long, default_value_t = 12)]
    procs: usize,
    /// The machine's memory in MiB.
    #[arg(long, default_value_t = 3072)]
    memory: u32,
    /// Keep what passed with another build, too.
    #[arg(long)]
    keep: bool,
    /// Run all again.
    #[arg(long)]
    fresh: bool,
    /// List what would run, what has passed and what is left out, and end.
    #[arg(long)]
    list: bool,
    /// Take what was built before instead of building.
    #[arg(long)]
    no_build: bool,
}

/// From power-on to services, and from there to a Ready node, on a busy machine under emulation.
const BOOT: Duration = Duration::from_mins(5);
const JOIN: Duration = Duration::from_mins(10);

/// Lines of a failure, and letters of a line, that a person sees at once; the rest is in a file.
const REASON: (usize, usize) = (6, 240);

fn main() -> ExitCode {
    run(&Options::parse()).unwrap_or_else(|e| {
        eprintln!("conformance: {e}");
        ExitCode::FAILURE
    })
}

fn run(options: &Options) -> Result<ExitCode> {
    let out = firmware::place::out("conformance").map_err(|e| Error::new(format!("{e:#}")))?;
    if !namespace::inside() && !options.list {
        let appliance = if options.no_build { Appliance::open(&options.board)? } else { Appliance::build(&options.board)? };
        if !options.no_build {
            images::build(appliance.board.arch, &options.board)?;
        }
        Programs::ready()?;
        Suite::ready()?;
        lab::registry::ready()?;
        return namespace::enter();
    }
    let suite = Suite::ready()?;
    let plan = Choice::read()?.plan(&suite.list()?)?;
    let appliance = Appliance::open(&options.board)?;
    let path = out.join(format!("{}.jsonl", options.board));
    let mark = mark(&appliance)?;
    let passed = if options.fresh { BTreeMap::new() } else { Journal::passed(&path, &mark, options.keep) };
    let wanted: Vec<String> = plan.run.iter().filter(|name| options.wants(name)).cloned().collect();
    let open: Vec<String> = wanted.iter().filter(|name| !passed.contains_key(*name)).cloned().collect();
    if options.list {
        list(&plan, &wanted, &passed);
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "{} specs, {} of them have passed before; {} are left out, see specs.toml",
        wanted.len(),
        wanted.len() - open.len(),
        plan.left_out.len()
    );
    let failed = if open.is_empty() {
        Vec::new()
    } else {
        let journal = Journal::begin(&path, &mark, &passed)?;
        try_specs(options, &suite, &appliance, &open, journal, &out)?
    };
    let skipped = failed.iter().filter(|entry| entry.state == "skipped").count();
    let missed = failed.len() - skipped;
    for entry in &failed {
        println!("{}: {}\n{}", entry.state, entry.name, reason(entry));
    }
    println!("{} passed, {missed} failed, {skipped} skipped", wanted.len() - failed.len());
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Options {
    fn wants(&self, name: &str) -> bool {
        let holds = |texts: &[String]| texts.iter().any(|text| name.contains(text.as_str()));
        (self.only.is_empty() || holds(&self.only)) && !holds(&self.skip)
    }
}

/// Returns a mark of this build of ours.
fn mark(appliance: &Appliance) -> Result<String> {
    let mut hash = Sha256::new();
    for path in [appliance.core(), appliance.kube_node()] {
        hash.update(fs::read(&path).on("read", &path)?);
    }
    Ok(hash.finalize().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}")))
}

fn list(plan: &Plan, wanted: &[String], passed: &BTreeMap<String, Entry>) {
    for name in wanted {
        println!("{} {name}", if passed.contains_key(name) { "passed  " } else { "open    " });
    }
    for (name, why) in &plan.left_out {
        println!("left out {name}: {why}");
    }
}

/// A cluster of one node of ours, with the images within its reach.
struct Stage {
    vm: Vm,
    plane: ControlPlane,
    _registry: Registry,
    lab: Lab,
}

fn stage(options: &Options, suite: &Suite, appliance: &Appliance, out: &Path) -> Result<Stage> {
    let lab = Lab::start()?;
    let plane = ControlPlane::start(&lab)?;
    let registry = Registry::start(&lab)?;
    images::publish(&registry, suite, &appliance.dir().join("lab/conformance"))?;
    let seat = lab.seat("node-1")?;
    let mut spec = appliance.test_spec(lab.dir().join("node-1"));
    spec.nics.push(seat.nic.clone());
    spec.memory = options.memory;
    spec.transcript = out.join("node.log");
    let mut vm = Vm::boot(&spec)?;
    vm.wait_agent(BOOT)?;
    join(&vm, &plane, &seat)?;
    Ok(Stage { vm, plane, _registry: registry, lab })
}

fn join(vm: &Vm, plane: &ControlPlane, seat: &Seat) -> Result<()> {
    node::mirror(&vm.guest, images::UPSTREAM)?;
    let line = format!("kutties {}", plane.join_command());
    let words: Vec<&str> = line.split(' ').collect();
    let output = vm.guest.exec_within(&words, b"", JOIN)?;
    if !output.ok() {
        return Err(Error::new(format!("the join ended with {}:\n{}{}", output.code, output.stdout, output.stderr)));
    }
    plane.wait_node_ready(&seat.name, JOIN)?;
    node::route(plane, &seat.name, seat.address)
}

fn try_specs(
    options: &Options,
    suite: &Suite,
    appliance: &Appliance,
    specs: &[String],
    mut journal: Journal,
    out: &Path,
) -> Result<Vec<Entry>> {
    let stage = stage(options, suite, appliance, out)?;
    println!("the node is Ready; from another terminal: {} get pods -A", stage.plane.kubectl_hint(&stage.lab));
    let arch = appliance.board.arch.debian();
    let run = Run {
        specs,
        processes: options.procs,
        kubeconfig: stage.plane.kubeconfig(),
        kubectl: stage.lab.dir().join("kubectl"),
        arch,
        dir: out,
        guest: &stage.vm.guest,
    };
    let (mut ended, mut missed) = (0, Vec::new());
    let result = suite.run(&run, &mut journal, |entry| {
        ended += 1;
        println!("{ended}/{} {:>4.0} s {}: {}", specs.len(), entry.seconds, entry.state, entry.name);
        if !entry.passed() {
            println!("{}", reason(&entry));
            if let Err(e) = keep(&entry, out) {
                eprintln!("conformance: {e}");
            }
            missed.push(entry);
        }
    });
    for service in ["cri", "kubelet"] {
        let path = format!("{}/{service}.log", kit::paths::LOGS);
        let log = stage.vm.guest.read(&path).unwrap_or_default();
        fs::write(out.join(format!("{service}.log")), log).on("write", out)?;
    }
    result.map(|()| missed)
}

/// The first lines of a failure.
fn reason(entry: &Entry) -> String {
    let lines = entry.message.lines().filter(|line| !line.trim().is_empty()).take(REASON.0);
    lines.fold(format!("    at {}", entry.place), |text, line| {
        let short: String = line.chars().take(REASON.1).collect();
        format!("{text}\n    | {short}")
    })
}

/// All that a failed spec said, in a file.
fn keep(entry: &Entry, out: &Path) -> Result<()> {
    let dir = out.join("failed");
    fs::create_dir_all(&dir).on("make", &dir)?;
    let letters = entry.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
    let path: PathBuf = dir.join(format!("{}.log", letters.take(180).collect::<String>()));
    fs::write(&path, format!("{}\n{}\n{}\n\n{}", entry.name, entry.place, entry.message, entry.said)).on("write", &path)
}
