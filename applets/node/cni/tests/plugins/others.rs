//! Configurations as other projects install them.

use std::fs;

use cni::{Attachment, Network, delete_cached};
use nix::mount::{MsFlags, mount, umount};
use serde_json::{Value, json};

use crate::ports::udp;
use crate::{Pod, Setup, addresses};

/// A conflist of one of them, and the pod's first address.
fn theirs() -> Vec<(&'static str, Value, &'static str)> {
    let portmap = json!({"type": "portmap", "capabilities": {"portMappings": true}});
    let kindnet = json!({"cniVersion": "0.3.1", "name": "kindnet", "plugins": [
        {"type": "ptp", "ipMasq": false, "mtu": 1450, "ipam": {"type": "host-local", "dataDir": "/var/lib/cni/kindnet",
            "routes": [{"dst": "0.0.0.0/0"}], "ranges": [[{"subnet": "10.9.40.0/24"}]]}}, portmap]});
    let kube_router = json!({"cniVersion": "0.3.0", "name": "mynet", "plugins": [
        {"type": "bridge", "name": "kubernetes", "bridge": "kube-bridge", "hairpinMode": true, "isDefaultGateway": true, "mtu": 1480,
            "ipam": {"type": "host-local", "subnet": "10.9.41.0/24"}},
        {"type": "portmap", "snat": true, "capabilities": {"portMappings": true, "snat": true}}]});
    let crio = json!({"cniVersion": "1.0.0", "name": "crio", "plugins": [
        {"type": "bridge", "bridge": "crio0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
            "ipam": {"type": "host-local", "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}],
                "ranges": [[{"subnet": "10.9.42.0/24"}], [{"subnet": "1100:200:42::/64"}]]}}]});
    let minikube = json!({"cniVersion": "0.4.0", "name": "bridge", "plugins": [
        {"type": "bridge", "bridge": "mini0", "addIf": "true", "isDefaultGateway": true, "forceAddress": false, "ipMasq": true,
            "hairpinMode": true, "ipam": {"type": "host-local", "subnet": "10.9.43.0/24"}}, portmap]});
    let single = json!({"cniVersion": "0.3.1", "name": "single.net_1", "type": "bridge", "bridge": "single0", "isGateway": true,
        "x-owner": {"made": ["by", 7]}, "ipam": {"type": "host-local", "subnet": "10.9.44.0/24", "gateway": "10.9.44.1",
            "routes": [{"dst": "0.0.0.0/0"}]}});
    vec![
        ("10-kindnet.conflist", kindnet, "10.9.40.2"),
        ("10-kuberouter.conflist", kube_router, "10.9.41.2"),
        ("11-crio-ipv4-bridge.conflist", crio, "10.9.42.2"),
        ("1-k8s.conflist", minikube, "10.9.43.2"),
        ("20-single.conf", single, "10.9.44.2"),
    ]
}

/// Load a configuration as a node does, from a directory with that file alone.
fn load(setup: &Setup, file: &str, value: &Value) -> kit::Result<Network> {
    let dir = setup.dir.join("net.d");
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join(file), value.to_string()).unwrap();
    let found = Network::load(&[&dir]);
    fs::remove_dir_all(&dir).unwrap();
    Ok(found?.unwrap().with_path(vec![setup.bin.clone()]))
}

/// Pods run in them, with a port of the host, in every version that we speak.
pub fn run(setup: &Setup) {
    for (file, mut value, address) in theirs() {
        let own = value["cniVersion"].as_str().unwrap().to_owned();
        for version in [own.as_str(), "0.3.1", "0.4.0", "1.0.0", "1.1.0"] {
            value["cniVersion"] = json!(version);
            let network = load(setup, file, &value).unwrap();
            network.status().unwrap();
            let mut pod = Pod::new("theirs");
            pod.attachment.port_mappings = vec![udp(8053, 53, "")];
            let answer = network.add(&pod.attachment).unwrap();
            // host-local goes on with the next one.
            let network_of = |text: &str| text.rsplit_once('.').unwrap().0.to_owned();
            assert_eq!(network_of(&addresses(&answer)[0].to_string()), network_of(address), "{file} {version}");
            network.del(&pod.attachment).unwrap();
            network.del(&pod.attachment).unwrap();
        }
    }
}

/// A network whose plugin is not aboard is not ready and names it, and is ready as soon as somebody brings it. A type that would lead
/// out of the plugins' directory is refused.
pub fn wait(setup: &Setup) {
    for (kind, conf) in [
        ("firewall", json!({"type": "firewall"})),
        ("tuning", json!({"type": "tuning"})),
        ("bandwidth", json!({"type": "bandwidth", "capabilities": {"bandwidth": true}})),
    ] {
        let value = json!({"cniVersion": "0.4.0", "name": "waits", "plugins": [{"type": "spy", "seen": setup.dir}, conf]});
        let network = load(setup, "87-waits.conflist", &value).unwrap();
        let said = network.status().unwrap_err().to_string();
        assert!(said.contains(&format!("there is no {kind} in ")), "{said}");
        std::os::unix::fs::symlink(setup.bin.join("spy"), setup.bin.join(kind)).unwrap();
        let ready = network.status();
        fs::remove_file(setup.bin.join(kind)).unwrap();
        ready.unwrap();
    }
    for kind in ["../../../../bin/reboot", "/bin/reboot", "bin/../bridge", "..", ".", ""] {
        let value = json!({"cniVersion": "0.4.0", "name": "evil", "plugins": [{"type": kind}]});
        assert!(load(setup, "evil.conflist", &value).and_then(|network| network.status()).is_err(), "{kind:?}");
    }
    // The address plugin's name is one as well.
    let value = json!({"cniVersion": "0.4.0", "name": "evil", "type": "bridge", "ipam": {"type": "../bin/spy"}});
    assert!(load(setup, "evil.conf", &value).unwrap_err().to_string().contains("slash"));
}

/// Checks that running pods can end after their configuration was taken away or broken.
pub fn removed(setup: &Setup) {
    let pod = Pod::new("outlives");
    setup.network(setup.bridge("outlives", 45)).add(&pod.attachment).unwrap();
    // The node's own directory of plugins; a mount of the test's own is there instead.
    mount(Some("tmpfs"), "/opt", Some("tmpfs"), MsFlags::empty(), None::<&str>).unwrap();
    fs::create_dir_all("/opt/cni").unwrap();
    std::os::unix::fs::symlink(&setup.bin, kit::paths::CNI_BIN).unwrap();
    let unknown = Attachment { container_id: "never-there".into(), ..pod.attachment.clone() };
    let (none, whole) = (delete_cached(&unknown), delete_cached(&pod.attachment));
    umount("/opt").unwrap();
    assert!(!none.unwrap() && whole.unwrap());
    assert!(setup.leases("outlives").is_empty());
    assert!(pod.inside(|nl| nl.link("eth0").unwrap()).is_none());
}
