//! Older kubelets, which a control plane of 1.37 takes: each joins as a node of ours and does a pod's whole life.

use kit::Error;
use lab::appliance::Appliance;
use lab::until;

use crate::case::{Case, Outcome, X86, ensure};
use crate::join::kubelet_alone;
use crate::kube::{CLEAN, delete, field, settled, start};
use crate::world::{JOIN, POD, World};

/// The bundles, and what each kubelet calls itself.
pub const ALL: [(&str, &str); 2] = [("worker-1.36", "v1.36.3"), ("worker-1.35", "v1.35.6")];

/// The cases; each has the name of its bundle, by which it is built.
pub const LONG_CASES: &[Case] = &[
    Case { name: ALL[0].0, boards: X86, run: |world, board| lives(world, board, ALL[0]) },
    Case { name: ALL[1].0, boards: X86, run: |world, board| lives(world, board, ALL[1]) },
];

/// Join, run, log, exec, restart, limit, delete; nothing is left.
fn lives(world: &mut World, board: &str, (variant, version): (&str, &str)) -> Outcome {
    let mut node = kubelet_alone(world, board, |appliance: &Appliance| appliance.kubelet(variant), 512)?;
    let plane = &world.plane;
    node.wait_ready(plane, JOIN)?;
    let told = field(
        plane,
        &format!("node/{}", node.name),
        "{.status.nodeInfo.kubeletVersion} {.status.nodeInfo.containerRuntimeVersion}",
    )?;
    ensure(told.starts_with(&format!("{version} kutties://")), || told)?;
    // The first pod makes what all share.
    start(plane, &node, "first", "")?;
    delete(plane, "first")?;
    let before = settled(&node)?;
    let limits = "resources: {limits: {memory: 48Mi, cpu: 500m}, requests: {memory: 16Mi, cpu: 10m}}\n\
                  readinessProbe: {exec: {command: [/bin/probe, exit, '0']}, timeoutSeconds: 20}\n";
    start(plane, &node, "skew", limits)?;
    let logs = until(POD, || match plane.ask(&["logs", "skew"])? {
        logs if logs.is_empty() => Err(Error::new("no log yet")),
        logs => Ok(logs),
    })?;
    ensure(logs == "hello from skew\n", || format!("its log is {logs:?}"))?;
    let said = plane.kubectl(&["exec", "skew", "--", "/bin/probe", "exit", "7"])?;
    ensure(said.status.code() == Some(7), || format!("exec ended with {said:?}"))?;
    let limit = node.vm.guest.sh("cat $(find /sys/fs/cgroup/kubepods -name memory.max) | grep -c 50331648")?;
    ensure(limit.trim() != "0", || "no cgroup has the pod's limit".into())?;
    node.vm.guest.sh("kill -9 $(pidof probe)")?;
    until(POD, || {
        match field(plane, "pod/skew", "{.status.containerStatuses[0].restartCount} {.status.containerStatuses[0].ready}")? {
            state if state == "1 true" => Ok(()),
            state => Err(Error::new(format!("restarts and readiness are {state:?}"))),
        }
    })?;
    delete(plane, "skew")?;
    before.wait_same(&node.vm.guest, CLEAN)?;
    Ok(())
}
