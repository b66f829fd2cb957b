//! What needs no machine: formatting, the unit tests of every room, and lints.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use kit::{Context, Error, Result};

use crate::case::{Failure, Outcome, ensure};
use crate::report::{Report, say};

/// What units call, or are compared with: a server of DHCP, the reference network plugins' program, a reader of disks.
pub const PACKAGES: &[&str] = &["dnsmasq-base", "nftables", "qemu-utils"];

/// Run all of them.
pub fn run(report: &mut Report, repository: &Path) {
    report.case("source/fmt", || {
        installed(repository, "fmt")?;
        checked(cargo(repository).args(["fmt", "--all", "--check"])).map(drop)
    });
    say("units\n");
    if let Err(e) = units(report, repository) {
        report.case("source/units", || Err(e.into()));
    }
}

/// The lints, which take a build of their own: last, when the machines have had their time.
pub fn lints(report: &mut Report, repository: &Path) {
    report.case("source/clippy", || {
        installed(repository, "clippy")?;
        checked(cargo(repository).args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])).map(drop)
    });
}

/// rustfmt and clippy are parts of Rust that an installation may lack.
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

/// `cargo test` prints a line for each test and a result for each program; the results are added up.
fn units(report: &mut Report, repository: &Path) -> Result<()> {
    let mut cargo = cargo(repository);
    // The reference network plugins, for a comparison with ours.
    let reference = firmware::bundle::native(crate::cni::BUNDLE).map_err(|e| Error::new(format!("{e:#}")))?;
    cargo
        .env("CNI_REFERENCE", reference)
        .args(["test", "--workspace", "--no-fail-fast"])
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    let mut child = cargo.spawn().doing("start cargo")?;
    let out = child.stdout.take().ok_or_else(|| Error::new("cargo has no output"))?;
    let (mut failed, mut named) = (0, 0);
    for line in BufReader::new(out).lines() {
        let line = line.doing("read what cargo says")?;
        if let Some(name) = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED")) {
            named += 1;
            report.failed_elsewhere(&format!("units/{name}"));
        }
        if let Some(counts) = line.strip_prefix("test result: ") {
            report.past.counts.passed += count(counts, "passed");
            failed += count(counts, "failed");
            // `#[ignore]` is a skip that nobody listed.
            failed += count(counts, "ignored");
        } else if !line.ends_with(" ... ok") && !line.is_empty() && !line.starts_with("running ") {
            say(&format!("    {line}\n"));
        }
    }
    // Those without a line of their own.
    report.past.counts.failed += failed.saturating_sub(named);
    let status = child.wait().doing("wait for cargo")?;
    if status.success() || failed > 0 { Ok(()) } else { Err(Error::new("cargo test: it did not build; see above")) }
}

/// `ok. 3 passed; 0 failed; …`: the number in front of a word.
fn count(counts: &str, what: &str) -> usize {
    let words: Vec<&str> = counts.split([' ', ';']).collect();
    words.windows(2).find(|pair| pair[1] == what).and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn counts_are_read() {
        let line = "ok. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!((count(line, "passed"), count(line, "failed"), count(line, "ignored")), (3, 1, 0));
    }
}
