//! Tree of USB devices: a line an interface, below each hub the devices that are plugged into it.

use std::path::Path;

use crate::usb::{Device, Interface, interfaces};

/// Hubs below each other: the standard allows five.
const DEEPEST: usize = 16;

/// Names that the lines need.
pub struct Names<'a> {
    /// Name of a class.
    pub class: &'a dyn Fn(u8) -> String,
    /// Line below that of an interface, where more was asked for.
    pub detail: Option<&'a dyn Fn(&Device) -> String>,
}

/// Lines of the tree; the last bus comes first.
pub fn lines(bus: &Path, devices: &[Device], names: &Names<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for root in devices.iter().rev().filter(|device| device.parent().is_none()) {
        let driver = root.controller().unwrap_or_default();
        let (number, ports, speed) = (root.number, root.ports(), speed(root));
        lines.push(format!("/:  Bus {:02}.Port 1: Dev {number}, Class=root_hub, Driver={driver}/{ports}p, {speed}M", root.bus));
        lines.extend(names.detail.map(|detail| format!("    {}", detail(root))));
        below(bus, devices, names, root, 1, &mut lines);
    }
    lines
}

fn below(bus: &Path, devices: &[Device], names: &Names<'_>, hub: &Device, depth: usize, lines: &mut Vec<String>) {
    let is_on_it = |device: &&Device| device.parent().as_deref() == Some(&hub.name);
    let mut plugged: Vec<_> = devices.iter().filter(is_on_it).collect();
    plugged.sort_by_key(|device| device.port());
    let indent = "    ".repeat(depth);
    for device in plugged {
        for interface in interfaces(bus, device) {
            lines.push(format!("{indent}|__ {}", line(device, &interface, names)));
            lines.extend(names.detail.map(|detail| format!("{indent}    {}", detail(device))));
        }
        if depth < DEEPEST {
            below(bus, devices, names, device, depth + 1, lines);
        }
    }
}

fn line(device: &Device, interface: &Interface, names: &Names<'_>) -> String {
    let class = (names.class)(interface.class);
    let driver = interface.driver.as_deref().unwrap_or_default();
    let ports = if device.ports() == 0 { String::new() } else { format!("/{}p", device.ports()) };
    let (port, number, at, speed) = (device.port(), device.number, interface.number, speed(device));
    format!("Port {port}: Dev {number}, If {at}, Class={class}, Driver={driver}{ports}, {speed}M")
}

fn speed(device: &Device) -> String {
    device.text("speed").unwrap_or_default()
}
