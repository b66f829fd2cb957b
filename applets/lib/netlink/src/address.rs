//! Addresses of links.

use std::net::{IpAddr, Ipv4Addr};

use kit::{Context, Result};

use crate::link_change::gone;
use crate::socket::{Answer, flag};
use crate::wire::{Writer, attributes, u32_at};
use crate::{Cidr, Netlink, Scope, family};

const NEWADDR: u16 = 20;
const DELADDR: u16 = 21;
const GETADDR: u16 = 22;
/// Bytes of `struct ifaddrmsg`.
const IFADDR: usize = 8;

/// Attributes of an address (`IFA_*`).
mod ifa {
    pub const ADDRESS: u16 = 1;
    pub const LOCAL: u16 = 2;
    pub const LABEL: u16 = 3;
    pub const BROADCAST: u16 = 4;
    pub const CACHEINFO: u16 = 6;
    pub const FLAGS: u16 = 8;
    pub const PROTO: u16 = 11;
}

/// Flags of an address (`IFA_F_*`).
mod bit {
    pub const SECONDARY: u32 = 0x01;
    pub const NODAD: u32 = 0x02;
    pub const OPTIMISTIC: u32 = 0x04;
    pub const DADFAILED: u32 = 0x08;
    pub const DEPRECATED: u32 = 0x20;
    pub const TENTATIVE: u32 = 0x40;
    pub const PERMANENT: u32 = 0x80;
    pub const MANAGED: u32 = 0x100;
    pub const NO_PREFIX_ROUTE: u32 = 0x200;
}

/// Lifetime of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// Seconds until it is gone; `u32::MAX` for ever.
    pub valid: u32,
    /// Seconds until no new connection uses it; `u32::MAX` for ever.
    pub preferred: u32,
}

impl Lifetime {
    /// Until somebody deletes it.
    pub const FOREVER: Self = Self { valid: u32::MAX, preferred: u32::MAX };
}

/// Details of an address that is set.
struct Manner {
    lifetime: Lifetime,
    /// Flags of the request.
    flags: u16,
    /// Flags of the address (`IFA_F_*`).
    bits: u32,
    /// Its maker's mark (`IFA_PROTO`); 0 is none.
    mark: u8,
}

impl Default for Manner {
    fn default() -> Self {
        Self { lifetime: Lifetime::FOREVER, flags: 0, bits: 0, mark: 0 }
    }
}

/// An address of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The link's number.
    pub index: u32,
    /// The address and its network's prefix.
    pub cidr: Cidr,
    /// The other end of a point-to-point link.
    pub peer: Option<IpAddr>,
    /// The broadcast address.
    pub broadcast: Option<Ipv4Addr>,
    /// Scope of the address.
    pub scope: Scope,
    /// IPv4's label, mostly the link's name.
    pub label: Option<String>,
    /// Flags (`IFA_F_*`).
    pub flags: u32,
    /// Lifetime of the address.
    pub lifetime: Lifetime,
    /// Origin of the address (`IFAPROT_*`): 0 not told, 1 the kernel's loopback, 2 router
    /// announcement, 3 the kernel's link-local; else the mark of a program
    /// ([`Netlink::add_marked_address`]). Linux before 5.18 keeps none.
    pub protocol: u8,
}

impl Address {
    /// Tells if duplicate address detection still runs: it can't be used yet.
    pub const fn is_tentative(&self) -> bool {
        self.flags & bit::TENTATIVE != 0
    }

    /// Its flags in words, as `ip address` writes them.
    pub fn flag_names(&self) -> Vec<&'static str> {
        let names = [
            (bit::SECONDARY, if self.cidr.is_v4() { "secondary" } else { "temporary" }),
            (bit::NODAD, "nodad"),
            (bit::OPTIMISTIC, "optimistic"),
            (bit::DADFAILED, "dadfailed"),
            (bit::DEPRECATED, "deprecated"),
            (bit::TENTATIVE, "tentative"),
            (bit::PERMANENT, "dynamic"),
            (bit::MANAGED, "mngtmpaddr"),
            (bit::NO_PREFIX_ROUTE, "noprefixroute"),
        ];
        // Not permanent is what is said.
        let said = self.flags ^ bit::PERMANENT;
        names.iter().filter(|(b, _)| said & b != 0).map(|(_, name)| *name).collect()
    }

    fn parse(answer: &Answer) -> Option<Self> {
        let head = answer.body.get(..IFADDR)?;
        let (prefix, mut flags, scope, index) = (head[1], u32::from(head[2]), head[3], u32_at(head, 4)?);
        let (mut address, mut local, mut broadcast, mut label) = (None, None, None, None);
        let (mut lifetime, mut protocol) = (Lifetime::FOREVER, 0);
        for a in attributes(&answer.body[IFADDR..]) {
            match a.kind {
                ifa::ADDRESS => address = a.ip(),
                ifa::LOCAL => local = a.ip(),
                ifa::LABEL => label = Some(a.text()),
                ifa::BROADCAST => broadcast = a.ip(),
                ifa::FLAGS => flags = a.u32(),
                ifa::PROTO => protocol = a.u8(),
                ifa::CACHEINFO => {
                    lifetime = Lifetime { preferred: u32_at(a.value, 0)?, valid: u32_at(a.value, 4)? };
                }
                _ => {}
            }
        }
        let own = local.or(address)?;
        Some(Self {
            index,
            cidr: Cidr::new(own, prefix)?,
            peer: address.filter(|a| *a != own),
            broadcast: broadcast.and_then(|b| if let IpAddr::V4(b) = b { Some(b) } else { None }),
            scope: Scope(scope),
            label,
            flags,
            lifetime,
            protocol,
        })
    }
}

