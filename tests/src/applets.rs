//! The commands on a booted system: listed, linked, helpful, and strict about options.

use std::collections::BTreeSet;
use std::time::Duration;

use lab::guest::{Guest, Output};

use crate::applet_cases;
use crate::case::{Case, Failure, Outcome, X86, ensure};
use crate::world::World;

/// The cases.
pub const CASES: &[Case] = &[
    Case { name: "every-applet-has-its-link", boards: X86, run: links },
    Case { name: "help-and-version", boards: X86, run: help },
    Case { name: "unknown-option-is-a-sentence", boards: X86, run: unknown_option },
    Case { name: "unknown-applet-is-a-sentence", boards: X86, run: unknown_applet },
    Case { name: "cases-of-each-applet", boards: X86, run: cases },
    Case { name: "every-applet-has-cases-or-a-reason", boards: X86, run: complete },
];

/// Commands that take any word for their own: an expression or operands. `kubeadm` asks the
/// bundle's, which is not there.
const FREE: &[&str] = &["[", "echo", "expr", "false", "kubeadm", "printf", "test", "true", "yes"];

/// Timeout of commands that wait for an input or serve, whatever their arguments.
const QUICK: Duration = Duration::from_secs(20);

fn names(guest: &Guest) -> Result<Vec<String>, Failure> {
    let listed = guest.run(&["/bin/kutties", "--list"])?;
    let names: Vec<String> = listed.lines().filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).collect();
    ensure(names.len() > 50, || format!("--list is short:\n{listed}"))?;
    Ok(names)
}

fn links(world: &mut World, board: &str) -> Outcome {
    let guest = &world.bare(board)?.vm.guest;
    for word in ["sh", "mount", "ip", "ls", "modprobe", "reboot", "systemctl"] {
        guest.sh(&format!("[ \"$(readlink -f $(which {word}))\" = /bin/kutties ]"))?;
    }
    Ok(())
}

/// Ask every applet and gather those that `odd` finds fault with.
fn ask_all(world: &mut World, board: &str, option: &str, skip: &[&str], odd: fn(&lab::guest::Output) -> bool) -> Outcome {
    let guest = &world.bare(board)?.vm.guest;
    let mut faults = Vec::new();
    for name in names(guest)?.iter().filter(|name| !skip.contains(&name.as_str())) {
        match guest.exec_within(&["/bin/kutties", name, option], b"", QUICK) {
            Ok(output) if !odd(&output) => {}
            Ok(output) => {
                faults.push(format!("{name} {option}: {} {}{}", output.code, output.stdout.trim(), output.stderr.trim()));
            }
            Err(e) => faults.push(e.to_string()),
        }
    }
    ensure(faults.is_empty(), || faults.join("\n"))
}

fn help(world: &mut World, board: &str) -> Outcome {
    ask_all(world, board, "--help", FREE, |output| is_silent(output) && !is_old(output))?;
    for link in ["/bin/ps", "/bin/rm"] {
        let output = world.bare(board)?.vm.guest.exec(&[link, "--help"])?;
        ensure(!is_silent(&output), || format!("{link}: {output:?}"))?;
    }
    ask_all(world, board, "--version", FREE, |output| is_silent(output) && !is_old(output))
}

fn is_silent(output: &Output) -> bool {
    output.code != 0 || output.stdout.is_empty()
}

/// True for words that once meant containers and name the new form: the commands of these names are called by their links.
fn is_old(output: &Output) -> bool {
    output.code == 2 && output.stderr.contains("`kutties crictl ")
}

fn unknown_option(world: &mut World, board: &str) -> Outcome {
    ask_all(world, board, "--no-such-option-at-all", FREE, |output| {
        output.code == 0 || output.stderr.is_empty() || output.stderr.contains("panicked")
    })
}

fn unknown_applet(world: &mut World, board: &str) -> Outcome {
    let output = world.bare(board)?.vm.guest.exec(&["/bin/kutties", "no-such-applet"])?;
    ensure(output.code != 0 && output.stderr.contains("no-such-applet"), || format!("{output:?}"))
}

/// Runs the cases of `tests/cases/*.toml` in one guest, one after the other.
fn cases(world: &mut World, board: &str) -> Outcome {
    let guest = &world.bare(board)?.vm.guest;
    let mut faults = Vec::new();
    for (applet, cases) in applet_cases::all()? {
        for case in &cases {
            faults.extend(applet_cases::run(guest, &applet, case)?.map(|why| format!("{applet}: {why}")));
        }
    }
    ensure(faults.is_empty(), || faults.join("\n"))
}

/// An applet has cases or a reason in `no-cases.toml`, not both; neither is there for what is no applet.
fn complete(world: &mut World, board: &str) -> Outcome {
    let there: BTreeSet<String> = names(&world.bare(board)?.vm.guest)?.into_iter().collect();
    let (tried, untried) = (applet_cases::tried()?, applet_cases::untried()?);
    let bare = there.iter().filter(|n| !tried.contains(*n) && !untried.contains_key(*n));
    let gone = tried.iter().chain(untried.keys()).filter(|n| !there.contains(*n));
    let both = tried.iter().filter(|n| untried.contains_key(*n));
    let faults: Vec<String> = bare
        .map(|n| format!("{n}: neither cases nor a reason"))
        .chain(gone.map(|n| format!("{n}: there is no such applet")))
        .chain(both.map(|n| format!("{n}: cases and a reason for none")))
        .collect();
    ensure(faults.is_empty(), || faults.join("\n"))
}
