//! Words for a PCI device: its numbers, its names, or both.

use crate::classes;
use crate::ids::Names;
use crate::pci::Device;

/// Form of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Names alone.
    Names,
    /// Numbers alone.
    Numbers,
    /// Names with their numbers in brackets.
    Both,
}

/// Namer of devices.
#[derive(Debug)]
pub struct Label {
    /// Form that was asked for.
    pub form: Form,
    /// Names that are known.
    pub names: Names,
}

impl Label {
    /// Words for a class.
    pub fn class(&self, class: u16) -> String {
        let (base, sub) = ((class >> 8) as u8, class as u8);
        let exact = self.names.class(base, Some(sub), None).or_else(|| classes::name(class));
        let name = exact.or_else(|| self.names.class(base, None, None));
        match (self.form, exact, name) {
            (Form::Numbers, ..) => format!("{class:04x}"),
            (Form::Names, Some(name), _) => name.to_owned(),
            (_, _, Some(name)) => format!("{name} [{class:04x}]"),
            (Form::Names, ..) => format!("Class {class:04x}"),
            (Form::Both, ..) => format!("Class [{class:04x}]"),
        }
    }

    /// Words for a vendor with a device.
    pub fn pair(&self, id: (u16, u16), device: Option<&str>) -> String {
        let number = format!("{:04x}:{:04x}", id.0, id.1);
        match (self.form, self.names.vendor(id.0), device) {
            (Form::Numbers, ..) => number,
            (Form::Names, Some(vendor), Some(device)) => format!("{vendor} {device}"),
            (Form::Names, Some(vendor), None) => format!("{vendor} Device {:04x}", id.1),
            (Form::Names, None, _) => format!("Device {number}"),
            (Form::Both, Some(vendor), Some(device)) => format!("{vendor} {device} [{number}]"),
            (Form::Both, Some(vendor), None) => format!("{vendor} Device [{number}]"),
            (Form::Both, None, _) => format!("Device [{number}]"),
        }
    }

    /// Words for a vendor alone.
    pub fn vendor(&self, id: u16) -> String {
        self.alone("Vendor", id, self.names.vendor(id))
    }

    /// Words for a device alone, whose name may be known.
    pub fn device(&self, id: u16, name: Option<&str>) -> String {
        self.alone("Device", id, name)
    }

    fn alone(&self, kind: &str, id: u16, name: Option<&str>) -> String {
        match (self.form, name) {
            (Form::Numbers, _) => format!("{id:04x}"),
            (Form::Names, Some(name)) => name.to_owned(),
            (Form::Names, None) => format!("{kind} {id:04x}"),
            (Form::Both, Some(name)) => format!("{name} [{id:04x}]"),
            (Form::Both, None) => format!("{kind} [{id:04x}]"),
        }
    }

    /// Words for vendor and device.
    pub fn whole(&self, device: &Device) -> String {
        self.pair(device.id, self.names.device(device.id.0, device.id.1))
    }

    /// Name of the board's part: a board that has the chip's own numbers is named as the chip.
    pub fn subsystem_name(&self, of: &Device, id: (u16, u16)) -> Option<&str> {
        let chip = || self.names.device(id.0, id.1).filter(|_| id == of.id);
        self.names.subsystem(of.id, id.0, id.1).or_else(chip)
    }
}
