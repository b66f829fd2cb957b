//! `efibootmgr` shows and changes the boot menu of the UEFI firmware.
//!
//! ```text
//! efibootmgr -v                         entries, with their device paths
//! efibootmgr -c -d /dev/sda -p 1 -L kutties -l '\EFI\BOOT\BOOTX64.EFI' -u 'console=ttyS0'
//! efibootmgr -o 0003,0001               the order in which they are tried
//! efibootmgr -n 0003                    once, at the next start (-N takes it back)
//! efibootmgr -b 0003 -B                 removes an entry; -a and -A switch it on and off
//! ```
//!
//! A new entry comes first in the order, with `-C` it is not put into it. What stands after the options is given to the
//! loader, as UTF-16 with `-u`. After a change the new menu is shown, unless `-q` is given.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;
use kit::{Applet, Error, Exit, Place, Result, parse};

use crate::efi_entry::{ACTIVE, Entry, entry, file_path, utf16};
use crate::efi_path;
use crate::efi_store::{GLOBAL, Store, USUAL};
use crate::output::show;

/// Boot menu of the firmware.
pub const EFIBOOTMGR: Applet =
    Applet { name: "efibootmgr", about: "show and change the boot menu of the UEFI firmware", place: Place::Sbin, run };

/// Loader that firmware starts from a disk without an entry (UEFI 2.10, 3.5.1.1).
const LOADER: &str = if cfg!(target_arch = "aarch64") { "\\EFI\\BOOT\\BOOTAA64.EFI" } else { "\\EFI\\BOOT\\BOOTX64.EFI" };

#[derive(Parser)]
struct Options {
    /// Switch the entry on.
    #[arg(short, long, requires = "bootnum", conflicts_with = "inactive")]
    active: bool,
    /// Switch the entry off.
    #[arg(short = 'A', long, requires = "bootnum")]
    inactive: bool,
    /// Entry that is changed, removed or made.
    #[arg(short, long, value_name = "XXXX", value_parser = hex)]
    bootnum: Option<u16>,
    /// Remove the entry.
    #[arg(short = 'B', long, requires = "bootnum", conflicts_with_all = ["create", "create_only"])]
    delete_bootnum: bool,
    /// Make an entry, and put it first.
    #[arg(short, long, conflicts_with = "create_only")]
    create: bool,
    /// Make an entry that is not in the order.
    #[arg(short = 'C', long)]
    create_only: bool,
    /// Remove numbers that are twice in the order.
    #[arg(short = 'D', long)]
    remove_dups: bool,
    /// Disk with the loader.
    #[arg(short, long, default_value = "/dev/sda")]
    disk: PathBuf,
    /// Partition with the loader.
    #[arg(short, long, default_value = "1")]
    part: u32,
    /// Loader on the partition.
    #[arg(short, long, default_value = LOADER)]
    loader: String,
    /// Name of the entry.
    #[arg(short = 'L', long, default_value = "Linux")]
    label: String,
    /// Try this entry at the next start.
    #[arg(short = 'n', long, value_name = "XXXX", value_parser = hex)]
    bootnext: Option<u16>,
    /// Take -n back.
    #[arg(short = 'N', long, conflicts_with = "bootnext")]
    delete_bootnext: bool,
    /// Set the order.
    #[arg(short = 'o', long, value_name = "XXXX,YYYY", value_delimiter = ',', value_parser = hex)]
    bootorder: Vec<u16>,
    /// Remove the order.
    #[arg(short = 'O', long, conflicts_with = "bootorder")]
    delete_bootorder: bool,
    /// Wait so many seconds for a choice.
    #[arg(short, long, value_name = "SECONDS")]
    timeout: Option<u16>,
    /// Remove the timeout.
    #[arg(short = 'T', long, conflicts_with = "timeout")]
    delete_timeout: bool,
    /// Show nothing.
    #[arg(short, long)]
    quiet: bool,
    /// Show device paths in bytes, too.
    #[arg(short, long)]
    verbose: bool,
    /// Give the loader its arguments in UTF-16.
    #[arg(short, long, visible_alias = "UCS-2")]
    unicode: bool,
    /// Arguments for the loader of a new entry.
    arguments: Vec<String>,
}

