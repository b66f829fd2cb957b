//! `ip neighbour`.

use std::net::IpAddr;

use kit::{Error, Exit, Result};
use netlink::{Link, Neighbour, Netlink};
use serde_json::{Value, json};

use super::link::{mac, name_of};
use super::view::{Thing, View};
use super::words::{Words, usage};

pub fn run(view: &View, words: &mut Words<'_>) -> Result<Exit> {
    let mut nl = Netlink::open()?;
    match words.command(&["show", "add", "replace", "change", "delete"])? {
        "show" => show(&mut nl, view, words),
        command => change(&mut nl, words, command),
    }
}

fn show(nl: &mut Netlink, view: &View, words: &mut Words<'_>) -> Result<Exit> {
    let mut only = None;
    while let Some(word) = words.next() {
        match word {
            "dev" => only = Some(nl.need(words.need("a link")?)?.index),
            other => return Words::unknown(other),
        }
    }
    let links = nl.links()?;
    let mut found = nl.neighbours()?;
    found.retain(|n| !n.is_made_up() && view.wants(n.addr.is_ipv4()) && (only.is_none() || only == Some(n.index)));
    view.show(found.iter().map(|neighbour| thing(neighbour, &links)).collect())
}

fn thing(neighbour: &Neighbour, links: &[Link]) -> Thing {
    let dev = name_of(neighbour.index, links);
    let hardware = mac(&neighbour.hardware);
    let state = neighbour.state_name();
    let known = if hardware.is_empty() { String::new() } else { format!("lladdr {hardware} ") };
    let router = if neighbour.router { "router " } else { "" };
    let mut json = json!({"dst": neighbour.addr, "dev": dev, "state": [state]});
    if !hardware.is_empty() {
        json["lladdr"] = json!(hardware);
    }
    if neighbour.router {
        json["router"] = Value::Null;
    }
    Thing {
        text: format!("{} dev {dev} {known}{router}{state} ", neighbour.addr),
        brief: format!("{:<39} {dev:<16} {hardware:<17}", neighbour.addr).trim_end().to_owned(),
        json,
    }
}

fn change(nl: &mut Netlink, words: &mut Words<'_>, command: &str) -> Result<Exit> {
    let addr: IpAddr = words.read("an address")?;
    let (mut dev, mut hardware) = (None, None);
    while let Some(word) = words.next() {
        match word {
            "dev" => dev = Some(words.need("a link")?),
            "lladdr" => hardware = Some(words.mac()?),
            other => return Words::unknown(other),
        }
    }
    let dev = dev.ok_or_else(|| usage("\"dev NAME\" is missing"))?;
    match (command, hardware) {
        ("delete", _) if nl.delete_neighbour(dev, addr)? => {}
        ("delete", _) => return Err(Error::new(format!("delete the neighbour {addr} of {dev}: there is none such"))),
        (_, None) => return Err(usage("\"lladdr MAC\" is missing")),
        ("add", _) if nl.neighbours()?.iter().any(|n| n.addr == addr && n.state_name() == "PERMANENT") => {
            return Err(Error::new(format!("add the neighbour {addr} to {dev}: file exists")));
        }
        (_, Some(hardware)) => nl.replace_neighbour(dev, addr, &hardware)?,
    }
    Ok(Exit::OK)
}
