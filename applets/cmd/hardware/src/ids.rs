//! Names of vendors and devices by number, as `pci.ids` and `usb.ids` hold them: a line of a vendor,
//! below it lines of its devices after one tab, below those subsystems after two; then classes,
//! whose lines begin with `C`.

use std::path::Path;

use crate::attribute::bounded;

/// Bytes read of such a file: today's have 1.5 MiB.
const LARGEST: u64 = 16 << 20;

/// Text of a list of names, or nothing.
#[derive(Debug, Default)]
pub struct Names(String);

impl Names {
    /// Reads the first of the files that there is.
    pub fn read(files: &[&Path]) -> Self {
        let found = files.iter().find_map(|file| bounded(file, LARGEST).ok());
        Self(found.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default())
    }

    /// Name of a vendor.
    pub fn vendor(&self, vendor: u16) -> Option<&str> {
        self.section(&format!("{vendor:04x}")).map(|(name, _)| name)
    }

    /// Name of a vendor's device.
    pub fn device(&self, vendor: u16, device: u16) -> Option<&str> {
        let (_, below) = self.section(&format!("{vendor:04x}"))?;
        entry(below, 1, &format!("{device:04x}")).map(|(name, _)| name)
    }

    /// Name of a subsystem of a vendor's device.
    pub fn subsystem(&self, of: (u16, u16), vendor: u16, device: u16) -> Option<&str> {
        let (_, below) = self.section(&format!("{:04x}", of.0))?;
        let (_, below) = entry(below, 1, &format!("{:04x}", of.1))?;
        entry(below, 2, &format!("{vendor:04x} {device:04x}")).map(|(name, _)| name)
    }

    /// Name of a class, of its subclass, and of its programming interface.
    pub fn class(&self, class: u8, sub: Option<u8>, interface: Option<u8>) -> Option<&str> {
        let (name, below) = self.section(&format!("C {class:02x}"))?;
        let Some(sub) = sub else { return Some(name) };
        let (name, below) = entry(below, 1, &format!("{sub:02x}"))?;
        let Some(interface) = interface else { return Some(name) };
        entry(below, 2, &format!("{interface:02x}")).map(|(name, _)| name)
    }

    fn section(&self, key: &str) -> Option<(&str, &str)> {
        entry(&self.0, 0, key)
    }
}

/// Name of the entry with that key after so many tabs, and the text after its line. The search ends
/// at a line that stands further left.
fn entry<'a>(text: &'a str, depth: usize, key: &str) -> Option<(&'a str, &'a str)> {
    let mut rest = text;
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        rest = after;
        let tabs = line.bytes().take_while(|byte| *byte == b'\t').count();
        if line.is_empty() || line.starts_with('#') || tabs > depth {
            continue;
        }
        if tabs < depth {
            return None;
        }
        if let Some(name) = line.get(tabs..).and_then(|line| line.strip_prefix(key)?.strip_prefix("  ")) {
            return Some((name.trim_end(), rest));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_below_their_own_vendor_alone() {
        let names = Names(
            "# x\n0001  One\n\t0002  Two\n\t\t0003 0004  Sub\n0005  Five\n\t0006  Six\nC 01  Disks\n\t08  NVM\n\t\t02  NVMe\n"
                .into(),
        );
        assert_eq!((names.vendor(5), names.device(1, 2), names.device(1, 6)), (Some("Five"), Some("Two"), None));
        assert_eq!(names.subsystem((1, 2), 3, 4), Some("Sub"));
        assert_eq!(names.class(1, Some(8), Some(2)), Some("NVMe"));
        assert_eq!((names.class(1, None, None), names.class(2, None, None)), (Some("Disks"), None));
        assert_eq!(Names::default().vendor(1), None);
    }
}
