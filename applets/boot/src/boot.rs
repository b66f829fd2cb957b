//! `boot`: find systems on the machine's disks as GRUB, systemd-boot or SYSLINUX would, and start one by kexec.
//!
//! Usage: kutties boot [-t SECONDS] [--default NAME] [--list] [-l] [--append WORDS] [DEVICE]...
//!
//! Each file system (of the given devices, else of all disks) is mounted read-only, without replaying its journal, and asked for a
//! grub.cfg, for boot loader entries and unified kernel images, and for a syslinux configuration; the first kind that names a kernel counts.
//! The first file system's default is started when the time is over: -t's, else the configuration's, else five seconds.

mod configuration;
mod disks;

use std::ffi::OsString;
use std::time::Duration;

use clap::Parser;
use format::menu::{Entry, Menu, Place as File};
use kit::{Applet, Error, Exit, Place, Result};

use crate::chosen::{self, LARGEST, say};
use disks::Machine;

/// The record.
pub const BOOT: Applet = Applet { name: "boot", about: "find systems on disks and start one by kexec", place: Place::Node, run };

/// How long a person has when nothing says how long.
const TIMEOUT: u32 = 5;

#[derive(Parser)]
struct Options {
    /// Seconds until the default is started
    #[arg(short, long, value_name = "SECONDS")]
    timeout: Option<u32>,
    /// What is started then: a title, an id, or a number as --list shows it
    #[arg(long, value_name = "NAME")]
    default: Option<String>,
    /// Show what there is, and start nothing
    #[arg(long)]
    list: bool,
    /// Load only: `kexec -e` starts it
    #[arg(short, long)]
    load: bool,
    /// More words for the command line
    #[arg(long, value_name = "WORDS", default_value = "")]
    append: String,
    /// Look on these devices only
    #[arg(value_name = "DEVICE")]
    devices: Vec<String>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&BOOT, args)?;
    let mut machine = Machine::mount(&options.devices)?;
    let mut menu = configuration::menu(&mut machine, &mut |why| say(&why));
    if menu.entries.is_empty() {
        return Err(Error::new(format!("no system was found on {machine}")));
    }
    if let Some(name) = &options.default {
        let by_name = menu.entries.iter().position(|entry| entry.id == *name || entry.title == *name);
        let number =
            name.parse().ok().and_then(|number: usize| number.checked_sub(1)).filter(|number| *number < menu.entries.len());
        let wrong = || Error::usage(format!("there is no system {name:?}; --list shows them"));
        menu.default = by_name.or(number).ok_or_else(wrong)?;
    }
    let titles: Vec<String> = menu.entries.iter().map(|entry| format!("{}: {}", entry.kernel.device, entry.title)).collect();
    if options.list {
        list(&menu, &titles);
        return Ok(Exit::OK);
    }
    let seconds = options.timeout.or(menu.timeout).unwrap_or(TIMEOUT);
    let limit = Some(Duration::from_secs(seconds.into()));
    let Some(chosen) = chosen::choose("", &titles, menu.default, limit)? else { return Ok(Exit::FAILED) };
    load(&machine, &menu.entries[chosen], &options.append)?;
    // The next system must find its disks at rest.
    drop(machine);
    chosen::start(options.load)
}

fn list(menu: &Menu, titles: &[String]) {
    for (at, (entry, title)) in menu.entries.iter().zip(titles).enumerate() {
        let initrds = entry.initrds.iter().fold(String::new(), |all, place| all + " " + &place.path);
        let mark = if at == menu.default { '*' } else { ' ' };
        say(&format!("{mark}{:3}  {title}\n        {}{initrds}\n        {}", at + 1, entry.kernel.path, entry.words));
    }
}

fn load(machine: &Machine, entry: &Entry, more: &str) -> Result<()> {
    say(&format!("loading {}", entry.kernel.path));
    let read = |place: &File| machine.bytes(&place.device, &place.path, LARGEST);
    let kernel = read(&entry.kernel)?;
    let segments = entry.initrds.iter().map(read).collect::<Result<Vec<_>>>()?;
    chosen::load(&entry.kernel.path, &kernel, &segments, format!("{} {more}", entry.words).trim())
}
