//! Files in which boot loaders keep their configurations.

use format::grub::{self, Disks};
use format::menu::{Entry, Menu, Place, Start};
use format::syslinux::Reader;
use format::{bls, syslinux};

use super::disks::Machine;

/// Files of GRUB, most usual first.
const GRUB: &[&str] = &["/boot/grub/grub.cfg", "/grub/grub.cfg", "/boot/grub2/grub.cfg", "/grub2/grub.cfg", "/EFI/BOOT/grub.cfg"];
/// Files of SYSLINUX and its kin.
const SYSLINUX: &[&str] = &[
    "/boot/extlinux/extlinux.conf",
    "/extlinux/extlinux.conf",
    "/extlinux.conf",
    "/boot/syslinux/syslinux.cfg",
    "/syslinux/syslinux.cfg",
    "/syslinux.cfg",
    "/boot/isolinux/isolinux.cfg",
    "/isolinux/isolinux.cfg",
    "/isolinux.cfg",
];
/// Directory of unified kernel images.
const IMAGES: &str = "/EFI/Linux";

/// All systems of all file systems; `complain` gets a sentence for each configuration that can't be used.
pub fn menu(machine: &mut Machine, complain: &mut dyn FnMut(String)) -> Menu {
    let mut all = Menu::default();
    for name in machine.names() {
        machine.own.clone_from(&name);
        let menu = [of_grub, entries, of_syslinux].into_iter().map(|kind| kind(machine, complain));
        let Some(mut menu) = menu.into_iter().find(|menu| !menu.entries.is_empty()) else { continue };
        for entry in &mut menu.entries {
            let files = entry.saves.iter_mut().map(|save| &mut save.file);
            for place in std::iter::once(&mut entry.kernel).chain(&mut entry.initrds).chain(files) {
                own(place, &name);
            }
        }
        menu.saves.iter_mut().for_each(|save| own(&mut save.file, &name));
        merge(&mut all, menu);
    }
    all
}

fn own(place: &mut Place, name: &str) {
    if place.device.is_empty() {
        name.clone_into(&mut place.device);
    }
}

/// Add a file system's entries. The settings are those of the first one.
fn merge(all: &mut Menu, menu: Menu) {
    let first = all.entries.is_empty();
    for entry in menu.entries {
        // One file system's configuration may lead to another's.
        let same = |other: &Entry| {
            other.kernel == entry.kernel && other.words == entry.words && other.title == entry.title && other.start == entry.start
        };
        if first || !all.entries.iter().any(same) {
            all.entries.push(entry);
        }
    }
    if first {
        all.default = menu.default;
        all.fallback = menu.fallback;
        (all.wait, all.saves, all.once) = (menu.wait, menu.saves, menu.once);
    }
}

fn of_grub(machine: &mut Machine, complain: &mut dyn FnMut(String)) -> Menu {
    let vendors = machine.directory("/EFI").into_iter().map(|vendor| format!("/EFI/{vendor}/grub.cfg"));
    let paths: Vec<String> = GRUB.iter().map(|path| (*path).to_owned()).chain(vendors).collect();
    for path in paths {
        let Some(text) = machine.read("", &path) else { continue };
        let prefix = path.rsplit_once('/').map_or("", |(directory, _)| directory).to_owned();
        match grub::run(&text, &prefix, machine) {
            Ok(menu) if !menu.entries.is_empty() => return menu,
            Ok(_) => {}
            Err(why) => {
                // Another configuration must not take its place: it stays, as one entry.
                let why = format!("read {path} of {}: {why}", machine.own);
                complain(why.clone());
                return Menu { entries: vec![Entry::unknown(path, "", why)], ..Menu::default() };
            }
        }
    }
    Menu::default()
}

/// Boot loader entries, and unified kernel images behind them.
fn entries(machine: &mut Machine, _: &mut dyn FnMut(String)) -> Menu {
    let mut menu = Menu { entries: machine.entries("", &|_| None), ..Menu::default() };
    for name in machine.directory(IMAGES).into_iter().filter(|name| name.to_ascii_lowercase().ends_with(".efi")) {
        let kernel = Place { device: String::new(), path: format!("{IMAGES}/{name}") };
        menu.entries.push(Entry { title: name.clone(), id: name, kernel, ..Entry::default() });
    }
    bls::settings(&machine.read("", "/loader/loader.conf").unwrap_or_default(), &mut menu);
    menu
}

fn of_syslinux(machine: &mut Machine, _: &mut dyn FnMut(String)) -> Menu {
    for path in SYSLINUX {
        let Some(text) = machine.read("", path) else { continue };
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        let reader = if path.ends_with("extlinux.conf") { Reader::Extlinux } else { Reader::Syslinux };
        let mut menu = syslinux::parse(&text, reader, &mut |name| machine.read("", &beside(directory, name)));
        for entry in &mut menu.entries {
            if entry.start != Start::Kernel {
                continue;
            }
            for place in std::iter::once(&mut entry.kernel).chain(&mut entry.initrds) {
                place.path = beside(directory, &place.path);
            }
        }
        if !menu.entries.is_empty() {
            return menu;
        }
    }
    Menu::default()
}

/// A path as a configuration in `directory` means it.
fn beside(directory: &str, path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("{directory}/{path}") }
}
