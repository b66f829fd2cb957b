//! Containers that see one another's processes, or the host's.

use kit::Error;
use lab::{test_image, until};

use crate::case::{Outcome, ensure};
use crate::kube::field;
use crate::pods::{Seen, clear, finish, start};
use crate::world::{POD, World};

const SHARED: &str = "shareProcessNamespace: true
containers:
- {name: orphans, image: IMAGE, args: [orphan], securityContext: {runAsUser: 1000}}
- {name: other, image: IMAGE, args: [hello]}
";
/// Looks at the pod's first process with the rights that should be dangerous.
const LOOKS: &str = "shareProcessNamespace: true
containers:
- {name: looks, image: IMAGE, args: [look-at, '1'], securityContext: {capabilities: {add: [SYS_PTRACE, SYS_ADMIN]}}}
- {name: sees, image: IMAGE, args: [processes]}
";

pub fn processes(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    start(plane, node, "shared", SHARED)?;
    let id = field(plane, "pod/shared", "{.status.containerStatuses[?(@.name=='orphans')].containerID}")?;
    let id = id.rsplit('/').next().unwrap_or_default();
    // All processes of the pod's namespace, from outside: none of them may be a zombie that nobody reaps.
    let states = format!(
        "ns=$(readlink /proc/$(head -n 1 $(find /sys/fs/cgroup/kubepods* -type d -name {id})/cgroup.procs)/ns/pid); \
         for p in /proc/[0-9]*; do [ \"$(readlink $p/ns/pid)\" = \"$ns\" ] && grep -E '^(Name|State):' $p/status; done; true"
    );
    until(POD, || {
        let told = node.vm.guest.sh(&states)?;
        let holds = told.contains("kutties-pod") && !told.contains("zombie") && told.matches("probe").count() == 2;
        if holds { Ok(()) } else { Err(Error::new(format!("the pod's processes are\n{told}"))) }
    })?;
    finish(plane, node, "looks", LOOKS)?;
    let looks = Seen::of(plane, "looks", "looks")?;
    // The pod's own first process runs under no AppArmor profile, and nobody under one may look at it.
    looks.is("root", "Permission denied (os error 13)").or_else(|_| looks.is("root", "[]"))?;
    looks.is("fd", "[]").or_else(|_| looks.is("fd", "Permission denied (os error 13)"))?;
    let sees = Seen::of(plane, "looks", "sees")?;
    sees.says("1 kutties-pod S")?;
    clear(plane, &["shared", "looks"])
}

pub fn debug(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    start(plane, node, "debugged", "containers:\n- {name: probe, image: IMAGE}\n")?;
    let image = format!("--image={}", test_image::NAME);
    let profile = "--profile=general";
    plane.ask(&[
        "debug",
        "debugged",
        &image,
        profile,
        "--target=probe",
        "--container=debugger",
        "--",
        "/bin/probe",
        "processes",
    ])?;
    until(POD, || match field(plane, "pod/debugged", "{.status.ephemeralContainerStatuses[0].state.terminated.reason}")? {
        reason if reason == "Completed" => Ok(()),
        reason => Err(Error::new(format!("the debugger's end is {reason:?}\n{}", node.service_log("cri")))),
    })?;
    let seen = Seen::of(plane, "debugged", "debugger")?;
    // Itself and the container that it was sent to, whose process is the first one.
    seen.says("1 probe S")?;
    ensure(seen.text.lines().count() == 2, || format!("the debugger sees\n{}", seen.text))?;
    clear(plane, &["debugged"])
}

const HOST: &str = "hostNetwork: true
hostPID: true
hostIPC: true
containers:
- {name: host, image: IMAGE, args: [show]}
";

pub fn host(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    finish(plane, node, "host", HOST)?;
    let seen = Seen::of(plane, "host", "host")?;
    for name in ["net", "pid", "ipc", "uts"] {
        let own = node.vm.guest.sh(&format!("readlink /proc/1/ns/{name}"))?;
        seen.is(&format!("{name} namespace"), own.trim())?;
    }
    let own = node.vm.guest.sh("readlink /proc/1/ns/mnt")?;
    ensure(seen.value("mnt namespace") != Some(own.trim()), || "it has the host's mounts".into())?;
    seen.is("host name", &node.name)?;
    seen.is("env HOSTNAME", &node.name)?;
    finish(plane, node, "own", "containers:\n- {name: own, image: IMAGE, args: [show]}\n")?;
    let own = Seen::of(plane, "own", "own")?;
    for name in ["net", "pid", "ipc", "uts", "cgroup", "mnt"] {
        let hosts = node.vm.guest.sh(&format!("readlink /proc/1/ns/{name}"))?;
        ensure(own.value(&format!("{name} namespace")) != Some(hosts.trim()), || {
            format!("a pod has the host's {name} namespace")
        })?;
    }
    clear(plane, &["host", "own"])
}
