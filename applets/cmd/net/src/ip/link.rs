//! `ip link`.

use std::fmt::Write;
use std::fs::File;
use std::os::fd::AsFd;

use kit::{Exit, Result};
use netlink::{Kind, Link, Netlink, NewLink};
use serde_json::{Value, json};

use super::view::{Thing, View};
use super::words::{Words, usage};
use super::{kinds, netns};

/// Names of flags, in the order that they are shown in.
const FLAGS: &[(u32, &str)] = &[
    (0x8, "LOOPBACK"),
    (0x2, "BROADCAST"),
    (0x10, "POINTOPOINT"),
    (0x1000, "MULTICAST"),
    (0x80, "NOARP"),
    (0x200, "ALLMULTI"),
    (0x100, "PROMISC"),
    (0x400, "MASTER"),
    (0x800, "SLAVE"),
    (0x4, "DEBUG"),
    (0x8000, "DYNAMIC"),
    (0x2000, "PORTSEL"),
    (0x4000, "AUTOMEDIA"),
    (0x1, "UP"),
    (0x1_0000, "LOWER_UP"),
    (0x2_0000, "DORMANT"),
    (0x4_0000, "ECHO"),
];

pub fn run(view: &View, words: &mut Words<'_>) -> Result<Exit> {
    let mut nl = Netlink::open()?;
    match words.command(&["show", "set", "add", "delete"])? {
        "show" => show(&mut nl, view, words),
        "set" => set(&mut nl, words),
        "add" => add(&mut nl, words),
        _ => {
            let name = dev(words)?;
            nl.need(name)?;
            nl.delete_link(name)?;
            Ok(Exit::OK)
        }
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
    let all = nl.links()?;
    if let Some(name) = only {
        nl.need(name)?;
    }
    let chosen = all.iter().filter(|link| only.is_none_or(|name| is_called(link, name)) && (!up || link.is_up()));
    view.show(chosen.map(|link| thing(link, &all)).collect())
}

/// Tells if that is one of the link's names.
pub fn is_called(link: &Link, name: &str) -> bool {
    link.name == name || link.other_names.iter().any(|other| other == name)
}

/// The link in each form.
fn thing(link: &Link, all: &[Link]) -> Thing {
    let head = head(link, all, "mode DEFAULT ");
    let mut text = format!("{head}\n{}", hardware(link));
    for other in &link.other_names {
        let _ = write!(text, "\n    altname {other}");
    }
    let flags = format!("<{}>", flags(link).join(","));
    let brief = format!("{:<16} {:<14} {} {flags} ", full_name(link, all), link.state.name(), link.mac());
    let mut json = json(link, all);
    json["linkmode"] = json!("DEFAULT");
    Thing { text, brief, json }
}

/// The first line.
pub fn head(link: &Link, all: &[Link], mode: &str) -> String {
    let mut text = format!("{}: {}: <{}> mtu {} ", link.index, full_name(link, all), flags(link).join(","), link.mtu);
    if !link.qdisc.is_empty() {
        let _ = write!(text, "qdisc {} ", link.qdisc);
    }
    if let Some(master) = link.master {
        let _ = write!(text, "master {} ", name_of(master, all));
    }
    let group = if link.group == 0 { "default".into() } else { link.group.to_string() };
    let _ = write!(text, "state {} {mode}group {group} ", link.state.name());
    if link.queue > 0 {
        let _ = write!(text, "qlen {}", link.queue);
    }
    text
}

/// The line of hardware addresses.
pub fn hardware(link: &Link) -> String {
    let mut text = format!("    link/{}", hardware_name(link.hardware));
    if !link.address.is_empty() {
        let _ = write!(text, " {}", link.mac());
    }
    if !link.broadcast.is_empty() {
        let _ = write!(text, " brd {}", mac(&link.broadcast));
    }
    if let Some(id) = link.lower_netns {
        let _ = write!(text, " link-netnsid {id}");
    }
    text
}

/// The link's name, and after an @ what it lies on or is joined to.
pub fn full_name(link: &Link, all: &[Link]) -> String {
    match (link.lower, link.lower_netns) {
        (Some(lower), None) => format!("{}@{}", link.name, name_of(lower, all)),
        (Some(lower), Some(_)) => format!("{}@if{lower}", link.name),
        (None, _) => link.name.clone(),
    }
}

pub fn name_of(index: u32, all: &[Link]) -> String {
    all.iter().find(|link| link.index == index).map_or_else(|| format!("if{index}"), |link| link.name.clone())
}

pub fn json(link: &Link, all: &[Link]) -> Value {
    let mut value = json!({
        "ifindex": link.index,
        "ifname": link.name,
        "flags": flags(link),
        "mtu": link.mtu,
        "qdisc": link.qdisc,
        "operstate": link.state.name(),
        "group": if link.group == 0 { "default".into() } else { link.group.to_string() },
        "txqlen": link.queue,
        "link_type": hardware_name(link.hardware),
        "address": link.mac(),
        "broadcast": mac(&link.broadcast),
    });
    match (link.lower, link.lower_netns) {
        (Some(lower), None) => value["link"] = json!(name_of(lower, all)),
        (Some(lower), Some(id)) => {
            value["link_index"] = json!(lower);
            value["link_netnsid"] = json!(id);
        }
        _ => {}
    }
    if let Some(master) = link.master {
        value["master"] = json!(name_of(master, all));
    }
    if !link.other_names.is_empty() {
        value["altnames"] = json!(link.other_names);
    }
    value
}

fn flags(link: &Link) -> Vec<&'static str> {
    let no_carrier = link.is_up() && !link.is_running();
    let names = FLAGS.iter().filter(|(bit, _)| link.flags & bit != 0).map(|(_, name)| *name);
    no_carrier.then_some("NO-CARRIER").into_iter().chain(names).collect()
}

