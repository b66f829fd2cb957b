//! Attaching a pod to a network: ADD along the chain, DEL back along it, CHECK, STATUS and GC, as libcni does them.

use std::os::fd::AsFd;
use std::path::PathBuf;

use kit::{Context, Error, Result};
use netlink::Netlink;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::exec::{self, Call};
use crate::{Answer, Dns, Network, at_least, cache};

/// A pod's end of a network.
#[derive(Debug, Clone, Default)]
pub struct Attachment {
    /// The sandbox's id.
    pub container_id: String,
    /// Its network namespace: a bind mount or `/proc/PID/ns/net`. Empty at DEL when it is gone.
    pub netns: PathBuf,
    /// The link's name inside, mostly `eth0`.
    pub ifname: String,
    /// `CNI_ARGS`, such as `K8S_POD_NAME`. Neither may hold `;` or `=`.
    pub args: Vec<(String, String)>,
    /// Ports of the host that lead to the pod.
    pub port_mappings: Vec<PortMapping>,
    /// Name servers for the pod.
    pub dns: Dns,
    /// Other capabilities by their names, such as `bandwidth`, `ipRanges`, `mac`, `cgroupPath`.
    pub capabilities: Map<String, Value>,
}

/// A port of the host that leads to the pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PortMapping {
    /// On the host.
    pub host_port: u16,
    /// In the pod.
    pub container_port: u16,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
    /// The host's address; all when empty.
    #[serde(rename = "hostIP", default, skip_serializing_if = "String::is_empty")]
    pub host_ip: String,
}

impl Attachment {
    /// All capabilities by their names.
    pub(crate) fn capability_args(&self) -> Map<String, Value> {
        let mut all = self.capabilities.clone();
        if !self.port_mappings.is_empty() {
            all.insert("portMappings".into(), json!(self.port_mappings));
        }
        if !self.dns.is_empty() {
            // The capability's name for the search list is another than the answer's (CONVENTIONS.md).
            let dns = json!({"servers": self.dns.nameservers, "searches": self.dns.search, "options": self.dns.options});
            all.insert("dns".into(), dns);
        }
        all
    }
}

impl Network {
    /// Attach a pod. When a plugin fails, those that have run are undone. The loopback link is set up too, since no pod can do
    /// without.
    pub fn add(&self, attachment: &Attachment) -> Result<Answer> {
        loopback_up(attachment)?;
        self.add_chain(attachment).and_then(|value| Answer::from_json(&value)).inspect_err(|_| {
            // ADD's message is the error; DEL, which the caller must do anyhow, tells what it could
            // not undo.
            let _ = self.delete_with(attachment, None);
        })
    }

    fn add_chain(&self, attachment: &Attachment) -> Result<Value> {
        let mut result = Value::Null;
        for plugin in &self.plugins {
            let told = self.call("ADD", plugin, attachment, Some(&result))?;
            result = self.understood(told).doing(format_args!("CNI plugin {} (ADD)", kind(plugin)))?;
        }
        cache::put(self, attachment, &result)?;
        Ok(result)
    }

    /// A plugin's answer to ADD in the form of the network's version: that is what the next plugin reads.
    fn understood(&self, told: Value) -> Result<Value> {
        if !told.is_object() {
            return Err(Error::new("it ended well and gave no answer"));
        }
        let answer = Answer::from_json(&told)?;
        match told["cniVersion"].as_str() {
            Some(version) if version != self.version => answer.to_json(&self.version),
            Some(_) => Ok(told),
            None => Ok(with_version(told, &self.version)),
        }
    }

    /// Detach a pod, as the network was when it was attached. No error when there is nothing left of it.
    pub fn del(&self, attachment: &Attachment) -> Result<()> {
        match cache::find(&attachment.container_id, &attachment.ifname) {
            Some(entry) => delete_entry(&entry, attachment, &self.path, Some(self)),
            None => self.delete_with(attachment, None),
        }
    }

    fn delete_with(&self, attachment: &Attachment, result: Option<&Value>) -> Result<()> {
        let result = result.filter(|_| at_least(&self.version, "0.4.0"));
        for plugin in self.plugins.iter().rev() {
            self.call("DEL", plugin, attachment, result)?;
        }
        cache::remove(&self.name, attachment)
    }

    /// Ask the plugins whether all is as they left it. Nothing is asked where the configuration does not want it; before version
    /// 0.4.0 it can't be asked.
    pub fn check(&self, attachment: &Attachment) -> Result<()> {
        if !at_least(&self.version, "0.4.0") {
            return Err(Error::new(format!("network {}: cniVersion {} has no CHECK", self.name, self.version)));
        }
        if self.disable_check {
            return Ok(());
        }
        let entry = cache::get(&self.name, attachment);
        let entry = entry.ok_or_else(|| Error::new(format!("network {}: there is no cached answer", self.name)))?;
        self.plugins.iter().try_for_each(|plugin| self.call("CHECK", plugin, attachment, Some(&entry.result)).map(drop))
    }

