//! Images from a real registry on the lab's network: TLS, passwords, mirrors, and what a registry does wrong.

use std::fs;
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use kit::{Context, Error};
use lab::appliance::Appliance;
use lab::control_plane::ControlPlane;
use lab::guest::{Guest, Output};
use lab::registry::{Packing, Pushed, Registry, USER};
use lab::until;

use crate::case::{BOTH, Case, Outcome, X86, ensure};
use crate::kube::{delete, field};
use crate::world::{Kind, Node, POD, World};

/// The cases.
pub const CASES: &[Case] = &[
    Case { name: "pulls-what-is-packed-in-any-way", boards: BOTH, run: packings },
    Case { name: "certificates-and-passwords-are-checked", boards: X86, run: secured },
    Case { name: "tokens-of-an-authorization-service", boards: X86, run: tokens },
    Case { name: "mirror-by-hosts-toml", boards: X86, run: mirrored },
    Case { name: "spoilt-blob-is-refused", boards: X86, run: spoilt },
    Case { name: "no-room-is-told-and-clears", boards: X86, run: no_room },
    Case { name: "killed-pull-leaves-nothing", boards: X86, run: killed },
    Case { name: "pull-secret-of-a-pod", boards: X86, run: secret },
    Case { name: "failed-pulls-are-told-in-events", boards: X86, run: events },
];

/// Unpacking the test image takes a second or two under emulation.
const PULL: Duration = Duration::from_mins(2);

/// A store of the cases' own: the machine's stays as it is.
const STORE: &str = "/var/lib/registry-cases";

/// Directory of the settings of registries on the node.
const HOSTS: &str = "/etc/containerd/certs.d";

fn push(registry: &Registry, board: &str, repository: &str, packing: Packing) -> kit::Result<Pushed> {
    let archive = Appliance::open(board)?.dir().join("lab/probe.tar");
    registry.push(&archive, repository, "1", packing)
}

fn pull(guest: &Guest, args: &[&str]) -> kit::Result<Output> {
    let words: Vec<&str> = ["/bin/kutties", "image", "--root", STORE, "pull"].iter().chain(args).copied().collect();
    guest.exec_within(&words, b"", PULL)
}

/// The pull must fail with these words.
fn refused(guest: &Guest, args: &[&str], words: &str) -> Outcome {
    let output = pull(guest, args)?;
    let last = output.stderr.lines().last().unwrap_or_default();
    ensure(!output.ok() && last.starts_with("image: pull ") && last.contains(words), || {
        format!("pull {args:?}: wanted {words:?}: {output:?}")
    })
}

fn forget(guest: &Guest) -> kit::Result<()> {
    guest.sh(&format!("rm -rf {STORE} {HOSTS}")).map(drop)
}

fn remove(guest: &Guest, name: &str) -> kit::Result<()> {
    guest.run(&["/bin/kutties", "image", "--root", STORE, "remove", name]).map(drop)
}

/// Nothing of a failed pull is left.
fn nothing_left(guest: &Guest) -> Outcome {
    let left = guest.sh(&format!("cd {STORE} && ls ingest layers configs"))?;
    ensure(left.lines().all(|line| line.is_empty() || line.ends_with(':')), || format!("left in the store:\n{left}"))
}

fn packings(world: &mut World, board: &str) -> Outcome {
    let registry = Registry::start(&world.lab)?;
    // The bare machine's corrupt segment ends inside the overlay module, which it so can't load.
    let guest = &world.node(board, Kind::Unjoined)?.0.vm.guest;
    forget(guest)?;
    let plain = Registry::plain();
    let mut ids = Vec::new();
    guest.sh("modprobe overlay")?;
    for (repository, packing) in [("plain", Packing::Plain), ("a/gzip", Packing::Gzip), ("a/b/zstd", Packing::Zstd)] {
        let pushed = push(&registry, board, repository, packing)?;
        let name = format!("{plain}/{repository}:1");
        let output = pull(guest, &["--plain-http", "--quiet", &name])?;
        ensure(output.ok(), || format!("{name}: {output:?}"))?;
        ids.push(output.stdout.trim().to_owned());
        let known = guest.run(&["/bin/kutties", "image", "--root", STORE, "inspect", &name])?;
        let digest = format!("{plain}/{repository}@{}", pushed.digest);
        ensure(known.contains(&digest), || format!("it does not know its digest {digest}: {known}"))?;
        let by_digest = pull(guest, &["--plain-http", "--quiet", &digest])?;
        ensure(Some(by_digest.stdout.trim()) == ids.last().map(String::as_str), || format!("{by_digest:?}"))?;
        // Containers see the packed files, without those that the upper layer deleted.
        guest.sh(&format!(
            "below=$(kutties image --root {STORE} inspect {name} | grep /layers/ | cut -d'\"' -f2 | tac | paste -sd:) && \
             mkdir -p /tmp/seen && mount -t overlay -o ro,lowerdir=$below seen /tmp/seen && cd /tmp/seen && \
             [ -x bin/probe ] && [ ! -e kmsg ] && grep -q ^probe:x:1000 etc/passwd && [ $(cat for) = {repository}:1 ] && \
             cd / && umount /tmp/seen"
        ))?;
        remove(guest, &name)?;
        nothing_left(guest)?;
    }
    Ok(forget(guest)?)
}