fn hardware_name(number: u16) -> String {
    match number {
        1 => "ether".into(),
        32 => "infiniband".into(),
        512 => "ppp".into(),
        768 => "ipip".into(),
        769 => "tunnel6".into(),
        772 => "loopback".into(),
        776 => "sit".into(),
        778 => "gre".into(),
        65534 => "none".into(),
        other => format!("[{other}]"),
    }
}

/// A hardware address with colons.
pub fn mac(bytes: &[u8]) -> String {
    kit::hex::joined(bytes, ":")
}

/// `[dev] NAME`.
fn dev<'a>(words: &mut Words<'a>) -> Result<&'a str> {
    words.next_if(|word| word == "dev");
    words.need("a link")
}

fn set(nl: &mut Netlink, words: &mut Words<'_>) -> Result<Exit> {
    let mut name = dev(words)?.to_owned();
    nl.need(&name)?;
    while let Some(word) = words.next() {
        match word {
            "up" => nl.up(&name)?,
            "down" => nl.down(&name)?,
            "mtu" => nl.set_mtu(&name, words.read("a number of bytes")?)?,
            "address" => nl.set_hardware_address(&name, &words.mac()?)?,
            "name" => {
                let new = words.need("a name")?;
                nl.rename(&name, new)?;
                new.clone_into(&mut name);
            }
            "master" => nl.set_master(&name, Some(words.need("a link")?))?,
            "nomaster" => nl.set_master(&name, None)?,
            "netns" => nl.move_link(&name, netns::open(words.need("a network namespace")?)?.as_fd())?,
            "promisc" => nl.set_promiscuous(&name, words.on_off()?)?,
            "txqueuelen" | "qlen" => nl.set_queue(&name, words.read("a number of packets")?)?,
            other => return Words::unknown(other),
        }
    }
    Ok(Exit::OK)
}

/// Attributes of a new link before its kind.
#[derive(Default)]
struct Described<'a> {
    name: Option<&'a str>,
    mtu: Option<u32>,
    address: Option<Vec<u8>>,
    netns: Option<File>,
}

