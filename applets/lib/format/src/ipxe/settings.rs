//! Settings: bytes with a type, and `${…}` in the place of which they are put.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::machine::{DEPTH, Machine, VALUE};

/// A form in which bytes are read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Uri,
    Hex,
    HexHyphens,
    HexRaw,
    Base64,
    Ipv4,
    Uuid,
    /// So many bytes; signed, or not.
    Number(usize, bool),
}

impl Kind {
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "string" => Self::Text,
            "uristring" => Self::Uri,
            "hex" => Self::Hex,
            "hexhyp" => Self::HexHyphens,
            "hexraw" => Self::HexRaw,
            "base64" => Self::Base64,
            "ipv4" | "ip" => Self::Ipv4,
            "uuid" | "guid" => Self::Uuid,
            "int8" => Self::Number(1, true),
            "int16" => Self::Number(2, true),
            "int32" => Self::Number(4, true),
            "uint8" => Self::Number(1, false),
            "uint16" => Self::Number(2, false),
            "uint32" => Self::Number(4, false),
            _ => return None,
        })
    }

    /// Kind of a setting of the machine, by the last part of its name.
    fn of(name: &str) -> Self {
        match name.rsplit('/').next().unwrap_or(name) {
            "mac" => Self::Hex,
            "ip" | "netmask" | "gateway" | "dns" | "next-server" | "dhcp-server" => Self::Ipv4,
            "uuid" => Self::Uuid,
            _ => Self::Text,
        }
    }
}

/// A setting's bytes, and the form in which they are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    pub bytes: Vec<u8>,
    pub kind: Kind,
}

impl Setting {
    pub fn read(text: &str, kind: Kind) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not of that type");
        let bytes = match kind {
            Kind::Text | Kind::Uri => text.as_bytes().to_vec(),
            Kind::Hex | Kind::HexHyphens | Kind::HexRaw | Kind::Uuid => hex(text).ok_or_else(wrong)?,
            Kind::Base64 => return Err("base64 is not read here".into()),
            Kind::Ipv4 => text.parse::<core::net::Ipv4Addr>().map_err(|_| wrong())?.octets().to_vec(),
            Kind::Number(len, _) => {
                let number = integer(text).ok_or_else(wrong)?;
                number.to_be_bytes()[8 - len..].to_vec()
            }
        };
        Ok(Self { bytes, kind })
    }

    /// A setting of the machine.
    pub fn of_machine(name: &str, text: &str) -> Self {
        let plain = || Self { bytes: text.as_bytes().to_vec(), kind: Kind::Text };
        Self::read(text, Kind::of(name)).unwrap_or_else(|_| plain())
    }

    pub fn show(&self, kind: Kind) -> String {
        let pairs = |between: &str| {
            let pairs: Vec<String> = self.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            pairs.join(between)
        };
        match kind {
            Kind::Uri => quoted(&self.bytes),
            Kind::Hex => pairs(":"),
            Kind::HexHyphens => pairs("-"),
            Kind::Base64 => base64(&self.bytes),
            Kind::Ipv4 if self.bytes.len() == 4 => self.bytes.iter().map(u8::to_string).collect::<Vec<_>>().join("."),
            Kind::Text | Kind::Ipv4 => String::from_utf8_lossy(&self.bytes).into_owned(),
            Kind::Uuid if self.bytes.len() == 16 => {
                let all = pairs("");
                [&all[..8], &all[8..12], &all[12..16], &all[16..20], &all[20..]].join("-")
            }
            Kind::HexRaw | Kind::Uuid => pairs(""),
            Kind::Number(_, signed) => self.number(signed).to_string(),
        }
    }

    /// The value as a number: of a text its digits, else of its bytes, the highest first.
    pub fn number(&self, signed: bool) -> i64 {
        if self.kind == Kind::Text {
            return integer(&String::from_utf8_lossy(&self.bytes)).unwrap_or(0);
        }
        let negative = signed && self.bytes.first().is_some_and(|byte| byte & 0x80 != 0);
        let start = if negative { -1_i64 } else { 0 };
        self.bytes.iter().fold(start, |number, byte| number.wrapping_shl(8) | i64::from(*byte))
    }
}

/// Decimal, or hexadecimal with 0x.
fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    match text.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Pairs of digits, with or without colons or hyphens between.
fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|b| !matches!(b, b':' | b'-' | b' ')).collect();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match *pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    digits.chunks(2).map(pair).collect()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for part in bytes.chunks(3) {
        let value = (0..3).fold(0_u32, |value, at| value << 8 | u32::from(part.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            let digit = DIGITS[(value >> (18 - 6 * at) & 63) as usize];
            out.push(if at > part.len() { '=' } else { char::from(digit) });
        }
    }
    out
}

/// As part of a URI (RFC 3986).
pub(super) fn quoted(value: &[u8]) -> String {
    value.iter().fold(String::new(), |text, b| match b {
        b if b.is_ascii_alphanumeric() || b"-._~".contains(b) => text + &char::from(*b).to_string(),
        b => format!("{text}%{b:02X}"),
    })
}

impl Machine<'_> {
    /// Put the values in the place of `${…}`, from the inside out.
    pub(super) fn expand(&mut self, word: &str, depth: usize) -> Result<String, String> {
        let (mut out, mut rest) = (String::new(), word);
        while let Some(at) = rest.find("${") {
            out.push_str(&rest[..at]);
            let inner = &rest[at + 2..];
            let end = closing(inner).ok_or("a ${ has no end")?;
            let name = if depth < DEPTH { self.expand(&inner[..end], depth + 1)? } else { inner[..end].to_string() };
            out.push_str(&self.value(&name).unwrap_or_default());
            if out.len() > VALUE {
                return Err("a word becomes too long".into());
            }
            rest = &inner[end + 1..];
        }
        out.push_str(rest);
        Ok(out)
    }

    pub(super) fn setting(&mut self, name: &str) -> Option<Setting> {
        let own = self.set.get(name).cloned();
        own.or_else(|| self.world.variable(name).map(|text| Setting::of_machine(name, &text)))
    }

    /// `name`, `name:type`.
    pub(super) fn value(&mut self, name: &str) -> Option<String> {
        let (name, kind) = typed(name);
        let setting = self.setting(name)?;
        Some(setting.show(kind.unwrap_or(setting.kind)))
    }
}

/// A name and the type behind it.
pub(super) fn typed(name: &str) -> (&str, Option<Kind>) {
    match name.rsplit_once(':') {
        Some((name, kind)) => (name, Kind::named(kind)),
        None => (name, None),
    }
}

/// Returns the position of a `${`'s closing brace: there may be others inside.
fn closing(text: &str) -> Option<usize> {
    let mut open = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => open += 1,
            b'}' if open == 0 => return Some(at),
            b'}' => open -= 1,
            _ => {}
        }
    }
    None
}
