//! The commands against their cases: `tests/cases/APPLET.toml`, run on the machine that builds.
//!
//! A case names arguments, input and files, and what must come out: `stdout` whole or `contains` parts of it, a part of
//! `stderr`, files `after`, the exit `code`. `oracle` says what it was checked against. Commands that can't be run like that
//! stand in `tests/cases/none.toml` with the reason.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use kit::{Context, Result};
use serde::Deserialize;

use crate::case::{Failure, Outcome, ensure};
use crate::report::Report;

/// A file of cases.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    case: Vec<Case>,
}

/// One call and what must come of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What it shows.
    name: String,
    /// The applet, where it is not the file's.
    applet: Option<String>,
    args: Vec<String>,
    #[serde(default)]
    stdin: String,
    /// Files in the folder where it runs.
    #[serde(default)]
    files: BTreeMap<String, String>,
    stdout: Option<String>,
    #[serde(default)]
    contains: Vec<String>,
    #[serde(default)]
    stderr: String,
    /// Files that must be there afterwards.
    #[serde(default)]
    after: BTreeMap<String, String>,
    code: i32,
    /// What the expectation was checked against.
    oracle: String,
}

/// Build the binary for this machine, then run every case, and hold that each applet has some.
pub fn run(report: &mut Report, repository: &Path) {
    let stage = match Stage::new(repository) {
        Ok(stage) => stage,
        Err(e) => return report.case("source/commands", || Err(Failure::Failed(e.to_string()))),
    };
    let mut tried = BTreeSet::new();
    for (file, cases) in &stage.cases {
        for case in cases {
            let applet = case.applet.as_deref().unwrap_or(file);
            tried.insert(applet.to_owned());
            report.case(&format!("source/command {applet}: {}", case.name), || stage.case(applet, case));
        }
    }
    report.case("source/commands all have cases", || stage.complete(&tried));
}

/// The binary's links, the cases, and a folder to run in.
struct Stage {
    dir: PathBuf,
    bin: PathBuf,
    names: Vec<String>,
    cases: BTreeMap<String, Vec<Case>>,
    none: BTreeMap<String, String>,
}

impl Stage {
    fn new(repository: &Path) -> Result<Self> {
        let built = Command::new("cargo").current_dir(repository).args(["build", "-q", "-p", "kutties"]).status();
        if !built.doing("start cargo")?.success() {
            return Err(kit::Error::new("cargo build -p kutties: see above"));
        }
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository.join("target"), PathBuf::from);
        let binary = target.join("debug/kutties");
        let list = Command::new(&binary).arg("--list").output().on("run", &binary)?;
        let names: Vec<String> = String::from_utf8_lossy(&list.stdout).lines().map(str::to_owned).collect();
        let dir = std::env::temp_dir().join(format!("kutties-commands-{}", std::process::id()));
        let bin = dir.join("bin");
        fs::create_dir_all(&bin).on("make", &bin)?;
        for name in &names {
            symlink(&binary, bin.join(name)).on("link", &binary)?;
        }
        let (cases, none) = read(&repository.join("tests/cases"))?;
        Ok(Self { dir, bin, names, cases, none })
    }

    fn case(&self, applet: &str, case: &Case) -> Outcome {
        ensure(!case.oracle.is_empty(), || "the case does not say what it was checked against".into())?;
        let work = self.dir.join("work");
        let _ = fs::remove_dir_all(&work);
        fs::create_dir_all(&work).on("make", &work)?;
        for (name, text) in &case.files {
            let path = work.join(name);
            fs::create_dir_all(path.parent().unwrap_or(&work)).on("make", &path)?;
            fs::write(&path, text).on("write", &path)?;
        }
        let output = self.call(applet, case, &work)?;
        let (said, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let evidence = || format!("{applet} {:?}\nexit {:?}\n{said}{told}", case.args, output.status);
        ensure(output.status.code() == Some(case.code), evidence)?;
        ensure(case.stdout.as_ref().is_none_or(|wanted| *wanted == said), evidence)?;
        ensure(case.contains.iter().all(|part| said.contains(part)) && told.contains(&case.stderr), evidence)?;
        for (name, wanted) in &case.after {
            let found = fs::read_to_string(work.join(name)).on("read", name)?;
            ensure(found == *wanted, || format!("{name} holds:\n{found}"))?;
        }
        Ok(())
    }

    fn call(&self, applet: &str, case: &Case, work: &Path) -> Result<Output> {
        let mut command = Command::new(self.bin.join(applet));
        command.args(&case.args).current_dir(work).env_clear();
        command.env("PATH", &self.bin).env("HOME", work).env("LC_ALL", "C");
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().doing(format!("run {applet}"))?;
        if let Some(mut stdin) = child.stdin.take() {
            // A command that reads no input may have ended already.
            let _ = stdin.write_all(case.stdin.as_bytes());
        }
        child.wait_with_output().doing(format!("wait for {applet}"))
    }

    /// Every applet has cases or a reason; no case and no reason is for what is not there.
    fn complete(&self, tried: &BTreeSet<String>) -> Outcome {
        let there: BTreeSet<&String> = self.names.iter().collect();
        let bare = self.names.iter().filter(|n| !tried.contains(*n) && !self.none.contains_key(*n));
        let gone = tried.iter().chain(self.none.keys()).filter(|n| !there.contains(n));
        let both = tried.iter().filter(|n| self.none.contains_key(*n));
        let faults: Vec<String> = bare
            .map(|n| format!("{n}: neither cases nor a reason in none.toml"))
            .chain(gone.map(|n| format!("{n}: there is no such applet")))
            .chain(both.map(|n| format!("{n}: has cases, so none.toml must not list it")))
            .collect();
        ensure(faults.is_empty(), || faults.join("\n"))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // It lies in the folder for temporary files; what stays costs nothing but room.
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// The cases by file, and the reasons for those that have none.
#[expect(clippy::type_complexity, reason = "both tables are read in one go and taken apart at once")]
fn read(dir: &Path) -> Result<(BTreeMap<String, Vec<Case>>, BTreeMap<String, String>)> {
    let (mut cases, mut none) = (BTreeMap::new(), BTreeMap::new());
    for path in fs::read_dir(dir).on("read", dir)?.flatten().map(|e| e.path()) {
        let Some(name) = path.file_name().and_then(|n| n.to_str()?.strip_suffix(".toml")) else { continue };
        let text = fs::read_to_string(&path).on("read", &path)?;
        if name == "none" {
            none = toml::from_str(&text).on("read", &path)?;
        } else {
            let file: Cases = toml::from_str(&text).on("read", &path)?;
            cases.insert(name.to_owned(), file.case);
        }
    }
    Ok((cases, none))
}
