//! Fields of a DHCP packet from a machine that boots from the network (RFC 4578, the PXE
//! specification 2.1, UEFI's HTTP boot).

use alloc::format;
use alloc::string::String;

use crate::dhcp::{Packet, option};

/// The class of a client that loads by TFTP, and of a server that answers it.
pub const PXE: &str = "PXEClient";
/// The same by HTTP.
pub const HTTP: &str = "HTTPClient";
/// User class of iPXE.
pub const IPXE: &[u8] = b"iPXE";
/// PXE's own options in option 43: no menu and no discovery, the boot file that is named at once.
pub const NO_DISCOVERY: &[u8] = &[6, 1, 8, 255];

/// An instruction set that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Arch {
    /// 64-bit x86.
    X86_64,
    /// 64-bit Arm.
    Aarch64,
}

impl Arch {
    /// As in file names.
    pub const fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// Of a PE program's machine number.
    pub const fn of_pe(machine: u16) -> Option<Self> {
        match machine {
            0x8664 => Some(Self::X86_64),
            0xaa64 => Some(Self::Aarch64),
            _ => None,
        }
    }

    /// The number that this machine's own UEFI would tell in option 93.
    pub const fn pxe_number(self) -> u16 {
        match self {
            Self::X86_64 => 7,
            Self::Aarch64 => 11,
        }
    }
}

/// Kind of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loader {
    /// A BIOS's PXE: it runs 16-bit programs.
    Bios,
    /// UEFI that loads by TFTP.
    Efi,
    /// UEFI that loads by HTTP.
    EfiHttp,
    /// iPXE: it runs scripts.
    Ipxe,
}

/// A machine that wants to boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Kind of the client.
    pub loader: Loader,
    /// Its instruction set.
    pub arch: Arch,
    /// The machine's UUID in its usual form.
    pub uuid: Option<String>,
}

/// The machine behind a packet; none when it does not want to boot, or is of a kind that nobody here serves.
pub fn client(packet: &Packet) -> Option<Client> {
    let class = packet.text(option::VENDOR_CLASS).unwrap_or_default();
    let ipxe = packet.options.get(&option::USER_CLASS).is_some_and(|class| class.windows(4).any(|four| four == IPXE));
    if !ipxe && !class.starts_with(PXE) && !class.starts_with(HTTP) {
        return None;
    }
    let (arch, loader) = match packet.short(option::ARCH).or_else(|| number_in(&class))? {
        0 => (Arch::X86_64, Loader::Bios),
        // The second is EFI byte code, under which old firmware files itself.
        7 | 9 => (Arch::X86_64, Loader::Efi),
        11 => (Arch::Aarch64, Loader::Efi),
        16 => (Arch::X86_64, Loader::EfiHttp),
        19 => (Arch::Aarch64, Loader::EfiHttp),
        _ => return None,
    };
    let loader = if ipxe { Loader::Ipxe } else { loader };
    Some(Client { loader, arch, uuid: uuid(packet) })
}

/// `PXEClient:Arch:00007:UNDI:003001`.
fn number_in(class: &str) -> Option<u16> {
    class.split(':').nth(2)?.parse().ok()
}

/// The first three parts have their bytes the other way around, as SMBIOS has it.
fn uuid(packet: &Packet) -> Option<String> {
    let (kind, bytes) = packet.options.get(&option::UUID)?.split_first()?;
    // All the same: not set.
    if *kind != 0 || bytes.len() != 16 || bytes.iter().all(|byte| *byte == bytes[0]) {
        return None;
    }
    let hex = |order: &[usize]| order.iter().fold(String::new(), |text, at| text + &format!("{:02x}", bytes[*at]));
    let parts = [hex(&[3, 2, 1, 0]), hex(&[5, 4]), hex(&[7, 6]), hex(&[8, 9]), hex(&[10, 11, 12, 13, 14, 15])];
    Some(parts.join("-"))
}

/// A hardware address with colons between its bytes.
pub fn mac(address: [u8; 6]) -> String {
    address.map(|byte| format!("{byte:02x}")).join(":")
}

