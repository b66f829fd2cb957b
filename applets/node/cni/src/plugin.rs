//! A plugin's side of the protocol: the call out of the environment and standard input, the answer or error as JSON on standard
//! output (CNI 1.1.0, section 2).

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::PathBuf;

use kit::{Applet, Context, Error, Exit, Kind, Result};
use serde_json::{Value, json};

use crate::configuration::is_name;
use crate::{Answer, VERSIONS, at_least, rank};

/// The longest configuration that is read, in bytes.
const LIMIT: u64 = 4 << 20;
/// The longest name of a link, in bytes (`IFNAMSIZ` without its zero byte).
const IFNAME: usize = 15;

/// Error codes of the specification; 100 and more are a plugin's own, 999 is anything.
pub mod code {
    pub const VERSION: u32 = 1;
    pub const UNSUPPORTED: u32 = 2;
    pub const ENVIRONMENT: u32 = 4;
    pub const IO: u32 = 5;
    pub const DECODE: u32 = 6;
    pub const CONFIGURATION: u32 = 7;
    pub const NAMESPACE: u32 = 8;
    /// Of our own plugins: the file system of their files is full.
    pub const FULL: u32 = 128;
    pub const OTHER: u32 = 999;
}

/// An error as the protocol tells it.
#[derive(Debug)]
pub struct Fault {
    pub code: u32,
    pub msg: String,
    pub details: String,
}

impl Fault {
    pub fn new(code: u32, msg: impl Into<String>) -> Self {
        Self { code, msg: msg.into(), details: String::new() }
    }

    /// An option of the configuration that we do not have.
    pub fn unsupported(option: &str) -> Self {
        Self::new(code::UNSUPPORTED, format!("unsupported field {option:?}"))
    }
}

impl From<Error> for Fault {
    fn from(e: Error) -> Self {
        Self::new(if e.kind() == Kind::Full { code::FULL } else { code::OTHER }, e.to_string())
    }
}

/// Request to a plugin.
#[derive(Debug, Default)]
pub struct Request {
    pub command: String,
    pub container_id: String,
    /// Empty when it is not told, as DEL may.
    pub netns: PathBuf,
    pub ifname: String,
    pub args: HashMap<String, String>,
    /// `CNI_ARGS` as they came, to be passed on.
    pub args_text: String,
    pub path: Vec<PathBuf>,
    pub configuration: Value,
    /// The network's name.
    pub network: String,
}

impl Request {
    /// The previous plugin's answer.
    pub fn previous(&self) -> Result<Option<Answer>, Fault> {
        match &self.configuration["prevResult"] {
            Value::Null => Ok(None),
            value => Ok(Some(Answer::from_json(value)?)),
        }
    }

    /// The attachments that GC leaves alone (container id, link). libcni writes null for none, and no key for a caller that names none:
    /// it has deleted all that it knows of then.
    pub fn valid(&self) -> Result<Vec<(String, String)>, Fault> {
        let list = match self.configuration.get("cni.dev/valid-attachments") {
            None | Some(Value::Null) => &[],
            Some(Value::Array(list)) => list.as_slice(),
            _ => return Err(Fault::new(code::CONFIGURATION, "cni.dev/valid-attachments is no list")),
        };
        let text = |item: &Value, key: &str| item[key].as_str().unwrap_or_default().to_owned();
        Ok(list.iter().map(|item| (text(item, "containerID"), text(item, "ifname"))).collect())
    }

    /// The configuration as a type of the plugin's own.
    pub fn decode<T: serde::de::DeserializeOwned>(&self) -> Result<T, Fault> {
        serde_json::from_value(self.configuration.clone()).map_err(|e| Fault::new(code::CONFIGURATION, e.to_string()))
    }
}

/// A plugin: a function a verb.
pub struct Plugin {
    pub add: fn(&Request) -> Result<Answer, Fault>,
    pub del: fn(&Request) -> Result<(), Fault>,
    pub check: fn(&Request) -> Result<(), Fault>,
    pub status: fn(&Request) -> Result<(), Fault>,
    pub gc: fn(&Request) -> Result<(), Fault>,
}

impl Plugin {
    /// Any verb but ADD.
    pub fn tell(&self, verb: &str, request: &Request) -> Result<(), Fault> {
        match verb {
            "DEL" => (self.del)(request),
            "CHECK" => (self.check)(request),
            "STATUS" => (self.status)(request),
            "GC" => (self.gc)(request),
            other => Err(Fault::new(code::ENVIRONMENT, format!("unknown CNI_COMMAND: {other}"))),
        }
    }
}

/// For plugins that have nothing to say to a verb.
#[expect(clippy::unnecessary_wraps, reason = "it stands where functions that fail stand")]
pub const fn nothing(_: &Request) -> Result<(), Fault> {
    Ok(())
}

