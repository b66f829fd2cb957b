//! Device paths of UEFI as text (UEFI 2.10, chapter 10). They come from the firmware: each node is taken by the length that
//! it tells, within the bytes there are.

/// Text of a device path: nodes with `/` between them, and `,` between several paths.
pub fn text(path: &[u8]) -> String {
    let mut text = String::new();
    for (at, node) in nodes(path).into_iter().enumerate() {
        match node {
            (0x7f, 1, _) => text.push(','),
            (0x7f, ..) => break,
            (kind, sub, data) => {
                if at > 0 && !text.ends_with(',') {
                    text.push('/');
                }
                text.push_str(&self::node(kind, sub, data));
            }
        }
    }
    text
}

/// Nodes of a path: type, subtype, data.
pub fn nodes(path: &[u8]) -> Vec<(u8, u8, &[u8])> {
    let mut found = Vec::new();
    let mut rest = path;
    while let [kind, sub, low, high, ..] = *rest {
        let length = usize::from(u16::from_le_bytes([low, high]));
        let Some((node, after)) = rest.split_at_checked(length).filter(|_| length >= 4) else { break };
        found.push((kind, sub, node.get(4..).unwrap_or_default()));
        rest = after;
    }
    found
}

/// Little-endian number of at most eight bytes at a place; bytes that are not there are 0.
fn number(data: &[u8], at: usize, length: usize) -> u64 {
    let bytes = data.iter().skip(at).take(length).rev();
    bytes.fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn node(kind: u8, sub: u8, data: &[u8]) -> String {
    let n = |at, length| number(data, at, length);
    let rest = |at: usize| kit::hex::encode(data.get(at..).unwrap_or_default());
    match (kind, sub, data.len()) {
        (1, 1, 2..) => format!("Pci(0x{:x},0x{:x})", n(1, 1), n(0, 1)),
        (1, 3, 20..) => format!("MemoryMapped({},0x{:x},0x{:x})", n(0, 4), n(4, 8), n(12, 8)),
        (1, 4, 16..) => vendor("VenHw", data),
        (1, 5, 4..) => format!("Ctrl(0x{:x})", n(0, 4)),
        (2, 1, 8..) => acpi(n(0, 4), n(4, 4)),
        (3, 1, 4..) => format!("Ata({},{},{})", n(0, 1), n(1, 1), n(2, 2)),
        (3, 2, 4..) => format!("SCSI({},{})", n(0, 2), n(2, 2)),
        (3, 5, 2..) => format!("USB({},{})", n(0, 1), n(1, 1)),
        (3, 10, 16..) => vendor("VenMsg", data),
        (3, 11, 33..) => {
            // Interfaces of type 0 and 1 (Ethernet) have addresses of six bytes.
            let length = if n(32, 1) <= 1 { 6 } else { 32 };
            format!("MAC({},{})", kit::hex::encode(data.get(..length).unwrap_or_default()), n(32, 1))
        }
        (3, 12, 15..) => ipv4(data),
        (3, 13, 37..) => {
            format!("IPv6([{}]:{}<->[{}]:{},{},{})", v6(data, 16), n(34, 2), v6(data, 0), n(32, 2), n(36, 2), n(38, 1))
        }
        (3, 15, 7..) => format!("UsbClass(0x{:x},0x{:x},{},{},{})", n(0, 2), n(2, 2), n(4, 1), n(5, 1), n(6, 1)),
        (3, 18, 6..) => format!("Sata({},{},{})", n(0, 2), n(2, 2), n(4, 2)),
        (3, 23, 12..) => {
            let id: Vec<_> = data.iter().skip(4).take(8).map(|byte| format!("{byte:02x}")).collect();
            format!("NVMe(0x{:x},{})", n(0, 4), id.join("-"))
        }
        (3, 24, _) => format!("Uri({})", printable(data)),
        (4, 1, 38..) => disk(data),
        (4, 2, 20..) => format!("CDROM({},0x{:x},0x{:x})", n(0, 4), n(4, 8), n(12, 8)),
        (4, 3, 16..) => vendor("VenMedia", data),
        (4, 4, _) => format!("File({})", wide(data)),
        (4, 5, 16..) => format!("Media({})", guid(data)),
        (4, 6, 16..) => format!("FvFile({})", guid(data)),
        (4, 7, 16..) => format!("FvVol({})", guid(data)),
        (4, 8, 20..) => format!("Offset(0x{:x},0x{:x})", n(4, 8), n(12, 8)),
        (5, 1, 4..) => bbs(n(0, 2), data),
        _ => format!("Path({kind},{sub},{})", rest(0)),
    }
}

fn vendor(name: &str, data: &[u8]) -> String {
    let more = data.get(16..).filter(|more| !more.is_empty());
    let more = more.map_or_else(String::new, |more| format!(",{}", kit::hex::encode(more)));
    format!("{name}({}{more})", guid(data))
}

/// Device of ACPI: the known ones by name, as their compressed identity says.
fn acpi(hid: u64, uid: u64) -> String {
    let known = match hid {
        0x0a03_41d0 => Some("PciRoot"),
        0x0a08_41d0 => Some("PcieRoot"),
        0x0604_41d0 => Some("Floppy"),
        0x0301_41d0 => Some("Keyboard"),
        0x0501_41d0 => Some("Serial"),
        0x0401_41d0 => Some("ParallelPort"),
        _ => None,
    };
    if let Some(name) = known {
        return format!("{name}(0x{uid:x})");
    }
    format!("Acpi(0x{hid:08x},0x{uid:x})")
}

fn ipv4(data: &[u8]) -> String {
    let n = |at, length| number(data, at, length);
    let address = |at: usize| data.iter().skip(at).take(4).map(u8::to_string).collect::<Vec<_>>().join(".");
    format!("IPv4({}:{}<->{}:{},{},{})", address(4), n(10, 2), address(0), n(8, 2), n(12, 2), n(14, 1))
}

fn v6(data: &[u8], at: usize) -> String {
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(data.iter().skip(at)) {
        *to = *from;
    }
    std::net::Ipv6Addr::from(bytes).to_string()
}

/// Partition: its number, kind of table and identity, first block and number of blocks.
fn disk(data: &[u8]) -> String {
    let n = |at, length| number(data, at, length);
    let identity = match n(37, 1) {
        1 => format!("MBR,0x{:x}", n(20, 4)),
        2 => format!("GPT,{}", guid(data.get(20..).unwrap_or_default())),
        kind => format!("{kind},{}", kit::hex::encode(data.get(20..36).unwrap_or_default())),
    };
    format!("HD({},{identity},0x{:x},0x{:x})", n(0, 4), n(4, 8), n(12, 8))
}

fn bbs(kind: u64, data: &[u8]) -> String {
    const KINDS: [&str; 7] = ["", "Floppy", "HD", "CDROM", "PCMCIA", "USB", "Network"];
    let name = usize::try_from(kind).ok().and_then(|at| KINDS.get(at)).filter(|name| !name.is_empty());
    let name = name.map_or_else(|| kind.to_string(), |name| (*name).to_owned());
    format!("BBS({name},{},0x{:x})", printable(data.get(4..).unwrap_or_default()), number(data, 2, 2))
}

/// GUID in its text form.
pub fn guid(data: &[u8]) -> String {
    let byte = |at: usize| data.get(at).copied().unwrap_or(0);
    let order = [&[3, 2, 1, 0][..], &[5, 4], &[7, 6], &[8, 9], &[10, 11, 12, 13, 14, 15]];
    order.map(|part| kit::hex::encode(part.iter().map(|at| byte(*at)).collect::<Vec<_>>())).join("-")
}

/// ASCII text up to a zero byte; a dot stands for what can't be shown.
fn printable(data: &[u8]) -> String {
    let shown = |byte: &u8| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' };
    data.iter().take_while(|byte| **byte != 0).map(shown).collect()
}

/// UTF-16 text up to a zero; a control character becomes a dot, because terminals obey them.
pub fn wide(data: &[u8]) -> String {
    let units: Vec<_> =
        data.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).take_while(|unit| *unit != 0).collect();
    String::from_utf16_lossy(&units).chars().map(|c| if c.is_control() { '.' } else { c }).collect()
}