/// Read a hardware address: six pairs of digits with colons or hyphens between.
pub fn read_mac(text: &str) -> Option<[u8; 6]> {
    let mut address = [0; 6];
    let mut parts = text.split([':', '-']);
    for byte in &mut address {
        let part = parts.next().filter(|part| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit()))?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(address)
}

/// A client's own words: what a machine that looks for something to boot tells of itself.
pub fn introduce(packet: &mut Packet, arch: Arch, uuid: Option<[u8; 16]>) {
    let number = arch.pxe_number();
    let class = format!("{PXE}:Arch:{number:05}:UNDI:003016");
    packet.options.insert(option::VENDOR_CLASS, class.into_bytes());
    packet.options.insert(option::USER_CLASS, IPXE.to_vec());
    packet.options.insert(option::ARCH, number.to_be_bytes().to_vec());
    packet.options.insert(option::INTERFACE, [1, 3, 16].to_vec());
    if let Some(uuid) = uuid {
        packet.options.insert(option::UUID, [&[0][..], &uuid].concat());
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use crate::dhcp::Type;

    fn packet(class: &str, arch: Option<u16>) -> Packet {
        let mut packet = Packet::of_client(Type::Discover, 1, [2, 0, 0, 0, 0, 1]);
        packet.options.insert(option::VENDOR_CLASS, class.as_bytes().to_vec());
        if let Some(arch) = arch {
            packet.options.insert(option::ARCH, arch.to_be_bytes().to_vec());
        }
        packet
    }

    #[test]
    fn machines_are_told_apart() {
        let who = |class: &str, arch| client(&packet(class, arch)).map(|client| (client.arch, client.loader));
        for (class, arch, expected) in [
            ("PXEClient:Arch:00000:UNDI:002001", Some(0), Some((Arch::X86_64, Loader::Bios))),
            ("PXEClient:Arch:00007:UNDI:003001", Some(7), Some((Arch::X86_64, Loader::Efi))),
            ("PXEClient:Arch:00011:UNDI:003001", None, Some((Arch::Aarch64, Loader::Efi))),
            ("HTTPClient:Arch:00016:UNDI:003001", Some(16), Some((Arch::X86_64, Loader::EfiHttp))),
            ("HTTPClient", Some(19), Some((Arch::Aarch64, Loader::EfiHttp))),
            ("PXEClient", Some(6), None),
            ("PXEClient", None, None),
            ("kutties", Some(7), None),
        ] {
            assert_eq!(who(class, arch), expected, "{class}");
        }
        let mut ipxe = packet("PXEClient:Arch:00000:UNDI:002001", Some(0));
        ipxe.options.insert(option::USER_CLASS, IPXE.to_vec());
        assert_eq!(client(&ipxe).unwrap().loader, Loader::Ipxe);
    }

    #[test]
    fn a_uuid_is_as_the_system_shows_it() {
        let mut packet = packet("PXEClient", Some(7));
        introduce(&mut packet, Arch::Aarch64, Some([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]));
        let client = client(&packet).unwrap();
        assert_eq!(client.uuid.as_deref(), Some("04030201-0605-0807-090a-0b0c0d0e0f10"));
        assert_eq!((client.arch, client.loader), (Arch::Aarch64, Loader::Ipxe));
        packet.options.insert(option::UUID, [0; 17].to_vec());
        assert_eq!(uuid(&packet), None);
    }

    #[test]
    fn hardware_addresses_have_two_forms() {
        let address = [0x52, 0x54, 0, 0x4d, 0, 0x0c];
        assert_eq!(read_mac(&mac(address)), Some(address));
        assert_eq!(read_mac("52-54-00-4D-00-0c"), Some(address));
        for wrong in ["", "52:54:00:4d:00", "52:54:00:4d:00:0c:00", "5:54:00:4d:00:0c", "+2:54:00:4d:00:0c", "x2:54:00:4d:00:0c"]
        {
            assert_eq!(read_mac(wrong), None, "{wrong}");
        }
    }
}
