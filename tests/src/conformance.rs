//! A few of upstream's own specs on the shared machine; `make conformance` runs all.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use ::conformance::journal::Journal;
use ::conformance::specs::Choice;
use ::conformance::suite::{Run, Suite};
use ::conformance::{images, node};
use kit::Context;
use lab::appliance::Appliance;
use lab::registry::Registry;

use crate::case::{Case, Failure, Outcome, X86};
use crate::world::World;

/// The cases.
pub const CASES: &[Case] = &[Case { name: "upstreams-specs", boards: X86, run: specs }];

/// Number of specs at once: the machine has 512 MiB.
const PROCESSES: usize = 4;
/// Timeout of the pulled images' removal.
const CLEAN: Duration = Duration::from_mins(1);

fn specs(world: &mut World, board: &str) -> Outcome {
    let suite = Suite::ready()?;
    let wanted = Choice::read()?.ci(&suite.list()?)?;
    let registry = Registry::start(&world.lab)?;
    let appliance = Appliance::open(board)?;
    images::publish(&registry, &suite, &appliance.dir().join("lab/conformance"))?;
    let (dir, kubectl) = (world.lab.dir().join("conformance"), world.lab.dir().join("kubectl"));
    fs::create_dir_all(&dir).on("make", &dir)?;
    let (machine, plane) = world.warm(board)?;
    node::mirror(&machine.vm.guest, images::UPSTREAM)?;
    node::route(plane, &machine.name, machine.seat.address)?;
    let mut journal = Journal::begin(&dir.join("journal.jsonl"), board, &BTreeMap::new())?;
    let run = Run {
        specs: &wanted,
        processes: PROCESSES,
        kubeconfig: plane.kubeconfig(),
        kubectl,
        arch: appliance.board.arch.debian(),
        dir: &dir,
        guest: &machine.vm.guest,
    };
    let mut missed = Vec::new();
    let ended = suite.run(&run, &mut journal, |entry| {
        if !entry.passed() {
            missed.push(format!("{}: {}\n    at {}\n    {}", entry.state, entry.name, entry.place, entry.message));
        }
    });
    node::no_mirror(&machine.vm.guest, images::UPSTREAM)?;
    let forget = format!(
        "kutties image list | grep '^{}/' | cut -d' ' -f1 | xargs -r kutties image remove && kutties image prune",
        images::UPSTREAM
    );
    machine.vm.guest.sh_until(&forget, CLEAN)?;
    if missed.is_empty() { Ok(ended?) } else { Err(Failure::Failed(missed.join("\n"))) }
}
