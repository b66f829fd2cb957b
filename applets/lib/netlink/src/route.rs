//! Routes.

use std::net::IpAddr;

use kit::{Context, Result};

use crate::link_change::gone;
use crate::socket::{Answer, flag};
use crate::wire::{Writer, attributes, u16_at, u32_at};
use crate::{Cidr, Netlink, family};

const NEWROUTE: u16 = 24;
const DELROUTE: u16 = 25;
const GETROUTE: u16 = 26;
/// Bytes of `struct rtmsg`.
const RTMSG: usize = 12;

/// Attributes of a route (`RTA_*`).
mod rta {
    pub const DST: u16 = 1;
    pub const OIF: u16 = 4;
    pub const GATEWAY: u16 = 5;
    pub const PRIORITY: u16 = 6;
    pub const PREFSRC: u16 = 7;
    pub const METRICS: u16 = 8;
    pub const MULTIPATH: u16 = 9;
    pub const TABLE: u16 = 15;
    pub const PREF: u16 = 20;
    /// Inside `METRICS`.
    pub const METRIC_MTU: u16 = 2;
    pub const METRIC_ADVMSS: u16 = 8;
}

/// In the flags of a route: the gateway is on the link, whatever the addresses say.
const ONLINK: u32 = 4;

/// Scope of an address or a destination (`RT_SCOPE_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scope(pub u8);

impl Scope {
    /// Everywhere.
    pub const GLOBAL: Self = Self(0);
    /// On this link.
    pub const LINK: Self = Self(253);
    /// On this machine.
    pub const HOST: Self = Self(254);

    /// As iproute2 writes it.
    pub fn name(self) -> String {
        match self.0 {
            0 => "global".into(),
            200 => "site".into(),
            253 => "link".into(),
            254 => "host".into(),
            255 => "nowhere".into(),
            n => n.to_string(),
        }
    }

    /// An address's natural scope.
    pub fn of_address(addr: IpAddr) -> Self {
        match addr {
            _ if addr.is_loopback() => Self::HOST,
            IpAddr::V4(a) if a.is_link_local() => Self::LINK,
            IpAddr::V6(a) if a.is_unicast_link_local() => Self::LINK,
            _ => Self::GLOBAL,
        }
    }
}

/// One of several ways of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// The next router.
    pub gateway: Option<IpAddr>,
    /// The link's number.
    pub index: u32,
    /// Its share, 1 and more.
    pub weight: u32,
    /// Flags (`RTNH_F_*`).
    pub flags: u32,
}

/// A route. `Route::to(…)` with the fields that matter makes one to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Destination; prefix 0 is the default route.
    pub to: Cidr,
    /// The next router.
    pub gateway: Option<IpAddr>,
    /// The link's number; the kernel finds it from the gateway when none.
    pub index: Option<u32>,
    /// The address that packets come from.
    pub source: Option<IpAddr>,
    /// Smaller wins.
    pub metric: Option<u32>,
    /// The table; 254 is main.
    pub table: u32,
    /// Origin of the route (`RTPROT_*`): 2 kernel, 3 boot, 4 static, 16 dhcp.
    pub protocol: u8,
    /// Scope of the destination; found from the gateway when none.
    pub scope: Option<Scope>,
    /// Treatment of packets (`RTN_*`): 1 sent, 7 unreachable.
    pub kind: u8,
    /// The longest packet on this way, in bytes.
    pub mtu: Option<u32>,
    /// The largest TCP segment to announce, in bytes.
    pub advmss: Option<u32>,
    /// The gateway is on the link whatever the addresses say.
    pub onlink: bool,
    /// IPv6's preference: 0 medium, 1 high, 3 low.
    pub preference: Option<u8>,
    /// Flags (`RTNH_F_*`).
    pub flags: u32,
    /// The ways, when there are several.
    pub hops: Vec<Hop>,
}

impl Route {
    /// The main table.
    pub const MAIN: u32 = 254;
    /// Made by DHCP.
    pub const DHCP: u8 = 16;
    /// An ordinary route (`RTN_UNICAST`).
    pub const UNICAST: u8 = 1;
    /// Made by a person or a boot script.
    const BOOT: u8 = 3;

    /// A route to `to` in the main table, to be completed with gateway or link.
    pub const fn to(to: Cidr) -> Self {
        Self {
            to,
            gateway: None,
            index: None,
            source: None,
            metric: None,
            table: Self::MAIN,
            protocol: Self::BOOT,
            scope: None,
            kind: Self::UNICAST,
            mtu: None,
            advmss: None,
            onlink: false,
            preference: None,
            flags: 0,
            hops: Vec::new(),
        }
    }

    /// The default route by that gateway.
    pub const fn default_by(gateway: IpAddr) -> Self {
        let mut route = Self::to(default_of(gateway));
        route.gateway = Some(gateway);
        route
    }

    /// Tells if it is a default route.
    pub const fn is_default(&self) -> bool {
        self.to.prefix == 0
    }

    /// The destination in words: `default` or the network.
    pub fn destination(&self) -> String {
        if self.is_default() { "default".into() } else { self.to.to_string() }
    }

