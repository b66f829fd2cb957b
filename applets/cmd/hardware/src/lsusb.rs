//! `lsusb` lists USB devices: the names of those that the kernel sees, and what drives them.
//!
//! ```text
//! lsusb                   a line a device
//! lsusb -t                the tree of hubs, with drivers
//! lsusb -v -d 0627:0001   descriptors of one kind of device
//! lsusb -s 1:             the devices of bus 1
//! ```
//!
//! Names come from `/usr/share/misc/usb.ids` or `/usr/share/hwdata/usb.ids`; without one, from the devices themselves.
//! Exit status 1 says that no device was like the one asked for.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Parser;
use kit::{Applet, Exit, Place, Result, parse};

use crate::attribute::bounded;
use crate::ids::Names;
use crate::output::show;
use crate::usb::{Device, Filter, class, devices};
use crate::{usb_descriptor, usb_tree};

/// USB devices.
pub const LSUSB: Applet = Applet { name: "lsusb", about: "list USB devices", place: Place::Bin, run };

/// Bytes of a device's descriptors: the kernel holds at most 64 KiB of a configuration.
const LARGEST: u64 = 1 << 20;

#[derive(Parser)]
struct Options {
    /// Show descriptors; with -t, numbers.
    #[arg(short, long)]
    verbose: bool,
    /// Show a tree.
    #[arg(short, long)]
    tree: bool,
    /// Take those of VENDOR:[PRODUCT] in hexadecimal.
    #[arg(short, value_name = "VENDOR:[PRODUCT]")]
    d: Option<String>,
    /// Take those at [[BUS]:][DEVICE] in decimal.
    #[arg(short, value_name = "[[BUS]:][DEVICE]")]
    s: Option<String>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&LSUSB, args)?;
    let lines = lines(Path::new("/"), &options)?;
    show(&lines)?;
    let asked = options.d.is_some() || options.s.is_some();
    Ok(if lines.is_empty() && asked { Exit::FAILED } else { Exit::OK })
}

fn lines(root: &Path, options: &Options) -> Result<Vec<String>> {
    let mut filter = Filter::default();
    if let Some(place) = &options.s {
        filter = filter.at(place)?;
    }
    if let Some(id) = &options.d {
        filter = filter.of(id)?;
    }
    let usual = ["usr/share/misc/usb.ids", "usr/share/hwdata/usb.ids"].map(|file| root.join(file));
    let label = Label(Names::read(&usual.iter().map(PathBuf::as_path).collect::<Vec<_>>()));
    let bus = root.join("sys/bus/usb");
    let chosen: Vec<_> = devices(&bus).into_iter().filter(|device| filter.takes(device)).collect();
    if options.tree {
        let class = |class: u8| label.class(class, None, None);
        let detail = |device: &Device| label.id(device);
        let detail: Option<&dyn Fn(&Device) -> String> = if options.verbose { Some(&detail) } else { None };
        return Ok(usb_tree::lines(&bus, &chosen, &usb_tree::Names { class: &class, detail }));
    }
    Ok(chosen.iter().flat_map(|device| label.device(device, options.verbose)).collect())
}

struct Label(Names);

impl Label {
    fn vendor(&self, device: &Device) -> String {
        self.0.vendor(device.id.0).map(str::to_owned).or_else(|| device.text("manufacturer")).unwrap_or_default()
    }

    fn product(&self, device: &Device) -> String {
        let known = self.0.device(device.id.0, device.id.1).map(str::to_owned);
        known.or_else(|| device.text("product")).unwrap_or_default()
    }

    fn class(&self, base: u8, sub: Option<u8>, protocol: Option<u8>) -> String {
        let built_in = || class(base).filter(|_| sub.is_none());
        self.0.class(base, sub, protocol).or_else(built_in).unwrap_or_default().to_owned()
    }

    fn id(&self, device: &Device) -> String {
        let (vendor, product) = device.id;
        format!("ID {vendor:04x}:{product:04x} {} {}", self.vendor(device), self.product(device))
    }

    fn device(&self, device: &Device, verbose: bool) -> Vec<String> {
        let line = format!("Bus {:03} Device {:03}: {}", device.bus, device.number, self.id(device));
        if !verbose {
            return vec![line];
        }
        let bytes = bounded(&device.path.join("descriptors"), LARGEST).unwrap_or_default();
        let texts = ["manufacturer", "product", "serial"].map(|name| device.text(name).unwrap_or_default());
        let (vendor, product) = (self.vendor(device), self.product(device));
        let class = |base, sub, protocol| self.class(base, sub, protocol);
        let names = usb_descriptor::Names { class: &class, id: (&vendor, &product), texts };
        [vec![String::new(), line], usb_descriptor::lines(&bytes, &names)].concat()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn shown(root: &Path, args: &[&str]) -> Vec<String> {
        lines(root, &Options::try_parse_from([&["lsusb"], args].concat()).unwrap()).unwrap()
    }

    fn attributes(root: &Path, name: &str, values: &[(&str, &str)]) {
        let path = root.join("sys/devices/pci/usb").join(name);
        fs::create_dir_all(&path).unwrap();
        for (attribute, value) in values {
            fs::write(path.join(attribute), format!("{value}\n")).unwrap();
        }
        symlink(&path, root.join("sys/bus/usb/devices").join(name)).unwrap();
    }

    #[test]
    fn devices_and_their_tree() {
        let root = std::env::temp_dir().join(format!("lsusb-{}", std::process::id()));
        fs::create_dir_all(root.join("sys/bus/usb/devices")).unwrap();
        fs::create_dir_all(root.join("sys/devices/pci/usb")).unwrap();
        symlink("../../drivers/xhci_hcd", root.join("sys/devices/pci/usb/driver")).unwrap();
        attributes(
            &root,
            "usb1",
            &[("busnum", "1"), ("devnum", "1"), ("idVendor", "1d6b"), ("idProduct", "0002"), ("maxchild", "4"), ("speed", "480")],
        );
        attributes(
            &root,
            "1-2",
            &[
                ("busnum", "1"),
                ("devnum", "4"),
                ("idVendor", "46f4"),
                ("idProduct", "0001"),
                ("maxchild", "0"),
                ("speed", "480"),
                ("product", "Disk"),
            ],
        );
        attributes(&root, "1-2:1.0", &[("bInterfaceNumber", "00"), ("bInterfaceClass", "08")]);
        symlink("../../drivers/usb-storage", root.join("sys/devices/pci/usb/1-2:1.0/driver")).unwrap();
        assert_eq!(shown(&root, &["-d", "46f4:"]), ["Bus 001 Device 004: ID 46f4:0001  Disk"]);
        let tree = [
            "/:  Bus 01.Port 1: Dev 1, Class=root_hub, Driver=xhci_hcd/4p, 480M",
            "    |__ Port 2: Dev 4, If 0, Class=Mass Storage, Driver=usb-storage, 480M",
        ];
        assert_eq!(shown(&root, &["-t"]), tree);
        assert_eq!(shown(&root, &["-t", "-v"])[3], "        ID 46f4:0001  Disk");
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(shown(&root, &[]), [""; 0]);
    }
}
