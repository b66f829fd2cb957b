//! Against the running kernel, in network namespaces of the tests' own. They need root, as everything that makes links does.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs::File;
use std::net::{IpAddr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use netlink::{Cidr, Kind, Netlink, NewLink, Route};
use nix::sched::{CloneFlags, unshare};

use super::announce;
use super::place::Place;

const OWN: [&str; 2] = ["10.9.0.1/24", "fd09::1/64"];
const OTHER: [&str; 2] = ["10.9.0.2/24", "fd09::2/64"];
const SHARED: [&str; 2] = ["10.9.0.100", "fd09::64"];

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A link `eth0` with these addresses that can be used at once.
fn ready(nl: &mut Netlink, addresses: &[&str]) {
    nl.up("eth0").unwrap();
    nl.up("lo").unwrap();
    for address in addresses {
        nl.add_address_at_once("eth0", address.parse().unwrap()).unwrap();
    }
}

/// Run in a namespace with the first machine's addresses, and `there` in one with the other's, side by side on a cable.
fn two(there: impl FnOnce() + Send + 'static, here: impl FnOnce(&mut Netlink) + Send + 'static) {
    std::thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        let (sender, receiver) = channel();
        let (begin, allowed) = channel::<()>();
        let (done, finished) = channel();
        let other = std::thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            sender.send(File::open("/proc/thread-self/ns/net").unwrap()).unwrap();
            allowed.recv().unwrap();
            ready(&mut Netlink::open().unwrap(), &OTHER);
            there();
            done.send(()).unwrap();
            // The cable goes with the namespace.
            let _ = allowed.recv();
        });
        let netns = receiver.recv().unwrap();
        let mut nl = Netlink::open().unwrap();
        let peer = NewLink { name: "eth0", netns: Some(netns.as_fd()), ..NewLink::default() };
        nl.add_link(&NewLink { name: "eth0", kind: Kind::Veth(Box::new(peer)), ..NewLink::default() }).unwrap();
        ready(&mut nl, &OWN);
        begin.send(()).unwrap();
        finished.recv().unwrap();
        here(&mut nl);
        drop(begin);
        other.join().unwrap();
    })
    .join()
    .unwrap();
}

#[test]
fn an_address_is_asked_for_and_announced() {
    let hold = || {
        for address in SHARED {
            Place::open(ip(address)).unwrap().hold(60).unwrap();
        }
    };
    two(hold, |nl| {
        let link = nl.need("eth0").unwrap();
        for (at, address) in SHARED.iter().enumerate() {
            assert!(announce::is_taken(&link, ip(address)).unwrap(), "{address}");
            assert!(announce::is_taken(&link, OTHER[at].parse::<Cidr>().unwrap().addr).unwrap());
            let began = Instant::now();
            let free = if at == 0 { "10.9.0.77" } else { "fd09::77" };
            assert!(!announce::is_taken(&link, ip(free)).unwrap());
            assert!(began.elapsed() > Duration::from_secs(1) && began.elapsed() < Duration::from_secs(10));
            announce::announce(&link, ip(address)).unwrap();
        }
    });
}