/// Number of an entry: up to four hexadecimal digits.
fn hex(text: &str) -> std::result::Result<u16, String> {
    let digits = text.trim_start_matches("0x");
    u16::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+')).ok_or_else(|| "not a hexadecimal number".to_owned())
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&EFIBOOTMGR, args)?;
    let menu = Menu(Store::of_system()?);
    if !options.arguments.is_empty() && !options.create && !options.create_only {
        return Err(Error::usage("arguments are for a new entry (-c)"));
    }
    menu.change(&options)?;
    if !options.quiet {
        show(&menu.lines(options.verbose)?)?;
    }
    Ok(Exit::OK)
}

struct Menu(Store);

impl Menu {
    fn change(&self, options: &Options) -> Result<()> {
        if options.create || options.create_only {
            self.create(options)?;
        } else if let Some(number) = options.bootnum {
            match (options.delete_bootnum, options.active || options.inactive) {
                (true, _) => self.remove(number)?,
                (_, true) => self.switch(number, options.active)?,
                _ => return Err(Error::usage("-b wants -B, -a, -A or -c")),
            }
        }
        if options.delete_bootorder {
            self.0.remove(&full("BootOrder"))?;
        } else if !options.bootorder.is_empty() {
            let missing = options.bootorder.iter().map(|number| variable(*number)).find(|name| !self.has(name));
            if let Some(missing) = missing {
                return Err(Error::new(format!("the order names {missing}, which there is not")));
            }
            self.set_order(&options.bootorder)?;
        }
        if options.remove_dups {
            let mut order = Vec::new();
            for number in self.order()? {
                if !order.contains(&number) {
                    order.push(number);
                }
            }
            self.set_order(&order)?;
        }
        match options.bootnext {
            Some(number) if !self.has(&variable(number)) => return Err(missing(number)),
            Some(number) => self.set("BootNext", number)?,
            None if options.delete_bootnext => self.0.remove(&full("BootNext"))?,
            None => {}
        }
        match options.timeout {
            Some(seconds) => self.set("Timeout", seconds),
            None if options.delete_timeout => self.0.remove(&full("Timeout")),
            None => Ok(()),
        }
    }

    fn has(&self, name: &str) -> bool {
        self.0.read(&full(name)).is_ok_and(|found| found.is_some())
    }

    fn set(&self, name: &str, number: u16) -> Result<()> {
        self.0.write(&full(name), USUAL, &number.to_le_bytes())
    }

    fn number(&self, name: &str) -> Result<Option<u16>> {
        let value = self.0.read(&full(name))?;
        Ok(value.and_then(|(_, value)| value.first_chunk::<2>().map(|bytes| u16::from_le_bytes(*bytes))))
    }

    fn order(&self) -> Result<Vec<u16>> {
        let value = self.0.read(&full("BootOrder"))?.map_or_else(Vec::new, |(_, value)| value);
        Ok(value.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect())
    }

    fn set_order(&self, order: &[u16]) -> Result<()> {
        let bytes: Vec<u8> = order.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.0.write(&full("BootOrder"), USUAL, &bytes)
    }

