//! Menus as they are read, and entries as their bodies run.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::read::Command;
use crate::menu::{Entry, MOST, Save};

/// End of a block before its last command.
pub(super) enum Stop {
    /// The configuration can't be run.
    Error(String),
    Break,
    Continue,
    Return(bool),
    /// The entry is started, or another configuration has taken over.
    Done,
}

impl From<String> for Stop {
    fn from(why: String) -> Self {
        Self::Error(why)
    }
}

/// Success of the last command.
pub(super) type Run = Result<bool, Stop>;

/// Variables, and which of them other configurations see.
#[derive(Clone, Default)]
pub(super) struct Variables {
    pub set: BTreeMap<String, String>,
    pub exported: BTreeSet<String>,
}

impl Variables {
    /// Those that another configuration sees.
    pub fn below(&self) -> Self {
        let seen = |(name, _): &(&String, &String)| self.exported.contains(*name);
        let set = self.set.iter().filter(seen).map(|(name, value)| (name.clone(), value.clone()));
        Self { set: set.collect(), exported: self.exported.clone() }
    }

    pub fn get(&self, name: &str) -> &str {
        self.set.get(name).map(String::as_str).unwrap_or_default()
    }
}

/// A menu that has been read.
#[derive(Default)]
pub(super) struct Level {
    pub nodes: Vec<Node>,
    pub default: String,
    pub timeout: String,
    pub fallback: String,
    pub saves: Vec<Save>,
    /// Values that a variable of the environment block had before it was cleared.
    pub cleared: Vec<String>,
    /// Reasons why some of it was not understood.
    pub reasons: Vec<String>,
}

/// An entry of it.
pub(super) struct Node {
    pub title: String,
    pub id: String,
    pub kind: Kind,
}

pub(super) enum Kind {
    Entry(Entry),
    Menu(Level),
}

/// An entry or a menu that has not been run yet.
pub(super) struct Pending {
    pub title: String,
    pub id: String,
    pub args: Vec<String>,
    pub body: Rc<Vec<Command>>,
    pub menu: bool,
    /// Its protection: a password.
    pub locked: bool,
}

pub(super) enum Item {
    Pending(Pending),
    Ready(Entry),
}

/// The menu that is being read, or the entry whose body runs.
#[derive(Default)]
pub(super) struct Scene {
    pub items: Vec<Item>,
    /// Entry that `linux` and the like have filled.
    pub entry: Entry,
    pub loaded: bool,
    /// It was started at once.
    pub started: bool,
    /// Another configuration that has taken over.
    pub other: Option<Level>,
    pub saves: Vec<Save>,
    pub cleared: Vec<String>,
    pub reasons: Vec<String>,
    pub in_body: bool,
}

impl Scene {
    pub fn complain(&mut self, why: String) {
        if self.reasons.len() < MOST {
            self.reasons.push(why);
        }
    }
}

pub(super) struct Names {
    pub title: String,
    pub id: String,
    pub args: Vec<String>,
    pub unrestricted: bool,
    pub users: bool,
}

/// The title, the id and the rights of an entry.
pub(super) fn names(words: &[String]) -> Names {
    let (mut title, mut id, mut args) = (None, String::new(), Vec::new());
    let (mut unrestricted, mut users) = (false, false);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--id" => id = words.next().cloned().unwrap_or_default(),
            "--class" | "--hotkey" | "--source" => drop(words.next()),
            "--users" => {
                users = true;
                words.next();
            }
            "--unrestricted" => unrestricted = true,
            option if option.starts_with("--users=") => users = true,
            option if option.starts_with("--") => {
                if let Some(value) = option.strip_prefix("--id=") {
                    id = value.to_string();
                }
            }
            other => {
                title.get_or_insert_with(|| other.to_string());
                args.push(other.to_string());
            }
        }
    }
    // `$1` is the title.
    args.insert(0, String::new());
    Names { title: title.unwrap_or_default(), id, args, unrestricted, users }
}
