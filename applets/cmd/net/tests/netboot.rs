//! `netboot` as a server for a machine that is played here, over a cable in a network namespace of the test's own. Needs root. This
//! executable is the server too (`netboot netboot …`).
#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails here is a failed test")]
#![expect(clippy::print_stdout, reason = "a test's own harness")]

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use format::dhcp::{Packet, Type, option};
use format::pxe::{self, Arch};
use format::{pe, tftp, udp4};
use netlink::{Kind, Netlink, NewLink};
use nix::sched::{CloneFlags, unshare};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Timeout of an event that must come.
const LIMIT: Duration = Duration::from_secs(20);
const OWN: Ipv4Addr = Ipv4Addr::new(10, 8, 0, 1);
const MAC: [u8; 6] = [2, 0, 0, 0, 0, 0x77];

/// Gets the directory that is served and the number of the machine's card.
type Test = fn(&Path, u32);

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    if let Some(applet) = args.get(1).and_then(|name| net::APPLETS.iter().find(|applet| *name == applet.name)) {
        return match (applet.run)(&args[1..]) {
            Ok(exit) => ExitCode::from(exit.0),
            Err(e) => {
                std::io::stderr().write_all(format!("{e}\n").as_bytes()).unwrap();
                ExitCode::from(e.exit().0)
            }
        };
    }
    if unshare(CloneFlags::CLONE_NEWNET).is_err() {
        println!("no right to a network namespace\ntest result: ok. 0 passed; 0 failed; 2 ignored");
        return ExitCode::SUCCESS;
    }
    let index = cable();
    let directory = directory();
    let tests: &[(&str, Test)] = &[("a server gives all that a machine needs", serves), ("beside another server", beside)];
    let (mut passed, mut failed) = (0, 0);
    for (name, test) in tests {
        let good = std::panic::catch_unwind(|| test(&directory, index)).is_ok();
        println!("test {name} ... {}", if good { "ok" } else { "FAILED" });
        *(if good { &mut passed } else { &mut failed }) += 1;
    }
    fs::remove_dir_all(&directory).unwrap();
    // As the standard harness says it, for those who count.
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!("test result: {word}. {passed} passed; {failed} failed; 0 ignored");
    ExitCode::from(u8::from(failed > 0))
}

/// `srv` with the server's address and `card`, the machine's end, whose number is given.
fn cable() -> u32 {
    let mut nl = Netlink::open().unwrap();
    let kind = Kind::Veth(Box::new(NewLink { name: "srv", ..NewLink::default() }));
    nl.add_link(&NewLink { name: "card", kind, address: Some(&MAC), ..NewLink::default() }).unwrap();
    nl.add_address("srv", "10.8.0.1/24".parse().unwrap()).unwrap();
    for name in ["lo", "srv", "card"] {
        nl.up(name).unwrap();
    }
    nl.need("card").unwrap().index
}

/// Makes the files of `make image`, in small.
fn directory() -> PathBuf {
    let directory = std::env::temp_dir().join(format!("kutties-netboot-{}", std::process::id()));
    fs::create_dir_all(directory.join("machines")).unwrap();
    let mut program = vec![0; 0x400];
    for (at, bytes) in [
        (0, &b"MZ"[..]),
        (0x3c, &[0x80]),
        (0x80, b"PE\0\0\x64\x86"),
        (0x94, &[240]),
        (0x98, &[0x0b, 2]),
        (0x98 + 33, &[0x10]),
        (0x98 + 37, &[2]),
        (0x98 + 57, &[0x10]),
        (0x98 + 61, &[4]),
    ] {
        program[at..at + bytes.len()].copy_from_slice(bytes);
    }
    fs::write(directory.join("kutties.efi"), program).unwrap();
    fs::write(directory.join("boot.ipxe"), "#!ipxe\nkernel vmlinuz ${kutties}\ninitrd core\nboot\n").unwrap();
    fs::write(directory.join("vmlinuz"), (0..200_000_u32).map(|at| (at % 251) as u8).collect::<Vec<_>>()).unwrap();
    fs::write(directory.join("machines/default.toml"), "hostname = \"n${serial}\"\n").unwrap();
    directory
}

struct Server(Child);

