//! Tree of PCI buses: a line a device, below each bridge the bus that it leads to.

use crate::attribute::number;
use crate::pci::Device;
use crate::pci_label::Label;

/// Bridges below each other: more are a loop in what the tree was read from.
const DEEPEST: usize = 32;

/// Lines of the tree. With `named` each device has its name.
pub fn lines(devices: &[Device], label: &Label, named: bool) -> Vec<String> {
    let tree = Tree { devices, label, named };
    let below: Vec<(u32, u8)> = devices.iter().filter_map(|d| behind(d).map(|(bus, _)| (d.slot.domain, bus))).collect();
    let mut roots: Vec<(u32, u8)> = devices.iter().map(|d| (d.slot.domain, d.slot.bus)).collect();
    roots.dedup();
    roots.retain(|root| !below.contains(root));
    let mut lines = Vec::new();
    for (at, (domain, bus)) in roots.iter().rev().enumerate() {
        let (first, next) = match (roots.len(), at) {
            (1, _) => ("-", " "),
            (_, 0) => ("-+-", " | "),
            (count, at) if at + 1 == count => (" \\-", "   "),
            _ => (" +-", " | "),
        };
        let head = format!("{first}[{domain:04x}:{bus:02x}]-");
        let next = format!("{next}{}", " ".repeat(head.chars().count() - next.chars().count()));
        tree.bus((*domain, *bus), &head, &next, &mut lines, 0);
    }
    lines
}

struct Tree<'a> {
    devices: &'a [Device],
    label: &'a Label,
    named: bool,
}

/// First and last bus behind a bridge.
fn behind(device: &Device) -> Option<(u8, u8)> {
    let bus = |name: &str| number(device.path.join(name)).and_then(|bus| u8::try_from(bus).ok());
    let first = bus("secondary_bus_number").filter(|bus| *bus > device.slot.bus)?;
    Some((first, bus("subordinate_bus_number").unwrap_or(first).max(first)))
}

impl Tree<'_> {
    fn bus(&self, place: (u32, u8), head: &str, next: &str, lines: &mut Vec<String>, depth: usize) {
        let on_it = |d: &&Device| (d.slot.domain, d.slot.bus) == place;
        let devices: Vec<_> = self.devices.iter().filter(on_it).collect();
        if devices.is_empty() || depth > DEEPEST {
            lines.push(format!("{head}-"));
            return;
        }
        for (at, device) in devices.iter().enumerate() {
            let (is_first, is_last) = (at == 0, at + 1 == devices.len());
            let fork = match (is_first, is_last) {
                (true, true) => "---",
                (false, true) => "\\-",
                (_, false) => "+-",
            };
            let start = if is_first { head } else { next };
            let line = format!("{start}{fork}{:02x}.{:x}", device.slot.device, device.slot.function);
            let stem = format!(
                "{next}{}",
                if devices.len() == 1 {
                    "   "
                } else if is_last {
                    "  "
                } else {
                    "| "
                }
            );
            self.device(device, line, &stem, lines, depth);
        }
    }

    fn device(&self, device: &Device, line: String, stem: &str, lines: &mut Vec<String>, depth: usize) {
        let Some((first, last)) = behind(device) else {
            let name = if self.named { format!("  {}", self.label.whole(device)) } else { String::new() };
            lines.push(line + &name);
            return;
        };
        let range = if first == last { format!("[{first:02x}]") } else { format!("[{first:02x}-{last:02x}]") };
        let head = format!("{line}-{range}-");
        let next = format!("{stem}{}", " ".repeat(head.chars().count().saturating_sub(stem.chars().count())));
        self.bus((device.slot.domain, first), &head, &next, lines, depth + 1);
    }
}
