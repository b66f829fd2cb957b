//! nf_tables: address translation for pods, by messages to the kernel; no `nft` or `iptables` program is needed.
//!
//! All of ours is in the tables `ip kutties` and `ip6 kutties`. Each thing that can be made and deleted by itself is a chain, because
//! "make it, empty it, fill it" is one transaction that can be repeated without asking first what is there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use kit::{Context, Result};
use rustix::net::netlink::NETFILTER;

use crate::link_change::gone;
use crate::socket::{Fault, flag};
use crate::wire::Writer;
use crate::{Cidr, Netlink, family};

/// Our tables' name.
const TABLE: &str = "kutties";

/// Message types (`NFT_MSG_*` in the subsystem's number space).
mod msg {
    const SUBSYSTEM: u16 = 10 << 8;
    pub const BEGIN: u16 = 0x10;
    pub const END: u16 = 0x11;
    pub const NEWTABLE: u16 = SUBSYSTEM;
    pub const NEWCHAIN: u16 = SUBSYSTEM | 3;
    pub const DELCHAIN: u16 = SUBSYSTEM | 5;
    pub const NEWRULE: u16 = SUBSYSTEM | 6;
    pub const DELRULE: u16 = SUBSYSTEM | 8;
}

/// Attributes (`NFTA_*`).
mod nfta {
    pub const TABLE_NAME: u16 = 1;
    pub const CHAIN_TABLE: u16 = 1;
    pub const CHAIN_NAME: u16 = 3;
    pub const CHAIN_HOOK: u16 = 4;
    pub const CHAIN_TYPE: u16 = 7;
    pub const HOOK_NUMBER: u16 = 1;
    pub const HOOK_PRIORITY: u16 = 2;
    pub const RULE_TABLE: u16 = 1;
    pub const RULE_CHAIN: u16 = 2;
    pub const RULE_EXPRESSIONS: u16 = 4;
    pub const ELEMENT: u16 = 1;
    pub const EXPR_NAME: u16 = 1;
    pub const EXPR_DATA: u16 = 2;
    pub const DATA_VALUE: u16 = 1;
}

/// Where in a packet's way a chain stands, and when among its like.
#[derive(Debug, Clone, Copy)]
enum Hook {
    /// Before routing, where destinations are translated.
    Prerouting,
    /// Packets of this machine's own.
    Output,
    /// After routing, where sources are translated.
    Postrouting,
}

impl Hook {
    const fn number(self) -> u32 {
        match self {
            Self::Prerouting => 0,
            Self::Output => 3,
            Self::Postrouting => 4,
        }
    }

    const fn priority(self) -> i32 {
        match self {
            Self::Prerouting | Self::Output => -100,
            Self::Postrouting => 100,
        }
    }
}

/// The register that all expressions work in.
const REGISTER: u32 = 1;
/// A second one, for a port beside an address.
const REGISTER_2: u32 = 2;

/// One expression of a rule.
#[derive(Debug, Clone)]
enum Expr {
    /// Load bytes of the network header.
    Network { offset: u32, len: u32 },
    /// Load the transport header's destination port.
    Port,
    /// Load the transport protocol.
    Protocol,
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
}

/// Let packets from pods of `network` to outside of it leave under this machine's own address. Multicast is left alone.
pub fn masquerade(network: Cidr) -> Result<()> {
    let network = network.network();
    let (mask, multicast) = match network.addr {
        IpAddr::V4(_) => (octets(network.netmask()), Cidr { addr: Ipv4Addr::new(224, 0, 0, 0).into(), prefix: 4 }),
        IpAddr::V6(_) => (octets(network.netmask()), Cidr { addr: Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0).into(), prefix: 8 }),
    };
    let destination_outside =
        |cidr: Cidr| [destination(cidr.addr), Expr::Mask(octets(cidr.netmask())), Expr::IsNot(octets(cidr.addr))];
    let mut rule = vec![source(network.addr), Expr::Mask(mask), Expr::Is(octets(network.addr))];
    rule.extend(destination_outside(network));
    rule.extend(destination_outside(multicast));
    rule.push(Expr::Masquerade);
    let name = format!("masquerade_{}", network.to_string().replace(['.', ':', '/'], "_"));
    let chain = Chain { family: family::of(network.addr), name, hook: Hook::Postrouting };
    chain.fill(&[rule]).doing(format_args!("masquerade {network}"))
}

