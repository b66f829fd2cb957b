//! GRUB's shell as it runs: variables, blocks, menus.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::mem::{replace, take};

use super::Disks;
use super::features::FEATURES;
use super::read::{self, Command, Part, Word};
use super::scene::{Item, Kind, Level, Node, Pending, Run, Scene, Stop, Variables, names};
use crate::menu::{Entry, MOST, Place, Start};

/// The most commands that are run, of all and of one entry: functions, files and loops may have no end.
const STEPS: usize = 50_000;
const BODY: usize = 10_000;
pub(super) const DEPTH: usize = 24;
/// The most bytes of all variables, and of a word.
pub(super) const VALUE: usize = 64 << 10;
/// Variables that configurations below this one see without `export`.
const EXPORTED: &[&str] = &["root", "prefix", "grub_platform", "grub_cpu", "config_directory", "cmdpath"];
pub(super) struct Shell<'a> {
    pub disks: &'a mut dyn Disks,
    pub variables: Variables,
    functions: BTreeMap<String, Rc<Vec<Command>>>,
    /// Devices that `loopback` has made, by GRUB's name.
    pub images: BTreeMap<String, String>,
    /// Variables that `load_env` has read.
    pub block: BTreeMap<String, String>,
    pub scene: Scene,
    parameters: Vec<String>,
    /// Configurations that lead here, so that none leads back.
    files: Vec<Place>,
    last: bool,
    steps: usize,
    limit: usize,
    depth: usize,
    count: usize,
}

impl<'a> Shell<'a> {
    pub fn new(prefix: &str, disks: &'a mut dyn Disks) -> Self {
        let mut variables = Variables::default();
        let cpu = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
        for (name, value) in [("prefix", prefix), ("config_directory", prefix), ("cmdpath", prefix), ("root", "")] {
            variables.set.insert(name.into(), value.into());
        }
        variables.set.insert("grub_platform".into(), "efi".into());
        variables.set.insert("grub_cpu".into(), cpu.into());
        for name in FEATURES {
            variables.set.insert((*name).into(), "y".into());
        }
        variables.exported = EXPORTED.iter().chain(FEATURES).map(|name| (*name).to_string()).collect();
        Self {
            disks,
            variables,
            functions: BTreeMap::new(),
            images: BTreeMap::new(),
            block: BTreeMap::new(),
            scene: Scene::default(),
            parameters: Vec::new(),
            files: alloc::vec![Place { device: String::new(), path: format!("{prefix}/grub.cfg") }],
            last: true,
            steps: 0,
            limit: STEPS,
            depth: 0,
            count: 0,
        }
    }

    /// The menu of a configuration or of a submenu: its commands first, then its entries.
    pub fn configuration(&mut self, commands: &[Command]) -> Result<Level, String> {
        let above = take(&mut self.scene);
        let outcome = self.block(commands);
        let scene = replace(&mut self.scene, above);
        match outcome {
            Err(Stop::Error(why)) => return Err(why),
            Err(Stop::Done) if scene.other.is_some() => return Ok(scene.other.unwrap_or_default()),
            _ => {}
        }
        let variables = &self.variables;
        let mut level = Level {
            nodes: Vec::new(),
            default: variables.get("default").to_string(),
            timeout: variables.get("timeout").to_string(),
            fallback: variables.get("fallback").to_string(),
            saves: scene.saves,
            cleared: scene.cleared,
            reasons: scene.reasons,
        };
        if scene.started {
            // Nobody gets to see a menu.
            let entry = Entry { title: "started by the configuration at once".into(), ..scene.entry };
            level.nodes.push(Node { title: entry.title.clone(), id: String::new(), kind: Kind::Entry(entry) });
            (level.default, level.timeout) = (String::new(), "0".into());
            return Ok(level);
        }
        for item in scene.items {
            let node = match item {
                Item::Ready(entry) => Node { title: entry.title.clone(), id: entry.id.clone(), kind: Kind::Entry(entry) },
                Item::Pending(pending) => self.node(pending)?,
            };
            level.nodes.push(node);
        }
        Ok(level)
    }