impl Server {
    fn start(directory: &Path, how: &[&str]) -> Self {
        let mut command = Command::new("/proc/self/exe");
        command.args(["netboot", "-i", "srv"]).args(how).arg(directory).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let out = child.stdout.take().unwrap();
        let mut lines = BufReader::new(out).lines();
        assert!(lines.any(|line| line.unwrap() == "ready"), "the server ended");
        // It says more, and must not stand still over it.
        std::thread::spawn(move || lines.for_each(drop));
        Self(child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Send a packet from the card, and hear the answer to it.
fn ask(ear: &OwnedFd, index: u32, packet: &Packet) -> Packet {
    let (from, to) = (SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68), SocketAddrV4::new(Ipv4Addr::BROADCAST, 67));
    sys::packet::send(ear.as_fd(), index, [0xff; 6], &udp4::write(from, to, &packet.to_bytes())).unwrap();
    let end = Instant::now() + LIMIT;
    let mut buffer = [0; 1500];
    while Instant::now() < end {
        let second = Timespec { tv_sec: 1, tv_nsec: 0 };
        if poll(&mut [PollFd::from_borrowed_fd(ear.as_fd(), PollFlags::IN)], Some(&second)).unwrap() == 0 {
            continue;
        }
        let (len, _) = rustix::net::recv(ear, &mut buffer[..], rustix::net::RecvFlags::empty()).unwrap();
        let answer = udp4::read(&buffer[..len], 68).and_then(|(_, data)| Packet::parse(data).ok());
        if let Some(answer) = answer.filter(|answer| answer.reply && answer.exchange == packet.exchange) {
            return answer;
        }
    }
    panic!("nobody answers");
}

fn get(path: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect((OWN, 80)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    (String::from_utf8(answer[..end].to_vec()).unwrap(), answer[end + 4..].to_vec())
}

fn by_tftp(file: &str) -> Vec<u8> {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    let options = tftp::Options { block: Some(1000), window: Some(4), timeout: None, size: Some(0) };
    socket.send_to(&tftp::read_request(file, &options), (OWN, 69)).unwrap();
    let (mut all, mut receiver, mut buffer) = (Vec::new(), tftp::Receiver::new(4), [0; 2000]);
    loop {
        let (len, from) = socket.recv_from(&mut buffer).unwrap();
        match tftp::parse(&buffer[..len]).unwrap() {
            tftp::Message::Accept(_) => drop(socket.send_to(&tftp::ack(0), from).unwrap()),
            tftp::Message::Data(number, block) => {
                let taken = receiver.take(number, block.len() < 1000);
                if taken.keep {
                    all.extend_from_slice(block);
                }
                if let Some(number) = taken.answer {
                    socket.send_to(&tftp::ack(number), from).unwrap();
                }
                if taken.keep && block.len() < 1000 {
                    return all;
                }
            }
            other => panic!("{other:?}"),
        }
    }
}

fn serves(directory: &Path, index: u32) {
    let machines = directory.join("machines");
    let token = ["--api", "10.8.0.9:6443", "--token", "t", "--ca", "sha256:c", "--machines", machines.to_str().unwrap()];
    let _server = Server::start(directory, &[&["--range", "10.8.0.10-10.8.0.20", "--router", "10.8.0.1"], &token[..]].concat());
    let ear = sys::packet::open_udp(index, 68).unwrap();
    let mut packet = Packet::of_client(Type::Discover, 7, MAC);
    pxe::introduce(&mut packet, Arch::X86_64, None);
    let offer = ask(&ear, index, &packet);
    assert_eq!((offer.kind(), offer.prefix(), offer.address(option::ROUTERS)), (Some(Type::Offer), Some(24), Some(OWN)));
    assert_eq!(offer.text(option::BOOT_FILE).unwrap(), "http://10.8.0.1:80/x86_64/02-00-00-00-00-77/boot.ipxe");
    packet.options.insert(option::TYPE, vec![Type::Request as u8]);
    packet.options.insert(option::REQUESTED, offer.yours.octets().to_vec());
    packet.exchange = 8;
    assert_eq!((ask(&ear, index, &packet).kind(), offer.yours.octets()[..3].to_vec()), (Some(Type::Ack), vec![10, 8, 0]));

    let (head, script) = get("/x86_64/02-00-00-00-00-77/boot.ipxe");
    let script = String::from_utf8(script).unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let words =
        "set kutties kutties.config=http://10.8.0.1/02-00-00-00-00-77/config.toml?uuid=${uuid}&serial=${serial:uristring}";
    assert!(script.starts_with("#!ipxe\n") && script.contains(words), "{script}");
    let (_, settings) = get("/02-00-00-00-00-77/config.toml?serial=7");
    assert_eq!(settings, b"join = \"10.8.0.9:6443,token=t,ca=sha256:c\"\nhostname = \"n7\"\n");
    assert!(get("/02-00-00-00-00-77/config.toml").0.starts_with("HTTP/1.1 404 "), "the serial number is not known");

    let kernel = fs::read(directory.join("vmlinuz")).unwrap();
    assert!(by_tftp("x86_64/02-00-00-00-00-77/vmlinuz") == kernel && by_tftp("/vmlinuz") == kernel);
    let program = by_tftp("x86_64/02-00-00-00-00-77/kutties.efi");
    let sections = pe::sections(&program).unwrap();
    let carried = String::from_utf8_lossy(sections[0].of_file(&program).unwrap()).into_owned();
    assert!(carried.contains("config = \"http://10.8.0.1/02-00-00-00-00-77/config.toml\"\n"), "{carried}");
    assert_eq!(get("/kutties.efi").1, fs::read(directory.join("kutties.efi")).unwrap(), "the directory's own has nothing more");
}

fn beside(directory: &Path, index: u32) {
    let _server = Server::start(directory, &["--proxy"]);
    let ear = sys::packet::open_udp(index, 68).unwrap();
    let mut packet = Packet::of_client(Type::Discover, 9, MAC);
    packet.options.insert(option::VENDOR_CLASS, b"PXEClient:Arch:00007:UNDI:003016".to_vec());
    packet.options.insert(option::ARCH, vec![0, 7]);
    let offer = ask(&ear, index, &packet);
    assert!(offer.yours.is_unspecified() && offer.next_server == OWN, "{offer:?}");
    assert_eq!(
        (offer.text(option::VENDOR_CLASS).unwrap(), offer.file.as_str()),
        (pxe::PXE.into(), "x86_64/02-00-00-00-00-77/kutties.efi")
    );
    // On the boot server's port, too.
    packet.options.insert(option::TYPE, vec![Type::Request as u8]);
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    socket.send_to(&packet.to_bytes(), (OWN, 4011)).unwrap();
    let mut buffer = [0; 1500];
    let len = socket.recv(&mut buffer).unwrap();
    assert_eq!(Packet::parse(&buffer[..len]).unwrap().kind(), Some(Type::Ack));
    // Without settings each machine's program is the directory's.
    assert_eq!(get("/02-00-00-00-00-77/kutties.efi").1, fs::read(directory.join("kutties.efi")).unwrap());
}
