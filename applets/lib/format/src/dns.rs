//! DNS questions and answers (RFC 1035), as much as a look-up tool needs. Answers are strangers' bytes: lengths are checked, and
//! compression pointers lead backwards only.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};

/// Bytes of a message's header.
const HEADER: usize = 12;
/// The longest name, in bytes, and so the most labels.
const LONGEST: usize = 255;
/// The Internet's class.
const IN: u16 = 1;

/// Record types by their names.
pub const TYPES: &[(&str, u16)] =
    &[("A", 1), ("NS", 2), ("CNAME", 5), ("SOA", 6), ("PTR", 12), ("MX", 15), ("TXT", 16), ("AAAA", 28), ("SRV", 33)];

/// Data of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// Another name: NS, CNAME, PTR.
    Name(String),
    /// A mail server with its preference.
    Mx(u16, String),
    /// Texts.
    Txt(Vec<String>),
    /// A service: priority, weight, port, host.
    Srv(u16, u16, u16, String),
    /// A zone's primary server, mailbox and serial number.
    Soa(String, String, u32),
    /// Anything else.
    Other,
}

/// A record of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Name that has the record.
    pub name: String,
    /// Its type's number.
    pub kind: u16,
    /// Its data.
    pub data: Data,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// 0 no error, 2 server failure, 3 no such name, 5 refused.
    pub code: u8,
    /// True if it was cut to fit and should be asked for by TCP.
    pub cut: bool,
    /// True if the server is one of the zone's own.
    pub authoritative: bool,
    /// The records.
    pub records: Vec<Record>,
}

