//! Time that a phase of the tests takes: by the clock, and by the processors.

use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use serde::{Deserialize, Serialize};

/// A phase that has ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Phase {
    name: String,
    /// Time by the clock.
    wall: Duration,
    /// Time of all processors, of those processes that ended in it.
    processors: Duration,
}

/// A phase that runs.
pub struct Running {
    name: String,
    start: Instant,
    before: Duration,
}

impl Running {
    /// Begins a phase.
    pub fn begin(name: impl Into<String>) -> Self {
        Self { name: name.into(), start: Instant::now(), before: processors() }
    }

    /// Ends it.
    pub fn end(self) -> Phase {
        let processors = processors().saturating_sub(self.before);
        Phase { name: self.name, wall: self.start.elapsed(), processors }
    }
}

impl Phase {
    /// The phases as a table, in minutes.
    pub fn table(phases: &[Self]) -> String {
        let minutes = |time: Duration| time.as_secs_f32() / 60.0;
        let rows = phases
            .iter()
            .map(|phase| format!("| {} | {:.1} | {:.1} |\n", phase.name, minutes(phase.wall), minutes(phase.processors)));
        let rows: String = rows.collect();
        if rows.is_empty() { rows } else { format!("\n| phase | minutes | of processors |\n|---|---|---|\n{rows}\n") }
    }
}

/// Processor time of this process and of its children that have ended.
fn processors() -> Duration {
    let time = |value: TimeVal| {
        Duration::from_secs(value.tv_sec().unsigned_abs()) + Duration::from_micros(value.tv_usec().unsigned_abs())
    };
    let of = |who| getrusage(who).map_or(Duration::ZERO, |usage| time(usage.user_time()) + time(usage.system_time()));
    of(UsageWho::RUSAGE_SELF) + of(UsageWho::RUSAGE_CHILDREN)
}
