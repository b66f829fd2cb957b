//! `ip route`.

use std::fmt::Write;

use kit::{Error, Exit, Result};
use netlink::{Hop, Link, Netlink, Route, Scope};
use serde_json::{Value, json};

use super::link::name_of;
use super::view::{Thing, View};
use super::words::{Words, usage};

/// Kinds of routes by their numbers.
const KINDS: &[(u8, &str)] = &[
    (1, "unicast"),
    (2, "local"),
    (3, "broadcast"),
    (4, "anycast"),
    (5, "multicast"),
    (6, "blackhole"),
    (7, "unreachable"),
    (8, "prohibit"),
    (9, "throw"),
];
/// Origins of routes, by number.
const PROTOCOLS: &[(u8, &str)] =
    &[(1, "redirect"), (2, "kernel"), (3, "boot"), (4, "static"), (9, "ra"), (12, "bird"), (16, "dhcp"), (186, "bgp")];
/// Tables with names.
const TABLES: &[(u32, &str)] = &[(ALL, "all"), (253, "default"), (254, "main"), (255, "local")];
/// Stands for all tables.
const ALL: u32 = 0;
/// Flags with names.
const FLAGS: &[(u32, &str)] = &[(1, "dead"), (2, "pervasive"), (4, "onlink"), (16, "linkdown"), (8, "offload")];
/// A route that the kernel made up for one destination.
const CLONED: u32 = 0x200;
/// Made by a person or boot script, which is not worth showing.
const BOOT: u8 = 3;

pub fn run(view: &View, words: &mut Words<'_>) -> Result<Exit> {
    let mut nl = Netlink::open()?;
    match words.command(&["show", "add", "replace", "delete", "get"])? {
        "show" => show(&mut nl, view, words),
        "get" => get(&mut nl, view, words),
        command => change(&mut nl, view, words, command),
    }
}

fn show(nl: &mut Netlink, view: &View, words: &mut Words<'_>) -> Result<Exit> {
    let (mut wanted, mut only, mut to) = (Route::MAIN, None, None);
    while let Some(word) = words.next() {
        match word {
            "table" => wanted = table(words.need("a table")?)?,
            "dev" => only = Some(nl.need(words.need("a link")?)?.index),
            "default" => to = Some("default"),
            other => return Words::unknown(other),
        }
    }
    let links = nl.links()?;
    let mut routes = nl.routes()?;
    // As iproute2 does, IPv4 alone when nothing was said, unless all tables are wanted.
    let family = view.family.or((wanted != ALL).then_some(4));
    routes.retain(|r| family.is_none_or(|family| (family == 4) == r.to.is_v4()) && r.flags & CLONED == 0);
    routes.retain(|r| (wanted == ALL || r.table == wanted) && (only.is_none() || r.index == only));
    routes.retain(|r| to.is_none_or(|to| r.destination() == to));
    let things = routes.iter().map(|route| thing(route, &links, wanted == ALL));
    view.show(things.collect())
}

fn get(nl: &mut Netlink, view: &View, words: &mut Words<'_>) -> Result<Exit> {
    let route = nl.route_to(words.read("an address")?)?;
    let links = nl.links()?;
    let mut shown = thing(&Route { scope: Some(Scope::GLOBAL), protocol: BOOT, ..route.clone() }, &links, false);
    if route.flags & CLONED != 0 {
        shown.text.push_str("\n    cache ");
    }
    view.show(vec![shown])
}

/// A route in each form.
fn thing(route: &Route, links: &[Link], with_table: bool) -> Thing {
    let text = text(route, links, with_table);
    Thing { brief: text.clone(), text, json: json(route, links, with_table) }
}

fn text(route: &Route, links: &[Link], with_table: bool) -> String {
    let mut text = String::new();
    if route.kind != Route::UNICAST {
        let _ = write!(text, "{} ", named(KINDS, route.kind));
    }
    let _ = write!(text, "{} ", destination(route));
    let mut put = |label: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = write!(text, "{label} {value} ");
        }
    };
    put("via", route.gateway.map(|g| g.to_string()));
    put("dev", route.index.map(|index| name_of(index, links)));
    let shows_table = with_table && route.table != Route::MAIN;
    put("table", shows_table.then(|| table_name(route.table)));
    put("proto", (route.protocol != BOOT).then(|| named(PROTOCOLS, route.protocol)));
    put("scope", route.scope.filter(|scope| *scope != Scope::GLOBAL).map(Scope::name));
    put("src", route.source.map(|s| s.to_string()));
    put("metric", route.metric.map(|m| m.to_string()));
    for flag in flags(route) {
        let _ = write!(text, "{flag} ");
    }
    let mut put = |label: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = write!(text, "{label} {value} ");
        }
    };
    put("mtu", route.mtu.map(|m| m.to_string()));
    put("advmss", route.advmss.map(|m| m.to_string()));
    put("pref", route.preference.map(preference));
    for hop in &route.hops {
        let via = hop.gateway.map(|g| format!("via {g} ")).unwrap_or_default();
        let _ = write!(text, "\n\tnexthop {via}dev {} weight {} ", name_of(hop.index, links), hop.weight);
    }
    // iproute2 ends an IPv6 line with its last word, an IPv4 line with a space.
    if route.preference.is_some() && route.hops.is_empty() { text.trim_end().to_owned() } else { text }
}

