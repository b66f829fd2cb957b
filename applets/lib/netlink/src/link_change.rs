//! Making, changing and deleting links.

use std::net::IpAddr;
use std::os::fd::{AsRawFd, BorrowedFd};

use kit::{Context, Result};

use crate::link::{iff, ifinfo, ifla, rtm};
use crate::socket::{flag, is_absent};
use crate::wire::Writer;
use crate::{Netlink, family};

/// Attributes inside a kind's data.
mod data {
    pub const VETH_PEER: u16 = 1;
    pub const VLAN_ID: u16 = 1;
    pub const VXLAN_ID: u16 = 1;
    pub const VXLAN_GROUP: u16 = 2;
    pub const VXLAN_LINK: u16 = 3;
    pub const VXLAN_LOCAL: u16 = 4;
    pub const VXLAN_LEARNING: u16 = 7;
    pub const VXLAN_PORT: u16 = 15;
    pub const VXLAN_GROUP6: u16 = 16;
    pub const VXLAN_LOCAL6: u16 = 17;
    pub const BRIDGE_VLAN_FILTERING: u16 = 7;
    pub const BOND_MODE: u16 = 1;
    pub const BOND_MIIMON: u16 = 3;
    pub const BOND_UPDELAY: u16 = 4;
    pub const BOND_DOWNDELAY: u16 = 5;
    pub const BOND_HASH: u16 = 14;
    pub const BOND_MIN_LINKS: u16 = 18;
    pub const BOND_LACP_RATE: u16 = 21;
    pub const MACVLAN_MODE: u16 = 1;
}

/// Attributes of a bridge's port (`IFLA_PROTINFO`).
mod port {
    pub const PROTINFO: u16 = 12;
    pub const HAIRPIN: u16 = 4;
    pub const ISOLATED: u16 = 33;
}

/// A link to be made.
#[derive(Debug, Clone, Default)]
pub struct NewLink<'a> {
    /// Its name, at most 15 bytes.
    pub name: &'a str,
    /// Kind of the link.
    pub kind: Kind<'a>,
    /// The longest packet, in bytes; the kernel's own choice when none.
    pub mtu: Option<u32>,
    /// Its hardware address; a random one when none.
    pub address: Option<&'a [u8]>,
    /// The namespace that it is made in; this one when none.
    pub netns: Option<BorrowedFd<'a>>,
}

/// Kind of a new link.
#[derive(Debug, Clone, Default)]
pub enum Kind<'a> {
    /// Swallows everything.
    #[default]
    Dummy,
    /// A switch.
    Bridge {
        /// Tells ports apart by VLAN.
        vlan_filtering: bool,
    },
    /// A cable with two ends; the other end is described here (its `kind` is not looked at).
    Veth(Box<NewLink<'a>>),
    /// A VLAN on another link.
    Vlan {
        /// The VLAN's number, 1 to 4094.
        id: u16,
        /// The link that it lies on.
        on: &'a str,
    },
    /// Ethernet in UDP.
    Vxlan {
        /// The network's number, 24 bits.
        id: u32,
        /// The link that packets leave by.
        on: Option<&'a str>,
        /// The other end, or a multicast group.
        remote: Option<IpAddr>,
        /// The address that packets come from.
        local: Option<IpAddr>,
        /// The UDP port; the kernel's old default (8472) when none.
        port: Option<u16>,
        /// Learns the place of addresses from the packets that arrive.
        learning: bool,
    },
    /// Several links as one.
    Bond(Bond),
    /// Another hardware address on a link.
    Macvlan {
        /// The link that it lies on.
        on: &'a str,
        /// The mode (`MACVLAN_MODE_*`); the kernel's own choice (vepa) when none.
        mode: Option<u32>,
    },
    /// Any other kind that takes no options, such as `ifb`.
    Other(&'a str),
}

/// Options of a bond; the kernel's own choice where there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bond {
    /// The mode (`BOND_MODE_*`).
    pub mode: Option<u8>,
    /// Milliseconds between two looks at the carriers.
    pub miimon: Option<u32>,
    /// Milliseconds that a link must be up before it is used.
    pub up_delay: Option<u32>,
    /// Milliseconds that a link must be down before it is left.
    pub down_delay: Option<u32>,
    /// The part of a packet that chooses its link (`BOND_XMIT_POLICY_*`).
    pub hash: Option<u8>,
    /// Number of links below which the bond has no carrier.
    pub min_links: Option<u32>,
    /// 1 to ask the other side for LACP every second, 0 for every 30 seconds.
    pub lacp_rate: Option<u8>,
}

