//! A kubelet that asks the runtime for more: events, statistics of pods, and lists as streams.

use kit::{Error, Result};
use lab::control_plane::ControlPlane;
use lab::until;
use serde_json::Value;

use crate::case::{Outcome, ensure};
use crate::kube::delete;
use crate::pods::start;
use crate::world::{JOIN, Node, POD, World};

/// Feature gates of 1.37.
const GATES: &str = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nfeatureGates:\n  EventedPLEG: true\n  \
                     PLEGOnDemandRelist: true\n  CRIListStreaming: true\n  PodAndContainerStatsFromCRI: true\n";
/// Fields that the kubelet's summary must have of a pod.
const TOLD: [&str; 4] =
    ["/memory/workingSetBytes", "/network/rxBytes", "/process_stats/process_count", "/containers/0/memory/usageBytes"];
const DROP_IN: &str = "/etc/kubernetes/kubelet.conf.d/90-gates.conf";

pub fn newer(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    node.vm.guest.write(DROP_IN, GATES.as_bytes(), 0o644)?;
    node.vm.guest.sh("systemctl restart kubelet")?;
    let tried = with_gates(node, plane);
    node.vm.guest.sh(&format!("rm {DROP_IN}; systemctl restart kubelet"))?;
    node.wait_ready(plane, JOIN)?;
    tried
}

fn with_gates(node: &mut Node, plane: &ControlPlane) -> Outcome {
    start(plane, node, "gated", "containers:\n- {name: probe, image: IMAGE}\n")?;
    until(POD, || {
        let pod = summary(node, plane)?;
        // The processor's use now needs two looks.
        if !pod["cpu"]["usageNanoCores"].is_u64() {
            return Err(Error::new(format!("no use of the processor: {pod:#}")));
        }
        for path in TOLD {
            let number = pod.pointer(path).and_then(Value::as_u64);
            if number.is_none_or(|number| number == 0) {
                return Err(Error::new(format!("{path} is {number:?}: {pod:#}")));
            }
        }
        Ok(())
    })?;
    let metrics = raw(node, plane, "metrics")?;
    let connections = metrics.lines().find_map(|line| line.strip_prefix("kubelet_evented_pleg_connection_success_count "));
    ensure(connections.is_some_and(|count| count != "0"), || {
        format!("the kubelet has {connections:?} streams of events\n{}", node.service_log("kubelet"))
    })?;
    // The stop is heard and the pod's end is seen.
    delete(plane, "gated")?;
    Ok(())
}

fn raw(node: &Node, plane: &ControlPlane, what: &str) -> Result<String> {
    plane.ask(&["get", "--raw", &format!("/api/v1/nodes/{}/proxy/{what}", node.name)])
}

/// Returns the pod's part of the kubelet's summary.
fn summary(node: &Node, plane: &ControlPlane) -> Result<Value> {
    let text = raw(node, plane, "stats/summary")?;
    let all: Value = serde_json::from_str(&text).map_err(|e| Error::new(format!("read the summary: {e}")))?;
    let pods = all["pods"].as_array().into_iter().flatten();
    let pod = pods.into_iter().find(|pod| pod["podRef"]["name"] == "gated");
    pod.cloned().ok_or_else(|| Error::new("the summary does not know the pod"))
}
