//! A plugin's answer: interfaces, addresses, routes, name servers (CNI 1.1.0, section 5, and its elder forms).

use std::net::IpAddr;

use kit::{Context, Result};
use netlink::Cidr;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::at_least;

/// Result of an attachment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The links that were made; [`Ip::interface`] counts in it.
    #[serde(default, deserialize_with = "or_none", skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<Interface>,
    /// The addresses, the pod's own and maybe others.
    #[serde(default, deserialize_with = "or_none", skip_serializing_if = "Vec::is_empty")]
    pub ips: Vec<Ip>,
    /// Routes inside the pod.
    #[serde(default, deserialize_with = "or_none", skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Route>,
    /// Name servers for the pod.
    #[serde(default, deserialize_with = "or_none")]
    pub dns: Dns,
}

/// A link.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its hardware address.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub mac: String,
    /// The longest packet, in bytes; 0 when not told.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub mtu: u32,
    /// The network namespace's path; empty for one of the host.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sandbox: String,
    /// The socket of a link that a program serves.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub socket_path: String,
    /// The PCI device behind it.
    #[serde(default, rename = "pciID", skip_serializing_if = "String::is_empty")]
    pub pci_id: String,
}

/// An address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ip {
    /// The link's place in [`Answer::interfaces`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<usize>,
    /// The address with its network's prefix.
    #[serde(with = "as_text")]
    pub address: Cidr,
    /// The network's router.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Destination of the route.
    #[serde(with = "as_text")]
    pub dst: Cidr,
    /// The next router; the network's when none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gw: Option<IpAddr>,
    /// The longest packet on this way, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// The largest TCP segment to announce, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advmss: Option<u32>,
    /// Smaller wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u32>,
    /// The table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<u32>,
    /// Scope of the destination, as the kernel numbers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<u8>,
}

/// Name servers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dns {
    /// Their addresses.
    #[serde(default, deserialize_with = "or_none", skip_serializing_if = "Vec::is_empty")]
    pub nameservers: Vec<String>,
    /// The pod's own domain.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub domain: String,
    /// Search domains of short names.
    #[serde(default, deserialize_with = "or_none", skip_serializing_if = "Vec::is_empty")]
    pub search: Vec<String>,
    /// Options of the resolver.
    #[serde(default, deserialize_with = "or_none", skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

impl Dns {
    /// Tells if it is empty.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Answer {
    /// The addresses inside the pod, in order: those of links with a namespace, or whose link is not told.
    pub fn pod_addresses(&self) -> Vec<Cidr> {
        let inside = |ip: &&Ip| match ip.interface.and_then(|i| self.interfaces.get(i)) {
            Some(interface) => !interface.sandbox.is_empty(),
            None => true,
        };
        self.ips.iter().filter(inside).map(|ip| ip.address).collect()
    }

    /// The addresses of the link with that name inside the pod, in order, and those whose link is not told.
    pub fn addresses_on(&self, ifname: &str) -> Vec<Cidr> {
        let on_it = |ip: &&Ip| match ip.interface.and_then(|i| self.interfaces.get(i)) {
            Some(interface) => !interface.sandbox.is_empty() && interface.name == ifname,
            None => true,
        };
        self.ips.iter().filter(on_it).map(|ip| ip.address).collect()
    }

    /// As JSON of a spec version.
    pub fn to_json(&self, version: &str) -> Result<Value> {
        let mut value = serde_json::to_value(self).doing("encode the answer")?;
        value["cniVersion"] = json!(version);
        if !at_least(version, "1.0.0") {
            for (at, ip) in self.ips.iter().enumerate() {
                value["ips"][at]["version"] = json!(if ip.address.is_v4() { "4" } else { "6" });
            }
        }
        if !at_least(version, "1.1.0") {
            for (list, keys) in [
                ("interfaces", &["mtu", "socketPath", "pciID"][..]),
                ("routes", &["mtu", "advmss", "priority", "table", "scope"]),
            ] {
                for item in
                    value.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut)
                {
                    item.retain(|key, _| !keys.contains(&key.as_str()));
                }
            }
        }
        Ok(value)
    }

    /// From JSON of any spec version that we speak.
    pub fn from_json(value: &Value) -> Result<Self> {
        Self::deserialize(value).doing("read a plugin's answer")
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// Go writes a list that was never filled as null.
fn or_none<'de, T: Default + Deserialize<'de>, D: serde::Deserializer<'de>>(from: D) -> std::result::Result<T, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

/// A value that is a text in JSON.
pub(crate) mod as_text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<T: Display, S: Serializer>(value: &T, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(value)
    }

    pub fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(d: D) -> Result<T, D::Error> {
        String::deserialize(d)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn answer() -> Answer {
        let route = Route {
            dst: "0.0.0.0/0".parse().unwrap(),
            gw: None,
            mtu: Some(1400),
            advmss: None,
            priority: None,
            table: None,
            scope: None,
        };
        Answer {
            interfaces: vec![
                Interface { name: "cni0".into(), mtu: 1500, ..Interface::default() },
                Interface { name: "eth0".into(), sandbox: "/run/netns/x".into(), ..Interface::default() },
            ],
            ips: vec![Ip { interface: Some(1), address: "10.1.2.3/24".parse().unwrap(), gateway: None }],
            routes: vec![route],
            dns: Dns::default(),
        }
    }

    #[test]
    fn each_version_has_its_form() {
        let new = answer().to_json("1.1.0").unwrap();
        assert_eq!((&new["routes"][0]["mtu"], &new["ips"][0]["version"]), (&json!(1400), &Value::Null));
        let old = answer().to_json("0.4.0").unwrap();
        assert_eq!((&old["routes"][0]["mtu"], &old["ips"][0]["version"]), (&Value::Null, &json!("4")));
        assert_eq!(Answer::from_json(&new).unwrap(), answer());
        let empty = Answer::default().to_json("0.4.0").unwrap();
        assert_eq!(empty, json!({"cniVersion": "0.4.0", "dns": {}}));
        assert_eq!(Answer::from_json(&json!({"interfaces": null, "ips": null, "dns": null})).unwrap(), Answer::default());
    }

    #[test]
    fn the_pods_own_addresses() {
        let mut answer = answer();
        answer.ips.push(Ip { interface: Some(0), address: "10.1.2.1/24".parse().unwrap(), gateway: None });
        assert_eq!(answer.pod_addresses(), ["10.1.2.3/24".parse().unwrap()]);
    }
}