    /// Numbers of the entries.
    fn entries(&self) -> Vec<u16> {
        let number = |name: &String| {
            let digits = name.strip_prefix("Boot")?.strip_suffix(GLOBAL)?.strip_suffix('-')?;
            let upper = digits.bytes().all(|digit| digit.is_ascii_digit() || digit.is_ascii_uppercase());
            u16::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 4 && upper)
        };
        self.0.names().iter().filter_map(number).collect()
    }

    fn create(&self, options: &Options) -> Result<()> {
        let taken = self.entries();
        let free = || (0..=u16::MAX).find(|number| !taken.contains(number));
        let number = options.bootnum.or_else(free).ok_or_else(|| Error::new("there is no free number"))?;
        if taken.contains(&number) {
            return Err(Error::new(format!("{} is there already", variable(number))));
        }
        let arguments = options.arguments.join(" ");
        let data = match (arguments.is_empty(), options.unicode) {
            (true, _) => Vec::new(),
            (_, true) => utf16(&arguments),
            (_, false) => arguments.into_bytes(),
        };
        let path = file_path(&options.disk, options.part, &options.loader)?;
        let entry = Entry { flags: ACTIVE, label: options.label.clone(), path, data };
        self.0.write(&full(&variable(number)), USUAL, &entry.bytes()?)?;
        if options.create {
            let before = self.order()?;
            let rest = before.into_iter().filter(|other| *other != number);
            self.set_order(&[number].into_iter().chain(rest).collect::<Vec<_>>())?;
        }
        Ok(())
    }

    /// Removes an entry: first from the order, so that the order never names one that is gone.
    fn remove(&self, number: u16) -> Result<()> {
        if !self.has(&variable(number)) {
            return Err(missing(number));
        }
        let order = self.order()?;
        if order.contains(&number) {
            self.set_order(&order.into_iter().filter(|other| *other != number).collect::<Vec<_>>())?;
        }
        self.0.remove(&full(&variable(number)))
    }

    /// Sets the flag alone: what else is in the variable stays as it is, byte for byte.
    fn switch(&self, number: u16, on: bool) -> Result<()> {
        let name = full(&variable(number));
        let (attributes, mut value) = self.0.read(&name)?.ok_or_else(|| missing(number))?;
        let damaged = || Error::new(format!("{} is damaged", variable(number)));
        let flags = value.first_mut().ok_or_else(damaged)?;
        *flags = if on { *flags | ACTIVE as u8 } else { *flags & !(ACTIVE as u8) };
        self.0.write(&name, attributes, &value)
    }

    fn lines(&self, verbose: bool) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        for (name, words) in [("BootNext", ""), ("BootCurrent", ""), ("Timeout", " seconds")] {
            if let Some(number) = self.number(name)? {
                let number = if words.is_empty() { format!("{number:04X}") } else { number.to_string() };
                lines.push(format!("{name}: {number}{words}"));
            }
        }
        let order: Vec<_> = self.order()?.iter().map(|number| format!("{number:04X}")).collect();
        lines.push(if order.is_empty() {
            "No BootOrder is set; firmware will attempt recovery".to_owned()
        } else {
            format!("BootOrder: {}", order.join(","))
        });
        for number in self.entries() {
            let name = variable(number);
            let Some((_, value)) = self.0.read(&full(&name))? else { continue };
            match entry(&value) {
                Some(entry) => lines.extend(shown(&name, &entry, verbose)),
                None => lines.push(format!("{name}  (damaged)")),
            }
        }
        Ok(lines)
    }
}

fn shown(name: &str, entry: &Entry, verbose: bool) -> Vec<String> {
    let mark = if entry.flags & ACTIVE == 0 { ' ' } else { '*' };
    if !verbose {
        return vec![format!("{name}{mark} {}", entry.label)];
    }
    let path = efi_path::text(&entry.path);
    let data: String = entry.data.iter().map(|b| if (0x20..0x7f).contains(b) { char::from(*b) } else { '.' }).collect();
    vec![format!("{name}{mark} {}\t{path}{data}", entry.label)]
}

/// Reads any bytes as an entry and shows it, for the fuzzer; returns the bytes of its lines.
pub fn any(bytes: &[u8]) -> usize {
    entry(bytes).map_or(0, |entry| shown("Boot0000", &entry, true).iter().map(String::len).sum())
}

fn variable(number: u16) -> String {
    format!("Boot{number:04X}")
}

fn full(name: &str) -> String {
    format!("{name}-{GLOBAL}")
}

fn missing(number: u16) -> Error {
    Error::new(format!("{}: no such entry", variable(number)))
}
