//! Against the running kernel, in a network namespace of the test's own. Needs root, as everything that makes links does.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs::File;
use std::os::fd::AsFd;

use netlink::{Cidr, Kind, Lifetime, Netlink, NewLink, Route, within};
use nix::sched::{CloneFlags, unshare};

/// The one kind that every kernel has that we are built on; dummy and vlan are tried in the guest.
const BRIDGE: Kind<'static> = Kind::Bridge { vlan_filtering: false };

/// Run in a thread with a fresh network namespace.
fn alone(work: impl FnOnce(&mut Netlink) + Send) {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            work(&mut Netlink::open().unwrap());
        });
        thread.join().unwrap();
    });
}

fn cidr(text: &str) -> Cidr {
    text.parse().unwrap()
}

#[test]
fn links_of_each_kind() {
    alone(|nl| {
        assert!(nl.need("lo").unwrap().is_loopback());
        nl.add_link(&NewLink { name: "dum0", mtu: Some(1400), kind: BRIDGE, ..NewLink::default() }).unwrap();
        nl.add_link(&NewLink { name: "br0", kind: BRIDGE, ..NewLink::default() }).unwrap();
        let peer = NewLink { name: "ve1", mtu: Some(1300), ..NewLink::default() };
        nl.add_link(&NewLink { name: "ve0", kind: Kind::Veth(Box::new(peer)), ..NewLink::default() }).unwrap();
        let vxlan = Kind::Vxlan { id: 9, on: Some("dum0"), remote: None, local: None, port: Some(4789), learning: false };
        nl.add_link(&NewLink { name: "vx0", kind: vxlan, ..NewLink::default() }).unwrap();
        let kinds: Vec<_> = nl.links().unwrap().into_iter().map(|l| (l.name, l.kind.unwrap_or_default(), l.mtu)).collect();
        for want in [("dum0", "bridge", 1400), ("br0", "bridge", 1500), ("ve1", "veth", 1300), ("vx0", "vxlan", 1350)] {
            assert!(kinds.iter().any(|(n, k, m)| (n.as_str(), k.as_str(), *m) == want), "{want:?} in {kinds:?}");
        }
        nl.set_master("ve0", Some("br0")).unwrap();
        nl.set_hairpin("ve0", true).unwrap();
        nl.up("ve0").unwrap();
        nl.up("ve1").unwrap();
        let (end, bridge) = (nl.need("ve0").unwrap(), nl.need("br0").unwrap());
        assert_eq!(end.master, Some(bridge.index));
        assert!(end.is_running());
        nl.set_hardware_address("dum0", &[2, 0, 0, 0, 0, 7]).unwrap();
        assert_eq!(nl.need("dum0").unwrap().mac(), "02:00:00:00:00:07");
        nl.rename("dum0", "dum1").unwrap();
        assert!(nl.delete_link("dum1").unwrap());
        assert!(!nl.delete_link("dum1").unwrap());
        let twice = nl.add_link(&NewLink { name: "br0", kind: BRIDGE, ..NewLink::default() }).unwrap_err();
        assert_eq!(twice.to_string(), "add the bridge br0: file exists");
    });
}

#[test]
fn addresses_and_routes() {
    alone(|nl| {
        nl.add_link(&NewLink { name: "dum0", kind: BRIDGE, ..NewLink::default() }).unwrap();
        nl.up("dum0").unwrap();
        nl.add_address("dum0", cidr("10.0.0.2/24")).unwrap();
        let twice = nl.add_address("dum0", cidr("10.0.0.2/24")).unwrap_err().to_string();
        assert!(twice.starts_with("add address 10.0.0.2/24 to dum0: file exists"), "{twice}");
        nl.replace_address("dum0", cidr("10.0.0.2/24"), Lifetime { valid: 300, preferred: 200 }).unwrap();
        nl.add_address_at_once("dum0", cidr("fd00::2/64")).unwrap();
        let found = nl.addresses_of("dum0").unwrap();
        assert_eq!(found[0].cidr, cidr("10.0.0.2/24"));
        assert_eq!(found[0].broadcast.unwrap().to_string(), "10.0.0.255");
        assert!(found[0].lifetime.valid <= 300);
        assert!(found.iter().any(|a| a.cidr == cidr("fd00::2/64") && !a.is_tentative()));
        let mut route = Route::default_by("10.0.0.1".parse().unwrap());
        route.metric = Some(5);
        nl.add_route(&route).unwrap();
        nl.replace_route(&route).unwrap();
        let six = Route { index: Some(nl.need("dum0").unwrap().index), ..Route::to(cidr("fd01::/48")) };
        nl.add_route(&six).unwrap();
        let routes = nl.routes().unwrap();
        let default = routes.iter().find(|r| r.is_default() && r.table == Route::MAIN).unwrap();
        assert_eq!((default.gateway, default.metric), (route.gateway, Some(5)));
        assert!(routes.iter().any(|r| r.to == cidr("fd01::/48")));
        let way = nl.route_to("1.1.1.1".parse().unwrap()).unwrap();
        assert_eq!((way.gateway, way.source), (route.gateway, Some("10.0.0.2".parse().unwrap())));
        assert!(nl.delete_route(&route).unwrap());
        assert!(!nl.delete_route(&route).unwrap());
        assert!(nl.delete_address("dum0", cidr("10.0.0.2/24")).unwrap());
        assert!(!nl.delete_address("dum0", cidr("10.0.0.2/24")).unwrap());
        nl.replace_neighbour("dum0", "10.0.0.9".parse().unwrap(), &[2, 0, 0, 0, 0, 9]).unwrap();
        assert!(nl.neighbours().unwrap().iter().any(|n| n.state_name() == "PERMANENT"));
        let nowhere = Route::default_by("192.0.2.1".parse().unwrap());
        let said = nl.add_route(&nowhere).unwrap_err().to_string();
        assert!(said.starts_with("add the route default via 192.0.2.1: network is unreachable"), "{said}");
    });
}

#[test]
fn a_cable_between_namespaces() {
    alone(|nl| {
        let own = File::open("/proc/thread-self/ns/net").unwrap();
        let (sender, receiver) = std::sync::mpsc::channel();
        let (done, wait) = std::sync::mpsc::channel::<()>();
        let other = std::thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            sender.send(File::open("/proc/thread-self/ns/net").unwrap()).unwrap();
            let _ = wait.recv();
        });
        let there = receiver.recv().unwrap();
        let peer = NewLink { name: "eth0", netns: Some(there.as_fd()), ..NewLink::default() };
        nl.add_link(&NewLink { name: "host0", kind: Kind::Veth(Box::new(peer)), ..NewLink::default() }).unwrap();
        assert!(nl.link("eth0").unwrap().is_none());
        let mut inside = within(there.as_fd(), Netlink::open).unwrap();
        assert_eq!(inside.need("eth0").unwrap().kind.as_deref(), Some("veth"));
        inside.move_link("eth0", own.as_fd()).unwrap();
        assert!(inside.link("eth0").unwrap().is_none());
        assert!(nl.link("eth0").unwrap().is_some());
        drop(done);
        other.join().unwrap();
    });
}