    fn parse(answer: &Answer) -> Option<Self> {
        let head = answer.body.get(..RTMSG)?;
        let (own_family, prefix) = (head[0], head[1]);
        let mut route = Self::to(default_of(match own_family {
            family::V4 => IpAddr::from([0; 4]),
            family::V6 => IpAddr::from([0; 16]),
            _ => return None,
        }));
        route.table = head[4].into();
        route.protocol = head[5];
        route.scope = Some(Scope(head[6]));
        route.kind = head[7];
        route.flags = u32_at(head, 8)?;
        route.onlink = route.flags & ONLINK != 0;
        for a in attributes(&answer.body[RTMSG..]) {
            match a.kind {
                rta::DST => route.to = Cidr::new(a.ip()?, prefix)?,
                rta::OIF => route.index = Some(a.u32()),
                rta::GATEWAY => route.gateway = a.ip(),
                rta::PRIORITY => route.metric = Some(a.u32()),
                rta::PREFSRC => route.source = a.ip(),
                rta::TABLE => route.table = a.u32(),
                rta::PREF => route.preference = Some(a.u8()),
                rta::MULTIPATH => route.hops = hops(a.value),
                rta::METRICS => {
                    for m in attributes(a.value) {
                        match m.kind {
                            rta::METRIC_MTU => route.mtu = Some(m.u32()),
                            rta::METRIC_ADVMSS => route.advmss = Some(m.u32()),
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        Some(route)
    }

    /// Writes the route's attributes.
    fn fill(&self, w: &mut Writer) {
        let scope = match (self.scope, self.gateway) {
            (Some(scope), _) => scope,
            (None, None) if self.to.is_v4() && self.kind == Self::UNICAST => Scope::LINK,
            _ => Scope::GLOBAL,
        };
        let table = u8::try_from(self.table).unwrap_or(0);
        let flags = if self.onlink { ONLINK } else { 0 };
        w.put(&[family::of(self.to.addr), self.to.prefix, 0, 0, table, self.protocol, scope.0, self.kind]);
        w.put(&flags.to_ne_bytes());
        if !self.is_default() {
            w.ip(rta::DST, self.to.addr);
        }
        for (kind, addr) in [(rta::GATEWAY, self.gateway), (rta::PREFSRC, self.source)] {
            if let Some(addr) = addr {
                w.ip(kind, addr);
            }
        }
        for (kind, value) in [(rta::OIF, self.index), (rta::PRIORITY, self.metric), (rta::TABLE, Some(self.table))] {
            if let Some(value) = value {
                w.u32(kind, value);
            }
        }
        if self.mtu.is_some() || self.advmss.is_some() {
            w.nest(rta::METRICS, |w| {
                for (kind, value) in [(rta::METRIC_MTU, self.mtu), (rta::METRIC_ADVMSS, self.advmss)] {
                    if let Some(value) = value {
                        w.u32(kind, value);
                    }
                }
            });
        }
    }
}

const fn default_of(addr: IpAddr) -> Cidr {
    let zero = match addr {
        IpAddr::V4(_) => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
    };
    Cidr { addr: zero, prefix: 0 }
}

/// The ways of a multipath route: `struct rtnexthop` and attributes each.
fn hops(mut bytes: &[u8]) -> Vec<Hop> {
    const HEAD: usize = 8;
    let mut found = Vec::new();
    while let (Some(len), Some(index)) = (u16_at(bytes, 0).map(usize::from), u32_at(bytes, 4)) {
        let Some(rest) = bytes.get(HEAD..len) else { break };
        let gateway = attributes(rest).find(|a| a.kind == rta::GATEWAY).and_then(|a| a.ip());
        found.push(Hop { gateway, index, weight: u32::from(bytes[3]) + 1, flags: bytes[2].into() });
        bytes = bytes.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    found
}

impl Netlink {
    /// All routes of all tables, IPv4 first.
    pub fn routes(&mut self) -> Result<Vec<Route>> {
        let mut found = Vec::new();
        for family in [family::V4, family::V6] {
            let ask = |w: &mut Writer| {
                w.put(&[family, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            };
            let answers = self.dump(GETROUTE, ask).doing("list the routes")?;
            found.extend(answers.iter().filter(|a| a.body.first() == Some(&family)).filter_map(Route::parse));
        }
        Ok(found)
    }

    /// The way that a packet to `addr` would take.
    pub fn route_to(&mut self, addr: IpAddr) -> Result<Route> {
        let answers = self.request(GETROUTE, 0, |w| {
            w.put(&[family::of(addr), Cidr::host(addr).prefix, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).ip(rta::DST, addr);
        });
        let answers = answers.doing(format_args!("find the route to {addr}"))?;
        answers.first().and_then(Route::parse).ok_or_else(|| kit::Error::new(format!("find the route to {addr}: no answer")))
    }

    /// Add a route; that there is one such is an error.
    pub fn add_route(&mut self, route: &Route) -> Result<()> {
        self.set_route(route, flag::CREATE | flag::EXCL).doing(format_args!("add the route {}", say(route)))
    }

    /// Add a route in the place of one with the same destination and metric.
    pub fn replace_route(&mut self, route: &Route) -> Result<()> {
        self.set_route(route, flag::CREATE | flag::REPLACE).doing(format_args!("set the route {}", say(route)))
    }

    fn set_route(&mut self, route: &Route, flags: u16) -> Result<()> {
        self.request(NEWROUTE, flags, |w| route.fill(w)).map(drop)
    }

    /// Delete a route; false when there is none such.
    pub fn delete_route(&mut self, route: &Route) -> Result<bool> {
        // Scope "nowhere" stands for any scope, protocol 0 for any protocol.
        const ANY: Scope = Scope(255);
        let any = Route { scope: route.scope.or(Some(ANY)), protocol: 0, ..route.clone() };
        gone(self.request(DELROUTE, 0, |w| any.fill(w))).doing(format_args!("delete the route {}", say(route)))
    }
}

fn say(route: &Route) -> String {
    match route.gateway {
        Some(gateway) => format!("{} via {gateway}", route.destination()),
        None => route.destination(),
    }
}
