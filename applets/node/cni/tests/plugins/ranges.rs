//! A bridge whose network gets other ranges.

use std::net::IpAddr;

use cni::{Attachment, Network};
use netlink::{Cidr, Netlink};
use serde_json::{Value, json};

use crate::ports::{udp, with_ports};
use crate::{Pod, Setup, addresses, heard, outside, packet, send};

/// A network with ports whose bridge is `br30`, with these ranges.
fn with_ranges(setup: &Setup, name: &str, subnets: &[&str]) -> Network {
    let mut value = with_ports(setup, name, 30);
    let ranges: Vec<Value> = subnets.iter().map(|subnet| json!([{"subnet": subnet}])).collect();
    value["plugins"][0]["ipam"]["ranges"] = json!(ranges);
    let default = |subnet: &&str| json!({"dst": if subnet.contains(':') { "::/0" } else { "0.0.0.0/0" }});
    value["plugins"][0]["ipam"]["routes"] = subnets.iter().map(default).collect();
    setup.network(value)
}

/// The bridge's addresses but its link-local one, sorted.
fn bridge() -> Vec<String> {
    let found = Netlink::open().unwrap().addresses_of("br30").unwrap();
    let texts = found.iter().map(|address| address.cidr.to_string());
    let mut texts: Vec<String> = texts.filter(|text| !text.starts_with("fe80")).collect();
    texts.sort();
    texts
}

fn delete_bridge() {
    Netlink::open().unwrap().delete_link("br30").unwrap();
}

/// New pods get addresses of the new range, talk and have their ports; the old ones' leases go with them.
pub fn moved(setup: &Setup) {
    if setup.reference.is_some() {
        return;
    }
    let old = with_ranges(setup, "moved", &["10.9.30.0/24", "fd09:30::/64"]);
    let new = with_ranges(setup, "moved", &["10.9.31.0/24", "fd09:31::/64"]);
    let (first, mut second, other) = (Pod::new("first"), Pod::new("second"), outside());
    old.add(&first.attachment).unwrap();
    assert_eq!(bridge(), ["10.9.30.1/24", "fd09:30::1/64"]);
    second.attachment.port_mappings = vec![udp(8053, 53, "")];
    let answer = new.add(&second.attachment).unwrap();
    assert_eq!(addresses(&answer), ["10.9.31.2", "fd09:31::2"].map(|text| text.parse::<IpAddr>().unwrap()));
    assert_eq!(bridge(), ["10.9.31.1/24", "fd09:31::1/64"]);
    for (to, seen) in [("192.0.2.2", "192.0.2.1"), ("2001:db8::2", "2001:db8::1")] {
        assert_eq!(packet(&second, &other, to.parse().unwrap()), seen.parse::<IpAddr>().unwrap());
    }
    let server = second.inside(|_| std::net::UdpSocket::bind("0.0.0.0:53").unwrap());
    send(&other, IpAddr::from([0; 4]), "192.0.2.1:8053".parse().unwrap());
    heard(&server);
    new.check(&second.attachment).unwrap();
    // Back again, and only one family.
    let third = Pod::new("third");
    with_ranges(setup, "moved", &["10.9.30.0/24"]).add(&third.attachment).unwrap();
    assert_eq!(bridge(), ["10.9.30.1/24"]);
    for pod in [first, second, third] {
        new.del(&pod.attachment).unwrap();
    }
    assert!(setup.leases("moved").is_empty());
    delete_bridge();
    Netlink::open().unwrap().delete_link("near").unwrap();
}

