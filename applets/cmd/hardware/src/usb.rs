//! USB devices as /sys shows them.

use std::path::{Path, PathBuf};

use kit::{Error, Result};

use crate::attribute::{entries, hexadecimal, name, number, target, text};

/// Names of classes for machines without a list of names (USB Defined Class Codes, usb.org).
const CLASSES: &[(u8, &str)] = &[
    (0x01, "Audio"),
    (0x02, "Communications"),
    (0x03, "Human Interface Device"),
    (0x06, "Imaging"),
    (0x07, "Printer"),
    (0x08, "Mass Storage"),
    (0x09, "Hub"),
    (0x0a, "CDC Data"),
    (0x0b, "Chip/SmartCard"),
    (0x0e, "Video"),
    (0xe0, "Wireless"),
    (0xef, "Miscellaneous Device"),
    (0xfe, "Application Specific Interface"),
    (0xff, "Vendor Specific Class"),
];

/// Device.
#[derive(Clone, Debug)]
pub struct Device {
    /// Name in /sys: `usb1` or `1-1.3`.
    pub name: String,
    /// Bus.
    pub bus: u32,
    /// Number on the bus.
    pub number: u32,
    /// Vendor and product.
    pub id: (u16, u16),
    /// Directory of its attributes.
    pub path: PathBuf,
}

impl Device {
    /// Attribute of the device as text.
    pub fn text(&self, attribute: &str) -> Option<String> {
        text(self.path.join(attribute)).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// Name of the device or hub that it is plugged into; none for a root hub.
    pub fn parent(&self) -> Option<String> {
        let (bus, ports) = self.name.split_once('-')?;
        Some(ports.rsplit_once('.').map_or_else(|| format!("usb{bus}"), |(before, _)| format!("{bus}-{before}")))
    }

    /// Port of the parent.
    pub fn port(&self) -> u32 {
        self.name.rsplit(['-', '.']).next().and_then(|port| port.parse().ok()).unwrap_or(0)
    }

    /// Ports of its own.
    pub fn ports(&self) -> u64 {
        number(self.path.join("maxchild")).unwrap_or(0)
    }

    /// Driver of the controller that a root hub belongs to.
    pub fn controller(&self) -> Option<String> {
        let real = self.path.canonicalize().ok()?;
        target(real.parent()?.join("driver"))
    }
}

/// Interface of a device.
#[derive(Debug)]
pub struct Interface {
    /// Number.
    pub number: u64,
    /// Class.
    pub class: u8,
    /// Driver.
    pub driver: Option<String>,
}

/// Devices of a directory such as /sys/bus/usb, by bus and number.
pub fn devices(bus: &Path) -> Vec<Device> {
    let found = entries(bus.join("devices"));
    let mut devices: Vec<_> = found.into_iter().filter_map(device).collect();
    devices.sort_by_key(|device| (device.bus, device.number));
    devices
}

fn device(path: PathBuf) -> Option<Device> {
    let decimal = |attribute: &str| u32::try_from(number(path.join(attribute))?).ok();
    let id = |attribute: &str| u16::try_from(hexadecimal(path.join(attribute))?).ok();
    let (bus, number) = (decimal("busnum")?, decimal("devnum")?);
    let id = (id("idVendor")?, id("idProduct")?);
    Some(Device { name: name(&path), bus, number, id, path })
}

/// Interfaces of a device, by number: `NAME:CONFIGURATION.INTERFACE` beside it.
pub fn interfaces(bus: &Path, device: &Device) -> Vec<Interface> {
    let start = format!("{}:", device.name);
    let interface = |path: PathBuf| {
        name(&path).starts_with(&start).then_some(())?;
        let number = hexadecimal(path.join("bInterfaceNumber"))?;
        let class = u8::try_from(hexadecimal(path.join("bInterfaceClass"))?).ok()?;
        Some(Interface { number, class, driver: target(path.join("driver")) })
    };
    let mut found: Vec<_> = entries(bus.join("devices")).into_iter().filter_map(interface).collect();
    found.sort_by_key(|interface| interface.number);
    found
}

/// Name of a class without a list of names.
pub fn class(class: u8) -> Option<&'static str> {
    CLASSES.iter().find(|(number, _)| *number == class).map(|(_, name)| *name)
}

/// Devices that were asked for: each part that is none stands for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    bus: Option<u32>,
    number: Option<u32>,
    id: (Option<u32>, Option<u32>),
}

impl Filter {
    /// Adds `[[BUS]:][DEVICE]` in decimal.
    pub fn at(mut self, text: &str) -> Result<Self> {
        let wrong = || Error::new(format!("{text}: not of the form [[BUS]:][DEVICE]"));
        let (bus, number) = text.split_once(':').unwrap_or(("", text));
        (self.bus, self.number) = (part(bus, 10).ok_or_else(wrong)?, part(number, 10).ok_or_else(wrong)?);
        Ok(self)
    }

    /// Adds `VENDOR:[PRODUCT]` in hexadecimal.
    pub fn of(mut self, text: &str) -> Result<Self> {
        let wrong = || Error::new(format!("{text}: not of the form VENDOR:[PRODUCT]"));
        let (vendor, product) = text.split_once(':').ok_or_else(wrong)?;
        self.id = (part(vendor, 16).ok_or_else(wrong)?, part(product, 16).ok_or_else(wrong)?);
        Ok(self)
    }

    /// Tells if the device was asked for.
    pub fn takes(&self, device: &Device) -> bool {
        let same = |wanted: Option<u32>, is: u32| wanted.is_none_or(|wanted| wanted == is);
        let (vendor, product) = device.id;
        same(self.bus, device.bus)
            && same(self.number, device.number)
            && same(self.id.0, vendor.into())
            && same(self.id.1, product.into())
    }
}

/// Number, or none inside for nothing.
#[expect(clippy::option_option, reason = "no number, and a wrong one, are different")]
fn part(text: &str, base: u32) -> Option<Option<u32>> {
    match text {
        "" => Some(None),
        digits if digits.starts_with('+') => None,
        digits => u32::from_str_radix(digits, base).ok().map(Some),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn named(name: &str) -> Device {
        Device { name: name.to_owned(), bus: 1, number: 3, id: (0x1d6b, 2), path: PathBuf::new() }
    }

    #[test]
    fn names_tell_parent_and_port() {
        assert_eq!((named("1-1.3").parent().as_deref(), named("1-1.3").port()), (Some("1-1"), 3));
        assert_eq!((named("2-4").parent().as_deref(), named("2-4").port()), (Some("usb2"), 4));
        assert_eq!(named("usb1").parent(), None);
    }

    #[test]
    fn filters_take_what_was_asked_for() {
        let all = Filter::default();
        let device = named("usb1");
        for filter in [all.at("1:3"), all.at("3"), all.at("1:"), all.of("1d6b:"), all.of("1d6b:2")] {
            assert!(filter.unwrap().takes(&device));
        }
        assert!(!all.at("2:").unwrap().takes(&device) && !all.of("1d6b:3").unwrap().takes(&device));
        assert!(all.of("1d6b").is_err() && all.at("x").is_err() && all.at("1:+2").is_err());
    }
}
