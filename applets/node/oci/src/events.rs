//! `events`: what a container uses, and when the kernel killed some of it for want of memory, as one JSON object a line.

use std::io::Write;
use std::time::{Duration, Instant};

use clap::Args;
use kit::{Context, Error, Exit, Result, out};
use serde_json::{Value, json};

use crate::cgroup::{Cgroup, Watched, wait};
use crate::context::Oci;
use crate::directory::Known;
use crate::stats;

/// Options of `events`.
#[derive(Debug, Args)]
pub struct Options {
    /// Time between two reports, such as 5s, 500ms or 1m30s
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    interval: Duration,
    /// Report once and end
    #[arg(long)]
    stats: bool,
    /// The container's name
    id: String,
}

/// Enter.
pub fn run(oci: &Oci, options: &Options) -> Result<Exit> {
    let known = Known::load(&oci.root, &options.id)?;
    if known.pid().is_none() {
        return Err(Error::new(format!("container with id {} is not running", options.id)));
    }
    let cgroup = known.cgroup();
    if options.stats {
        tell(&options.id, "stats", Some(stats::of(cgroup.directory())?))?;
    } else {
        follow(&options.id, &cgroup, options.interval)?;
    }
    Ok(Exit::OK)
}

/// Until nothing lives in the cgroup any more.
fn follow(id: &str, cgroup: &Cgroup, interval: Duration) -> Result<()> {
    let (Some(life), Some(memory)) = (cgroup.watch("cgroup.events")?, cgroup.watch("memory.events")?) else { return Ok(()) };
    let mut kills = kills(&memory)?;
    let mut next = Instant::now() + interval;
    loop {
        let populated = life.read()?.lines().any(|line| line == "populated 1");
        let now = self::kills(&memory)?;
        for _ in kills..now {
            tell(id, "oom", None)?;
        }
        kills = kills.max(now);
        if !populated {
            return Ok(());
        }
        if Instant::now() >= next {
            next += interval;
            match stats::of(cgroup.directory()) {
                Ok(stats) => tell(id, "stats", Some(stats))?,
                // It went away while it was being read.
                Err(_) if !cgroup.directory().exists() => return Ok(()),
                Err(e) => return Err(e),
            }
        }
        wait(&[&life, &memory], next)?;
    }
}

/// Number of processes killed so far for want of memory.
fn kills(memory: &Watched) -> Result<u64> {
    let text = memory.read()?;
    Ok(text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok()).unwrap_or_default())
}

fn tell(id: &str, kind: &str, data: Option<Value>) -> Result<()> {
    let mut event = json!({"type": kind, "id": id});
    if let Some(data) = data {
        event["data"] = data;
    }
    let mut out = out();
    writeln!(out, "{event}").and_then(|()| out.flush()).doing("print an event")
}

/// Go's way to write a duration.
fn duration(text: &str) -> std::result::Result<Duration, String> {
    let wrong = || format!("{text} is no duration such as 5s, 500ms or 1m30s");
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let number: u32 = number.parse().map_err(|_| wrong())?;
        let unit = match unit {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_mins(1),
            "h" => Duration::from_hours(1),
            _ => return Err(wrong()),
        };
        total += unit * number;
        rest = after;
    }
    if total.is_zero() { Err("duration interval must be greater than 0".into()) } else { Ok(total) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_gos() {
        assert_eq!(duration("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        for wrong in ["", "0s", "5", "s", "5x", "-5s", "99999999999s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