/// A question as bytes; none when the name can't be one.
pub fn question(id: u16, name: &str, kind: u16) -> Option<Vec<u8>> {
    const RECURSE: u16 = 0x0100;
    let mut bytes = Vec::new();
    for field in [id, RECURSE, 1, 0, 0, 0] {
        bytes.extend(field.to_be_bytes());
    }
    for label in name.trim_end_matches('.').split('.') {
        let len = u8::try_from(label.len()).ok().filter(|len| (1..64).contains(len))?;
        bytes.push(len);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    (bytes.len() - HEADER <= LONGEST).then_some(())?;
    bytes.extend(kind.to_be_bytes());
    bytes.extend(IN.to_be_bytes());
    Some(bytes)
}

/// The answer to question `id`; none when the bytes are something else or broken.
pub fn answer(bytes: &[u8], id: u16) -> Option<Answer> {
    let flags = short(bytes, 2)?;
    if short(bytes, 0)? != id || flags & 0x8000 == 0 {
        return None;
    }
    let (questions, answers) = (short(bytes, 4)?, short(bytes, 6)?);
    let mut at = HEADER;
    for _ in 0..questions {
        at = name(bytes, at)?.1 + 4;
    }
    let mut records = Vec::new();
    for _ in 0..answers {
        let (owner, next) = name(bytes, at)?;
        let kind = short(bytes, next)?;
        let start = next + 10;
        let len = usize::from(short(bytes, next + 8)?);
        let data = bytes.get(start..start + len)?;
        records.push(Record { name: owner, kind, data: read(bytes, kind, start, data).unwrap_or(Data::Other) });
        at = start + len;
    }
    let code = (flags & 0xf) as u8;
    Some(Answer { code, cut: flags & 0x0200 != 0, authoritative: flags & 0x0400 != 0, records })
}

fn read(bytes: &[u8], kind: u16, start: usize, data: &[u8]) -> Option<Data> {
    let name_at = |offset: usize| name(bytes, start + offset).map(|(name, _)| name);
    Some(match kind {
        1 => Data::A(<[u8; 4]>::try_from(data).ok()?.into()),
        28 => Data::Aaaa(<[u8; 16]>::try_from(data).ok()?.into()),
        2 | 5 | 12 => Data::Name(name_at(0)?),
        15 => Data::Mx(short(data, 0)?, name_at(2)?),
        33 => Data::Srv(short(data, 0)?, short(data, 2)?, short(data, 4)?, name_at(6)?),
        6 => {
            let (server, next) = name(bytes, start)?;
            let (mailbox, next) = name(bytes, next)?;
            let serial = bytes.get(next..next + 4)?.try_into().ok()?;
            Data::Soa(server, mailbox, u32::from_be_bytes(serial))
        }
        16 => Data::Txt(texts(data)?),
        _ => Data::Other,
    })
}

fn texts(mut data: &[u8]) -> Option<Vec<String>> {
    let mut found = Vec::new();
    while let Some((len, rest)) = data.split_first() {
        let (text, rest) = rest.split_at_checked((*len).into())?;
        found.push(String::from_utf8_lossy(text).into_owned());
        data = rest;
    }
    Some(found)
}

/// The name at `start`, without its last dot, and where what follows it begins.
fn name(bytes: &[u8], start: usize) -> Option<(String, usize)> {
    let (mut text, mut at, mut next) = (String::new(), start, None);
    loop {
        match *bytes.get(at)? {
            0 => return Some((text, next.unwrap_or(at + 1))),
            len @ 1..=63 => {
                let label = bytes.get(at + 1..at + 1 + usize::from(len))?;
                if !text.is_empty() {
                    text.push('.');
                }
                // A text that is shown on a terminal must not steer it.
                text.extend(label.iter().map(|b| if b.is_ascii_graphic() { char::from(*b) } else { '?' }));
                at += 1 + usize::from(len);
                (text.len() <= LONGEST).then_some(())?;
            }
            high @ 0xc0.. => {
                let to = usize::from(u16::from_be_bytes([high & 0x3f, *bytes.get(at + 1)?]));
                next.get_or_insert(at + 2);
                (to < at).then_some(())?;
                at = to;
            }
            _ => return None,
        }
    }
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::A(addr) => addr.fmt(f),
            Self::Aaaa(addr) => addr.fmt(f),
            Self::Name(name) => f.write_str(name),
            Self::Mx(preference, host) => write!(f, "{preference} {host}"),
            Self::Txt(texts) => {
                let quoted: Vec<_> = texts.iter().map(|text| format!("\"{}\"", text.escape_default())).collect();
                f.write_str(&quoted.join(" "))
            }
            Self::Srv(priority, weight, port, host) => write!(f, "{priority} {weight} {port} {host}"),
            Self::Soa(server, mailbox, serial) => write!(f, "{server} {mailbox} {serial}"),
            Self::Other => f.write_str("(not shown)"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    /// An answer with a CNAME and an A record, names compressed.
    fn bytes() -> Vec<u8> {
        let mut bytes = question(7, "www.example.org", 1).unwrap();
        bytes[2] = 0x81;
        bytes[7] = 2;
        bytes.extend(b"\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x09\x00\x04\x01b\xc0\x10");
        bytes.extend(b"\xc0\x2d\x00\x01\x00\x01\x00\x00\x00\x09\x00\x04\x0a\x00\x00\x05");
        bytes
    }

    #[test]
    fn answers_are_read() {
        let answer = answer(&bytes(), 7).unwrap();
        assert_eq!(answer.records[0].data, Data::Name("b.example.org".into()));
        assert_eq!(answer.records[1].name, "b.example.org");
        assert_eq!(answer.records[1].data.to_string(), "10.0.0.5");
    }

    #[test]
    fn what_is_broken_is_no_answer() {
        let good = bytes();
        assert_eq!(answer(&good, 8), None);
        for end in 0..good.len() {
            assert_eq!(answer(&good[..end], 7), None, "{end}");
        }
        let mut looped = good.clone();
        looped[33..35].copy_from_slice(&[0xc0, 33]);
        assert_eq!(answer(&looped, 7), None);
    }

    #[test]
    fn names_that_can_not_be() {
        assert_eq!(question(1, "", 1), None);
        assert_eq!(question(1, "a..b", 1), None);
        assert_eq!(question(1, &"a".repeat(64), 1), None);
        assert_eq!(question(1, &"abc.".repeat(70), 1), None);
        assert!(question(1, "a.b.", 1).is_some());
    }
}
