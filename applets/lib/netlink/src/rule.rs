//! Rules that choose the routing table of a packet.

use kit::{Context, Result};

use crate::socket::{Answer, flag};
use crate::wire::{Attribute, Writer, attributes, u32_at};
use crate::{Cidr, Netlink, family};

const NEWRULE: u16 = 32;
const DELRULE: u16 = 33;
const GETRULE: u16 = 34;
/// Bytes of `struct fib_rule_hdr`.
const HEADER: usize = 12;

/// Attributes of a rule (`FRA_*`).
mod fra {
    pub const DST: u16 = 1;
    pub const SRC: u16 = 2;
    pub const IIFNAME: u16 = 3;
    pub const GOTO: u16 = 4;
    pub const PRIORITY: u16 = 6;
    pub const FWMARK: u16 = 10;
    pub const SUPPRESS_PREFIX: u16 = 14;
    pub const TABLE: u16 = 15;
    pub const FWMASK: u16 = 16;
    pub const OIFNAME: u16 = 17;
    pub const UID_RANGE: u16 = 20;
    pub const IP_PROTO: u16 = 22;
    pub const SPORT_RANGE: u16 = 23;
    pub const DPORT_RANGE: u16 = 24;
}

/// A rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rule {
    /// True for IPv6.
    pub is_v6: bool,
    /// Its place; a rule of a lower number is asked earlier.
    pub priority: Option<u32>,
    /// True if it is for packets that do not fit.
    pub is_not: bool,
    /// Addresses that the packet comes from.
    pub source: Option<Cidr>,
    /// Addresses that it goes to.
    pub destination: Option<Cidr>,
    /// Its type of service.
    pub tos: u8,
    /// The mark and the bits of it that count.
    pub mark: Option<(u32, u32)>,
    /// Name of the link that it came by.
    pub from_link: Option<String>,
    /// Name of the link that its socket is bound to.
    pub to_link: Option<String>,
    /// Flags (`FIB_RULE_*`).
    pub flags: u32,
    /// Its protocol's number.
    pub protocol: Option<u8>,
    /// First and last port that it comes from.
    pub source_ports: Option<(u16, u16)>,
    /// First and last port that it goes to.
    pub destination_ports: Option<(u16, u16)>,
    /// First and last user.
    pub users: Option<(u32, u32)>,
    /// The action (`FR_ACT_*`), 0 for any of them in a deletion.
    pub action: u8,
    /// The table, 0 for none.
    pub table: u32,
    /// The rule to go on with.
    pub goto: Option<u32>,
    /// The prefix up to which a route of the table does not count.
    pub suppress: Option<u32>,
}

impl Rule {
    /// Asks the table.
    pub const LOOKUP: u8 = 1;
    /// Goes on with another rule.
    pub const GOTO: u8 = 2;
    /// Does nothing.
    pub const NOP: u8 = 3;
    /// Drops the packet in silence.
    pub const BLACKHOLE: u8 = 6;
    /// Answers that nobody is there.
    pub const UNREACHABLE: u8 = 7;
    /// Answers that it is forbidden.
    pub const PROHIBIT: u8 = 8;
    /// Bit of `flags` when there is no rule to go on with.
    pub const UNRESOLVED: u32 = 0x4;
    /// Bit of `flags` when there is no such link to come from.
    pub const NO_FROM_LINK: u32 = 0x8;
    /// Bit of `flags` when there is no such link to leave by.
    pub const NO_TO_LINK: u32 = 0x10;
    const INVERT: u32 = 0x2;

