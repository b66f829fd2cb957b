//! The pod network: whose configuration holds, and the calls of its plugins. A configuration that somebody put into
//! `/etc/cni/net.d` comes before the bridge that we make where the key `network.pods` asks for it.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use cni::{Attachment, Dns, Network, PortMapping};
use config::{Config, key};
use kit::fs::{Beside, Form};
use kit::{Context, Error, Result, paths};
use serde_json::{Map, Value, json};
use tokio::sync::RwLock;

use super::bandwidth;
use crate::server::Server;
use crate::step::{Step, reached};
use crate::store::{Sandbox, SandboxPhase};
use crate::task::blocking;
use cri_api::{ContainerEventType, Protocol};
use monitor::wire;

/// The pod's link, by the name that everybody expects.
pub const LINK: &str = "eth0";
/// Our configuration's file in [`paths::CNI_OWN`].
const OWN: &str = "10-kutties.conflist";

/// Attaching goes on side by side; collecting what is stale must not see half an attachment.
static COLLECTING: RwLock<()> = RwLock::const_new(());

/// Checks that there is a network to attach pods to and its plugins can do it now; if not, a sentence that says what to do. Pods on the bridge
/// that we made before become not ready once another network can take them, see [`displace`].
pub async fn ready(server: &Server) -> Result<(), String> {
    let network = blocking(|| {
        let network = load()?;
        note(&network.passed_over);
        network.status()?;
        Ok(network)
    });
    displace(server, &own_ranges(&network.await.map_err(|e| e.to_string())?));
    Ok(())
}

