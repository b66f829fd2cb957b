//! The DHCP client against dnsmasq, over a cable between two network namespaces. Needs root. All happens in namespaces of the
//! test's own; this executable is the client too (`dhcp dhclient …`), as the client starts itself anew.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(clippy::print_stdout, reason = "a test's own harness")]

use std::net::{IpAddr, UdpSocket};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Output, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use format::dhcp::Packet;
use format::dhcp::Type::{self, Ack, Nak, Offer};
use netlink::{Kind, Netlink, NewLink};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use serde_json::Value;

/// Timeout of an event that must come.
const LIMIT: Duration = Duration::from_secs(20);
const SERVER: &str = "/usr/sbin/dnsmasq";
const MAC: &str = "02:00:00:00:00:77";

/// A test's name and what it does.
type Test = (&'static str, fn(&Server));

const TESTS: &[Test] = &[
    ("an address and all that goes with it", all),
    ("classless routes", routes),
    ("a hostile server", hostile),
    ("nobody there", nobody),
    ("the lease is renewed, refused and replaced", renewed),
];

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    if let Some(applet) = args.get(1).and_then(|name| net::APPLETS.iter().find(|applet| *name == applet.name)) {
        return match (applet.run)(&args[1..]) {
            Ok(exit) => ExitCode::from(exit.0),
            Err(e) => {
                std::io::Write::write_all(&mut std::io::stderr(), format!("{e}\n").as_bytes()).unwrap();
                ExitCode::from(e.exit().0)
            }
        };
    }
    if !Path::new(SERVER).exists() {
        println!("there is no {SERVER}\ntest result: ok. 0 passed; 0 failed; {} ignored", TESTS.len());
        return ExitCode::SUCCESS;
    }
    alone();
    let server = Server::new();
    let only = std::env::args().nth(1).unwrap_or_default();
    let (mut passed, mut failed) = (0, 0);
    for (name, test) in TESTS.iter().filter(|(name, _)| name.contains(&only)) {
        let good = std::panic::catch_unwind(|| test(&server)).is_ok();
        end_keeper();
        println!("test {name} ... {}", if good { "ok" } else { "FAILED" });
        *(if good { &mut passed } else { &mut failed }) += 1;
    }
    // As the standard harness says it, for those who count.
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!("test result: {word}. {passed} passed; {failed} failed; 0 ignored");
    ExitCode::from(u8::from(failed > 0))
}

/// Network, mounts and host name of our own, before any thread exists.
fn alone() {
    unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWUTS).unwrap();
    let none: Option<&str> = None;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
    let own = std::env::temp_dir().join(format!("kutties-dhcp-{}", std::process::id()));
    std::fs::create_dir_all(&own).unwrap();
    std::fs::create_dir_all("/run/kutties").unwrap();
    mount(Some("tmpfs"), &own, Some("tmpfs"), MsFlags::empty(), none).unwrap();
    mount(Some("tmpfs"), "/run/kutties", Some("tmpfs"), MsFlags::empty(), none).unwrap();
    std::fs::write(own.join("resolv.conf"), "").unwrap();
    mount(Some(&own.join("resolv.conf")), "/etc/resolv.conf", none, MsFlags::MS_BIND, none).unwrap();
    nix::unistd::sethostname("localhost").unwrap();
}

type Work = Box<dyn FnOnce(&mut Netlink) + Send>;

/// A thread in another network namespace, joined to ours by a cable: `card` here, `srv` there.
struct Server {
    work: Sender<Work>,
    done: Receiver<()>,
}

impl Server {
    fn new() -> Self {
        let (work, jobs) = channel::<Work>();
        let (finished, done) = channel();
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            sender.send(std::fs::File::open("/proc/thread-self/ns/net").unwrap()).unwrap();
            let mut nl = Netlink::open().unwrap();
            for job in jobs {
                job(&mut nl);
                finished.send(()).unwrap();
            }
        });
        let netns = receiver.recv().unwrap();
        let mut nl = Netlink::open().unwrap();
        let mac: Vec<u8> = MAC.split(':').map(|b| u8::from_str_radix(b, 16).unwrap()).collect();
        let peer = NewLink { name: "srv", netns: Some(netns.as_fd()), ..NewLink::default() };
        let kind = Kind::Veth(Box::new(peer));
        nl.add_link(&NewLink { name: "card", kind, address: Some(&mac), ..NewLink::default() }).unwrap();
        let server = Self { work, done };
        server.there(|nl| {
            nl.add_address("srv", "10.8.0.1/24".parse().unwrap()).unwrap();
            nl.up("srv").unwrap();
        });
        server
    }

    fn there(&self, job: impl FnOnce(&mut Netlink) + Send + 'static) {
        self.work.send(Box::new(job)).unwrap();
        self.done.recv().unwrap();
    }

    /// Start dnsmasq there, with options.
    fn start(&self, options: &[&str]) -> Dnsmasq {
        let file = std::env::temp_dir().join(format!("kutties-dhcp-{}/leases", std::process::id()));
        let mut command = Command::new(SERVER);
        command.args(["--no-daemon", "--conf-file=/dev/null", "--port=0", "--interface=srv", "--bind-interfaces", "--no-ping"]);
        command.args(["--user=root", "--dhcp-authoritative", "--dhcp-range=10.8.0.10,10.8.0.20,255.255.255.0,120"]);
        command.arg(format!("--dhcp-leasefile={}", file.display())).args(options).stderr(Stdio::null());
        let (sender, receiver) = channel();
        self.there(move |_| sender.send(command.spawn().unwrap()).unwrap());
        Dnsmasq(receiver.recv().unwrap())
    }
}

