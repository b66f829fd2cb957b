//! `make test`: units, then whole systems. The rooms beside this file are the areas; a case is a short function in one of them.

mod ahead;
mod applet_cases;
mod applets;
mod boot;
mod builds;
mod callers;
mod case;
mod client;
mod clock;
mod cni;
mod conformance;
mod cri;
mod descriptor;
mod first;
mod flash;
mod image;
mod join;
mod kube;
mod kubelets;
mod leaks;
mod media;
mod netboot;
mod oci;
mod pods;
mod registry;
mod report;
mod rpcs;
mod script;
mod ssh;
mod streaming;
mod survive;
mod terminal;
mod update;
mod world;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread::JoinHandle;
use std::time::SystemTime;

use clap::Parser;
use kit::{Context, Error, Result};
use lab::appliance::Appliance;
use lab::control_plane::Programs;
use lab::namespace;
use serde::{Deserialize, Serialize};

use crate::case::{AREAS, Case, LONG_AREAS};
use crate::report::{Counts, Report, say};
use crate::world::World;

/// Runs all tests; the last line counts them.
#[derive(Parser)]
#[command(name = "system-tests")]
struct Options {
    /// Only cases whose name `area/case [board]` (or `source/…`) holds one of these texts.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Only this board.
    #[arg(long)]
    board: Option<String>,
    /// List the cases and end.
    #[arg(long)]
    list: bool,
    /// The cases that take long, and only those.
    #[arg(long)]
    long: bool,
    /// Try both.
    #[arg(long, conflicts_with = "long")]
    every: bool,
    /// After this time no case begins that `skips.toml` lets go when it is late.
    #[arg(long, value_name = "N")]
    minutes: Option<u64>,
    /// Take what was built before instead of building.
    #[arg(long)]
    no_build: bool,
}

impl Options {
    fn wants(&self, planned: &Planned) -> bool {
        self.board.as_ref().is_none_or(|board| board == planned.board) && self.wants_name(&planned.name)
    }

    fn wants_source(&self) -> bool {
        !self.long && self.board.is_none() && self.wants_name("source/")
    }

    fn wants_name(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|text| name.contains(text.as_str()))
    }
}

/// A case on one board.
struct Planned {
    name: String,
    board: &'static str,
    case: &'static Case,
}

fn main() -> ExitCode {
    run(&Options::parse()).unwrap_or_else(|e| {
        say(&format!("system-tests: {e}\n0 passed, 1 failed, 0 skipped\n"));
        ExitCode::FAILURE
    })
}

