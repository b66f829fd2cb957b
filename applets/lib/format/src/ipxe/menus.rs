//! Menus of scripts.

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::Choice;
use super::machine::{Machine, Run, Step};
use super::settings::{Kind, Setting};

/// The most menus at a time.
const MENUS: usize = 16;

impl Machine<'_> {
    pub(super) fn menu(&mut self, args: &[&str]) -> Run {
        let (mut name, mut delete) = ("", false);
        let mut args = args.iter().copied().peekable();
        while let Some(option) = args.next_if(|arg| arg.starts_with('-')) {
            match option {
                "--name" | "-n" => name = args.next().unwrap_or_default(),
                "--delete" | "-d" => delete = true,
                other => return Err(format!("menu {other} is not understood")),
            }
        }
        if delete {
            self.menus.remove(name);
            return Ok(Step::Next);
        }
        if self.menus.len() >= MENUS && !self.menus.contains_key(name) {
            return Err("there are too many menus".into());
        }
        let title = args.collect::<Vec<_>>().join(" ");
        self.menus.insert(name.to_string(), Choice { title, ..Choice::default() });
        Ok(Step::Next)
    }

    pub(super) fn item(&mut self, args: &[&str]) -> Run {
        let mut args = args.iter().copied().peekable();
        let (mut default, mut gap, mut name) = (false, false, "");
        while let Some(option) = args.next_if(|arg| arg.starts_with('-') && *arg != "--") {
            match option {
                "--gap" | "-g" => gap = true,
                "--default" | "-d" => default = true,
                "--key" | "-k" => drop(args.next()),
                "--menu" | "-m" | "--form" | "-f" => name = args.next().unwrap_or_default(),
                other if other.starts_with("--key=") => {}
                other => return Err(format!("item {other} is not understood")),
            }
        }
        let menu = self.menus.get_mut(name).ok_or("there is no menu")?;
        // An item without a label only keeps others apart.
        let Some(label) = args.next().filter(|label| !gap && !label.is_empty()) else { return Ok(Step::Next) };
        if menu.items.len() == crate::menu::MOST {
            return Err("the menu is too long".into());
        }
        if default {
            menu.default = menu.items.len();
        }
        let text = args.collect::<Vec<_>>().join(" ");
        let text = if text.trim().is_empty() { label.to_string() } else { text };
        menu.items.push((label.to_string(), text));
        Ok(Step::Next)
    }

    pub(super) fn choose(&mut self, args: &[&str]) -> Run {
        let mut args = args.iter().copied();
        let (mut own, mut keep, mut default, mut timeout) = ("", false, None, 0);
        let mut name = None;
        while let Some(arg) = args.next() {
            let (option, value) = arg.split_once('=').filter(|_| arg.starts_with("--")).unwrap_or((arg, ""));
            let mut value = || if value.is_empty() { args.next().unwrap_or_default() } else { value };
            match option {
                "--timeout" | "-t" => timeout = value().parse().map_err(|_| "a time is no number")?,
                "--retimeout" | "-r" => drop(value()),
                "--default" | "-d" => default = Some(value()),
                "--menu" | "-m" => own = value(),
                "--keep" | "-k" => keep = true,
                option if option.starts_with('-') => return Err(format!("choose {option} is not understood")),
                other => name = Some(other),
            }
        }
        let mut menu = self.menus.get(own).cloned().ok_or("there is no menu")?;
        menu.timeout = timeout;
        let found = default.and_then(|label| menu.items.iter().position(|(own, _)| own == label));
        menu.default = found.unwrap_or(menu.default);
        let name = name.ok_or("choose needs a variable")?;
        if !keep {
            self.menus.remove(own);
        }
        if menu.items.is_empty() {
            return Err("the menu is empty".into());
        }
        let chosen = self.world.choose(&menu).ok_or("nothing was chosen")?;
        let label = menu.items.get(chosen).map(|(label, _)| label.as_str()).unwrap_or_default();
        self.put(name, Setting::read(label, Kind::Text)?)
    }
}
