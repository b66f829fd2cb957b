//! The pod network with other people's plugins, configurations and clients, beside ours.

use std::net::UdpSocket;
use std::time::Duration;

use kit::{Context, Error, Result};
use lab::appliance::Appliance;
use lab::control_plane::ControlPlane;
use lab::guest::Guest;
use lab::{test_image, until};
use serde_json::Value;

use crate::case::{Case, Failure, Outcome, X86, ensure};
use crate::kube::{delete, field, start, wait};
use crate::rpcs::send;
use crate::world::{Node, POD, World};

/// The cases.
pub const CASES: &[Case] = &[
    Case { name: "a-chain-of-theirs-and-ours-in-both-families", boards: X86, run: mixed },
    Case { name: "libcnis-client-drives-our-plugins", boards: X86, run: tool },
    Case { name: "pods-follow-the-network", boards: X86, run: follows },
];

/// The bundle with the reference plugins and libcni's client.
pub const BUNDLE: &str = "cni-lab";
/// Directories in which the node looks for plugins, and for networks.
const BIN: &str = kit::paths::CNI_BIN;
const CONF: &str = "/etc/cni/net.d/10-mixed.conflist";
/// Timeout of an echo before it is repeated.
const ECHO: Duration = Duration::from_secs(2);
/// Timeout of the kernel's check that an address is nobody else's.
const SETTLES: Duration = Duration::from_secs(30);

/// The reference's bridge, addresses, settings and limits, and our ports.
const MIXED: &str = r#"{"cniVersion": "1.1.0", "name": "mixed", "plugins": [
{"type": "bridge", "bridge": "mixed0", "isGateway": true, "hairpinMode": true, "ipam": {"type": "host-local",
 "ranges": [[{"subnet": "10.99.0.0/24"}], [{"subnet": "fd99::/64"}]], "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]}},
{"type": "tuning", "sysctl": {"net.core.somaxconn": "777"}},
{"type": "bandwidth", "capabilities": {"bandwidth": true}},
{"type": "portmap", "capabilities": {"portMappings": true}}]}"#;

fn pod(node: &str) -> String {
    let image = test_image::NAME;
    format!(
        "apiVersion: v1
kind: Pod
metadata: {{name: mixed, annotations: {{kubernetes.io/ingress-bandwidth: 10M}}}}
spec:
  nodeName: {node}
  terminationGracePeriodSeconds: 5
  containers:
  - {{name: serve, image: {image}, args: [serve, '8080']}}
  - {{name: datagrams, image: {image}, args: [datagrams, '53'], ports: [{{containerPort: 53, hostPort: 18053, protocol: UDP}}]}}
"
    )
}

fn mixed(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    let guest = &node.vm.guest;
    let theirs = ["bridge", "host-local", "tuning", "bandwidth"];
    guest.sh(&format!("cd {BIN} && mkdir ours && mv bridge host-local ours"))?;
    for plugin in theirs {
        send(guest, &Appliance::open(board)?.cni_lab().join(plugin), &format!("{BIN}/{plugin}"))?;
    }
    guest.write(CONF, MIXED.as_bytes(), 0o644)?;
    plane.apply(&pod(&node.name))?;
    let tried = wait(plane, node, "mixed", "Ready").map_err(Failure::from).and_then(|()| {
        let addresses = field(plane, "pod/mixed", "{.status.podIPs[*].ip}")?;
        ensure(addresses == "10.99.0.2 fd99::2", || format!("the pod's addresses are {addresses:?}"))?;
        runs(node)
    });
    // Ours end what theirs made, by what was kept of a configuration that is broken now.
    guest.write(CONF, b"{ broken", 0o644)?;
    let told = complains(guest, "10-mixed.conflist");
    // The two that we do not have can end their own only.
    guest.sh(&format!("cd {BIN} && rm bridge host-local && mv ours/* . && rmdir ours"))?;
    delete(plane, "mixed")?;
    let ended = left_nothing(node);
    guest.sh(&format!("rm -f {CONF} {BIN}/bandwidth {BIN}/tuning; ip link del mixed0; crictl info | grep -q '\"kutties\"'"))?;
    tried?;
    told?;
    ended
}

