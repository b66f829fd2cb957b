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

/// Takes the outcomes.
pub struct Report {
    /// So far.
    pub counts: Counts,
    skips: Skips,
    began: SystemTime,
    late: Option<SystemTime>,
    /// Name and reason.
    failed: Vec<(String, String)>,
    /// Name, verdict and seconds of what was tried.
    tried: Vec<(String, &'static str, f32)>,
}

/// How much of a reason is said again at the end, where only the last lines may be kept; in characters.
const REASON: usize = 600;

impl Report {
    /// Go on with what was counted since `began`; `skips` lists what may be skipped. After so many minutes less is tried.
    pub fn new(counts: Counts, skips: &Path, began: SystemTime, minutes: Option<u64>) -> Result<Self> {
        let text = fs::read_to_string(skips).on("read", skips)?;
        let skips = toml::from_str(&text).doing(format!("read {}", skips.display()))?;
        let late = minutes.map(|minutes| began + Duration::from_mins(minutes));
        Ok(Self { counts, skips, began, late, failed: Vec::new(), tried: Vec::new() })
    }

    /// Try one case and say how it ended.
    pub fn case(&mut self, name: &str, run: impl FnOnce() -> Outcome) {
        say(&format!("{name} ... "));
        if let Some(why) = self.skips.open.get(name) {
            self.counts.skipped += 1;
            return say(&format!("not run: {why}\n"));
        }
        if let Some(why) = self.is_late(name) {
            self.counts.skipped += 1;
            return say(&format!("not run: the time is up (allowed: {why})\n"));
        }
        let start = Instant::now();
        let outcome = run();
        self.take(name, outcome, start.elapsed());
    }

    /// Why this case need not be tried any more, when the time is up.
    fn is_late(&self, name: &str) -> Option<String> {
        let late = self.late.is_some_and(|late| SystemTime::now() > late);
        let mut listed = self.skips.late.iter();
        listed.find(|(part, _)| late && (name.starts_with(*part) || name.ends_with(*part))).map(|(_, why)| why.clone())
    }

    fn take(&mut self, name: &str, outcome: Outcome, took: Duration) {
        let seconds = took.as_secs_f32();
        match outcome {
            Ok(()) => {
                self.counts.passed += 1;
                self.tried.push((name.to_owned(), "ok", seconds));
                say(&format!("ok ({seconds:.1} s{})\n", self.stamp()));
            }
            Err(Failure::Skipped(why)) if self.skips.allowed.contains_key(name) => {
                self.counts.skipped += 1;
                say(&format!("not run: {why} (allowed: {})\n", self.skips.allowed[name]));
            }
            Err(Failure::Skipped(why)) => self.fail(name, &format!("not run, and not on the list of skips: {why}"), seconds),
            Err(Failure::Failed(why)) => self.fail(name, &why, seconds),
        }
    }

    fn fail(&mut self, name: &str, why: &str, seconds: f32) {
        self.counts.failed += 1;
        self.failed.push((name.to_owned(), why.split_whitespace().collect::<Vec<_>>().join(" ")));
        self.tried.push((name.to_owned(), "FAILED", seconds));
        say(&format!("FAILED ({seconds:.1} s{})\n", self.stamp()));
        for line in why.lines() {
            say(&format!("    {line}\n"));
        }
    }

    /// Count a test that another program ran and that failed there; it has said why.
    pub fn failed_elsewhere(&mut self, name: &str) {
        self.counts.failed += 1;
        self.failed.push((name.to_owned(), "its words stand above".to_owned()));
    }

    /// How many minutes have passed since the beginning: what is slow where nobody watches is found by it.
    fn stamp(&self) -> String {
        let minutes = self.began.elapsed().unwrap_or_default().as_secs() / 60;
        format!(", minute {minutes}")
    }

    /// Say and keep a table of what was tried in an area, when there is more than one case of it.
    pub fn table(&self, area: &str, path: &Path) -> Result<()> {
        let cases = self.tried.iter().filter_map(|(name, verdict, seconds)| {
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
        for (name, why) in &self.failed {
            say(&format!("failed: {name}: {}\n", why.chars().take(REASON).collect::<String>()));
        }
        let Counts { passed, failed, skipped } = self.counts;
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
