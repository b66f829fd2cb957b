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

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use clap::Parser;
use kit::{Context, Error, Result};
use lab::appliance::Appliance;
use lab::control_plane::Programs;
use lab::namespace;
use serde::{Deserialize, Serialize};

use crate::case::{AREAS, Case, LONG_AREAS};
use crate::report::{Past, Report, say};
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
        say(&format!("system-tests: {e}\n"));
        // Whoever made the lab closes the tests.
        if !namespace::inside() {
            say("0 passed, 1 failed, 0 skipped\n");
        }
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
    fs::create_dir_all(&out).on("make", &out)?;
    let mut report = report(Past::new(), &repository, options)?;
    let mut boards = by_board(&plan).into_iter().peekable();
    // What the units of work leave of the processors.
    let mut ahead = boards.peek().filter(|_| !options.no_build).map(|plan| ahead::begin(plan)).transpose()?;
    if options.wants_source() {
        packages(first::PACKAGES)?;
        first::run(&mut report, &repository);
    }
    let mut built = Duration::ZERO;
    for plan in boards {
        if report.no_time_for(plan.iter().map(|planned| planned.name.as_str()), built) {
            for planned in plan {
                report.let_go(&planned.name, built);
            }
            continue;
        }
        match round(&mut report, plan, ahead.take(), options) {
            Ok(took) => built = took,
            Err(e) => {
                report.case(&format!("round/whole [{}]", plan[0].board), || Err(e.into()));
                break;
            }
        }
    }
    if options.wants_source() {
        first::lints(&mut report, &repository);
    }
    report.table("media/", &out.join("boot-matrix.md"))?;
    Ok(report.close())
}

/// What building a board from nothing takes on two slow processors.
const COLD: Duration = Duration::from_mins(25);

fn report(past: Past, repository: &Path, options: &Options) -> Result<Report> {
    Report::new(past, &repository.join("tests/skips.toml"), options.minutes)
}

/// What the cases of a board take that is built for no board, or comes from Debian: while there is an internet.
fn prepare(plan: &[Planned]) -> Result<()> {
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
    lab::registry::ready().map(drop)
}

/// Build a board and run its cases. Answers what the next board's build may take.
fn round(report: &mut Report, plan: &[Planned], ahead: Option<JoinHandle<()>>, options: &Options) -> Result<Duration> {
    let begun = Instant::now();
    if !options.no_build {
        let ahead = ahead.map_or_else(|| ahead::begin(plan), Ok)?;
        build(plan)?;
        // It has nothing left to do, unless it failed.
        let _ = ahead.join();
    }
    prepare(plan)?;
    // Longer than this one's, when only this one's parts were there.
    let next = if options.no_build { Duration::ZERO } else { begun.elapsed().max(COLD) };
    in_lab(report, plan[0].board)?;
    Ok(next)
}

/// Run a board's cases in a lab of their own. Two emulated machines fight for the processors: a board's are gone with its lab.
fn in_lab(report: &mut Report, board: &str) -> Result<()> {
    let (given, left) = (repository().join(GIVEN), repository().join(LEFT));
    if left.exists() {
        fs::remove_file(&left).on("remove", &left)?;
    }
    let round = Round { board: board.to_owned(), past: report.past.clone() };
    fs::write(&given, serde_json::to_vec(&round).doing("encode the counts")?).on("write", &given)?;
    namespace::enter()?;
    if !left.exists() {
        return Err(Error::new("the lab ended before its last case"));
    }
    report.past = serde_json::from_slice(&fs::read(&left).on("read", &left)?).doing("read the counts")?;
    Ok(())
}

/// What the process outside of the lab tells the one inside, and what that leaves for it.
const GIVEN: &str = "out/tests/given.json";
const LEFT: &str = "out/tests/left.json";

/// What to do inside, and what has happened before.
#[derive(Serialize, Deserialize)]
struct Round {
    board: String,
    past: Past,
}

/// Make sure of Debian's packages, while there is an internet.
fn packages(names: &[&str]) -> Result<()> {
    firmware::tools::debian(names).map_err(|e| Error::new(format!("{e:#}")))
}

/// Inside the lab: the machines of a board.
fn systems(options: &Options, plan: &[Planned], repository: &Path, out: &Path) -> Result<ExitCode> {
    let given = repository.join(GIVEN);
    let round: Round = serde_json::from_slice(&fs::read(&given).on("read", &given)?).doing("read the counts")?;
    let mut report = report(round.past, repository, options)?;
    let mut world = World::start(out.to_owned())?;
    for planned in plan.iter().filter(|planned| planned.board == round.board) {
        report.case(&planned.name, || (planned.case.run)(&mut world, planned.board));
    }
    drop(world);
    let left = repository.join(LEFT);
    fs::write(&left, serde_json::to_vec(&report.past).doing("encode the counts")?).on("write", &left)?;
    Ok(ExitCode::SUCCESS)
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

/// The plan, cut where the board changes.
fn by_board(plan: &[Planned]) -> Vec<&[Planned]> {
    plan.chunk_by(|one, next| one.board == next.board).collect()
}

/// Build what the cases of a board take.
fn build(plan: &[Planned]) -> Result<()> {
    let Some(board) = plan.first().map(|planned| planned.board) else { return Ok(()) };
    let named = |names: &[&str]| plan.iter().any(|planned| names.iter().any(|name| planned.name.contains(name)));
    let wants = |areas: &[&str]| plan.iter().any(|planned| areas.iter().any(|area| planned.name.starts_with(area)));
    if named(join::ALONE) {
        Appliance::open(board)?.build_worker()?;
    }
    let appliance = Appliance::build(board)?;
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
    if named(&flash::NAMES) {
        lab::flash::Flash::open(flash::board(board))?.build()?;
    }
    if named(&[media::PI]) {
        lab::appliance::build_card(media::PI_BOARD)?;
    }
    if wants(&["survive/"]) {
        appliance.build_survival()?;
    }
    for (variant, _) in kubelets::ALL {
        if named(&[&format!("/{variant}")]) {
            appliance.build_kubelet(variant)?;
        }
    }
    if wants(&["conformance/"]) {
        ::conformance::images::build(appliance.board.arch, board)?;
        ::conformance::suite::Suite::ready()?;
    }
    if wants(&["cni/"]) {
        let built = firmware::bundle::build(cni::BUNDLE, &appliance.board.arch.to_string(), &appliance.cni_lab());
        built.map_err(|e| Error::new(format!("{e:#}")))?;
    }
    if wants(&["rpcs/"]) {
        firmware::bundle::native(rpcs::CLIENT).map_err(|e| Error::new(format!("{e:#}")))?;
    }
    Ok(())
}

fn repository() -> PathBuf {
    firmware::place::repository()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique() {
        let all = || plan(&AREAS.iter().chain(LONG_AREAS));
        let names: BTreeSet<String> = all().into_iter().map(|planned| planned.name).collect();
        assert_eq!(names.len(), all().len());
    }
}
