//! `lspci` lists PCI devices: the names of those that the kernel sees, and what drives them.
//!
//! ```text
//! lspci               a line a device
//! lspci -nnk          with numbers, driver and modules
//! lspci -v -s 00:02.0 all of one device
//! lspci -t            the tree of buses
//! lspci -mm           for scripts; -vmm has a line a field
//! ```
//!
//! Names come from `/usr/share/misc/pci.ids` or `/usr/share/hwdata/pci.ids`; without one, classes have names and
//! devices their numbers: `Device 8086:1237`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{ArgAction, Parser};
use kit::{Applet, Error, Exit, Place, Result, parse};

use crate::attribute::text;
use crate::ids::Names;
use crate::output::show;
use crate::pci::{Device, Filter, devices};
use crate::pci_label::{Form, Label};
use crate::{pci_detail, pci_tree};

/// PCI devices.
pub const LSPCI: Applet = Applet { name: "lspci", about: "list PCI devices", place: Place::Bin, run };

#[derive(Parser)]
struct Options {
    /// Show numbers; twice, names and numbers.
    #[arg(short, action = ArgAction::Count)]
    n: u8,
    /// Show flags, regions and capabilities.
    #[arg(short, action = ArgAction::Count)]
    v: u8,
    /// Show the driver and the modules that could drive the device.
    #[arg(short)]
    k: bool,
    /// Show a tree of buses.
    #[arg(short)]
    t: bool,
    /// Show a line of quoted fields for scripts.
    #[arg(short, action = ArgAction::Count)]
    m: u8,
    /// Show the domain always.
    #[arg(short = 'D')]
    domain: bool,
    /// Show the first 64 bytes of configuration space; three times, 256; four times, all.
    #[arg(short, action = ArgAction::Count)]
    x: u8,
    /// Take those at [[[[DOMAIN]:]BUS]:][DEVICE][.[FUNCTION]].
    #[arg(short, value_name = "SLOT")]
    s: Option<String>,
    /// Take those of [VENDOR]:[DEVICE][:CLASS].
    #[arg(short, value_name = "ID")]
    d: Option<String>,
    /// Read names from this file.
    #[arg(short, value_name = "FILE")]
    i: Option<PathBuf>,
    /// Set `sysfs.path`, the directory that is read in place of /sys/bus/pci.
    #[arg(short = 'O', value_name = "NAME=VALUE")]
    option: Option<String>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&LSPCI, args)?;
    show(&lines(Path::new("/"), &options)?)?;
    Ok(Exit::OK)
}

fn lines(root: &Path, options: &Options) -> Result<Vec<String>> {
    let mut filter = Filter::default();
    if let Some(slot) = &options.s {
        filter = filter.at(slot)?;
    }
    if let Some(id) = &options.d {
        filter = filter.of(id)?;
    }
    let form = match options.n {
        0 => Form::Names,
        1 => Form::Numbers,
        _ => Form::Both,
    };
    let label = Label { form, names: names(root, options.i.as_deref()) };
    let bus = match options.option.as_deref().map(|option| option.split_once('=')) {
        None => root.join("sys/bus/pci"),
        Some(Some(("sysfs.path", path))) => PathBuf::from(path),
        Some(_) => return Err(Error::usage("-O has no other option than sysfs.path=DIR")),
    };
    let all = devices(&bus);
    let with_domain = options.domain || all.iter().any(|device| device.slot.domain != 0);
    let chosen: Vec<_> = all.into_iter().filter(|device| filter.takes(device)).collect();
    if options.t {
        return Ok(pci_tree::lines(&chosen, &label, options.v > 0));
    }
    let shown = Shown { root, options, label: &label, with_domain };
    Ok(chosen.iter().flat_map(|device| shown.device(device)).collect())
}

fn names(root: &Path, file: Option<&Path>) -> Names {
    let usual = ["usr/share/misc/pci.ids", "usr/share/hwdata/pci.ids"].map(|file| root.join(file));
    Names::read(&file.map_or_else(|| usual.iter().map(PathBuf::as_path).collect(), |file| vec![file]))
}

struct Shown<'a> {
    root: &'a Path,
    options: &'a Options,
    label: &'a Label,
    with_domain: bool,
}

