//! Lines of `lspci -v` and `-x` below a PCI device: flags, memory, capabilities, driver, bytes.

use std::path::Path;

use crate::attribute::{bounded, number, target, text};
use crate::pci::Device;

/// Bytes of configuration space: 4 KiB with PCI Express.
const SPACE: u64 = 4096;

/// Names of capabilities by number (PCI Code and ID Assignment Specification, chapter 2).
const CAPABILITIES: &[&str] = &[
    "Null",
    "Power Management",
    "AGP",
    "Vital Product Data",
    "Slot ID",
    "MSI",
    "CompactPCI hot-swap",
    "PCI-X",
    "HyperTransport",
    "Vendor Specific Information",
    "Debug port",
    "CompactPCI central resource control",
    "Hot-plug capable",
    "Subsystem",
    "AGP3",
    "Secure device",
    "Express",
    "MSI-X",
    "SATA HBA",
    "PCI Advanced Features",
    "Enhanced Allocation",
    "Flattening Portal Bridge",
];

/// Configuration space, as far as it may be read: 64 bytes without privileges.
pub fn space(device: &Device) -> Vec<u8> {
    bounded(&device.path.join("config"), SPACE).unwrap_or_default()
}

/// Line of flags.
pub fn flags(device: &Device, space: &[u8]) -> String {
    let word = |at: usize| space.get(at..at + 2).map_or(0, |b| u16::from_le_bytes([b[0], b[1]]));
    let (command, status) = (word(4), word(6));
    let mut words = Vec::new();
    let mut add = |on: bool, name: &str| {
        if on {
            words.push(name.to_owned());
        }
    };
    add(command & 4 != 0, "bus master");
    add(status & 0x20 != 0, "66MHz");
    let speed = ["fast devsel", "medium devsel", "slow devsel", "?? devsel"];
    add(true, speed.get(usize::from(status >> 9 & 3)).copied().unwrap_or_default());
    if command & 4 != 0 {
        words.push(format!("latency {}", space.get(13).copied().unwrap_or(0)));
    }
    if let Some(irq) = number(device.path.join("irq")).filter(|irq| *irq != 0) {
        words.push(format!("IRQ {irq}"));
    }
    // A machine without nodes of memory shows -1 there.
    if let Some(node) = number(device.path.join("numa_node")) {
        words.push(format!("NUMA node {node}"));
    }
    words.join(", ")
}

/// Lines of the regions that the device answers in.
pub fn regions(device: &Device, space: &[u8]) -> Vec<String> {
    const IO: u64 = 0x100;
    const MEMORY: u64 = 0x200;
    const PREFETCH: u64 = 0x2000;
    const WIDE: u64 = 0x10_0000;
    let table = text(device.path.join("resource")).unwrap_or_default();
    let command = space.get(4).copied().unwrap_or(0);
    let mut lines = Vec::new();
    for (at, line) in table.lines().take(7).enumerate() {
        let mut fields = line.split_whitespace().filter_map(|field| u64::from_str_radix(field.trim_start_matches("0x"), 16).ok());
        let (Some(start), Some(end), Some(flags)) = (fields.next(), fields.next(), fields.next()) else { continue };
        if flags & (IO | MEMORY) == 0 || end < start || end == 0 {
            continue;
        }
        let size = size((end - start).saturating_add(1));
        let disabled = |bit: u8| if command & bit == 0 { " [disabled]" } else { "" };
        lines.push(if at == 6 {
            format!("Expansion ROM at {start:08x}{} [size={size}]", disabled(2))
        } else if flags & IO != 0 {
            format!("I/O ports at {start:04x}{} [size={size}]", disabled(1))
        } else {
            let width = if flags & WIDE != 0 { "64-bit" } else { "32-bit" };
            let prefetch = if flags & PREFETCH != 0 { "prefetchable" } else { "non-prefetchable" };
            format!("Memory at {start:08x} ({width}, {prefetch}){} [size={size}]", disabled(2))
        });
    }
    lines
}

/// Size in the largest unit that leaves no rest.
fn size(bytes: u64) -> String {
    let units = ["", "K", "M", "G", "T"];
    let fits = units.iter().enumerate().rev().find(|(at, _)| bytes.is_multiple_of(1 << (10 * at)));
    fits.map_or_else(|| bytes.to_string(), |(at, unit)| format!("{}{unit}", bytes >> (10 * at)))
}

/// Lines of the capabilities. The list is linked by offsets: each is taken once.
pub fn capabilities(space: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    if space.get(6).is_none_or(|status| status & 0x10 == 0) {
        return lines;
    }
    if space.len() <= 64 {
        return vec!["Capabilities: <access denied>".to_owned()];
    }
    let mut at = usize::from(space[0x34] & 0xfc);
    // 48 capabilities of 4 bytes fill the space.
    while at >= 0x40 && lines.len() < 48 {
        let (Some(id), Some(next)) = (space.get(at), space.get(at + 1)) else { break };
        let unknown = format!("#{id:02x}");
        let name = CAPABILITIES.get(usize::from(*id)).copied().unwrap_or(&unknown);
        lines.push(format!("Capabilities: [{at:02x}] {name}"));
        at = usize::from(next & 0xfc);
    }
    lines
}

/// Driver that works the device.
pub fn driver(device: &Device) -> Option<String> {
    target(device.path.join("driver"))
}

/// Modules of the running kernel that a `modules.alias` file names for the device.
pub fn modules(device: &Device, aliases: &Path) -> Vec<String> {
    let Some(alias) = text(device.path.join("modalias")) else { return Vec::new() };
    let Ok(table) = bounded(aliases, 16 << 20) else { return Vec::new() };
    let table = String::from_utf8_lossy(&table).into_owned();
    let mut found = Vec::new();
    for line in table.lines() {
        let mut fields = line.split_whitespace().skip(1);
        let (Some(pattern), Some(module)) = (fields.next(), fields.next()) else { continue };
        if pattern.starts_with("pci:")
            && kit::glob::matches(pattern.as_bytes(), alias.as_bytes())
            && !found.iter().any(|m| m == module)
        {
            found.push(module.to_owned());
        }
    }
    found
}

/// Lines of sixteen bytes each.
pub fn dump(bytes: &[u8]) -> Vec<String> {
    let line = |(at, part): (usize, &[u8])| format!("{:02x}: {}", at * 16, kit::hex::joined(part, " "));
    bytes.chunks(16).enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_that_lead_in_circles_end() {
        let mut space = vec![0; 256];
        space[6] = 0x10;
        space[0x34] = 0x40;
        space[0x40] = 0x11;
        space[0x41] = 0x40;
        assert_eq!(capabilities(&space).len(), 48);
        space[0x41] = 0;
        assert_eq!(capabilities(&space), ["Capabilities: [40] MSI-X"]);
        assert_eq!(capabilities(&space[..64]), ["Capabilities: <access denied>"]);
    }

    #[test]
    fn sizes_have_the_largest_unit() {
        assert_eq!([size(4096), size(1), size(1 << 20), size(1536)], ["4K", "1", "1M", "1536"]);
    }
}
