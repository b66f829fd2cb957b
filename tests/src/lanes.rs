//! Cases of a board in a lab: lanes run side by side, each with machines of its own.
//!
//! Most cases wait most of the time. Two lanes keep two processors busy; in a lane one case follows the other.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use kit::{Error, Result};

use crate::case::Failure;
use crate::lane::Lane;
use crate::plan::Planned;
use crate::report::{Report, say};
use crate::world::World;

/// Failed cases of a lane that are tried again. More of them have a common cause, and each costs a boot.
const AGAIN: usize = 4;
/// Between two looks at the cases that run; a case that takes longer is named.
const LOOK: Duration = Duration::from_mins(2);

/// The cases that run now, and since when.
type Now = Mutex<BTreeMap<String, Instant>>;

/// Cases by their lanes.
type Lanes<'a> = BTreeMap<Lane, Vec<&'a Planned>>;

/// Run a board's cases; transcripts go below `out`.
pub fn run(report: &Report, plan: &[&Planned], out: PathBuf) -> Result<()> {
    let world = World::start(out)?;
    let mut lanes = Lanes::new();
    for planned in plan {
        lanes.entry(planned.lane).or_default().push(planned);
    }
    let last = lanes.remove(&Lane::Last).map(|cases| Lanes::from([(Lane::Last, cases)]));
    side_by_side(report, &world, lanes)?;
    last.map_or(Ok(()), |lanes| side_by_side(report, &world, lanes))
}

/// Runs lanes to the end of each; their machines end with them.
fn side_by_side(report: &Report, world: &World, lanes: Lanes) -> Result<()> {
    let now = Now::default();
    thread::scope(|scope| {
        let (end, ended) = mpsc::channel::<()>();
        scope.spawn({
            let now = &now;
            move || watch(now, &ended)
        });
        let running: Vec<_> = lanes
            .into_iter()
            .map(|(lane, cases)| (world.beside(lane), cases))
            .map(|(mut world, cases)| {
                scope.spawn({
                    let now = &now;
                    move || lane(report, &mut world, &cases, now)
                })
            })
            .collect();
        let died = running.into_iter().filter_map(|lane| lane.join().err()).count();
        drop(end);
        if died == 0 { Ok(()) } else { Err(Error::new("a lane of cases panicked")) }
    })
}

fn lane(report: &Report, world: &mut World, cases: &[&Planned], now: &Now) {
    let mut again = AGAIN;
    for planned in cases {
        if report.is_open(&planned.name) {
            continue;
        }
        let (outcome, took) = timed(world, planned, now);
        if report.take(&planned.name, outcome, took) && again > 0 {
            again -= 1;
            retry(report, world, planned, now);
        }
    }
}

/// Try a failed case once more in fresh machines, to tell whether its failure is stable. It stays failed.
fn retry(report: &Report, world: &mut World, planned: &Planned, now: &Now) {
    world.forget_machines();
    let (outcome, took) = timed(world, planned, now);
    let stamp = report.stamp(took);
    say(&match outcome {
        Ok(()) => {
            format!("{} ... again in a fresh machine: ok ({stamp}), so it is unstable; it counts as failed\n", planned.name)
        }
        Err(Failure::Failed(why) | Failure::Skipped(why)) => {
            let first = why.lines().next().unwrap_or_default();
            format!("{} ... again in a fresh machine: FAILED ({stamp}), so it is stable: {first}\n", planned.name)
        }
    });
}

fn timed(world: &mut World, planned: &Planned, now: &Now) -> (crate::case::Outcome, Duration) {
    let start = Instant::now();
    let running = || now.lock().unwrap_or_else(PoisonError::into_inner);
    running().insert(planned.name.clone(), start);
    let outcome = (planned.case.run)(world, planned.board);
    running().remove(&planned.name);
    (outcome, start.elapsed())
}

/// Name the cases that take long, until the other side of `ended` is dropped.
fn watch(now: &Now, ended: &mpsc::Receiver<()>) {
    while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
        for (name, since) in now.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if since.elapsed() > LOOK {
                say(&format!("{name} ... runs since {} s\n", since.elapsed().as_secs()));
            }
        }
    }
}