fn hosts(guest: &Guest, registry: &str, text: &str) -> kit::Result<()> {
    guest.write(&format!("{HOSTS}/{registry}/hosts.toml"), text.as_bytes(), 0o644)
}

/// Trust in the lab's authority, in the form that containerd's users know.
fn trust(guest: &Guest, registry: &Registry) -> kit::Result<()> {
    guest.write(&format!("{HOSTS}/lab.crt"), registry.authority().as_bytes(), 0o644)?;
    hosts(guest, &Registry::secure(), &format!("ca = \"{HOSTS}/lab.crt\"\n"))
}

fn secured(world: &mut World, board: &str) -> Outcome {
    let registry = Registry::start(&world.lab)?;
    let guest = &world.bare(board)?.vm.guest;
    forget(guest)?;
    push(&registry, board, "secured", Packing::Gzip)?;
    let name = format!("{}/secured:1", Registry::secure());
    let right = format!("{}:{}", USER.0, USER.1);
    refused(guest, &["--creds", &right, &name], "its TLS is not good")?;
    trust(guest, &registry)?;
    refused(guest, &[&name], "401 unauthorized")?;
    refused(guest, &["--creds", "puller:guess", &name], "401 unauthorized")?;
    refused(guest, &["--creds", &right, &name.replace(":1", ":2")], "404 not found: manifest unknown")?;
    refused(guest, &["--plain-http", &name], "400 bad request: Client sent an HTTP request to an HTTPS server")?;
    nothing_left(guest)?;
    let output = pull(guest, &["--creds", &right, &name])?;
    ensure(output.ok() && output.stdout.starts_with(&name), || format!("{output:?}"))?;
    remove(guest, &name)?;
    guest.sh(&format!("rm -r {HOSTS}"))?;
    let output = pull(guest, &["--skip-verify", "--creds", &right, &name])?;
    ensure(output.ok(), || format!("{output:?}"))?;
    Ok(forget(guest)?)
}

/// Place of an authority that a person adds to the system's.
const LAB_AUTHORITY: &str = "/etc/ssl/certs/lab.crt";

fn tokens(world: &mut World, board: &str) -> Outcome {
    let registry = Registry::start(&world.lab)?;
    let guest = &world.bare(board)?.vm.guest;
    forget(guest)?;
    push(&registry, board, "team/tokens", Packing::Gzip)?;
    let name = format!("{}/team/tokens:1", Registry::tokens());
    hosts(guest, &Registry::tokens(), &format!("server = \"http://{}\"\n", Registry::tokens()))?;
    // Credentials go to another server over TLS alone.
    guest.write(LAB_AUTHORITY, registry.authority().as_bytes(), 0o644)?;
    for creds in [&["--creds", "puller:guess"][..], &[]] {
        refused(guest, &[creds, &[name.as_str()]].concat(), "401 unauthorized: incorrect username or password")?;
    }
    let output = pull(guest, &["--creds", &format!("{}:{}", USER.0, USER.1), &name])?;
    ensure(output.ok(), || format!("{output:?}"))?;
    Ok(forget(guest)?)
}

