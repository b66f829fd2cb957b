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
    Case { name: "three-control-planes-share-an-address", boards: X86, run: members },
];

/// A control plane and a worker, of what is typed at their shells; all checks of the command pass.
fn pair(world: &mut World, board: &str) -> Outcome {
    passes(world, &wishes(world, board))
}

fn verbs(world: &mut World, board: &str) -> Outcome {
    passes(world, &Options { verbs: true, ..wishes(world, board) })
}

fn routes(world: &mut World, board: &str) -> Outcome {
    passes(world, &Options { network: Network::HostGateway, ..wishes(world, board) })
}

/// Three machines with a control plane; the one that holds their address is cut off, and writes go on.
fn members(world: &mut World, board: &str) -> Outcome {
    passes(world, &Options { nodes: 3, control_planes: 3, ..wishes(world, board) })
}

/// A control plane and a worker with flannel's VXLAN.
fn wishes(world: &World, board: &str) -> Options {
    let evidence = Some(world.evidence().to_owned());
    let (board, network) = (board.to_owned(), Network::Vxlan);
    Options { board, nodes: 2, control_planes: 1, check: true, evidence, network, verbs: false }
}

fn passes(world: &World, options: &Options) -> Outcome {
    let cluster = cluster::build(&world.lab, options)?;
    let failures = cluster.checks.failures();
    ensure(failures.is_empty(), || failures.join("\n"))
}
