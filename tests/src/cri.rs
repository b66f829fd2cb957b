//! The CRI server dies and comes back; pods do not notice.

use std::time::Duration;

use kit::Error;
use lab::guest::Guest;
use lab::until;

use crate::case::{BOTH, Case, Outcome, X86, ensure};
use crate::kube::{delete, field, start};
use crate::world::{POD, World};

/// The cases.
pub const CASES: &[Case] = &[
    Case { name: "killed-server-loses-nothing", boards: BOTH, run: killed },
    Case { name: "exit-while-the-server-is-down-is-told", boards: X86, run: exit_meanwhile },
];

/// A container's identity and how often it was started.
const IDENTITY: &str = "{.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}";

/// Kill the server alone; the supervisor starts it again.
const KILL: &str = "kill -9 $(pgrep -o -f 'kutties cri')";

/// Wait until a new server answers.
fn wait_served(guest: &Guest, before: &str) -> kit::Result<()> {
    until(Duration::from_mins(1), || {
        let now = server(guest)?;
        if now == before || now.is_empty() { Err(Error::new("no new server yet")) } else { Ok(()) }
    })
}

fn server(guest: &Guest) -> kit::Result<String> {
    guest.sh("pgrep -o -f 'kutties cri'")
}

fn killed(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    start(plane, node, "outlives", "")?;
    let identity = field(plane, "pod/outlives", IDENTITY)?;
    let before = server(&node.vm.guest)?;
    node.vm.guest.sh(KILL)?;
    wait_served(&node.vm.guest, &before)?;
    // A pod that is started afterwards shows that the kubelet has asked the new server about all pods.
    start(plane, node, "afterwards", "")?;
    let after = field(plane, "pod/outlives", IDENTITY)?;
    ensure(identity == after, || format!("before {identity}, after {after}"))?;
    let logs = plane.ask(&["logs", "outlives"])?;
    ensure(logs == "hello from outlives\n", || format!("its log is {logs:?}"))?;
    plane.ask(&["delete", "pod", "outlives", "afterwards", "--timeout=90s"])?;
    Ok(())
}

fn exit_meanwhile(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    start(plane, node, "meanwhile", "")?;
    // SIGTERM makes the program end with 0: the monitor alone can have seen that.
    let script = format!("{KILL}; kill -TERM $(pidof probe)");
    node.vm.guest.sh(&script)?;
    until(POD, || match field(plane, "pod/meanwhile", "{.status.containerStatuses[0].lastState.terminated.exitCode}")? {
        code if code == "0" => Ok(()),
        code => Err(Error::new(format!("its last exit code is {code:?}"))),
    })?;
    delete(plane, "meanwhile")?;
    Ok(())
}
