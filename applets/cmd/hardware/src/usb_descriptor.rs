//! Descriptors of a USB device in lines (Universal Serial Bus Specification 2.0, chapter 9.6). They come from the device,
//! which can send anything: each is taken by the length that it tells, within the bytes there are.

/// Names that the lines need.
pub struct Names<'a> {
    /// Name of a class.
    pub class: &'a dyn Fn(u8, Option<u8>, Option<u8>) -> String,
    /// Names of vendor and product.
    pub id: (&'a str, &'a str),
    /// Texts of the device: maker, product, serial number.
    pub texts: [String; 3],
}

/// Lines of all descriptors.
pub fn lines(bytes: &[u8], names: &Names<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = bytes;
    while let [length, kind, ..] = *rest {
        let length = usize::from(length);
        let Some((descriptor, after)) = rest.split_at_checked(length).filter(|_| length >= 2) else { break };
        match (kind, length) {
            (1, 18..) => device(descriptor, names, &mut lines),
            (2, 9..) => configuration(descriptor, &mut lines),
            (4, 9..) => interface(descriptor, names, &mut lines),
            (5, 7..) => endpoint(descriptor, &mut lines),
            _ => lines.push(format!("      ** UNRECOGNIZED:  {}", kit::hex::joined(descriptor, " "))),
        }
        rest = after;
    }
    lines
}

/// Fields of a descriptor by their place; what is not there is 0.
struct Fields<'a> {
    bytes: &'a [u8],
    indent: &'static str,
    lines: &'a mut Vec<String>,
}

impl Fields<'_> {
    fn at(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    fn word(&self, at: usize) -> u16 {
        u16::from_le_bytes([self.at(at), self.at(at + 1)])
    }

    fn line(&mut self, name: &str, value: &str, note: &str) {
        let width = 25_usize.saturating_sub(name.len());
        let note = if note.is_empty() { String::new() } else { format!(" {note}") };
        self.lines.push(format!("{}{name}{value:>width$}{note}", self.indent));
    }

    fn number(&mut self, name: &str, at: usize) {
        let value = self.at(at).to_string();
        self.line(name, &value, "");
    }

    fn named(&mut self, name: &str, at: usize, note: &str) {
        let value = self.at(at).to_string();
        // The blank after a number that could have a name stands without one, too.
        self.line(name, &value, if note.is_empty() { "\0" } else { note });
        if let Some(line) = self.lines.last_mut() {
            *line = line.replace('\0', "");
        }
    }

    fn version(&mut self, name: &str, at: usize) {
        let (whole, part) = (self.at(at + 1), self.at(at));
        self.line(name, &format!("{whole:x}.{part:02x}"), "");
    }
}

fn device(bytes: &[u8], names: &Names<'_>, lines: &mut Vec<String>) {
    lines.push("Device Descriptor:".to_owned());
    let mut f = Fields { bytes, indent: "  ", lines };
    f.number("bLength", 0);
    f.number("bDescriptorType", 1);
    f.version("bcdUSB", 2);
    let (class, sub, protocol) = (f.at(4), f.at(5), f.at(6));
    f.named("bDeviceClass", 4, &(names.class)(class, None, None));
    f.named("bDeviceSubClass", 5, &(names.class)(class, Some(sub), None));
    f.named("bDeviceProtocol", 6, &(names.class)(class, Some(sub), Some(protocol)));
    f.number("bMaxPacketSize0", 7);
    let (vendor, product) = (f.word(8), f.word(10));
    f.line("idVendor", &format!("0x{vendor:04x}"), names.id.0);
    f.line("idProduct", &format!("0x{product:04x}"), names.id.1);
    f.version("bcdDevice", 12);
    for (at, name) in ["iManufacturer", "iProduct", "iSerial"].iter().enumerate() {
        f.named(name, 14 + at, names.texts.get(at).map_or("", String::as_str));
    }
    f.number("bNumConfigurations", 17);
}

