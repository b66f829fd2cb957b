//! Images as people have them, and as nobody should: what their layers and configurations say, against what the container gets.

use std::time::{Duration, Instant};

use kit::{Error, Result};
use lab::appliance::Appliance;
use lab::busybox;
use lab::control_plane::ControlPlane;
use lab::layout::{Algorithm, Layer, Layout, Odd};
use lab::until;
use serde_json::{Value, json};

use crate::case::{Outcome, ensure};
use crate::cri;
use crate::kube::{field, start_this};
use crate::pods::{Seen, clear, finish, manifest};
use crate::rpcs::send;
use crate::world::{Node, POD, World};

/// Archive of all images, on the node.
const ARCHIVE: &str = "/tmp/odd-images.tar";
/// Error of a file that is not there.
const MISSING: &str = "No such file";
/// Numbers that are no user's: the images' own files give them to root as names.
const NOBODY: [&str; 3] = ["4294967295", "4294967296", "99999999999999999999"];
/// Directory on the node for the program of the image without layers.
const PROGRAM: &str = "/run/odd-images";

/// Import all images, once a machine. Answers the digest of the one with SHA-512.
fn import(world: &mut World, board: &str) -> Result<String> {
    let archive = world.lab.dir().join("odd-images.tar");
    let (node, _) = world.warm(board)?;
    let appliance = Appliance::open(board)?;
    let mut layout = Layout::new(appliance.board.arch, &appliance.probe().with_extension("tar"))?;
    for odd in plain().into_iter().chain(hostile()) {
        layout.add(odd)?;
    }
    let bare = Odd { layers: None, ..Odd::new("odd.test/none:1", json!({ "Cmd": ["/x/probe", "show"] }), Vec::new()) };
    layout.add(bare)?;
    let user = json!({ "Entrypoint": ["/bin/probe"], "User": "probe:extra", "StopSignal": "" });
    let long = Odd { algorithm: Algorithm::Sha512, ..Odd::new("odd.test/long:1", user, Vec::new()) };
    let digest = layout.add(long)?;
    if !node.vm.guest.sh("kutties image list")?.contains("odd.test/none") {
        layout.write(&archive)?;
        send(&node.vm.guest, &archive, ARCHIVE)?;
        node.vm.guest.sh(&format!("kutties image import {ARCHIVE}; code=$?; rm {ARCHIVE}; exit $code"))?;
    }
    Ok(digest)
}

fn program(more: &Value) -> Value {
    let mut config = json!({ "Entrypoint": ["/bin/probe"] });
    if let (Some(config), Some(more)) = (config.as_object_mut(), more.as_object()) {
        config.extend(more.clone());
    }
    config
}

fn plain() -> Vec<Odd<'static>> {
    let volumes = json!({ "Volumes": { "/data/db": {}, "/new/place": {} }, "StopSignal": "" });
    let seed = Layer::default().directory("data", 0).directory("data/db", 999).file("data/db/seed", "seed");
    let lower = Layer::default()
        .directory("opt", 0)
        .directory("opt/app", 0)
        .file("opt/app/conf", "old")
        .directory("opt/late", 0)
        .file("opt/late/old", "old")
        .file("opt/test", "old")
        .directory("opt/test-suite", 0)
        .file("opt/test-suite/f", "kept")
        .directory("opt/becomes", 0)
        .file("opt/becomes/x", "old");
    // A mark hides what is below, also where it comes after the entries beside it.
    let upper = Layer::default()
        .file("opt/.wh.app", "")
        .directory("opt/app", 0)
        .file("opt/app/.wh.bin", "")
        .file("opt/app/new", "new")
        .directory("opt/late", 0)
        .file("opt/late/new", "new")
        .file("opt/.wh.late", "")
        .file("opt/.wh.test", "")
        .file("opt/becomes", "a file")
        .file("opt/.wh.neverwas", "");
    let marks = vec![
        Layer::default().attribute("trusted.overlay.opaque", "y").directory("marks", 0).file("marks/gone", "gone"),
        Layer::default().attribute("user.overlay.impure", "y").file("marks/kept", "kept").mark("marks/gone"),
    ];
    let store = Layer::default()
        .directory("nix", 0)
        .file("nix/passwd", "root:x:0:0::/root:/bin/sh\nnix:x:30000:30000::/home/nix:/bin/sh\n")
        .file("nix/group", "root:x:0:\nnix:x:30000:\nbuilders:x:30001:nix\n")
        .link("etc/passwd", "/nix/passwd")
        .link("etc/group", "/nix/group");
    vec![
        Odd::new("odd.test/volumes:1", program(&volumes), vec![seed]),
        Odd::new("odd.test/whiteouts:1", program(&json!({})), vec![lower, upper]),
        Odd::new("odd.test/marks:1", program(&json!({})), marks),
        Odd::new("odd.test/nix:1", program(&json!({ "User": "nix" })), vec![store]),
    ]
}

