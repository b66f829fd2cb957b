//! The plugin in front of `bridge` that takes the node's range from flannel's daemon.

use std::fs;
use std::net::IpAddr;

use serde_json::json;

use crate::ports::udp;
use crate::{Pod, Setup, addresses, packet};

/// Nothing works before the daemon has written its file; then pods talk, lead ports to themselves, and leave nothing.
pub fn range(setup: &Setup) {
    let (file, kept) = (setup.dir.join("subnet.env"), setup.dir.join("flannel"));
    for version in ["0.3.1", "1.0.0", "1.1.0"] {
        let network = setup.network(json!({ "cniVersion": version, "name": "flannel", "plugins": [
            { "type": "flannel", "subnetFile": file, "dataDir": kept, "ipam": { "dataDir": setup.dir.join("leases") },
                "delegate": { "bridge": "flannel0", "isDefaultGateway": true, "hairpinMode": true } },
            { "type": "portmap", "capabilities": { "portMappings": true } },
        ] }));
        let (mut a, b) = (Pod::new("fa"), Pod::new("fb"));
        // In 1.1.0 the runtime can be told; elder ones see the first pod fail.
        assert_eq!(network.status().is_ok(), version != "1.1.0");
        let said = network.add(&a.attachment).unwrap_err().to_string();
        assert!(said.contains("subnet.env") && said.contains("no range for this node yet"), "{said}");
        network.gc(&[]).unwrap();

        let text = "FLANNEL_NETWORK=10.9.0.0/16\nFLANNEL_SUBNET=10.9.60.1/24\nFLANNEL_MTU=1400\nFLANNEL_IPMASQ=true\n";
        fs::write(&file, text).unwrap();
        network.status().unwrap();
        a.attachment.port_mappings = vec![udp(8060, 53, "")];
        let (for_a, for_b) = (network.add(&a.attachment).unwrap(), network.add(&b.attachment).unwrap());
        assert!(addresses(&for_a)[0].to_string().starts_with("10.9.60."), "{for_a:?}");
        assert_eq!(a.inside(|nl| nl.need("eth0").unwrap().mtu), 1400);
        let gateway: IpAddr = "10.9.60.1".parse().unwrap();
        assert!(a.inside(|nl| nl.routes().unwrap().iter().any(|r| r.is_default() && r.gateway == Some(gateway))));
        assert_eq!(packet(&a, &b, addresses(&for_b)[0]), addresses(&for_a)[0]);
        assert_eq!(fs::read_dir(&kept).unwrap().count(), 2);
        if version != "0.3.1" {
            network.check(&a.attachment).unwrap();
        }
        // One is detached when the daemon's file is gone, the other is collected.
        fs::remove_file(&file).unwrap();
        network.del(&a.attachment).unwrap();
        network.del(&a.attachment).unwrap();
        fs::write(&file, text).unwrap();
        network.gc(&[]).unwrap();
        assert!(setup.leases("flannel").is_empty(), "{version}: {:?}", setup.leases("flannel"));
        assert_eq!(fs::read_dir(&kept).unwrap().count(), 0);
        assert!(b.inside(|nl| nl.link("eth0").unwrap()).is_none());
        fs::remove_file(&file).unwrap();
    }
}