impl Kind<'_> {
    const fn name(&self) -> &str {
        match self {
            Self::Dummy => "dummy",
            Self::Bridge { .. } => "bridge",
            Self::Veth(_) => "veth",
            Self::Vlan { .. } => "vlan",
            Self::Vxlan { .. } => "vxlan",
            Self::Bond(_) => "bond",
            Self::Macvlan { .. } => "macvlan",
            Self::Other(name) => name,
        }
    }

    const fn on(&self) -> Option<&str> {
        match self {
            Self::Vlan { on, .. } | Self::Macvlan { on, .. } => Some(on),
            Self::Vxlan { on, .. } => *on,
            _ => None,
        }
    }
}

impl Netlink {
    /// Make a link; that its name is taken is an error.
    pub fn add_link(&mut self, new: &NewLink<'_>) -> Result<()> {
        let lower = new.kind.on().map(|name| self.need(name)).transpose()?.map(|link| link.index);
        let made = self.request(rtm::NEWLINK, flag::CREATE | flag::EXCL, |w| {
            ifinfo(w, 0, 0, 0);
            attributes(w, new);
            if let (Some(index), Kind::Vlan { .. } | Kind::Macvlan { .. }) = (lower, &new.kind) {
                w.u32(ifla::LINK, index);
            }
            w.nest(ifla::LINKINFO, |w| {
                w.text(ifla::INFO_KIND, new.kind.name());
                w.nest(ifla::INFO_DATA, |w| details(w, &new.kind, lower));
            });
        });
        made.map(drop).doing(format_args!("add the {} {}", new.kind.name(), new.name))
    }

    /// Delete a link; false when there is none of that name.
    pub fn delete_link(&mut self, name: &str) -> Result<bool> {
        let Some(link) = self.link(name)? else { return Ok(false) };
        let deleted = self.request(rtm::DELLINK, 0, |w| ifinfo(w, link.index, 0, 0));
        gone(deleted).doing(format_args!("delete the link {name}"))
    }

    /// Set a link up.
    pub fn up(&mut self, name: &str) -> Result<()> {
        self.change(name, "set up", iff::UP, iff::UP, |_| {})
    }

    /// Set a link down.
    pub fn down(&mut self, name: &str) -> Result<()> {
        self.change(name, "set down", 0, iff::UP, |_| {})
    }

    /// Set the longest packet, in bytes.
    pub fn set_mtu(&mut self, name: &str, bytes: u32) -> Result<()> {
        self.change(name, "set the MTU of", 0, 0, |w| {
            w.u32(ifla::MTU, bytes);
        })
    }

    /// Set the length of the transmit queue, in packets.
    pub fn set_queue(&mut self, name: &str, packets: u32) -> Result<()> {
        self.change(name, "set the queue of", 0, 0, |w| {
            w.u32(ifla::TXQLEN, packets);
        })
    }

    /// Set the hardware address.
    pub fn set_hardware_address(&mut self, name: &str, address: &[u8]) -> Result<()> {
        self.change(name, "set the hardware address of", 0, 0, |w| {
            w.bytes(ifla::ADDRESS, address);
        })
    }

    /// Give a link another name. Most links must be down.
    pub fn rename(&mut self, name: &str, to: &str) -> Result<()> {
        self.change(name, "rename", 0, 0, |w| {
            w.text(ifla::IFNAME, to);
        })
    }

    /// Hear all packets, or only one's own.
    pub fn set_promiscuous(&mut self, name: &str, on: bool) -> Result<()> {
        self.change(name, "set the promiscuity of", if on { iff::PROMISC } else { 0 }, iff::PROMISC, |_| {})
    }

    /// Make a link a port of a bridge or bond, or free it.
    pub fn set_master(&mut self, name: &str, master: Option<&str>) -> Result<()> {
        let index = master.map(|m| self.need(m)).transpose()?.map_or(0, |link| link.index);
        self.change(name, "set the master of", 0, 0, |w| {
            w.u32(ifla::MASTER, index);
        })
    }

    /// Move a link into another network namespace, where it is down and has no addresses.
    pub fn move_link(&mut self, name: &str, netns: BorrowedFd<'_>) -> Result<()> {
        self.change(name, "move into a network namespace", 0, 0, |w| {
            w.u32(ifla::NET_NS_FD, netns.as_raw_fd().cast_unsigned());
        })
    }

    /// Sets if a bridge sends packets back out of the port that they came by.
    pub fn set_hairpin(&mut self, name: &str, on: bool) -> Result<()> {
        self.set_port(name, "set hairpin mode of", port::HAIRPIN, on)
    }

    /// Sets if a bridge's port talks only to ports that are not isolated.
    pub fn set_isolated(&mut self, name: &str, on: bool) -> Result<()> {
        self.set_port(name, "set isolation of", port::ISOLATED, on)
    }

    fn set_port(&mut self, name: &str, what: &str, option: u16, on: bool) -> Result<()> {
        let index = self.need(name)?.index;
        let set = self.request(rtm::SETLINK, 0, |w| {
            w.put(&[family::BRIDGE, 0, 0, 0]).put(&index.to_ne_bytes()).put(&[0; 8]);
            w.nest(port::PROTINFO, |w| {
                w.bytes(option, &[u8::from(on)]);
            });
        });
        set.map(drop).doing(format_args!("{what} {name}"))
    }

