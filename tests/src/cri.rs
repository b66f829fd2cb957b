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

/// The server's number: the first of its service's processes. Monitors have the same name, but live elsewhere.
const SERVER: &str = "sort -n /sys/fs/cgroup/kutties/services/cri/cgroup.procs | head -n 1";

/// Kill the server alone, then run `and`; the supervisor starts it again.
pub fn kill(guest: &Guest, and: &str) -> kit::Result<String> {
    guest.sh(&format!("kill -9 $({SERVER}); {and}"))
}

/// Wait until a new server answers.
pub fn wait_served(guest: &Guest, before: &str) -> kit::Result<()> {
    until(Duration::from_mins(1), || {
        let now = server(guest)?;
        if now == before || now.is_empty() { Err(Error::new("no new server yet")) } else { Ok(()) }
    })
}

/// The number of the server that runs now; empty when none does.
pub fn server(guest: &Guest) -> kit::Result<String> {
    guest.sh(SERVER)
}

fn killed(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    start(plane, node, "outlives", "")?;
    let identity = field(plane, "pod/outlives", IDENTITY)?;
    let before = server(&node.vm.guest)?;
    kill(&node.vm.guest, "true")?;
    wait_served(&node.vm.guest, &before)?;
    // A pod that is started afterwards shows that the kubelet has asked the new server about all pods.
    start(plane, node, "afterwards", "")?;
    let after = field(plane, "pod/outlives", IDENTITY)?;
    ensure(identity == after, || format!("before {identity}, after {after}"))?;
    let logs = plane.ask(&["logs", "outlives"])?;
    ensure(logs == "hello from outlives\n", || format!("its log is {logs:?}"))?;
    plane.ask(&["delete", "pod", "outlives", "afterwards", "--timeout=5m"])?;
    Ok(())
}

fn exit_meanwhile(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    start(plane, node, "meanwhile", "")?;
    // SIGTERM makes the program end with 0: the monitor alone can have seen that.
    kill(&node.vm.guest, "kill $(pidof probe)")?;
    until(POD, || match field(plane, "pod/meanwhile", "{.status.containerStatuses[0].lastState.terminated.exitCode}")? {
        code if code == "0" => Ok(()),
        code => Err(Error::new(format!("its last exit code is {code:?}"))),
    })?;
    delete(plane, "meanwhile")?;
    Ok(())
}
