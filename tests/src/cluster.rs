//! A cluster of diskless machines alone, as `make cluster` shows it.

use lab::cluster::{self, Network, Options};

use crate::case::{Case, Outcome, X86, ensure};
use crate::world::World;

/// The cases.
pub const CASES: &[Case] = &[Case { name: "two-machines-by-init-flannel-and-join", boards: X86, run: pair }];

/// Cases with other networks and with kubeadm's other verbs.
pub const LONG_CASES: &[Case] = &[
    Case { name: "kubeadm-s-verbs-on-two-machines", boards: X86, run: verbs },
    Case { name: "two-machines-by-routes-and-nftables", boards: X86, run: routes },
];

/// A control plane and a worker, of what is typed at their shells; all checks of the command pass.
fn pair(world: &mut World, board: &str) -> Outcome {
    passes(world, board, Network::Vxlan, false)
}

fn verbs(world: &mut World, board: &str) -> Outcome {
    passes(world, board, Network::Vxlan, true)
}

fn routes(world: &mut World, board: &str) -> Outcome {
    passes(world, board, Network::HostGateway, false)
}

fn passes(world: &mut World, board: &str, network: Network, verbs: bool) -> Outcome {
    let evidence = Some(world.evidence().to_owned());
    let options = Options { board: board.to_owned(), nodes: 2, check: true, evidence, network, verbs };
    let cluster = cluster::build(&world.lab, &options)?;
    let failures = cluster.checks.failures();
    ensure(failures.is_empty(), || failures.join("\n"))
}