/// Node with its head.
pub fn built(kind: u8, sub: u8, data: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(data.len() + 4).ok()?;
    Some([&[kind, sub][..], &length.to_le_bytes(), data].concat())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn nodes_have_texts() {
        let path = [
            built(2, 1, &[0xd0, 0x41, 3, 0x0a, 0, 0, 0, 0]).unwrap(),
            built(1, 1, &[1, 2]).unwrap(),
            built(3, 18, &[0, 0, 0xff, 0xff, 0, 0]).unwrap(),
            built(4, 4, &[b'\\', 0, b'a', 0, 0, 0]).unwrap(),
            vec![0x7f, 0xff, 4, 0, 9],
        ]
        .concat();
        assert_eq!(text(&path), "PciRoot(0x0)/Pci(0x2,0x1)/Sata(0,65535,0)/File(\\a)");
        for end in 0..path.len() {
            text(&path[..end]);
        }
        assert_eq!((text(&[1, 1, 3, 0]), acpi(0x0303_41d0, 1)), (String::new(), "Acpi(0x030341d0,0x1)".to_owned()));
    }

    #[test]
    fn every_kind_of_node_takes_any_data() {
        for (kind, sub, length) in
            (1..6).flat_map(|kind| (1..25).flat_map(move |sub| (0..45).map(move |length| (kind, sub, length))))
        {
            assert!(!node(kind, sub, &vec![0xa5; length]).is_empty());
        }
    }
}