impl Netlink {
    /// All addresses of all links, IPv4 first.
    pub fn addresses(&mut self) -> Result<Vec<Address>> {
        let mut found = Vec::new();
        for family in [family::V4, family::V6] {
            let ask = |w: &mut Writer| {
                w.put(&[family, 0, 0, 0, 0, 0, 0, 0]);
            };
            let answers = self.dump(GETADDR, ask).doing("list the addresses")?;
            // A kernel without IPv6 answers with what it has, IPv4: not twice.
            found.extend(answers.iter().filter(|a| a.body.first() == Some(&family)).filter_map(Address::parse));
        }
        Ok(found)
    }

    /// The addresses of one link, IPv4 first.
    pub fn addresses_of(&mut self, name: &str) -> Result<Vec<Address>> {
        let index = self.need(name)?.index;
        Ok(self.addresses()?.into_iter().filter(|a| a.index == index).collect())
    }

    /// Give a link an address for ever; that it has it already is an error.
    pub fn add_address(&mut self, name: &str, cidr: Cidr) -> Result<()> {
        self.set_address(name, cidr, &Manner { flags: flag::CREATE | flag::EXCL, ..Manner::default() })
    }

    /// Give a link an address, or set the lifetime of the one that it has.
    pub fn replace_address(&mut self, name: &str, cidr: Cidr, lifetime: Lifetime) -> Result<()> {
        self.set_address(name, cidr, &Manner { lifetime, flags: flag::CREATE | flag::REPLACE, ..Manner::default() })
    }

    /// Give a link an address that can be used at once: IPv6's search for duplicates is left out, as is right where addresses
    /// are handed out by one place.
    pub fn add_address_at_once(&mut self, name: &str, cidr: Cidr) -> Result<()> {
        self.add_marked_address(name, cidr, 0)
    }

    /// Like [`Self::add_address_at_once`], with a mark by which its maker knows it again; 0 is none.
    pub fn add_marked_address(&mut self, name: &str, cidr: Cidr, mark: u8) -> Result<()> {
        let flags = flag::CREATE | flag::EXCL;
        self.set_address(name, cidr, &Manner { flags, bits: bit::NODAD, mark, ..Manner::default() })
    }

    /// Like [`Self::add_address_at_once`], without the route to the address's network that the kernel would add.
    pub fn add_address_without_route(&mut self, name: &str, cidr: Cidr) -> Result<()> {
        let (flags, bits) = (flag::CREATE | flag::EXCL, bit::NODAD | bit::NO_PREFIX_ROUTE);
        self.set_address(name, cidr, &Manner { flags, bits, ..Manner::default() })
    }

    /// Give a link an address for `valid` seconds, or as many more from now on: when nobody renews it, the kernel takes it away, whatever
    /// became of who set it. It is for answering alone: without a route, a search for duplicates, and, as it is deprecated from the
    /// beginning, not chosen for connections to others.
    pub fn lease_address(&mut self, name: &str, cidr: Cidr, valid: u32) -> Result<()> {
        let (flags, bits) = (flag::CREATE | flag::REPLACE, bit::NODAD | bit::NO_PREFIX_ROUTE);
        self.set_address(name, cidr, &Manner { lifetime: Lifetime { valid, preferred: 0 }, flags, bits, mark: 0 })
    }

    fn set_address(&mut self, name: &str, cidr: Cidr, manner: &Manner) -> Result<()> {
        let index = self.need(name)?.index;
        let scope = Scope::of_address(cidr.addr);
        let set = self.request(NEWADDR, manner.flags, |w| {
            fill(w, index, cidr, scope.0);
            if let (IpAddr::V4(_), true) = (cidr.addr, cidr.prefix < 31) {
                w.ip(ifa::BROADCAST, cidr.last());
            }
            if manner.bits != 0 {
                w.u32(ifa::FLAGS, manner.bits);
            }
            if manner.mark != 0 {
                w.bytes(ifa::PROTO, &[manner.mark]);
            }
            let mut info = manner.lifetime.preferred.to_ne_bytes().to_vec();
            info.extend_from_slice(&manner.lifetime.valid.to_ne_bytes());
            info.extend_from_slice(&[0; 8]);
            w.bytes(ifa::CACHEINFO, &info);
        });
        set.map(drop).doing(format_args!("add address {cidr} to {name}"))
    }

    /// Take an address from a link; false when it has none such.
    pub fn delete_address(&mut self, name: &str, cidr: Cidr) -> Result<bool> {
        let index = self.need(name)?.index;
        let deleted = self.request(DELADDR, 0, |w| fill(w, index, cidr, 0));
        gone(deleted).doing(format_args!("delete address {cidr} from {name}"))
    }
}

/// `struct ifaddrmsg` and the address, on both ends of the link alike.
fn fill(w: &mut Writer, index: u32, cidr: Cidr, scope: u8) {
    w.put(&[family::of(cidr.addr), cidr.prefix, 0, scope]).put(&index.to_ne_bytes());
    w.ip(ifa::LOCAL, cidr.addr).ip(ifa::ADDRESS, cidr.addr);
}