fn mirrored(world: &mut World, board: &str) -> Outcome {
    let registry = Registry::start(&world.lab)?;
    let guest = &world.bare(board)?.vm.guest;
    forget(guest)?;
    push(&registry, board, "library/mirrored", Packing::Zstd)?;
    let mirror = format!("[host.\"http://{}\"]\ncapabilities = [\"pull\", \"resolve\"]\n", Registry::plain());
    hosts(guest, "docker.io", &mirror)?;
    let output = pull(guest, &["mirrored:1"])?;
    ensure(output.ok() && output.stdout.starts_with("docker.io/library/mirrored:1 "), || format!("{output:?}"))?;
    // A mirror that is down is passed over; that the registry itself does not answer either is what is said.
    hosts(guest, "nowhere.lab", "[host.\"http://10.77.0.1:9\"]\n")?;
    refused(guest, &["nowhere.lab/x:1"], "10.77.0.1:9: ")?;
    refused(guest, &["nowhere.lab/x:1"], "nowhere.lab: ")?;
    hosts(guest, "odd.lab", "sever = \"http://10.77.0.1\"\n")?;
    refused(guest, &["odd.lab/x:1"], "sever")?;
    Ok(forget(guest)?)
}

fn spoilt(world: &mut World, board: &str) -> Outcome {
    let registry = Registry::start(&world.lab)?;
    let guest = &world.bare(board)?.vm.guest;
    forget(guest)?;
    let pushed = push(&registry, board, "spoilt", Packing::Plain)?;
    let path = registry.blob(&pushed.layers[0]);
    let mut bytes = fs::read(&path).on("read", &path)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, &bytes).on("write", &path)?;
    let name = format!("{}/spoilt:1", Registry::plain());
    refused(guest, &["--plain-http", &name], "has digest sha256:")?;
    nothing_left(guest)?;
    fs::write(&path, &bytes[..middle]).on("write", &path)?;
    refused(guest, &["--plain-http", &name], "were expected")?;
    nothing_left(guest)?;
    Ok(forget(guest)?)
}

fn no_room(world: &mut World, board: &str) -> Outcome {
    let registry = Registry::start(&world.lab)?;
    let guest = &world.bare(board)?.vm.guest;
    forget(guest)?;
    let pushed = push(&registry, board, "room", Packing::Gzip)?;
    let path = registry.blob(&pushed.layers[0]);
    let packed = fs::metadata(&path).on("look at", &path)?.len();
    let name = format!("{}/room:1", Registry::plain());
    // Packed it fits just so, unpacked it does not.
    let tight = packed.div_ceil(1024) + 64;
    guest.sh(&format!("mkdir -p {STORE} && mount -t tmpfs -o size={tight}k room {STORE}"))?;
    refused(guest, &["--plain-http", &name], &format!("{STORE} is full: "))?;
    nothing_left(guest)?;
    guest.sh(&format!("mount -o remount,size={}k {STORE}", packed / 2048))?;
    refused(guest, &["--plain-http", &name], "MiB are to come")?;
    guest.sh(&format!("mount -o remount,size=64m {STORE}"))?;
    let output = pull(guest, &["--plain-http", &name])?;
    ensure(output.ok(), || format!("{output:?}"))?;
    guest.sh(&format!("umount {STORE}"))?;
    Ok(forget(guest)?)
}

/// Kill a pull in its middle: its blobs are to come from a server that accepts and gives nothing.
fn killed(world: &mut World, board: &str) -> Outcome {
    let listener = TcpListener::bind((lab::network::ADDRESS, 0)).doing("listen")?;
    listener.set_nonblocking(true).doing("listen")?;
    let port = listener.local_addr().doing("listen")?.port();
    let registry = Registry::start(&world.lab)?;
    let guest = &world.bare(board)?.vm.guest;
    forget(guest)?;
    push(&registry, board, "killed", Packing::Plain)?;
    let (plain, name) = (Registry::plain(), format!("{}/killed:1", Registry::plain()));
    let silent = format!("server = \"http://{}:{port}\"\n", lab::network::ADDRESS);
    hosts(guest, &plain, &format!("{silent}[host.\"http://{plain}\"]\ncapabilities = [\"resolve\"]\n"))?;
    let output = thread::scope(|scope| {
        let pulling = scope.spawn(|| pull(guest, &[&name]));
        let _silent = until(PULL, || listener.accept().doing("wait for the pull"))?;
        guest.sh(&format!("kill -9 $(pgrep -f '[r]oot {STORE} pull')"))?;
        pulling.join().unwrap_or_else(|_| Err(Error::new("the pull's thread died")))
    })?;
    ensure(output.code == 137, || format!("{output:?}"))?;
    guest.run(&["/bin/kutties", "image", "--root", STORE, "prune"])?;
    nothing_left(guest)?;
    guest.sh(&format!("rm -r {HOSTS}"))?;
    let output = pull(guest, &["--plain-http", &name])?;
    ensure(output.ok(), || format!("{output:?}"))?;
    Ok(forget(guest)?)
}