/// The bridge has the gateway of the range as it is now. What the old range leased stays leased.
pub fn resized(setup: &Setup) {
    if setup.reference.is_some() {
        return;
    }
    let steps: [(&[&str], &[&str]); 4] = [
        (&["10.9.32.0/24", "fd09:32:0:1::/64"], &["10.9.32.1/24", "fd09:32:0:1::1/64"]),
        (&["10.9.32.0/20", "fd09:32::/56"], &["10.9.32.1/20", "fd09:32::1/56"]),
        (&["10.9.0.0/16", "fd09::/48"], &["10.9.0.1/16", "fd09::1/48"]),
        (&["10.9.32.0/28", "fd09:32::/120"], &["10.9.32.1/28", "fd09:32::1/120"]),
    ];
    let mut pods = Vec::new();
    let mut found = Vec::new();
    for (at, (ranges, gateways)) in steps.iter().enumerate() {
        let network = with_ranges(setup, "resized", ranges);
        let pod = Pod::new(&format!("resized{at}"));
        found.extend(addresses(&network.add(&pod.attachment).unwrap()));
        assert_eq!(&bridge(), gateways, "{ranges:?}");
        pods.push((network, pod));
    }
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 2 * steps.len());
    for (network, pod) in pods {
        network.del(&pod.attachment).unwrap();
    }
    assert!(setup.leases("resized").is_empty());
    delete_bridge();
}

/// Addresses that a person or another network gave the bridge are never taken, and one in the way is told.
pub fn kept(setup: &Setup) {
    let mut nl = Netlink::open().unwrap();
    let first = with_ranges(setup, "mine", &["10.9.33.0/24", "fd09:33::/64"]);
    let pod = Pod::new("mine");
    first.add(&pod.attachment).unwrap();
    let theirs: Cidr = "fd09:99::1/64".parse().unwrap();
    nl.add_address("br30", theirs).unwrap();
    let stranger = Pod::new("stranger");
    let said = with_ranges(setup, "yours", &["10.9.34.0/24"]).add(&stranger.attachment).unwrap_err().to_string();
    assert!(said.contains("already has an IP address different from 10.9.34.1/24"), "{said}");
    assert_eq!(bridge(), ["10.9.33.1/24", "fd09:33::1/64", "fd09:99::1/64"]);
    assert!(setup.leases("yours").is_empty());
    if setup.reference.is_none() {
        let moved = Pod::new("moved");
        let second = with_ranges(setup, "mine", &["10.9.35.0/24", "fd09:35::/64"]);
        second.add(&moved.attachment).unwrap();
        assert_eq!(bridge(), ["10.9.35.1/24", "fd09:35::1/64", "fd09:99::1/64"]);
        second.del(&moved.attachment).unwrap();
    }
    first.del(&pod.attachment).unwrap();
    delete_bridge();
    // A bridge with a person's own IPv4 address, as one with the machine's card in it.
    nl.add_link(&netlink::NewLink {
        name: "br30",
        kind: netlink::Kind::Bridge { vlan_filtering: false },
        ..netlink::NewLink::default()
    })
    .unwrap();
    nl.add_address("br30", "192.0.2.77/24".parse().unwrap()).unwrap();
    let said = first.add(&Pod::new("late").attachment).unwrap_err().to_string();
    assert!(said.contains("already has an IP address"), "{said}");
    assert_eq!(bridge(), ["192.0.2.77/24"]);
    delete_bridge();
}

/// A node whose pods have IPv6 addresses alone.
pub fn version_six(setup: &Setup) {
    let network = setup.network(cni::own_conflist("fd09:36::/64").unwrap());
    let (mut pod, other) = (Pod::new("six"), outside());
    pod.attachment.port_mappings = vec![udp(8053, 53, "")];
    let answer = network.add(&pod.attachment).unwrap();
    assert_eq!(addresses(&answer), ["fd09:36::2".parse::<IpAddr>().unwrap()]);
    assert_eq!(packet(&pod, &other, "2001:db8::2".parse().unwrap()), "2001:db8::1".parse::<IpAddr>().unwrap());
    let server = pod.inside(|_| std::net::UdpSocket::bind("[::]:53").unwrap());
    send(&other, IpAddr::from([0; 16]), "[2001:db8::1]:8053".parse().unwrap());
    heard(&server);
    network.check(&pod.attachment).unwrap();
    // Without its namespace, as after a crash.
    network.del(&Attachment { netns: std::path::PathBuf::new(), ..pod.attachment.clone() }).unwrap();
    network.del(&pod.attachment).unwrap();
    let mut nl = Netlink::open().unwrap();
    nl.delete_link("kutties0").unwrap();
    nl.delete_link("near").unwrap();
}
