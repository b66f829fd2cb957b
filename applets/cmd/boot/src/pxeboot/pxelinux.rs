//! PXELINUX's configurations: the search for this machine's, its menu, its start.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use format::menu::{Entry, Menu, Start, Wait};
use format::syslinux::{self, Facts, Reader};
use kit::{Error, Result};
use netlink::Netlink;

use super::ask::{self, Card};
use super::fetch::{fetch, resolve};
use super::{Options, Outcome};
use crate::chosen::{self, Item, say};

/// Programs beside which `pxelinux.cfg` lies, by the end of their names.
const PROGRAMS: &[&str] = &["pxelinux.0", "syslinux.efi", "syslinux64.efi", "syslinux.0"];

/// The machine as PXELINUX sees it.
pub struct Machine<'a> {
    pub card: &'a Card,
    pub address: Ipv4Addr,
    /// The file that the network named.
    pub url: &'a str,
}

impl Machine<'_> {
    /// The menu of a configuration that was named, or of the first one beside pxelinux.0; none when
    /// the file is something else. Paths are relative to the URL that comes with it.
    ///
    /// # Errors
    /// There is no configuration beside pxelinux.0.
    pub fn menu(&self, file: &[u8]) -> Result<Option<(Menu, String)>> {
        let path = self.url.split(['?', '#']).next().unwrap_or(self.url);
        if !PROGRAMS.iter().any(|program| path.ends_with(program)) {
            let menu = std::str::from_utf8(file).ok().map(|text| read(self.url, text));
            return Ok(menu.filter(|menu| !menu.entries.is_empty()).map(|menu| (menu, self.url.to_owned())));
        }
        for name in syslinux::pxelinux_names(ask::uuid().as_deref(), self.card.hardware, self.address) {
            let place = resolve(self.url, &format!("pxelinux.cfg/{name}"))?;
            // The first one that is there ends the search, also when it has nothing to boot.
            if let Ok(text) = fetch(&place) {
                say(&format!("{}: {place}", self.card.name));
                return Ok(Some((read(self.url, &String::from_utf8_lossy(&text)), self.url.to_owned())));
            }
        }
        Err(Error::new(format!("{}: there is no configuration in pxelinux.cfg beside it", self.url)))
    }

    /// Let somebody choose of the menu, and load what was chosen.
    pub fn start(&self, menu: &Menu, base: &str, options: &Options) -> Result<Outcome> {
        if menu.entries.is_empty() {
            return Err(Error::new(format!("{base}: the configuration has no entry")));
        }
        let item = |entry: &Entry| Item { title: entry.title.clone(), reason: entry.reason().map(str::to_owned) };
        let items: Vec<Item> = menu.entries.iter().map(item).collect();
        let own = match menu.wait {
            Wait::Seconds(seconds) => Some(seconds),
            Wait::Unsaid | Wait::Forever => None,
        };
        let limit = options.timeout.or(own).map(|seconds| Duration::from_secs(seconds.into()));
        let Some(choice) = chosen::choose("", &items, &menu.default, limit)? else { return Ok(Outcome::Nothing) };
        let fallback = if choice.automatic { menu.fallback.as_slice() } else { &[] };
        let mut last = Error::new("there is no such entry");
        for number in std::iter::once(&choice.number).chain(fallback) {
            let Some(entry) = menu.entries.get(*number) else { continue };
            if entry.start != Start::Kernel {
                return Ok(Outcome::Other(entry.start.clone()));
            }
            match self.load(entry, base, &options.append) {
                Ok(()) => return Ok(Outcome::Loaded),
                Err(e) => {
                    if !fallback.is_empty() {
                        say(&e.to_string());
                    }
                    last = e;
                }
            }
        }
        Err(last)
    }

    fn load(&self, entry: &Entry, base: &str, more: &str) -> Result<()> {
        let url = resolve(base, &entry.kernel.path)?;
        say(&format!("loading {url}"));
        let kernel = fetch(&url)?;
        let segment = |place: &format::menu::Place| fetch(&resolve(base, &place.path)?);
        let segments = entry.initrds.iter().map(segment).collect::<Result<Vec<_>>>()?;
        let appended = syslinux::appended(entry.sysappend, &self.facts(entry.sysappend)).join(" ");
        let words = [entry.words.as_str(), &appended, more].join(" ");
        chosen::load(&url, &kernel, &segments, words.trim())
    }

    /// Facts that SYSAPPEND may ask for.
    fn facts(&self, mask: u32) -> Facts {
        if mask == 0 {
            return Facts::default();
        }
        let text = |file: &'static str| {
            let text = std::fs::read_to_string(Path::new("/sys/class/dmi/id").join(file)).ok()?;
            Some((file, text))
        };
        Facts {
            ip: self.network(),
            mac: Some(self.card.hardware),
            uuid: ask::uuid(),
            dmi: syslinux::DMI.iter().filter_map(|(_, _, file)| text(file)).collect(),
        }
    }

    /// The address, the server's, the gateway's and the network mask.
    fn network(&self) -> Option<[Ipv4Addr; 4]> {
        let mut nl = Netlink::open().ok()?;
        let own = IpAddr::V4(self.address);
        let cidr = nl.addresses_of(&self.card.name).ok()?.into_iter().find(|found| found.cidr.addr == own)?.cidr;
        let IpAddr::V4(netmask) = cidr.netmask() else { return None };
        let ours = |route: &netlink::Route| route.is_default() && route.index == Some(self.card.index);
        let gateway = nl.routes().ok()?.into_iter().filter(ours).find_map(|route| match route.gateway {
            Some(IpAddr::V4(gateway)) => Some(gateway),
            _ => None,
        });
        let host = self.url.split('/').nth(2)?.split(':').next()?;
        let server = host.parse().unwrap_or(Ipv4Addr::UNSPECIFIED);
        Some([self.address, server, gateway.unwrap_or(Ipv4Addr::UNSPECIFIED), netmask])
    }
}

fn read(base: &str, text: &str) -> Menu {
    syslinux::parse(text, Reader::Syslinux, &mut |name| {
        let text = fetch(&resolve(base, name).ok()?).ok()?;
        Some(String::from_utf8_lossy(&text).into_owned())
    })
}
