//! What a script for iPXE sees of this machine and its network.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use format::ipxe::{self, Choice, World};
use format::pxe;

use super::ask::{Card, uuid};
use super::fetch::{fetch, resolve};
use crate::chosen::{self, say};

/// The outside of a script.
pub struct Outside<'a> {
    /// The card that was asked on.
    pub card: &'a Card,
    /// Its address.
    pub address: Ipv4Addr,
    /// The first script.
    pub url: &'a str,
    /// The time of menus, in seconds, in the place of their own.
    pub timeout: Option<u32>,
}

impl World for Outside<'_> {
    fn variable(&mut self, name: &str) -> Option<String> {
        // Of `net0/mac` the card; there is one.
        let name = name.strip_prefix("net").and_then(|rest| rest.split_once('/')).map_or(name, |(_, name)| name);
        let dmi = |file: &str| std::fs::read_to_string(Path::new("/sys/class/dmi/id").join(file)).ok();
        let value = match name {
            "mac" => pxe::mac(self.card.hardware),
            "ip" => self.address.to_string(),
            "uuid" => uuid()?,
            "serial" => dmi("product_serial")?,
            "asset" => dmi("chassis_asset_tag")?,
            "manufacturer" => dmi("sys_vendor")?,
            "product" => dmi("product_name")?,
            "hostname" => std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?,
            "filename" => self.url.to_owned(),
            "next-server" | "proxydhcp/next-server" => self.url.split('/').nth(2)?.split(':').next()?.to_owned(),
            "platform" => if Path::new("/sys/firmware/efi").exists() { "efi" } else { "pcbios" }.to_owned(),
            "buildarch" if cfg!(target_arch = "x86_64") => "x86_64".to_owned(),
            "buildarch" => "arm64".to_owned(),
            "ifname" => self.card.name.clone(),
            "version" => "kutties".to_owned(),
            _ => return None,
        };
        Some(value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn script(&mut self, base: &str, uri: &str) -> Result<(String, String), String> {
        let url = resolve(base, uri).map_err(|e| e.to_string())?;
        let file = fetch(&url).map_err(|e| e.to_string())?;
        match String::from_utf8(file) {
            Ok(text) if text.starts_with(ipxe::MAGIC) => Ok((text, url)),
            // No script: an empty sentence asks for it to be booted.
            _ => Err(String::new()),
        }
    }

    fn say(&mut self, text: &str) {
        say(&text.chars().filter(|c| !c.is_control()).collect::<String>());
    }

    fn choose(&mut self, menu: &Choice) -> Option<usize> {
        let titles: Vec<String> = menu.items.iter().map(|(_, title)| title.clone()).collect();
        let own = (menu.timeout > 0).then(|| Duration::from_millis(menu.timeout.into()));
        let limit = self.timeout.map(|seconds| Duration::from_secs(seconds.into())).or(own);
        match chosen::choose(&menu.title, &titles, menu.default, limit) {
            Ok(chosen) => chosen,
            Err(e) => {
                say(&e.to_string());
                None
            }
        }
    }
}
