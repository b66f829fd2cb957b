//! `boot`: find systems on the machine's disks as GRUB, systemd-boot or SYSLINUX would, and start one by kexec.
//!
//! Usage: kutties boot [-t SECONDS] [--default NAME] [--list] [-l] [--append WORDS] [DEVICE]...
//!
//! Each file system (of the given devices, else of all disks) is mounted read-only, without replaying its journal, and asked for a
//! grub.cfg, for boot loader entries and unified kernel images, and for a syslinux configuration; the first kind that names a kernel counts.
//! The first file system's default is started when the time is over: -t's, else the configuration's, else five seconds. An entry
//! that can't be started here stays in the list with the reason; when it is the default, nothing is started in its place.
//! Exit status 3: the entry says "boot from the local disk" or "go on to the firmware".
//! A default for one start (`grub-reboot`) is started only once it was cleared in GRUB's environment block.

mod configuration;
mod disks;
mod environment;

use std::ffi::OsString;
use std::time::Duration;

use clap::Parser;
use format::menu::{Entry, Menu, Place as File, Start, Wait};
use kit::{Applet, Error, Exit, Place, Result};

use crate::chosen::{self, Choice, Item, LARGEST, say};
use disks::Machine;

/// The record.
pub const BOOT: Applet = Applet { name: "boot", about: "find systems on disks and start one by kexec", place: Place::Node, run };

/// Default time for a person's choice, in seconds.
const TIMEOUT: u32 = 5;

#[derive(Parser)]
struct Options {
    /// Seconds until the default is started
    #[arg(short, long, value_name = "SECONDS")]
    timeout: Option<u32>,
    /// Entry to start then: a title, an id, or a number as --list shows it
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
        menu.default = Ok(by_name.or(number).ok_or_else(wrong)?);
        menu.once = false;
    }
    if options.list {
        list(&menu);
        return Ok(Exit::OK);
    }
    let limit = match (options.timeout, menu.wait) {
        (Some(seconds), _) | (None, Wait::Seconds(seconds)) => Some(seconds),
        (None, Wait::Unsaid) => Some(TIMEOUT),
        (None, Wait::Forever) => None,
    };
    let limit = limit.map(|seconds| Duration::from_secs(seconds.into()));
    let Some(choice) = chosen::choose("", &items(&menu), &menu.default, limit)? else { return Ok(Exit::FAILED) };
    start(machine, &menu, &choice, &options)
}

/// Start the entry, or those that the configuration names for the case that it can't be loaded.
fn start(machine: Machine, menu: &Menu, choice: &Choice, options: &Options) -> Result<Exit> {
    let fallback = if choice.automatic { menu.fallback.as_slice() } else { &[] };
    let mut last = Error::new("there is no such entry");
    for number in std::iter::once(&choice.number).chain(fallback) {
        let Some(entry) = menu.entries.get(*number) else { continue };
        if entry.start == Start::Kernel
            && let Err(e) = load(&machine, entry, &options.append)
        {
            last = e;
            if !fallback.is_empty() {
                say(&last.to_string());
            }
            continue;
        }
        let writes = environment::prepare(&machine, menu.saves.iter().chain(&entry.saves));
        // The next system must find its disks at rest.
        drop(machine);
        if let Err(e) = writes.and_then(|writes| writes.iter().try_for_each(environment::Write::apply)) {
            if menu.once && choice.automatic {
                return Err(Error::new(format!("the default is for one start only, and would be started each time: {e}")));
            }
            say(&e.to_string());
        }
        return match &entry.start {
            Start::Kernel => chosen::start(options.load),
            other => chosen::without_kernel(other, options.load),
        };
    }
    Err(last)
}

fn items(menu: &Menu) -> Vec<Item> {
    let item = |entry: &Entry| {
        let device = if entry.kernel.device.is_empty() { String::new() } else { format!("{}: ", entry.kernel.device) };
        Item { title: format!("{device}{}", entry.title), reason: entry.reason().map(str::to_owned) }
    };
    menu.entries.iter().map(item).collect()
}

fn list(menu: &Menu) {
    let default = menu.automatic();
    for (at, (entry, item)) in menu.entries.iter().zip(items(menu)).enumerate() {
        let mark = if default.as_ref().is_ok_and(|default| *default == at) { '*' } else { ' ' };
        let what = match &entry.start {
            Start::Kernel => {
                let initrds = entry.initrds.iter().fold(String::new(), |all, place| all + " " + &place.path);
                format!("{}{initrds}\n        {}", entry.kernel.path, entry.words)
            }
            Start::Disk => "boots from the local disk".to_owned(),
            Start::Off => "switches the machine off".to_owned(),
            Start::Restart => "restarts the machine".to_owned(),
            Start::Unknown(why) => format!("not understood: {why}"),
        };
        say(&format!("{mark}{:3}  {}\n        {what}", at + 1, item.title));
    }
    if let Err(why) = default {
        say(&format!("no default: {why}"));
    }
}

fn load(machine: &Machine, entry: &Entry, more: &str) -> Result<()> {
    say(&format!("loading {}", entry.kernel.path));
    let read = |place: &File| machine.bytes(&place.device, &place.path, LARGEST);
    let kernel = read(&entry.kernel)?;
    let segments = entry.initrds.iter().map(read).collect::<Result<Vec<_>>>()?;
    chosen::load(&entry.kernel.path, &kernel, &segments, format!("{} {more}", entry.words).trim())
}
