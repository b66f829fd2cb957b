//! `lab run`: from a fresh checkout to a joined diskless node with a pod, in front of a person.

use std::fmt::Display;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use kit::{Error, Result};

use crate::appliance::Appliance;
use crate::console::Mark;
use crate::control_plane::ControlPlane;
use crate::heartbeat::{self, Heartbeat};
use crate::network::Lab;
use crate::terminal::Terminal;
use crate::vm::Vm;
use crate::{namespace, phase, test_image, until};

/// An emulated machine reaches its shell in seconds; a busy host may take ten times that.
const SHELL: Duration = Duration::from_mins(3);
/// Upstream's join takes ten seconds under emulation on x86, several times that on arm64.
const JOIN: Duration = Duration::from_mins(8);
/// A pod of an image that is there already.
const POD: Duration = Duration::from_mins(3);
/// Last message of kubeadm.
const JOINED: &str = "This node has joined the cluster";
/// The node's name in the cluster.
const NODE: &str = "node-1";

/// Run for `board`; with `check`, end with the verdict instead of leaving the person at the node's shell.
pub fn run(board: &str, check: bool) -> Result<ExitCode> {
    if !namespace::inside() {
        phase::all(board)?;
        return namespace::enter();
    }
    show(board, check || !std::io::stdin().is_terminal()).map(|()| ExitCode::SUCCESS)
}

fn show(board: &str, check: bool) -> Result<()> {
    let (leave, left) = mpsc::channel();
    let terminal = if check { None } else { Some(Terminal::take(leave)?) };
    // Boot, join and pod run beside us so that Ctrl-] works at any time.
    let (tell, told) = mpsc::channel();
    let board = board.to_owned();
    thread::spawn(move || drop(tell.send(demonstrate(&board).map(Box::new))));
    let mut stage = loop {
        if left.try_recv().is_ok() {
            return Ok(());
        }
        match told.recv_timeout(Duration::from_millis(100)) {
            Ok(stage) => break stage?,
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => return Err(Error::new("the demonstration died")),
        }
    };
    let Some(terminal) = terminal else { return Ok(()) };
    step(format!("from another terminal: {} get pods -A -o wide", stage.plane.kubectl_hint(&stage.lab)));
    step("this is the node's own shell; Ctrl-] leaves and cleans up");
    terminal.lend(stage.vm.console.keys()?);
    // An empty line brings the prompt back.
    stage.vm.console.type_line("")?;
    while stage.vm.console.is_open() {
        if left.recv_timeout(Duration::from_millis(100)).is_ok() {
            break;
        }
    }
    Ok(())
}

/// All that runs while the person looks.
struct Stage {
    vm: Vm,
    plane: ControlPlane,
    lab: Lab,
}

fn demonstrate(board: &str) -> Result<Stage> {
    let _beat = Heartbeat::begin("waiting");
    step("starting a control plane in a private network");
    let lab = Lab::start()?;
    let plane = ControlPlane::start(&lab)?;
    step(format!("control plane ready at {}", plane.endpoint()));
    let seat = lab.seat(NODE)?;
    let appliance = Appliance::open(board)?;
    let mut spec = appliance.spec(lab.dir().join(NODE));
    spec.nics.push(seat.nic);
    step(format!("booting {board}: {} MiB, no disk", spec.memory));
    let mut vm = Vm::boot(&spec)?;
    vm.console.show(true);
    let prompt = vm.console.wait_prompt(Mark::default(), SHELL)?;
    vm.console.type_line(&format!("kutties {}", plane.join_command()))?;
    vm.console.wait_prompt(prompt, JOIN)?;
    if !vm.console.since(prompt).contains(JOINED) {
        return Err(Error::new("the node did not join; its own words are above"));
    }
    // The shell stands at its prompt; what the lab says begins on a line of its own.
    shown("\n");
    join(&plane)?;
    pod(&plane)?;
    Ok(Stage { vm, plane, lab })
}

fn join(plane: &ControlPlane) -> Result<()> {
    step("waiting for the node to be Ready");
    let ready = ["wait", "--for=condition=Ready", &format!("node/{NODE}"), "--timeout=5s"];
    until(JOIN, || plane.ask(&ready))?;
    shown(&plane.ask(&["get", "nodes", "-o", "wide"])?);
    Ok(())
}

fn pod(plane: &ControlPlane) -> Result<()> {
    step(format!("starting a pod of {}", test_image::NAME));
    plane.apply(&test_image::pod("hello", NODE, ""))?;
    let running = ["wait", "--for=condition=Ready", "pod/hello", "--timeout=5s"];
    until(POD, || plane.ask(&running))?;
    shown(&plane.ask(&["get", "pods", "-o", "wide"])?);
    let logs = until(POD, || {
        let logs = plane.ask(&["logs", "hello"])?;
        if logs.is_empty() { Err(Error::new("the pod's log is empty")) } else { Ok(logs) }
    })?;
    step("kubectl logs hello");
    shown(&logs);
    Ok(())
}

/// Show a heading.
pub fn step(what: impl Display) {
    shown(&format!("\x1b[1m==> {what}\x1b[0m\n"));
}

/// Show a text as it is.
pub fn shown(text: &str) {
    heartbeat::say(text.as_bytes());
}
