//! DHCPv4 packets (RFC 2131, options of RFC 2132, long options of RFC 3396, routes of RFC 3442, search lists of RFC 3397).
//!
//! Untrusted input: every length is checked, and an option that is wrong counts as absent.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::net::Ipv4Addr;

/// Bytes of a packet before its options: the fixed fields and the magic number.
const FIXED: usize = 240;
/// The least that BOOTP relays pass on, in bytes.
const LEAST: usize = 300;
/// Stands before the options.
const MAGIC: [u8; 4] = [99, 130, 83, 99];
/// Positions of the fields `sname` and `file`.
const SNAME: core::ops::Range<usize> = 44..108;
const FILE: core::ops::Range<usize> = 108..236;
/// The most labels that a domain name may have: its 255 bytes hold no more.
const LABELS: usize = 128;

pub mod option;

/// Type of a packet (option 53).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Type {
    /// Searches servers.
    Discover = 1,
    /// This address is free.
    Offer = 2,
    /// I take it; or: I want to keep it.
    Request = 3,
    /// I do not want it.
    Decline = 4,
    /// It is yours.
    Ack = 5,
    /// You can't have it.
    Nak = 6,
    /// I no longer need it.
    Release = 7,
    /// I have an address, but tell me the rest.
    Inform = 8,
}

impl Type {
    const fn of(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Discover,
            2 => Self::Offer,
            3 => Self::Request,
            4 => Self::Decline,
            5 => Self::Ack,
            6 => Self::Nak,
            7 => Self::Release,
            8 => Self::Inform,
            _ => return None,
        })
    }
}

/// Reason why bytes are no DHCP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// Shorter than the fixed fields.
    Short,
    /// No magic number: BOOTP without options, or something else.
    Magic,
    /// An option goes past the end.
    Option,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Short => "a DHCP packet is too short",
            Self::Magic => "a packet is not DHCP",
            Self::Option => "an option of a DHCP packet goes past its end",
        })
    }
}

impl core::error::Error for Wrong {}

/// A packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// From a server (or else from a client).
    pub reply: bool,
    /// The exchange's number.
    pub exchange: u32,
    /// Seconds since the client began.
    pub seconds: u16,
    /// The client can only hear broadcasts.
    pub broadcast: bool,
    /// The address that the client has.
    pub client: Ipv4Addr,
    /// The address that the client gets.
    pub yours: Ipv4Addr,
    /// The server to boot from.
    pub next_server: Ipv4Addr,
    /// The relay that it passed.
    pub relay: Ipv4Addr,
    /// The client's Ethernet address.
    pub hardware: [u8; 6],
    /// The boot server's name, of its fixed field.
    pub server_name: String,
    /// The boot file's name, of its fixed field.
    pub file: String,
    /// Options; parts of a long one are joined.
    pub options: BTreeMap<u8, Vec<u8>>,
}

/// A route that a server tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The network.
    pub network: Ipv4Addr,
    /// Its prefix length.
    pub prefix: u8,
    /// The router; 0.0.0.0 when the network is on the link.
    pub gateway: Ipv4Addr,
}

impl Packet {
    /// A client's packet.
    pub fn of_client(kind: Type, exchange: u32, hardware: [u8; 6]) -> Self {
        let zero = Ipv4Addr::UNSPECIFIED;
        Self {
            reply: false,
            exchange,
            seconds: 0,
            broadcast: false,
            client: zero,
            yours: zero,
            next_server: zero,
            relay: zero,
            hardware,
            server_name: String::new(),
            file: String::new(),
            options: BTreeMap::from([(option::TYPE, vec![kind as u8])]),
        }
    }

