//! The machine's loopback addresses beside ports of the host, which let them be translated.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};

use netlink::{Cidr, Netlink, Route};
use serde_json::json;

use crate::ports::{udp, with_ports};
use crate::{PACKET, Pod, Setup, heard, send};

/// Servers that listen on a loopback address, each with a port that no mapping names.
const SERVERS: [&str; 2] = ["127.0.0.1:10248", "127.0.0.53:53"];

/// A pod that leads the machine's loopback addresses to its gateway reaches no server there, by a bridge and by a cable of its own.
pub fn guarded(setup: &Setup) {
    if setup.reference.is_some() {
        // The reference leaves it to others.
        return;
    }
    for (kind, third) in [("bridge", 20), ("ptp", 21)] {
        let mut value = with_ports(setup, kind, third);
        value["plugins"][0]["type"] = json!(kind);
        let network = setup.network(value);
        let (mut open, hostile) = (Pod::new("open"), Pod::new("hostile"));
        open.attachment.port_mappings = vec![udp(8053, 53, "")];
        network.add(&open.attachment).unwrap();
        network.add(&hostile.attachment).unwrap();
        lead_to_gateway(&hostile, &format!("10.9.{third}.1"));
        // The hostile pod's own link takes them as well, when it has got a port.
        lead_to_gateway(&open, &format!("10.9.{third}.1"));
        let servers = SERVERS.map(|at| UdpSocket::bind(at).unwrap());
        let any: IpAddr = Ipv4Addr::UNSPECIFIED.into();
        for pod in [&hostile, &open] {
            for at in SERVERS.iter().chain(&["127.0.0.1:8053"]) {
                send(pod, any, at.parse().unwrap());
            }
        }
        // A packet that the pod may send still comes, and after all that was sent before.
        let witness = UdpSocket::bind("0.0.0.0:10249").unwrap();
        for pod in [&hostile, &open] {
            send(pod, any, format!("10.9.{third}.1:10249").parse().unwrap());
            heard(&witness);
        }
        for server in &servers {
            server.set_nonblocking(true).unwrap();
            assert!(server.recv_from(&mut [0; 16]).is_err(), "{kind}: a pod reached {:?}", server.local_addr());
        }
        let pod = open.inside(|_| UdpSocket::bind("0.0.0.0:53").unwrap());
        pod.set_nonblocking(true).unwrap();
        assert!(pod.recv_from(&mut [0; 16]).is_err(), "{kind}: a loopback address led to a pod");
        // The machine itself still reaches the pod by its loopback address.
        pod.set_nonblocking(false).unwrap();
        pod.set_read_timeout(Some(PACKET)).unwrap();
        UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"hello", "127.0.0.1:8053").unwrap();
        heard(&pod);
        for one in [open, hostile] {
            network.del(&one.attachment).unwrap();
        }
    }
}

/// Send what is for loopback addresses to the gateway.
fn lead_to_gateway(pod: &Pod, gateway: &str) {
    let gateway = gateway.parse().unwrap();
    pod.inside(|nl: &mut Netlink| {
        nl.delete_address("lo", "127.0.0.1/8".parse().unwrap()).unwrap();
        let index = nl.need("eth0").unwrap().index;
        let range: Cidr = "127.0.0.0/8".parse().unwrap();
        nl.add_route(&Route { gateway: Some(gateway), index: Some(index), ..Route::to(range) }).unwrap();
    });
}
