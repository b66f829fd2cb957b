//! The kernel's `ip=` parameter (Documentation/admin-guide/nfs/nfsroot.rst), with `ip=DEVICE:dhcp` as dracut has it.
//!
//! `ip=CLIENT:SERVER:GATEWAY:NETMASK:HOSTNAME:DEVICE:AUTOCONF:DNS0:DNS1`, or one word: `dhcp`, `on`, `any`, `off`, `none`. IPv6
//! addresses stand in square brackets. The netmask may be a prefix length.

use std::net::{IpAddr, Ipv4Addr};

use netlink::Cidr;

/// Source of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// From a server.
    Dhcp,
    /// From the parameter itself.
    Static(Cidr),
    /// Not at all.
    Off,
}

/// One `ip=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpParameter {
    /// Source of the address.
    pub how: How,
    /// The default route's next router.
    pub gateway: Option<IpAddr>,
    /// This machine's name.
    pub hostname: Option<String>,
    /// The network card; none means every one with a carrier, or the first for a static address.
    pub device: Option<String>,
    /// Name servers.
    pub dns: Vec<IpAddr>,
}

/// Every `ip=` among the words of the command line that can be read.
pub fn all(words: &[String]) -> impl Iterator<Item = IpParameter> {
    words.iter().filter_map(|word| parse(word.strip_prefix("ip=")?).ok())
}

/// Those that can't be read, each with what is wrong.
pub fn complaints(words: &[String]) -> impl Iterator<Item = String> {
    words.iter().filter_map(|word| parse(word.strip_prefix("ip=")?).err().map(|why| format!("{word}: {why}")))
}

fn parse(text: &str) -> Result<IpParameter, String> {
    let fields = fields(text);
    let field = |at: usize| fields.get(at).map(String::as_str).filter(|field| !field.is_empty());
    let plain = |how, device: Option<&str>| IpParameter {
        how,
        gateway: None,
        hostname: None,
        device: device.map(str::to_owned),
        dns: vec![],
    };
    match fields.as_slice() {
        [word] => return Ok(plain(automatic(word).ok_or("neither an address nor dhcp, on, any, off or none")?, None)),
        [device, word] if automatic(word).is_some() => return Ok(plain(automatic(word).unwrap_or(How::Dhcp), Some(device))),
        _ => {}
    }
    let how = match (
        field(0),
        field(6).map(|word| automatic(word).ok_or(format!("{word} is no way to get an address"))).transpose()?,
    ) {
        (Some(client), _) => How::Static(network(client, field(3))?),
        (None, Some(how)) => how,
        (None, None) => How::Dhcp,
    };
    let address = |at| field(at).map(|text| text.parse::<IpAddr>().map_err(|_| format!("{text} is no address"))).transpose();
    let mut dns = Vec::new();
    dns.extend(address(7)?);
    dns.extend(address(8)?);
    Ok(IpParameter { how, gateway: address(2)?, hostname: field(4).map(str::to_owned), device: field(5).map(str::to_owned), dns })
}

/// Splits the text at colons, but not at those in brackets.
fn fields(text: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut bracketed = false;
    for c in text.chars() {
        match (c, bracketed) {
            ('[', _) => bracketed = true,
            (']', _) => bracketed = false,
            (':', false) => fields.push(String::new()),
            (c, _) => fields.last_mut().into_iter().for_each(|field| field.push(c)),
        }
    }
    fields
}

fn automatic(word: &str) -> Option<How> {
    match word {
        "dhcp" | "on" | "any" | "both" => Some(How::Dhcp),
        "off" | "none" | "static" => Some(How::Off),
        _ => None,
    }
}

fn network(client: &str, mask: Option<&str>) -> Result<Cidr, String> {
    let addr: IpAddr = client.parse().map_err(|_| format!("{client} is no address"))?;
    let whole = if addr.is_ipv4() { 24 } else { 64 };
    let prefix = match mask {
        None => whole,
        Some(text) => text.parse::<u8>().ok().or_else(|| prefix_of(text)).ok_or(format!("{text} is no netmask"))?,
    };
    Cidr::new(addr, prefix).ok_or(format!("{prefix} is no prefix length of {addr}"))
}

fn prefix_of(mask: &str) -> Option<u8> {
    let bits = u32::from(mask.parse::<Ipv4Addr>().ok()?);
    (bits.leading_ones() + bits.trailing_zeros() >= 32).then_some(bits.leading_ones() as u8)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn cidr(addr: &str, prefix: u8) -> How {
        How::Static(Cidr::new(addr.parse().unwrap(), prefix).unwrap())
    }

    #[test]
    fn a_full_line() {
        let ip = parse("10.0.2.15::10.0.2.2:255.255.255.0:node1:eth0:none:1.1.1.1:8.8.8.8").unwrap();
        assert_eq!(ip.how, cidr("10.0.2.15", 24));
        assert_eq!(ip.gateway, Some("10.0.2.2".parse().unwrap()));
        assert_eq!((ip.hostname.as_deref(), ip.device.as_deref()), (Some("node1"), Some("eth0")));
        assert_eq!(ip.dns.len(), 2);
    }

    #[test]
    fn short_forms() {
        assert_eq!(parse("dhcp").unwrap().how, How::Dhcp);
        assert_eq!(parse("off").unwrap().how, How::Off);
        assert_eq!(parse("eth1:dhcp").unwrap().device.as_deref(), Some("eth1"));
        let named = parse("::::node2:eth0:dhcp").unwrap();
        assert_eq!((named.how, named.hostname.as_deref()), (How::Dhcp, Some("node2")));
        assert_eq!(parse("192.168.1.5::192.168.1.1:16:::").unwrap().how, cidr("192.168.1.5", 16));
        assert_eq!(parse("[fd00::5]::[fd00::1]:64::eth0:none").unwrap().gateway, Some("fd00::1".parse().unwrap()));
    }

    #[test]
    fn nonsense_is_named() {
        let words = ["ip=10.0.0.300::::::".to_owned(), "ip=maybe".to_owned(), "ip=1.2.3.4:::255.0.255.0:::".to_owned()];
        let all = complaints(&words).collect::<Vec<_>>().join("\n");
        assert!(all.contains("10.0.0.300 is no address"), "{all}");
        assert!(all.contains("ip=maybe: neither"), "{all}");
        assert!(all.contains("255.0.255.0 is no netmask"), "{all}");
    }
}
