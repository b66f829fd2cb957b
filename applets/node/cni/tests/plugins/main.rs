//! The plugins and the library against the running kernel: real namespaces, links, packets. Needs root. All happens in network and
//! mount namespaces of the test's own.
//!
//! This executable is the plugins too: called by the name of one, with `CNI_COMMAND` set, it is that plugin. With
//! `CNI_REFERENCE=DIR` the same is asked of the reference plugins in that directory, and then of mixtures of both.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(clippy::print_stdout, reason = "a test's own harness")]

mod exchange;
mod flannel;
mod loopback;
mod others;
mod ports;
mod protocol;
mod ranges;

use std::fs::File;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use cni::{Answer, Attachment, Network};
use netlink::{Cidr, Kind, Netlink, NewLink, within};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use serde_json::{Value, json};

/// Timeout of a packet.
const PACKET: Duration = Duration::from_secs(3);
/// Less than the kernel's question whether somebody has an address already, or a packet's repetition.
const AT_ONCE: Duration = Duration::from_millis(900);
/// Name and function of a test.
type Test = (&'static str, fn(&Setup));

const TESTS: &[Test] = &[
    ("two pods talk and leave nothing", two_pods),
    ("pods on cables of their own", point_to_point),
    ("what leaves is masqueraded", masqueraded),
    ("addresses are of use at once", at_once),
    ("ports lead to the pod", ports::ports),
    ("streams through ports", ports::streams),
    ("capabilities and cached answers", protocol::capabilities),
    ("a failed chain is undone", undone),
    ("a pod is detached without its namespace", namespace_gone),
    ("plugins say what is wrong", protocol::complaints),
    ("many at once", many),
    ("the machine's loopback addresses are its own", loopback::guarded),
    ("a bridge moves to another range", ranges::moved),
    ("a range grows and shrinks", ranges::resized),
    ("a bridge keeps the addresses of others", ranges::kept),
    ("pods of IPv6 alone", ranges::version_six),
    ("networks of others run", others::run),
    ("networks of others wait for their plugins", others::wait),
    ("flannel's daemon gives the range", flannel::range),
    ("a pod outlives its network's configuration", others::removed),
];

/// A plugin that fails.
const BROKEN: &str = "#!/bin/sh\necho '{\"code\":100,\"msg\":\"broken on purpose\"}'\nexit 1\n";
/// A plugin that keeps what it was told in the directory `seen` of its configuration.
const SPY: &str = r#"#!/bin/sh
input=$(cat)
dir=$(echo "$input" | sed 's/.*"seen":"\([^"]*\)".*/\1/')
echo "$input" >"$dir/$CNI_COMMAND"
case "$CNI_COMMAND $input" in
    *'"fail":true'*) echo '{"code":50,"msg":"not now"}'; exit 1;;
    # An elder form than the one that was asked for.
    ADD*) echo '{"cniVersion":"0.4.0","ips":[{"version":"4","address":"10.7.7.7/24"}]}';;
esac
"#;

struct Setup {
    bin: PathBuf,
    dir: PathBuf,
    /// Directory of the reference plugins, if it is their turn.
    reference: Option<PathBuf>,
}

fn main() -> ExitCode {
    if std::env::var_os("CNI_COMMAND").is_some() {
        return plugin();
    }
    // Alone before any thread exists.
    unshare(CloneFlags::CLONE_NEWNS).unwrap();
    let none: Option<&str> = None;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
    std::fs::create_dir_all("/var/lib/cni").unwrap();
    let dir = std::env::temp_dir().join(format!("kutties-cni-plugins-{}", std::process::id()));
    let (mut passed, mut failed) = pass(&Setup::new(dir.join("ours"), None), TESTS);
    if let Some(reference) = std::env::var_os("CNI_REFERENCE").map(PathBuf::from) {
        let theirs = pass(&Setup::new(dir.join("reference"), Some(&reference)), TESTS);
        let both = pass(&Setup::new(dir.join("both"), Some(&reference)), &[("ours in the place of theirs", exchange::all)]);
        (passed, failed) = (passed + theirs.0 + both.0, failed + theirs.1 + both.1);
    }
    std::fs::remove_dir_all(dir).unwrap();
    // As the standard harness says it, for those who count.
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!("test result: {word}. {passed} passed; {failed} failed; 0 ignored");
    ExitCode::from(u8::from(failed > 0))
}

