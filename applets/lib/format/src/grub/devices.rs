//! Commands of GRUB's shell about devices, and what lies on them.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::pattern::Pattern;
use super::scene::Run;
use super::shell::Shell;
use super::{By, Fact};
use crate::menu::{MOST, Place, Save};

/// Marks devices that were found by `search`, apart from GRUB's own names.
const FOUND: &str = "found:";

impl Shell<'_> {
    /// `(device)/path`, or a path on `$root`.
    pub(super) fn place(&mut self, path: &str) -> Result<Place, String> {
        let (device, path) = match path.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
            Some((device, path)) => (device.to_string(), path),
            None => (self.variables.get("root").to_string(), path),
        };
        Ok(Place { device: self.device(&device)?, path: path.to_string() })
    }

    /// A device by GRUB's name or as `search` found it; the empty name for the configuration's own.
    pub(super) fn device(&mut self, name: &str) -> Result<String, String> {
        let name = name.trim_start_matches('(').trim_end_matches(')');
        if let Some(found) = name.strip_prefix(FOUND).or_else(|| self.images.get(name).map(String::as_str)) {
            return Ok(found.to_string());
        }
        let unknown = || format!("there is no device {name} here");
        let (disk, part) = name.split_once(',').unwrap_or((name, ""));
        let number = disk.strip_prefix("hd").and_then(|number| number.parse::<usize>().ok());
        let part = part.rsplit(',').next().unwrap_or_default().trim_start_matches(|c: char| c.is_ascii_alphabetic());
        match (number, part.parse::<usize>()) {
            _ if matches!(name, "" | "cd" | "cd0") => Ok(String::new()),
            (Some(0), Err(_)) => Ok(String::new()),
            (Some(disk), Ok(part)) => match self.disks.partition(disk, part) {
                Some(found) => Ok(found),
                // The disk that GRUB itself was on; of its partitions the one with the configuration.
                None if disk == 0 => Ok(String::new()),
                None => Err(unknown()),
            },
            _ => Err(unknown()),
        }
    }

    pub(super) fn search(&mut self, name: &str, args: &[String]) -> bool {
        let mut by = match name {
            "search.fs_label" => By::Label,
            "search.file" | "search.fs_file" => By::File,
            _ => By::Uuid,
        };
        let (mut variable, mut values) = (None, Vec::new());
        let mut args = args.iter().map(String::as_str).peekable();
        while let Some(arg) = args.next() {
            match arg {
                "--fs-uuid" | "-u" => by = By::Uuid,
                "--label" | "-l" | "--fs-label" => by = By::Label,
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
            self.variables.set.insert(variable.to_string(), format!("{FOUND}{device}"));
        }
        found.is_some()
    }

    /// The environment block that a command means, and the command's other words.
    fn environment<'w>(&mut self, args: &'w [String]) -> (Result<Place, String>, Vec<&'w str>) {
        let (mut file, mut names) = (None, Vec::new());
        let mut args = args.iter().map(String::as_str);
        while let Some(arg) = args.next() {
            match arg {
                "--file" | "-f" => file = args.next(),
                other => match other.strip_prefix("--file=") {
                    Some(name) => file = Some(name),
                    None if other.starts_with('-') => {}
                    None => names.push(other),
                },
            }
        }
        let file = file.map_or_else(|| format!("{}/grubenv", self.variables.get("prefix")), ToString::to_string);
        (self.place(&file), names)
    }

    /// Lines `name=value` of GRUB's environment block.
    pub(super) fn load_env(&mut self, args: &[String]) -> bool {
        let (place, names) = self.environment(args);
        let Some(text) = place.ok().and_then(|place| self.disks.read(&place.device, &place.path)) else { return false };
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some((name, value)) = line.split_once('=').filter(|(_, value)| value.len() < 4096)
                && (names.is_empty() || names.contains(&name))
                && self.block.len() < MOST
                && self.put(name, value).is_ok()
            {
                self.block.insert(name.into(), value.into());
            }
        }
        true
    }

    /// The variables are written once it is certain what is started.
    pub(super) fn save_env(&mut self, args: &[String]) -> bool {
        let (place, names) = self.environment(args);
        let Ok(file) = place else { return false };
        for name in names {
            let Some(value) = self.variables.set.get(name).cloned() else { continue };
            if self.scene.saves.len() >= MOST {
                return false;
            }
            let before = self.block.get(name).filter(|before| value.is_empty() && !before.is_empty());
            self.scene.cleared.extend(before.cloned());
            self.scene.saves.push(Save { file: file.clone(), name: name.into(), value });
        }
        true
    }

    pub(super) fn probe(&mut self, args: &[String]) -> Run {
        let (mut variable, mut fact, mut device) = (None, None, None);
        let mut args = args.iter().map(String::as_str);
        while let Some(arg) = args.next() {
            match arg {
                "--set" | "-s" => variable = args.next(),
                "--fs-uuid" | "-u" => fact = Some(Fact::Uuid),
                "--label" | "-l" => fact = Some(Fact::Label),
                "--fs" | "-f" => fact = Some(Fact::Kind),
                "--part-uuid" => fact = Some(Fact::Partition),
                other => match other.strip_prefix("--set=") {
                    Some(name) => variable = Some(name),
                    None if other.starts_with('-') => return Ok(self.fail(format!("probe {other} can't be done here"))),
                    None => device = Some(other),
                },
            }
        }
        let Some(device) = device else { return Ok(self.fail("probe names no device".into())) };
        let name = match self.device(device) {
            Ok(name) => name,
            Err(why) => return Ok(self.fail(why)),
        };
        let Some(value) = fact.and_then(|fact| self.disks.fact(&name, fact)) else {
            return Ok(self.fail(format!("probe does not find that fact about {device}")));
        };
        variable.map_or(Ok(true), |variable| self.put(variable, &value))
    }

    /// `regexp [--set [NUMBER:]VARIABLE]… PATTERN TEXT`.
    pub(super) fn regexp(&mut self, args: &[String]) -> Run {
        let (mut sets, mut values) = (Vec::new(), Vec::new());
        let mut args = args.iter().map(String::as_str);
        while let Some(arg) = args.next() {
            match arg {
                "--set" | "-s" => sets.extend(args.next()),
                other => match other.strip_prefix("--set=") {
                    Some(set) => sets.push(set),
                    None => values.push(other),
                },
            }
        }
        let [pattern, text] = values[..] else { return Ok(self.fail("regexp needs a pattern and a text".into())) };
        let groups = match Pattern::read(pattern).and_then(|pattern| pattern.find(text)) {
            Ok(Some(groups)) => groups,
            Ok(None) => return Ok(false),
            Err(why) => return Ok(self.fail(format!("regexp {pattern}: {why}"))),
        };
        for set in sets {
            let (number, name) = set.split_once(':').unwrap_or(("1", set));
            let group = number.parse::<usize>().ok().and_then(|number| groups.get(number).cloned());
            self.put(name, &group.unwrap_or_default())?;
        }
        Ok(true)
    }

    pub(super) fn loopback(&mut self, args: &[String], plain: &[&str]) -> bool {
        let names: Vec<&str> = plain.iter().copied().filter(|arg| !arg.starts_with('-')).collect();
        if args.iter().any(|arg| arg == "-d" || arg == "--delete") {
            return names.first().is_some_and(|name| self.images.remove(*name).is_some());
        }
        let [name, file] = names[..] else { return self.fail("loopback needs a name and a file".into()) };
        let device = self.place(file).and_then(|place| self.disks.inside(&place.device, &place.path));
        match device {
            Ok(device) => {
                self.images.insert(name.to_string(), device);
                true
            }
            Err(why) => self.fail(why),
        }
    }
}