    /// Ask the plugins whether they could attach a pod now (spec 1.1.0; elder networks are taken to be ready when their plugins
    /// are there).
    pub fn status(&self) -> Result<()> {
        for plugin in &self.plugins {
            let kind = kind(plugin);
            exec::find(kind, &self.path).doing(format_args!("CNI plugin {kind}"))?;
            if at_least(&self.version, "1.1.0") {
                self.call("STATUS", plugin, &Attachment::default(), None)?;
            }
        }
        Ok(())
    }

    /// Detach every pod that is not among `valid` (container id, link), and let the plugins drop what else they hold for others.
    /// Nothing happens where the configuration does not want it. The first failure is told when all has been tried.
    pub fn gc(&self, valid: &[(String, String)]) -> Result<()> {
        if self.disable_gc {
            return Ok(());
        }
        let mut failed = Vec::new();
        for entry in cache::all() {
            let stale = !valid.iter().any(|(id, ifname)| *id == entry.container_id && *ifname == entry.if_name);
            if stale && entry.network_name == self.name {
                failed.extend(delete_entry(&entry, &entry.attachment(), &self.path, Some(self)).err());
            }
        }
        if at_least(&self.version, "1.1.0") {
            let list: Vec<_> = valid.iter().map(|(id, ifname)| json!({"containerID": id, "ifname": ifname})).collect();
            for plugin in &self.plugins {
                let mut plugin = plugin.clone();
                plugin.insert("cni.dev/valid-attachments".into(), json!(list));
                // The name up to spec 1.1's draft, which plugins still read.
                plugin.insert("cni.dev/attachments".into(), json!(list));
                failed.extend(self.call("GC", &plugin, &Attachment::default(), None).err());
            }
        }
        failed.into_iter().next().map_or(Ok(()), Err)
    }

    /// One plugin: its configuration, with what the runtime adds.
    fn call(&self, verb: &str, plugin: &Map<String, Value>, at: &Attachment, previous: Option<&Value>) -> Result<Value> {
        let mut conf = plugin.clone();
        conf.insert("name".into(), json!(self.name));
        conf.insert("cniVersion".into(), json!(self.version));
        let wanted = plugin.get("capabilities").and_then(Value::as_object);
        let mut given = at.capability_args();
        given.retain(|name, _| wanted.is_some_and(|w| w.get(name) == Some(&Value::Bool(true))));
        if !given.is_empty() {
            conf.insert("runtimeConfig".into(), Value::Object(given));
        }
        if let Some(previous) = previous.filter(|p| !p.is_null()) {
            conf.insert("prevResult".into(), previous.clone());
        }
        let args: Vec<_> = at.args.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let netns = at.netns.to_string_lossy();
        let call = Call {
            apart: true,
            command: verb,
            container_id: &at.container_id,
            netns: &netns,
            ifname: &at.ifname,
            args: args.join(";"),
            path: &self.path,
        };
        exec::run(kind(plugin), &call, &Value::Object(conf))
    }
}

/// Detach by the cache alone, for a pod whose network is no longer configured; false when nothing is cached.
pub fn delete_cached(attachment: &Attachment) -> Result<bool> {
    let Some(entry) = cache::find(&attachment.container_id, &attachment.ifname) else { return Ok(false) };
    delete_entry(&entry, attachment, &[PathBuf::from(kit::paths::CNI_BIN)], None)?;
    Ok(true)
}

/// Detach as the cache tells; by `now` when the cached configuration can't be read.
fn delete_entry(entry: &cache::Entry, attachment: &Attachment, path: &[PathBuf], now: Option<&Network>) -> Result<()> {
    let network = entry.network().map(|network| network.with_path(path.to_vec()));
    let network = network.or_else(|| now.cloned());
    let network =
        network.ok_or_else(|| Error::new(format!("network {}: its cached configuration is broken", entry.network_name)))?;
    // The configuration of the attachment counts, and the namespace of now.
    let then = Attachment { netns: attachment.netns.clone(), ..entry.attachment() };
    network.delete_with(&then, Some(&entry.result))
}

fn kind(plugin: &Map<String, Value>) -> &str {
    plugin.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn with_version(mut told: Value, version: &str) -> Value {
    told["cniVersion"] = json!(version);
    told
}

fn loopback_up(attachment: &Attachment) -> Result<()> {
    let netns = std::fs::File::open(&attachment.netns).on("open the network namespace", &attachment.netns)?;
    netlink::within(netns.as_fd(), || Netlink::open()?.up("lo"))
}
