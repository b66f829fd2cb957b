//! Links as the kernel lists them.

use kit::{Context, Error, Result};

use crate::socket::{Answer, is_absent};
use crate::wire::{Writer, attributes, u32_at};
use crate::{Netlink, family};

pub(crate) mod rtm {
    pub const NEWLINK: u16 = 16;
    pub const DELLINK: u16 = 17;
    pub const GETLINK: u16 = 18;
    pub const SETLINK: u16 = 19;
}

/// Attributes of a link (`IFLA_*`).
pub(crate) mod ifla {
    pub const ADDRESS: u16 = 1;
    pub const BROADCAST: u16 = 2;
    pub const IFNAME: u16 = 3;
    pub const MTU: u16 = 4;
    pub const LINK: u16 = 5;
    pub const QDISC: u16 = 6;
    pub const MASTER: u16 = 10;
    pub const TXQLEN: u16 = 13;
    pub const OPERSTATE: u16 = 16;
    pub const LINKINFO: u16 = 18;
    pub const NET_NS_FD: u16 = 28;
    pub const GROUP: u16 = 27;
    pub const EXT_MASK: u16 = 29;
    pub const PROMISCUITY: u16 = 30;
    pub const CARRIER: u16 = 33;
    pub const LINK_NETNSID: u16 = 37;
    pub const ALT_IFNAME: u16 = 53;
    pub const PROP_LIST: u16 = 52;
    pub const INFO_KIND: u16 = 1;
    pub const INFO_DATA: u16 = 2;
}

/// Bits of a link's flags (`IFF_*`).
pub(crate) mod iff {
    pub const UP: u32 = 0x1;
    pub const LOOPBACK: u32 = 0x8;
    pub const LOWER_UP: u32 = 0x1_0000;
    pub const PROMISC: u32 = 0x100;
}

/// Asks for counters of virtual functions to be left out, which can be large.
const SKIP_STATS: u32 = 1 << 3;
/// Bytes of `struct ifinfomsg`.
pub(crate) const IFINFO: usize = 16;

/// State of a link's lower layers (RFC 2863).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OperState {
    /// The driver does not say; loopback and many virtual links are so.
    #[default]
    Unknown,
    /// A part of it is missing.
    NotPresent,
    /// Down.
    Down,
    /// The link below it is down.
    LowerLayerDown,
    /// In a test.
    Testing,
    /// Waits for something such as 802.1X.
    Dormant,
    /// Up.
    Up,
}

impl OperState {
    const fn of(number: u8) -> Self {
        match number {
            1 => Self::NotPresent,
            2 => Self::Down,
            3 => Self::LowerLayerDown,
            4 => Self::Testing,
            5 => Self::Dormant,
            6 => Self::Up,
            _ => Self::Unknown,
        }
    }

    /// As `ip link` writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::NotPresent => "NOTPRESENT",
            Self::Down => "DOWN",
            Self::LowerLayerDown => "LOWERLAYERDOWN",
            Self::Testing => "TESTING",
            Self::Dormant => "DORMANT",
            Self::Up => "UP",
        }
    }
}

/// A link, as the kernel tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Link {
    /// Its number.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Other names that it answers to.
    pub other_names: Vec<String>,
    /// The kind of a virtual link (`veth`, `bridge`); none for hardware and loopback.
    pub kind: Option<String>,
    /// Hardware type of ARP (`ARPHRD_*`): 1 Ethernet, 772 loopback.
    pub hardware: u16,
    /// Flags (`IFF_*`).
    pub flags: u32,
    /// The longest packet, in bytes.
    pub mtu: u32,
    /// Its hardware address; empty when it has none.
    pub address: Vec<u8>,
    /// Its hardware broadcast address.
    pub broadcast: Vec<u8>,
    /// The number of its bridge or bond.
    pub master: Option<u32>,
    /// The number of the link that it lies on (vlan) or of its other end (veth), which may be in another namespace.
    pub lower: Option<u32>,
    /// The id by which this namespace knows that other namespace.
    pub lower_netns: Option<i32>,
    /// True if it has a carrier; known while it is up.
    pub carrier: bool,
    /// State of its lower layers.
    pub state: OperState,
    /// Its queueing discipline.
    pub qdisc: String,
    /// The length of its transmit queue, in packets.
    pub queue: u32,
    /// Its group, 0 for the default.
    pub group: u32,
    /// Number of users that want it promiscuous.
    pub promiscuity: u32,
}

impl Link {
    /// Tells if it was set up by somebody (not: if it has a carrier).
    pub const fn is_up(&self) -> bool {
        self.flags & iff::UP != 0
    }