fn json(route: &Route, links: &[Link], with_table: bool) -> Value {
    let mut value = json!({"dst": destination(route), "flags": flags(route)});
    if route.kind != Route::UNICAST {
        value["type"] = json!(named(KINDS, route.kind));
    }
    let mut put = |key: &str, field: Option<Value>| {
        if let Some(field) = field {
            value[key] = field;
        }
    };
    put("gateway", route.gateway.map(|g| json!(g)));
    put("dev", route.index.map(|index| json!(name_of(index, links))));
    put("protocol", (route.protocol != BOOT).then(|| json!(named(PROTOCOLS, route.protocol))));
    put("scope", route.scope.filter(|scope| *scope != Scope::GLOBAL).map(|scope| json!(scope.name())));
    put("prefsrc", route.source.map(|s| json!(s)));
    put("metric", route.metric.map(|m| json!(m)));
    put("pref", route.preference.map(|p| json!(preference(p))));
    put("table", (with_table && route.table != Route::MAIN).then(|| json!(table_name(route.table))));
    let mut metrics = serde_json::Map::new();
    for (key, metric) in [("mtu", route.mtu), ("advmss", route.advmss)] {
        metrics.extend(metric.map(|metric| (key.to_owned(), json!(metric))));
    }
    put("metrics", (!metrics.is_empty()).then(|| json!([metrics])));
    let hops: Vec<Value> = route.hops.iter().map(|hop| hop_json(hop, links)).collect();
    put("nexthops", (!hops.is_empty()).then_some(Value::Array(hops)));
    value
}

/// One of several ways.
fn hop_json(hop: &Hop, links: &[Link]) -> Value {
    let flags: Vec<&str> = FLAGS.iter().filter(|(bit, _)| hop.flags & bit != 0).map(|(_, name)| *name).collect();
    let mut value = json!({"dev": name_of(hop.index, links), "weight": hop.weight, "flags": flags});
    if let Some(gateway) = hop.gateway {
        value["gateway"] = json!(gateway);
    }
    value
}

fn table_name(table: u32) -> String {
    TABLES.iter().find(|(number, _)| *number == table).map_or_else(|| table.to_string(), |(_, name)| (*name).into())
}

/// `default`, a network, or a host without its prefix.
fn destination(route: &Route) -> String {
    if route.to == netlink::Cidr::host(route.to.addr) { route.to.addr.to_string() } else { route.destination() }
}

fn preference(number: u8) -> String {
    match number {
        0 => "medium".into(),
        1 => "high".into(),
        3 => "low".into(),
        other => other.to_string(),
    }
}

fn flags(route: &Route) -> Vec<&'static str> {
    FLAGS.iter().filter(|(bit, _)| route.flags & bit != 0).map(|(_, name)| *name).collect()
}

fn named(names: &[(u8, &str)], number: u8) -> String {
    names.iter().find(|(n, _)| *n == number).map_or_else(|| number.to_string(), |(_, name)| (*name).to_owned())
}

fn table(word: &str) -> Result<u32> {
    let known = TABLES.iter().find(|(_, name)| *name == word).map(|(number, _)| *number);
    known.or_else(|| word.parse().ok()).ok_or_else(|| usage(format!("{word:?} is not a table")))
}

fn change(nl: &mut Netlink, view: &View, words: &mut Words<'_>, command: &str) -> Result<Exit> {
    let kind = words.next_if(|word| KINDS.iter().any(|(_, name)| *name == word));
    words.next_if(|word| word == "to");
    let mut route = Route::to(words.cidr(view.family)?.network());
    if let Some(kind) = kind {
        route.kind = KINDS.iter().find(|(_, name)| *name == kind).map_or(Route::UNICAST, |(number, _)| *number);
    }
    while let Some(word) = words.next() {
        match word {
            "via" => route.gateway = Some(words.read("an address")?),
            "dev" => route.index = Some(nl.need(words.need("a link")?)?.index),
            "src" => route.source = Some(words.read("an address")?),
            "metric" => route.metric = Some(words.read("a number")?),
            "table" => route.table = table(words.need("a table")?)?,
            "mtu" => route.mtu = Some(words.read("a number of bytes")?),
            "advmss" => route.advmss = Some(words.read("a number of bytes")?),
            "onlink" => route.onlink = true,
            "proto" | "protocol" => route.protocol = protocol(words.need("a protocol")?)?,
            "scope" => route.scope = Some(scope(words.need("a scope")?)?),
            other => return Words::unknown(other),
        }
    }
    // `default via fd00::1` says its family by its gateway.
    if route.is_default()
        && let Some(gateway) = route.gateway
    {
        route.to = Route::default_by(gateway).to;
    }
    match command {
        "add" => nl.add_route(&route)?,
        "replace" => nl.replace_route(&route)?,
        _ if nl.delete_route(&route)? => {}
        _ => return Err(Error::new(format!("delete the route {}: there is none such", route.destination()))),
    }
    Ok(Exit::OK)
}

fn protocol(word: &str) -> Result<u8> {
    let known = PROTOCOLS.iter().find(|(_, name)| *name == word).map(|(number, _)| *number);
    known.or_else(|| word.parse().ok()).ok_or_else(|| usage(format!("{word:?} is not a protocol")))
}

fn scope(word: &str) -> Result<Scope> {
    match word {
        "global" => Ok(Scope::GLOBAL),
        "link" => Ok(Scope::LINK),
        "host" => Ok(Scope::HOST),
        other => other.parse().map(Scope).map_err(|_| usage(format!("{other:?} is not a scope"))),
    }
}
