//! The builds behind `make run`, one after the other: each is named with its usual time and never silent for long.

use std::io::Read;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use firmware::board::Board;
use firmware::kernel::Kernel;
use firmware::{binary, bundle, tools};
use kit::{Context, Error, Result};

use crate::appliance::Appliance;
use crate::cluster;
use crate::control_plane::Programs;
use crate::heartbeat::{Heartbeat, say};

/// A build.
pub struct Phase {
    /// Its name on the command line.
    pub word: &'static str,
    /// Its name for a person.
    about: &'static str,
    /// Minutes that it takes the first time on two cores, roughly; later, what did not change is not built again.
    usual: f32,
    /// Does it for a board.
    run: fn(&str) -> Result<()>,
}

/// Those of a run against a control plane on this machine, in order.
const PHASES: &[Phase] = &[
    Phase { word: "tools", about: "build tools and the kernel", usual: 1.0, run: kernel },
    Phase { word: "kubernetes", about: "Kubernetes for the node", usual: 4.0, run: kubernetes },
    Phase { word: "control-plane", about: "the control plane", usual: 2.0, run: |_| Programs::ready().map(drop) },
    Phase { word: "kutties", about: "the binary kutties", usual: 6.5, run: kutties },
    Phase { word: "images", about: "segments and the test image", usual: 1.0, run: |board| Appliance::build(board).map(drop) },
];

/// Those of a cluster of machines alone, which brings all its images along.
const CLUSTER: &[Phase] = &[
    Phase { word: "tools", about: "build tools and the kernel", usual: 1.0, run: kernel },
    Phase { word: "kutties", about: "the binary kutties", usual: 6.5, run: kutties },
    Phase { word: "cluster", about: "Kubernetes with the images of its control plane", usual: 15.0, run: cluster::ready },
];

fn kernel(name: &str) -> Result<()> {
    let board = Board::load(name).map_err(told)?;
    tools::ensure(&board).map_err(told)?;
    Kernel::fetch(&board).map(drop).map_err(told)
}

fn kubernetes(name: &str) -> Result<()> {
    let board = Board::load(name).map_err(told)?;
    bundle::ready("node", &board.arch.to_string()).map_err(told)
}

fn kutties(name: &str) -> Result<()> {
    let board = Board::load(name).map_err(told)?;
    let tools = tools::ensure(&board).map_err(told)?;
    binary::build(board.arch, &tools).map(drop).map_err(told)
}

/// Run all phases for a board, each in a process of its own whose output is passed on.
pub fn all(board: &str) -> Result<()> {
    each(PHASES, board)
}

/// Run the phases of a cluster in the same way.
pub fn cluster(board: &str) -> Result<()> {
    each(CLUSTER, board)
}

fn each(phases: &[Phase], board: &str) -> Result<()> {
    let start = Instant::now();
    for (at, phase) in phases.iter().enumerate() {
        let title = format!("phase {} of {}: {}", at + 1, phases.len(), phase.about);
        say(format!("\x1b[1m==> {title}\x1b[0m (usually {} the first time)\n", minutes(phase.usual)).as_bytes());
        let began = Instant::now();
        child(phase, board)?;
        say(format!("    {}: {} s\n", phase.about, began.elapsed().as_secs()).as_bytes());
    }
    say(format!("\x1b[1m==> built in {} s\x1b[0m\n", start.elapsed().as_secs()).as_bytes());
    Ok(())
}

/// Run one phase in this process.
pub fn one(word: &str, board: &str) -> Result<()> {
    let phase = PHASES.iter().chain(CLUSTER).find(|phase| phase.word == word);
    (phase.ok_or_else(|| Error::usage(format!("there is no phase {word}")))?.run)(board)
}

/// Start one phase as a child. A first look gets the profile that is built soonest, unless the person names one.
fn child(phase: &Phase, board: &str) -> Result<()> {
    let _beat = Heartbeat::begin(phase.about);
    let program = std::env::current_exe().doing("find this program")?;
    let said = std::env::var(binary::PROFILE).ok().filter(|name| !name.is_empty());
    let mut child = Command::new(program)
        .args(["phase", phase.word, "--board", board])
        .env(binary::PROFILE, said.unwrap_or_else(|| "quick".to_owned()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .doing("start a build")?;
    let passed = [child.stdout.take().map(pass_on), child.stderr.take().map(pass_on)];
    let status = child.wait().doing("wait for a build")?;
    for thread in passed.into_iter().flatten() {
        // It ends with its pipe.
        let _ = thread.join();
    }
    if status.success() { Ok(()) } else { Err(Error::new(format!("{}: the build failed; its words are above", phase.about))) }
}

/// Pass on what a child says, whole lines at a time where it says lines.
fn pass_on(mut from: impl Read + Send + 'static) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut piece = vec![0; 8192];
        while let Ok(count @ 1..) = from.read(&mut piece) {
            say(&piece[..count]);
        }
    })
}

fn minutes(minutes: f32) -> String {
    if minutes <= 1.0 { "a minute".to_owned() } else { format!("{minutes} minutes") }
}

fn told(e: impl std::fmt::Display) -> Error {
    Error::new(format!("{e:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_phase_is_named() {
        let why = one("no-such", "x86_64-qemu").map_or_else(|e| e.to_string(), |()| String::new());
        assert!(why.contains("no-such"), "{why}");
    }
}
