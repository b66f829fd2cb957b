//! `pxeboot`: ask the network what to boot, as PXE and iPXE would, and start it by kexec.
//!
//! Usage: kutties pxeboot [-i INTERFACE] [-w SECONDS] [-t SECONDS] [--url URL] [-l] [--append WORDS]
//!
//! A card without an address gets one by DHCP. Then DHCP and ProxyDHCP servers are asked what to boot; this program tells them that it
//! understands iPXE's scripts. The file is fetched by TFTP or HTTP: a script for iPXE, PXELINUX's configuration (also when pxelinux.0 was
//! named), a kernel or a unified kernel image. Menus have the time that they name, or -t's.

mod ask;
mod fetch;
mod tftp;
mod world;

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr};
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::Parser;
use format::ipxe::{self, End};
use format::{menu::Menu, syslinux};
use kit::{Applet, Context, Error, Exit, Place, Result, paths};
use netlink::{Link, Netlink};

use crate::chosen::{self, say};
use ask::Card;
use fetch::{fetch, resolve};
use world::Outside;

/// The record.
pub const PXEBOOT: Applet =
    Applet { name: "pxeboot", about: "ask the network what to boot and start it by kexec", place: Place::Node, run };

#[derive(Parser)]
struct Options {
    /// Ask on this interface; else on each network card
    #[arg(short, long, value_name = "INTERFACE")]
    interface: Option<String>,
    /// How long to wait for an address, and for an answer, in seconds
    #[arg(short, long, value_name = "SECONDS", default_value_t = 20)]
    wait: u64,
    /// Seconds until a menu's default is started
    #[arg(short, long, value_name = "SECONDS")]
    timeout: Option<u32>,
    /// Begin with this file, and ask nobody
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Load only: `kexec -e` starts it
    #[arg(short, long)]
    load: bool,
    /// More words for the command line
    #[arg(long, value_name = "WORDS", default_value = "")]
    append: String,
}

/// What is to be booted.
struct Chosen {
    kernel: String,
    /// The kernel's file, where it is here already.
    here: Option<Vec<u8>>,
    segments: Vec<String>,
    words: String,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&PXEBOOT, args)?;
    let mut last = None;
    for name in interfaces(options.interface.as_deref())? {
        match one(&name, &options) {
            Ok(Some(chosen)) => {
                load(chosen, &options.append)?;
                return chosen::start(options.load);
            }
            Ok(None) => return Ok(Exit::FAILED),
            Err(e) => {
                if let Some(e) = last.replace(e) {
                    say(&e.to_string());
                }
            }
        }
    }
    Err(last.unwrap_or_else(|| Error::new("there is no network card")))
}

fn interfaces(chosen: Option<&str>) -> Result<Vec<String>> {
    if let Some(name) = chosen {
        return Ok(vec![name.to_owned()]);
    }
    Ok(Netlink::open()?.links()?.into_iter().filter(Link::is_card).map(|link| link.name).collect())
}

/// What the network of one interface has for us; none when a person wants none of it.
fn one(name: &str, options: &Options) -> Result<Option<Chosen>> {
    let (card, address) = ready(name, options.wait)?;
    let url = match &options.url {
        Some(url) => url.clone(),
        None => ask::boot_url(&card, Duration::from_secs(options.wait))?,
    };
    say(&format!("{name}: {url}"));
    let file = fetch(&url)?;
    if let Some(script) = script(&file) {
        let mut outside = Outside { card: &card, address, url: &url, timeout: options.timeout };
        return match ipxe::run(script, &url, &mut outside).map_err(Error::new)? {
            End::Boot(found) => {
                let place = |(base, uri): &(String, String)| resolve(base, uri);
                let kernel = found.kernel.as_ref().map(place).transpose()?.unwrap_or_default();
                let segments = found.initrds.iter().map(place).collect::<Result<_>>()?;
                Ok(Some(Chosen { kernel, here: None, segments, words: found.words }))
            }
            End::Exit => Err(Error::new(format!("{url}: the script ends without anything to boot"))),
        };
    }
    if let Some((menu, base)) = pxelinux(&url, &file, &card, address) {
        return of_menu(&menu, &base, options);
    }
    // Whatever else it is, kexec can tell.
    Ok(Some(Chosen { kernel: url, here: Some(file), segments: Vec::new(), words: String::new() }))
}

