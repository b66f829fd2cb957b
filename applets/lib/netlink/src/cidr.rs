//! An address with its prefix length, such as `10.0.0.2/24`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use kit::Error;

/// An address and a prefix length in bits. Host bits may be set: it names an address in its network as well as the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cidr {
    /// The address.
    pub addr: IpAddr,
    /// The prefix length: at most 32 or 128.
    pub prefix: u8,
}

impl Cidr {
    /// An address and a prefix length; none when that is longer than the address.
    pub const fn new(addr: IpAddr, prefix: u8) -> Option<Self> {
        if prefix <= bits(addr) { Some(Self { addr, prefix }) } else { None }
    }

    /// The address alone: /32 or /128.
    pub const fn host(addr: IpAddr) -> Self {
        Self { addr, prefix: bits(addr) }
    }

    /// The network: all host bits zero.
    #[must_use]
    pub fn network(self) -> Self {
        Self { addr: from_number(self.addr, number(self.addr) & self.mask()), prefix: self.prefix }
    }

    /// The network's last address (for IPv4 the broadcast address).
    pub fn last(self) -> IpAddr {
        from_number(self.addr, number(self.addr) | !self.mask() & all(self.addr))
    }

    /// Tells if `addr` is in the network.
    pub fn contains(self, addr: IpAddr) -> bool {
        addr.is_ipv4() == self.addr.is_ipv4() && number(addr) & self.mask() == number(self.addr) & self.mask()
    }

    /// Tells if it is IPv4.
    pub const fn is_v4(self) -> bool {
        self.addr.is_ipv4()
    }

    /// The netmask as an address.
    pub fn netmask(self) -> IpAddr {
        from_number(self.addr, self.mask())
    }

    fn mask(self) -> u128 {
        let host = bits(self.addr) - self.prefix;
        all(self.addr) & u128::MAX.checked_shl(host.into()).unwrap_or(0)
    }
}

/// The address that comes `step` after this one; none past the end.
pub fn after(addr: IpAddr, step: u128) -> Option<IpAddr> {
    let number = number(addr).checked_add(step)?;
    (number <= all(addr)).then(|| from_number(addr, number))
}

const fn bits(addr: IpAddr) -> u8 {
    if addr.is_ipv4() { 32 } else { 128 }
}

const fn all(addr: IpAddr) -> u128 {
    if addr.is_ipv4() { u32::MAX as u128 } else { u128::MAX }
}

fn number(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(a) => u128::from(a.to_bits()),
        IpAddr::V6(a) => a.to_bits(),
    }
}

/// The address of that number in the family of `like`.
fn from_number(like: IpAddr, number: u128) -> IpAddr {
    if like.is_ipv4() { IpAddr::V4((number as u32).into()) } else { IpAddr::V6(number.into()) }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.addr, self.prefix)
    }
}

impl FromStr for Cidr {
    type Err = Error;

    /// `10.0.0.2/24`, or an address alone for a host. A netmask after the slash is not taken.
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::new(format!("{text:?} is not an address with a prefix length"));
        let (addr, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let addr: IpAddr = addr.parse().map_err(|_| wrong())?;
        match prefix {
            None => Ok(Self::host(addr)),
            Some(prefix) => prefix.parse().ok().and_then(|p| Self::new(addr, p)).ok_or_else(wrong),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn networks() {
        let a: Cidr = "10.1.2.3/20".parse().unwrap();
        assert_eq!(a.network().to_string(), "10.1.0.0/20");
        assert_eq!(a.last().to_string(), "10.1.15.255");
        assert_eq!(a.netmask().to_string(), "255.255.240.0");
        assert!(a.contains("10.1.15.1".parse().unwrap()) && !a.contains("10.1.16.0".parse().unwrap()));
        let all: Cidr = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains("255.1.1.1".parse().unwrap()) && !all.contains("::1".parse().unwrap()));
        let six: Cidr = "fd00::5/64".parse().unwrap();
        assert_eq!(six.network().to_string(), "fd00::/64");
        assert_eq!(Cidr::host("::1".parse().unwrap()).network().to_string(), "::1/128");
    }

    #[test]
    fn steps() {
        assert_eq!(after("10.0.0.255".parse().unwrap(), 1), Some("10.0.1.0".parse().unwrap()));
        assert_eq!(after("255.255.255.255".parse().unwrap(), 1), None);
    }

    #[test]
    fn wrong_texts() {
        for text in ["", "10.0.0.1/33", "10.0.0/8", "::/129", "10.0.0.1/", "10.0.0.1/-1", "a/1"] {
            assert!(text.parse::<Cidr>().is_err(), "{text}");
        }
    }
}