/// Mark the pods on our bridge whose ranges are not `now` those of the bridge that new pods get: another configuration was installed, or the
/// node has another pod range. They are not ready any more, so that the kubelet makes them anew.
fn displace(server: &Server, now: &str) {
    let old = server.store.sandboxes();
    for pod in old.iter().filter(|pod| pod.phase == SandboxPhase::Ready && pod.is_displaced_by(now)) {
        tracing::info!(sandbox = pod.id, from = pod.own_ranges, "the pod's network has gone: the kubelet makes the pod anew");
        match server.store.change_sandbox(&pod.id, |pod| pod.displaced = true) {
            Ok(_) => server.store.tell(ContainerEventType::ContainerStoppedEvent, &pod.id, &pod.id),
            Err(e) => tracing::error!(sandbox = pod.id, error = %e, "note that a pod's network has gone"),
        }
    }
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

/// Details of the network, for a person.
pub async fn info() -> Value {
    match blocking(load).await {
        Ok(network) => json!({
            "name": network.name, "file": network.file, "cniVersion": network.version,
            "plugins": network.plugins.iter().map(|plugin| &plugin["type"]).collect::<Vec<_>>(), "passedOver": network.passed_over,
        }),
        Err(e) => json!({ "error": e.to_string() }),
    }
}

/// Detach what the last server, or an earlier boot, left attached of pods that are no more.
pub async fn collect(server: &Server) {
    let _alone = COLLECTING.write().await;
    let pods = server.store.sandboxes();
    let valid: Vec<_> = pods.iter().filter(|pod| pod.networked).map(|pod| (pod.id.clone(), LINK.to_owned())).collect();
    let collected = blocking(move || find()?.map_or(Ok(()), |network| network.gc(&valid))).await;
    if let Err(e) = collected {
        tracing::warn!(error = %e, "collect what pods of the past left in the network");
    }
}

/// The configuration for the node's share of the pod network (`10.244.1.0/24`, one a family, commas between).
///
/// # Errors
/// It is no share.
pub fn configuration(cidrs: &str) -> Result<String> {
    Ok(cni::own_conflist(cidrs)?.to_string())
}

/// Keep the configuration for the node's share: the bridge's, when that is wanted, and told to plugins that want to know it.
pub async fn configure(text: String) -> Result<()> {
    let path = Path::new(paths::CNI_OWN).join(OWN);
    if std::fs::read_to_string(&path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    // A pod that is just being attached to the old range would move the bridge back.
    let _alone = COLLECTING.write().await;
    blocking(move || {
        std::fs::create_dir_all(paths::CNI_OWN).on("make", paths::CNI_OWN)?;
        let new = Beside::write(&path, text, Form::PLAIN)?;
        reached(Step::NetworkHalf);
        new.put()?;
        reached(Step::NetworkConfigured);
        Ok(())
    })
    .await
}

/// Result of [`attach`].
pub struct Attached {
    /// The pod's addresses.
    pub addresses: Vec<String>,
    /// The ranges of the bridge that we made, when the pod is on it; else empty.
    pub own_ranges: String,
}

/// Attach a sandbox.
pub async fn attach(sandbox: &Sandbox, dir: &Path) -> Result<Attached> {
    let mut attachment = attachment(sandbox, dir)?;
    let _beside_others = COLLECTING.read().await;
    blocking(move || {
        let network = load()?;
        attachment.capabilities.extend(share().map(|ranges| ("ipRanges".to_owned(), ranges)));
        let answer = network.add(&attachment)?;
        let addresses: Vec<_> = answer.addresses_on(LINK).iter().map(|cidr| cidr.addr.to_string()).collect();
        if addresses.is_empty() {
            return Err(Error::new("the network's plugins gave the pod no address"));
        }
        Ok(Attached { addresses, own_ranges: own_ranges(&network) })
    })
    .await
}

/// Undo [`attach`], as far as it came.
pub async fn detach(sandbox: &Sandbox, dir: &Path) -> Result<()> {
    let attachment = attachment(sandbox, dir)?;
    blocking(move || match find() {
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

/// The network that new pods are attached to.
///
/// # Errors
/// There is none, or its configuration is wrong; the sentence is for the Node's condition Ready.
fn load() -> Result<Network> {
    find()?.ok_or_else(|| match bridge_wanted() {
        Err(e) => e,
        Ok(true) => Error::new(
            "the node has no podCIDR yet, from which network.pods=bridge gives addresses: the cluster must be made with \
             --pod-network-cidr, or with another allocator of node CIDRs",
        ),
        Ok(false) => Error::new(
            "there is no pod network: install the cluster's network plugin, which puts a configuration into /etc/cni/net.d, or set \
             network.pods=bridge on a node that is alone",
        ),
    })
}

/// The same, or none when there is no configuration at all.
fn find() -> Result<Option<Network>> {
    let installed = Network::load(&[paths::CNI_CONF])?;
    if installed.is_some() || !bridge_wanted().unwrap_or(false) {
        return Ok(installed);
    }
    Network::load(&[paths::CNI_OWN])
}

/// The key `network.pods`, as it was gathered last.
fn bridge_wanted() -> Result<bool> {
    // Before anything was gathered, and where another init started us, there are files and the kernel's command line.
    wants_bridge(&Config::gathered().unwrap_or_else(|_| Config::early()))
}

fn wants_bridge(config: &Config) -> Result<bool> {
    match config.text(&key::NETWORK_PODS) {
        "" | "none" => Ok(false),
        "bridge" => Ok(true),
        other => Err(Error::new(format!("there is no pod network: network.pods is {other:?}, neither \"none\" nor \"bridge\""))),
    }
}

/// Ranges of the bridge that we made (`10.244.1.0/24,fd00::/64`); empty for a network of somebody else.
fn own_ranges(network: &Network) -> String {
    if !network.file.starts_with(paths::CNI_OWN) {
        return String::new();
    }
    let ranges = network.plugins.first().and_then(|plugin| plugin.get("ipam")).map(|ipam| &ipam["ranges"]);
    let sets = ranges.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_array).flatten();
    sets.filter_map(|range| range["subnet"].as_str()).collect::<Vec<_>>().join(",")
}

/// The node's share of the pod network, for plugins that want to be told of it.
fn share() -> Option<Value> {
    let own = Network::read(&Path::new(paths::CNI_OWN).join(OWN)).ok()?;
    let ranges = own.plugins.first()?.get("ipam")?["ranges"].clone();
    ranges.is_array().then_some(ranges)
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

/// Capability arguments of plugins beside ports and name servers; each gets those that it names.
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
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use config::Places;

    fn wanted(line: &str) -> Result<bool> {
        let places = Places { command_line: line.into(), ..Places::below(Path::new("/nonexistent")) };
        wants_bridge(&Config::load_from(&places))
    }

    #[test]
    fn the_bridge_is_made_only_where_it_is_asked_for() {
        assert!(!wanted("quiet").unwrap() && !wanted("kutties.network.pods=none").unwrap());
        assert!(wanted("kutties.network.pods=bridge").unwrap());
        let said = wanted("kutties.network.pods=flannel").unwrap_err().to_string();
        assert!(said.contains("network.pods is \"flannel\""), "{said}");
    }

    #[test]
    fn pods_on_our_bridge_follow_the_network() {
        let made = |ranges: &str, dir: &str| {
            let mut network = Network::from_json(serde_json::from_str(&configuration(ranges).unwrap()).unwrap()).unwrap();
            network.file = Path::new(dir).join(OWN);
            network
        };
        let own = |ranges: &str| made(ranges, paths::CNI_OWN);
        let (one, both) = (own_ranges(&own("10.244.1.0/24")), own_ranges(&own("10.244.1.0/24,fd00::/64")));
        assert_eq!((one.as_str(), both.as_str()), ("10.244.1.0/24", "10.244.1.0/24,fd00::/64"));
        assert_eq!(own_ranges(&made("10.244.1.0/24", paths::CNI_CONF)), "");
        let pod = |own_ranges: &str| Sandbox { own_ranges: own_ranges.into(), ..Sandbox::default() };
        assert!(!pod(&one).is_displaced_by(&one));
        // Another range, and another network.
        assert!(pod(&one).is_displaced_by(&both) && pod(&one).is_displaced_by(""));
        // A pod of another network, or of none, and one that was told already.
        assert!(!pod("").is_displaced_by(&one) && !pod("").is_displaced_by(""));
        assert!(!Sandbox { displaced: true, ..pod(&one) }.is_displaced_by(""));
    }
}
