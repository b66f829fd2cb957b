//! GRUB's configurations: the part of its shell that finds systems to boot. No input or output here: [`Disks`] does it.
//!
//! A menu entry's body is run when the entry is found, with the variables of that moment; that is the same as running it later, except
//! for bodies that ask what a person did meanwhile. What GRUB would do to the screen is left aside.

mod read;

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::menu::{Entry, MOST, Menu, Place};
use read::{Command, Part, Word};

/// The most commands that are run: functions and files may call themselves.
const STEPS: usize = 50_000;
const DEPTH: usize = 24;
/// The most bytes of all variables, and of a word.
const VALUE: usize = 64 << 10;

/// By what another file system is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Its UUID.
    Uuid,
    /// Its label.
    Label,
    /// A file that it has.
    File,
}

/// The file systems of the machine. A device is named as `search` named it; the empty name is the configuration's own.
pub trait Disks {
    /// A text file.
    fn read(&mut self, device: &str, path: &str) -> Option<String>;
    /// Whether a file or folder is there.
    fn exists(&mut self, device: &str, path: &str) -> bool;
    /// The first file system that fits.
    fn search(&mut self, by: By, value: &str) -> Option<String>;
    /// Boot loader entries of a file system (`blscfg`), with the script's variables put in.
    fn entries(&mut self, device: &str, variable: &dyn Fn(&str) -> Option<String>) -> Vec<Entry>;
}

/// Run a configuration that lies in the folder `prefix`.
///
/// # Errors
/// A sentence about what can't be read, or runs too long.
pub fn run(text: &str, prefix: &str, disks: &mut dyn Disks) -> Result<Menu, String> {
    let mut shell = Shell { disks, set: BTreeMap::new(), functions: BTreeMap::new(), menu: Menu::default(), steps: 0 };
    for (name, value) in [("prefix", prefix), ("root", ""), ("grub_platform", "efi"), ("config_directory", prefix)] {
        shell.set.insert(name.into(), value.into());
    }
    let commands = read::read(text)?;
    let mut at = Where { title: String::new(), entry: None, depth: 0 };
    shell.block(&commands, &mut at)?;
    let value = |name: &str| shell.set.get(name).cloned().unwrap_or_default();
    let (default, timeout) = (value("default"), value("timeout"));
    let mut menu = shell.menu;
    menu.timeout = timeout.parse().ok();
    // `Sub menu>entry`: by the last part's name; the numbers count each menu by itself, which a flat one has not.
    menu.choose(default.rsplit('>').next().unwrap_or_default());
    Ok(menu)
}

struct Shell<'a> {
    disks: &'a mut dyn Disks,
    set: BTreeMap<String, String>,
    functions: BTreeMap<String, Vec<Command>>,
    menu: Menu,
    steps: usize,
}

/// Where in the menus a command runs.
struct Where {
    /// The titles of the menus above.
    title: String,
    /// The entry whose body it is.
    entry: Option<Entry>,
    depth: usize,
}