/// A pod of an image that must be pulled, with a secret.
fn pod(name: &str, node: &Node, image: &str, secret: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  nodeName: {}\n  terminationGracePeriodSeconds: 5\n  \
         imagePullSecrets: [{{name: {secret}}}]\n  containers: [{{name: probe, image: \"{image}\", imagePullPolicy: Always}}]\n",
        node.name
    )
}

fn give_secret(plane: &ControlPlane, name: &str, password: &str) -> kit::Result<()> {
    let auth = BASE64_STANDARD.encode(format!("{}:{password}", USER.0));
    let config = format!("{{\"auths\": {{\"{}\": {{\"auth\": \"{auth}\"}}}}}}", Registry::secure());
    let data = BASE64_STANDARD.encode(config);
    let text = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\ntype: kubernetes.io/dockerconfigjson\n\
         data: {{.dockerconfigjson: {data}}}\n"
    );
    plane.apply(&text).map(drop)
}

fn secret(world: &mut World, board: &str) -> Outcome {
    let registry = Registry::start(&world.lab)?;
    let (node, plane) = world.warm(board)?;
    push(&registry, board, "secret", Packing::Gzip)?;
    trust(&node.vm.guest, &registry)?;
    give_secret(plane, "right", USER.1)?;
    let image = format!("{}/secret:1", Registry::secure());
    plane.apply(&pod("pulls", node, &image, "right"))?;
    plane.wait_for("pod/pulls", "condition=Ready", POD).map_err(|e| {
        let events = plane.ask(&["events", "--for", "pod/pulls"]).unwrap_or_default();
        Error::new(format!("{e}\n{events}\n{}", node.service_log("cri")))
    })?;
    let id = field(plane, "pod/pulls", "{.status.containerStatuses[0].imageID}")?;
    ensure(id.contains("/secret@sha256:"), || format!("its image's id is {id}"))?;
    in_use(node, plane, &image)?;
    node.vm.guest.sh(&format!("rm -r {HOSTS}"))?;
    Ok(())
}

/// An image that is removed keeps its layers as long as a container stands on them.
fn in_use(node: &Node, plane: &ControlPlane, image: &str) -> Outcome {
    let guest = &node.vm.guest;
    let known = guest.sh(&format!("kutties image inspect {image} | grep /layers/ | cut -d'\"' -f2"))?;
    let layers = known.lines().collect::<Vec<_>>().join(" ");
    ensure(!layers.is_empty(), || "the image has no layers".into())?;
    guest.sh(&format!("kutties image remove {image} && kutties image prune && ls -d {layers}"))?;
    let pid = guest.sh("pidof probe")?;
    // Its files can still be read.
    guest.sh(&format!("for pid in {}; do cat /proc/$pid/root/etc/passwd > /dev/null || exit 1; done", pid.trim()))?;
    delete(plane, "pulls")?;
    guest.sh_until(&format!("kutties image prune; ! ls -d {layers} 2> /dev/null"), POD)?;
    Ok(())
}

/// Wait until an event of the pod has these words.
fn event(plane: &ControlPlane, pod: &str, words: &str) -> kit::Result<()> {
    until(POD, || {
        let events = plane.ask(&["get", "events", "--field-selector", &format!("involvedObject.name={pod}"), "-o", "yaml"])?;
        // YAML folds long lines.
        let flat = events.split_whitespace().collect::<Vec<_>>().join(" ");
        if flat.contains(words) { Ok(()) } else { Err(Error::new(format!("no event of {pod} says {words:?}:\n{events}"))) }
    })
}

fn events(world: &mut World, board: &str) -> Outcome {
    let registry = Registry::start(&world.lab)?;
    let (node, plane) = world.warm(board)?;
    push(&registry, board, "events", Packing::Gzip)?;
    trust(&node.vm.guest, &registry)?;
    give_secret(plane, "wrong", "guess")?;
    give_secret(plane, "good", USER.1)?;
    let image = |tag: &str| format!("{}/events:{tag}", Registry::secure());
    plane.apply(&pod("denied", node, &image("1"), "wrong"))?;
    plane.apply(&pod("missing", node, &image("2"), "good"))?;
    event(plane, "denied", "401 unauthorized")?;
    event(plane, "missing", "404 not found: manifest unknown")?;
    plane.ask(&["delete", "pod", "denied", "missing", "--timeout=5m"])?;
    node.vm.guest.sh(&format!("rm -r {HOSTS}"))?;
    Ok(())
}