/// Ends with the test.
struct Dnsmasq(Child);

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn client(args: &[&str]) -> Output {
    Command::new(std::env::current_exe().unwrap()).arg("dhclient").args(args).output().unwrap()
}

/// The lease on record; null while there is none.
fn lease() -> Value {
    std::fs::read("/run/kutties/dhcp/card.json").map(|text| serde_json::from_slice(&text).unwrap()).unwrap_or_default()
}

/// The process that stayed behind; none when its file is not written yet.
fn keeper() -> Option<i32> {
    std::fs::read_to_string("/run/kutties/dhcp/card.pid").ok()?.trim().parse().ok()
}

/// End it and forget what it knew.
fn end_keeper() {
    if let Some(pid) = keeper() {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
    }
    let _ = std::fs::remove_dir_all("/run/kutties/dhcp");
    let mut nl = Netlink::open().unwrap();
    for address in nl.addresses_of("card").unwrap().into_iter().filter(|a| a.cidr.is_v4()) {
        nl.delete_address("card", address.cidr).unwrap();
    }
}

fn until(what: &str, mut good: impl FnMut() -> bool) {
    let end = Instant::now() + LIMIT;
    while !good() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn all(server: &Server) {
    let host = format!("--dhcp-host={MAC},10.8.0.15,node7");
    let _dnsmasq = server.start(&["--dhcp-option=6,10.8.0.1,9.9.9.9", "--domain=lab", "--dhcp-option=26,1400", &host]);
    let output = client(&["-1", "-v", "card"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(said, "card 10.8.0.15/24 by 10.8.0.1, names from 10.8.0.1 9.9.9.9, for 120 s\n", "{output:?}");
    assert!(output.status.success());
    let mut nl = Netlink::open().unwrap();
    let found = nl.addresses_of("card").unwrap();
    let address = found.iter().find(|a| a.cidr.is_v4()).unwrap();
    assert_eq!(address.cidr.to_string(), "10.8.0.15/24");
    assert!((100..=120).contains(&address.lifetime.valid));
    let link = nl.need("card").unwrap();
    assert_eq!(link.mtu, 1400);
    let route = nl.routes().unwrap().into_iter().find(netlink::Route::is_default).unwrap();
    let gateway: IpAddr = "10.8.0.1".parse().unwrap();
    assert_eq!((route.gateway, route.metric, route.protocol), (Some(gateway), Some(1000 + link.index), 16));
    assert_eq!(std::fs::read_to_string("/etc/resolv.conf").unwrap(), "search lab\nnameserver 10.8.0.1\nnameserver 9.9.9.9\n");
    assert_eq!(nix::unistd::gethostname().unwrap(), "node7");
    assert_eq!(lease()["host_name"], "node7");
    until("a process stays behind", || keeper().is_some());
    let first = keeper();
    assert!(client(&["card"]).status.success());
    until("another takes its place", || keeper().is_some() && keeper() != first);
}

/// Names that would be lines of files and words of a shell, routes that no host has or that the kernel refuses, an MTU beyond the card's: the
/// address and what is sound count all the same.
fn hostile(server: &Server) {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":");
    let option = |number: u8, value: &[u8]| format!("--dhcp-option-force={number},{}", hex(value));
    let routes = [&[8, 127, 10, 8, 0, 1][..], &[0, 224, 0, 0, 1], &[24, 10, 99, 0, 10, 8, 0, 1]].concat();
    let options = [
        option(12, b"evil;reboot\n"),
        option(15, b"evil\nnameserver 6.6.6.6"),
        option(121, &routes),
        option(26, &[0xff, 0xff]),
        "--dhcp-option=6,10.8.0.1".into(),
        option(224, b"kutties.service.x.command=/bin/id"),
    ];
    nix::unistd::sethostname("localhost").unwrap();
    let _dnsmasq = server.start(&options.each_ref().map(String::as_str));
    let output = client(&["-1", "card"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(nix::unistd::gethostname().unwrap(), "localhost");
    assert_eq!(std::fs::read_to_string("/etc/resolv.conf").unwrap(), "nameserver 10.8.0.1\n");
    let lease = lease();
    assert_eq!((&lease["host_name"], &lease["domain"]), (&Value::Null, &Value::Null));
    let routes = Netlink::open().unwrap().routes().unwrap();
    let to = |network: &str| routes.iter().any(|route| route.protocol == 16 && route.to.to_string() == network);
    assert!(to("10.99.0.0/24") && !to("127.0.0.0/8") && !to("0.0.0.0/0"));
}

/// A server of the test's own, which can do what dnsmasq does not: lend for seconds, and refuse. It lends the addresses of `lends`
/// one after the other: a renewal of any but the current one is refused.
fn own_server(server: &Server, lends: [u8; 2], renewals: u32) -> Receiver<Type> {
    let (sender, receiver) = channel();
    server.there(move |_| {
        let socket = UdpSocket::bind("0.0.0.0:67").unwrap();
        socket.set_broadcast(true).unwrap();
        std::thread::spawn(move || answer_all(&socket, lends, renewals, &sender));
    });
    receiver
}

fn answer_all(socket: &UdpSocket, lends: [u8; 2], mut renewals: u32, told: &Sender<Type>) {
    let mut current = lends[0];
    let mut buffer = [0; 1500];
    loop {
        let (len, _) = socket.recv_from(&mut buffer).unwrap();
        let Ok(asked) = Packet::parse(&buffer[..len]) else { continue };
        let renewal = !asked.client.is_unspecified();
        let kind = match asked.kind().unwrap() {
            Type::Discover => Type::Offer,
            Type::Request if renewal && renewals == 0 => Type::Nak,
            _ => Type::Ack,
        };
        if kind == Type::Nak {
            current = lends[1];
            renewals = u32::MAX;
        } else if renewal {
            renewals -= 1;
        }
        let mut answer = Packet::of_client(kind, asked.exchange, asked.hardware);
        answer.reply = true;
        answer.yours = [10, 8, 0, current].into();
        for (number, value) in [(54, [10, 8, 0, 1]), (1, [255, 255, 255, 0]), (51, [0, 0, 0, 60]), (58, [0, 0, 0, 1])] {
            answer.options.insert(number, value.to_vec());
        }
        let to = if renewal { asked.client } else { [10, 8, 0, 255].into() };
        socket.send_to(&answer.to_bytes(), (to, 68)).unwrap();
        if told.send(kind).is_err() {
            return;
        }
    }
}

fn renewed(server: &Server) {
    let told = own_server(server, [50, 60], 2);
    assert!(client(&["card"]).status.success());
    assert_eq!(lease()["address"], "10.8.0.50/24");
    // A request that is answered late is repeated, and answered again.
    let (mut kinds, mut acks): (Vec<Type>, _) = (Vec::new(), 0);
    while !kinds.ends_with(&[Nak, Offer, Ack]) {
        let kind = told.recv_timeout(LIMIT).unwrap();
        acks += usize::from(kind == Ack);
        if kinds.last() != Some(&kind) {
            kinds.push(kind);
        }
    }
    assert_eq!((kinds, acks >= 4), (vec![Offer, Ack, Nak, Offer, Ack], true));
    until("it has the other address", || lease()["address"] == "10.8.0.60/24");
    let has: Vec<_> = Netlink::open().unwrap().addresses_of("card").unwrap().iter().map(|a| a.cidr.to_string()).collect();
    assert!(has.contains(&"10.8.0.60/24".to_owned()) && !has.contains(&"10.8.0.50/24".to_owned()), "{has:?}");
}

fn routes(server: &Server) {
    let _dnsmasq =
        server.start(&["--dhcp-option=121,172.16.0.0/12,10.8.0.2,0.0.0.0/0,10.8.0.3", "--dhcp-option=119,a.lab,b.lab"]);
    assert!(client(&["-1", "card"]).status.success());
    let found = Netlink::open().unwrap().routes().unwrap();
    let via =
        |to: &str| found.iter().find(|r| r.destination() == to && r.table == netlink::Route::MAIN).unwrap().gateway.unwrap();
    assert_eq!((via("172.16.0.0/12").to_string().as_str(), via("default").to_string().as_str()), ("10.8.0.2", "10.8.0.3"));
    assert_eq!(lease()["search"], serde_json::json!(["a.lab", "b.lab"]));
}

fn nobody(_: &Server) {
    let start = Instant::now();
    let output = client(&["-1", "-t", "1", "card"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "card: no DHCP server gave an address within 1 s\n");
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(client(&["-1", "nothere"]).status.code(), Some(2));
}