    fn parse(answer: &Answer) -> Option<Self> {
        let head = answer.body.get(..HEADER)?;
        let flags = u32_at(head, 8)?;
        let mut rule = Self {
            is_v6: head[0] == family::V6,
            is_not: flags & Self::INVERT != 0,
            flags,
            tos: head[3],
            action: head[7],
            table: head[4].into(),
            priority: Some(0),
            ..Self::default()
        };
        let mut mask = None;
        for a in attributes(&answer.body[HEADER..]) {
            match a.kind {
                fra::SRC => rule.source = a.ip().and_then(|ip| Cidr::new(ip, head[2])),
                fra::DST => rule.destination = a.ip().and_then(|ip| Cidr::new(ip, head[1])),
                fra::IIFNAME => rule.from_link = Some(a.text()),
                fra::OIFNAME => rule.to_link = Some(a.text()),
                fra::GOTO => rule.goto = Some(a.u32()),
                fra::PRIORITY => rule.priority = Some(a.u32()),
                fra::FWMARK => rule.mark = Some((a.u32(), u32::MAX)),
                fra::FWMASK => mask = Some(a.u32()),
                fra::TABLE => rule.table = a.u32(),
                fra::SUPPRESS_PREFIX => rule.suppress = Some(a.u32()).filter(|prefix| *prefix != u32::MAX),
                fra::UID_RANGE => rule.users = u32_at(a.value, 0).zip(u32_at(a.value, 4)),
                fra::IP_PROTO => rule.protocol = Some(a.u8()),
                fra::SPORT_RANGE => rule.source_ports = ports(&a),
                fra::DPORT_RANGE => rule.destination_ports = ports(&a),
                _ => {}
            }
        }
        // The kernel leaves a mark of 0 away and tells its mask alone.
        rule.mark = rule.mark.map(|(mark, _)| mark).or(mask.and(Some(0))).map(|mark| (mark, mask.unwrap_or(u32::MAX)));
        Some(rule)
    }

    /// Writes what this library can set: all but ports, protocol, users, goto and prefixes.
    fn fill(&self, w: &mut Writer) {
        let prefix = |cidr: Option<Cidr>| cidr.map_or(0, |cidr| cidr.prefix);
        let number = if self.is_v6 { family::V6 } else { family::V4 };
        // A table above 255 stands in its attribute alone.
        let table = u8::try_from(self.table).unwrap_or(0);
        w.put(&[number, prefix(self.destination), prefix(self.source), self.tos, table, 0, 0, self.action]);
        w.put(&if self.is_not { Self::INVERT } else { 0 }.to_ne_bytes());
        for (kind, cidr) in [(fra::SRC, self.source), (fra::DST, self.destination)] {
            if let Some(cidr) = cidr {
                w.ip(kind, cidr.addr);
            }
        }
        for (kind, name) in [(fra::IIFNAME, &self.from_link), (fra::OIFNAME, &self.to_link)] {
            if let Some(name) = name {
                w.text(kind, name);
            }
        }
        if let Some(priority) = self.priority {
            w.u32(fra::PRIORITY, priority);
        }
        if let Some((mark, mask)) = self.mark {
            w.u32(fra::FWMARK, mark).u32(fra::FWMASK, mask);
        }
        if self.table != 0 {
            w.u32(fra::TABLE, self.table);
        }
    }
}

fn ports(a: &Attribute<'_>) -> Option<(u16, u16)> {
    Some((crate::wire::u16_at(a.value, 0)?, crate::wire::u16_at(a.value, 2)?))
}

impl Netlink {
    /// All rules of IPv4 or of IPv6, in their order.
    pub fn rules(&mut self, is_v6: bool) -> Result<Vec<Rule>> {
        let number = if is_v6 { family::V6 } else { family::V4 };
        let ask = |w: &mut Writer| {
            w.put(&[number, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        };
        let answers = self.dump(GETRULE, ask).doing("list the rules")?;
        Ok(answers.iter().filter_map(Rule::parse).filter(|rule| rule.is_v6 == is_v6).collect())
    }

    /// Add a rule; that it is there is an error.
    pub fn add_rule(&mut self, rule: &Rule) -> Result<()> {
        self.request(NEWRULE, flag::CREATE | flag::EXCL, |w| rule.fill(w)).map(drop).doing("add the rule")
    }

    /// Delete the first rule that fits; that there is none is an error.
    pub fn delete_rule(&mut self, rule: &Rule) -> Result<()> {
        self.request(DELRULE, 0, |w| rule.fill(w)).map(drop).doing("delete the rule")
    }
}
