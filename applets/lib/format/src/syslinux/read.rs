//! Lines of a configuration, and what they make the default.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::default::unquoted;
use super::entry::{Kind, Label, Meaning};
use crate::menu::{MOST, Menu};

/// Depth of files and menus in one another.
pub(super) const DEPTH: usize = 8;
/// The most lines of all files together.
const LINES: usize = 20_000;

type Include<'a> = &'a mut dyn FnMut(&str) -> Option<String>;

/// A menu: the first one, or one between `MENU BEGIN` and `MENU END`.
#[derive(Default)]
pub(super) struct Level {
    pub title: String,
    /// The label that shows it, where one does.
    pub id: String,
    pub parent: Option<usize>,
    pub items: Vec<Item>,
    /// The item that `MENU DEFAULT` names.
    pub default: Option<usize>,
    pub append: String,
    pub sysappend: u32,
}

pub(super) enum Item {
    Label(Label),
    Level(usize),
}

/// Directives that hold for all labels.
#[derive(Default)]
pub(super) struct Settings {
    pub ui: Option<String>,
    pub default: Option<String>,
    pub ontimeout: Option<String>,
    pub onerror: Option<String>,
    pub timeout: Option<u32>,
    pub total: Option<u32>,
    pub prompt: bool,
}

struct Reader {
    levels: Vec<Level>,
    level: usize,
    /// The label that directives belong to; none above all labels of a menu.
    in_label: bool,
    settings: Settings,
    lines: usize,
    labels: usize,
    /// Within `TEXT HELP` … `ENDTEXT`.
    help: bool,
}

pub(super) fn parse(text: &str, program: super::Reader, include: Include<'_>) -> Menu {
    let mut reader = Reader {
        levels: vec![Level::default()],
        level: 0,
        in_label: false,
        settings: Settings::default(),
        lines: 0,
        labels: 0,
        help: false,
    };
    reader.read(text, include, 0);
    // Labels that show another configuration put its menu in their place.
    reader.configurations(include);
    super::default::menu(&reader.levels, &reader.settings, program)
}

