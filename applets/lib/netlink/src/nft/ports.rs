//! Ports of this machine that lead to pods.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use kit::{Context, Result};

use super::expression::{Expr, REGISTER, REGISTER_2, destination, octets, source};
use super::{Batch, Hook, Table};
use crate::{Cidr, family};

/// The tables' name in both families.
const NAME: &str = "cni_hostport";
/// Chain of packets to any address of this machine: it leads to the two chains with rules.
const ALL: &str = "hostports_all";
/// Rules of elder plugins, for ports of one address.
const ELDER: &str = "hostip_hostports";
/// A rule a port.
const PORTS: &str = "hostports";
/// Chain of packets whose receiver must not see its own address, or that of the loopback link, as
/// the sender.
const BACK: &str = "masquerading";

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

const fn table(family: u8) -> Table {
    Table { family, name: NAME }
}

const FAMILIES: [u8; 2] = [family::V4, family::V6];

/// Lead ports of this machine to a pod, in the place of what was set with that comment before. With `back`, a pod reaches itself by
/// the machine's port, and the machine reaches it from its loopback addresses.
pub fn forward(forwards: &[Forward], comment: &str, back: bool) -> Result<()> {
    unforward(comment)?;
    for own_family in FAMILIES {
        let own: Vec<_> = forwards.iter().filter(|f| family::of(f.pod) == own_family).collect();
        if !own.is_empty() {
            fill(own_family, &own, comment, back).doing("lead ports to a pod")?;
        }
    }
    Ok(())
}

fn fill(own_family: u8, own: &[&Forward], comment: &str, back: bool) -> Result<()> {
    /// `RTN_LOCAL`: an address of this machine.
    const LOCAL: u32 = 2;
    let mut batch = Batch::new(table(own_family));
    batch.table();
    for chain in [PORTS, ELDER, ALL] {
        batch.chain(chain, None);
    }
    batch.flush(ALL);
    for chain in [ELDER, PORTS] {
        batch.rule(ALL, &[Expr::Jump(chain)], "");
    }
    for (name, hook) in [("prerouting", Hook::Prerouting), ("output", Hook::Output)] {
        batch.chain(name, Some(hook));
        batch.flush(name);
        batch.rule(name, &[Expr::DestinationType, Expr::Is(LOCAL.to_ne_bytes().to_vec()), Expr::Jump(ALL)], "");
    }
    for forward in own {
        batch.rule(PORTS, &forward.rule(), comment);
    }
    if back {
        batch.chain(BACK, Some(Hook::Postrouting));
        let mut pods: Vec<IpAddr> = own.iter().map(|forward| forward.pod).collect();
        pods.dedup();
        pods.into_iter().flat_map(back_to).for_each(|rule| batch.rule(BACK, &rule, comment));
    }
    batch.commit()
}

/// Counts the ports that lead to pods with that comment.
pub fn forwarded(comment: &str) -> Result<usize> {
    let count = |own_family| table(own_family).rules(PORTS).map(|rules| rules.iter().filter(|r| r.comment == comment).count());
    FAMILIES.into_iter().map(count).sum::<Result<usize>>().doing("list the ports of pods")
}

/// Undo [`forward`]; no error when there is nothing. The last one takes the table along.
pub fn unforward(comment: &str) -> Result<()> {
    let chains = [PORTS, ELDER, BACK];
    FAMILIES
        .into_iter()
        .try_for_each(|family| {
            table(family).prune(&chains, |found| found == comment)?;
            table(family).drop_if_idle(&chains)
        })
        .doing("undo the ports of a pod")
}

impl Forward {
    fn rule(&self) -> Vec<Expr> {
        let mut rule = self.host.map_or_else(Vec::new, |host| vec![destination(host), Expr::Is(octets(host))]);
        rule.extend([Expr::Protocol, Expr::Is(vec![self.protocol]), Expr::Port, Expr::Is(self.host_port.to_be_bytes().to_vec())]);
        rule.extend([
            Expr::Load(REGISTER, octets(self.pod)),
            Expr::Load(REGISTER_2, self.pod_port.to_be_bytes().to_vec()),
            Expr::Destination(family::of(self.pod)),
        ]);
        rule
    }
}

/// Packets to the pod from itself, and from a loopback address, leave under the address of the link that leads to it.
fn back_to(pod: IpAddr) -> Vec<Vec<Expr>> {
    let loopback = match pod {
        IpAddr::V4(_) => Cidr { addr: Ipv4Addr::new(127, 0, 0, 0).into(), prefix: 8 },
        IpAddr::V6(_) => Cidr::host(Ipv6Addr::LOCALHOST.into()),
    };
    let rule = |from: Cidr| {
        let mut rule = vec![source(from.addr)];
        if from != Cidr::host(from.addr) {
            rule.push(Expr::Mask(octets(from.netmask())));
        }
        rule.extend([Expr::Is(octets(from.addr)), destination(pod), Expr::Is(octets(pod)), Expr::Masquerade]);
        rule
    };
    [Cidr::host(pod), loopback].into_iter().map(rule).collect()
}
