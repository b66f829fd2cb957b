//! A tree of menus as one list, and the entry of it that GRUB would start.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::scene::{Kind, Level, Node};
use crate::menu::{Entry, MOST, Menu, Save, Wait};

/// A menu whose entries have their numbers in the list.
struct Numbered {
    nodes: Vec<(String, String, Number)>,
    default: String,
}

enum Number {
    Entry(usize),
    Menu(Numbered),
}

pub(super) fn menu(level: Level) -> Menu {
    let wait = wait(&level.timeout);
    let (saves, reasons) = (level.saves.clone(), level.reasons.clone());
    let once = !level.default.is_empty() && level.cleared.contains(&level.default);
    let fallback = level.fallback.clone();
    let mut entries = Vec::new();
    let numbered = flatten(level, "", &[], &mut entries);
    let mut default = numbered.resolve(&numbered.default, &entries);
    if let (Ok(None), Some(why)) = (&default, reasons.first()) {
        // The entry may be one that was not understood: then no other takes its place.
        default = Err(format!("the default {:?} is not found: {why}", numbered.default));
    }
    let default = default.map(|number| number.or_else(|| numbered.first()).unwrap_or_default());
    let fallback = fallback.split_whitespace().filter_map(|name| numbered.resolve(name, &entries).ok()?);
    Menu { fallback: fallback.collect(), default, wait, saves, once, entries }
}

/// -1, or nothing that is a number: until somebody chooses.
fn wait(text: &str) -> Wait {
    leading(text).map_or(Wait::Forever, |seconds| Wait::Seconds(u32::try_from(seconds).unwrap_or(u32::MAX)))
}

/// The number that a text begins with.
fn leading(text: &str) -> Option<usize> {
    let text = text.trim_start();
    let hex = text.strip_prefix("0x").and_then(|hex| usize::from_str_radix(hex, 16).ok());
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    hex.or_else(|| text[..digits].parse().ok())
}

fn flatten(level: Level, above: &str, saves: &[Save], entries: &mut Vec<Entry>) -> Numbered {
    let mut nodes = Vec::new();
    for Node { title, id, kind } in level.nodes {
        if entries.len() >= MOST {
            break;
        }
        let number = match kind {
            Kind::Entry(entry) => {
                let saves = saves.iter().cloned().chain(entry.saves).collect();
                entries.push(Entry { title: format!("{above}{title}"), saves, ..entry });
                Number::Entry(entries.len() - 1)
            }
            Kind::Menu(inner) if inner.nodes.is_empty() => {
                let why = inner.reasons.into_iter().next();
                let why = why.unwrap_or_else(|| "it is a menu without entries".to_string());
                entries.push(Entry::unknown(format!("{above}{title}"), id.clone(), why));
                Number::Entry(entries.len() - 1)
            }
            Kind::Menu(inner) => {
                let saves: Vec<Save> = saves.iter().chain(&inner.saves).take(MOST).cloned().collect();
                Number::Menu(flatten(inner, &format!("{above}{title} > "), &saves, entries))
            }
        };
        nodes.push((title, id, number));
    }
    Numbered { nodes, default: level.default }
}

impl Numbered {
    /// The entry that a default names; none when it names none of them.
    fn resolve(&self, default: &str, entries: &[Entry]) -> Result<Option<usize>, String> {
        let (head, rest) = split(default);
        let named = |(title, id, _): &(String, String, Number)| (*id == head || *title == head) && !head.is_empty();
        let whole = head.bytes().all(|b| b.is_ascii_digit()) && !head.is_empty();
        let by_name = || self.nodes.iter().position(named);
        let found = if whole { leading(&head) } else { by_name().or_else(|| leading(&head)) };
        let Some((title, _, number)) = found.and_then(|found| self.nodes.get(found)) else {
            // An id of a menu below, without the menu's.
            let below = |entry: &Entry| !entry.id.is_empty() && entry.id == head;
            return Ok(entries.iter().position(below).filter(|_| rest.is_empty()));
        };
        match number {
            Number::Entry(number) => Ok(Some(*number)),
            Number::Menu(menu) => {
                let inner = if menu.default.is_empty() { rest } else { &menu.default };
                let found = menu.resolve(inner, entries)?.or_else(|| menu.first());
                found.map(Some).ok_or_else(|| format!("the default is the menu {title:?}, which is empty"))
            }
        }
    }

    fn first(&self) -> Option<usize> {
        match self.nodes.first()? {
            (_, _, Number::Entry(number)) => Some(*number),
            (_, _, Number::Menu(menu)) => menu.first(),
        }
    }
}

/// The part before the first `>`, and what follows it. Two of them are one that belongs to a name.
fn split(default: &str) -> (String, &str) {
    let mut head = String::new();
    let mut rest = default;
    while let Some(at) = rest.find('>') {
        head.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.strip_prefix('>') {
            Some(after) => {
                head.push('>');
                rest = after;
            }
            None => return (head.trim().to_string(), rest.trim_start()),
        }
    }
    head.push_str(rest);
    (head.trim().to_string(), "")
}
