//! Commands of GRUB's shell.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::pattern::Pattern;
use super::shell::{Run, Shell, Stop, VALUE};
use super::{By, Fact};
use crate::menu::{Entry, MOST, Place, Save, Start};

/// Marks devices that were found by `search`, apart from GRUB's own names.
const FOUND: &str = "found:";
/// Commands that draw, or prepare what the next kernel does by itself.
const NOTHING_TO_DO: &[&str] = &[
    "true",
    "insmod",
    "rmmod",
    "terminal",
    "terminal_input",
    "terminal_output",
    "echo",
    "load_video",
    "serial",
    "clear",
    "cls",
    "loadfont",
    "background_image",
    "background_color",
    "play",
    "gfxmode",
    "videoinfo",
    "vbeinfo",
    "pager",
    "keymap",
    "loadkeys",
    "sleep",
    "password",
    "password_pbkdf2",
    "devicetree",
    "fakebios",
    "loadbios",
    "nativedisk",
    "lsmod",
    "ls",
    "cat",
    "list_env",
    "smbios",
    "initrd_done",
    "setkey",
    "rdmsr",
    "wrmsr",
    "help",
    "date",
    "lspci",
    "videotest",
];
/// Commands whose answer is no: nobody holds a key down, and this is no such machine.
const NO: &[&str] = &["false", "keystatus", "getkey", "authenticate", "read", "hashsum", "getenv", "tpm"];
/// Commands that fill the menu from a file of another boot loader.
const MENUS: &[&str] = &[
    "legacy_configfile",
    "syslinux_configfile",
    "extract_legacy_entries_source",
    "extract_legacy_entries_configfile",
    "extract_syslinux_entries_source",
    "extract_syslinux_entries_configfile",
];
/// Boot loaders of a disk, by the beginning of their names.
const LOADERS: &[&str] = &["grub", "shim", "bootx64.", "bootaa64.", "bootia32.", "systemd-boot", "elilo", "refind"];

