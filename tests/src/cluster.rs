//! A cluster of diskless machines alone, as `make cluster` shows it.

use lab::cluster::{self, Options};

use crate::case::{Case, Outcome, X86, ensure};
use crate::world::World;

/// The cases.
pub const CASES: &[Case] = &[Case { name: "two-machines-by-init-flannel-and-join", boards: X86, run: pair }];

/// A control plane and a worker, of what is typed at their shells; all checks of the command pass.
fn pair(world: &mut World, board: &str) -> Outcome {
    let options = Options { board: board.to_owned(), nodes: 2, check: true, evidence: Some(world.evidence().to_owned()) };
    let cluster = cluster::build(&world.lab, &options)?;
    let failures = cluster.checks.failures();
    ensure(failures.is_empty(), || failures.join("\n"))
}
