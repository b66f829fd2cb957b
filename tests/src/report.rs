//! Counts and prints how cases end; knows which skips are allowed.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use kit::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::case::{Failure, Outcome};

/// The tests' closing numbers.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Counts {
    /// What held.
    pub passed: usize,
    /// What did not.
    pub failed: usize,
    /// What could not be tried, with leave.
    pub skipped: usize,
}

/// `tests/skips.toml`: case name to reason.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Skips {
    /// Cases that may find out by themselves that they can't be tried here.
    #[serde(default)]
    allowed: BTreeMap<String, String>,
    /// Cases that are not tried at all, until the reason is gone.
    #[serde(default)]
    open: BTreeMap<String, String>,
    /// What the names of cases end or begin with that need not be tried once the time is up.
    #[serde(default)]
    late: BTreeMap<String, String>,
}

/// What has happened so far; one process hands it to the next.
#[derive(Clone, Serialize, Deserialize)]
pub struct Past {
    /// So far.
    pub counts: Counts,
    began: SystemTime,
    /// Name and reason.
    failed: Vec<(String, String)>,
    /// Name, verdict and seconds of what was tried.
    tried: Vec<(String, String, f32)>,
}

impl Past {
    /// Nothing: the tests begin now.
    pub fn new() -> Self {
        Self { counts: Counts::default(), began: SystemTime::now(), failed: Vec::new(), tried: Vec::new() }
    }
}

/// Takes the outcomes.
pub struct Report {
    /// So far.
    pub past: Past,
    skips: Skips,
    late: Option<SystemTime>,
}

/// How much of a reason is said again at the end, where only the last lines may be kept; in characters.
const REASON: usize = 600;

impl Report {
    /// Go on after `past`; `skips` lists what may be skipped. After so many minutes since the beginning less is tried.
    pub fn new(past: Past, skips: &Path, minutes: Option<u64>) -> Result<Self> {
        let text = fs::read_to_string(skips).on("read", skips)?;
        let skips = toml::from_str(&text).doing(format!("read {}", skips.display()))?;
        let late = minutes.map(|minutes| past.began + Duration::from_mins(minutes));
        Ok(Self { past, skips, late })
    }

    /// Whether all these cases may be let go, and will be, once this long has passed.
    pub fn no_time_for<'a>(&self, mut names: impl Iterator<Item = &'a str>, build: Duration) -> bool {
        let then = SystemTime::now() + build;
        names.all(|name| self.is_late(name, then).is_some())
    }

    /// Say of a case that there is no time for it.
    pub fn let_go(&mut self, name: &str, build: Duration) {
        let why = self.is_late(name, SystemTime::now() + build).unwrap_or_default();
        self.past.counts.skipped += 1;
        say(&format!("{name} ... not run: the time would be up (allowed: {why})\n"));
    }

    /// Try one case and say how it ended.
    pub fn case(&mut self, name: &str, run: impl FnOnce() -> Outcome) {
        say(&format!("{name} ... "));
        if let Some(why) = self.skips.open.get(name) {
            self.past.counts.skipped += 1;
            return say(&format!("not run: {why}\n"));
        }
        if let Some(why) = self.is_late(name, SystemTime::now()) {
            self.past.counts.skipped += 1;
            return say(&format!("not run: the time is up (allowed: {why})\n"));
        }
        let start = Instant::now();
        let outcome = run();
        self.take(name, outcome, start.elapsed());
    }

    /// Why this case need not be tried any more at a time, when the tests' own is up by then.
    fn is_late(&self, name: &str, now: SystemTime) -> Option<String> {
        let late = self.late.is_some_and(|late| now > late);
        let mut listed = self.skips.late.iter();
        listed.find(|(part, _)| late && (name.starts_with(*part) || name.ends_with(*part))).map(|(_, why)| why.clone())
    }

    fn take(&mut self, name: &str, outcome: Outcome, took: Duration) {
        let seconds = took.as_secs_f32();
        match outcome {
            Ok(()) => {
                self.past.counts.passed += 1;
                self.past.tried.push((name.to_owned(), "ok".to_owned(), seconds));
                say(&format!("ok ({seconds:.1} s{})\n", self.stamp()));
            }
            Err(Failure::Skipped(why)) if self.skips.allowed.contains_key(name) => {
                self.past.counts.skipped += 1;
                say(&format!("not run: {why} (allowed: {})\n", self.skips.allowed[name]));
            }
            Err(Failure::Skipped(why)) => self.fail(name, &format!("not run, and not on the list of skips: {why}"), seconds),
            Err(Failure::Failed(why)) => self.fail(name, &why, seconds),
        }
    }

    fn fail(&mut self, name: &str, why: &str, seconds: f32) {
        self.past.counts.failed += 1;
        self.past.failed.push((name.to_owned(), why.split_whitespace().collect::<Vec<_>>().join(" ")));
        self.past.tried.push((name.to_owned(), "FAILED".to_owned(), seconds));
        say(&format!("FAILED ({seconds:.1} s{})\n", self.stamp()));
        for line in why.lines() {
            say(&format!("    {line}\n"));
        }
    }

    /// Count a test that another program ran and that failed there; it has said why.
    pub fn failed_elsewhere(&mut self, name: &str) {
        self.past.counts.failed += 1;
        self.past.failed.push((name.to_owned(), "its words stand above".to_owned()));
    }

    /// How many minutes have passed since the beginning: what is slow where nobody watches is found by it.
    fn stamp(&self) -> String {
        let minutes = self.past.began.elapsed().unwrap_or_default().as_secs() / 60;
        format!(", minute {minutes}")
    }

    /// Say and keep a table of what was tried in an area, when there is more than one case of it.
    pub fn table(&self, area: &str, path: &Path) -> Result<()> {
        let cases = self.past.tried.iter().filter_map(|(name, verdict, seconds)| {
            let (case, board) = name.strip_prefix(area)?.split_once(' ')?;
            Some(format!("| {} | {case} | {verdict} | {seconds:.0} |\n", board.trim_matches(['[', ']'])))
        });
        let rows: Vec<String> = cases.collect();
        if rows.len() < 2 {
            return Ok(());
        }
        let table = format!("| board | path | verdict | seconds |\n|---|---|---|---|\n{}", rows.concat());
        say(&format!("\n{table}\n"));
        fs::write(path, table).on("write", path)
    }

    /// Say the closing line; the exit code.
    pub fn close(&self) -> ExitCode {
        for (name, why) in &self.past.failed {
            say(&format!("failed: {name}: {}\n", why.chars().take(REASON).collect::<String>()));
        }
        let Counts { passed, failed, skipped } = self.past.counts;
        say(&format!("{passed} passed, {failed} failed, {skipped} skipped\n"));
        if failed == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// To standard output at once: a case that hangs must be seen by name.
pub fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody listens any more: the exit code still tells.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_is_let_go_when_its_build_takes_the_time_that_is_left() {
        let late = BTreeMap::from([("[arm]".to_owned(), "the other went first".to_owned())]);
        let past = Past::new();
        let report = Report { late: Some(past.began + Duration::from_mins(75)), skips: Skips { late, ..Skips::default() }, past };
        let no_time = |names: &[&str], minutes| report.no_time_for(names.iter().copied(), Duration::from_mins(minutes));
        assert!(no_time(&["boot/one [arm]", "oci/two [arm]"], 80));
        assert!(!no_time(&["boot/one [arm]", "oci/two [arm]"], 70));
        assert!(!no_time(&["boot/one [arm]", "oci/two [x86]"], 80));
    }
}