    /// Read a packet.
    pub fn parse(bytes: &[u8]) -> Result<Self, Wrong> {
        let fixed: &[u8; FIXED] = bytes.get(..FIXED).and_then(|b| b.try_into().ok()).ok_or(Wrong::Short)?;
        if fixed[236..] != MAGIC {
            return Err(Wrong::Magic);
        }
        let mut options = BTreeMap::new();
        read_options(&bytes[FIXED..], &mut options)?;
        // The fields of boot server and file may hold options too; the file's come first.
        let overload = options.get(&option::OVERLOAD).and_then(|v| v.first()).copied().unwrap_or_default();
        let (in_file, in_sname) = (overload & 1 != 0, overload & 2 != 0);
        if in_file {
            read_options(&fixed[FILE], &mut options)?;
        }
        if in_sname {
            read_options(&fixed[SNAME], &mut options)?;
        }
        let address = |at: usize| Ipv4Addr::new(fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]);
        Ok(Self {
            reply: fixed[0] == 2,
            exchange: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            seconds: u16::from_be_bytes([fixed[8], fixed[9]]),
            broadcast: fixed[10] & 0x80 != 0,
            client: address(12),
            yours: address(16),
            next_server: address(20),
            relay: address(24),
            hardware: [fixed[28], fixed[29], fixed[30], fixed[31], fixed[32], fixed[33]],
            server_name: if in_sname { String::new() } else { text(&fixed[SNAME]) },
            file: if in_file { String::new() } else { text(&fixed[FILE]) },
            options,
        })
    }

    /// The packet's bytes. A name that does not fit its field with the zero behind it is left out.
    pub fn to_bytes(&self) -> Vec<u8> {
        const ETHERNET: u8 = 1;
        let mut bytes = vec![if self.reply { 2 } else { 1 }, ETHERNET, 6, 0];
        bytes.extend(self.exchange.to_be_bytes());
        bytes.extend(self.seconds.to_be_bytes());
        bytes.extend([if self.broadcast { 0x80 } else { 0 }, 0]);
        for address in [self.client, self.yours, self.next_server, self.relay] {
            bytes.extend(address.octets());
        }
        bytes.extend(self.hardware);
        bytes.resize(236, 0);
        for (field, name) in [(SNAME, &self.server_name), (FILE, &self.file)] {
            if name.len() < field.len() {
                bytes[field.start..field.start + name.len()].copy_from_slice(name.as_bytes());
            }
        }
        bytes.extend(MAGIC);
        // Some servers look for the type at the first place only.
        let kind = self.options.get_key_value(&option::TYPE);
        for (number, value) in kind.into_iter().chain(self.options.iter().filter(|(n, _)| **n != option::TYPE)) {
            for part in value.chunks(255) {
                bytes.extend([*number, part.len() as u8]);
                bytes.extend(part);
            }
        }
        bytes.push(option::END);
        bytes.resize(bytes.len().max(LEAST), option::PAD);
        bytes
    }

    /// Returns the packet's type.
    pub fn kind(&self) -> Option<Type> {
        Type::of(*self.options.get(&option::TYPE)?.first()?)
    }

    /// An option that is an address: the first, where it is a list.
    pub fn address(&self, number: u8) -> Option<Ipv4Addr> {
        self.addresses(number).first().copied()
    }

    /// An option that is a list of addresses; empty when it is absent or of a wrong length.
    pub fn addresses(&self, number: u8) -> Vec<Ipv4Addr> {
        let bytes = self.options.get(&number).map(Vec::as_slice).unwrap_or_default();
        let (groups, rest) = bytes.as_chunks::<4>();
        if rest.is_empty() { groups.iter().map(|group| Ipv4Addr::from(*group)).collect() } else { Vec::new() }
    }

    /// An option of 32 bits.
    pub fn number(&self, number: u8) -> Option<u32> {
        Some(u32::from_be_bytes(self.options.get(&number)?.as_slice().try_into().ok()?))
    }

    /// An option of 16 bits.
    pub fn short(&self, number: u8) -> Option<u16> {
        Some(u16::from_be_bytes(self.options.get(&number)?.as_slice().try_into().ok()?))
    }

    /// An option that is a text, up to a zero byte; none when it is empty or has control characters, which have no place in names
    /// that end up in files and on consoles.
    pub fn text(&self, number: u8) -> Option<String> {
        let found = text(self.options.get(&number)?);
        (!found.is_empty() && !found.chars().any(char::is_control)).then_some(found)
    }

    /// The prefix length of the mask; none when it is absent or has holes.
    pub fn prefix(&self) -> Option<u8> {
        let mask = self.address(option::MASK)?.to_bits();
        (mask.leading_ones() == mask.count_ones()).then(|| mask.count_ones() as u8)
    }

    /// The routes with prefixes (option 121); empty when the option is wrong.
    pub fn routes(&self) -> Vec<Route> {
        let bytes = self.options.get(&option::ROUTES).map(Vec::as_slice).unwrap_or_default();
        read_routes(bytes).unwrap_or_default()
    }

    /// The search list (option 119); empty when the option is wrong.
    pub fn search(&self) -> Vec<String> {
        let bytes = self.options.get(&option::SEARCH).map(Vec::as_slice).unwrap_or_default();
        read_search(bytes).unwrap_or_default()
    }
}

