//! A joined node: pods live, restart, are confined, and leave nothing behind.

use std::time::Duration;

use kit::Error;
use lab::control_plane::ControlPlane;
use lab::{test_image, until};

use crate::case::{BOTH, Case, Failure, Outcome, X86, ensure};
use crate::leaks::Holdings;
use crate::world::{Node, POD, World};

/// The cases.
pub const CASES: &[Case] = &[
    Case { name: "joins-and-is-ready", boards: BOTH, run: ready },
    Case { name: "pod-runs-and-logs", boards: BOTH, run: runs },
    Case { name: "pod-restarts-when-its-process-dies", boards: BOTH, run: restarts },
    Case { name: "deleted-pod-leaves-nothing", boards: BOTH, run: leaves_nothing },
    Case { name: "seccomp-and-devices-hold", boards: BOTH, run: confined },
    Case { name: "a-service-s-log-by-the-api", boards: BOTH, run: service_log },
    Case { name: "kubectl-debugs-the-node", boards: X86, run: debugs },
    Case { name: "without-filters-all-is-allowed", boards: X86, run: free },
    Case { name: "broken-seccomp-profile-refuses", boards: X86, run: broken_profile },
];

/// A directory may outlive its pod by the kubelet's house-keeping, which comes round every two minutes.
pub const CLEAN: Duration = Duration::from_mins(3);

fn ready(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    let shown = plane.ask(&["get", "node", &node.name, "-o", "wide", "--no-headers"])?;
    ensure(shown.contains(" Ready ") && shown.contains(&node.seat.address.to_string()), || shown)
}

/// A field of an object.
pub fn field(plane: &ControlPlane, object: &str, path: &str) -> kit::Result<String> {
    plane.ask(&["get", object, "-o", &format!("jsonpath={path}")])
}

/// Start a pod and wait until it is Ready.
pub fn start(plane: &ControlPlane, node: &Node, name: &str, more: &str) -> kit::Result<()> {
    start_this(plane, node, name, &test_image::pod(name, &node.name, more))
}

/// The same for a pod that is given whole.
pub fn start_this(plane: &ControlPlane, node: &Node, name: &str, pod: &str) -> kit::Result<()> {
    plane.apply(pod)?;
    wait(plane, node, name, "Ready")
}

/// Wait for a condition, or for `jsonpath=…=…`; a failure tells what is known of the pod.
pub fn wait(plane: &ControlPlane, node: &Node, name: &str, condition: &str) -> kit::Result<()> {
    let what = [format!("--for={condition}"), format!("pod/{name}")];
    let what = if condition.contains('=') { what } else { [format!("--for=condition={condition}"), format!("pod/{name}")] };
    let done = until(POD, || plane.ask(&["wait", &what[0], &what[1], "--timeout=2s"]));
    done.map(drop).map_err(|e| {
        let events = plane.ask(&["events", "--for", &format!("pod/{name}")]).unwrap_or_default();
        let status = field(plane, &format!("pod/{name}"), "{.status.containerStatuses}").unwrap_or_default();
        Error::new(format!("{e}\n{status}\n{events}\n{}\n{}", node.service_log("cri"), node.service_log("kubelet")))
    })
}

/// Delete a pod and wait until the API has forgotten it.
pub fn delete(plane: &ControlPlane, name: &str) -> kit::Result<()> {
    plane.ask(&["delete", "pod", name, "--timeout=5m"]).map(drop)
}

fn runs(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    start(plane, node, "runs", "")?;
    let logs = until(POD, || match plane.ask(&["logs", "runs"])? {
        logs if logs.is_empty() => Err(Error::new("no log yet")),
        logs => Ok(logs),
    })?;
    ensure(logs == "hello from runs\n", || format!("its log is {logs:?}"))?;
    let ip = field(plane, "pod/runs", "{.status.podIP}")?;
    ensure(!ip.is_empty(), || "it has no address".into())?;
    delete(plane, "runs")?;
    Ok(())
}

/// `kubectl get --raw`, as the Kubernetes documentation asks for logs of a node's services.
fn service_log(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    for service in ["cri", "kubelet"] {
        let path = format!("/api/v1/nodes/{}/proxy/logs/?query={service}", node.name);
        let (log, first) =
            (plane.ask(&["get", "--raw", &path])?, node.vm.guest.sh(&format!("head -n 1 /var/log/{service}.log"))?);
        let line = first.trim();
        ensure(!line.is_empty() && log.contains(line), || format!("{service}: {line:?} is not in {log:?}"))?;
    }
    let other = plane.ask(&["get", "--raw", &format!("/api/v1/nodes/{}/proxy/logs/?query=none-such", node.name)]);
    ensure(other.as_ref().map_or_else(ToString::to_string, Clone::clone).contains("none-such"), || format!("{other:?}"))
}

/// `kubectl debug node/NAME`: a pod in the node's namespaces that sees its files at /host.
fn debugs(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    let line = "echo $(hostname) $(cat /etc/machine-id) $(pidof init)";
    let object = format!("node/{}", node.name);
    let command = ["/host/bin/kutties", "chroot", "/host", "/bin/sh", "-c", line];
    let words = ["debug", &object, "--image", test_image::NAME, "--profile", "sysadmin", "--"];
    let told = plane.ask(&[&words[..], &command[..]].concat())?;
    let pod = told.split_whitespace().find(|word| word.starts_with("node-debugger-")).unwrap_or_default().to_owned();
    ensure(!pod.is_empty(), || told.clone())?;
    let wanted = node.vm.guest.sh(line)?;
    let logs = until(POD, || match plane.ask(&["logs", &pod])? {
        logs if logs.is_empty() => Err(Error::new("no log yet")),
        logs => Ok(logs),
    });
    delete(plane, &pod)?;
    let logs = logs?;
    ensure(logs == wanted, || format!("it says {logs:?}, the node {wanted:?}"))
}

