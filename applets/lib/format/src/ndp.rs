//! Neighbour discovery for IPv6 on Ethernet (RFC 4861), as far as an address is asked for and announced.

use alloc::vec;
use alloc::vec::Vec;
use core::net::Ipv6Addr;

use crate::arp::Mac;
use crate::udp4::checksum;

/// IPv6's number in Ethernet frames.
pub const ETHERTYPE: u16 = 0x86dd;
/// Bytes of an IPv6 header.
const IP: usize = 40;
/// ICMPv6's number among the protocols.
const PROTOCOL: u8 = 58;
/// Only packets that passed no router count (RFC 4861, 7.1).
const HOPS: u8 = 255;
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
/// Flag of an advertisement: what the others have in their tables is wrong.
const OVERRIDE: u8 = 0x20;
/// Option of the sender's hardware address in an advertisement, and its length of eight bytes.
const TARGET_LINK: [u8; 2] = [2, 1];
/// All machines of the network.
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// A packet that announces the address at this hardware address to all, and where to send it.
pub fn advertisement(own: Mac, address: Ipv6Addr) -> (Mac, Vec<u8>) {
    let mut message = head(ADVERTISEMENT, OVERRIDE, address);
    message.extend(TARGET_LINK);
    message.extend(own);
    (group(ALL_NODES), packet(address, ALL_NODES, message))
}

/// A packet that asks whether somebody has the address (RFC 4862, 5.4.2), and where to send it.
pub fn probe(address: Ipv6Addr) -> (Mac, Vec<u8>) {
    let [.., a, b, c] = address.octets();
    let asked = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(a), u16::from_be_bytes([b, c]));
    (group(asked), packet(Ipv6Addr::UNSPECIFIED, asked, head(SOLICITATION, 0, address)))
}

/// The address that an advertisement is about; none when the packet is something else or came from another network.
pub fn advertised(packet: &[u8]) -> Option<Ipv6Addr> {
    let (first, hops, protocol) = (*packet.first()?, *packet.get(7)?, *packet.get(6)?);
    let length = usize::from(u16::from_be_bytes(packet.get(4..6)?.try_into().ok()?));
    let message = packet.get(IP..IP.checked_add(length)?)?;
    let fits = first >> 4 == 6 && protocol == PROTOCOL && hops == HOPS;
    if !fits || message.get(..2)? != [ADVERTISEMENT, 0] {
        return None;
    }
    let target: [u8; 16] = message.get(8..24)?.try_into().ok()?;
    let sum = checksum(&[packet.get(8..IP)?, &pseudo(message), message]);
    (sum == 0).then(|| target.into())
}

/// Type, code, an empty checksum, flags and the address.
fn head(kind: u8, flags: u8, address: Ipv6Addr) -> Vec<u8> {
    let mut message = vec![kind, 0, 0, 0, flags, 0, 0, 0];
    message.extend(address.octets());
    message
}

/// A whole packet, with the message's checksum.
fn packet(from: Ipv6Addr, to: Ipv6Addr, mut message: Vec<u8>) -> Vec<u8> {
    let mut bytes = vec![0x60, 0, 0, 0];
    bytes.extend((message.len() as u16).to_be_bytes());
    bytes.extend([PROTOCOL, HOPS]);
    bytes.extend(from.octets());
    bytes.extend(to.octets());
    let sum = checksum(&[&bytes[8..IP], &pseudo(&message), &message]);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    bytes.extend(message);
    bytes
}

/// The part of the checksum's pseudo header behind both addresses (RFC 8200, 8.1).
fn pseudo(message: &[u8]) -> [u8; 8] {
    let [a, b, c, d] = (message.len() as u32).to_be_bytes();
    [a, b, c, d, 0, 0, 0, PROTOCOL]
}

/// The hardware address of a group of machines (RFC 2464, 7).
fn group(address: Ipv6Addr) -> Mac {
    let [.., a, b, c, d] = address.octets();
    [0x33, 0x33, a, b, c, d]
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    const OWN: Mac = [2, 0, 0, 0, 0, 7];

    #[test]
    fn an_advertisements_fields_are_where_rfc_4861_has_them() {
        let address: Ipv6Addr = "fd00::64".parse().unwrap();
        let (to, bytes) = advertisement(OWN, address);
        assert_eq!(to, [0x33, 0x33, 0, 0, 0, 1]);
        assert_eq!(bytes[..8], [0x60, 0, 0, 0, 0, 32, 58, 255]);
        assert_eq!(bytes[8..24], address.octets());
        assert_eq!(bytes[24..40], "ff02::1".parse::<Ipv6Addr>().unwrap().octets());
        // Type 136, code 0, the checksum, then of router, solicited and override the last alone.
        assert_eq!((bytes[40], bytes[41], &bytes[44..48]), (136, 0, &[0x20, 0, 0, 0][..]));
        assert_eq!(bytes[48..64], address.octets());
        assert_eq!(bytes[64..], [2, 1, 2, 0, 0, 0, 0, 7]);
        assert_eq!(advertised(&bytes), Some(address));
    }

    #[test]
    fn a_question_goes_to_the_addresss_own_group() {
        let address: Ipv6Addr = "2001:db8::a1:b2c3".parse().unwrap();
        let (to, bytes) = probe(address);
        assert_eq!(to, [0x33, 0x33, 0xff, 0xa1, 0xb2, 0xc3]);
        assert_eq!(bytes[8..24], [0; 16]);
        assert_eq!(bytes[24..40], "ff02::1:ffa1:b2c3".parse::<Ipv6Addr>().unwrap().octets());
        assert_eq!((bytes.len(), bytes[40]), (64, 135));
        assert_eq!(checksum(&[&bytes[8..IP], &pseudo(&bytes[IP..]), &bytes[IP..]]), 0);
        assert_eq!(advertised(&bytes), None);
    }

    #[test]
    fn damaged_packets_say_nothing() {
        let (_, bytes) = advertisement(OWN, "fd00::64".parse().unwrap());
        for end in 0..bytes.len() {
            assert_eq!(advertised(&bytes[..end]), None, "{end}");
        }
        // Version, length, protocol, hops, an address, type, code, checksum, target.
        for at in [0, 5, 6, 7, 9, 40, 41, 42, 60] {
            let mut wrong = bytes.clone();
            wrong[at] ^= 0x11;
            assert_eq!(advertised(&wrong), None, "byte {at}");
        }
    }
}
