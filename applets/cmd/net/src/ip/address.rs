//! `ip address`.

use std::fmt::Write;

use kit::{Exit, Result};
use netlink::{Address, Lifetime, Link, Netlink};
use serde_json::{Value, json};

use super::link::{full_name, hardware, head, is_called, json as link_json};
use super::view::{Thing, View};
use super::words::{Words, usage};

pub fn run(view: &View, words: &mut Words<'_>) -> Result<Exit> {
    let mut nl = Netlink::open()?;
    match words.command(&["show", "add", "replace", "change", "delete", "flush"])? {
        "show" => show(&mut nl, view, words),
        "flush" => flush(&mut nl, view, words),
        command => change(&mut nl, view, words, command),
    }
}

fn show(nl: &mut Netlink, view: &View, words: &mut Words<'_>) -> Result<Exit> {
    let (mut only, mut up) = (None, false);
    while let Some(word) = words.next() {
        match word {
            "dev" => only = Some(words.need("a link")?),
            "up" => up = true,
            name => only = Some(name),
        }
    }
    if let Some(name) = only {
        nl.need(name)?;
    }
    let (all, addresses) = (nl.links()?, nl.addresses()?);
    let mut things = Vec::new();
    for link in all.iter().filter(|link| only.is_none_or(|name| is_called(link, name)) && (!up || link.is_up())) {
        let own: Vec<_> = addresses.iter().filter(|a| a.index == link.index && view.wants(a.cidr.is_v4())).collect();
        if view.oneline && !view.json && !view.brief {
            things.extend(own.iter().map(|a| line(link, a)));
        } else if view.family.is_none() || !own.is_empty() {
            things.push(thing(view, link, &all, &own));
        }
    }
    view.show(things)
}

/// A link with its addresses, in each form.
fn thing(view: &View, link: &Link, all: &[Link], addresses: &[&Address]) -> Thing {
    let mut text = head(link, all, "");
    if view.family.is_none() {
        text = format!("{text}\n{}", hardware(link));
        for other in &link.other_names {
            let _ = write!(text, "\n    altname {other}");
        }
    }
    let mut brief = format!("{:<16} {:<14} ", full_name(link, all), link.state.name());
    for address in addresses {
        let _ = write!(text, "\n    {}", words_of(address));
        let _ = write!(brief, "{} ", address.cidr);
    }
    let mut json = link_json(link, all);
    json["addr_info"] = addresses.iter().map(|address| info(address)).collect();
    Thing { text, brief, json }
}

/// One address in one line, for -o.
fn line(link: &Link, address: &Address) -> Thing {
    Thing { text: format!("{}: {}    {}", link.index, link.name, words_of(address)), ..Thing::default() }
}

fn words_of(address: &Address) -> String {
    let family = if address.cidr.is_v4() { "inet" } else { "inet6" };
    let mut text = match address.peer {
        Some(peer) => format!("{family} {} peer {peer}/{} ", address.cidr.addr, address.cidr.prefix),
        None => format!("{family} {} ", address.cidr),
    };
    if let Some(broadcast) = address.broadcast {
        let _ = write!(text, "brd {broadcast} ");
    }
    let _ = write!(text, "scope {} ", address.scope.name());
    for flag in address.flag_names() {
        let _ = write!(text, "{flag} ");
    }
    if let Some(protocol) = protocol(address) {
        let _ = write!(text, "proto {protocol} ");
    }
    if let Some(label) = &address.label {
        text.push_str(label);
    }
    let time = |seconds: u32| if seconds == u32::MAX { "forever".into() } else { format!("{seconds}sec") };
    let Lifetime { valid, preferred } = address.lifetime;
    let _ = write!(text, "\n       valid_lft {} preferred_lft {}", time(valid), time(preferred));
    text
}

const fn protocol(address: &Address) -> Option<&'static str> {
    match address.protocol {
        1 => Some("kernel_lo"),
        2 => Some("kernel_ra"),
        3 => Some("kernel_ll"),
        _ => None,
    }
}

fn info(address: &Address) -> Value {
    let mut value = json!({
        "family": if address.cidr.is_v4() { "inet" } else { "inet6" },
        "local": address.cidr.addr,
        "prefixlen": address.cidr.prefix,
        "scope": address.scope.name(),
        "valid_life_time": address.lifetime.valid,
        "preferred_life_time": address.lifetime.preferred,
    });
    if let Some(broadcast) = address.broadcast {
        value["broadcast"] = json!(broadcast);
    }
    if let Some(label) = &address.label {
        value["label"] = json!(label);
    }
    if let Some(peer) = address.peer {
        value["address"] = json!(peer);
    }
    if let Some(protocol) = protocol(address) {
        value["protocol"] = json!(protocol);
    }
    for flag in address.flag_names() {
        value[flag] = json!(true);
    }
    value
}

fn flush(nl: &mut Netlink, view: &View, words: &mut Words<'_>) -> Result<Exit> {
    words.next_if(|word| word == "dev");
    let name = words.need("a link")?;
    for address in nl.addresses_of(name)?.into_iter().filter(|a| view.wants(a.cidr.is_v4())) {
        // A secondary address goes with its first one.
        nl.delete_address(name, address.cidr)?;
    }
    Ok(Exit::OK)
}

fn change(nl: &mut Netlink, view: &View, words: &mut Words<'_>, command: &str) -> Result<Exit> {
    let cidr = words.cidr(view.family)?;
    let (mut dev, mut at_once, mut lifetime) = (None, false, Lifetime::FOREVER);
    while let Some(word) = words.next() {
        match word {
            "dev" => dev = Some(words.need("a link")?),
            "nodad" => at_once = true,
            "valid_lft" => lifetime.valid = seconds(words)?,
            "preferred_lft" => lifetime.preferred = seconds(words)?,
            // The broadcast address is set anyhow.
            "brd" | "broadcast" if words.next_if(|word| word == "+").is_some() => {}
            other => return Words::unknown(other),
        }
    }
    let dev = dev.ok_or_else(|| usage("\"dev NAME\" is missing"))?;
    match command {
        "delete" if !nl.delete_address(dev, cidr)? => {
            return Err(kit::Error::new(format!("delete address {cidr} from {dev}: it has no such address")));
        }
        "delete" => {}
        "add" if at_once => nl.add_address_at_once(dev, cidr)?,
        "add" if lifetime == Lifetime::FOREVER => nl.add_address(dev, cidr)?,
        _ => nl.replace_address(dev, cidr, lifetime)?,
    }
    Ok(Exit::OK)
}

fn seconds(words: &mut Words<'_>) -> Result<u32> {
    if words.next_if(|word| word == "forever").is_some() { Ok(u32::MAX) } else { words.read("a number of seconds") }
}
