//! `pxeboot`: ask the network what to boot, as PXE and iPXE would, and start it by kexec.
//!
//! Usage: kutties pxeboot [-i INTERFACE] [-w SECONDS] [-t SECONDS] [--url URL] [-l] [--append WORDS]
//!
//! A card without an address gets one by DHCP. Then DHCP and ProxyDHCP servers are asked what to boot; this program tells them that it
//! understands iPXE's scripts. The file is fetched by TFTP or HTTP: a script for iPXE, PXELINUX's configuration (also when pxelinux.0 was
//! named), a kernel or a unified kernel image. Menus have the time that they name, or -t's.
//!
//! Exit status 3: the network says "boot from the local disk", or ends without anything to boot, where firmware would go on to its
//! next device: `kutties pxeboot || { [ $? = 3 ] && kutties boot; }`. Nothing else is started then.

mod ask;
mod fetch;
mod pxelinux;
mod tftp;
mod world;

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use clap::Parser;
use format::ipxe::{self, End};
use format::menu::Start;
use kit::calls::PXEBOOT_DHCLIENT;
use kit::{Applet, Error, Exit, Place, Result};
use netlink::{Link, Netlink};

use crate::chosen::{self, say};
use ask::Card;
use fetch::fetch;
use world::Outside;

/// The record.
pub const PXEBOOT: Applet =
    Applet { name: "pxeboot", about: "ask the network what to boot and start it by kexec", place: Place::Node, run };

#[derive(Parser)]
struct Options {
    /// Ask on this interface; else on each network card
    #[arg(short, long, value_name = "INTERFACE")]
    interface: Option<String>,
    /// Timeout of an address, and of an answer, in seconds
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

/// Result of booting from the network.
enum Outcome {
    /// A kernel was loaded.
    Loaded,
    /// Something without a kernel.
    Other(Start),
    /// A person wants none of it.
    Nothing,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&PXEBOOT, args)?;
    let mut last = None;
    for name in interfaces(options.interface.as_deref())? {
        match one(&name, &options) {
            Ok(Outcome::Loaded) => return chosen::start(options.load),
            Ok(Outcome::Other(start)) => return chosen::without_kernel(&start, options.load),
            Ok(Outcome::Nothing) => return Ok(Exit::FAILED),
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

/// Boots from the network of one interface; a kernel is loaded then.
fn one(name: &str, options: &Options) -> Result<Outcome> {
    let (card, address) = ready(name, options.wait)?;
    let url = match &options.url {
        Some(url) => url.clone(),
        None => ask::boot_url(&card, Duration::from_secs(options.wait))?,
    };
    say(&format!("{name}: {url}"));
    let file = fetch(&url)?;
    if let Some(script) = script(&file) {
        let mut outside = Outside::new(&card, address, &url, options);
        return Ok(match ipxe::run(script, &url, &mut outside).map_err(Error::new)? {
            End::Boot => Outcome::Loaded,
            End::Disk => Outcome::Other(Start::Disk),
            End::Off => Outcome::Other(Start::Off),
            End::Restart => Outcome::Other(Start::Restart),
            End::Exit(number) => {
                say(&format!("{url}: the script ends with {number} and without anything to boot"));
                Outcome::Other(Start::Disk)
            }
        });
    }
    let machine = pxelinux::Machine { card: &card, address, url: &url };
    if let Some((menu, base)) = machine.menu(&file)? {
        return machine.start(&menu, &base, options);
    }
    // Other files are kexec's to judge.
    say(&format!("loading {url}"));
    chosen::load(&url, &file, &[], &options.append)?;
    Ok(Outcome::Loaded)
}

/// The text of a script for iPXE.
fn script(file: &[u8]) -> Option<&str> {
    std::str::from_utf8(file).ok().filter(|text| text.starts_with(ipxe::MAGIC))
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
    PXEBOOT_DHCLIENT.run(["-1", "-t", &wait.to_string(), name])?;
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
