//! Echo requests and what comes back (RFC 792, RFC 4443).

use format::udp4::checksum;

/// Bytes of an echo's header.
pub const HEADER: usize = 8;

/// Format of our echoes.
pub struct Icmp {
    /// ICMP, or else ICMPv6.
    pub v4: bool,
    /// The socket gives IP headers too (IPv4) and everybody's packets; else the kernel sorts them out.
    pub raw: bool,
    /// Ours among those of other pings.
    pub id: u16,
}

/// Kind of a received packet.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// The answer to an echo.
    Reply { seq: u16, bytes: usize, ttl: Option<u8> },
    /// Somebody on the way says that it can't be delivered.
    Refused { seq: u16, why: &'static str },
}

impl Icmp {
    /// An echo request.
    pub fn request(&self, seq: u16, size: usize) -> Vec<u8> {
        let kind = if self.v4 { 8 } else { 128 };
        let mut bytes = vec![kind, 0, 0, 0];
        bytes.extend(self.id.to_be_bytes());
        bytes.extend(seq.to_be_bytes());
        bytes.extend((0..size).map(|n| n as u8));
        if self.v4 {
            // For ICMPv6 the kernel does it, which alone knows our address.
            let sum = checksum(&[&bytes]);
            bytes[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        bytes
    }

    /// Reads a packet; none when it is not ours.
    pub fn read(&self, packet: &[u8]) -> Option<Heard> {
        let (icmp, ttl) = if self.v4 && self.raw { (strip(packet)?, packet.get(8).copied()) } else { (packet, None) };
        let (kind, code) = (*icmp.first()?, *icmp.get(1)?);
        match (self.v4, kind) {
            (true, 0) | (false, 129) => {
                let seq = self.own(icmp)?;
                Some(Heard::Reply { seq, bytes: icmp.len(), ttl })
            }
            (true, 3 | 11) => Some(Heard::Refused { seq: self.own(strip(icmp.get(HEADER..)?)?)?, why: refusal(kind, code) }),
            (false, 1 | 3) => Some(Heard::Refused { seq: self.own(icmp.get(HEADER + 40..)?)?, why: refusal6(kind, code) }),
            _ => None,
        }
    }

    /// The sequence number of an echo when it is ours.
    fn own(&self, icmp: &[u8]) -> Option<u16> {
        let field = |at: usize| Some(u16::from_be_bytes(icmp.get(at..at + 2)?.try_into().ok()?));
        // The kernel puts a number of its own into requests of sockets that are not raw, and sorts by it.
        (!self.raw || field(4)? == self.id).then_some(())?;
        field(6)
    }
}

/// Returns the bytes after an IPv4 header.
fn strip(packet: &[u8]) -> Option<&[u8]> {
    packet.get(usize::from(packet.first()? & 0xf) * 4..)
}

const fn refusal(kind: u8, code: u8) -> &'static str {
    match (kind, code) {
        (11, _) => "Time to live exceeded",
        (_, 0) => "Destination Net Unreachable",
        (_, 1) => "Destination Host Unreachable",
        (_, 2) => "Destination Protocol Unreachable",
        (_, 3) => "Destination Port Unreachable",
        (_, 4) => "Frag needed and DF set",
        (_, 13) => "Packet filtered",
        _ => "Destination Unreachable",
    }
}

const fn refusal6(kind: u8, code: u8) -> &'static str {
    match (kind, code) {
        (3, _) => "Time exceeded: Hop limit",
        (_, 0) => "Destination unreachable: No route",
        (_, 1) => "Destination unreachable: Administratively prohibited",
        (_, 3) => "Destination unreachable: Address unreachable",
        (_, 4) => "Destination unreachable: Port unreachable",
        _ => "Destination unreachable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ICMP: Icmp = Icmp { v4: true, raw: true, id: 0x1234 };

    /// An IPv4 packet around ICMP bytes.
    fn packet(icmp: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 20];
        bytes[0] = 0x45;
        bytes[8] = 61;
        bytes.extend(icmp);
        bytes
    }

    #[test]
    fn replies_are_known_by_their_number() {
        let mut echo = ICMP.request(7, 56);
        assert_eq!(checksum(&[&echo]), 0);
        assert_eq!(ICMP.read(&packet(&echo)), None);
        echo[0] = 0;
        assert_eq!(ICMP.read(&packet(&echo)), Some(Heard::Reply { seq: 7, bytes: 64, ttl: Some(61) }));
        echo[4] = 0;
        assert_eq!(ICMP.read(&packet(&echo)), None);
    }

    #[test]
    fn refusals_name_the_request() {
        let mut bytes = vec![3, 1, 0, 0, 0, 0, 0, 0];
        bytes.extend(packet(&ICMP.request(9, 0)));
        let whole = packet(&bytes);
        assert_eq!(ICMP.read(&whole), Some(Heard::Refused { seq: 9, why: "Destination Host Unreachable" }));
        for end in 0..whole.len() {
            assert_eq!(ICMP.read(&whole[..end]), None);
        }
    }
}