/// Read options up to the end mark. An option that is there before goes on.
fn read_options(mut bytes: &[u8], options: &mut BTreeMap<u8, Vec<u8>>) -> Result<(), Wrong> {
    while let [number, rest @ ..] = bytes {
        bytes = match *number {
            option::END => return Ok(()),
            option::PAD => rest,
            number => {
                let (len, rest) = rest.split_first().ok_or(Wrong::Option)?;
                let (value, rest) = rest.split_at_checked((*len).into()).ok_or(Wrong::Option)?;
                options.entry(number).or_default().extend(value);
                rest
            }
        };
    }
    // Without an end mark the packet's end is the end.
    Ok(())
}

/// Routes: a prefix length, as many bytes of the network as it needs, a router; one after another.
fn read_routes(mut bytes: &[u8]) -> Option<Vec<Route>> {
    let mut routes = Vec::new();
    while let [prefix, rest @ ..] = bytes {
        if *prefix > 32 {
            return None;
        }
        let (part, rest) = rest.split_at_checked(prefix.div_ceil(8).into())?;
        let (gateway, rest) = rest.split_first_chunk::<4>()?;
        let mut network = [0; 4];
        network[..part.len()].copy_from_slice(part);
        let mask = u32::MAX.checked_shl(32 - u32::from(*prefix)).unwrap_or(0);
        let network = Ipv4Addr::from(u32::from_be_bytes(network) & mask);
        routes.push(Route { network, prefix: *prefix, gateway: Ipv4Addr::from(*gateway) });
        bytes = rest;
    }
    Some(routes)
}

/// Domain names in DNS form, whose ends may be pointers to earlier ones.
fn read_search(bytes: &[u8]) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let (name, next) = read_name(bytes, at)?;
        names.push(name);
        at = next;
    }
    Some(names)
}

/// The name at `start` and where the next one begins. Pointers lead backwards only, so it ends.
fn read_name(bytes: &[u8], start: usize) -> Option<(String, usize)> {
    let (mut labels, mut at, mut next) = (Vec::new(), start, None);
    loop {
        let len = *bytes.get(at)?;
        match len {
            0 => return Some((labels.join("."), next.unwrap_or(at + 1))),
            1..=63 => {
                let label = bytes.get(at + 1..at + 1 + usize::from(len))?;
                if labels.len() == LABELS || !label.iter().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(b)) {
                    return None;
                }
                labels.push(String::from_utf8_lossy(label).into_owned());
                at += 1 + usize::from(len);
            }
            0xc0.. => {
                let to = usize::from(u16::from_be_bytes([len & 0x3f, *bytes.get(at + 1)?]));
                next.get_or_insert(at + 2);
                if to >= at {
                    return None;
                }
                at = to;
            }
            _ => return None,
        }
    }
}

/// Bytes as a text, up to a zero byte.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

#[cfg(test)]
mod tests;
