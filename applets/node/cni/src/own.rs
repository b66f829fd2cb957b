//! The network that we make on a node that was told to.

use std::net::IpAddr;

use kit::{Error, Result};
use netlink::Cidr;
use serde_json::{Value, json};

/// Name of the network, and of the directory with its leases.
const NAME: &str = "kutties";
/// The bridge that pods are on.
const BRIDGE: &str = "kutties0";

/// A chain for the node's share of the pod network as the kubelet tells it, a CIDR a family (`10.244.1.0/24`, with an IPv6 one after a
/// comma): a bridge, addresses from the CIDRs, a default route for each, and address translation for what leaves the cluster.
///
/// # Errors
/// It is not one CIDR a family, or one is too small for a pod beside its gateway.
pub fn own_conflist(pod_cidrs: &str) -> Result<Value> {
    let cidrs = pod_cidrs.split(',').map(|text| share(text.trim())).collect::<Result<Vec<Cidr>>>()?;
    if cidrs.len() > 1 && (cidrs.len() > 2 || cidrs[0].is_v4() == cidrs[1].is_v4()) {
        return Err(Error::new(format!("{pod_cidrs} is more than one pod CIDR a family")));
    }
    let ranges: Vec<Value> = cidrs.iter().map(|cidr| json!([{"subnet": cidr.to_string()}])).collect();
    let routes: Vec<Value> = cidrs.iter().map(|cidr| json!({"dst": if cidr.is_v4() { "0.0.0.0/0" } else { "::/0" }})).collect();
    Ok(json!({
        "cniVersion": "1.0.0",
        "name": NAME,
        "plugins": [{
            "type": "bridge",
            "bridge": BRIDGE,
            "isGateway": true,
            // A Node that was made anew has another range, whoever's bridge plugin is aboard.
            "forceAddress": true,
            "ipMasq": true,
            "hairpinMode": true,
            "ipam": {"type": "host-local", "ranges": ranges, "routes": routes},
        }, {
            "type": "portmap",
            "capabilities": {"portMappings": true},
        }],
    }))
}

/// One CIDR of a share: its network's address, with room for two addresses.
fn share(text: &str) -> Result<Cidr> {
    let cidr = text.parse::<Cidr>().map_err(|_| Error::new(format!("{text:?} is not a pod CIDR")))?;
    let whole = if matches!(cidr.addr, IpAddr::V4(_)) { 32 } else { 128 };
    if cidr.prefix == 0 || cidr.prefix > whole - 2 {
        return Err(Error::new(format!("pod CIDR {text} is too small or too large to give addresses from")));
    }
    Ok(cidr.network())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::own_conflist;

    #[test]
    fn one_range_and_one_route_a_family() {
        let network = own_conflist("10.244.1.0/24, fd00:10:244:1::/64").unwrap();
        let ipam = &network["plugins"][0]["ipam"];
        assert_eq!(ipam["ranges"][1][0]["subnet"], "fd00:10:244:1::/64");
        assert_eq!(ipam["routes"][0]["dst"], "0.0.0.0/0");
        assert_eq!(crate::Network::from_json(network).unwrap().name, "kutties");
        let six = own_conflist("fd00::/64").unwrap();
        assert_eq!(six["plugins"][0]["ipam"]["routes"], serde_json::json!([{"dst": "::/0"}]));
        // host-local takes a network's own address alone.
        assert_eq!(own_conflist("10.1.2.3/24").unwrap()["plugins"][0]["ipam"]["ranges"][0][0]["subnet"], "10.1.2.0/24");
    }

    #[test]
    fn only_networks_are_pod_cidrs() {
        for wrong in [
            "",
            "10.244.1.0",
            "10.244.1.0/33",
            "10.244.1.0/31",
            "0.0.0.0/0",
            "fd00::/127",
            "fd00::/129",
            "x/24",
            "10.0.0.0/24; rm",
            "10.0.0.0/24,",
            "10.0.0.0/24,10.0.1.0/24",
            "10.0.0.0/24,fd00::/64,fd01::/64",
        ] {
            assert!(own_conflist(wrong).is_err(), "{wrong}");
        }
    }
}