/// Images that want what they must not get.
fn hostile() -> Vec<Odd<'static>> {
    let lines = |rest: &str| NOBODY.map(|name| format!("{name}{rest}\n")).concat();
    let root = || Layer::default().file("etc/passwd", &lines(":x:0:0::/:/bin/probe")).file("etc/group", &lines(":x:0:"));
    let numbers = [("odd.test/uid0:1", NOBODY[0]), ("odd.test/uid1:1", NOBODY[1]), ("odd.test/uid2:1", NOBODY[2])];
    let mut all: Vec<Odd> =
        numbers.into_iter().map(|(name, user)| Odd::new(name, program(&json!({ "User": user })), vec![root()])).collect();
    // CVE-2022-23648: volumes that lead out of the image.
    let volumes =
        json!({ "Volumes": { "/../../../../../../etc/kubernetes": {}, "/x/../../../var/lib/kubelet": {}, "/link": {} } });
    let link = Layer::default().link("link", "../../../../../../etc/kubernetes");
    all.push(Odd::new("odd.test/out:1", program(&volumes), vec![link]));
    all.push(checkpoint());
    all
}

/// CVE-2026-50195, 53488, 53489, 53492, 94603, 95837: labels that somebody could obey, and all that makes a checkpoint's image.
fn checkpoint() -> Odd<'static> {
    let logger = "binary:///bin/probe?write=/tmp/obeyed";
    let labels = json!({
        "containerd.io/restart.status": "running", "containerd.io/restart.loguri": logger, "containerd.io/restart.logpath": "/tmp/obeyed",
        "io.cri-containerd.image": "managed", "io.kubernetes.container.name": "another",
    });
    let dump = json!({ "name": "restored", "rootfsImage": "kutties.test/probe:1", "rootfsImageName": "kutties.test/probe:1" });
    let spec = json!({ "ociVersion": "1.0.0", "process": { "args": ["/bin/probe", "free"], "capabilities": {} } });
    let files = Layer::default()
        .link("container.log", "/etc/kubernetes/kubelet.conf")
        .file("config.dump", &dump.to_string())
        .file("spec.dump", &spec.to_string())
        .directory("checkpoint", 0);
    let annotations = json!({
        "org.criu.checkpoint.container.name": "restored", "org.criu.checkpoint.engine.name": "containerd",
        "io.kubernetes.cri-o.annotations.checkpoint.name": "restored", "io.podman.annotations.checkpoint.runtime.name": "crun",
        "io.podman.annotations.checkpoint.name": "restored", "cdi.k8s.io/odd": "vendor.test/device=all",
    });
    Odd { annotations, ..Odd::new("odd.test/checkpoint:1", program(&json!({ "Labels": labels })), vec![files]) }
}

const VOLUMES: &str = "containers:
- name: write
  image: odd.test/volumes:1
  args: [touch, /data/db/new, /new/place/new, /file]
  securityContext: {readOnlyRootFilesystem: true}
- {name: see, image: 'odd.test/volumes:1', args: [show, /data/db/seed, /data/db/new]}
";

pub fn volumes(world: &mut World, board: &str) -> Outcome {
    import(world, board)?;
    let (node, plane) = world.warm(board)?;
    finish(plane, node, "odd-volumes", VOLUMES)?;
    let tried = Seen::of(plane, "odd-volumes", "write")?;
    tried.is("/data/db/new", "written")?;
    tried.is("/new/place/new", "written")?;
    tried.is("/file", "read-only filesystem or storage medium")?;
    let seen = Seen::of(plane, "odd-volumes", "see")?;
    seen.says("/data/db/seed| seed")?;
    // A volume is its container's own.
    seen.says(&format!("/data/db/new: {MISSING}"))?;
    clear(plane, &["odd-volumes"])
}

const LAYERS: &str = "containers:
- name: whiteouts
  image: odd.test/whiteouts:1
  args:
  - show
  - /opt/app/new
  - /opt/app/conf
  - /opt/late/new
  - /opt/late/old
  - /opt/test
  - /opt/test-suite/f
  - /opt/becomes
- {name: marks, image: 'odd.test/marks:1', args: [show, /marks/kept, /marks/gone]}
- {name: nix, image: 'odd.test/nix:1', args: [show]}
- {name: number, image: 'odd.test/nix:1', args: [show], securityContext: {runAsUser: 30000}}
";