fn runs(node: &Node) -> Outcome {
    let guest = &node.vm.guest;
    let id = guest.run(&["crictl", "pods", "-q", "--name", "mixed"])?;
    let told: Value = json(&guest.run(&["crictl", "inspectp", id.trim()])?)?;
    ensure(told["status"]["network"]["additionalIps"][0] == "fd99::2", || format!("{:#}", told["status"]["network"]))?;
    until(SETTLES, || settled(guest))?;
    for address in ["10.99.0.2", "[fd99::2]"] {
        let said = guest.sh(&format!("wget -q -O - http://{address}:8080/"))?;
        ensure(said == "mixed", || format!("{address} answers {said:?}"))?;
    }
    let container = guest.run(&["crictl", "ps", "-q", "--name", "serve", "--pod", id.trim()])?;
    let tuned = guest.run(&["crictl", "exec", container.trim(), "/bin/probe", "show", "/proc/sys/net/core/somaxconn"])?;
    ensure(tuned.contains("somaxconn| 777"), || format!("tuning did not tune:\n{tuned}"))?;
    // A limit of what comes in is a token bucket on the host's end.
    let links = guest.run(&["ip", "link"])?;
    ensure(links.contains(" qdisc tbf "), || format!("there is no limit of bandwidth:\n{links}"))?;
    let info = json(&guest.run(&["crictl", "info"])?)?;
    ensure(info["network"]["name"] == "mixed", || format!("{info:#}"))?;
    Ok(until(POD, || echo(node))?)
}

/// The reference's bridge, other than ours, asks for a second or two whether its address is anybody else's. Who connects to the pod
/// meanwhile does so from another link's address, which the pod can't answer, and stays with it.
fn settled(guest: &Guest) -> Result<()> {
    let addresses = guest.run(&["ip", "-6", "addr", "show", "dev", "mixed0"])?;
    let settled = addresses.contains("fd99::1/64") && !addresses.contains("tentative");
    if settled { Ok(()) } else { Err(Error::new(format!("the bridge's address is not settled:\n{addresses}"))) }
}

/// A datagram to the port of the host comes back.
fn echo(node: &Node) -> Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:0").doing("open a socket")?;
    socket.set_read_timeout(Some(ECHO)).doing("prepare a socket")?;
    socket.send_to(b"hello", (node.seat.address, 18053)).doing("send a datagram")?;
    let mut bytes = [0; 16];
    let (read, _) = socket.recv_from(&mut bytes).doing("hear from the host's port")?;
    if &bytes[..read] == b"hello" { Ok(()) } else { Err(Error::new("another answer than was sent")) }
}

fn left_nothing(node: &Node) -> Outcome {
    let guest = &node.vm.guest;
    let leases = guest
        .sh("ls /var/lib/cni/networks/mixed | grep -v -e lock -e last_reserved; ls /var/lib/cni/results | grep mixed- || true")?;
    ensure(leases.is_empty(), || format!("left behind:\n{leases}"))?;
    let links = guest.run(&["ip", "link"])?;
    ensure(!links.contains(" bwp"), || format!("left behind:\n{links}"))?;
    ensure(echo(node).is_err(), || "the port leads somewhere after the pod's end".into())
}

fn json(text: &str) -> Result<Value, Failure> {
    serde_json::from_str(text).map_err(|e| Failure::Failed(format!("{e}: {text}")))
}

/// Ours in the newest version of the specification.
const TOOL: &str = r#"{"cniVersion": "1.1.0", "name": "tool", "plugins": [
{"type": "bridge", "bridge": "tool0", "isGateway": true, "ipMasq": true,
 "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.98.0.0/24"}], [{"subnet": "fd98::/64"}]]}},
{"type": "portmap", "capabilities": {"portMappings": true}}]}"#;

fn tool(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    let guest = &node.vm.guest;
    send(guest, &Appliance::open(board)?.cni_lab().join("cnitool"), "/run/cnitool")?;
    guest.sh("mkdir -p /run/tool")?;
    guest.write("/run/tool/10-tool.conflist", TOOL.as_bytes(), 0o644)?;
    start(plane, node, "tool", "")?;
    let tried = drive(guest);
    delete(plane, "tool")?;
    guest.sh("rm -r /run/tool /run/cnitool; ip link del tool0")?;
    tried
}

/// Another network than the bridge that we make, by our own plugins.
const INSTALLED: &str = r#"{"cniVersion": "1.0.0", "name": "installed", "plugins": [
{"type": "bridge", "bridge": "installed0", "isDefaultGateway": true, "ipMasq": true, "hairpinMode": true,
 "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.97.0.0/24"}]]}},
{"type": "portmap", "capabilities": {"portMappings": true}}]}"#;
/// One whose plugin is not there yet.
const INCOMPLETE: &str = r#"{"cniVersion": "0.4.0", "name": "incomplete", "plugins": [
{"type": "bridge", "bridge": "incomplete0", "addIf": "true", "ipam": {"type": "host-local", "subnet": "10.96.0.0/24"}},
{"type": "firewall"}]}"#;
const INSTALLED_CONF: &str = "/etc/cni/net.d/20-installed.conflist";
const INCOMPLETE_CONF: &str = "/etc/cni/net.d/10-incomplete.conflist";

