//! `ip rule`.

use std::fmt::Write;

use kit::{Exit, Result};
use netlink::{Cidr, Netlink, Rule};
use serde_json::{Value, json};

use super::view::{Thing, View};
use super::words::{Words, usage};

const TABLES: &[(u32, &str)] = &[(253, "default"), (254, "main"), (255, "local")];
const ACTIONS: &[(u8, &str)] =
    &[(Rule::NOP, "nop"), (Rule::BLACKHOLE, "blackhole"), (Rule::UNREACHABLE, "unreachable"), (Rule::PROHIBIT, "prohibit")];

pub fn run(view: &View, words: &mut Words<'_>) -> Result<Exit> {
    let mut nl = Netlink::open()?;
    match words.command(&["show", "add", "delete"])? {
        "show" => {
            let table = match words.next() {
                Some("table" | "lookup") => Some(table(words)?),
                Some(other) => return Words::unknown(other),
                None => None,
            };
            let mut rules = nl.rules(view.family == Some(6))?;
            rules.retain(|rule| table.is_none_or(|table| table == rule.table));
            view.show(rules.iter().map(thing).collect())
        }
        "add" => {
            let mut rule = described(view, words)?;
            if rule.action == 0 {
                rule.action = Rule::LOOKUP;
                rule.table = if rule.table == 0 { 254 } else { rule.table };
            }
            nl.add_rule(&rule)?;
            Ok(Exit::OK)
        }
        _ => {
            let rule = described(view, words)?;
            let any = Rule { is_v6: rule.is_v6, ..Rule::default() };
            if rule == any {
                // The kernel would take the first rule, which finds the machine's own addresses.
                return Err(usage("name the rule, as with \"pref NUMBER\""));
            }
            nl.delete_rule(&rule)?;
            Ok(Exit::OK)
        }
    }
}

/// The next word as a table.
fn table(words: &mut Words<'_>) -> Result<u32> {
    let word = words.need("a table")?;
    let named = TABLES.iter().find(|(_, name)| *name == word).map(|(number, _)| *number);
    let number = named.or_else(|| word.parse().ok()).filter(|number| *number != 0);
    number.ok_or_else(|| usage(format!("{word:?} is not a table")))
}

/// The next word as a number, decimal or after 0x, and after a slash the bits that count.
fn mark(words: &mut Words<'_>) -> Result<(u32, u32)> {
    let word = words.need("a mark")?;
    let number = |text: &str| match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    let both = match word.split_once('/') {
        Some((bits, counted)) => number(bits).zip(number(counted)),
        None => number(word).map(|mark| (mark, u32::MAX)),
    };
    both.ok_or_else(|| usage(format!("{word:?} is not a mark")))
}

/// The rule that the words describe.
fn described(view: &View, words: &mut Words<'_>) -> Result<Rule> {
    let mut rule = Rule::default();
    while let Some(word) = words.next() {
        match word {
            "not" => rule.is_not = true,
            "from" => rule.source = Some(words.cidr(view.family)?).filter(|cidr| cidr.prefix > 0),
            "to" => rule.destination = Some(words.cidr(view.family)?).filter(|cidr| cidr.prefix > 0),
            "fwmark" => rule.mark = Some(mark(words)?),
            "iif" | "dev" => rule.from_link = Some(words.need("a link")?.to_owned()),
            "oif" => rule.to_link = Some(words.need("a link")?.to_owned()),
            "pref" | "priority" | "order" | "preference" => rule.priority = Some(words.read("a number")?),
            "table" | "lookup" => rule.table = table(words)?,
            other => match ACTIONS.iter().find(|(_, name)| *name == other) {
                Some((action, _)) => rule.action = *action,
                None => return Words::unknown(other),
            },
        }
    }
    let ends: Vec<Cidr> = rule.source.into_iter().chain(rule.destination).collect();
    rule.is_v6 = ends.first().map_or(view.family == Some(6), |cidr| !cidr.is_v4());
    if ends.iter().any(|cidr| cidr.is_v4() == rule.is_v6) {
        return Err(usage("the rule's addresses are of two families"));
    }
    Ok(rule)
}

/// An address, and its prefix unless that is the whole address.
fn shown(cidr: Cidr) -> (String, Option<u8>) {
    let whole = if cidr.is_v4() { 32 } else { 128 };
    (cidr.addr.to_string(), Some(cidr.prefix).filter(|prefix| *prefix != whole))
}

fn name_of(table: u32) -> String {
    TABLES.iter().find(|(number, _)| *number == table).map_or_else(|| table.to_string(), |(_, name)| (*name).to_owned())
}

/// The rule in each form; both are filled side by side.
fn thing(rule: &Rule) -> Thing {
    let priority = rule.priority.unwrap_or_default();
    let mut text = format!("{priority}:\t{}from ", if rule.is_not { "not " } else { "" });
    let mut json = json!({"priority": priority});
    if rule.is_not {
        json["not"] = Value::Null;
    }
    addresses(rule, &mut text, &mut json);
    conditions(rule, &mut text, &mut json);
    ports(rule, &mut text, &mut json);
    action(rule, &mut text, &mut json);
    Thing { brief: text.clone(), text, json }
}

