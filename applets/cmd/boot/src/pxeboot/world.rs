//! Environment of a script for iPXE: this machine and its network.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

use format::ipxe::{self, Choice, Fetched, Found, World};
use format::{newc, pxe};

use super::Options;
use super::ask::{Card, uuid};
use super::fetch::{fetch, resolve, send};
use crate::chosen::{self, Item, LARGEST, say};

/// The outside of a script.
pub struct Outside<'a> {
    /// The card that was asked on.
    card: &'a Card,
    /// Its address.
    address: Ipv4Addr,
    /// The first script.
    url: &'a str,
    options: &'a Options,
    /// Files that were fetched, by key.
    files: BTreeMap<usize, Vec<u8>>,
    next: usize,
}

impl<'a> Outside<'a> {
    /// The outside of the script at `url`.
    pub const fn new(card: &'a Card, address: Ipv4Addr, url: &'a str, options: &'a Options) -> Self {
        Self { card, address, url, options, files: BTreeMap::new(), next: 0 }
    }

    fn held(&self) -> u64 {
        self.files.values().map(|file| file.len() as u64).sum()
    }

    fn bytes(&self, file: &Fetched) -> Result<&[u8], String> {
        let found = self.files.get(&file.key).map(Vec::as_slice);
        found.ok_or_else(|| format!("{} is not here any more", file.url))
    }
}

impl World for Outside<'_> {
    fn variable(&mut self, name: &str) -> Option<String> {
        // There is one card: `net0`, also called the one that was opened last.
        let name = match name.split_once('/') {
            Some((scope, name)) if ["net0", "netX", "builtin", "smbios"].contains(&scope) => name,
            Some((scope, name)) if scope == self.card.name || scope.starts_with("net0.") => name,
            Some(("proxydhcp", "next-server")) => "next-server",
            Some(_) => return None,
            None => name,
        };
        let dmi = |file: &str| std::fs::read_to_string(Path::new("/sys/class/dmi/id").join(file)).ok();
        let value = match name {
            "mac" => pxe::mac(self.card.hardware),
            "ip" => self.address.to_string(),
            "uuid" => uuid()?,
            "serial" => dmi("product_serial")?,
            "asset" => dmi("chassis_asset_tag")?,
            "manufacturer" => dmi("sys_vendor")?,
            "product" => dmi("product_name")?,
            "board-serial" => dmi("board_serial")?,
            "hostname" => std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?,
            "filename" => self.url.to_owned(),
            "next-server" | "dhcp-server" => self.url.split('/').nth(2)?.split(':').next()?.to_owned(),
            "platform" => if Path::new("/sys/firmware/efi").exists() { "efi" } else { "pcbios" }.to_owned(),
            "buildarch" if cfg!(target_arch = "x86_64") => "x86_64".to_owned(),
            "buildarch" => "arm64".to_owned(),
            "ifname" => self.card.name.clone(),
            "version" => "kutties".to_owned(),
            _ => return None,
        };
        Some(value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn fetch(&mut self, base: &str, uri: &str, form: Option<&[(String, String)]>) -> Result<Fetched, String> {
        let url = resolve(base, uri).map_err(|e| e.to_string())?;
        let file = form.map_or_else(|| fetch(&url), |fields| send(&url, fields)).map_err(|e| e.to_string())?;
        if self.held() + file.len() as u64 > LARGEST {
            return Err(format!("fetch {url}: all images together have more than {LARGEST} bytes"));
        }
        let script = std::str::from_utf8(&file).ok().filter(|text| text.starts_with(ipxe::MAGIC)).map(str::to_owned);
        self.next += 1;
        if script.is_none() {
            self.files.insert(self.next, file);
        }
        Ok(Fetched { key: self.next, url, script })
    }

    fn free(&mut self, key: usize) {
        self.files.remove(&key);
    }

    fn load(&mut self, found: &Found) -> Result<(), String> {
        say(&format!("loading {}", found.kernel.url));
        let kernel = self.bytes(&found.kernel)?;
        let segment = |(file, path): &(Fetched, Option<String>)| {
            let bytes = self.bytes(file)?;
            Ok(match path {
                Some(path) => newc::archive(&[(path.trim_start_matches('/'), bytes)]),
                None => bytes.to_vec(),
            })
        };
        let segments = found.initrds.iter().map(segment).collect::<Result<Vec<_>, String>>()?;
        let words = format!("{} {}", found.words, self.options.append);
        chosen::load(&found.kernel.url, kernel, &segments, words.trim()).map_err(|e| e.to_string())
    }

    fn say(&mut self, text: &str) {
        say(&text.chars().filter(|c| !c.is_control()).collect::<String>());
    }

    fn choose(&mut self, menu: &Choice) -> Option<usize> {
        let item = |(_, title): &(String, String)| Item { title: title.clone(), reason: None };
        let items: Vec<Item> = menu.items.iter().map(item).collect();
        let own = (menu.timeout > 0).then(|| Duration::from_millis(menu.timeout.into()));
        let limit = self.options.timeout.map(|seconds| Duration::from_secs(seconds.into())).or(own);
        match chosen::choose(&menu.title, &items, &Ok(menu.default), limit) {
            Ok(choice) => choice.map(|choice| choice.number),
            Err(e) => {
                say(&e.to_string());
                None
            }
        }
    }

    fn sleep(&mut self, seconds: u64) {
        std::thread::sleep(Duration::from_secs(seconds));
    }

    fn lookup(&mut self, host: &str) -> Result<String, String> {
        let found = (host, 0).to_socket_addrs().map_err(|e| format!("look {host} up: {e}"))?;
        let found = found.map(|address| address.ip()).find(IpAddr::is_ipv4);
        found.map(|address| address.to_string()).ok_or_else(|| format!("{host} has no IPv4 address"))
    }

    fn cpu(&mut self) -> Option<String> {
        if !cfg!(target_arch = "x86_64") {
            return None;
        }
        let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("flags"))?;
        Some(line.trim_start_matches(['\t', ' ', ':']).to_owned())
    }
}