/// The text of a script for iPXE.
fn script(file: &[u8]) -> Option<&str> {
    std::str::from_utf8(file).ok().filter(|text| text.starts_with(ipxe::MAGIC))
}

/// The menu that PXELINUX would show: of a configuration that was named, or of the best one beside pxelinux.0.
fn pxelinux(url: &str, file: &[u8], card: &Card, address: Ipv4Addr) -> Option<(Menu, String)> {
    let read = |base: &str, text: &str| {
        let menu = syslinux::parse(text, &mut |name| {
            let text = fetch(&resolve(base, name).ok()?).ok()?;
            String::from_utf8(text).ok()
        });
        (!menu.entries.is_empty()).then(|| (menu, base.to_owned()))
    };
    if !url.ends_with("pxelinux.0") {
        return read(url, std::str::from_utf8(file).ok()?);
    }
    for name in syslinux::pxelinux_names(ask::uuid().as_deref(), card.hardware, address) {
        let Ok(place) = resolve(url, &format!("pxelinux.cfg/{name}")) else { continue };
        // Paths in it are relative to pxelinux.0.
        if let Some(found) = fetch(&place).ok().and_then(|text| read(url, std::str::from_utf8(&text).ok()?)) {
            return Some(found);
        }
    }
    None
}

fn of_menu(menu: &Menu, base: &str, options: &Options) -> Result<Option<Chosen>> {
    let titles: Vec<String> = menu.entries.iter().map(|entry| entry.title.clone()).collect();
    let limit = options.timeout.or(menu.timeout).map(|seconds| Duration::from_secs(seconds.into()));
    let Some(chosen) = chosen::choose("", &titles, menu.default, limit)? else { return Ok(None) };
    let Some(entry) = menu.entries.get(chosen) else { return Ok(None) };
    let segments = entry.initrds.iter().map(|place| resolve(base, &place.path)).collect::<Result<_>>()?;
    let kernel = resolve(base, &entry.kernel.path)?;
    Ok(Some(Chosen { kernel, here: None, segments, words: entry.words.clone() }))
}

fn load(chosen: Chosen, more: &str) -> Result<()> {
    say(&format!("loading {}", chosen.kernel));
    let kernel = chosen.here.map_or_else(|| fetch(&chosen.kernel), Ok)?;
    let segments = chosen.segments.iter().map(|url| fetch(url)).collect::<Result<Vec<_>>>()?;
    chosen::load(&chosen.kernel, &kernel, &segments, format!("{} {more}", chosen.words).trim())
}

/// The card with its address, which DHCP gives when it has none.
fn ready(name: &str, wait: u64) -> Result<(Card, Ipv4Addr)> {
    let mut nl = Netlink::open()?;
    let link = nl.need(name)?;
    let hardware = link.address.as_slice().try_into();
    let hardware = hardware.map_err(|_| Error::new(format!("{name}: it is not an Ethernet interface")))?;
    let card = Card { name: name.to_owned(), index: link.index, hardware };
    if let Some(address) = address(&mut nl, name)? {
        return Ok((card, address));
    }
    let mut command = Command::new(paths::BINARY);
    command.args(["dhclient", "-1", "-t", &wait.to_string(), name]).stdin(Stdio::null());
    let output = command.output().doing("start dhclient")?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        return Err(Error::new(why.trim().trim_start_matches("dhclient: ").to_owned()));
    }
    let found = address(&mut nl, name)?;
    found.map(|address| (card, address)).ok_or_else(|| Error::new(format!("{name}: it has no IPv4 address")))
}

fn address(nl: &mut Netlink, name: &str) -> Result<Option<Ipv4Addr>> {
    let all = nl.addresses_of(name)?;
    Ok(all.into_iter().find_map(|address| match address.cidr.addr {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    }))
}
