//! Identity of a machine: its settings, its segment, and the token with which it joins.

use std::collections::HashMap;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use format::{newc, pxe};
use kit::{Context, Error, Result};

use super::pool::Mac;
use super::reply::in_path;
use super::settings::{self, Facts};
use super::tokens::Tokens;

/// The settings' name in a machine's directory on the server, and its segment's.
pub const SETTINGS: &str = "config.toml";
pub const SEGMENT: &str = "node.cpio";
/// File of a segment that holds the URL of the settings.
const POINTER: &str = "etc/kutties/netboot.toml";
/// The most machines whose UUIDs are remembered.
const MOST: usize = 4096;

/// Known machines.
#[derive(Debug)]
pub struct Identity {
    machines: Option<PathBuf>,
    known: bool,
    tokens: Tokens,
    /// UUIDs that they sent when they asked for an address.
    uuids: Mutex<HashMap<Mac, String>>,
}

impl Identity {
    /// With a directory of files by machine, if there is one.
    pub fn open(machines: Option<&Path>, known: bool, tokens: Tokens) -> Result<Self> {
        if let Some(directory) = machines {
            fs::read_dir(directory).on("read", directory)?;
        }
        Ok(Self { machines: machines.map(Path::to_owned), known, tokens, uuids: Mutex::default() })
    }

    /// Keep a machine's UUID in mind.
    pub fn remember(&self, mac: Mac, uuid: Option<&str>) {
        let mut uuids = self.uuids.lock().unwrap_or_else(PoisonError::into_inner);
        if uuids.len() >= MOST && !uuids.contains_key(&mac) {
            uuids.clear();
        }
        if let Some(uuid) = uuid {
            uuids.insert(mac, uuid.to_owned());
        }
    }

    /// Tells if it is served.
    pub fn serves(&self, mac: Mac) -> bool {
        !self.known || self.find(mac, "toml").is_some() || self.find(mac, "cpio").is_some()
    }

    /// Tells if machines have settings here at all.
    pub fn has_settings(&self) -> bool {
        self.machines.is_some() || self.tokens.exist()
    }

    /// Tell if each machine gets a token of its own.
    pub const fn makes_tokens(&self) -> bool {
        self.tokens.are_made()
    }

    /// A machine's settings. `told` is what it says of itself when it asks for them.
    /// `from` is where it asks from.
    pub fn settings(&self, mac: Mac, told: &[(String, String)], from: Ipv4Addr) -> Result<String> {
        let path = self.find(mac, "toml").or_else(|| {
            let path = self.machines.as_ref()?.join("default.toml");
            path.exists().then_some(path)
        });
        let text = match &path {
            Some(path) => fs::read_to_string(path).on("read", path)?,
            None => String::new(),
        };
        let mut facts: Facts = vec![("mac".into(), pxe::mac(mac))];
        facts.extend(self.uuid(mac).map(|uuid| ("uuid".into(), uuid)));
        facts.extend(told.iter().filter(|(name, _)| name != "mac").cloned());
        let key = self.tokens.key(mac, from)?;
        let place = path.as_deref().unwrap_or(Path::new("the settings")).display().to_string();
        settings::fill(&text, &facts, key.as_deref()).map_err(|why| Error::new(format!("{place}: {why}")))
    }

    /// A machine's own segment, if there is a file with one.
    pub fn segment(&self, mac: Mac) -> Result<Option<Vec<u8>>> {
        self.find(mac, "cpio").map(|path| fs::read(&path).on("read", &path)).transpose()
    }

    /// Returns the part of a machine's copy of `kutties.efi` beside the system: the URL of its
    /// settings, and its own segment.
    pub fn carried(&self, mac: Mac, settings_url: &str) -> Result<Vec<u8>> {
        let mut segment = Vec::new();
        if self.has_settings() {
            let text = format!("config = \"{settings_url}\"\nsettings.unsigned = true\n");
            segment = newc::archive(&[(POINTER, text.as_bytes())]);
        }
        segment.extend(self.segment(mac)?.unwrap_or_default());
        Ok(segment)
    }

    fn uuid(&self, mac: Mac) -> Option<String> {
        self.uuids.lock().unwrap_or_else(PoisonError::into_inner).get(&mac).cloned()
    }

    /// The machine's file of a kind: by its hardware address with colons or hyphens, or by its UUID.
    fn find(&self, mac: Mac, kind: &str) -> Option<PathBuf> {
        let directory = self.machines.as_ref()?;
        let names = [Some(pxe::mac(mac)), Some(in_path(mac)), self.uuid(mac)];
        names.into_iter().flatten().map(|name| directory.join(format!("{name}.{kind}"))).find(|path| path.exists())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    const FROM: Ipv4Addr = Ipv4Addr::LOCALHOST;

    #[test]
    fn a_machine_is_found_by_its_address_or_its_uuid() {
        let dir = std::env::temp_dir().join(format!("kutties-machines-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("02-00-00-00-00-01.toml"), "hostname = \"one\"\n").unwrap();
        fs::write(dir.join("aaaa.toml"), "hostname = \"${serial}\"\n").unwrap();
        fs::write(dir.join("02:00:00:00:00:03.cpio"), "070701").unwrap();
        let tokens = Tokens::one("h:1", "t", "sha256:c").unwrap();
        let identity = Identity::open(Some(&dir), true, tokens).unwrap();
        let mac = |last| [2, 0, 0, 0, 0, last];
        let join = "join = \"h:1,token=t,ca=sha256:c\"\n";
        assert_eq!(identity.settings(mac(1), &[], FROM).unwrap(), format!("{join}hostname = \"one\"\n"));
        assert!(!identity.serves(mac(2)) && identity.serves(mac(1)) && identity.serves(mac(3)));
        identity.remember(mac(2), Some("aaaa"));
        assert!(identity.serves(mac(2)));
        assert!(identity.settings(mac(2), &[], FROM).unwrap_err().to_string().contains("has not told its serial"));
        let told = [("serial".to_owned(), "77".to_owned()), ("mac".to_owned(), "x".to_owned())];
        assert_eq!(identity.settings(mac(2), &told, FROM).unwrap(), format!("{join}hostname = \"77\"\n"));
        fs::write(dir.join("default.toml"), "# ${mac}\n").unwrap();
        assert_eq!(identity.settings(mac(9), &told, FROM).unwrap(), format!("{join}# 02:00:00:00:00:09\n"));
        let carried = identity.carried(mac(3), "http://x/").unwrap();
        let text = String::from_utf8_lossy(&carried);
        assert!(
            text.ends_with("070701") && text.contains("etc/kutties/netboot.toml\0") && text.contains("config = \"http://x/\"\n")
        );
        fs::remove_dir_all(dir).unwrap();
        assert!(Tokens::one("h:1", "t,x=y", "c").is_err() && Tokens::one("h:1", "t", "c\"").is_err());
    }
}
