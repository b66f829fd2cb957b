//! The network that we make when nobody else gave one.

use serde_json::{Value, json};

/// The network's name: also that of the folder with its leases.
const NAME: &str = "kutties";
/// The bridge that pods hang on.
const BRIDGE: &str = "kutties0";

/// A chain for the node's share of the pod network, one CIDR a family as in `podCIDR` (`10.244.1.0/24` or with an IPv6 one after
/// a comma): a bridge, addresses from the CIDRs, a default route for each, and address translation for what leaves the cluster.
pub fn own_conflist(pod_cidrs: &str) -> Value {
    let cidrs: Vec<&str> = pod_cidrs.split(',').map(str::trim).filter(|c| !c.is_empty()).collect();
    let ranges: Vec<Value> = cidrs.iter().map(|cidr| json!([{"subnet": cidr}])).collect();
    let default = |cidr: &&str| json!({"dst": if cidr.contains(':') { "::/0" } else { "0.0.0.0/0" }});
    let routes: Vec<Value> = cidrs.iter().map(default).collect();
    json!({
        "cniVersion": "1.0.0",
        "name": NAME,
        "plugins": [{
            "type": "bridge",
            "bridge": BRIDGE,
            "isGateway": true,
            "ipMasq": true,
            "hairpinMode": true,
            "ipam": {"type": "host-local", "ranges": ranges, "routes": routes},
        }, {
            "type": "portmap",
            "capabilities": {"portMappings": true},
        }],
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    #[test]
    fn one_range_and_one_route_a_family() {
        let network = super::own_conflist("10.244.1.0/24, fd00:10:244:1::/64");
        let ipam = &network["plugins"][0]["ipam"];
        assert_eq!(ipam["ranges"][1][0]["subnet"], "fd00:10:244:1::/64");
        assert_eq!(ipam["routes"][0]["dst"], "0.0.0.0/0");
        assert_eq!(crate::Network::from_json(network).unwrap().name, "kutties");
    }
}
