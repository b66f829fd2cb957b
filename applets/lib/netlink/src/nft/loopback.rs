//! A guard for this machine's loopback addresses.
//!
//! A link with `route_localnet` takes packets for 127.0.0.0/8, so that a loopback address can be translated to a pod. Without this guard
//! a pod behind that link reaches every server that listens on 127.0.0.1 (CVE-2020-8558). IPv6 needs none: the kernel takes `::1` from the
//! loopback link alone.

use std::net::Ipv4Addr;

use kit::{Context, Result};

use super::expression::{Expr, destination, octets, source};
use super::{Batch, Hook, Table};
use crate::{Cidr, family};

const TABLE: Table = Table { family: family::V4, name: "kutties_loopback" };
/// The chain that all packets from links come to.
const CHAIN: &str = "prerouting";

/// Drops packets from or to 127.0.0.0/8 that come by another link than the loopback link. The table stays until somebody deletes it,
/// as the links' settings do.
pub fn guard_loopback() -> Result<()> {
    /// Number of the loopback link, the same in each network namespace.
    const LOOPBACK: u32 = 1;
    let range = Cidr { addr: Ipv4Addr::new(127, 0, 0, 0).into(), prefix: 8 };
    let mut batch = Batch::new(TABLE);
    batch.table();
    batch.chain(CHAIN, Some(Hook::Raw));
    // Made anew in the same transaction: no packet passes between.
    batch.flush(CHAIN);
    for load in [destination(range.addr), source(range.addr)] {
        let rule = [
            Expr::InputLink,
            Expr::IsNot(LOOPBACK.to_ne_bytes().to_vec()),
            load,
            Expr::Mask(octets(range.netmask())),
            Expr::Is(octets(range.addr)),
            Expr::Drop,
        ];
        batch.rule(CHAIN, &rule, "");
    }
    batch.commit().doing("guard the loopback addresses")
}
