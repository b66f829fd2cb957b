//! The pod network: whose configuration holds, and the calls of its plugins. A configuration that somebody put into
//! `/etc/cni/net.d` comes before ours.

use std::net::IpAddr;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use cni::{Attachment, Dns, Network, PortMapping};
use kit::{Context, Error, Result, paths};
use serde_json::{Map, Value, json};
use tokio::sync::RwLock;

use super::bandwidth;
use crate::api::Protocol;
use crate::monitor::wire;
use crate::server::{Server, blocking};
use crate::step::{Step, reached};
use crate::store::Sandbox;

/// The pod's link, by the name that everybody expects.
pub const LINK: &str = "eth0";
/// Our configuration's file in [`paths::CNI_OWN`].
const OWN: &str = "10-kutties.conflist";

/// Attaching goes on side by side; collecting what is stale must not see half an attachment.
static COLLECTING: RwLock<()> = RwLock::const_new(());

/// Whether there is a network to attach pods to and its plugins can do it now; if not, why.
pub async fn ready() -> Result<(), String> {
    blocking(|| {
        let network = load()?.ok_or_else(|| Error::new(NONE))?;
        note(&network.passed_over);
        network.status()
    })
    .await
    .map_err(|e| e.to_string())
}

/// Say once which configurations are wrong while a later one is right.
fn note(passed_over: &[String]) {
    static LAST: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if *last != passed_over {
        for why in passed_over {
            tracing::warn!(error = why, "a network's configuration is passed over");
        }
        *last = passed_over.to_vec();
    }
}

/// What is known of the network, for a person.
pub async fn info() -> Value {
    match blocking(load).await {
        Ok(Some(network)) => json!({
            "name": network.name, "file": network.file, "cniVersion": network.version,
            "plugins": network.plugins.iter().map(|plugin| &plugin["type"]).collect::<Vec<_>>(), "passedOver": network.passed_over,
        }),
        Ok(None) => json!({ "error": NONE }),
        Err(e) => json!({ "error": e.to_string() }),
    }
}

/// Detach what the last server, or an earlier boot, left attached of pods that are no more.
pub async fn collect(server: &Server) {
    let _alone = COLLECTING.write().await;
    let pods = server.store.sandboxes();
    let valid: Vec<_> = pods.iter().filter(|pod| pod.networked).map(|pod| (pod.id.clone(), LINK.to_owned())).collect();
    let collected = blocking(move || load()?.map_or(Ok(()), |network| network.gc(&valid))).await;
    if let Err(e) = collected {
        tracing::warn!(error = %e, "collect what pods of the past left in the network");
    }
}

/// Whether that is a node's share of the pod network: `10.244.1.0/24`, one a family, commas between.
pub fn check_share(cidrs: &str) -> Result<()> {
    cidrs.split(',').try_for_each(|cidr| check(cidr.trim()))
}

/// Write our own configuration for the node's share of the pod network.
pub async fn configure(cidrs: &str) -> Result<()> {
    let text = cni::own_conflist(cidrs).to_string();
    blocking(move || {
        let path = Path::new(paths::CNI_OWN).join(OWN);
        if std::fs::read_to_string(&path).is_ok_and(|old| old == text) {
            return Ok(());
        }
        std::fs::create_dir_all(paths::CNI_OWN).on("make", paths::CNI_OWN)?;
        let new = path.with_extension("new");
        std::fs::write(&new, text).on("write", &new)?;
        reached(Step::NetworkHalf);
        std::fs::rename(&new, &path).on("rename", &new)?;
        reached(Step::NetworkConfigured);
        Ok(())
    })
    .await
}

/// Attach a sandbox: its addresses.
pub async fn attach(sandbox: &Sandbox, dir: &Path) -> Result<Vec<String>> {
    let mut attachment = attachment(sandbox, dir)?;
    let _beside_others = COLLECTING.read().await;
    blocking(move || {
        let network = load()?.ok_or_else(|| Error::new(NONE))?;
        attachment.capabilities.extend(share().map(|ranges| ("ipRanges".to_owned(), ranges)));
        let answer = network.add(&attachment)?;
        let addresses: Vec<_> = answer.addresses_on(LINK).iter().map(|cidr| cidr.addr.to_string()).collect();
        if addresses.is_empty() {
            return Err(Error::new("the network's plugins gave the pod no address"));
        }
        Ok(addresses)
    })
    .await
}

