//! Connections that the kernel follows. UDP has no end that it could see: a sender that goes on keeps its translation for ever.

use kit::{Context, Result};
use rustix::net::netlink::NETFILTER;

use crate::link_change::gone;
use crate::wire::attributes;
use crate::{Netlink, family};

/// Message types (`IPCTNL_MSG_CT_*` in the subsystem's number space).
const GET: u16 = 1 << 8 | 1;
const DELETE: u16 = 1 << 8 | 2;
/// Attributes (`CTA_*`): the way of the first packet, the entry's number, its zone.
const ORIGINAL: u16 = 1;
const ID: u16 = 12;
const ZONE: u16 = 18;
/// The protocol's part of a way; in it the protocol's number and the destination port.
const PROTOCOL: u16 = 2;
const NUMBER: u16 = 1;
const DESTINATION_PORT: u16 = 3;

/// Forget the connections of that protocol whose first packet went to one of these ports of any address. Their next packet is
/// looked at anew.
pub fn forget(protocol: u8, ports: &[u16]) -> Result<()> {
    let mut nl = Netlink::open_protocol(Some(NETFILTER))?;
    for own_family in [family::V4, family::V6] {
        let head = [own_family, 0, 0, 0];
        let listed = nl.dump(GET, |w| {
            w.put(&head);
        });
        for answer in listed.doing("list connections")? {
            let Some(body) = answer.body.get(head.len()..) else { continue };
            let Some(way) = attributes(body).find(|a| a.kind == ORIGINAL) else { continue };
            if !goes_to(way.value, protocol, ports) {
                continue;
            }
            let same = attributes(body).filter(|a| [ID, ZONE].contains(&a.kind));
            let deleted = nl.request(DELETE, 0, |w| {
                w.put(&head).nest(ORIGINAL, |w| {
                    w.put(way.value);
                });
                same.for_each(|a| {
                    w.bytes(a.kind, a.value);
                });
            });
            // It may have ended just now.
            gone(deleted).doing("forget a connection")?;
        }
    }
    Ok(())
}

fn goes_to(way: &[u8], protocol: u8, ports: &[u16]) -> bool {
    let Some(found) = attributes(way).find(|a| a.kind == PROTOCOL) else { return false };
    let value = |kind| attributes(found.value).find(|a| a.kind == kind).map(|a| a.value);
    let port = value(DESTINATION_PORT).and_then(|v| v.try_into().ok()).map(u16::from_be_bytes);
    value(NUMBER) == Some(&[protocol]) && port.is_some_and(|port| ports.contains(&port))
}
