//! Default entry of a configuration: directives of SYSLINUX's own prompt and of its menus.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::Reader;
use super::entry::{Label, Meaning};
use super::read::{DEPTH, Item, Level, Settings};
use crate::menu::{Entry, MOST, Menu, Wait};

/// All labels in the order of a person's eyes.
struct Flat {
    entries: Vec<Entry>,
    /// The menu and the item of each entry.
    places: Vec<(usize, usize)>,
}

impl Flat {
    fn level(&mut self, levels: &[Level], number: usize, above: &str, depth: usize) {
        let level = &levels[number];
        for (at, item) in level.items.iter().enumerate() {
            if self.entries.len() >= MOST {
                return;
            }
            match item {
                Item::Level(inner) => {
                    let title = format!("{above}{} > ", levels[*inner].title);
                    let before = self.entries.len();
                    if depth < DEPTH {
                        self.level(levels, *inner, &title, depth + 1);
                    }
                    if self.entries.len() == before {
                        self.entries.push(Entry::unknown(title.trim_end_matches(" > "), "", "it is a menu without entries"));
                        self.places.push((number, at));
                    }
                }
                Item::Label(label) => {
                    let mut entry = match label.meaning(&level.append, level.sysappend) {
                        Meaning::Entry(entry) => entry,
                        Meaning::Config(file) => {
                            Entry::unknown(&label.title, &label.id, format!("the configuration {file} is not read"))
                        }
                    };
                    entry.title.insert_str(0, above);
                    self.entries.push(entry);
                    self.places.push((number, at));
                }
            }
        }
    }
}

/// The menu that these labels and settings make.
pub(super) fn menu(levels: &[Level], settings: &Settings, program: Reader) -> Menu {
    let mut flat = Flat { entries: Vec::new(), places: Vec::new() };
    flat.level(levels, 0, "", 0);
    Chooser { levels, settings }.finish(flat, program)
}

struct Chooser<'a> {
    levels: &'a [Level],
    settings: &'a Settings,
}

impl Chooser<'_> {
    fn finish(&self, mut flat: Flat, program: Reader) -> Menu {
        let settings = self.settings;
        let labelled = |name: &str| flat.entries.iter().any(|entry| entry.id == name);
        // `DEFAULT menu.c32` is how elder versions write `UI menu.c32`.
        let shown = settings.default.as_deref().filter(|name| is_menu(name) && !labelled(name));
        let menu = settings.ui.is_some() || shown.is_some();
        let named = settings.default.as_deref().filter(|_| shown.is_none());
        let times = [settings.timeout, settings.total].into_iter().flatten();
        let time = times.min();
        let waits = menu || settings.prompt;
        let wait = match time {
            Some(seconds) => Wait::Seconds(seconds),
            None if waits || named.is_none() => Wait::Forever,
            None => Wait::Seconds(0),
        };
        let ontimeout = settings.ontimeout.as_deref().filter(|_| waits && time.is_some());
        let default = match (ontimeout, named) {
            (Some(line), _) => self.command(&mut flat, line),
            (None, Some(line)) if !menu || labelled_of(&flat, line).is_some() => self.command(&mut flat, line),
            _ if menu => self.marked(&flat).unwrap_or_else(|| self.first(&flat)),
            _ => self.marked(&flat).unwrap_or_else(|| match program {
                Reader::Extlinux if !flat.entries.is_empty() => Ok(0),
                _ => Err("the configuration names no default entry".into()),
            }),
        };
        let fallback = match settings.onerror.as_deref().map(|line| self.command(&mut flat, line)) {
            Some(Ok(number)) => vec![number],
            _ => Vec::new(),
        };
        Menu { entries: flat.entries, default, wait, fallback, ..Menu::default() }
    }

    /// The entry that a command line names: a label, a label with more words, or a kernel.
    fn command(&self, flat: &mut Flat, line: &str) -> Result<usize, String> {
        if let Some(found) = labelled_of(flat, line) {
            return Ok(found);
        }
        let (name, words) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        if let Some(level) = self.levels.iter().find(|level| !level.id.is_empty() && level.id == name) {
            return Err(format!("the default is the menu {:?}", level.title));
        }
        let first = &self.levels[0];
        let entry = match labelled_of(flat, name).map(|found| flat.entries[found].clone()) {
            Some(mut entry) => {
                entry.words = format!("{} {}", entry.words, words.trim()).trim().to_string();
                entry.title = line.to_string();
                entry
            }
            None if name.is_empty() => return Err("the configuration names an empty default".into()),
            None => match Label::of_command(line, &first.append).meaning("", first.sysappend) {
                Meaning::Entry(entry) => entry,
                Meaning::Config(_) => Entry::unknown(line, line, "it is another configuration"),
            },
        };
        if flat.entries.len() >= MOST {
            return Err(format!("there is no room for the default {line:?}"));
        }
        flat.entries.push(entry);
        flat.places.push((usize::MAX, 0));
        Ok(flat.entries.len() - 1)
    }

    /// The entry that `MENU DEFAULT` marks in the first menu.
    fn marked(&self, flat: &Flat) -> Option<Result<usize, String>> {
        let first = &self.levels[0];
        let marks = |item: &Item| matches!(item, Item::Label(label) if label.is_default);
        let item = first.items.iter().rposition(marks).or(first.default)?;
        Some(self.of_item(flat, item))
    }

    /// The first entry that can be chosen.
    fn first(&self, flat: &Flat) -> Result<usize, String> {
        let usable = |item: &Item| !matches!(item, Item::Label(label) if label.disabled);
        let item = self.levels[0].items.iter().position(usable);
        item.map_or_else(|| Err("the configuration has no entry".into()), |item| self.of_item(flat, item))
    }

    fn of_item(&self, flat: &Flat, item: usize) -> Result<usize, String> {
        let found = flat.places.iter().position(|place| *place == (0, item));
        found.ok_or_else(|| match self.levels[0].items.get(item) {
            Some(Item::Level(number)) => format!("the default is the menu {:?}", self.levels[*number].title),
            _ => "the default is not among the first entries".into(),
        })
    }
}

fn labelled_of(flat: &Flat, name: &str) -> Option<usize> {
    let name = unquoted(name);
    flat.entries.iter().position(|entry| !entry.id.is_empty() && entry.id == name)
}

fn is_menu(line: &str) -> bool {
    let word = line.split_whitespace().next().unwrap_or_default();
    let name = word.rsplit(['/', ':']).next().unwrap_or(word).to_ascii_lowercase();
    matches!(name.strip_suffix(".c32").unwrap_or(&name), "menu" | "vesamenu" | "gfxboot" | "gfxmenu")
}

/// A name as it is meant: some write quotes around it.
pub(super) fn unquoted(name: &str) -> String {
    let name = name.trim();
    let inner = name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or(name).to_string()
}
