//! `make bench`: our appliance against one made by hand of busybox, containerd and runc, in the same virtual machine by turns.
//! README.md is the recipe. Never part of CI: what a busy machine measures says nothing.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "for the person who typed make bench")]

mod cluster;
mod figures;
mod hand_made;
mod node;
mod pods;
mod processes;
mod report;
mod round;
mod serve;
mod side;
mod verbs;
mod watch;
mod weigh;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use kit::{Error, Result};
use lab::appliance::Appliance;
use lab::control_plane::{ControlPlane, Programs};
use lab::namespace;
use lab::network::Lab;

use crate::report::Report;
use crate::round::Bench;
use crate::side::Side;

/// Boots ours and a hand-made appliance by turns, and prints medians and ratios.
#[derive(Parser)]
#[command(name = "bench")]
pub struct Options {
    /// A board of `board/` of this machine's own architecture.
    #[arg(long, default_value = "x86_64-qemu")]
    board: String,
    /// Number of rounds: boots of each side (5 unless told otherwise; 3 for the part with pods), or
    /// containers of each runtime (20), or boots of one machine as a cluster (1).
    #[arg(long)]
    rounds: Option<usize>,
    /// One side alone; without the other there are no ratios.
    #[arg(long)]
    only: Option<Side>,
    /// Take our appliance as it was built before.
    #[arg(long)]
    no_build: bool,
    /// Seconds after Ready at which memory is looked at.
    #[arg(long, default_value_t = 60)]
    settle: u64,
    /// One part of it.
    #[arg(long, default_value = "node")]
    part: Part,
    /// Words for the kernel's command line of both sides.
    #[arg(long, default_value = "")]
    cmdline: String,
}

/// Part that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Whole nodes, ours and the hand-made one.
    Node,
    /// Pods by the CRI, and an image's pull; ours and the hand-made one.
    Pods,
    /// A container's create, start and delete by OCI runtimes.
    Verbs,
    /// One machine as a cluster of its own.
    Cluster,
}

impl Options {
    fn sides(&self) -> Vec<Side> {
        Side::BOTH.into_iter().filter(|side| self.only.is_none_or(|only| only == *side)).collect()
    }
}

fn main() -> ExitCode {
    run(&Options::parse()).unwrap_or_else(|e| {
        eprintln!("bench: {e}");
        ExitCode::FAILURE
    })
}

fn run(options: &Options) -> Result<ExitCode> {
    if !namespace::inside() {
        build(options)?;
        return namespace::enter();
    }
    let appliance = Appliance::open(&options.board)?;
    if options.part == Part::Verbs {
        let _lab = Lab::start()?;
        return verbs::run(&appliance, options.rounds.unwrap_or(20), &out()?.join("bench-verbs.json"))
            .map(|()| ExitCode::SUCCESS);
    }
    if options.part == Part::Cluster {
        let to = out()?.join("bench-cluster.json");
        return cluster::run(&appliance, options.rounds.unwrap_or(1), options.settle, &to).map(|()| ExitCode::SUCCESS);
    }
    let mut report = Report::new(weigh::read(&appliance));
    let lab = Lab::start()?;
    let plane = ControlPlane::start(&lab)?;
    let mut bench = Bench::new(lab, plane, appliance, options.settle, options.cmdline.clone())?;
    if options.part == Part::Pods {
        bench.memory = pods::MEMORY;
        let to = out()?.join("bench-pods.json");
        return pods::run(&bench, &options.sides(), options.rounds.unwrap_or(3), &to).map(|()| ExitCode::SUCCESS);
    }
    for round in 1..=options.rounds.unwrap_or(5) {
        for side in options.sides() {
            let figures = bench.round(side, round)?;
            println!("round {round}, {side}: {}", figures.line());
            report.add(side, figures);
        }
    }
    report.close(&out()?.join("bench.json"))?;
    Ok(ExitCode::SUCCESS)
}

/// All that needs the internet or much time, before the lab begins.
fn build(options: &Options) -> Result<()> {
    if options.part == Part::Cluster {
        return if options.no_build { Ok(()) } else { lab::cluster::ready(&options.board) };
    }
    let appliance = if options.no_build { Appliance::open(&options.board)? } else { Appliance::build(&options.board)? };
    if options.part == Part::Verbs {
        return verbs::build(&appliance);
    }
    if !options.no_build {
        appliance.build_worker()?;
    }
    hand_made::build(&appliance, options.no_build)?;
    if options.part == Part::Pods {
        pods::build(&appliance)?;
    }
    Programs::ready()?;
    weigh::weigh(&appliance, &options.sides())
}

/// The directory of the results.
fn out() -> Result<PathBuf> {
    firmware::place::out("").map_err(told)
}

/// The builders' errors as the lab's.
fn told(e: impl std::fmt::Display) -> Error {
    Error::new(format!("{e:#}"))
}