/// A node without a network says what it wants; a pod on our bridge is made anew once a network is installed, and lives on when that is
/// taken away again.
fn follows(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    start(plane, node, "follows", "")?;
    let tried = follow(node, plane);
    let guest = &node.vm.guest;
    guest.sh(&format!("rm -f {INSTALLED_CONF} {INCOMPLETE_CONF}"))?;
    delete(plane, "follows")?;
    tried?;
    let left = guest.sh("ls /var/lib/cni/networks/installed | grep -v -e lock -e last_reserved; ls /var/lib/cni/results | grep installed- || true")?;
    guest.sh("ip link del installed0")?;
    ensure(left.is_empty(), || format!("left behind:\n{left}"))
}

fn follow(node: &Node, plane: &ControlPlane) -> Outcome {
    let guest = &node.vm.guest;
    let gathered = kit::paths::CONFIG_GATHERED;
    guest.sh(&format!("cp {gathered} /run/gathered && sed -i 's/\"bridge\"/\"none\"/' {gathered}"))?;
    let without = complains(guest, "install the cluster's network plugin");
    guest.sh(&format!("mv /run/gathered {gathered}"))?;
    without?;
    let address = || field(plane, "pod/follows", "{.status.podIP}");
    ensure(!address()?.starts_with("10.97.0."), || "the pod is on another bridge than ours".into())?;
    // As long as it can take no pod, nobody is moved to it.
    guest.write(INCOMPLETE_CONF, INCOMPLETE.as_bytes(), 0o644)?;
    complains(guest, "there is no firewall in /opt/cni/bin")?;
    guest.write(INSTALLED_CONF, INSTALLED.as_bytes(), 0o644)?;
    complains(guest, "there is no firewall in /opt/cni/bin")?;
    let ready = guest.run(&["crictl", "pods", "-q", "--name", "follows", "--state", "ready"])?;
    ensure(!ready.trim().is_empty(), || "the pod is not ready while there is no other network".into())?;
    guest.sh(&format!("rm {INCOMPLETE_CONF}"))?;
    until(POD, || match address()? {
        address if address.starts_with("10.97.0.") => Ok(()),
        address => Err(Error::new(format!("the pod's address is still {address:?}"))),
    })?;
    wait(plane, node, "follows", "Ready")?;
    let ready = guest.run(&["crictl", "pods", "-q", "--name", "follows", "--state", "ready"])?;
    ensure(ready.lines().count() == 1, || format!("these sandboxes are ready:\n{ready}"))?;
    guest.sh(&format!("rm {INSTALLED_CONF}"))?;
    let now = json(&guest.run(&["crictl", "info"])?)?;
    ensure(now["network"]["name"] == "kutties" && address()?.starts_with("10.97.0."), || format!("{now:#}"))
}

/// The network's condition is false, and its sentence holds those words.
fn complains(guest: &Guest, words: &str) -> Outcome {
    let info = json(&guest.run(&["crictl", "info"])?)?;
    let network = &info["status"]["conditions"][1];
    let why = network["message"].as_str().unwrap_or_default();
    ensure(network["status"] == false && why.contains(words), || format!("{info:#}"))
}

fn drive(guest: &Guest) -> Outcome {
    let id = guest.run(&["crictl", "pods", "-q", "--name", "tool"])?;
    let told = json(&guest.run(&["crictl", "inspectp", id.trim()])?)?;
    let netns = told["info"]["netns"].as_str().unwrap_or_default().to_owned();
    let ports = r#"{"portMappings": [{"hostPort": 18090, "containerPort": 80, "protocol": "tcp"}]}"#;
    let call = |verb: &str| {
        let line =
            format!("NETCONFPATH=/run/tool CNI_PATH={BIN} CNI_IFNAME=tool1 CAP_ARGS='{ports}' /run/cnitool {verb} tool {netns}");
        guest.exec(&["sh", "-c", &line])
    };
    let good = |verb: &str| {
        let done = call(verb)?;
        ensure(done.ok(), || format!("cnitool {verb}: {done:?}")).map(|()| done.stdout)
    };
    let added = json(&good("add")?)?;
    let addresses: Vec<&str> = added["ips"].as_array().into_iter().flatten().filter_map(|ip| ip["address"].as_str()).collect();
    ensure(addresses == ["10.98.0.2/24", "fd98::2/64"], || format!("{added:#}"))?;
    good("check")?;
    good("status")?;
    guest.sh("ping -c 1 10.98.0.2 && ls /var/lib/cni/networks/tool/10.98.0.2")?;
    good("del")?;
    good("del")?;
    ensure(!call("check")?.ok(), || "CHECK passes when all is gone".into())?;
    good("gc")?;
    let left = guest
        .sh("ls /var/lib/cni/networks/tool | grep -v -e lock -e last_reserved; ls /var/lib/cni/results | grep tool- || true")?;
    ensure(left.is_empty(), || format!("left behind:\n{left}"))
}