pub fn layers(world: &mut World, board: &str) -> Outcome {
    import(world, board)?;
    let (node, plane) = world.warm(board)?;
    finish(plane, node, "odd-layers", LAYERS)?;
    let whiteouts = Seen::of(plane, "odd-layers", "whiteouts")?;
    for there in ["/opt/app/new| new", "/opt/late/new| new", "/opt/test-suite/f| kept", "/opt/becomes| a file"] {
        whiteouts.says(there)?;
    }
    for gone in ["/opt/app/conf", "/opt/late/old", "/opt/test"] {
        whiteouts.says(&format!("{gone}: {MISSING}"))?;
    }
    let marks = Seen::of(plane, "odd-layers", "marks")?;
    marks.says("/marks/kept| kept")?;
    marks.says(&format!("/marks/gone: {MISSING}"))?;
    for container in ["nix", "number"] {
        let seen = Seen::of(plane, "odd-layers", container)?;
        seen.is("Uid", "30000 30000 30000 30000")?;
        seen.is("Gid", "30000 30000 30000 30000")?;
        seen.is("Groups", "30000 30001")?;
        seen.is("env HOME", "/home/nix")?;
    }
    clear(plane, &["odd-layers"])
}

pub fn digest(world: &mut World, board: &str) -> Outcome {
    let digest = import(world, board)?;
    let (node, plane) = world.warm(board)?;
    let image = format!("odd.test/long@{digest}");
    finish(plane, node, "odd-digest", &format!("containers:\n- {{name: long, image: '{image}', args: [show]}}\n"))?;
    let seen = Seen::of(plane, "odd-digest", "long")?;
    // The image names its user. The kubelet gives on the name without the group behind it, so that the image's files decide.
    seen.is("Uid", "1000 1000 1000 1000")?;
    seen.is("Gid", "1000 1000 1000 1000")?;
    seen.is("Groups", "1000 5000")?;
    let id = field(plane, "pod/odd-digest", "{.status.containerStatuses[0].imageID}")?;
    ensure(digest.starts_with("sha512:") && id.contains(&digest), || format!("its image's id is {id}, not {image}"))?;
    clear(plane, &["odd-digest"])
}

const NOTHING: &str = "volumes: [{name: x, hostPath: {path: /run/odd-images}}]
containers:
- {name: none, image: 'odd.test/none:1', volumeMounts: [{name: x, mountPath: /x}]}
";

pub fn nothing(world: &mut World, board: &str) -> Outcome {
    import(world, board)?;
    let (node, plane) = world.warm(board)?;
    let guest = &node.vm.guest;
    guest.sh(&format!("mkdir -p {PROGRAM}"))?;
    send(guest, &Appliance::open(board)?.probe(), &format!("{PROGRAM}/probe"))?;
    finish(plane, node, "odd-none", NOTHING)?;
    let seen = Seen::of(plane, "odd-none", "none")?;
    seen.has("mount /", &["rw", "overlay"])?;
    seen.has("mount /x", &["rw"])?;
    clear(plane, &["odd-none"])?;
    // It leaves and comes back like any other.
    let again = "kutties image export odd.test/none:1 -o /tmp/none.tar && kutties image remove odd.test/none:1 && \
                 kutties image import /tmp/none.tar && rm /tmp/none.tar && kutties image list | grep odd.test/none";
    guest.sh(again)?;
    Ok(guest.sh(&format!("rm -r {PROGRAM}")).map(drop)?)
}

pub fn numbers(world: &mut World, board: &str) -> Outcome {
    import(world, board)?;
    let (node, plane) = world.warm(board)?;
    // The longest first: no client can take that for a number.
    let pods: Vec<(String, &str, &str)> = ["uid2", "uid1", "uid0"]
        .iter()
        .map(|image| ((*image).to_owned(), "", "is the number of no user and no group"))
        // The kubelet asks for the number before it asks for a container.
        .chain(["uid1", "uid2"].iter().map(|image| ((*image).to_owned(), "runAsNonRoot: true", "non-numeric user")))
        .collect();
    let named: Vec<String> =
        pods.iter().map(|(image, more, _)| format!("odd-{image}{}", if more.is_empty() { "" } else { "-non-root" })).collect();
    for ((image, more, _), name) in pods.iter().zip(&named) {
        let container = format!("{{name: c, image: 'odd.test/{image}:1', args: [show], securityContext: {{{more}}}}}");
        plane.apply(&manifest(name, node, &format!("restartPolicy: Never\ncontainers:\n- {container}\n")))?;
    }
    let said = pods.iter().zip(&named).try_for_each(|((_, _, words), name)| refused(plane, name, words));
    clear(plane, &named.iter().map(String::as_str).collect::<Vec<_>>())?;
    Ok(said?)
}

/// Wait until a pod's status says that; nothing of it ever ran.
fn refused(plane: &ControlPlane, pod: &str, words: &str) -> Result<()> {
    until(POD, || {
        let status = field(plane, &format!("pod/{pod}"), "{.status.containerStatuses[0]}")?;
        if status.contains(words) { Ok(()) } else { Err(Error::new(format!("{pod}: nothing says {words:?}: {status}"))) }
    })?;
    let ran = field(plane, &format!("pod/{pod}"), "{.status.containerStatuses[0].state.terminated.startedAt}")?;
    if ran.is_empty() { Ok(()) } else { Err(Error::new(format!("{pod} has run"))) }
}