impl Shown<'_> {
    fn device(&self, device: &Device) -> Vec<String> {
        if self.options.m > 0 {
            return if self.options.v > 0 { self.fields(device) } else { vec![self.quoted(device)] };
        }
        let mut lines = vec![self.head(device)];
        let (long, bytes) = (self.options.v > 0, pci_detail::space(device));
        let mut add = |line: String| lines.push(format!("\t{line}"));
        if let Some(id) = device.subsystem.filter(|_| long || self.options.k) {
            add(format!("Subsystem: {}", self.label.pair(id, self.label.subsystem_name(device, id))));
        }
        if long {
            add(format!("Flags: {}", pci_detail::flags(device, &bytes)));
            pci_detail::regions(device, &bytes).into_iter().for_each(&mut add);
            pci_detail::capabilities(&bytes).into_iter().for_each(&mut add);
        }
        if long || self.options.k {
            self.drivers(device).into_iter().for_each(&mut add);
        }
        if self.options.x > 0 {
            let length = match self.options.x {
                0..=2 => 64,
                3 => 256,
                _ => bytes.len(),
            };
            lines.extend(pci_detail::dump(&bytes[..length.min(bytes.len())]));
        }
        if long || self.options.x > 0 {
            lines.push(String::new());
        }
        lines
    }

    fn slot(&self, device: &Device) -> String {
        let slot = device.slot.to_string();
        let short = slot.split_once(':').map_or("", |(_, rest)| rest);
        if self.with_domain { slot } else { short.to_owned() }
    }

    fn head(&self, device: &Device) -> String {
        let class = self.label.class(device.class);
        let mut line = format!("{} {class}: {}", self.slot(device), self.label.whole(device));
        if device.revision != 0 {
            line.extend(format!(" (rev {:02x})", device.revision).chars());
        }
        let (base, sub) = ((device.class >> 8) as u8, device.class as u8);
        let name = self.label.names.class(base, Some(sub), Some(device.interface));
        let interface = match name {
            _ if self.options.v == 0 => String::new(),
            Some(name) => format!(" (prog-if {:02x} [{name}])", device.interface),
            None if device.interface != 0 => format!(" (prog-if {:02x})", device.interface),
            None => String::new(),
        };
        line + &interface
    }

    fn drivers(&self, device: &Device) -> Vec<String> {
        let mut lines: Vec<_> =
            pci_detail::driver(device).map(|driver| format!("Kernel driver in use: {driver}")).into_iter().collect();
        if let Some(release) = text(self.root.join("proc/sys/kernel/osrelease")) {
            let aliases = self.root.join("lib/modules").join(release).join("modules.alias");
            let modules = pci_detail::modules(device, &aliases);
            if !modules.is_empty() {
                lines.push(format!("Kernel modules: {}", modules.join(", ")));
            }
        }
        lines
    }

    /// Class, vendor, device, and vendor and device of the board.
    fn words(&self, device: &Device) -> [String; 5] {
        let label = self.label;
        let name = label.names.device(device.id.0, device.id.1);
        let board = device.subsystem.map(|id| (label.vendor(id.0), label.device(id.1, label.subsystem_name(device, id))));
        let (board_vendor, board) = board.unwrap_or_default();
        [label.class(device.class), label.vendor(device.id.0), label.device(device.id.1, name), board_vendor, board]
    }

    fn quoted(&self, device: &Device) -> String {
        let [class, vendor, name, board_vendor, board] =
            self.words(device).map(|word| format!("\"{}\"", word.replace('"', "\\\"")));
        let revision = if device.revision == 0 { String::new() } else { format!(" -r{:02x}", device.revision) };
        let slot = self.slot(device);
        format!("{slot} {class} {vendor} {name}{revision} -p{:02x} {board_vendor} {board}", device.interface)
    }

    fn fields(&self, device: &Device) -> Vec<String> {
        let [class, vendor, name, board_vendor, board] = self.words(device);
        let mut fields = vec![("Slot", self.slot(device)), ("Class", class), ("Vendor", vendor), ("Device", name)];
        if device.subsystem.is_some() {
            fields.extend([("SVendor", board_vendor), ("SDevice", board)]);
        }
        if device.revision != 0 {
            fields.push(("Rev", format!("{:02x}", device.revision)));
        }
        fields.push(("ProgIf", format!("{:02x}", device.interface)));
        if let Some(driver) = pci_detail::driver(device).filter(|_| self.options.k) {
            fields.push(("Driver", driver));
        }
        let lines = fields.into_iter().map(|(key, value)| format!("{key}:\t{value}"));
        lines.chain([String::new()]).collect()
    }
}