impl Shell<'_> {
    /// Whether the last command succeeded.
    fn block(&mut self, commands: &[Command], at: &mut Where) -> Result<bool, String> {
        let mut good = true;
        if at.depth > DEPTH {
            return Err(format!("the configuration is more than {DEPTH} deep"));
        }
        for command in commands {
            self.steps += 1;
            if self.steps > STEPS {
                return Err(format!("the configuration runs for more than {STEPS} commands"));
            }
            at.depth += 1;
            good = self.one(command, at)?;
            at.depth -= 1;
        }
        Ok(good)
    }

    fn one(&mut self, command: &Command, at: &mut Where) -> Result<bool, String> {
        match command {
            Command::Simple(words) => {
                let words = self.words(words)?;
                self.simple(&words, at)
            }
            Command::If(branches, otherwise) => {
                for (condition, body) in branches {
                    if self.block(condition, at)? {
                        return self.block(body, at);
                    }
                }
                self.block(otherwise, at)
            }
            Command::For(name, words, body) => {
                let mut good = true;
                for word in self.words(words)? {
                    self.set.insert(name.clone(), word);
                    good = self.block(body, at)?;
                }
                Ok(good)
            }
            Command::Function(name, body) => {
                self.functions.insert(name.clone(), body.clone());
                Ok(true)
            }
            Command::Entry(words, body) => {
                let words = self.words(words)?;
                self.entry(&words, body, at)
            }
            Command::Menu(words, body) => {
                let words = self.words(words)?;
                let (title, _) = names(&words);
                let mut inner = Where { title: format!("{}{title} > ", at.title), entry: None, depth: at.depth };
                self.scoped(body, &mut inner)
            }
            Command::Not(inner) => Ok(!self.one(inner, at)?),
        }
    }

    /// What is set inside stays inside.
    fn scoped(&mut self, body: &[Command], at: &mut Where) -> Result<bool, String> {
        let before = self.set.clone();
        let outcome = self.block(body, at);
        self.set = before;
        outcome
    }

    fn entry(&mut self, words: &[String], body: &[Command], at: &Where) -> Result<bool, String> {
        let (title, id) = names(words);
        let entry = Entry { title: format!("{}{title}", at.title), id, ..Entry::default() };
        let mut inner = Where { title: String::new(), entry: Some(entry), depth: at.depth };
        self.scoped(body, &mut inner)?;
        if let Some(entry) = inner.entry.filter(|entry| !entry.kernel.path.is_empty())
            && self.menu.entries.len() < MOST
        {
            self.menu.entries.push(entry);
        }
        Ok(true)
    }

    fn simple(&mut self, words: &[String], at: &mut Where) -> Result<bool, String> {
        let Some((name, args)) = words.split_first() else { return Ok(true) };
        let plain: Vec<&str> = args.iter().map(String::as_str).filter(|arg| !arg.starts_with("--")).collect();
        match name.as_str() {
            "set" => self.assign(plain.first().copied().unwrap_or_default()),
            "export" | "true" | "insmod" | "terminal_input" | "terminal_output" | "echo" | "load_video" | "rmmod" | "serial"
            | "save_env" => Ok(true),
            "unset" => {
                for name in plain {
                    self.set.remove(name);
                }
                Ok(true)
            }
            "[" | "test" => {
                let args: Vec<&str> = args.iter().map(String::as_str).filter(|arg| *arg != "]").collect();
                Ok(self.test(&args))
            }
            "search" | "search.fs_uuid" | "search.fs_label" | "search.file" => Ok(self.search(name, args)),
            "load_env" => Ok(self.load_env(args)),
            "source" | "." | "configfile" | "normal" => self.source(plain.first().copied().unwrap_or_default(), at),
            "blscfg" => {
                let device = self.set.get("boot").or_else(|| self.set.get("root")).cloned().unwrap_or_default();
                let set = &self.set;
                let found = self.disks.entries(&device, &|name| set.get(name).cloned());
                let room = MOST - self.menu.entries.len().min(MOST);
                self.menu.entries.extend(found.into_iter().take(room));
                Ok(true)
            }
            "linux" | "linux16" | "linuxefi" | "chainloader" => Ok(self.kernel(args, at, name != "chainloader")),
            "initrd" | "initrd16" | "initrdefi" => {
                let places: Vec<Place> = plain.iter().map(|path| self.place(path)).collect();
                if let Some(entry) = &mut at.entry {
                    entry.initrds = places;
                }
                Ok(true)
            }
            other => match self.functions.get(other).cloned() {
                Some(body) => self.block(&body, at),
                None => Ok(false),
            },
        }
    }

    fn assign(&mut self, word: &str) -> Result<bool, String> {
        let Some((name, value)) = word.split_once('=') else { return Ok(true) };
        if self.set.values().map(String::len).sum::<usize>() + value.len() > VALUE {
            return Err("the configuration's variables take too much room".into());
        }
        self.set.insert(name.into(), value.into());
        Ok(true)
    }

    fn kernel(&mut self, args: &[String], at: &mut Where, takes_words: bool) -> bool {
        let mut args = args.iter().skip_while(|arg| arg.starts_with("--"));
        let Some(path) = args.next() else { return false };
        let place = self.place(path);
        let Some(entry) = &mut at.entry else { return false };
        // What only another boot loader understands is not for us; a unified kernel image is.
        if !takes_words && (path.starts_with('+') || entry.kernel.path.len() > 1) {
            return false;
        }
        entry.kernel = place;
        let quoted = |word: &String| if word.contains(' ') { format!("\"{word}\"") } else { word.clone() };
        entry.words = args.map(quoted).collect::<Vec<_>>().join(" ");
        true
    }

    /// `(device)/path`, or a path on `$root`.
    fn place(&self, path: &str) -> Place {
        match path.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
            // GRUB's own names of disks mean nothing here.
            Some((device, path)) => Place { device: known(device), path: path.to_string() },
            None => Place { device: known(&self.set.get("root").cloned().unwrap_or_default()), path: path.to_string() },
        }
    }

    fn search(&mut self, name: &str, args: &[String]) -> bool {
        let mut by = match name {
            "search.fs_label" => By::Label,
            "search.file" => By::File,
            _ => By::Uuid,
        };
        let (mut variable, mut values) = (None, Vec::new());
        let mut args = args.iter().map(String::as_str).peekable();
        while let Some(arg) = args.next() {
            match arg {
                "--fs-uuid" | "-u" => by = By::Uuid,
                "--label" | "-l" => by = By::Label,
                "--file" | "-f" => by = By::File,
                "--set" | "-s" => variable = Some("root"),
                hint if hint.starts_with("--hint") => {
                    if !hint.contains('=') {
                        args.next();
                    }
                }
                other => match other.strip_prefix("--set=") {
                    Some(name) => variable = Some(name),
                    None if other.starts_with('-') => {}
                    None => values.push(other),
                },
            }
        }
        // `search.fs_uuid UUID root hints…`
        let value = values.first().copied().unwrap_or_default();
        if name != "search" {
            variable = Some(values.get(1).copied().unwrap_or("root"));
        }
        // `search --fs-uuid --set root UUID` is the older form.
        let (variable, value) = match (variable, values.as_slice()) {
            (Some("root"), ["root", value]) => ("root", *value),
            (variable, _) => (variable.unwrap_or("root"), value),
        };
        let found = self.disks.search(by, value);
        if let Some(device) = &found {
            self.set.insert(variable.to_string(), format!("{FOUND}{device}"));
        }
        found.is_some()
    }

    /// Lines `name=value` of GRUB's environment block.
    fn load_env(&mut self, args: &[String]) -> bool {
        let file = args.iter().position(|arg| arg == "--file" || arg == "-f").and_then(|at| args.get(at + 1)).cloned();
        let file = file.unwrap_or_else(|| format!("{}/grubenv", self.set.get("prefix").cloned().unwrap_or_default()));
        let Some(text) = self.file(&file) else { return false };
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some((name, value)) = line.split_once('=').filter(|(_, value)| value.len() < 4096) {
                self.set.insert(name.into(), value.into());
            }
        }
        true
    }

    fn source(&mut self, path: &str, at: &mut Where) -> Result<bool, String> {
        let Some(text) = self.file(path) else { return Ok(false) };
        let commands = read::read(&text).map_err(|why| format!("{path}: {why}"))?;
        self.block(&commands, at)
    }

    fn file(&mut self, path: &str) -> Option<String> {
        let place = self.place(path);
        self.disks.read(&place.device, &place.path)
    }

    fn test(&mut self, args: &[&str]) -> bool {
        // `a -o b -a c`: "or" binds less.
        if let Some(at) = args.iter().position(|arg| *arg == "-o") {
            return self.test(&args[..at]) || self.test(&args[at + 1..]);
        }
        if let Some(at) = args.iter().position(|arg| *arg == "-a") {
            return self.test(&args[..at]) && self.test(&args[at + 1..]);
        }
        let number = |text: &str| text.parse::<i64>().unwrap_or(0);
        match args {
            ["!", rest @ ..] => !self.test(rest),
            ["-z", text] => text.is_empty(),
            ["-e" | "-f" | "-d" | "-s", path] => {
                let place = self.place(path);
                self.disks.exists(&place.device, &place.path)
            }
            [one, "=" | "==", other] => one == other,
            [one, "!=", other] => one != other,
            [one, "-eq", other] => number(one) == number(other),
            [one, "-ne", other] => number(one) != number(other),
            [one, "-lt", other] => number(one) < number(other),
            [one, "-le", other] => number(one) <= number(other),
            [one, "-gt", other] => number(one) > number(other),
            [one, "-ge", other] => number(one) >= number(other),
            [text] | ["-n", text] => !text.is_empty(),
            _ => false,
        }
    }

    /// Words with variables put in; an unquoted variable may become several words, or none.
    fn words(&self, words: &[Word]) -> Result<Vec<String>, String> {
        let mut out = Vec::new();
        for word in words {
            let (mut text, mut there) = (String::new(), false);
            for part in &word.0 {
                match part {
                    Part::Text(part) => {
                        text.push_str(part);
                        there = true;
                    }
                    Part::Variable(name, quoted) => {
                        let value = self.set.get(name).map(String::as_str).unwrap_or_default();
                        if *quoted {
                            text.push_str(value);
                            there = true;
                            continue;
                        }
                        let mut pieces = value.split_whitespace();
                        if let Some(first) = pieces.next() {
                            text.push_str(first);
                            there = true;
                        }
                        for piece in pieces {
                            out.push(core::mem::replace(&mut text, piece.to_string()));
                        }
                    }
                }
            }
            if text.len() + out.iter().map(String::len).sum::<usize>() > VALUE {
                return Err("a command of the configuration is too long".into());
            }
            if there {
                out.push(text);
            }
        }
        Ok(out)
    }
}

/// Marks devices that were found by `search`, apart from GRUB's own names.
const FOUND: &str = "found:";

/// A device that was found; no name for any other.
fn known(device: &str) -> String {
    device.strip_prefix(FOUND).map(ToString::to_string).unwrap_or_default()
}

/// The title and the id of an entry.
fn names(words: &[String]) -> (String, String) {
    let (mut title, mut id) = (None, String::new());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            // Debian writes its variable menuentry_id_option here, which is one of these or empty.
            "--id" | "--class" | "--hotkey" | "--users" => {
                let value = words.next().cloned().unwrap_or_default();
                if word == "--id" {
                    id = value;
                }
            }
            option if option.starts_with("--") => {
                if let Some(value) = option.strip_prefix("--id=") {
                    id = value.to_string();
                }
            }
            other if title.is_none() => title = Some(other.to_string()),
            other => id = other.to_string(),
        }
    }
    (title.unwrap_or_default(), id)
}

#[cfg(test)]
mod tests;
