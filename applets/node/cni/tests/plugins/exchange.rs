//! Plugins of ours and of the reference in the place of each other.

use std::path::{Path, PathBuf};

use cni::{Network, PortMapping};
use netlink::{Cidr, Netlink, nft};
use serde_json::{Value, json};

use crate::ports::{udp, with_ports};
use crate::{Pod, Setup, links};

/// A network of plugins of which those in `ours` are ours and the others the reference's.
fn mixed(setup: &Setup, reference: &Path, name: &str, ours: &[&str]) -> Vec<PathBuf> {
    let dir = setup.dir.join(name);
    std::fs::create_dir_all(&dir).unwrap();
    for plugin in ["bandwidth", "bridge", "host-local", "loopback", "portmap", "ptp", "tuning"] {
        let ours = ours.contains(&plugin).then(|| std::env::current_exe().unwrap());
        std::os::unix::fs::symlink(ours.unwrap_or_else(|| reference.join(plugin)), dir.join(plugin)).unwrap();
    }
    vec![dir]
}

/// Checks that each side checks, deletes and collects the other's attachments; the answers have one form.
pub fn all(setup: &Setup) {
    let reference = setup.reference.clone().unwrap();
    let ours = mixed(setup, &reference, "ours", &["bridge", "host-local", "loopback", "portmap", "ptp"]);
    let theirs = mixed(setup, &reference, "theirs", &[]);
    let half = mixed(setup, &reference, "half", &["bridge", "portmap"]);
    let other_half = mixed(setup, &reference, "other-half", &["host-local", "ptp"]);
    for version in ["0.3.1", "0.4.0", "1.0.0", "1.1.0"] {
        for kind in ["bridge", "ptp"] {
            let mut value = with_ports(setup, &format!("mix-{kind}-{version}"), 11);
            value["cniVersion"] = json!(version);
            value["plugins"][0]["type"] = json!(kind);
            let plugins = value["plugins"].as_array_mut().unwrap();
            plugins.push(json!({"type": "tuning", "sysctl": {"net.core.somaxconn": "777"}}));
            plugins.push(json!({"type": "bandwidth", "capabilities": {"bandwidth": true}}));
            let network = Network::from_json(value).unwrap();
            for (makes, ends) in [(&ours, &theirs), (&theirs, &ours), (&half, &other_half), (&other_half, &half)] {
                swap(&network.clone().with_path(makes.clone()), &network.clone().with_path(ends.clone()));
            }
            let shapes: Vec<Value> = [&ours, &theirs].map(|path| shape(&network.clone().with_path(path.clone()))).into();
            assert_eq!(shapes[0], shapes[1], "{kind} {version}");
            Netlink::open().unwrap().delete_link("br11").unwrap();
        }
    }
}

fn shaped_pod(id: &str) -> Pod {
    let mut pod = Pod::new(id);
    pod.attachment.port_mappings = vec![udp(8060, 53, ""), PortMapping { protocol: "tcp".into(), ..udp(8061, 53, "127.0.0.1") }];
    let burst = json!({"ingressRate": 1_000_000, "ingressBurst": 1_000_000, "egressRate": 1_000_000, "egressBurst": 1_000_000});
    pod.attachment.capabilities.insert("bandwidth".into(), burst);
    pod
}

fn swap(makes: &Network, ends: &Network) {
    let before = links();
    let (pod, stale) = (shaped_pod("swapped"), Pod::new("stale"));
    makes.add(&pod.attachment).unwrap();
    if makes.version != "0.3.1" {
        makes.check(&pod.attachment).unwrap();
        ends.check(&pod.attachment).unwrap();
    }
    assert_eq!(nft::forwarded("swapped").unwrap(), 3);
    assert_eq!(nft::masqueraded(|c| c.ends_with("id: swapped")).unwrap(), 2);
    makes.add(&stale.attachment).unwrap();
    ends.gc(&[("swapped".into(), "eth0".into())]).unwrap();
    assert_eq!(nft::masqueraded(|c| c.ends_with("id: stale")).unwrap(), 0);
    assert!(stale.inside(|nl| nl.link("eth0").unwrap()).is_none());
    ends.del(&pod.attachment).unwrap();
    assert_eq!(nft::forwarded("swapped").unwrap() + nft::masqueraded(|c| c.ends_with("id: swapped")).unwrap(), 0);
    let left: Vec<_> = links().into_iter().filter(|name| !before.contains(name) && name != "br11").collect();
    assert!(left.is_empty(), "{left:?} is left");
    assert!(pod.inside(|nl| nl.link("eth0").unwrap()).is_none());
}

/// The cached answer of an ADD without what chance decides.
fn shape(network: &Network) -> Value {
    let pod = shaped_pod("shaped");
    network.add(&pod.attachment).unwrap();
    let file = format!("/var/lib/cni/results/{}-shaped-eth0", network.name);
    let cached: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    network.del(&pod.attachment).unwrap();
    let mut result = cached["result"].clone();
    for interface in result["interfaces"].as_array_mut().unwrap() {
        // The reference does not tell it.
        interface.as_object_mut().unwrap().remove("mtu");
        interface["mac"] = json!(interface["mac"].as_str().unwrap().len());
        if let Some(sandbox) = interface.get_mut("sandbox") {
            *sandbox = json!(sandbox.as_str().unwrap().is_empty());
        }
        let name = interface["name"].as_str().unwrap().to_owned();
        // Both call the links of a bandwidth limit "bwp" and a hash, those of pods "veth" and a number.
        interface["name"] = json!(name.get(..4).unwrap_or(&name));
    }
    for ip in result["ips"].as_array_mut().unwrap() {
        // The next free ones.
        let address: Cidr = ip["address"].as_str().unwrap().parse().unwrap();
        ip["address"] = json!(address.network().to_string());
    }
    result
}