    /// Run the body of an entry or a submenu. What is set inside stays inside.
    fn node(&mut self, pending: Pending) -> Result<Node, String> {
        let Pending { title, id, args, body, menu, locked } = pending;
        let before = self.variables.clone();
        let arguments = replace(&mut self.parameters, args);
        let limit = replace(&mut self.limit, STEPS.min(self.steps + BODY));
        let (depth, count) = (self.depth, self.count);
        let kind = if locked {
            Ok(Kind::Entry(Entry::unknown("", "", "it wants a password, and none is asked for here")))
        } else if menu {
            // A menu's own settings do not hold for the one below. GRUB would also hide what is not
            // exported; to see more does no harm.
            for name in ["default", "timeout", "fallback"] {
                self.variables.set.remove(name);
            }
            self.limit = limit;
            self.depth += 1;
            self.configuration(&body).map(Kind::Menu)
        } else {
            self.body(&body)
        };
        (self.variables, self.parameters, self.limit, self.depth) = (before, arguments, limit, depth);
        // A failure concerns this one alone, unless there is no end to all of it.
        let kind = match kind {
            Ok(kind) => kind,
            Err(why) if self.steps >= STEPS => return Err(why),
            Err(why) => {
                self.count = count;
                Kind::Entry(Entry::unknown("", "", why))
            }
        };
        let kind = match kind {
            Kind::Entry(entry) => Kind::Entry(Entry { title: title.clone(), id: id.clone(), ..entry }),
            Kind::Menu(level) => Kind::Menu(level),
        };
        Ok(Node { title, id, kind })
    }

    fn body(&mut self, body: &[Command]) -> Result<Kind, String> {
        let above = replace(&mut self.scene, Scene { in_body: true, ..Scene::default() });
        self.variables.set.insert("chosen".into(), "?".into());
        let outcome = self.block(body);
        let scene = replace(&mut self.scene, above);
        if let Err(Stop::Error(why)) = outcome {
            return Err(why);
        }
        if let Some(level) = scene.other {
            return Ok(Kind::Menu(level));
        }
        let mut entry = scene.entry;
        entry.saves = scene.saves;
        let why = match scene.reasons.into_iter().next() {
            _ if entry.start != Start::Kernel => None,
            Some(why) => Some(why),
            None if !scene.loaded => Some("it loads no kernel".to_string()),
            None => None,
        };
        Ok(Kind::Entry(match why {
            Some(why) => Entry::unknown("", "", why),
            None => entry,
        }))
    }

    pub fn block(&mut self, commands: &[Command]) -> Run {
        if self.depth > DEPTH {
            return Err(format!("the configuration is more than {DEPTH} deep").into());
        }
        self.depth += 1;
        let mut outcome = Ok(true);
        for command in commands {
            outcome = self.step().and_then(|()| self.one(command));
            match &outcome {
                Ok(good) => self.last = *good,
                Err(_) => break,
            }
        }
        self.depth -= 1;
        outcome
    }

    fn step(&mut self) -> Result<(), Stop> {
        self.steps += 1;
        if self.steps > self.limit {
            return Err(format!("the configuration runs for more than {} commands", self.limit.min(BODY)).into());
        }
        Ok(())
    }

    fn one(&mut self, command: &Command) -> Run {
        match command {
            Command::Simple(words) => {
                let words = self.words(words)?;
                self.simple(&words)
            }
            Command::If(branches, otherwise) => {
                for (condition, body) in branches {
                    if self.block(condition)? {
                        return self.block(body);
                    }
                }
                self.block(otherwise)
            }
            Command::For(name, words, body) => {
                for word in self.words(words)? {
                    self.variables.set.insert(name.clone(), word);
                    if !self.turn(body)? {
                        break;
                    }
                }
                Ok(true)
            }
            Command::While(condition, body, until) => loop {
                self.step()?;
                if self.block(condition)? == *until || !self.turn(body)? {
                    return Ok(true);
                }
            },
            Command::Function(name, body) => {
                self.functions.insert(name.clone(), Rc::clone(body));
                Ok(true)
            }
            Command::Entry(words, body) => {
                let words = self.words(words)?;
                Ok(self.pending(&words, body, false))
            }
            Command::Menu(words, body) => {
                let words = self.words(words)?;
                Ok(self.pending(&words, body, true))
            }
            Command::Not(inner) => Ok(!self.one(inner)?),
        }
    }

    /// A loop's body once; whether the loop goes on.
    fn turn(&mut self, body: &[Command]) -> Run {
        match self.block(body) {
            Ok(_) | Err(Stop::Continue) => Ok(true),
            Err(Stop::Break) => Ok(false),
            Err(stop) => Err(stop),
        }
    }

