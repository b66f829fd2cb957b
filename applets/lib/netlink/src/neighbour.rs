//! Neighbours: which hardware address an IP address on a link has.

use std::net::IpAddr;

use kit::{Context, Result};

use crate::link_change::gone;
use crate::socket::{Answer, flag};
use crate::wire::{Writer, attributes, u16_at, u32_at};
use crate::{Netlink, family};

const NEWNEIGH: u16 = 28;
const DELNEIGH: u16 = 29;
const GETNEIGH: u16 = 30;
/// Bytes of `struct ndmsg`.
const NDMSG: usize = 12;
const DST: u16 = 1;
const LLADDR: u16 = 2;
/// Set by hand, never to be checked (`NUD_PERMANENT`).
const PERMANENT: u16 = 0x80;
/// A link that needs no neighbours (`NUD_NOARP`).
const NOARP: u16 = 0x40;

/// An entry of the neighbour table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// The IP address.
    pub addr: IpAddr,
    /// The link's number.
    pub index: u32,
    /// The hardware address; empty while it is not known.
    pub hardware: Vec<u8>,
    /// The state (`NUD_*`).
    pub state: u16,
    /// True if it is a router.
    pub router: bool,
}

impl Neighbour {
    /// The state as iproute2 writes it.
    pub const fn state_name(&self) -> &'static str {
        match self.state {
            0x01 => "INCOMPLETE",
            0x02 => "REACHABLE",
            0x04 => "STALE",
            0x08 => "DELAY",
            0x10 => "PROBE",
            0x20 => "FAILED",
            NOARP => "NOARP",
            PERMANENT => "PERMANENT",
            _ => "NONE",
        }
    }

    /// Tells if the link needs none and the kernel made this one up.
    pub const fn is_made_up(&self) -> bool {
        self.state == NOARP
    }

    fn parse(answer: &Answer) -> Option<Self> {
        const ROUTER: u8 = 0x80;
        let head = answer.body.get(..NDMSG)?;
        let find = |kind| attributes(&answer.body[NDMSG..]).find(|a| a.kind == kind);
        Some(Self {
            addr: find(DST)?.ip()?,
            index: u32_at(head, 4)?,
            hardware: find(LLADDR).map(|a| a.value.to_vec()).unwrap_or_default(),
            state: u16_at(head, 8)?,
            router: head[10] & ROUTER != 0,
        })
    }
}

impl Netlink {
    /// All neighbours of all links, IPv4 first.
    pub fn neighbours(&mut self) -> Result<Vec<Neighbour>> {
        let mut found = Vec::new();
        for family in [family::V4, family::V6] {
            let ask = |w: &mut Writer| {
                w.put(&[family, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            };
            let answers = self.dump(GETNEIGH, ask).doing("list the neighbours")?;
            found.extend(answers.iter().filter(|a| a.body.first() == Some(&family)).filter_map(Neighbour::parse));
        }
        Ok(found)
    }

    /// Set an address's hardware address for good.
    pub fn replace_neighbour(&mut self, name: &str, addr: IpAddr, hardware: &[u8]) -> Result<()> {
        let index = self.need(name)?.index;
        let set = self.request(NEWNEIGH, flag::CREATE | flag::REPLACE, |w| {
            fill(w, index, addr, PERMANENT);
            w.bytes(LLADDR, hardware);
        });
        set.map(drop).doing(format_args!("set the neighbour {addr} of {name}"))
    }

    /// Forget an entry; false when there is none such.
    pub fn delete_neighbour(&mut self, name: &str, addr: IpAddr) -> Result<bool> {
        let index = self.need(name)?.index;
        let deleted = self.request(DELNEIGH, 0, |w| fill(w, index, addr, 0));
        gone(deleted).doing(format_args!("delete the neighbour {addr} of {name}"))
    }
}

fn fill(w: &mut Writer, index: u32, addr: IpAddr, state: u16) {
    w.put(&[family::of(addr), 0, 0, 0]).put(&index.to_ne_bytes()).put(&state.to_ne_bytes()).put(&[0, 0]);
    w.ip(DST, addr);
}