/// Kill the pod's first process from outside of its container.
const KILL_PROBE: &str = "kill -9 $(pidof probe)";

fn restarts(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    start(plane, node, "restarts", "")?;
    node.vm.guest.sh(KILL_PROBE)?;
    until(POD, || match field(plane, "pod/restarts", "{.status.containerStatuses[0].restartCount}")? {
        count if count == "1" => Ok(()),
        count => Err(Error::new(format!("its restart count is {count}"))),
    })?;
    wait(plane, node, "restarts", "Ready")?;
    let code = field(plane, "pod/restarts", "{.status.containerStatuses[0].lastState.terminated.exitCode}")?;
    ensure(code == "137", || format!("its last exit code is {code:?}"))?;
    delete(plane, "restarts")?;
    Ok(())
}

fn leaves_nothing(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    // The first pod of a node makes what all share, such as the bridge.
    start(plane, node, "first", "")?;
    delete(plane, "first")?;
    let before = settled(node)?;
    start(plane, node, "leaves", "")?;
    let during = Holdings::of(&node.vm.guest)?;
    let new = before.new_in(&during);
    for kind in ["mount", "process", "network namespace", "link", "cgroup", "lease", "pod directory", "container directory"] {
        ensure(new.iter().any(|line| line.starts_with(kind)), || {
            format!("the look does not see a pod's {kind}:\n{}", new.join("\n"))
        })?;
    }
    delete(plane, "leaves")?;
    before.wait_same(&node.vm.guest, CLEAN)?;
    Ok(())
}

/// Returns the resources that the node holds when the last pod is gone altogether: two looks that
/// agree.
pub fn settled(node: &Node) -> Result<Holdings, Failure> {
    node.vm.guest.sh_until("! pidof probe", CLEAN)?;
    Ok(Holdings::settled(&node.vm.guest, CLEAN)?)
}

/// A pod that tries the forbidden: in its first process, as root and as another user.
fn tries(name: &str, node: &str, word: &str, context: &str) -> String {
    let container = |user: u32| {
        format!(
            "  - name: user-{user}\n    image: {}\n    args: [{word}]\n    securityContext: {{runAsUser: {user}{context}}}\n",
            test_image::NAME
        )
    };
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  nodeName: {node}\n  restartPolicy: Never\n  containers:\n{}{}",
        container(0),
        container(1000)
    )
}

const FILTERED: &str = ", seccompProfile: {type: RuntimeDefault}";

fn confined(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    plane.apply(&tries("confined", &node.name, "confined", FILTERED))?;
    let by_exec = |user: u32| {
        format!(
            "securityContext: {{runAsUser: {user}{FILTERED}}}\n\
             readinessProbe: {{exec: {{command: [/bin/probe, confined]}}, timeoutSeconds: 20, periodSeconds: 2}}\n"
        )
    };
    plane.apply(&test_image::pod("exec-root", &node.name, &by_exec(0)))?;
    plane.apply(&test_image::pod("exec-user", &node.name, &by_exec(1000)))?;
    wait(plane, node, "confined", "jsonpath={.status.phase}=Succeeded").map_err(|e| {
        let logs = plane.ask(&["logs", "confined", "--all-containers", "--prefix"]).unwrap_or_default();
        Error::new(format!("{e}\n{logs}"))
    })?;
    wait(plane, node, "exec-root", "Ready")?;
    wait(plane, node, "exec-user", "Ready")?;
    plane.ask(&["delete", "pod", "confined", "exec-root", "exec-user", "--timeout=5m"])?;
    Ok(())
}

/// The other case's teeth: the same attempts are allowed where no filter is.
fn free(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    let context = ", privileged: true, seccompProfile: {type: Unconfined}";
    plane.apply(&tries("free", &node.name, "free", context))?;
    wait(plane, node, "free", "jsonpath={.status.phase}=Succeeded").map_err(|e| {
        let logs = plane.ask(&["logs", "free", "--all-containers", "--prefix"]).unwrap_or_default();
        Error::new(format!("{e}\n{logs}"))
    })?;
    delete(plane, "free")?;
    Ok(())
}

fn broken_profile(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    node.vm.guest.write("/var/lib/kubelet/seccomp/broken.json", b"{\"defaultAction\": \"SCMP_ACT_NO_SUCH\"}", 0o644)?;
    let context = "securityContext: {seccompProfile: {type: Localhost, localhostProfile: broken.json}}\n";
    plane.apply(&test_image::pod("broken", &node.name, context))?;
    let path = "{.status.containerStatuses[0].state.waiting.reason}: {.status.containerStatuses[0].state.waiting.message}";
    let why = until(POD, || match field(plane, "pod/broken", path)? {
        why if why.contains("Error") => Ok(why),
        why => Err(Error::new(format!("it waits because of {why:?}"))),
    })?;
    ensure(why.contains("seccomp") || why.contains("SCMP_ACT_NO_SUCH"), || {
        format!("the reason does not name the profile: {why}")
    })?;
    let started =
        field(plane, "pod/broken", "{.status.containerStatuses[0].lastState}{.status.containerStatuses[0].state.running}")?;
    ensure(!started.contains("startedAt"), || format!("it was started: {started}"))?;
    delete(plane, "broken")?;
    Ok(())
}