/// A port of this machine that leads to a pod.
#[derive(Debug, Clone, Copy)]
pub struct Forward {
    /// The IP protocol's number: 6 TCP, 17 UDP, 132 SCTP.
    pub protocol: u8,
    /// The address on this machine; any of its addresses when none.
    pub host: Option<IpAddr>,
    /// The port on this machine.
    pub host_port: u16,
    /// The pod.
    pub pod: IpAddr,
    /// The port in the pod.
    pub pod_port: u16,
}

/// Lead ports of this machine to a pod, in the place of what was set under that name before.
pub fn forward(name: &str, forwards: &[Forward]) -> Result<()> {
    for own_family in [family::V4, family::V6] {
        let own: Vec<_> = forwards.iter().filter(|f| family::of(f.pod) == own_family).collect();
        if own.is_empty() {
            continue;
        }
        let rules: Vec<_> = own.iter().map(|f| f.rule()).collect();
        for (hook, prefix) in [(Hook::Prerouting, "ports_in"), (Hook::Output, "ports_out")] {
            let chain = Chain { family: own_family, name: format!("{prefix}_{name}"), hook };
            chain.fill(&rules).doing(format_args!("lead ports to {name}"))?;
        }
        // A pod that reaches itself by the host's port must see another source than itself; so must what came from 127.0.0.1.
        let chain = Chain { family: own_family, name: format!("ports_back_{name}"), hook: Hook::Postrouting };
        let back: Vec<_> = own.iter().flat_map(|f| f.back()).collect();
        chain.fill(&back).doing(format_args!("lead ports to {name}"))?;
    }
    Ok(())
}

/// Undo [`forward`]; no error when there is nothing.
pub fn unforward(name: &str) -> Result<()> {
    for own_family in [family::V4, family::V6] {
        for (hook, prefix) in [(Hook::Prerouting, "ports_in"), (Hook::Output, "ports_out"), (Hook::Postrouting, "ports_back")] {
            let chain = Chain { family: own_family, name: format!("{prefix}_{name}"), hook };
            gone(chain.delete()).doing(format_args!("undo the ports of {name}"))?;
        }
    }
    Ok(())
}

impl Forward {
    fn rule(&self) -> Vec<Expr> {
        /// `RTN_LOCAL`: an address of this machine.
        const LOCAL: u32 = 2;
        let mut rule = match self.host {
            Some(host) => vec![destination(host), Expr::Is(octets(host))],
            None => vec![Expr::DestinationType, Expr::Is(LOCAL.to_ne_bytes().to_vec())],
        };
        rule.extend([Expr::Protocol, Expr::Is(vec![self.protocol]), Expr::Port, Expr::Is(self.host_port.to_be_bytes().to_vec())]);
        rule.extend([
            Expr::Load(REGISTER, octets(self.pod)),
            Expr::Load(REGISTER_2, self.pod_port.to_be_bytes().to_vec()),
            Expr::Destination(family::of(self.pod)),
        ]);
        rule
    }

    fn back(&self) -> Vec<Vec<Expr>> {
        let to_pod = [destination(self.pod), Expr::Is(octets(self.pod))];
        let mut from = vec![Cidr::host(self.pod)];
        if self.pod.is_ipv4() {
            from.push(Cidr { addr: Ipv4Addr::new(127, 0, 0, 0).into(), prefix: 8 });
        }
        let rule = |from: Cidr| {
            let source = [source(from.addr), Expr::Mask(octets(from.netmask())), Expr::Is(octets(from.addr))];
            source.into_iter().chain(to_pod.clone()).chain([Expr::Masquerade]).collect()
        };
        from.into_iter().map(rule).collect()
    }
}

/// A base chain of ours.
struct Chain {
    family: u8,
    name: String,
    hook: Hook,
}

impl Chain {
    /// Make the chain if it is not there, and let it hold exactly these rules.
    fn fill(&self, rules: &[Vec<Expr>]) -> Result<(), Fault> {
        let mut batch = Batch::new(self.family);
        batch.add(msg::NEWTABLE, flag::CREATE, |w| {
            w.text(nfta::TABLE_NAME, TABLE);
        });
        batch.add(msg::NEWCHAIN, flag::CREATE, |w| {
            w.text(nfta::CHAIN_TABLE, TABLE).text(nfta::CHAIN_NAME, &self.name);
            w.nest(nfta::CHAIN_HOOK, |w| {
                w.be32(nfta::HOOK_NUMBER, self.hook.number());
                w.be32(nfta::HOOK_PRIORITY, self.hook.priority().cast_unsigned());
            });
            w.text(nfta::CHAIN_TYPE, "nat");
        });
        batch.add(msg::DELRULE, 0, |w| {
            w.text(nfta::RULE_TABLE, TABLE).text(nfta::RULE_CHAIN, &self.name);
        });
        for rule in rules {
            batch.add(msg::NEWRULE, flag::CREATE | flag::APPEND, |w| {
                w.text(nfta::RULE_TABLE, TABLE).text(nfta::RULE_CHAIN, &self.name);
                w.nest(nfta::RULE_EXPRESSIONS, |w| rule.iter().for_each(|expr| expr.write(w)));
            });
        }
        batch.commit()
    }

