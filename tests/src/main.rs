//! `make test`: units, then whole systems. The rooms beside this file are the areas; a case is a short function in one of them.

mod ahead;
mod applet_cases;
mod applets;
mod areas;
mod boot;
mod build;
mod builds;
mod callers;
mod case;
mod client;
mod clock;
mod cluster;
mod cni;
mod conformance;
mod cri;
mod descriptor;
mod disk;
mod first;
mod flash;
mod image;
mod join;
mod junit;
mod kube;
mod kubelets;
mod lane;
mod lanes;
mod leaks;
mod media;
mod native;
mod netboot;
mod oci;
mod phase;
mod plan;
mod pods;
mod registry;
mod report;
mod rotation;
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

use clap::Parser;
use kit::{Context, Error, Result};
use lab::namespace;
use serde::{Deserialize, Serialize};

use crate::build::Build;
use crate::plan::Planned;
use crate::report::{Past, Report, say};

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
    /// Try both, and those whose turn it is not.
    #[arg(long, conflicts_with = "long")]
    every: bool,
    /// Only what needs no machine: format, clippy, units, native cases.
    #[arg(long, conflicts_with_all = ["long", "every", "board", "only"])]
    check: bool,
    /// Take what was built before instead of building.
    #[arg(long)]
    no_build: bool,
    /// Build what the board's cases take, and end.
    #[arg(long, requires = "board", hide = true)]
    build_only: bool,
    /// Inside a namespace: run the native cases in this directory.
    #[arg(long, hide = true, value_name = "DIR")]
    native: Option<PathBuf>,
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

    /// The arguments by which another process chooses the same cases.
    fn choice(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        if !self.only.is_empty() {
            arguments.extend(["--only".to_owned(), self.only.join(",")]);
        }
        for (set, name) in [(self.long, "--long"), (self.every, "--every")] {
            arguments.extend(set.then(|| name.to_owned()));
        }
        arguments
    }
}

fn main() -> ExitCode {
    run(&Options::parse()).unwrap_or_else(|e| {
        say(&format!("system-tests: {e}\n"));
        // The process that made the lab closes the tests.
        if !namespace::inside() {
            say("0 passed, 1 failed, 0 skipped\n");
        }
        ExitCode::FAILURE
    })
}

fn run(options: &Options) -> Result<ExitCode> {
    let (repository, out) = (repository(), repository().join("out/tests"));
    if let Some(dir) = &options.native {
        return native::inside(dir);
    }
    fs::create_dir_all(&out).on("make", &out)?;
    if options.check {
        return check(&repository, &out);
    }
    let plan = plan::chosen(options)?;
    if options.list {
        for planned in &plan {
            say(&format!("{}\n", planned.name));
        }
        return Ok(ExitCode::SUCCESS);
    }
    if namespace::inside() {
        return systems(&plan, &repository, &out);
    }
    if options.build_only {
        return build::all(&plan).map(|()| ExitCode::SUCCESS);
    }
    plan::say_turns()?;
    let report = report(Past::new(), &repository)?;
    let boards = plan::by_board(&plan);
    if options.wants_source() {
        // Its end and its errors are for the board's own build, which asks for the same.
        let _ahead = boards.first().filter(|_| !options.no_build).map(|plan| ahead::begin(plan)).transpose()?;
        packages(first::PACKAGES)?;
        first::run(&report, &repository);
    }
    rounds(&report, &boards, options)?;
    report.table("media/", &out.join("boot-matrix.md"))?;
    Ok(report.close(&out))
}

/// Everything that needs no machine.
fn check(repository: &Path, out: &Path) -> Result<ExitCode> {
    let report = report(Past::new(), repository)?;
    packages(first::PACKAGES)?;
    first::run(&report, repository);
    Ok(report.close(out))
}

fn report(past: Past, repository: &Path) -> Result<Report> {
    Report::new(past, &repository.join("tests/skips.toml"))
}

/// Board by board: wait for its build, run its cases; the next board is built meanwhile.
fn rounds(report: &Report, boards: &[&[Planned]], options: &Options) -> Result<()> {
    let begin = |plan: Option<&&[Planned]>, aside| {
        plan.filter(|_| !options.no_build).map(|plan| Build::begin(plan[0].board, options, aside)).transpose()
    };
    let mut next = begin(boards.first(), false)?;
    for (at, plan) in boards.iter().enumerate() {
        let board = plan[0].board;
        let built = report.phase(format!("build {board}"), || next.take().map_or(Ok(()), Build::end));
        next = begin(boards.get(at + 1), true)?;
        let ran = built.and_then(|()| report.phase(format!("cases {board}"), || in_lab(report, board)));
        if let Err(e) = ran {
            report.case(&format!("round/whole [{board}]"), || Err(e.into()));
        }
    }
    Ok(())
}

/// Run a board's cases in a lab of their own. Machines of two boards would fight for the processors: a board's are gone with its lab.
fn in_lab(report: &Report, board: &str) -> Result<()> {
    let (given, left) = (repository().join(GIVEN), repository().join(LEFT));
    if left.exists() {
        fs::remove_file(&left).on("remove", &left)?;
    }
    let round = Round { board: board.to_owned(), past: report.past().clone() };
    fs::write(&given, serde_json::to_vec(&round).doing("encode the counts")?).on("write", &given)?;
    namespace::enter()?;
    if !left.exists() {
        return Err(Error::new("the lab ended before its last case"));
    }
    *report.past() = serde_json::from_slice(&fs::read(&left).on("read", &left)?).doing("read the counts")?;
    Ok(())
}

/// Files by which the process outside of the lab and the one inside tell each other what has happened.
const GIVEN: &str = "out/tests/given.json";
const LEFT: &str = "out/tests/left.json";

/// Cases to run inside, and the past ones.
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
fn systems(plan: &[Planned], repository: &Path, out: &Path) -> Result<ExitCode> {
    let given = repository.join(GIVEN);
    let round: Round = serde_json::from_slice(&fs::read(&given).on("read", &given)?).doing("read the counts")?;
    let report = report(round.past, repository)?;
    let cases: Vec<&Planned> = plan.iter().filter(|planned| planned.board == round.board).collect();
    lanes::run(&report, &cases, out.to_owned())?;
    let left = repository.join(LEFT);
    fs::write(&left, serde_json::to_vec(&*report.past()).doing("encode the counts")?).on("write", &left)?;
    Ok(ExitCode::SUCCESS)
}

fn repository() -> PathBuf {
    firmware::place::repository()
}