#[test]
fn the_neighbours_learn_where_it_is_now() {
    /// Longer than a question that was lost and is asked again.
    const LIMIT: Duration = Duration::from_secs(5);
    let (ask, asked) = channel::<(bool, Vec<u8>)>();
    let (tell, told) = channel();
    // Returns the other machine's neighbour entries once they are as expected, or after LIMIT. If asked
    // to, it first sends packets to the shared addresses.
    let neighbour = move || {
        let mut nl = Netlink::open().unwrap();
        std::thread::spawn(move || {
            for (talks, expected) in asked {
                for address in SHARED.iter().filter(|_| talks) {
                    let any = if ip(address).is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                    UdpSocket::bind(any).unwrap().send_to(b"x", (ip(address), 9)).unwrap();
                }
                let began = Instant::now();
                loop {
                    let all = nl.neighbours().unwrap();
                    let known = SHARED.map(|address| all.iter().find(|n| n.addr == ip(address)).map(|n| n.hardware.clone()));
                    if known.iter().all(|known| known.as_ref() == Some(&expected)) || began.elapsed() > LIMIT {
                        tell.send(known).unwrap();
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
        });
    };
    two(neighbour, move |nl| {
        for address in SHARED {
            Place::open(ip(address)).unwrap().hold(60).unwrap();
        }
        let old = nl.need("eth0").unwrap().address;
        ask.send((true, old.clone())).unwrap();
        assert_eq!(told.recv().unwrap(), [Some(old.clone()), Some(old)]);
        // As good as another machine.
        let new = vec![2, 0, 0, 0, 0, 9];
        nl.set_hardware_address("eth0", &new).unwrap();
        let link = nl.need("eth0").unwrap();
        for address in SHARED {
            announce::announce(&link, ip(address)).unwrap();
        }
        ask.send((false, new.clone())).unwrap();
        assert_eq!(told.recv().unwrap(), [Some(new.clone()), Some(new)]);
    });
}

#[test]
fn it_is_here_for_a_time_and_never_the_machines_own() {
    two(
        || {},
        |nl| {
            nl.add_route(&Route::default_by(ip("10.9.0.2"))).unwrap();
            for (at, address) in SHARED.iter().enumerate() {
                let mut place = Place::open(ip(address)).unwrap();
                assert!(!place.is_here().unwrap() && !place.leave().unwrap());
                let held = place.hold(60).unwrap();
                assert!(held.is_new && held.link.name == "eth0" && place.is_here().unwrap());
                assert!(!place.hold(60).unwrap().is_new, "renewed");
                let found = nl.addresses_of("eth0").unwrap().into_iter().find(|has| has.cidr.addr == ip(address)).unwrap();
                assert_eq!((found.cidr, found.lifetime.preferred), (Cidr::host(ip(address)), 0));
                assert!((50..=60).contains(&found.lifetime.valid) && !found.is_tentative());
                let own: Cidr = OWN[at].parse().unwrap();
                assert_eq!(place.own_address(&held.link).unwrap(), Some(own.addr));
                let way = nl.route_to(OTHER[at].parse::<Cidr>().unwrap().addr).unwrap();
                assert_eq!(way.source, Some(own.addr));
            }
            assert_eq!(nl.route_to(ip("192.0.2.1")).unwrap().source, Some(ip("10.9.0.1")));
            assert_eq!(nl.addresses_of("eth0").unwrap()[0].cidr, OWN[0].parse().unwrap(), "the first is the machine's own");
            // The machine's own address goes and comes back, as with a DHCP server: it is the first again.
            nl.delete_address("eth0", OWN[0].parse().unwrap()).unwrap();
            nl.add_address("eth0", OWN[0].parse().unwrap()).unwrap();
            assert_eq!(nl.addresses_of("eth0").unwrap()[0].cidr.addr, ip(SHARED[0]));
            let mut place = Place::open(ip(SHARED[0])).unwrap();
            assert!(place.hold(60).unwrap().is_new);
            assert_eq!(nl.addresses_of("eth0").unwrap()[0].cidr, OWN[0].parse().unwrap());
            assert!(place.leave().unwrap() && !place.is_here().unwrap());
            // An address of the machine's own is not shared, and not taken away.
            let mut own = Place::open(ip("10.9.0.1")).unwrap();
            let why = own.hold(60).err().unwrap().to_string();
            assert_eq!(why, "share 10.9.0.1: it is an address of this machine's own");
            assert!(!own.leave().unwrap());
        },
    );
}

#[test]
fn the_kernel_takes_it_away_when_nobody_renews_it() {
    two(
        || {},
        |_| {
            let began = Instant::now();
            let mut places = SHARED.map(|address| Place::open(ip(address)).unwrap());
            for place in &mut places {
                place.hold(2).unwrap();
            }
            std::thread::sleep(Duration::from_secs(1));
            assert!(places.iter_mut().all(|place| place.is_here().unwrap()));
            while places.iter_mut().any(|place| place.is_here().unwrap()) {
                // Less than what lies between a holder's end and the next one's beginning.
                assert!(began.elapsed() < Duration::from_millis(3500), "it outlives its time");
                std::thread::sleep(Duration::from_millis(50));
            }
        },
    );
}
