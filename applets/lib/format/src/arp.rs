//! ARP for IPv4 on Ethernet (RFC 826), as far as an address is asked for and announced (RFC 5227).

use alloc::vec::Vec;
use core::net::Ipv4Addr;

/// ARP's number in Ethernet frames.
pub const ETHERTYPE: u16 = 0x0806;
/// Bytes of a packet.
pub const LENGTH: usize = 28;
/// The first bytes of each: Ethernet, IPv4, and the lengths of their addresses.
const HEAD: [u8; 6] = [0, 1, 8, 0, 6, 4];

/// A hardware address of Ethernet.
pub type Mac = [u8; 6];

/// Purpose of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Somebody asks.
    Request,
    /// Somebody answers.
    Reply,
}

/// A packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Its purpose.
    pub operation: Operation,
    /// Hardware address of the sender.
    pub sender: Mac,
    /// Address of the sender; 0.0.0.0 when it only looks whether the other one is free.
    pub sender_address: Ipv4Addr,
    /// Hardware address of the one it is for.
    pub target: Mac,
    /// The address that it is about.
    pub target_address: Ipv4Addr,
}

impl Packet {
    /// A question whether somebody has the address, which changes nobody's tables (RFC 5227, 2.1.1).
    pub const fn probe(own: Mac, address: Ipv4Addr) -> Self {
        let (sender_address, target) = (Ipv4Addr::UNSPECIFIED, [0; 6]);
        Self { operation: Operation::Request, sender: own, sender_address, target, target_address: address }
    }

    /// An announcement that the address is here (RFC 5227, 2.3). Most machines correct their tables by it.
    pub const fn announcement(own: Mac, address: Ipv4Addr) -> Self {
        Self { operation: Operation::Request, sender: own, sender_address: address, target: [0; 6], target_address: address }
    }

    /// The same as an answer that nobody asked for, by which the other machines correct theirs (RFC 5944, 4.6).
    pub const fn unasked_reply(own: Mac, address: Ipv4Addr) -> Self {
        Self { operation: Operation::Reply, sender: own, sender_address: address, target: own, target_address: address }
    }

    /// Tells whether another machine than `own` has the address, or is about to take it as well.
    pub fn claims(&self, address: Ipv4Addr, own: Mac) -> bool {
        let probes = self.sender_address.is_unspecified() && self.target_address == address;
        self.sender != own && (self.sender_address == address || (self.operation == Operation::Request && probes))
    }

    /// As it is sent, behind Ethernet's header.
    pub fn to_bytes(&self) -> Vec<u8> {
        let operation = match self.operation {
            Operation::Request => 1,
            Operation::Reply => 2,
        };
        let mut bytes = HEAD.to_vec();
        bytes.extend([0, operation]);
        bytes.extend(self.sender);
        bytes.extend(self.sender_address.octets());
        bytes.extend(self.target);
        bytes.extend(self.target_address.octets());
        bytes
    }

    /// A packet as received; none when it is malformed or for other kinds of networks. Ethernet fills short ones up.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; LENGTH] = bytes.get(..LENGTH)?.try_into().ok()?;
        let operation = match (bytes[..6] == HEAD, bytes[6], bytes[7]) {
            (true, 0, 1) => Operation::Request,
            (true, 0, 2) => Operation::Reply,
            _ => return None,
        };
        let mac = |at: usize| -> Option<Mac> { bytes.get(at..at + 6)?.try_into().ok() };
        let address = |at: usize| -> Option<[u8; 4]> { bytes.get(at..at + 4)?.try_into().ok() };
        Some(Self {
            operation,
            sender: mac(8)?,
            sender_address: address(14)?.into(),
            target: mac(18)?,
            target_address: address(24)?.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Mac = [2, 0, 0, 0, 0, 7];
    const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 100);

    #[test]
    fn the_fields_are_where_rfc_826_has_them() {
        // Hardware type 1, protocol 0x0800, lengths 6 and 4, operation 1, sender, target.
        let announced = [0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 7, 10, 0, 0, 100, 0, 0, 0, 0, 0, 0, 10, 0, 0, 100];
        assert_eq!(Packet::announcement(OWN, ADDRESS).to_bytes(), announced);
        let probe = [0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 100];
        assert_eq!(Packet::probe(OWN, ADDRESS).to_bytes(), probe);
        let reply = [0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 7, 10, 0, 0, 100, 2, 0, 0, 0, 0, 7, 10, 0, 0, 100];
        assert_eq!(Packet::unasked_reply(OWN, ADDRESS).to_bytes(), reply);
    }

    #[test]
    fn there_and_back() {
        for packet in [Packet::probe(OWN, ADDRESS), Packet::announcement(OWN, ADDRESS), Packet::unasked_reply(OWN, ADDRESS)] {
            let mut bytes = packet.to_bytes();
            for end in 0..LENGTH {
                assert_eq!(Packet::parse(&bytes[..end]), None);
            }
            bytes.extend([0; 18]);
            assert_eq!(Packet::parse(&bytes), Some(packet));
            for at in 0..7 {
                let mut wrong = bytes.clone();
                wrong[at] ^= 0x55;
                assert_eq!(Packet::parse(&wrong), None, "byte {at}");
            }
        }
    }

    #[test]
    fn who_has_it_and_who_is_about_to() {
        let other = [2, 0, 0, 0, 0, 8];
        for packet in [Packet::probe, Packet::announcement, Packet::unasked_reply] {
            assert!(packet(other, ADDRESS).claims(ADDRESS, OWN));
            assert!(!packet(OWN, ADDRESS).claims(ADDRESS, OWN), "its own packets");
            assert!(!packet(other, Ipv4Addr::new(10, 0, 0, 101)).claims(ADDRESS, OWN), "another address");
        }
        let asks = Packet { sender_address: Ipv4Addr::new(10, 0, 0, 1), ..Packet::probe(other, ADDRESS) };
        assert!(!asks.claims(ADDRESS, OWN), "a client that wants to reach it");
    }
}