fn run(options: &Options) -> Result<ExitCode> {
    let often = AREAS.iter().filter(|_| !options.long);
    let seldom = LONG_AREAS.iter().filter(|_| options.long || options.every);
    let plan: Vec<Planned> = plan(&often.chain(seldom)).into_iter().filter(|planned| options.wants(planned)).collect();
    if options.list {
        for planned in &plan {
            say(&format!("{}\n", planned.name));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let repository = repository();
    let out = repository.join("out/tests");
    if namespace::inside() {
        return systems(options, &plan, &repository, &out);
    }
    let began = SystemTime::now();
    fs::create_dir_all(&out).on("make", &out)?;
    let mut report = Report::new(Counts::default(), &repository.join("tests/skips.toml"), began, None)?;
    let ahead = (!options.no_build && !plan.is_empty()).then(|| ahead::begin(&plan)).transpose()?;
    if options.wants_source() {
        packages(first::PACKAGES)?;
        first::run(&mut report, &repository);
    }
    if plan.is_empty() {
        if options.wants_source() {
            first::lints(&mut report, &repository);
        }
        return Ok(report.close());
    }
    if !options.no_build {
        build(&plan)?;
    }
    if plan.iter().any(|planned| planned.name.starts_with("callers/")) {
        lab::debian::disk()?;
    }
    if plan.iter().any(|planned| planned.name.starts_with("ssh/")) {
        packages(ssh::PACKAGES)?;
    }
    if plan.iter().any(|planned| planned.name.contains("apparmor")) {
        pods::profile::compiler()?;
    }
    Programs::ready()?;
    // It has nothing left to do, unless it failed.
    ahead.map(JoinHandle::join);
    let outside = Outside { counts: report.counts, began };
    fs::write(counted(&out), serde_json::to_vec(&outside).doing("encode the counts")?).on("write", counted(&out))?;
    lab::registry::ready()?;
    namespace::enter()
}

/// Make sure of Debian's packages, while there is an internet.
fn packages(names: &[&str]) -> Result<()> {
    firmware::tools::debian(names).map_err(|e| Error::new(format!("{e:#}")))
}

/// What the process outside of the lab leaves for the one inside.
#[derive(Serialize, Deserialize)]
struct Outside {
    counts: Counts,
    began: SystemTime,
}

/// Inside the lab: what was counted outside, then the machines.
fn systems(options: &Options, plan: &[Planned], repository: &Path, out: &Path) -> Result<ExitCode> {
    let outside: Outside = serde_json::from_slice(&fs::read(counted(out)).on("read", counted(out))?).doing("read the counts")?;
    let mut report = Report::new(outside.counts, &repository.join("tests/skips.toml"), outside.began, options.minutes)?;
    let mut world = World::start(out.to_owned())?;
    let mut board = "";
    for planned in plan {
        if board != planned.board {
            // Two emulated machines fight for the processors: those of the last board go first.
            world.clear(board);
            board = planned.board;
        }
        report.case(&planned.name, || (planned.case.run)(&mut world, planned.board));
    }
    drop(world);
    if options.wants_source() {
        first::lints(&mut report, repository);
    }
    report.table("media/", &out.join("boot-matrix.md"))?;
    Ok(report.close())
}

/// Every case on every board, board by board.
fn plan(areas: &(impl Iterator<Item = &'static (&'static str, &'static [Case])> + Clone)) -> Vec<Planned> {
    let mut plan = Vec::new();
    for board in case::BOTH {
        for (area, cases) in areas.clone() {
            for case in cases.iter().filter(|case| case.boards.contains(board)) {
                plan.push(Planned { name: format!("{area}/{} [{board}]", case.name), board, case });
            }
        }
    }
    plan
}

fn build(plan: &[Planned]) -> Result<()> {
    let boards: BTreeSet<&str> = plan.iter().map(|planned| planned.board).collect();
    for board in boards {
        let alone = |planned: &Planned| join::ALONE.iter().any(|name| planned.name.contains(name));
        if plan.iter().any(|planned| planned.board == board && alone(planned)) {
            Appliance::open(board)?.build_worker()?;
        }
        let appliance = Appliance::build(board)?;
        let wants = |areas: &[&str]| {
            plan.iter().any(|planned| planned.board == board && areas.iter().any(|area| planned.name.starts_with(area)))
        };
        if wants(&["media/", "netboot/"]) {
            appliance.build_media()?;
            if lab::netboot::program().is_err() {
                Appliance::build(&lab::netboot::host_board())?;
            }
        }
        if wants(&["netboot/"]) {
            appliance.build_worker()?;
            appliance.build_netboot()?;
        }
        let small = |planned: &Planned| flash::NAMES.iter().any(|name| planned.name.contains(name));
        if plan.iter().any(|planned| planned.board == board && small(planned)) {
            lab::flash::Flash::open(flash::board(board))?.build()?;
        }
        if plan.iter().any(|planned| planned.board == board && planned.name.contains(media::PI)) {
            lab::appliance::build_card(media::PI_BOARD)?;
        }
        if plan.iter().any(|planned| planned.board == board && planned.name.starts_with("survive/")) {
            appliance.build_survival()?;
        }
        for (variant, _) in kubelets::ALL {
            if plan.iter().any(|planned| planned.board == board && planned.name.contains(&format!("/{variant}"))) {
                appliance.build_kubelet(variant)?;
            }
        }
    }
    for planned in plan.iter().filter(|planned| planned.name.starts_with("conformance/")) {
        ::conformance::images::build(Appliance::open(planned.board)?.board.arch, planned.board)?;
        ::conformance::suite::Suite::ready()?;
    }
    for planned in plan.iter().filter(|planned| planned.name.starts_with("cni/")) {
        let appliance = Appliance::open(planned.board)?;
        let built = firmware::bundle::build(cni::BUNDLE, &appliance.board.arch.to_string(), &appliance.cni_lab());
        built.map_err(|e| Error::new(format!("{e:#}")))?;
    }
    if plan.iter().any(|planned| planned.name.starts_with("rpcs/")) {
        firmware::bundle::native(rpcs::CLIENT).map_err(|e| Error::new(format!("{e:#}")))?;
    }
    Ok(())
}

fn counted(out: &Path) -> PathBuf {
    out.join("counted-outside.json")
}

fn repository() -> PathBuf {
    firmware::place::repository()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let all = || plan(&AREAS.iter().chain(LONG_AREAS));
        let names: BTreeSet<String> = all().into_iter().map(|planned| planned.name).collect();
        assert_eq!(names.len(), all().len());
    }
}