impl<'a> Described<'a> {
    /// Take a word that describes the link; false when it is something else.
    fn take(&mut self, word: &'a str, words: &mut Words<'a>) -> Result<bool> {
        match word {
            "name" | "dev" => self.name = Some(words.need("a name")?),
            "mtu" => self.mtu = Some(words.read("a number of bytes")?),
            "address" => self.address = Some(words.mac()?),
            "netns" => self.netns = Some(netns::open(words.need("a network namespace")?)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn link<'b>(&'b self, kind: Kind<'b>) -> NewLink<'b> {
        let netns = self.netns.as_ref().map(AsFd::as_fd);
        NewLink { name: self.name.unwrap_or_default(), kind, mtu: self.mtu, address: self.address.as_deref(), netns }
    }
}

fn add(nl: &mut Netlink, words: &mut Words<'_>) -> Result<Exit> {
    let (mut new, mut on) = (Described::default(), None);
    let kind = loop {
        match words.need("type")? {
            "type" => break words.need("a kind")?,
            "link" => on = Some(words.need("a link")?),
            word => {
                if !new.take(word, words)? && new.name.replace(word).is_some() {
                    return Words::unknown(word);
                }
            }
        }
    };
    let mut peer = Described::default();
    let kind = match kind {
        "dummy" => Kind::Dummy,
        "bridge" => bridge(words)?,
        "veth" => {
            veth(words, &mut peer)?;
            Kind::Veth(Box::new(peer.link(Kind::Dummy)))
        }
        "bond" => kinds::bond(words)?,
        "macvlan" => kinds::macvlan(words, on)?,
        "vlan" => vlan(words, on)?,
        "vxlan" => vxlan(words, on)?,
        other => Kind::Other(other),
    };
    if let Some(word) = words.next() {
        return Words::unknown(word);
    }
    if new.name.is_none() && !matches!(kind, Kind::Veth(_)) {
        return Err(usage("a name is missing"));
    }
    nl.add_link(&new.link(kind))?;
    Ok(Exit::OK)
}

fn bridge<'a>(words: &mut Words<'a>) -> Result<Kind<'a>> {
    let mut vlan_filtering = false;
    while words.next_if(|word| word == "vlan_filtering").is_some() {
        vlan_filtering = words.need("0 or 1")? == "1";
    }
    Ok(Kind::Bridge { vlan_filtering })
}

fn veth<'a>(words: &mut Words<'a>, peer: &mut Described<'a>) -> Result<()> {
    if words.next_if(|word| word == "peer").is_none() {
        return Ok(());
    }
    while let Some(word) = words.next() {
        if !peer.take(word, words)? && peer.name.replace(word).is_some() {
            return Words::unknown(word);
        }
    }
    Ok(())
}

fn vlan<'a>(words: &mut Words<'a>, on: Option<&'a str>) -> Result<Kind<'a>> {
    let mut id = None;
    while words.next_if(|word| word == "id").is_some() {
        id = Some(words.read("a VLAN's number")?);
    }
    match (id, on) {
        (Some(id), Some(on)) => Ok(Kind::Vlan { id, on }),
        _ => Err(usage("a vlan needs \"link NAME\" and \"id NUMBER\"")),
    }
}

fn vxlan<'a>(words: &mut Words<'a>, on: Option<&'a str>) -> Result<Kind<'a>> {
    let (mut number, mut on, mut remote, mut local, mut port, mut learning) = (None, on, None, None, None, true);
    while let Some(word) = words.next() {
        match word {
            "id" | "vni" => number = Some(words.read("a network's number")?),
            "dev" => on = Some(words.need("a link")?),
            "remote" | "group" => remote = Some(words.read("an address")?),
            "local" => local = Some(words.read("an address")?),
            "dstport" => port = Some(words.read("a port")?),
            "learning" => learning = true,
            "nolearning" => learning = false,
            other => return Words::unknown(other),
        }
    }
    let id = number.ok_or_else(|| usage("a vxlan needs \"id NUMBER\""))?;
    Ok(Kind::Vxlan { id, on, remote, local, port, learning })
}