fn addresses(rule: &Rule, text: &mut String, json: &mut Value) {
    for (cidr, key, length, word) in [(rule.source, "src", "srclen", ""), (rule.destination, "dst", "dstlen", " to ")] {
        let Some((address, prefix)) = cidr.map(shown) else {
            if key == "src" {
                text.push_str("all");
                json[key] = json!("all");
            }
            continue;
        };
        let _ = write!(text, "{word}{address}");
        json[key] = json!(address);
        if let Some(prefix) = prefix {
            let _ = write!(text, "/{prefix}");
            json[length] = json!(prefix);
        }
    }
}

fn conditions(rule: &Rule, text: &mut String, json: &mut Value) {
    if rule.tos != 0 {
        let _ = write!(text, " tos {:#x}", rule.tos);
        json["tos"] = json!(format!("{:#x}", rule.tos));
    }
    if let Some((mark, mask)) = rule.mark {
        // C writes a zero without 0x.
        let shown = if mark == 0 { "0".into() } else { format!("{mark:#x}") };
        let _ = write!(text, " fwmark {shown}");
        json["fwmark"] = json!(shown);
        if mask != u32::MAX {
            let _ = write!(text, "/{mask:#x}");
            json["fwmask"] = json!(format!("{mask:#x}"));
        }
    }
    let links = [(&rule.from_link, "iif", Rule::NO_FROM_LINK), (&rule.to_link, "oif", Rule::NO_TO_LINK)];
    for (link, key, absent) in links {
        let Some(link) = link else { continue };
        let _ = write!(text, " {key} {link}");
        json[key] = json!(link);
        if rule.flags & absent != 0 {
            text.push_str(" [detached]");
            json[format!("{key}_detached")] = Value::Null;
        }
    }
}

/// Users, protocol and ports.
fn ports(rule: &Rule, text: &mut String, json: &mut Value) {
    if let Some((first, last)) = rule.users {
        let _ = write!(text, " uidrange {first}-{last}");
        json["uid_start"] = json!(first);
        json["uid_end"] = json!(last);
    }
    if let Some(number) = rule.protocol {
        let name = match number {
            1 => "icmp".into(),
            6 => "tcp".into(),
            17 => "udp".into(),
            58 => "ipv6-icmp".into(),
            other => other.to_string(),
        };
        let _ = write!(text, " ipproto {name}");
        json["ipproto"] = json!(name);
    }
    for (range, key) in [(rule.source_ports, "sport"), (rule.destination_ports, "dport")] {
        let Some((first, last)) = range else { continue };
        let _ = write!(text, " {key} {first}");
        if first == last {
            json[key] = json!(first);
        } else {
            let _ = write!(text, "-{last}");
            json[format!("{key}_start")] = json!(first);
            json[format!("{key}_end")] = json!(last);
        }
    }
}

fn action(rule: &Rule, text: &mut String, json: &mut Value) {
    match rule.action {
        Rule::LOOKUP => {
            let table = name_of(rule.table);
            let _ = write!(text, " lookup {table}");
            json["table"] = json!(table);
            if let Some(prefix) = rule.suppress {
                let _ = write!(text, " suppress_prefixlength {prefix}");
                json["suppress_prefixlen"] = json!(prefix);
            }
        }
        Rule::GOTO => {
            let to = rule.goto.map_or_else(|| "none".into(), |to| to.to_string());
            let _ = write!(text, " goto {to}");
            json["goto"] = rule.goto.map_or_else(|| json!("none"), |to| json!(to));
            if rule.flags & Rule::UNRESOLVED != 0 {
                text.push_str(" [unresolved]");
                json["unresolved"] = Value::Null;
            }
        }
        Rule::NOP => {
            text.push_str(" nop");
            json["nop"] = Value::Null;
        }
        number => {
            let name = ACTIONS.iter().find(|(action, _)| *action == number).map_or("unknown", |(_, name)| *name);
            let _ = write!(text, " {name}");
            json["action"] = json!(name);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn rule(line: &str) -> Result<Rule> {
        let texts: Vec<String> = line.split_whitespace().map(String::from).collect();
        described(&View::default(), &mut Words::new(&texts))
    }

    #[test]
    fn rules_are_read_and_shown() {
        let mut read = rule("not from 10.0.0.0/8 to 192.168.1.5 fwmark 0x10/0xff iif lo pref 50 table 100").unwrap();
        read.action = Rule::LOOKUP;
        let shown = thing(&read);
        assert_eq!(shown.text, "50:\tnot from 10.0.0.0/8 to 192.168.1.5 fwmark 0x10/0xff iif lo lookup 100");
        assert_eq!(shown.json["srclen"], 8);
        assert_eq!(shown.json["table"], "100");
        assert!(rule("from fd00::/8 blackhole").unwrap().is_v6);
        for wrong in ["from 10.0.0.0/8 to fd00::1", "table x", "table 0", "fwmark z", "sport 80"] {
            assert!(rule(wrong).is_err(), "{wrong}");
        }
    }
}