const OUT: &str = "containers:
- name: out
  image: odd.test/out:1
  args: [show, /etc/kubernetes/kubelet.conf, /var/lib/kubelet/config.yaml, /link/kubelet.conf]
- name: checkpoint
  image: odd.test/checkpoint:1
  args: [show, /container.log]
";

/// Words that a container must not see: those of the node's files.
const SECRETS: [&str; 3] = ["client-certificate", "KubeletConfiguration", "apiVersion"];

pub fn out(world: &mut World, board: &str) -> Outcome {
    import(world, board)?;
    let (node, plane) = world.warm(board)?;
    let guest = &node.vm.guest;
    // The files that a pod would steal are there.
    guest.sh(
        "grep -q client-certificate /etc/kubernetes/kubelet.conf && grep -q KubeletConfiguration /var/lib/kubelet/config.yaml",
    )?;
    let before = guest.sh("kutties image list")?;
    finish(plane, node, "odd-out", OUT)?;
    for container in ["out", "checkpoint"] {
        let seen = Seen::of(plane, "odd-out", container)?;
        ensure(SECRETS.iter().all(|secret| !seen.text.contains(secret)), || format!("{container} sees\n{}", seen.text))?;
        // It is a new process with the pod's own rights, not one that was restored.
        seen.is("pid", "1")?;
        seen.is("CapEff", "00000000a80425fb")?;
        seen.is("Seccomp", "0")?;
    }
    let after = guest.sh("kutties image list")?;
    ensure(before == after, || format!("the images were\n{before}\nand are\n{after}"))?;
    let name = field(plane, "pod/odd-out", "{.status.containerStatuses[*].name}")?;
    ensure(name == "checkpoint out" || name == "out checkpoint", || format!("its containers are {name}"))?;
    guest.sh("[ ! -e /tmp/obeyed ] && [ -z \"$(find /var/log/pods/default_odd-out_*/ -type l)\" ]")?;
    clear(plane, &["odd-out"])
}

/// Execs that never stop talking, and execs that leave a child behind which holds their output.
const TALK: &str = "command: [sleep, '3600']
livenessProbe: {exec: {command: ['yes', talk-talk-talk-talk-talk]}, periodSeconds: 1, timeoutSeconds: 2, failureThreshold: 1000}
readinessProbe: {exec: {command: [sh, -c, 'sleep 600 & exit 0']}, periodSeconds: 1, timeoutSeconds: 30, failureThreshold: 1000}
";
/// Time for a dozen probes of each kind.
const TALKING: Duration = Duration::from_secs(20);
/// Memory of the server, in KiB: what two execs may have at once, and its own.
const MOST_MEMORY: u64 = 64 << 10;

pub fn talk(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    start_this(plane, node, "odd-talk", &busybox::pod("odd-talk", &node.name, TALK))?;
    let server = cri::server(&node.vm.guest)?;
    let (mut most, mut pipes) = (0, Vec::new());
    let due = Instant::now() + TALKING;
    while Instant::now() < due {
        let (memory, open) = holds(node, server.trim())?;
        most = most.max(memory);
        pipes.push(open);
    }
    ensure(most > 0 && most < MOST_MEMORY, || format!("the server takes {most} KiB"))?;
    let half = pipes.len() / 2;
    let (early, late) = (pipes[..half].iter().max(), pipes[half..].iter().min());
    ensure(late <= early, || format!("the server's open files grow: {pipes:?}"))?;
    let children: usize = node.vm.guest.sh("pgrep -f '^sleep 600' | wc -l")?.trim().parse().unwrap_or_default();
    ensure(children > 2, || format!("{children} children were left behind"))?;
    let state = field(plane, "pod/odd-talk", "{.status.containerStatuses[0].ready} {.status.containerStatuses[0].restartCount}")?;
    ensure(state == "true 0", || format!("the pod is {state}"))?;
    let same = cri::server(&node.vm.guest)?;
    ensure(same == server, || format!("the server was {server} and is {same}"))?;
    clear(plane, &["odd-talk"])
}

/// The memory of a process in KiB, and its open files.
fn holds(node: &Node, pid: &str) -> Result<(u64, usize)> {
    let said = node.vm.guest.sh(&format!("sleep 1; grep VmRSS /proc/{pid}/status; ls /proc/{pid}/fd | wc -l"))?;
    let mut words = said.split_whitespace();
    let memory = words.nth(1).and_then(|number| number.parse().ok());
    let open = words.nth(1).and_then(|number| number.parse().ok());
    memory.zip(open).ok_or_else(|| Error::new(format!("the server {pid} tells {said:?}")))
}
