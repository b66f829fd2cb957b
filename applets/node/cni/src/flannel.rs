//! `flannel`: pods with addresses of the range that flannel's daemon got for this node (a CNI plugin). It fills in what the daemon
//! has written and passes on to another plugin, `bridge` unless the configuration says otherwise.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use kit::{Applet, Context, Exit, Place, Result};
use netlink::Cidr;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::plugin::{self, Fault, Plugin, Request, code};
use crate::{Answer, exec};

/// The applet's row.
pub const NAME: Applet = Applet { name: "flannel", about: "CNI plugin: pods in flannel's range", place: Place::Cni, run };

/// The daemon's file: the node's range, lines of `NAME=VALUE`.
const SUBNET_FILE: &str = "/run/flannel/subnet.env";
/// Directory with the configuration that each pod was attached with, as the reference plugin keeps it.
const DATA_DIR: &str = "/var/lib/cni/flannel";
/// Keys by which GC names the attachments that stay.
const VALID: [&str; 2] = ["cni.dev/valid-attachments", "cni.dev/attachments"];

fn run(args: &[OsString]) -> Result<Exit> {
    plugin::run(&NAME, args, &Plugin { add, del, check, status, gc })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Configuration {
    #[serde(default = "subnet_file")]
    subnet_file: PathBuf,
    #[serde(default = "data_dir")]
    data_dir: PathBuf,
    #[serde(default)]
    delegate: Map<String, Value>,
    #[serde(default)]
    ipam: Map<String, Value>,
}

fn subnet_file() -> PathBuf {
    SUBNET_FILE.into()
}

fn data_dir() -> PathBuf {
    DATA_DIR.into()
}

/// The daemon's word on this node.
#[derive(Debug, Default, PartialEq, Eq)]
struct Subnet {
    /// The cluster's ranges.
    networks: Vec<Cidr>,
    /// The node's, one a family.
    own: Vec<Cidr>,
    mtu: u32,
    /// Tells whether the daemon masquerades.
    masquerades: bool,
}

impl Subnet {
    fn parse(text: &str) -> Result<Self, String> {
        let mut found = Self::default();
        let ranges = |value: &str| {
            let parts = value.split(',').map(str::trim).filter(|part| !part.is_empty());
            parts.map(|part| part.parse::<Cidr>().map(Cidr::network).map_err(|e| e.to_string())).collect::<Result<Vec<_>, _>>()
        };
        for (name, value) in text.lines().filter_map(|line| line.trim().split_once('=')) {
            match name {
                "FLANNEL_NETWORK" | "FLANNEL_IPV6_NETWORK" => found.networks.extend(ranges(value)?),
                "FLANNEL_SUBNET" | "FLANNEL_IPV6_SUBNET" => found.own.extend(ranges(value)?),
                "FLANNEL_MTU" => found.mtu = value.parse().map_err(|_| format!("FLANNEL_MTU is {value:?}"))?,
                "FLANNEL_IPMASQ" => found.masquerades = value == "true",
                _ => {}
            }
        }
        match () {
            () if found.own.is_empty() => Err("it names no range of this node (FLANNEL_SUBNET)".into()),
            () if found.networks.is_empty() => Err("it names no range of the cluster (FLANNEL_NETWORK)".into()),
            () if found.mtu == 0 => Err("it has no FLANNEL_MTU".into()),
            () => Ok(found),
        }
    }
}

impl Configuration {
    fn of(request: &Request) -> Result<Self, Fault> {
        let own: Self = request.decode()?;
        if let Some(key) = ["name", "ipam"].into_iter().find(|key| own.delegate.contains_key(*key)) {
            return Err(Fault::new(code::CONFIGURATION, format!("\"delegate\" must not have {key:?}: it comes from flannel")));
        }
        if own.delegate.get("type").is_some_and(|kind| !kind.is_string()) {
            return Err(Fault::new(code::CONFIGURATION, "the \"type\" in \"delegate\" is no text"));
        }
        Ok(own)
    }

    /// The daemon's file; not there as long as it has no range.
    fn subnet(&self) -> Result<Subnet, Fault> {
        let text = fs::read_to_string(&self.subnet_file)
            .on("read", &self.subnet_file)
            .map_err(|e| Fault { details: "flannel's daemon has no range for this node yet".into(), ..Fault::from(e) })?;
        Subnet::parse(&text).map_err(|e| Fault::new(code::OTHER, format!("read {}: {e}", self.subnet_file.display())))
    }

    /// The other plugin's configuration.
    fn delegate(&self, request: &Request) -> Result<Value, Fault> {
        let subnet = self.subnet()?;
        let mut all = self.delegate.clone();
        let kind = all.entry("type").or_insert_with(|| json!("bridge")).clone();
        all.entry("ipMasq").or_insert_with(|| json!(!subnet.masquerades));
        all.entry("mtu").or_insert_with(|| json!(subnet.mtu));
        if kind == "bridge" {
            all.entry("isGateway").or_insert_with(|| json!(true));
        }
        let mut ipam = self.ipam.clone();
        ipam.entry("type").or_insert_with(|| json!("host-local"));
        let text = |range: &Cidr| range.to_string();
        ipam.insert("ranges".into(), subnet.own.iter().map(|range| json!([{ "subnet": text(range) }])).collect());
        let mut routes = ipam.remove("routes").and_then(|routes| routes.as_array().cloned()).unwrap_or_default();
        routes.extend(subnet.networks.iter().map(|range| json!({ "dst": text(range) })));
        ipam.insert("routes".into(), routes.into());
        all.insert("ipam".into(), ipam.into());
        all.insert("name".into(), json!(request.network));
        for key in ["cniVersion", "runtimeConfig", "prevResult"].into_iter().chain(VALID) {
            if let Some(value) = request.configuration.get(key) {
                all.insert(key.into(), value.clone());
            }
        }
        Ok(all.into())
    }

    /// File with the configuration that the pod was attached with.
    fn kept(&self, container_id: &str) -> PathBuf {
        self.data_dir.join(container_id)
    }
}

/// Asks the other plugin.
fn pass(verb: &str, request: &Request, delegate: &Value) -> Result<Value, Fault> {
    let kind = delegate["type"].as_str().unwrap_or_default();
    Ok(exec::pass(kind, verb, request, delegate).doing("delegate")?)
}

fn add(request: &Request) -> Result<Answer, Fault> {
    let conf = Configuration::of(request)?;
    let delegate = conf.delegate(request)?;
    // Before anything is made: DEL comes after an ADD that failed, too.
    fs::create_dir_all(&conf.data_dir).on("make", &conf.data_dir)?;
    let path = conf.kept(&request.container_id);
    fs::write(&path, delegate.to_string()).on("write", &path)?;
    Ok(Answer::from_json(&pass("ADD", request, &delegate)?)?)
}

/// A pod that nothing is kept of was never attached, or is detached.
fn del(request: &Request) -> Result<(), Fault> {
    let conf = Configuration::of(request)?;
    let path = conf.kept(&request.container_id);
    let delegate: Value = match fs::read(&path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        bytes => serde_json::from_slice(&bytes.on("read", &path)?).on("decode", &path)?,
    };
    pass("DEL", request, &delegate)?;
    Ok(fs::remove_file(&path).on("remove", &path)?)
}

fn check(request: &Request) -> Result<(), Fault> {
    pass("CHECK", request, &Configuration::of(request)?.delegate(request)?).map(drop)
}

fn status(request: &Request) -> Result<(), Fault> {
    pass("STATUS", request, &Configuration::of(request)?.delegate(request)?).map(drop)
}

fn gc(request: &Request) -> Result<(), Fault> {
    let conf = Configuration::of(request)?;
    // Without a range nothing was given out.
    if !conf.subnet_file.exists() {
        return Ok(());
    }
    pass("GC", request, &conf.delegate(request)?)?;
    let valid = request.valid()?;
    for entry in fs::read_dir(&conf.data_dir).into_iter().flatten().flatten() {
        if !valid.iter().any(|(id, _)| entry.file_name() == id.as_str()) {
            // The next one tries again.
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    const WRITTEN: &str = "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.3.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n";

    #[test]
    fn the_daemon_s_file_is_read() {
        let range = |text: &str| text.parse::<Cidr>().unwrap();
        let found = Subnet::parse(WRITTEN).unwrap();
        assert_eq!(
            (found.own.as_slice(), found.networks.as_slice()),
            (&[range("10.244.3.0/24")][..], &[range("10.244.0.0/16")][..])
        );
        assert_eq!((found.mtu, found.masquerades), (1450, true));
        let both = format!("{WRITTEN}FLANNEL_IPV6_NETWORK=fd00::/48\nFLANNEL_IPV6_SUBNET=fd00:0:0:3::1/64\nOTHER\n");
        assert_eq!(Subnet::parse(&both).unwrap().own, [range("10.244.3.0/24"), range("fd00:0:0:3::/64")]);
        for (without, says) in [("SUBNET", "FLANNEL_SUBNET"), ("NETWORK", "FLANNEL_NETWORK"), ("MTU", "FLANNEL_MTU")] {
            let said = Subnet::parse(&WRITTEN.replace(without, "X")).unwrap_err();
            assert!(said.contains(says), "{said}");
        }
        assert!(Subnet::parse(&WRITTEN.replace("3.1/24", "3.1/64")).is_err());
    }

    #[test]
    fn the_configuration_wins_over_the_daemon() {
        let file = std::env::temp_dir().join(format!("kutties-flannel-{}", std::process::id()));
        fs::write(&file, WRITTEN).unwrap();
        let delegate = |conf: Value| {
            let request = Request { network: "n".into(), configuration: conf, ..Request::default() };
            Configuration::of(&request).and_then(|own| own.delegate(&request))
        };
        let made = delegate(json!({ "cniVersion": "1.0.0", "subnetFile": file, "runtimeConfig": { "x": 1 } })).unwrap();
        assert_eq!(
            made,
            json!({
                "type": "bridge", "name": "n", "cniVersion": "1.0.0", "ipMasq": false, "mtu": 1450, "isGateway": true,
                "runtimeConfig": { "x": 1 },
                "ipam": { "type": "host-local", "ranges": [[{ "subnet": "10.244.3.0/24" }]], "routes": [{ "dst": "10.244.0.0/16" }] },
            })
        );
        let own = json!({ "type": "ptp", "ipMasq": true, "mtu": 1400 });
        let made =
            delegate(json!({ "subnetFile": file, "delegate": own, "ipam": { "routes": [{ "dst": "0.0.0.0/0" }] } })).unwrap();
        assert_eq!((&made["type"], &made["ipMasq"], &made["mtu"]), (&json!("ptp"), &json!(true), &json!(1400)));
        assert!(made.get("isGateway").is_none());
        assert_eq!(made["ipam"]["routes"].as_array().unwrap().len(), 2);
        for wrong in [json!({ "name": "x" }), json!({ "ipam": {} }), json!({ "type": 7 })] {
            assert_eq!(delegate(json!({ "subnetFile": file, "delegate": wrong })).unwrap_err().code, code::CONFIGURATION);
        }
        fs::remove_file(&file).unwrap();
        assert!(delegate(json!({ "subnetFile": file })).unwrap_err().details.contains("no range"));
    }
}
