//! Meaning of a label: its kernel, or the module and the arguments in the place of one.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::menu::{Entry, Place, Start};

/// The directive that names what a label starts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Kind {
    /// There is none.
    #[default]
    Nothing,
    /// `KERNEL`: the file's name says what it is.
    Kernel,
    /// `LINUX`: a kernel, whatever its name.
    Linux,
    /// `COM32`, whatever its name.
    Module,
    /// `CONFIG`: another configuration.
    Config,
    /// `LOCALBOOT`.
    Local,
    /// `MENU GOTO`, `MENU EXIT`, `MENU QUIT`: another menu.
    Jump,
    /// A directive for 16-bit programs: its name.
    Legacy(&'static str),
}

/// A label as it is read.
#[derive(Debug, Clone, Default)]
pub(super) struct Label {
    pub id: String,
    pub title: String,
    pub kind: Kind,
    /// File that the directive names.
    pub file: String,
    pub append: Option<String>,
    pub initrd: Option<String>,
    pub sysappend: Option<u32>,
    pub is_default: bool,
    /// It is shown, and can't be chosen.
    pub disabled: bool,
    pub password: bool,
}

/// A label's meaning.
pub(super) enum Meaning {
    Entry(Entry),
    /// The configuration in this file, as a menu below this one.
    Config(String),
}

impl Label {
    /// A label for a command line that names none: a kernel, and words behind those of `append`.
    pub fn of_command(line: &str, append: &str) -> Self {
        let (file, words) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        Self {
            id: line.to_string(),
            title: line.to_string(),
            kind: Kind::Kernel,
            file: file.to_string(),
            append: Some(format!("{append} {words}")),
            ..Self::default()
        }
    }

    /// Returns the target of the entry. `append` and `sysappend` are those that stand above all
    /// labels.
    pub fn meaning(&self, append: &str, sysappend: u32) -> Meaning {
        let (file, own) = self.file.split_once([' ', '\t']).unwrap_or((&self.file, ""));
        let append = self.append.as_deref().unwrap_or(append);
        let args: Vec<&str> = own.split_whitespace().chain(append.split_whitespace()).collect();
        let unknown = |why: String| Meaning::Entry(Entry::unknown(&self.title, &self.id, why));
        if self.disabled {
            return unknown("the configuration disables it".into());
        }
        if self.password {
            return unknown("it wants a password, and none is asked for here".into());
        }
        match self.kind {
            Kind::Nothing => unknown("it names no kernel".into()),
            Kind::Local => self.other(Start::Disk),
            Kind::Jump => unknown(format!("it only leads to another menu ({})", self.file)),
            Kind::Config => Meaning::Config(file.to_string()),
            Kind::Legacy(name) => unknown(format!("{name} starts a program for a BIOS")),
            Kind::Linux => self.kernel(file, &args, sysappend),
            Kind::Module => self.module(file, &args, sysappend),
            Kind::Kernel => match suffix(file) {
                Suffix::Linux => self.kernel(file, &args, sysappend),
                Suffix::Module => self.module(file, &args, sysappend),
                Suffix::Legacy => unknown(format!("{file} is a program for a BIOS")),
            },
        }
    }

    fn other(&self, start: Start) -> Meaning {
        let (title, id) = (self.title.clone(), self.id.clone());
        Meaning::Entry(Entry { title, id, start, ..Entry::default() })
    }

    fn kernel(&self, file: &str, args: &[&str], sysappend: u32) -> Meaning {
        if file.is_empty() {
            return Meaning::Entry(Entry::unknown(&self.title, &self.id, "it names no kernel"));
        }
        // INITRD is one more `initrd=`, and the last one counts.
        let mut initrd = self.initrd.as_deref().unwrap_or_default();
        let mut words = Vec::new();
        for word in args {
            match word.strip_prefix("initrd=") {
                Some(list) if self.initrd.is_none() => initrd = list,
                Some(_) => {}
                None => words.push(*word),
            }
        }
        Meaning::Entry(Entry {
            title: self.title.clone(),
            id: self.id.clone(),
            start: Start::Kernel,
            kernel: place(file),
            initrds: initrd.split(',').map(str::trim).filter(|path| !path.is_empty()).map(place).collect(),
            words: words.join(" "),
            sysappend: self.sysappend.unwrap_or(sysappend),
            saves: Vec::new(),
        })
    }

    /// Modules whose effect is had here without them.
    fn module(&self, file: &str, args: &[&str], sysappend: u32) -> Meaning {
        let name = file.rsplit(['/', ':']).next().unwrap_or(file).to_ascii_lowercase();
        let unknown = |why: String| Meaning::Entry(Entry::unknown(&self.title, &self.id, why));
        match name.strip_suffix(".c32").unwrap_or(&name) {
            "chain" | "chain2" => match chained(args) {
                Ok(()) => self.other(Start::Disk),
                Err(why) => unknown(why),
            },
            "localboot" => self.other(Start::Disk),
            "reboot" => self.other(Start::Restart),
            "poweroff" => self.other(Start::Off),
            "linux" => match args.split_first() {
                Some((kernel, args)) => self.kernel(kernel, args, sysappend),
                None => unknown("linux.c32 names no kernel".into()),
            },
            "menu" | "vesamenu" => match args {
                [config] if *config != "~" => Meaning::Config((*config).to_string()),
                _ => unknown(format!("it shows the menu of {name} {}", args.join(" "))),
            },
            _ => unknown(format!("{file} is a module of SYSLINUX that can't be run here")),
        }
    }
}

/// `chain.c32` with the first disk, or a partition of it.
fn chained(args: &[&str]) -> Result<(), String> {
    let mut disk = false;
    for arg in args {
        match *arg {
            "hd0" | "boot" | "0x80" => disk = true,
            option if option.starts_with("hd0,") => disk = true,
            // The partition, and options that keep the machine as it is.
            number if number.bytes().all(|b| b.is_ascii_digit()) && disk => {}
            "swap" | "hide" | "keeppxe" | "nokeeppxe" | "noswap" | "nohide" => {}
            other => return Err(format!("chain.c32 {other} is not the first disk")),
        }
    }
    // Without a disk it is the one that was booted from.
    Ok(())
}

enum Suffix {
    Linux,
    Module,
    Legacy,
}

fn suffix(file: &str) -> Suffix {
    // A URL's query is not a part of the name.
    let path = if file.contains("://") { file.split(['?', '#']).next().unwrap_or(file) } else { file };
    let name = path.rsplit(['/', ':']).next().unwrap_or(path).to_ascii_lowercase();
    let legacy = [".0", ".bin", ".bs", ".bss", ".com", ".cbt", ".kpxe", ".kkpxe", ".pxe", ".lkrn", ".krn"];
    if name.rsplit_once('.').is_some_and(|(_, kind)| kind == "c32") {
        Suffix::Module
    } else if name == "memdisk" || legacy.iter().any(|kind| name.ends_with(kind)) {
        Suffix::Legacy
    } else {
        Suffix::Linux
    }
}

pub(super) fn place(path: &str) -> Place {
    Place { device: String::new(), path: path.trim().to_string() }
}
