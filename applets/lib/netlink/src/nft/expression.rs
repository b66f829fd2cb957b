//! Expressions of rules, in the form of messages.

use std::net::IpAddr;

use super::nfta;
use crate::wire::Writer;

/// The register that all expressions work in.
pub const REGISTER: u32 = 1;
/// A second one, for a port beside an address.
pub const REGISTER_2: u32 = 2;

/// One expression of a rule.
#[derive(Debug, Clone)]
pub enum Expr {
    /// Load bytes of the network header.
    Network { offset: u32, len: u32 },
    /// Load the transport header's destination port.
    Port,
    /// Load the transport protocol.
    Protocol,
    /// Load the IP version, in a table of both.
    Version,
    /// Load the number of the link that a packet came by.
    InputLink,
    /// Load the type of the destination address: ours or not.
    DestinationType,
    /// Keep only the bits of a mask.
    Mask(Vec<u8>),
    /// Go on when equal.
    Is(Vec<u8>),
    /// Go on when different.
    IsNot(Vec<u8>),
    /// Load a value into a register.
    Load(u32, Vec<u8>),
    /// Translate the source to the address of the link that it leaves by.
    Masquerade,
    /// Translate the destination to the loaded address and port.
    Destination(u8),
    /// Go through another chain and come back.
    Jump(&'static str),
    /// Go through another chain in the place of the rest of this one.
    Goto(&'static str),
    /// Leave this chain.
    Return,
    /// Drop the packet.
    Drop,
}

impl Expr {
    const fn name(&self) -> &'static str {
        match self {
            Self::Network { .. } | Self::Port => "payload",
            Self::Protocol | Self::Version | Self::InputLink => "meta",
            Self::DestinationType => "fib",
            Self::Mask(_) => "bitwise",
            Self::Is(_) | Self::IsNot(_) => "cmp",
            Self::Load(..) | Self::Jump(_) | Self::Goto(_) | Self::Return | Self::Drop => "immediate",
            Self::Masquerade => "masq",
            Self::Destination(_) => "nat",
        }
    }

    pub fn write(&self, w: &mut Writer) {
        w.nest(nfta::ELEMENT, |w| {
            w.text(nfta::EXPR_NAME, self.name());
            w.nest(nfta::EXPR_DATA, |w| self.data(w));
        });
    }

    /// The expression's own attributes, which each kind numbers for itself.
    fn data(&self, w: &mut Writer) {
        const NETWORK_HEADER: u32 = 1;
        const TRANSPORT_HEADER: u32 = 2;
        const META_IIF: u32 = 4;
        const META_NFPROTO: u32 = 15;
        const META_L4PROTO: u32 = 16;
        const FIB_ADDRTYPE: u32 = 3;
        const FIB_DADDR: u32 = 2;
        const EQUAL: u32 = 0;
        const DIFFERENT: u32 = 1;
        const DNAT: u32 = 1;
        let value = |w: &mut Writer, kind, bytes: &[u8]| {
            w.nest(kind, |w| {
                w.bytes(nfta::DATA_VALUE, bytes);
            });
        };
        match self {
            Self::Network { offset, len } => {
                w.be32(1, REGISTER).be32(2, NETWORK_HEADER).be32(3, *offset).be32(4, *len);
            }
            Self::Port => {
                w.be32(1, REGISTER).be32(2, TRANSPORT_HEADER).be32(3, 2).be32(4, 2);
            }
            Self::Protocol => {
                w.be32(1, REGISTER).be32(2, META_L4PROTO);
            }
            Self::Version => {
                w.be32(1, REGISTER).be32(2, META_NFPROTO);
            }
            Self::InputLink => {
                w.be32(1, REGISTER).be32(2, META_IIF);
            }
            Self::DestinationType => {
                w.be32(1, REGISTER).be32(2, FIB_ADDRTYPE).be32(3, FIB_DADDR);
            }
            Self::Mask(mask) => {
                w.be32(1, REGISTER).be32(2, REGISTER).be32(3, mask.len() as u32);
                value(w, 4, mask);
                value(w, 5, &vec![0; mask.len()]);
            }
            Self::Is(bytes) => {
                w.be32(1, REGISTER).be32(2, EQUAL);
                value(w, 3, bytes);
            }
            Self::IsNot(bytes) => {
                w.be32(1, REGISTER).be32(2, DIFFERENT);
                value(w, 3, bytes);
            }
            Self::Load(register, bytes) => {
                w.be32(1, *register);
                value(w, 2, bytes);
            }
            Self::Masquerade => {}
            Self::Destination(family) => {
                w.be32(1, DNAT).be32(2, (*family).into()).be32(3, REGISTER).be32(5, REGISTER_2);
            }
            Self::Jump(chain) => verdict(w, -3, Some(chain)),
            Self::Goto(chain) => verdict(w, -4, Some(chain)),
            Self::Return => verdict(w, -5, None),
            Self::Drop => verdict(w, 0, None),
        }
    }
}

/// Writes the verdict on a packet (`NFT_*` codes).
fn verdict(w: &mut Writer, code: i32, chain: Option<&str>) {
    const VERDICT_REGISTER: u32 = 0;
    w.be32(1, VERDICT_REGISTER);
    w.nest(2, |w| {
        w.nest(nfta::DATA_VERDICT, |w| {
            w.be32(nfta::VERDICT_CODE, code.cast_unsigned());
            if let Some(chain) = chain {
                w.text(nfta::VERDICT_CHAIN, chain);
            }
        });
    });
}

/// Load the source address of a packet of that family.
pub const fn source(like: IpAddr) -> Expr {
    match like {
        IpAddr::V4(_) => Expr::Network { offset: 12, len: 4 },
        IpAddr::V6(_) => Expr::Network { offset: 8, len: 16 },
    }
}

/// Load the destination address.
pub const fn destination(like: IpAddr) -> Expr {
    match like {
        IpAddr::V4(_) => Expr::Network { offset: 16, len: 4 },
        IpAddr::V6(_) => Expr::Network { offset: 24, len: 16 },
    }
}

pub fn octets(addr: IpAddr) -> Vec<u8> {
    match addr {
        IpAddr::V4(a) => a.octets().to_vec(),
        IpAddr::V6(a) => a.octets().to_vec(),
    }
}