impl Shell<'_> {
    pub(super) fn simple(&mut self, words: &[String]) -> Run {
        let Some((name, args)) = words.split_first() else { return Ok(true) };
        // A configuration may call its functions as it likes.
        if let Some(outcome) = self.function(name, args) {
            return outcome;
        }
        // An assignment needs no `set`.
        if name.split_once('=').is_some_and(|(name, _)| is_name(name)) {
            return self.assign(name);
        }
        let plain: Vec<&str> = args.iter().map(String::as_str).filter(|arg| !arg.starts_with("--")).collect();
        let first = plain.first().copied().unwrap_or_default();
        match name.as_str() {
            name if NOTHING_TO_DO.contains(&name) => Ok(true),
            name if NO.contains(&name) => Ok(false),
            "break" => Err(Stop::Break),
            "continue" => Err(Stop::Continue),
            "return" => Err(Stop::Return(first.parse().map_or(self.last(), |code: i32| code == 0))),
            "shift" => Ok(self.shift()),
            "setparams" => {
                self.set_parameters(args);
                Ok(true)
            }
            "eval" => self.source("eval", &args.join(" ")),
            "[" | "test" => {
                let args: Vec<&str> = args.iter().map(String::as_str).filter(|arg| *arg != "]").collect();
                Ok(self.test(&args))
            }
            "cpuid" => Ok(matches!(args.first().map(String::as_str), Some("-l" | "--long-mode" | "-p" | "--pae"))),
            "source" | "." | "configfile" | "normal" | "extract_entries_source" | "extract_entries_configfile" => {
                self.file_of(name, first)
            }
            "blscfg" => Ok(self.boot_entries(first)),
            name if MENUS.contains(&name) => {
                let why = format!("{name} is not understood here");
                self.scene.complain(why.clone());
                Ok(self.ready(Entry::unknown(format!("{name} {first}"), "", why)))
            }
            name => match self.variable_command(name, &plain, args)? {
                Some(good) => Ok(good),
                None => self.start_command(name, &plain, args),
            },
        }
    }

    /// Commands about variables and file systems.
    fn variable_command(&mut self, name: &str, plain: &[&str], args: &[String]) -> Result<Option<bool>, Stop> {
        let first = plain.first().copied().unwrap_or_default();
        Ok(Some(match name {
            "set" => self.assign(first)?,
            "export" => {
                for word in plain {
                    self.assign(word)?;
                    let name = word.split_once('=').map_or(*word, |(name, _)| name);
                    if self.variables.exported.len() < 4 * MOST {
                        self.variables.exported.insert(name.to_string());
                    }
                }
                true
            }
            "unset" => {
                for name in plain {
                    self.variables.set.remove(*name);
                }
                true
            }
            "increment" | "decrement" => {
                let value = self.variables.get(first).parse::<i64>().unwrap_or(0);
                let value = if name == "increment" { value.saturating_add(1) } else { value.saturating_sub(1) };
                self.put(first, &value.to_string())?
            }
            "search" | "search.fs_uuid" | "search.fs_label" | "search.file" | "search.fs_file" => self.search(name, args),
            "load_env" => self.load_env(args),
            "save_env" => self.save_env(args),
            "probe" => self.probe(args)?,
            "regexp" => self.regexp(args)?,
            "loopback" => self.loopback(args, plain),
            _ => return Ok(None),
        }))
    }

    /// Commands that load or start something.
    fn start_command(&mut self, name: &str, plain: &[&str], args: &[String]) -> Run {
        match name {
            "linux" | "linux16" | "linuxefi" => Ok(self.kernel(args)),
            "initrd" | "initrd16" | "initrdefi" => {
                let places = plain.iter().map(|path| self.place(path)).collect::<Result<Vec<_>, _>>();
                match places {
                    Ok(places) => self.scene.entry.initrds = places,
                    Err(why) => return Ok(self.fail(why)),
                }
                Ok(true)
            }
            "chainloader" => Ok(self.chainloader(args)),
            "boot" if self.scene.loaded || !self.scene.reasons.is_empty() => self.start(None),
            "boot" => Ok(false),
            "exit" | "localboot" | "normal_exit" => self.start(Some(Start::Disk)),
            "halt" | "poweroff" => self.start(Some(Start::Off)),
            "reboot" => self.start(Some(Start::Restart)),
            other => Ok(self.fail(format!("{other} can't be done here"))),
        }
    }

    /// The entry, or the configuration that has none, is started now.
    fn start(&mut self, start: Option<Start>) -> Run {
        // What was not understood before might have led elsewhere.
        let entry = &mut self.scene.entry;
        match (start, self.scene.reasons.first()) {
            (Some(start), _) => entry.start = start,
            (None, Some(why)) => entry.start = Start::Unknown(why.clone()),
            (None, None) => {}
        }
        self.scene.started = true;
        Err(Stop::Done)
    }

    fn fail(&mut self, why: String) -> bool {
        self.scene.complain(why);
        false
    }

    fn assign(&mut self, word: &str) -> Run {
        let Some((name, value)) = word.split_once('=') else { return Ok(true) };
        self.put(name, value)
    }

    fn put(&mut self, name: &str, value: &str) -> Run {
        let total: usize = self.variables.set.iter().map(|(name, value)| name.len() + value.len()).sum();
        if total + name.len() + value.len() > VALUE {
            return Err("the configuration's variables take too much room".to_string().into());
        }
        self.variables.set.insert(name.into(), value.into());
        Ok(true)
    }

    fn kernel(&mut self, args: &[String]) -> bool {
        let mut args = args.iter().skip_while(|arg| arg.starts_with("--"));
        let Some(path) = args.next() else { return self.fail("linux names no kernel".into()) };
        let place = match self.place(path) {
            Ok(place) if place.path.trim_matches('/').is_empty() => return self.fail("linux names no kernel".into()),
            Ok(place) => place,
            Err(why) => return self.fail(why),
        };
        let quoted = |word: &String| if word.contains(' ') { format!("\"{word}\"") } else { word.clone() };
        let words = args.map(quoted).collect::<Vec<_>>().join(" ");
        self.scene.entry = Entry { kernel: place, words, ..Entry::default() };
        self.scene.loaded = true;
        true
    }

    /// A boot sector or a boot loader is the disk's own system; a unified kernel image is a kernel.
    fn chainloader(&mut self, args: &[String]) -> bool {
        let mut args = args.iter().filter(|arg| !arg.starts_with("--"));
        let Some(path) = args.next() else { return self.fail("chainloader names no file".into()) };
        let file = path.rsplit_once(')').map_or(path.as_str(), |(_, file)| file);
        let name = file.rsplit('/').next().unwrap_or(file).to_ascii_lowercase();
        if file.starts_with('+') || LOADERS.iter().any(|loader| name.starts_with(loader)) {
            self.scene.entry = Entry { start: Start::Disk, ..Entry::default() };
            self.scene.loaded = true;
            return true;
        }
        if name == "bootmgfw.efi" || name.rsplit_once('.').is_none_or(|(_, kind)| kind != "efi") {
            return self.fail(format!("{file} is no kernel"));
        }
        self.kernel(&[path.clone()].into_iter().chain(args.cloned()).collect::<Vec<_>>())
    }

    /// `(device)/path`, or a path on `$root`.
    pub(super) fn place(&mut self, path: &str) -> Result<Place, String> {
        let (device, path) = match path.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
            Some((device, path)) => (device.to_string(), path),
            None => (self.variables.get("root").to_string(), path),
        };
        Ok(Place { device: self.device(&device)?, path: path.to_string() })
    }

    /// A device by GRUB's name or as `search` found it; the empty name for the configuration's own.
    fn device(&mut self, name: &str) -> Result<String, String> {
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

    fn search(&mut self, name: &str, args: &[String]) -> bool {
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
    fn load_env(&mut self, args: &[String]) -> bool {
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
    fn save_env(&mut self, args: &[String]) -> bool {
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

    fn probe(&mut self, args: &[String]) -> Run {
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
    fn regexp(&mut self, args: &[String]) -> Run {
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

    fn loopback(&mut self, args: &[String], plain: &[&str]) -> bool {
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

    fn boot_entries(&mut self, device: &str) -> bool {
        let named = if device.starts_with('(') { device.to_string() } else { self.variables.get("boot").to_string() };
        let named = if named.is_empty() { self.variables.get("root").to_string() } else { named };
        let device = match self.device(&named) {
            Ok(device) => device,
            Err(why) => return self.fail(why),
        };
        let set = &self.variables.set;
        let found = self.disks.entries(&device, &|name| set.get(name).cloned());
        found.into_iter().all(|entry| self.ready(entry))
    }

    /// A file of commands; `configfile` and `normal` show its menu in the place of this one.
    fn file_of(&mut self, command: &str, path: &str) -> Run {
        let own = format!("{}/grub.cfg", self.variables.get("prefix"));
        let path = if path.is_empty() && command == "normal" { own.as_str() } else { path };
        let place = match self.place(path) {
            Ok(place) => place,
            Err(why) => return Ok(self.fail(why)),
        };
        let Some(text) = self.disks.read(&place.device, &place.path) else { return Ok(false) };
        match command {
            "configfile" | "normal" => self.take_over(place, &text),
            _ => self.source(path, &text),
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
