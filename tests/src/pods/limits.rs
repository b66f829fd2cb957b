//! Limits: in the cgroup from the start, changed in place, and what happens beyond them.

use kit::Error;
use lab::until;

use crate::case::{Outcome, ensure};
use crate::kube::{field, wait};
use crate::pods::{Seen, clear, finish, manifest, start};
use crate::world::{POD, World};

const LIMITED: &str = "containers:
- name: limited
  image: IMAGE
  args: [show]
  resources: {requests: {cpu: 100m, memory: 32Mi}, limits: {cpu: 500m, memory: 64Mi}}
- name: free
  image: IMAGE
  args: [show]
";

pub fn at_start(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    finish(plane, node, "limits", LIMITED)?;
    let limited = Seen::of(plane, "limits", "limited")?;
    limited.is("cpu.max", "50000 100000")?;
    limited.is("memory.max", "67108864")?;
    // The kubelet asks for all of a container to go when one of its processes is killed for memory.
    limited.is("memory.oom.group", "1")?;
    let weight: u32 = limited.value("cpu.weight").unwrap_or_default().parse().unwrap_or_default();
    let free = Seen::of(plane, "limits", "free")?;
    free.is("memory.max", "max")?;
    free.has("cpu.max", &["max"])?;
    let least: u32 = free.value("cpu.weight").unwrap_or_default().parse().unwrap_or_default();
    ensure(least >= 1 && weight > least, || format!("100 m of a processor weigh {weight}, nothing weighs {least}"))?;
    let score: i32 = limited.value("oom_score_adj").unwrap_or_default().parse().unwrap_or_default();
    ensure((2..1000).contains(&score), || format!("a burstable container's OOM score is {score}"))?;
    let shm = limited.value("mount /dev/shm").unwrap_or_default();
    ensure(shm.contains("size=65536k"), || format!("/dev/shm is {shm}"))?;
    clear(plane, &["limits"])
}

const RESIZED: &str = "containers:
- name: probe
  image: IMAGE
  resizePolicy: [{resourceName: cpu, restartPolicy: NotRequired}, {resourceName: memory, restartPolicy: NotRequired}]
  resources: {requests: {cpu: 100m, memory: 32Mi}, limits: {cpu: 200m, memory: 48Mi}}
";
const LARGER: &str = r#"{"spec": {"containers": [{"name": "probe",
    "resources": {"requests": {"cpu": "150m", "memory": "40Mi"}, "limits": {"cpu": "300m", "memory": "64Mi"}}}]}}"#;

pub fn resize(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    start(plane, node, "resized", RESIZED)?;
    let id = field(plane, "pod/resized", "{.status.containerStatuses[0].containerID}")?;
    let id = id.rsplit('/').next().unwrap_or_default();
    let read = |file: &str| node.vm.guest.sh(&format!("cat $(find /sys/fs/cgroup/kubepods* -type d -name {id})/{file}"));
    let score = || read("cgroup.procs").and_then(|pid| node.vm.guest.sh(&format!("cat /proc/{}/oom_score_adj", pid.trim())));
    let before = score()?;
    let (cpu, memory) = (read("cpu.max")?, read("memory.max")?);
    ensure((cpu.trim(), memory.trim()) == ("20000 100000", "50331648"), || format!("it starts with {cpu} and {memory}"))?;
    plane.ask(&["patch", "pod", "resized", "--subresource", "resize", "--patch", LARGER])?;
    let resources = "{.status.containerStatuses[0].resources.limits}";
    until(POD, || match field(plane, "pod/resized", resources)? {
        told if told.contains("300m") && told.contains("64Mi") => Ok(()),
        told => Err(Error::new(format!("its status tells of limits {told}\n{}", node.service_log("cri")))),
    })?;
    let (cpu, memory) = (read("cpu.max")?, read("memory.max")?);
    ensure((cpu.trim(), memory.trim()) == ("30000 100000", "67108864"), || format!("it has {cpu} and {memory} now"))?;
    // It asks for more memory, so it is a worse candidate for the OOM killer.
    let after = score()?;
    ensure(before.trim().parse::<i32>().ok() > after.trim().parse().ok(), || format!("its score was {before} and is {after}"))?;
    let count = field(plane, "pod/resized", "{.status.containerStatuses[0].restartCount}")?;
    ensure(count == "0", || format!("it was restarted {count} times"))?;
    clear(plane, &["resized"])
}

const HUNGRY: &str = "restartPolicy: Never
containers:
- {name: hungry, image: IMAGE, args: [eat, '256'], resources: {limits: {memory: 24Mi}}}
";

pub fn oom(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    plane.apply(&manifest("hungry", node, HUNGRY))?;
    wait(plane, node, "hungry", "jsonpath={.status.phase}=Failed")?;
    let path = "{.status.containerStatuses[0].state.terminated.reason} {.status.containerStatuses[0].state.terminated.exitCode}";
    let told = field(plane, "pod/hungry", path)?;
    ensure(told == "OOMKilled 137", || format!("its end is told as {told}"))?;
    clear(plane, &["hungry"])
}