/// Undo [`attach`], as far as it came.
pub async fn detach(sandbox: &Sandbox, dir: &Path) -> Result<()> {
    let attachment = attachment(sandbox, dir)?;
    blocking(move || match load() {
        Ok(Some(network)) => network.del(&attachment),
        Ok(None) => cni::delete_cached(&attachment).map(|_| ()),
        // A configuration that was broken meanwhile does not hold up the end of a pod that was attached with a whole one.
        Err(e) => {
            if cni::delete_cached(&attachment)? {
                Ok(())
            } else {
                Err(e)
            }
        }
    })
    .await
}

const NONE: &str = "there is no pod network: /etc/cni/net.d has no configuration, and the node has no podCIDR yet";

fn load() -> Result<Option<Network>> {
    Network::load(&[paths::CNI_CONF, paths::CNI_OWN])
}

/// The node's share of the pod network, for plugins that want to be told of it.
fn share() -> Option<Value> {
    let own = Network::read(&Path::new(paths::CNI_OWN).join(OWN)).ok()?;
    let ranges = own.plugins.first()?.get("ipam")?["ranges"].clone();
    ranges.is_array().then_some(ranges)
}

fn check(cidr: &str) -> Result<()> {
    let (address, prefix) = cidr.split_once('/').unwrap_or_default();
    let longest = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => 0,
    };
    match prefix.parse::<u8>() {
        Ok(prefix) if prefix < longest => Ok(()),
        _ => Err(Error::new(format!("{cidr} is not a pod CIDR"))),
    }
}

fn attachment(sandbox: &Sandbox, dir: &Path) -> Result<Attachment> {
    let metadata = sandbox.config.metadata.clone().unwrap_or_default();
    let args = [
        ("IgnoreUnknown", "1".to_owned()),
        ("K8S_POD_NAMESPACE", metadata.namespace),
        ("K8S_POD_NAME", metadata.name),
        ("K8S_POD_INFRA_CONTAINER_ID", sandbox.id.clone()),
        ("K8S_POD_UID", metadata.uid),
    ];
    Ok(Attachment {
        container_id: sandbox.id.clone(),
        netns: wire::namespace(dir, "net"),
        ifname: LINK.into(),
        args: args.map(|(name, value)| (name.to_owned(), value)).to_vec(),
        port_mappings: ports(sandbox)?,
        dns: dns(sandbox),
        capabilities: capabilities(sandbox)?,
    })
}

fn dns(sandbox: &Sandbox) -> Dns {
    let asked = sandbox.config.dns_config.clone().unwrap_or_default();
    Dns { nameservers: asked.servers, search: asked.searches, options: asked.options, ..Dns::default() }
}

/// What plugins may want to know beside ports and name servers; each gets what it names.
fn capabilities(sandbox: &Sandbox) -> Result<Map<String, Value>> {
    let annotations = &sandbox.config.annotations;
    let mut all = Map::new();
    all.extend(bandwidth::of(annotations)?.map(|limits| ("bandwidth".to_owned(), limits)));
    if !annotations.is_empty() {
        all.insert("io.kubernetes.cri.pod-annotations".into(), json!(annotations));
    }
    let cgroup = sandbox.config.linux.as_ref().map(|linux| linux.cgroup_parent.as_str()).unwrap_or_default();
    if !cgroup.is_empty() {
        all.insert("cgroupPath".into(), json!(cgroup));
    }
    Ok(all)
}

/// The ports that the pod wants on the host; one without a host port wants none.
fn ports(sandbox: &Sandbox) -> Result<Vec<PortMapping>> {
    let wanted = sandbox.config.port_mappings.iter().filter(|port| port.host_port != 0);
    wanted
        .map(|port| {
            let number = |value: i32| u16::try_from(value).doing(format!("read port {value}"));
            Ok(PortMapping {
                host_port: number(port.host_port)?,
                container_port: number(port.container_port)?,
                protocol: match port.protocol() {
                    Protocol::Tcp => "tcp".into(),
                    Protocol::Udp => "udp".into(),
                    Protocol::Sctp => "sctp".into(),
                },
                host_ip: port.host_ip.clone(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn only_networks_are_pod_cidrs() {
        assert!(check("10.244.1.0/24").is_ok() && check("fd00:10:244::/64").is_ok());
        for wrong in ["", "10.244.1.0", "10.244.1.0/33", "10.244.1.0/32", "fd00::/129", "x/24", "10.0.0.0/24; rm"] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
    }
}
