//! Cached attachments, in libcni's place and form (`/var/lib/cni/results/NETWORK-CONTAINER-IFNAME`): what ADD was told and what it
//! answered, so that CHECK and DEL can tell the plugins, even after the configuration has changed or the caller was killed.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use kit::fs::Form;
use kit::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Attachment, Network};

/// libcni's default directory.
const DIR: &str = "/var/lib/cni/results";
/// The form's name.
const KIND: &str = "cniCacheV1";

/// A cached attachment.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    kind: String,
    pub container_id: String,
    /// The network's configuration: bytes in base64, as Go writes them.
    config: String,
    pub if_name: String,
    pub network_name: String,
    #[serde(default)]
    netns: String,
    #[serde(default)]
    cni_args: Vec<(String, String)>,
    #[serde(default)]
    capability_args: Map<String, Value>,
    /// The answer of the chain's last plugin.
    pub result: Value,
}

impl Entry {
    /// The attachment that it tells of, to be detached.
    pub fn attachment(&self) -> Attachment {
        Attachment {
            container_id: self.container_id.clone(),
            netns: self.netns.clone().into(),
            ifname: self.if_name.clone(),
            args: self.cni_args.clone(),
            capabilities: self.capability_args.clone(),
            ..Attachment::default()
        }
    }

    /// The network as it was at ADD.
    pub fn network(&self) -> Option<Network> {
        let value = serde_json::from_slice(&base64::decode(&self.config)?).ok()?;
        Network::from_json(value).ok()
    }
}

/// Keep an attachment.
pub fn put(network: &Network, attachment: &Attachment, result: &Value) -> Result<()> {
    let source = serde_json::to_vec(&network.source).doing("encode the network's configuration")?;
    let entry = Entry {
        kind: KIND.into(),
        container_id: attachment.container_id.clone(),
        config: base64::encode(&source),
        if_name: attachment.ifname.clone(),
        network_name: network.name.clone(),
        netns: attachment.netns.to_string_lossy().into_owned(),
        cni_args: attachment.args.clone(),
        capability_args: attachment.capability_args(),
        result: result.clone(),
    };
    fs::create_dir_all(DIR).on("make", DIR)?;
    let file = file(&network.name, attachment);
    let text = serde_json::to_vec(&entry).doing("encode the attachment")?;
    kit::fs::replace(&file, text, Form::PLAIN)
}

/// The attachment of that network, or none; one that can't be read counts as none, because DEL must go on.
pub fn get(network: &str, attachment: &Attachment) -> Option<Entry> {
    read(&file(network, attachment))
}

/// The attachment of that container and link, whatever its network. Only files whose name ends with both are read: a node has many.
pub fn find(container_id: &str, ifname: &str) -> Option<Entry> {
    let ending = format!("-{container_id}-{ifname}");
    let named = files().filter(|path| path.to_string_lossy().ends_with(&ending));
    named.filter_map(|path| read(&path)).find(|entry| entry.container_id == container_id && entry.if_name == ifname)
}

/// All attachments that can be read, one after the other; they may be removed meanwhile.
pub fn all() -> impl Iterator<Item = Entry> {
    let now: Vec<PathBuf> = files().collect();
    now.into_iter().filter_map(|path| read(&path))
}

fn files() -> impl Iterator<Item = PathBuf> {
    fs::read_dir(DIR).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()))
}

/// Forget an attachment; no error if it is not there.
pub fn remove(network: &str, attachment: &Attachment) -> Result<()> {
    let file = file(network, attachment);
    match fs::remove_file(&file) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e).on("remove", &file),
        _ => Ok(()),
    }
}

fn read(file: &Path) -> Option<Entry> {
    let entry: Entry = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
    (entry.kind == KIND).then_some(entry)
}

fn file(network: &str, attachment: &Attachment) -> PathBuf {
    Path::new(DIR).join(format!("{network}-{}-{}", attachment.container_id, attachment.ifname))
}

/// Base64 with padding (RFC 4648, section 4), as Go writes bytes in JSON.
mod base64 {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    pub fn encode(bytes: &[u8]) -> String {
        let mut text = String::new();
        for group in bytes.chunks(3) {
            let mut padded = [0; 4];
            padded[1..=group.len()].copy_from_slice(group);
            let number = u32::from_be_bytes(padded);
            for at in 0..4 {
                let digit = DIGITS[(number >> (18 - 6 * at)) as usize & 63];
                text.push(if at <= group.len() { digit.into() } else { '=' });
            }
        }
        text
    }

    pub fn decode(text: &str) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let (mut number, mut bits) = (0u32, 0);
        for c in text.trim_end_matches('=').bytes() {
            number = number << 6 | DIGITS.iter().position(|d| *d == c)? as u32;
            bits += 6;
            if bits >= 8 {
                bits -= 8;
                bytes.push((number >> bits) as u8);
            }
        }
        Some(bytes)
    }

    #[test]
    fn there_and_back() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text).as_deref(), Some(bytes.as_bytes()));
        }
        assert_eq!(decode("a b"), None);
    }
}