/// Run tests in a network of their own: how many passed and failed.
fn pass(setup: &Setup, tests: &[Test]) -> (usize, usize) {
    unshare(CloneFlags::CLONE_NEWNET).unwrap();
    mount(Some("tmpfs"), "/var/lib/cni", Some("tmpfs"), MsFlags::empty(), None::<&str>).unwrap();
    Netlink::open().unwrap().up("lo").unwrap();
    let only = std::env::args().nth(1).unwrap_or_default();
    let whose = if setup.reference.is_some() { " (reference)" } else { "" };
    let (mut passed, mut failed) = (0, 0);
    for (name, test) in tests.iter().filter(|(name, _)| name.contains(&only)) {
        let good = std::panic::catch_unwind(|| test(setup)).is_ok();
        println!("test {name}{whose} ... {}", if good { "ok" } else { "FAILED" });
        *(if good { &mut passed } else { &mut failed }) += 1;
    }
    (passed, failed)
}

/// Be the plugin that the name says.
fn plugin() -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    let name = Path::new(&args[0]).file_name().unwrap().to_string_lossy().into_owned();
    let applet = cni::APPLETS.iter().find(|applet| applet.name == name).unwrap();
    ExitCode::from((applet.run)(&args).unwrap().0)
}

impl Setup {
    fn new(dir: PathBuf, reference: Option<&Path>) -> Self {
        let bin = dir.join("bin");
        std::fs::create_dir_all(&bin).unwrap();
        for applet in cni::APPLETS {
            std::os::unix::fs::symlink(std::env::current_exe().unwrap(), bin.join(applet.name)).unwrap();
        }
        for (name, text) in [("broken", BROKEN), ("spy", SPY)] {
            std::fs::write(bin.join(name), text).unwrap();
            std::fs::set_permissions(bin.join(name), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        }
        if let Some(from) = reference {
            for name in ["bridge", "host-local", "loopback", "portmap", "ptp"] {
                std::fs::remove_file(bin.join(name)).unwrap();
                std::os::unix::fs::symlink(from.join(name), bin.join(name)).unwrap();
            }
        }
        Self { bin, dir, reference: reference.map(Path::to_owned) }
    }

    fn network(&self, value: Value) -> Network {
        Network::from_json(value).unwrap().with_path(vec![self.bin.clone()])
    }

    /// A network of a bridge with addresses of both families.
    fn bridge(&self, name: &str, third: u8) -> Value {
        json!({"cniVersion": "1.0.0", "name": name, "plugins": [{
            "type": "bridge", "bridge": format!("br{third}"), "isGateway": true, "ipMasq": true, "hairpinMode": true, "mtu": 1400,
            "ipMasqBackend": "nftables",
            "ipam": {
                "type": "host-local", "dataDir": self.dir.join("leases"),
                "ranges": [[{"subnet": format!("10.9.{third}.0/24")}], [{"subnet": format!("fd09:{third}::/64")}]],
                "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}],
            },
        }]})
    }

    /// The addresses that are leased in a network.
    fn leases(&self, network: &str) -> Vec<String> {
        let files = std::fs::read_dir(self.dir.join("leases").join(network)).unwrap();
        let names = files.map(|f| f.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.parse::<IpAddr>().is_ok()).collect()
    }
}

/// A network namespace, held by a thread.
struct Pod {
    attachment: Attachment,
    netns: File,
    end: std::sync::mpsc::Sender<()>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Pod {
    fn new(id: &str) -> Self {
        let (sender, receiver) = std::sync::mpsc::channel();
        let (end, wait) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            let link = std::fs::read_link("/proc/thread-self").unwrap();
            sender.send(Path::new("/proc").join(link).join("ns/net")).unwrap();
            let _ = wait.recv();
        });
        let path = receiver.recv().unwrap();
        let netns = File::open(&path).unwrap();
        let attachment = Attachment { container_id: id.into(), netns: path, ifname: "eth0".into(), ..Attachment::default() };
        Self { attachment, netns, end, thread: Some(thread) }
    }

    fn inside<T: Send>(&self, work: impl FnOnce(&mut Netlink) -> T + Send) -> T {
        within(self.netns.as_fd(), || Ok(work(&mut Netlink::open()?))).unwrap()
    }

    /// End the namespace.
    fn end(mut self) -> Attachment {
        self.end.send(()).unwrap();
        self.thread.take().unwrap().join().unwrap();
        self.attachment.clone()
    }
}

/// The pod's addresses, IPv4 first.
fn addresses(answer: &Answer) -> Vec<IpAddr> {
    answer.pod_addresses().iter().map(|cidr| cidr.addr).collect()
}

/// A packet from within one namespace to an address in another; the sender's address as it arrived.
fn packet(from: &Pod, to: &Pod, addr: IpAddr) -> IpAddr {
    let any: IpAddr = if addr.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
    let receiver = to.inside(|_| UdpSocket::bind((any, 7000)).unwrap());
    send(from, any, (addr, 7000).into());
    heard(&receiver).ip()
}

