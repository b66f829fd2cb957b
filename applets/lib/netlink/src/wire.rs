//! The form of netlink messages: a header, a fixed part, then attributes; everything padded to four bytes.
//!
//! One small codec serves both rtnetlink and nf_tables. What the kernel sends and we do not know is passed over, so that a newer
//! kernel does not break an older binary.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Bytes of a message's header.
pub const HEADER: usize = 16;
/// Bytes of an attribute's header.
const ATTRIBUTE: usize = 4;
/// The two high bits of an attribute's type are flags (nested, network byte order).
const TYPE_MASK: u16 = 0x3fff;
/// Marks an attribute that holds attributes.
const NESTED: u16 = 0x8000;

/// The bytes of messages, put together piece by piece.
#[derive(Default, Debug)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// The finished bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Plain bytes, such as a fixed part. The caller sees to its length being a multiple of four.
    pub fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// An attribute.
    pub fn bytes(&mut self, kind: u16, value: &[u8]) -> &mut Self {
        let len = (ATTRIBUTE + value.len()) as u16;
        self.put(&len.to_ne_bytes()).put(&kind.to_ne_bytes()).put(value);
        self.pad()
    }

    /// An attribute that is a text with a closing zero byte.
    pub fn text(&mut self, kind: u16, value: &str) -> &mut Self {
        let mut bytes = value.as_bytes().to_vec();
        bytes.push(0);
        self.bytes(kind, &bytes)
    }

    /// An attribute of 32 bits in the machine's order, as rtnetlink has them.
    pub fn u32(&mut self, kind: u16, value: u32) -> &mut Self {
        self.bytes(kind, &value.to_ne_bytes())
    }

    /// An attribute of 32 bits in network order, as nf_tables has them.
    pub fn be32(&mut self, kind: u16, value: u32) -> &mut Self {
        self.bytes(kind, &value.to_be_bytes())
    }

    /// An attribute that is an IP address.
    pub fn ip(&mut self, kind: u16, addr: IpAddr) -> &mut Self {
        match addr {
            IpAddr::V4(a) => self.bytes(kind, &a.octets()),
            IpAddr::V6(a) => self.bytes(kind, &a.octets()),
        }
    }

    /// An attribute that holds what `fill` writes.
    pub fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) -> &mut Self {
        let start = self.0.len();
        self.put(&[0, 0]).put(&(kind | NESTED).to_ne_bytes());
        fill(self);
        let len = (self.0.len() - start) as u16;
        self.0[start..start + 2].copy_from_slice(&len.to_ne_bytes());
        self.pad()
    }

    /// A whole message: header, then what `fill` writes.
    pub fn message(&mut self, kind: u16, flags: u16, seq: u32, fill: impl FnOnce(&mut Self)) -> &mut Self {
        let start = self.0.len();
        self.put(&[0; 4]).put(&kind.to_ne_bytes()).put(&flags.to_ne_bytes()).put(&seq.to_ne_bytes()).put(&[0; 4]);
        fill(self);
        let len = (self.0.len() - start) as u32;
        self.0[start..start + 4].copy_from_slice(&len.to_ne_bytes());
        self.pad()
    }

    fn pad(&mut self) -> &mut Self {
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }
}

/// A message as received: header fields and the rest.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    pub kind: u16,
    pub flags: u16,
    pub seq: u32,
    pub body: &'a [u8],
}

/// The messages of one datagram. A wrong length ends the walk.
pub fn messages(mut bytes: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let len = u32_at(bytes, 0)? as usize;
        let body = bytes.get(HEADER..len)?;
        let message = Message { kind: u16_at(bytes, 4)?, flags: u16_at(bytes, 6)?, seq: u32_at(bytes, 8)?, body };
        bytes = bytes.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some(message)
    })
}

/// An attribute as received.
#[derive(Debug, Clone, Copy)]
pub struct Attribute<'a> {
    pub kind: u16,
    pub value: &'a [u8],
}

/// The attributes in `bytes`. A wrong length ends the walk.
pub fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = Attribute<'_>> {
    std::iter::from_fn(move || {
        let len = u16_at(bytes, 0)? as usize;
        let attribute = Attribute { kind: u16_at(bytes, 2)? & TYPE_MASK, value: bytes.get(ATTRIBUTE..len)? };
        bytes = bytes.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some(attribute)
    })
}

impl Attribute<'_> {
    /// The value as 32 bits in the machine's order; 0 when it is shorter.
    pub fn u32(&self) -> u32 {
        u32_at(self.value, 0).unwrap_or_default()
    }

    /// The value's first byte; 0 when there is none.
    pub fn u8(&self) -> u8 {
        self.value.first().copied().unwrap_or_default()
    }

    /// The value as a text, up to its zero byte.
    pub fn text(&self) -> String {
        let end = self.value.iter().position(|b| *b == 0).unwrap_or(self.value.len());
        String::from_utf8_lossy(&self.value[..end]).into_owned()
    }

    /// The value as an IP address, by its length.
    pub fn ip(&self) -> Option<IpAddr> {
        if let Ok(v4) = <[u8; 4]>::try_from(self.value) {
            return Some(Ipv4Addr::from(v4).into());
        }
        <[u8; 16]>::try_from(self.value).ok().map(|v6| Ipv6Addr::from(v6).into())
    }
}

/// Two bytes in the machine's order.
pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

/// Four bytes in the machine's order.
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut w = Writer::default();
        w.message(7, 5, 9, |w| {
            w.put(&[1, 2, 3, 4]).text(3, "eth0").nest(18, |w| {
                w.text(1, "veth").u32(2, 77);
            });
        });
        let bytes = w.into_bytes();
        let message = messages(&bytes).next().unwrap();
        assert_eq!((message.kind, message.flags, message.seq), (7, 5, 9));
        let found: Vec<_> = attributes(&message.body[4..]).collect();
        assert_eq!(found[0].text(), "eth0");
        assert_eq!(found[1].kind, 18);
        let inner: Vec<_> = attributes(found[1].value).collect();
        assert_eq!((inner[0].text().as_str(), inner[1].u32()), ("veth", 77));
    }

    #[test]
    fn wrong_lengths_end_the_walk() {
        for bytes in [&[][..], &[3, 0, 1, 0], &[255, 255, 1, 0, 0], &[0, 0, 0, 0], &[2, 0, 0]] {
            assert_eq!(attributes(bytes).count(), 0, "{bytes:?}");
            assert_eq!(messages(bytes).count(), 0, "{bytes:?}");
        }
    }
}
