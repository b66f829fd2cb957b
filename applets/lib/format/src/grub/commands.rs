//! Commands of GRUB's shell.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::scene::{Run, Stop};
use super::shell::{Shell, VALUE};
use crate::menu::{Entry, MOST, Start};

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
        // A command that was not understood before might have led elsewhere.
        let entry = &mut self.scene.entry;
        match (start, self.scene.reasons.first()) {
            (Some(start), _) => entry.start = start,
            (None, Some(why)) => entry.start = Start::Unknown(why.clone()),
            (None, None) => {}
        }
        self.scene.started = true;
        Err(Stop::Done)
    }

    pub(super) fn fail(&mut self, why: String) -> bool {
        self.scene.complain(why);
        false
    }

    fn assign(&mut self, word: &str) -> Run {
        let Some((name, value)) = word.split_once('=') else { return Ok(true) };
        self.put(name, value)
    }

    pub(super) fn put(&mut self, name: &str, value: &str) -> Run {
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