    /// Tells if it is a loopback link.
    pub const fn is_loopback(&self) -> bool {
        self.flags & iff::LOOPBACK != 0
    }

    /// Tells if packets can pass: up, and with a carrier.
    pub const fn is_running(&self) -> bool {
        self.is_up() && self.flags & iff::LOWER_UP != 0
    }

    /// Tells if it is a real or paravirtual network interface: Ethernet, and of no virtual kind.
    pub const fn is_card(&self) -> bool {
        const ETHERNET: u16 = 1;
        self.hardware == ETHERNET && self.kind.is_none()
    }

    /// Its hardware address with colons; empty when it has none.
    pub fn mac(&self) -> String {
        kit::hex::joined(&self.address, ":")
    }

    fn parse(answer: &Answer) -> Option<Self> {
        let body = answer.body.get(..IFINFO)?;
        let mut link =
            Self { hardware: crate::wire::u16_at(body, 2)?, index: u32_at(body, 4)?, flags: u32_at(body, 8)?, ..Self::default() };
        for a in attributes(&answer.body[IFINFO..]) {
            match a.kind {
                ifla::IFNAME => link.name = a.text(),
                ifla::ADDRESS => link.address = a.value.to_vec(),
                ifla::BROADCAST => link.broadcast = a.value.to_vec(),
                ifla::MTU => link.mtu = a.u32(),
                ifla::LINK => link.lower = Some(a.u32()).filter(|i| *i != 0),
                ifla::LINK_NETNSID => link.lower_netns = Some(a.u32().cast_signed()),
                ifla::MASTER => link.master = Some(a.u32()).filter(|i| *i != 0),
                ifla::TXQLEN => link.queue = a.u32(),
                ifla::OPERSTATE => link.state = OperState::of(a.u8()),
                ifla::QDISC => link.qdisc = a.text(),
                ifla::GROUP => link.group = a.u32(),
                ifla::PROMISCUITY => link.promiscuity = a.u32(),
                ifla::CARRIER => link.carrier = a.u8() != 0,
                ifla::LINKINFO => {
                    link.kind = attributes(a.value).find(|a| a.kind == ifla::INFO_KIND).map(|a| a.text());
                }
                ifla::PROP_LIST => {
                    let names = attributes(a.value).filter(|a| a.kind == ifla::ALT_IFNAME);
                    link.other_names = names.map(|a| a.text()).collect();
                }
                _ => {}
            }
        }
        Some(link)
    }
}

impl Netlink {
    /// All links, by their numbers.
    pub fn links(&mut self) -> Result<Vec<Link>> {
        let ask = |w: &mut Writer| {
            w.put(&[0; IFINFO]).u32(ifla::EXT_MASK, SKIP_STATS);
        };
        let answers = self.dump(rtm::GETLINK, ask).doing("list the links")?;
        Ok(answers.iter().filter_map(Link::parse).collect())
    }

    /// A link by its name, or none.
    pub fn link(&mut self, name: &str) -> Result<Option<Link>> {
        match self.ask_link(0, Some(name)) {
            Ok(link) => Ok(link),
            Err(e) if is_absent(&e) => Ok(None),
            Err(e) => Err(e).doing(format_args!("look up the link {name}")),
        }
    }

    /// A link by its number, or none.
    pub fn link_by_index(&mut self, index: u32) -> Result<Option<Link>> {
        match self.ask_link(index, None) {
            Ok(link) => Ok(link),
            Err(e) if is_absent(&e) => Ok(None),
            Err(e) => Err(e).doing(format_args!("look up link number {index}")),
        }
    }

    /// A link by its name; that there is none is an error.
    pub fn need(&mut self, name: &str) -> Result<Link> {
        self.link(name)?.ok_or_else(|| Error::new(format!("there is no link {name}")))
    }

    fn ask_link(&mut self, index: u32, name: Option<&str>) -> Result<Option<Link>> {
        let answers = self.request(rtm::GETLINK, 0, |w| {
            ifinfo(w, index, 0, 0);
            if let Some(name) = name {
                // A name too long for IFNAME can only be an alternative one.
                let kind = if name.len() < 16 { ifla::IFNAME } else { ifla::ALT_IFNAME };
                w.text(kind, name);
            }
            w.u32(ifla::EXT_MASK, SKIP_STATS);
        })?;
        Ok(answers.first().and_then(Link::parse))
    }
}

/// `struct ifinfomsg`: which link, which flags to set among those of `change`.
pub(crate) fn ifinfo(w: &mut Writer, index: u32, flags: u32, change: u32) {
    w.put(&[family::UNSPEC, 0, 0, 0]).put(&index.to_ne_bytes()).put(&flags.to_ne_bytes()).put(&change.to_ne_bytes());
}