fn send(from: &Pod, any: IpAddr, to: SocketAddr) {
    let sender = from.inside(|_| UdpSocket::bind((any, 0)).unwrap());
    sender.send_to(b"hello", to).unwrap();
}

fn heard(receiver: &UdpSocket) -> SocketAddr {
    receiver.set_read_timeout(Some(PACKET)).unwrap();
    receiver.recv_from(&mut [0; 16]).unwrap().1
}

fn links() -> Vec<String> {
    Netlink::open().unwrap().links().unwrap().into_iter().map(|l| l.name).collect()
}

fn two_pods(setup: &Setup) {
    let network = setup.network(setup.bridge("two", 1));
    let (a, b) = (Pod::new("a"), Pod::new("b"));
    let (for_a, for_b) = (network.add(&a.attachment).unwrap(), network.add(&b.attachment).unwrap());
    assert_eq!(addresses(&for_a), ["10.9.1.2".parse::<IpAddr>().unwrap(), "fd09:1::2".parse().unwrap()]);
    let names: Vec<_> = for_a.interfaces.iter().map(|i| i.name.as_str()).collect();
    assert_eq!((names[0], names[2]), ("br1", "eth0"));
    assert_eq!(for_a.interfaces[2].sandbox, a.attachment.netns.to_str().unwrap());
    assert_eq!(for_a.interfaces[0].mac, Netlink::open().unwrap().need("br1").unwrap().mac());
    assert_eq!(a.inside(|nl| nl.need("eth0").unwrap().mtu), 1400);
    assert!(a.inside(|nl| nl.need("lo").unwrap().is_up()));
    for (at, there) in addresses(&for_b).into_iter().enumerate() {
        assert_eq!(packet(&a, &b, there), addresses(&for_a)[at]);
        let gateway = for_a.ips[at].gateway.unwrap();
        assert!(a.inside(|nl| nl.routes().unwrap().iter().any(|r| r.is_default() && r.gateway == Some(gateway))));
    }
    network.check(&a.attachment).unwrap();
    // No pod's router advertisement gives this machine a default route (CVE-2020-10749).
    let outer = links().into_iter().find(|name| name.starts_with("veth")).unwrap();
    for link in ["br1", &outer] {
        let hears = std::fs::read_to_string(format!("/proc/sys/net/ipv6/conf/{link}/accept_ra"));
        assert!(setup.reference.is_some() || hears.unwrap().trim() == "0", "{link}");
    }
    a.inside(|nl| assert!(nl.delete_address("eth0", "10.9.1.2/24".parse().unwrap()).unwrap()));
    assert!(network.check(&a.attachment).is_err());
    assert_eq!(setup.leases("two").len(), 4);
    for pod in [&a, &b, &a] {
        network.del(&pod.attachment).unwrap();
    }
    assert!(a.inside(|nl| nl.link("eth0").unwrap()).is_none());
    assert!(setup.leases("two").is_empty());
    assert!(!links().iter().any(|name| name.starts_with("veth")), "{:?}", links());
    assert_eq!(std::fs::read_dir("/var/lib/cni/results").unwrap().count(), 0);
}

fn point_to_point(setup: &Setup) {
    let mut value = setup.bridge("ptp", 8);
    value["plugins"][0]["type"] = json!("ptp");
    let network = setup.network(value);
    let (a, b) = (Pod::new("pa"), Pod::new("pb"));
    let (for_a, for_b) = (network.add(&a.attachment).unwrap(), network.add(&b.attachment).unwrap());
    assert_eq!(for_a.interfaces.len(), 2);
    assert_eq!(addresses(&for_a)[0], "10.9.8.2".parse::<IpAddr>().unwrap());
    // The network's masquerading does not touch what stays in it.
    assert_eq!(packet(&a, &b, addresses(&for_b)[0]), addresses(&for_a)[0]);
    let way = a.inside(|nl| nl.route_to(addresses(&for_b)[0]).unwrap());
    assert_eq!(way.gateway, Some("10.9.8.1".parse().unwrap()));
    network.check(&a.attachment).unwrap();
    for pod in [&a, &b, &b] {
        network.del(&pod.attachment).unwrap();
    }
    assert!(setup.leases("ptp").is_empty());
    assert!(!links().iter().any(|name| name.starts_with("veth")), "{:?}", links());
}

/// Another machine, joined to this one by a cable.
fn outside() -> Pod {
    let other = Pod::new("outside");
    let mut nl = Netlink::open().unwrap();
    let peer = NewLink { name: "far", netns: Some(other.netns.as_fd()), ..NewLink::default() };
    nl.add_link(&NewLink { name: "near", kind: Kind::Veth(Box::new(peer)), ..NewLink::default() }).unwrap();
    for (nl, name, v4, v6) in [
        (&mut nl, "near", "192.0.2.1/24", "2001:db8::1/64"),
        (&mut other.inside(|_| Netlink::open().unwrap()), "far", "192.0.2.2/24", "2001:db8::2/64"),
    ] {
        nl.add_address(name, v4.parse().unwrap()).unwrap();
        nl.up(name).unwrap();
        nl.add_address_at_once(name, v6.parse::<Cidr>().unwrap()).unwrap();
    }
    other
}