    fn delete(&self) -> Result<(), Fault> {
        let mut batch = Batch::new(self.family);
        for kind in [msg::DELRULE, msg::DELCHAIN] {
            batch.add(kind, 0, |w| {
                // A chain's table and name have other numbers than a rule's.
                let name = if kind == msg::DELCHAIN { nfta::CHAIN_NAME } else { nfta::RULE_CHAIN };
                w.text(nfta::RULE_TABLE, TABLE).text(name, &self.name);
            });
        }
        batch.commit()
    }
}

/// A transaction: all of it happens or nothing.
struct Batch {
    family: u8,
    messages: Vec<(u16, u16, Writer)>,
}

impl Batch {
    const fn new(family: u8) -> Self {
        Self { family, messages: Vec::new() }
    }

    fn add(&mut self, kind: u16, flags: u16, fill: impl FnOnce(&mut Writer)) {
        let mut body = Writer::default();
        body.put(&[self.family, 0, 0, 0]);
        fill(&mut body);
        self.messages.push((kind, flags, body));
    }

    fn commit(self) -> Result<(), Fault> {
        /// The subsystem's number in network order, in the frame's fixed part.
        const FRAME: [u8; 4] = [family::UNSPEC, 0, 0, 10];
        let mut nl = Netlink::open_protocol(Some(NETFILTER)).map_err(|_| Fault::from(rustix::io::Errno::PROTONOSUPPORT))?;
        let mut seq = nl.take_seq(self.messages.len() as u32 + 2);
        let mut batch = Writer::default();
        let mut put = |kind, flags, body: &[u8]| {
            batch.message(kind, flags | flag::REQUEST, seq, |w| {
                w.put(body);
            });
            seq += 1;
        };
        put(msg::BEGIN, 0, &FRAME);
        let last = self.messages.len().saturating_sub(1);
        for (at, (kind, flags, body)) in self.messages.into_iter().enumerate() {
            let ack = if at == last { flag::ACK } else { 0 };
            put(kind, flags | ack, &body.into_bytes());
        }
        put(msg::END, 0, &FRAME);
        nl.send(&batch.into_bytes())?;
        // The last message before the frame's end is the one that is acknowledged.
        nl.wait_for(seq - 2, &mut Vec::new()).map(drop)
    }
}

impl Expr {
    const fn name(&self) -> &'static str {
        match self {
            Self::Network { .. } | Self::Port => "payload",
            Self::Protocol => "meta",
            Self::DestinationType => "fib",
            Self::Mask(_) => "bitwise",
            Self::Is(_) | Self::IsNot(_) => "cmp",
            Self::Load(..) => "immediate",
            Self::Masquerade => "masq",
            Self::Destination(_) => "nat",
        }
    }

    fn write(&self, w: &mut Writer) {
        w.nest(nfta::ELEMENT, |w| {
            w.text(nfta::EXPR_NAME, self.name());
            w.nest(nfta::EXPR_DATA, |w| self.data(w));
        });
    }

    /// The expression's own attributes, which each kind numbers for itself.
    fn data(&self, w: &mut Writer) {
        const NETWORK_HEADER: u32 = 1;
        const TRANSPORT_HEADER: u32 = 2;
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
        }
    }
}

/// Load the source address of a packet of that family.
const fn source(like: IpAddr) -> Expr {
    match like {
        IpAddr::V4(_) => Expr::Network { offset: 12, len: 4 },
        IpAddr::V6(_) => Expr::Network { offset: 8, len: 16 },
    }
}

/// Load the destination address.
const fn destination(like: IpAddr) -> Expr {
    match like {
        IpAddr::V4(_) => Expr::Network { offset: 16, len: 4 },
        IpAddr::V6(_) => Expr::Network { offset: 24, len: 16 },
    }
}

fn octets(addr: IpAddr) -> Vec<u8> {
    match addr {
        IpAddr::V4(a) => a.octets().to_vec(),
        IpAddr::V6(a) => a.octets().to_vec(),
    }
}