    fn change(&mut self, name: &str, what: &str, flags: u32, mask: u32, fill: impl FnOnce(&mut Writer)) -> Result<()> {
        let index = self.need(name)?.index;
        let changed = self.request(rtm::NEWLINK, 0, |w| {
            ifinfo(w, index, flags, mask);
            fill(w);
        });
        changed.map(drop).doing(format_args!("{what} {name}"))
    }
}

/// Writes the attributes of all new links.
fn attributes(w: &mut Writer, new: &NewLink<'_>) {
    if !new.name.is_empty() {
        w.text(ifla::IFNAME, new.name);
    }
    if let Some(mtu) = new.mtu {
        w.u32(ifla::MTU, mtu);
    }
    if let Some(address) = new.address {
        w.bytes(ifla::ADDRESS, address);
    }
    if let Some(netns) = new.netns {
        w.u32(ifla::NET_NS_FD, netns.as_raw_fd().cast_unsigned());
    }
}

/// Writes the attributes of the kind.
fn details(w: &mut Writer, kind: &Kind<'_>, lower: Option<u32>) {
    match kind {
        Kind::Dummy | Kind::Other(_) => {}
        Kind::Bridge { vlan_filtering } => {
            if *vlan_filtering {
                w.bytes(data::BRIDGE_VLAN_FILTERING, &[1]);
            }
        }
        Kind::Veth(peer) => {
            w.nest(data::VETH_PEER, |w| {
                ifinfo(w, 0, 0, 0);
                attributes(w, peer);
            });
        }
        Kind::Vlan { id, .. } => {
            w.bytes(data::VLAN_ID, &id.to_ne_bytes());
        }
        Kind::Bond(bond) => bond_details(w, bond),
        Kind::Macvlan { mode, .. } => {
            if let Some(mode) = mode {
                w.u32(data::MACVLAN_MODE, *mode);
            }
        }
        Kind::Vxlan { id, remote, local, port, learning, .. } => {
            w.u32(data::VXLAN_ID, *id);
            if let Some(index) = lower {
                w.u32(data::VXLAN_LINK, index);
            }
            if let Some(addr) = remote {
                w.ip(if addr.is_ipv4() { data::VXLAN_GROUP } else { data::VXLAN_GROUP6 }, *addr);
            }
            if let Some(addr) = local {
                w.ip(if addr.is_ipv4() { data::VXLAN_LOCAL } else { data::VXLAN_LOCAL6 }, *addr);
            }
            if let Some(port) = port {
                w.bytes(data::VXLAN_PORT, &port.to_be_bytes());
            }
            w.bytes(data::VXLAN_LEARNING, &[u8::from(*learning)]);
        }
    }
}

fn bond_details(w: &mut Writer, bond: &Bond) {
    let bytes = [(data::BOND_MODE, bond.mode), (data::BOND_HASH, bond.hash), (data::BOND_LACP_RATE, bond.lacp_rate)];
    for (kind, value) in bytes {
        if let Some(value) = value {
            w.bytes(kind, &[value]);
        }
    }
    let numbers = [
        (data::BOND_MIIMON, bond.miimon),
        (data::BOND_UPDELAY, bond.up_delay),
        (data::BOND_DOWNDELAY, bond.down_delay),
        (data::BOND_MIN_LINKS, bond.min_links),
    ];
    for (kind, value) in numbers {
        if let Some(value) = value {
            w.u32(kind, value);
        }
    }
}

/// A deletion's outcome: false when there was nothing to delete.
pub(crate) fn gone<T>(outcome: Result<T>) -> Result<bool> {
    match outcome {
        Ok(_) => Ok(true),
        Err(e) if is_absent(&e) => Ok(false),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of a kind's data.
    fn bytes(kind: &Kind<'_>) -> Vec<u8> {
        let mut writer = Writer::default();
        details(&mut writer, kind, Some(7));
        writer.into_bytes()
    }

    #[test]
    fn options_become_attributes() {
        let bond = Bond { mode: Some(4), miimon: Some(100), ..Bond::default() };
        let mut wanted = vec![5, 0, 1, 0, 4, 0, 0, 0, 8, 0, 3, 0];
        wanted.extend(100_u32.to_ne_bytes());
        assert_eq!(bytes(&Kind::Bond(bond)), wanted);
        let mut wanted = vec![8, 0, 1, 0];
        wanted.extend(4_u32.to_ne_bytes());
        assert_eq!(bytes(&Kind::Macvlan { on: "eth0", mode: Some(4) }), wanted);
        assert!(bytes(&Kind::Macvlan { on: "eth0", mode: None }).is_empty());
    }
}