impl Reader {
    fn read(&mut self, text: &str, include: Include<'_>, depth: usize) {
        for line in text.lines().map(str::trim) {
            self.lines += 1;
            if self.lines > LINES {
                return;
            }
            let (word, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
            let (word, rest) = (word.to_ascii_lowercase(), rest.trim());
            if self.help {
                self.help = word != "endtext";
                continue;
            }
            match word.as_str() {
                "text" => self.help = rest.eq_ignore_ascii_case("help"),
                "include" => self.include(rest, include, depth),
                "menu" => self.menu(rest, include, depth),
                "label" => self.label(rest),
                "default" => self.settings.default = Some(rest.to_string()),
                "ui" => self.settings.ui = Some(rest.to_string()),
                "ontimeout" => self.settings.ontimeout = Some(rest.to_string()),
                "onerror" => self.settings.onerror = Some(rest.to_string()),
                "timeout" => self.settings.timeout = tenths(rest),
                "totaltimeout" => self.settings.total = tenths(rest),
                "prompt" => self.settings.prompt = !matches!(rest, "0" | ""),
                other => self.directive(other, rest),
            }
        }
    }

    /// A file, and a title that makes a menu of it.
    fn include(&mut self, rest: &str, include: Include<'_>, depth: usize) {
        if depth >= DEPTH {
            return;
        }
        let (name, tag) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
        let Some(text) = include(name) else { return };
        let tag = tag.trim();
        let begun = !tag.is_empty() && self.begin(tag);
        self.read(&text, include, depth + 1);
        if begun {
            self.end();
        }
    }

    fn begin(&mut self, title: &str) -> bool {
        let above = &self.levels[self.level];
        if self.levels.len() >= MOST {
            return false;
        }
        let level = Level {
            title: title.to_string(),
            parent: Some(self.level),
            append: above.append.clone(),
            sysappend: above.sysappend,
            ..Level::default()
        };
        let number = self.levels.len();
        self.levels[self.level].items.push(Item::Level(number));
        self.levels.push(level);
        self.level = number;
        self.in_label = false;
        true
    }

    fn end(&mut self) {
        if let Some(parent) = self.levels[self.level].parent {
            self.level = parent;
        }
        self.in_label = false;
    }

    fn label(&mut self, name: &str) {
        self.in_label = self.labels < MOST;
        if self.in_label {
            self.labels += 1;
            let label = Label { id: unquoted(name), title: unquoted(name), ..Label::default() };
            self.levels[self.level].items.push(Item::Label(label));
        }
    }

    fn last(&mut self) -> Option<&mut Label> {
        match self.levels[self.level].items.last_mut() {
            Some(Item::Label(label)) if self.in_label => Some(label),
            _ => None,
        }
    }

    fn menu(&mut self, rest: &str, include: Include<'_>, depth: usize) {
        let (word, rest) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
        let rest = rest.trim();
        match word.to_ascii_lowercase().as_str() {
            "include" => self.include(rest, include, depth),
            "begin" => {
                self.begin(rest);
            }
            "end" => self.end(),
            "separator" => self.in_label = false,
            word => self.menu_of(word, rest),
        }
    }

    /// Directives about a label, or about the menu that they stand in.
    fn menu_of(&mut self, word: &str, rest: &str) {
        let level = self.level;
        let Some(label) = self.last() else {
            match word {
                // A caret marks a key.
                "title" | "label" if level != 0 => self.levels[level].title = rest.replace('^', ""),
                "default" => {
                    let above = self.levels[level].parent.unwrap_or_default();
                    let own = |item: &Item| matches!(item, Item::Level(number) if *number == level);
                    self.levels[above].default = self.levels[above].items.iter().position(own);
                }
                _ => {}
            }
            return;
        };
        match word {
            "label" => label.title = rest.replace('^', ""),
            "default" => label.is_default = true,
            "disable" => label.disabled = true,
            "passwd" => label.password = true,
            "goto" | "exit" | "quit" => {
                label.kind = Kind::Jump;
                label.file = format!("{word} {rest}").trim().to_string();
            }
            _ => {}
        }
    }

    fn directive(&mut self, word: &str, rest: &str) {
        let level = self.level;
        let Some(label) = self.last() else {
            match word {
                "append" => self.levels[level].append = rest.to_string(),
                "ipappend" | "sysappend" => self.levels[level].sysappend = number(rest),
                _ => {}
            }
            return;
        };
        let kind = match word {
            "kernel" => Kind::Kernel,
            "linux" => Kind::Linux,
            "com32" => Kind::Module,
            "config" => Kind::Config,
            "localboot" => Kind::Local,
            "boot" => Kind::Legacy("BOOT"),
            "bss" => Kind::Legacy("BSS"),
            "pxe" => Kind::Legacy("PXE"),
            "fdimage" => Kind::Legacy("FDIMAGE"),
            "comboot" => Kind::Legacy("COMBOOT"),
            _ => {
                match word {
                    "initrd" => label.initrd = Some(rest.to_string()),
                    // A hyphen means: nothing, not even what stands above.
                    "append" if rest == "-" => label.append = Some(String::new()),
                    "append" => label.append = Some(rest.to_string()),
                    "ipappend" | "sysappend" => label.sysappend = Some(number(rest)),
                    _ => {}
                }
                return;
            }
        };
        (label.kind, label.file) = (kind, rest.to_string());
    }

    /// Read the configurations that labels name, each as a menu in the label's place.
    fn configurations(&mut self, include: Include<'_>) {
        let (mut at, mut known) = (0, Vec::new());
        while at < self.levels.len() {
            for item in 0..self.levels[at].items.len() {
                let level = &self.levels[at];
                let Item::Label(label) = &level.items[item] else { continue };
                let Meaning::Config(file) = label.meaning(&level.append, level.sysappend) else { continue };
                let (title, id) = (label.title.clone(), label.id.clone());
                let text = if known.contains(&file) || known.len() >= DEPTH { None } else { include(&file) };
                let Some(text) = text else { continue };
                known.push(file);
                let number = self.levels.len();
                self.levels.push(Level { title, id, parent: Some(at), ..Level::default() });
                self.levels[at].items[item] = Item::Level(number);
                // It has settings of its own, which hold once it is shown.
                let settings = core::mem::take(&mut self.settings);
                (self.level, self.in_label, self.help) = (number, false, false);
                self.read(&text, include, 1);
                self.settings = settings;
            }
            at += 1;
        }
    }
}

/// Tenths of a second as seconds; 0 means to wait.
fn tenths(text: &str) -> Option<u32> {
    text.parse::<u32>().ok().filter(|tenths| *tenths > 0).map(|tenths| tenths.div_ceil(10))
}

/// Decimal, or hexadecimal with 0x.
fn number(text: &str) -> u32 {
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    hex.map_or_else(|| text.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok()).unwrap_or(0)
}
