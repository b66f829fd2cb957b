//! Masquerading: packets that leave the pods' network do so under this machine's own address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use kit::{Context, Result};

use super::expression::{Expr, destination, octets, source};
use super::{Batch, Hook, Table};
use crate::{Cidr, family};

const TABLE: Table = Table { family: family::INET, name: "cni_plugins_masquerade" };
/// The chain with a rule an address.
const RULES: &str = "masq_checks";
/// The chain that packets come to.
const HOOK: &str = "postrouting";

/// Let packets from these addresses to outside of their networks leave under this machine's own address. Multicast is left alone.
/// The rules get that comment, in the place of those whose comment `is_stale`.
pub fn masquerade(addresses: &[Cidr], comment: &str, is_stale: impl Fn(&str) -> bool) -> Result<()> {
    let doing = || format!("masquerade what comes from {}", addresses.iter().map(Cidr::to_string).collect::<Vec<_>>().join(", "));
    let stale = TABLE.rules(RULES).doing(doing())?;
    let mut batch = Batch::new(TABLE);
    batch.table();
    batch.chain(RULES, None);
    batch.chain(HOOK, Some(Hook::Postrouting));
    batch.flush(HOOK);
    let multicast = [
        Cidr { addr: Ipv4Addr::new(224, 0, 0, 0).into(), prefix: 4 },
        Cidr { addr: Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0).into(), prefix: 8 },
    ];
    for network in multicast {
        let mut rule = version(network.addr).to_vec();
        rule.extend([
            destination(network.addr),
            Expr::Mask(octets(network.netmask())),
            Expr::Is(octets(network.addr)),
            Expr::Return,
        ]);
        batch.rule(HOOK, &rule, "");
    }
    batch.rule(HOOK, &[Expr::Goto(RULES)], "");
    stale.iter().filter(|rule| is_stale(&rule.comment)).for_each(|rule| batch.delete(RULES, rule.handle));
    for address in addresses {
        let network = address.network();
        let mut rule = version(network.addr).to_vec();
        rule.extend([source(address.addr), Expr::Is(octets(address.addr))]);
        rule.extend([destination(network.addr), Expr::Mask(octets(network.netmask())), Expr::IsNot(octets(network.addr))]);
        rule.push(Expr::Masquerade);
        batch.rule(RULES, &rule, comment);
    }
    batch.commit().doing(doing())
}

/// Counts the addresses that are masqueraded with a comment that `is_wanted`.
pub fn masqueraded(is_wanted: impl Fn(&str) -> bool) -> Result<usize> {
    let rules = TABLE.rules(RULES).doing("list what is masqueraded")?;
    Ok(rules.iter().filter(|rule| is_wanted(&rule.comment)).count())
}

/// Undo [`masquerade`] for the rules whose comment `is_stale`; no error when there are none.
pub fn unmasquerade(is_stale: impl Fn(&str) -> bool) -> Result<()> {
    TABLE.prune(&[RULES], is_stale).doing("undo masquerading")
}

/// Go on with packets of the address's family, in a table of both.
fn version(like: IpAddr) -> [Expr; 2] {
    [Expr::Version, Expr::Is(vec![family::of(like)])]
}