/// An address of either family is of use as soon as ADD has answered: nobody asks around for a second whether it is free.
fn at_once(setup: &Setup) {
    let network = setup.network(setup.bridge("once", 12));
    let (pod, other) = (Pod::new("o"), outside());
    network.add(&pod.attachment).unwrap();
    for (own, gateway, near) in [("10.9.12.2", "10.9.12.1", "192.0.2.1"), ("fd09:12::2", "fd09:12::1", "2001:db8::1")] {
        let [own, gateway, near] = [own, gateway, near].map(|text| text.parse::<IpAddr>().unwrap());
        let any: IpAddr = if own.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
        let begin = Instant::now();
        let (host, inside) = (UdpSocket::bind((any, 7001)).unwrap(), pod.inside(|_| UdpSocket::bind((any, 7001)).unwrap()));
        // The host speaks first: it must ask who has the pod's address.
        host.send_to(b"hello", (own, 7001)).unwrap();
        heard(&inside);
        inside.send_to(b"hello", (gateway, 7001)).unwrap();
        heard(&host);
        send(&other, any, (near, 7001).into());
        heard(&host);
        // The reference waits for the bridge's own address, which nobody else could have.
        assert!(setup.reference.is_some() || begin.elapsed() < AT_ONCE, "{own} took {:?}", begin.elapsed());
    }
    network.del(&pod.attachment).unwrap();
    Netlink::open().unwrap().delete_link("near").unwrap();
}

fn masqueraded(setup: &Setup) {
    let network = setup.network(setup.bridge("masq", 2));
    let (pod, other) = (Pod::new("m"), outside());
    network.add(&pod.attachment).unwrap();
    for (to, seen) in [("192.0.2.2", "192.0.2.1"), ("2001:db8::2", "2001:db8::1")] {
        assert_eq!(packet(&pod, &other, to.parse().unwrap()), seen.parse::<IpAddr>().unwrap());
    }
    network.del(&pod.attachment).unwrap();
    Netlink::open().unwrap().delete_link("near").unwrap();
}

fn undone(setup: &Setup) {
    let mut value = setup.bridge("undone", 4);
    value["plugins"].as_array_mut().unwrap().push(json!({"type": "broken"}));
    let network = setup.network(value);
    let pod = Pod::new("u");
    let said = network.add(&pod.attachment).unwrap_err().to_string();
    assert_eq!(said, "CNI plugin broken (ADD): broken on purpose");
    // DEL stops at the broken plugin as libcni's does, so the network without it must be able to clean up.
    setup.network(setup.bridge("undone", 4)).del(&pod.attachment).unwrap();
    assert!(setup.leases("undone").is_empty());
    let missing = setup.network(json!({"cniVersion": "1.0.0", "name": "x", "plugins": [{"type": "not-there"}]}));
    assert!(missing.add(&pod.attachment).unwrap_err().to_string().contains("there is no not-there in"));
    assert!(missing.status().is_err());
}

fn namespace_gone(setup: &Setup) {
    let network = setup.network(setup.bridge("gone", 5));
    let pod = Pod::new("g");
    network.add(&pod.attachment).unwrap();
    let attachment = pod.end();
    // The configuration changed meanwhile: what was attached is detached as it was.
    let other = setup.network(setup.bridge("changed", 6));
    other.del(&attachment).unwrap();
    assert!(setup.leases("gone").is_empty());
    let nowhere = Attachment { netns: PathBuf::new(), ..attachment };
    network.del(&nowhere).unwrap();
}

fn many(setup: &Setup) {
    /// As many as a kubelet starts at once after a reboot, and some.
    const COUNT: usize = 12;
    let network = setup.network(setup.bridge("many", 7));
    let pods: Vec<Pod> = (0..COUNT).map(|n| Pod::new(&format!("many{n}"))).collect();
    let mut found: Vec<IpAddr> = std::thread::scope(|scope| {
        let network = &network;
        let threads: Vec<_> = pods.iter().map(|pod| scope.spawn(move || network.add(&pod.attachment).unwrap())).collect();
        threads.into_iter().flat_map(|t| addresses(&t.join().unwrap())).collect()
    });
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 2 * COUNT);
    network.gc(&[("many0".into(), "eth0".into())]).unwrap();
    assert_eq!(setup.leases("many").len(), 2);
    network.del(&pods[0].attachment).unwrap();
}
