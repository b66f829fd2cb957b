//! Ports of the host.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;

use cni::PortMapping;
use netlink::{Netlink, Route};
use serde_json::{Value, json};

use crate::{PACKET, Pod, Setup, heard, outside, send};

pub fn udp(port: u16, pod_port: u16, host_ip: &str) -> PortMapping {
    PortMapping { host_port: port, container_port: pod_port, protocol: "udp".into(), host_ip: host_ip.into() }
}

/// The bridge of both families with portmap after it.
pub fn with_ports(setup: &Setup, name: &str, third: u8) -> Value {
    let mut value = setup.bridge(name, third);
    let portmap = json!({"type": "portmap", "capabilities": {"portMappings": true}, "backend": "nftables"});
    value["plugins"].as_array_mut().unwrap().push(portmap);
    value
}

pub fn ports(setup: &Setup) {
    let network = setup.network(with_ports(setup, "ports", 3));
    let (mut pod, other) = (Pod::new("p"), outside());
    pod.attachment.port_mappings = vec![udp(8053, 53, ""), udp(8054, 53, "192.0.2.1"), udp(8055, 53, "2001:db8::1")];
    other.inside(|nl| nl.add_route(&Route::default_by("192.0.2.1".parse().unwrap())).unwrap());
    let any = IpAddr::from([0; 4]);
    // A sender that was there first, and goes on: the kernel remembers where its packets went.
    let early = other.inside(|_| UdpSocket::bind((any, 0)).unwrap());
    let nobody = UdpSocket::bind("192.0.2.1:8053").unwrap();
    early.send_to(b"hello", "192.0.2.1:8053").unwrap();
    heard(&nobody);
    network.add(&pod.attachment).unwrap();
    let server = pod.inside(|_| UdpSocket::bind("[::]:53").unwrap());
    let from = |server: &UdpSocket| heard(server).ip().to_canonical();
    early.send_to(b"hello", "192.0.2.1:8053").unwrap();
    assert_eq!(from(&server), "192.0.2.2".parse::<IpAddr>().unwrap());
    let six = IpAddr::from([0; 16]);
    for (to, reached) in
        [("192.0.2.1:8054", true), ("[2001:db8::1]:8053", true), ("[2001:db8::1]:8055", true), ("192.0.2.1:8055", false)]
    {
        let to: SocketAddr = to.parse().unwrap();
        send(&other, if to.is_ipv4() { any } else { six }, to);
        assert_eq!(hears(&server), reached, "{to}");
    }
    UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"hello", "127.0.0.1:8053").unwrap();
    assert_eq!(from(&server), "10.9.3.1".parse::<IpAddr>().unwrap());
    UdpSocket::bind("[::1]:0").unwrap().send_to(b"hello", "[::1]:8053").unwrap();
    // The reference masquerades 127.0.0.1 alone.
    assert!(setup.reference.is_some() || hears(&server));
    send(&pod, any, "192.0.2.1:8053".parse().unwrap());
    assert_eq!(from(&server), "10.9.3.1".parse::<IpAddr>().unwrap());
    // A packet for another machine is left alone, though it goes to a port of that number
    // (CVE-2025-67499).
    let far = other.inside(|_| UdpSocket::bind("192.0.2.2:8053").unwrap());
    send(&pod, any, "192.0.2.2:8053".parse().unwrap());
    heard(&far);
    UdpSocket::bind("0.0.0.0:0").unwrap().send_to(b"hello", "192.0.2.2:8053").unwrap();
    heard(&far);
    network.check(&pod.attachment).unwrap();
    network.del(&pod.attachment).unwrap();
    network.del(&pod.attachment).unwrap();
    early.send_to(b"hello", "192.0.2.1:8053").unwrap();
    send(&other, any, "192.0.2.1:8053".parse().unwrap());
    heard(&nobody);
    assert!(setup.reference.is_some() || !hears(&server));
    // The port's next pod, which has another address; the early sender never stopped.
    let mut next = Pod::new("next");
    next.attachment.port_mappings = vec![udp(8053, 53, "")];
    network.add(&next.attachment).unwrap();
    let server = next.inside(|_| UdpSocket::bind("[::]:53").unwrap());
    early.send_to(b"hello", "192.0.2.1:8053").unwrap();
    assert_eq!(from(&server), "192.0.2.2".parse::<IpAddr>().unwrap());
    network.del(&next.attachment).unwrap();
    Netlink::open().unwrap().delete_link("near").unwrap();
}

/// Tells if a packet comes.
fn hears(server: &UdpSocket) -> bool {
    server.set_read_timeout(Some(PACKET)).unwrap();
    server.recv_from(&mut [0; 16]).is_ok()
}

/// TCP both ways through a port, and SCTP where the kernel has it.
pub fn streams(setup: &Setup) {
    let network = setup.network(with_ports(setup, "streams", 10));
    let (mut pod, other) = (Pod::new("s"), outside());
    let tcp = PortMapping { protocol: "tcp".into(), ..udp(8080, 80, "") };
    let sctp = PortMapping { protocol: "sctp".into(), ..udp(8080, 81, "") };
    pod.attachment.port_mappings = vec![tcp, sctp];
    network.add(&pod.attachment).unwrap();
    for (to, v6) in [("192.0.2.1:8080", false), ("[2001:db8::1]:8080", true)] {
        let listener = pod.inside(|_| TcpListener::bind(if v6 { "[::]:80" } else { "0.0.0.0:80" }).unwrap());
        let mut client = other.inside(|_| TcpStream::connect_timeout(&to.parse().unwrap(), PACKET).unwrap());
        let (mut served, _) = listener.accept().unwrap();
        served.write_all(b"welcome").unwrap();
        let mut bytes = [0; 7];
        client.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"welcome");
    }
    match pod.inside(|_| sctp_listener(81)) {
        None => println!("    (the kernel has no SCTP)"),
        Some(listener) => {
            let client = other.inside(|_| sctp_socket().unwrap());
            rustix::net::connect(&client, &"192.0.2.1:8080".parse::<SocketAddr>().unwrap()).unwrap();
            rustix::net::accept(&listener).unwrap();
        }
    }
    network.del(&pod.attachment).unwrap();
    Netlink::open().unwrap().delete_link("near").unwrap();
}

fn sctp_socket() -> Option<OwnedFd> {
    use rustix::net::{AddressFamily, SocketType, ipproto, socket};
    socket(AddressFamily::INET, SocketType::STREAM, Some(ipproto::SCTP)).ok()
}

fn sctp_listener(port: u16) -> Option<OwnedFd> {
    let listener = sctp_socket()?;
    rustix::net::bind(&listener, &SocketAddr::from(([0; 4], port))).unwrap();
    rustix::net::listen(&listener, 1).unwrap();
    Some(listener)
}