    fn pending(&mut self, words: &[String], body: &Rc<Vec<Command>>, menu: bool) -> bool {
        let names = names(words);
        let users = !self.variables.get("superusers").is_empty();
        let locked = names.users || (users && !names.unrestricted);
        let (title, id, args) = (names.title, names.id, names.args);
        self.item(Item::Pending(Pending { title, id, args, body: Rc::clone(body), menu, locked }))
    }

    fn item(&mut self, item: Item) -> bool {
        self.count += 1;
        // Entries made by an entry's body are not seen: it has no menu.
        if self.count > MOST || self.scene.in_body {
            return false;
        }
        self.scene.items.push(item);
        true
    }

    /// An entry that needs no body.
    pub fn ready(&mut self, entry: Entry) -> bool {
        self.item(Item::Ready(entry))
    }

    /// Run a function, when there is one of that name.
    pub fn function(&mut self, name: &str, args: &[String]) -> Option<Run> {
        let body = self.functions.get(name).cloned()?;
        let arguments: Vec<String> = core::iter::once(name).map(ToString::to_string).chain(args.iter().cloned()).collect();
        let before = replace(&mut self.parameters, arguments);
        let outcome = self.block(&body);
        self.parameters = before;
        Some(match outcome {
            Err(Stop::Return(good)) => Ok(good),
            other => other,
        })
    }

    /// Take the first argument of the function away.
    pub fn shift(&mut self) -> bool {
        let some = self.parameters.len() > 1;
        if some {
            self.parameters.remove(1);
        }
        some
    }

    pub fn set_parameters(&mut self, args: &[String]) {
        let name = self.parameters.first().cloned().unwrap_or_default();
        self.parameters = core::iter::once(name).chain(args.iter().cloned()).collect();
    }

    pub const fn last(&self) -> bool {
        self.last
    }

    /// Text as commands in the menu that is being read.
    pub fn source(&mut self, name: &str, text: &str) -> Run {
        let commands = read::read(text).map_err(|why| format!("{name}: {why}"))?;
        self.block(&commands)
    }

    /// Another configuration, whose menu takes the place of this one when it has any.
    pub fn take_over(&mut self, place: Place, text: &str) -> Run {
        if self.files.contains(&place) {
            self.scene.complain(format!("it leads back to the menu of {}", place.path));
            return Ok(false);
        }
        let commands = read::read(text).map_err(|why| format!("{}: {why}", place.path))?;
        let below = self.variables.below();
        let before = replace(&mut self.variables, below);
        self.files.push(place);
        self.depth += 1;
        let level = if self.depth > DEPTH {
            Err(format!("the configuration is more than {DEPTH} deep"))
        } else {
            self.configuration(&commands)
        };
        self.depth -= 1;
        self.files.pop();
        self.variables = before;
        let level = level?;
        if level.nodes.is_empty() {
            for why in level.reasons {
                self.scene.complain(why);
            }
            return Ok(true);
        }
        self.scene.other = Some(level);
        Err(Stop::Done)
    }

    fn value(&self, name: &str) -> String {
        match name {
            "?" => if self.last { "0" } else { "1" }.to_string(),
            "#" => self.parameters.len().saturating_sub(1).to_string(),
            "@" | "*" => self.parameters.get(1..).unwrap_or_default().join(" "),
            _ => match name.parse::<usize>() {
                Ok(number) if !self.variables.set.contains_key(name) => self.parameters.get(number).cloned().unwrap_or_default(),
                _ => self.variables.get(name).to_string(),
            },
        }
    }

    /// Words with variables put in; an unquoted variable may become several words, or none.
    pub fn words(&self, words: &[Word]) -> Result<Vec<String>, String> {
        let (mut out, mut total) = (Vec::new(), 0);
        for word in words {
            let (mut text, mut there) = (String::new(), false);
            for part in &word.0 {
                let (value, quoted) = match part {
                    Part::Text(part) => (part.clone(), true),
                    Part::Variable(name, quoted) => (self.value(name), *quoted && name != "@"),
                };
                total += value.len();
                if total > VALUE {
                    return Err("a command of the configuration is too long".into());
                }
                if quoted {
                    text.push_str(&value);
                    there = true;
                    continue;
                }
                let mut pieces = value.split_whitespace();
                if let Some(first) = pieces.next() {
                    text.push_str(first);
                    there = true;
                }
                for piece in pieces {
                    out.push(replace(&mut text, piece.to_string()));
                }
            }
            if there {
                out.push(text);
            }
        }
        Ok(out)
    }
}
