//! PCI devices as /sys shows them.

use std::fmt;
use std::path::{Path, PathBuf};

use kit::{Error, Result};

use crate::attribute::{entries, hexadecimal, name};

/// Place of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    /// Domain: a tree of buses of its own.
    pub domain: u32,
    /// Bus.
    pub bus: u8,
    /// Device on the bus.
    pub device: u8,
    /// Function of the device.
    pub function: u8,
}

impl Slot {
    /// Slot of a name such as `0000:00:1f.2`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split([':', '.']);
        let mut part = || u32::from_str_radix(parts.next()?, 16).ok();
        let (domain, bus, device, function) = (part()?, part()?, part()?, part()?);
        let small = |number: u32| u8::try_from(number).ok();
        Some(Self { domain, bus: small(bus)?, device: small(device)?, function: small(function)? })
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { domain, bus, device, function } = self;
        write!(f, "{domain:04x}:{bus:02x}:{device:02x}.{function:x}")
    }
}

/// Device with the numbers by which it is known.
#[derive(Clone, Debug)]
pub struct Device {
    /// Place.
    pub slot: Slot,
    /// Class and subclass.
    pub class: u16,
    /// Programming interface.
    pub interface: u8,
    /// Vendor and device.
    pub id: (u16, u16),
    /// Vendor and device of the board that the chip is on, if the chip reports them.
    pub subsystem: Option<(u16, u16)>,
    /// Revision.
    pub revision: u8,
    /// Directory of its attributes.
    pub path: PathBuf,
}

/// Devices of a directory such as /sys/bus/pci, by slot.
pub fn devices(bus: &Path) -> Vec<Device> {
    let found = entries(bus.join("devices"));
    let mut devices: Vec<_> = found.into_iter().filter_map(device).collect();
    devices.sort_by_key(|device| device.slot);
    devices
}

fn device(path: PathBuf) -> Option<Device> {
    let slot = Slot::parse(&name(&path))?;
    let number = |attribute: &str| hexadecimal(path.join(attribute));
    let class = number("class")?;
    let pair = |vendor, device| Some((number(vendor)? as u16, number(device)? as u16));
    Some(Device {
        slot,
        class: (class >> 8) as u16,
        interface: class as u8,
        id: pair("vendor", "device")?,
        // A chip that does not tell has zeros or ones there.
        subsystem: pair("subsystem_vendor", "subsystem_device").filter(|(v, _)| ![0, 0xffff].contains(v)),
        revision: number("revision").unwrap_or(0) as u8,
        path,
    })
}

/// Devices that were asked for: each part that is none stands for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    domain: Option<u32>,
    bus: Option<u32>,
    device: Option<u32>,
    function: Option<u32>,
    id: (Option<u32>, Option<u32>),
    class: Option<u32>,
}

impl Filter {
    /// Adds `[[[[DOMAIN]:]BUS]:][DEVICE][.[FUNCTION]]`.
    pub fn at(mut self, text: &str) -> Result<Self> {
        let wrong = || Error::new(format!("{text}: not of the form [[[[DOMAIN]:]BUS]:][DEVICE][.[FUNCTION]]"));
        let (place, function) = text.split_once('.').unwrap_or((text, ""));
        let mut parts = place.rsplit(':');
        self.device = part(parts.next(), 0x1f).map_err(|()| wrong())?;
        self.bus = part(parts.next(), 0xff).map_err(|()| wrong())?;
        self.domain = part(parts.next(), u32::MAX).map_err(|()| wrong())?;
        self.function = part(Some(function), 7).map_err(|()| wrong())?;
        if parts.next().is_some() { Err(wrong()) } else { Ok(self) }
    }

    /// Adds `[VENDOR]:[DEVICE][:CLASS]`.
    pub fn of(mut self, text: &str) -> Result<Self> {
        let wrong = || Error::new(format!("{text}: not of the form [VENDOR]:[DEVICE][:CLASS]"));
        let mut parts = text.split(':');
        let vendor = part(parts.next(), 0xffff).map_err(|()| wrong())?;
        let device = part(Some(parts.next().ok_or_else(wrong)?), 0xffff).map_err(|()| wrong())?;
        self.id = (vendor, device);
        self.class = part(parts.next(), 0xffff).map_err(|()| wrong())?;
        if parts.next().is_some() { Err(wrong()) } else { Ok(self) }
    }

    /// Tells if the device was asked for.
    pub fn takes(&self, device: &Device) -> bool {
        let same = |wanted: Option<u32>, is: u32| wanted.is_none_or(|wanted| wanted == is);
        let slot = device.slot;
        same(self.domain, slot.domain)
            && same(self.bus, slot.bus.into())
            && same(self.device, slot.device.into())
            && same(self.function, slot.function.into())
            && same(self.id.0, device.id.0.into())
            && same(self.id.1, device.id.1.into())
            && same(self.class, device.class.into())
    }
}

/// Number of a part up to a limit; none is a part that stands for all.
fn part(text: Option<&str>, largest: u32) -> std::result::Result<Option<u32>, ()> {
    match text {
        None | Some("" | "*") => Ok(None),
        Some(digits) if digits.starts_with('+') => Err(()),
        Some(digits) => u32::from_str_radix(digits, 16).ok().filter(|n| *n <= largest).map(Some).ok_or(()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn filters_have_all_forms_and_no_other() {
        let all = Filter::default();
        assert_eq!(all.at("1f").unwrap().device, Some(0x1f));
        let full = all.at("0001:02:03.4").unwrap();
        assert_eq!((full.domain, full.bus, full.device, full.function), (Some(1), Some(2), Some(3), Some(4)));
        assert_eq!((all.at("02:").unwrap().bus, all.at("02:").unwrap().device), (Some(2), None));
        assert_eq!(all.of("8086:").unwrap().id, (Some(0x8086), None));
        assert_eq!(all.of("::0300").unwrap().class, Some(0x300));
        for wrong in ["x", "1:2:3:4.5", "20.9", "+1"] {
            assert!(all.at(wrong).is_err(), "{wrong}");
        }
        assert!(all.of("8086").is_err() && all.of("1:2:3:4").is_err() && all.of("12345:").is_err());
    }
}