/// The plugin's whole run.
pub fn run(applet: &Applet, args: &[OsString], plugin: &Plugin) -> Result<Exit> {
    #[derive(clap::Parser)]
    struct None {}
    let None {} = kit::parse(applet, args)?;
    let mut version = VERSIONS[VERSIONS.len() - 1].to_owned();
    let (text, exit) = match serve(plugin, &mut version) {
        Ok(text) => (text, Exit::OK),
        Err(fault) => {
            let mut value = json!({"cniVersion": version, "code": fault.code, "msg": fault.msg});
            if !fault.details.is_empty() {
                value["details"] = json!(fault.details);
            }
            (value, Exit::FAILED)
        }
    };
    if !text.is_null() {
        let mut out = kit::out();
        writeln!(out, "{text}").doing("write the answer")?;
        out.flush().doing("write the answer")?;
    }
    Ok(exit)
}

fn serve(plugin: &Plugin, version: &mut String) -> Result<Value, Fault> {
    let command = variable("CNI_COMMAND");
    let mut input = Vec::new();
    let read = std::io::stdin().take(LIMIT).read_to_end(&mut input);
    read.map_err(|e| Fault::new(code::IO, format!("read the configuration: {e}")))?;
    if command == "VERSION" && input.trim_ascii().is_empty() {
        return Ok(json!({"cniVersion": version, "supportedVersions": VERSIONS}));
    }
    let configuration: Value =
        serde_json::from_slice(&input).map_err(|e| Fault::new(code::DECODE, format!("decode the configuration: {e}")))?;
    if let Some(named) = configuration["cniVersion"].as_str() {
        named.clone_into(version);
    }
    if command == "VERSION" {
        return Ok(json!({"cniVersion": version, "supportedVersions": VERSIONS}));
    }
    if rank(version).is_none() {
        let details = format!("config is {version:?}, plugin supports {VERSIONS:?}");
        return Err(Fault { details, ..Fault::new(code::VERSION, "incompatible CNI versions") });
    }
    let request = request(command, configuration)?;
    let verb = request.command.as_str();
    if ["ADD", "DEL"].contains(&verb) && is_the_hosts(&request.netns) {
        let msg = "plugin's netns and netns from CNI_NETNS should not be the same";
        return Err(Fault::new(code::NAMESPACE, msg));
    }
    if verb == "ADD" {
        return Ok((plugin.add)(&request)?.to_json(version)?);
    }
    let since = match verb {
        "CHECK" => "0.4.0",
        "STATUS" | "GC" => "1.1.0",
        _ => VERSIONS[0],
    };
    if !at_least(version, since) {
        return Err(Fault::new(code::VERSION, format!("config version {version} does not allow {verb}")));
    }
    plugin.tell(verb, &request)?;
    Ok(Value::Null)
}

/// The call out of the environment; what the verb needs must be there.
fn request(command: String, configuration: Value) -> Result<Request, Fault> {
    let attaches = ["ADD", "CHECK"].contains(&command.as_str());
    let for_a_pod = attaches || command == "DEL";
    let needs = [("CNI_CONTAINERID", for_a_pod), ("CNI_IFNAME", for_a_pod), ("CNI_NETNS", attaches), ("CNI_PATH", true)];
    let missing: Vec<_> = needs.iter().filter(|(name, need)| *need && variable(name).is_empty()).map(|(name, _)| *name).collect();
    if !missing.is_empty() {
        return Err(Fault::new(code::ENVIRONMENT, format!("required env variables [{}] missing", missing.join(","))));
    }
    let args_text = variable("CNI_ARGS");
    let path = std::env::var_os("CNI_PATH").unwrap_or_default();
    let request = Request {
        command,
        container_id: variable("CNI_CONTAINERID"),
        netns: variable("CNI_NETNS").into(),
        ifname: variable("CNI_IFNAME"),
        args: args_text.split(';').filter_map(|pair| pair.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect(),
        args_text,
        path: std::env::split_paths(&path).collect(),
        network: configuration["name"].as_str().unwrap_or_default().to_owned(),
        configuration,
    };
    if for_a_pod && !is_name(&request.container_id) {
        return Err(Fault::new(code::ENVIRONMENT, format!("invalid characters in containerID: {:?}", request.container_id)));
    }
    if for_a_pod && !is_ifname(&request.ifname) {
        return Err(Fault::new(code::ENVIRONMENT, format!("invalid interface name: {:?}", request.ifname)));
    }
    if !is_name(&request.network) {
        return Err(Fault::new(code::CONFIGURATION, format!("missing or invalid network name: {:?}", request.network)));
    }
    Ok(request)
}

/// Tells if the pod's network namespace is the one that we are in, which no plugin of ours has any
/// business to change.
fn is_the_hosts(netns: &std::path::Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let wanted = ["1", "true"].contains(&variable("CNI_NETNS_OVERRIDE").to_lowercase().as_str());
    let file = |path: &std::path::Path| std::fs::metadata(path).map(|m| (m.dev(), m.ino())).ok();
    !wanted && !netns.as_os_str().is_empty() && file(netns).is_some() && file(netns) == file("/proc/self/ns/net".as_ref())
}

fn is_ifname(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= IFNAME
        && ![".", ".."].contains(&name)
        && !name.contains(|c: char| c == '/' || c == ':' || c.is_whitespace())
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}
