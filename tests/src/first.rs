//! Checks that need no machine: formatting, lints, licences of crates, the unit tests of every
//! crate, and the cases of commands that need no privilege.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kit::{Context, Error, Result};

use crate::case::{Failure, Outcome, ensure};
use crate::native;
use crate::report::{Report, Verdict, say};

/// Packages that units call, or are compared with: a DHCP server, a checker of file systems, the
/// reference network plugins' program, a reader of disks.
pub const PACKAGES: &[&str] = &["dnsmasq-base", "e2fsprogs", "nftables", "qemu-utils"];

/// Run all of them: what is found soonest comes first.
pub fn run(report: &Report, repository: &Path) {
    report.phase("format, clippy, licences", || {
        report.case("source/fmt", || {
            installed(repository, "fmt")?;
            checked(cargo(repository).args(["fmt", "--all", "--check"])).map(drop)
        });
        report.case("source/clippy", || {
            installed(repository, "clippy")?;
            let args = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
            checked(cargo(repository).args(args)).map(drop)
        });
        report.case("source/deny", || {
            installed(repository, "deny")?;
            // Advisories are left to RELEASE.md: they come from a server and change without a commit.
            let args = ["deny", "--workspace", "check", "licenses", "bans", "sources"];
            checked(cargo(repository).args(args)).map(drop)
        });
    });
    report.phase("units", || {
        if let Err(e) = units(report, repository) {
            report.case("source/units", || Err(e.into()));
        }
    });
    report.phase("native cases", || {
        if let Err(e) = native::run(report, repository) {
            report.case("source/native", || Err(e.into()));
        }
    });
}

/// Checks that a part of cargo is there: rustfmt, clippy and cargo-deny may be missing.
fn installed(repository: &Path, part: &str) -> Outcome {
    let there = cargo(repository).args([part, "--version"]).output().doing("start cargo")?.status.success();
    if there { Ok(()) } else { Err(Failure::Skipped(format!("cargo {part} is not installed"))) }
}

fn cargo(repository: &Path) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(repository);
    cargo
}

fn checked(command: &mut Command) -> Result<String, Failure> {
    let output = command.output().doing("start cargo")?;
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let tail: Vec<&str> = said.lines().collect();
    ensure(output.status.success(), || tail[tail.len().saturating_sub(40)..].join("\n"))?;
    Ok(said)
}

/// Runs `cargo test`, which prints a line for each test. A test without a line ends its program with an error.
fn units(report: &Report, repository: &Path) -> Result<()> {
    let mut cargo = cargo(repository);
    // The reference network plugins, for a comparison with ours.
    let reference = firmware::bundle::native(crate::cni::BUNDLE).map_err(told)?;
    let programs = programs(repository)?;
    let path = std::env::join_paths(
        std::iter::once(programs.clone()).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    );
    let vectors = firmware::bundle::module("c2sp.org/CCTV/age", AGE_VECTORS).map_err(told)?;
    cargo
        .env("CNI_REFERENCE", reference)
        .env("KUTTIES_PROGRAMS", programs)
        .env("AGE_TESTKIT", vectors.join("testdata"))
        .env("PATH", path.doing("name where programs are looked for")?)
        .args(["test", "--workspace", "--no-fail-fast"])
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    let mut child = cargo.spawn().doing("start cargo")?;
    let out = child.stdout.take().ok_or_else(|| Error::new("cargo has no output"))?;
    let (mut failed, mut passed) = (0_usize, 0_usize);
    for line in BufReader::new(out).lines() {
        let line = line.doing("read what cargo says")?;
        if let Some((name, passes)) = unit(&line) {
            let verdict = if passes { Verdict::Passed } else { Verdict::Failed("its words stand above".to_owned()) };
            *if passes { &mut passed } else { &mut failed } += 1;
            report.take_elsewhere(&format!("units/{name}"), verdict);
        }
        if !line.ends_with(" ... ok") && !line.is_empty() && !line.starts_with("running ") && !line.starts_with("test result: ok")
        {
            say(&format!("    {line}\n"));
        }
    }
    let status = child.wait().doing("wait for cargo")?;
    say(&format!("units ... {passed} ok, {failed} failed\n"));
    if status.success() || failed > 0 {
        return Ok(());
    }
    Err(Error::new("cargo test: it did not build, or a program of it died; see above"))
}

/// Version of the test vectors of age's authors.
const AGE_VECTORS: &str = "v0.0.0-20251208015420-e9274a7bdbfd";

/// Directory of the programs that units of backups compare with: etcd's and age's.
fn programs(repository: &Path) -> Result<PathBuf> {
    let dir = repository.join("out/tests/programs");
    std::fs::create_dir_all(&dir).on("make", &dir)?;
    for variant in ["etcd", "age"] {
        let built = firmware::bundle::native(variant).map_err(told)?;
        for name in firmware::bundle::programs(variant).map_err(told)? {
            let link = dir.join(name);
            // Of an earlier run, which may have had others.
            let _ = std::fs::remove_file(&link);
            std::os::unix::fs::symlink(built.join(name), &link).on("link", &link)?;
        }
    }
    Ok(dir)
}

fn told(e: impl std::fmt::Display) -> Error {
    Error::new(format!("{e:#}"))
}

/// The test's name in a line of the test harness, and whether it passed. `#[ignore]` is a skip that nobody listed.
fn unit(line: &str) -> Option<(&str, bool)> {
    let (name, end) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    match end {
        "ok" => Some((name, true)),
        "FAILED" => Some((name, false)),
        ignored if ignored.starts_with("ignored") => Some((name, false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::unit;

    #[test]
    fn lines_of_tests_are_read() {
        assert_eq!(unit("test a::b ... ok"), Some(("a::b", true)));
        assert_eq!(unit("test src/lib.rs - x (line 3) ... FAILED"), Some(("src/lib.rs - x (line 3)", false)));
        assert_eq!(unit("test a ... ignored, for a reason"), Some(("a", false)));
        assert_eq!(unit("test result: ok. 3 passed; 0 failed"), None);
    }
}