fn configuration(bytes: &[u8], lines: &mut Vec<String>) {
    lines.push("  Configuration Descriptor:".to_owned());
    let mut f = Fields { bytes, indent: "    ", lines };
    f.number("bLength", 0);
    f.number("bDescriptorType", 1);
    let total = f.word(2);
    f.line("wTotalLength", &format!("0x{total:04x}"), "");
    f.number("bNumInterfaces", 4);
    f.number("bConfigurationValue", 5);
    f.named("iConfiguration", 6, "");
    let (attributes, power) = (f.at(7), u32::from(f.at(8)) * 2);
    f.line("bmAttributes", &format!("0x{attributes:02x}"), "");
    if attributes & 0x80 == 0 {
        f.lines.push("      (Missing must-be-set bit!)".to_owned());
    }
    f.lines.push(format!("      {}", if attributes & 0x40 == 0 { "(Bus Powered)" } else { "Self Powered" }));
    if attributes & 0x20 != 0 {
        f.lines.push("      Remote Wakeup".to_owned());
    }
    f.lines.push(format!("    MaxPower{power:>17}mA"));
}

fn interface(bytes: &[u8], names: &Names<'_>, lines: &mut Vec<String>) {
    lines.push("    Interface Descriptor:".to_owned());
    let mut f = Fields { bytes, indent: "      ", lines };
    for (at, name) in ["bLength", "bDescriptorType", "bInterfaceNumber", "bAlternateSetting", "bNumEndpoints"].iter().enumerate()
    {
        f.number(name, at);
    }
    let (class, sub, protocol) = (f.at(5), f.at(6), f.at(7));
    f.named("bInterfaceClass", 5, &(names.class)(class, None, None));
    f.named("bInterfaceSubClass", 6, &(names.class)(class, Some(sub), None));
    f.named("bInterfaceProtocol", 7, &(names.class)(class, Some(sub), Some(protocol)));
    f.named("iInterface", 8, "");
}

fn endpoint(bytes: &[u8], lines: &mut Vec<String>) {
    lines.push("      Endpoint Descriptor:".to_owned());
    let mut f = Fields { bytes, indent: "        ", lines };
    f.number("bLength", 0);
    f.number("bDescriptorType", 1);
    let (address, attributes, size) = (f.at(2), f.at(3), f.word(4));
    let way = if address & 0x80 == 0 { "OUT" } else { "IN" };
    f.line("bEndpointAddress", &format!("0x{address:02x}"), &format!(" EP {} {way}", address & 15));
    f.number("bmAttributes", 3);
    let word = |list: [&'static str; 4], shift: u8| list.get(usize::from(attributes >> shift & 3)).copied().unwrap_or_default();
    let transfer = word(["Control", "Isochronous", "Bulk", "Interrupt"], 0);
    let synch = word(["None", "Asynchronous", "Adaptive", "Synchronous"], 2);
    let usage = word(["Data", "Feedback", "Implicit feedback Data", "(reserved)"], 4);
    f.lines.push(format!("          Transfer Type            {transfer}"));
    f.lines.push(format!("          Synch Type               {synch}"));
    f.lines.push(format!("          Usage Type               {usage}"));
    f.line("wMaxPacketSize", &format!("0x{size:04x}"), &format!(" {}x {} bytes", (size >> 11 & 3) + 1, size & 0x7ff));
    f.number("bInterval", 6);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_lines_and_damaged_ones_end_them() {
        let names = Names { class: &|_, _, _| String::new(), id: ("Linux", "hub"), texts: Default::default() };
        let bytes = [
            &[18, 1, 0, 2, 9, 0, 1, 64, 0x6b, 0x1d, 2, 0, 0x10, 5, 3, 2, 1, 1][..],
            &[9, 2, 25, 0, 1, 1, 0, 0xe0, 0],
            &[7, 5, 0x81, 3, 4, 8, 12],
            &[3, 0x21, 1],
        ]
        .concat();
        let all = lines(&bytes, &names);
        assert_eq!(all[3], "  bcdUSB               2.00");
        assert_eq!(all[8], "  idVendor           0x1d6b Linux");
        assert!(all.contains(&"        wMaxPacketSize     0x0804  2x 4 bytes".to_owned()));
        assert_eq!(all.last().map(String::as_str), Some("      ** UNRECOGNIZED:  03 21 01"));
        for end in 0..bytes.len() {
            lines(&bytes[..end], &names);
        }
        assert_eq!(lines(&[0, 0, 0], &names), [""; 0]);
    }
}
