//! UDP in IPv4 packets, for what is said before there is an address: DHCP.

use alloc::vec;
use alloc::vec::Vec;
use core::net::{Ipv4Addr, SocketAddrV4};

/// Bytes of an IPv4 header without options.
const IP: usize = 20;
/// Bytes of a UDP header.
const UDP: usize = 8;
/// UDP's number among the protocols.
const PROTOCOL: u8 = 17;

/// A packet from `from` to `to`.
pub fn write(from: SocketAddrV4, to: SocketAddrV4, data: &[u8]) -> Vec<u8> {
    /// Time to live: the number of routers that it may pass.
    const HOPS: u8 = 64;
    let udp_len = (UDP + data.len()) as u16;
    let mut ip = vec![0x45, 0];
    ip.extend((IP as u16 + udp_len).to_be_bytes());
    ip.extend([0, 0, 0, 0, HOPS, PROTOCOL, 0, 0]);
    ip.extend(from.ip().octets());
    ip.extend(to.ip().octets());
    let sum = checksum(&[&ip]);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    let mut udp = Vec::with_capacity(UDP + data.len());
    for field in [from.port(), to.port(), udp_len, 0] {
        udp.extend(field.to_be_bytes());
    }
    udp.extend(data);
    let pseudo = [&[0, PROTOCOL][..], &udp_len.to_be_bytes()].concat();
    // 0 would mean "no checksum"; the other zero of ones' complement stands for it.
    let sum = match checksum(&[&ip[12..20], &pseudo, &udp]) {
        0 => u16::MAX,
        sum => sum,
    };
    udp[6..8].copy_from_slice(&sum.to_be_bytes());
    ip.extend(udp);
    ip
}

/// Returns the data of a packet to `port` and its sender; none when it is something else. The UDP
/// checksum is not looked at: a packet from the same machine (a bridge, a virtual machine) has none
/// yet.
pub fn read(packet: &[u8], port: u16) -> Option<(SocketAddrV4, &[u8])> {
    let first = *packet.first()?;
    let header = usize::from(first & 0xf) * 4;
    let total = usize::from(short(packet, 2)?);
    // Ethernet fills short packets up, so what is after the total is not ours.
    let packet = packet.get(..total)?;
    let fragment = short(packet, 6)? & 0x3fff;
    if first >> 4 != 4 || header < IP || fragment != 0 || *packet.get(9)? != PROTOCOL {
        return None;
    }
    let source: [u8; 4] = packet.get(12..16)?.try_into().ok()?;
    let udp = packet.get(header..)?;
    let len = usize::from(short(udp, 4)?);
    if short(udp, 2)? != port {
        return None;
    }
    Some((SocketAddrV4::new(Ipv4Addr::from(source), short(udp, 0)?), udp.get(UDP..len)?))
}

/// The Internet checksum over parts, of which all but the last have an even length.
pub fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0u32;
    for pair in parts.iter().flat_map(|part| part.chunks(2)) {
        sum += u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn there_and_back() {
        let (from, to) = ("10.0.0.1:67".parse().unwrap(), "10.0.0.5:68".parse().unwrap());
        for data in [&b"hello"[..], b"even", b""] {
            let mut packet = write(from, to, data);
            assert_eq!(checksum(&[&packet[..IP]]), 0);
            let pseudo = [&packet[12..20], &[0, PROTOCOL], &packet[24..26]].concat();
            assert_eq!(checksum(&[&pseudo, &packet[IP..]]), 0);
            packet.extend([0; 18]);
            assert_eq!(read(&packet, 68), Some((from, data)));
            assert_eq!(read(&packet, 69), None);
            for end in 0..IP + UDP + data.len() {
                assert_eq!(read(&packet[..end], 68), None);
            }
        }
    }

    #[test]
    fn fragments_and_others_are_not_read() {
        let packet = write("1.1.1.1:1".parse().unwrap(), "2.2.2.2:68".parse().unwrap(), b"x");
        for (at, byte) in [(6, 0x20), (7, 1), (9, 6), (0, 0x65), (0, 0x44), (25, 200)] {
            let mut wrong = packet.clone();
            wrong[at] = byte;
            assert_eq!(read(&wrong, 68), None, "byte {at}");
        }
    }
}
