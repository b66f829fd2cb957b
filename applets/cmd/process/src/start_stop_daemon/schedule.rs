//! Signals and pauses of a stop.

use std::thread;
use std::time::{Duration, Instant};

use kit::{Error, Result};
use rustix::process::Signal;

use crate::process::{self, Process};
use crate::select;

/// Pause between two looks at a process that is to end.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// Wait for the end after the last signal of `--retry SECONDS`.
const MAX_SECONDS: u64 = 86_400;

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Send(Signal),
    Wait(Duration),
    /// Repeat what stands behind this until the end.
    Forever,
}

/// Steps of a stop.
#[derive(Debug, PartialEq, Eq)]
pub struct Schedule {
    steps: Vec<Step>,
}

impl Schedule {
    /// `retry` is a number of seconds, or steps with slashes between.
    pub fn read(name: &str, retry: Option<&str>) -> Result<Self> {
        let first = Step::Send(signal(name)?);
        let steps = match retry {
            None => vec![first],
            Some(text) if !text.contains('/') => {
                let pause = Step::Wait(seconds(text)?);
                vec![first, pause, Step::Send(Signal::KILL), pause]
            }
            Some(text) => text.split('/').map(step).collect::<Result<_>>()?,
        };
        Ok(Self { steps })
    }

    /// Go through the steps; answers the processes that are left.
    pub fn run(&self, known: &[Process]) -> Result<Vec<u32>> {
        let mut at = 0;
        let mut again = None;
        loop {
            let left: Vec<&Process> = known.iter().filter(|process| lives(process)).collect();
            let Some(step) = self.steps.get(at) else {
                match again {
                    Some(first) if !left.is_empty() => at = first,
                    _ => break,
                }
                continue;
            };
            at += 1;
            match step {
                Step::Forever => again = Some(at),
                Step::Send(signal) => {
                    for process in left {
                        let sent = select::send(process.pid, *signal);
                        if lives(process) {
                            sent?;
                        }
                    }
                }
                Step::Wait(limit) => {
                    let begun = Instant::now();
                    while begun.elapsed() < *limit && known.iter().any(lives) {
                        thread::sleep(LOOK_INTERVAL);
                    }
                    if !known.iter().any(lives) {
                        return Ok(Vec::new());
                    }
                }
            }
        }
        // Without a step that waits, a signal that was sent is all that was asked for.
        if !self.steps.iter().any(|step| matches!(step, Step::Wait(_))) {
            return Ok(Vec::new());
        }
        Ok(known.iter().filter(|process| lives(process)).map(|process| process.pid).collect())
    }
}

/// Tells if it is still the process that was found, and not a later one of its number.
fn lives(process: &Process) -> bool {
    process::one(process.pid).is_some_and(|now| now.start == process.start && now.state != 'Z')
}

/// A signal that the command line names.
fn signal(name: &str) -> Result<Signal> {
    select::signal(name)
}

fn seconds(text: &str) -> Result<Duration> {
    let number = text.parse().ok().filter(|number| *number <= MAX_SECONDS);
    number.map(Duration::from_secs).ok_or_else(|| Error::usage(format!("invalid timeout value in schedule: {text}")))
}

fn step(text: &str) -> Result<Step> {
    if text == "forever" {
        return Ok(Step::Forever);
    }
    let name = text.strip_prefix('-').unwrap_or(text);
    if text.starts_with('-') || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(Step::Send(signal(name)?));
    }
    Ok(Step::Wait(seconds(text)?))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn schedules() {
        let pause = Step::Wait(Duration::from_secs(5));
        let usual = Schedule::read("TERM", Some("5")).unwrap();
        assert_eq!(usual.steps, [Step::Send(Signal::TERM), pause, Step::Send(Signal::KILL), pause]);
        let own = Schedule::read("TERM", Some("INT/5/forever/-9/5")).unwrap();
        assert_eq!(own.steps, [Step::Send(Signal::INT), pause, Step::Forever, Step::Send(Signal::KILL), pause]);
        assert!(Schedule::read("NOPE", None).is_err());
        assert!(Schedule::read("TERM", Some("x/5")).is_err());
        assert!(Schedule::read("TERM", Some("99999999999")).is_err());
    }
}
