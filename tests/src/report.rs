//! Outcomes of cases, counted and printed; knows which skips are allowed.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use kit::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::case::{Failure, Outcome};
use crate::junit;
use crate::phase::{self, Phase};

/// The tests' closing numbers.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Number of passed tests.
    pub passed: usize,
    /// Number of failed tests.
    pub failed: usize,
    /// Number of tests that could not be tried and are on the list.
    pub skipped: usize,
}

/// End of one test.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Verdict {
    /// It holds.
    Passed,
    /// It does not: the evidence.
    Failed(String),
    /// It was not tried: the reason.
    Skipped(String),
}

/// One test that was tried, or skipped with leave.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tried {
    /// `area/case [board]`
    pub name: String,
    /// Its end.
    pub verdict: Verdict,
    /// Its time in seconds; zero where another program measured none.
    pub seconds: f32,
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
}

/// All that has happened so far; one process hands it to the next.
#[derive(Clone, Serialize, Deserialize)]
pub struct Past {
    began: SystemTime,
    tried: Vec<Tried>,
    /// Time that each phase took.
    pub phases: Vec<Phase>,
}

impl Past {
    /// Nothing: the tests begin now.
    pub fn new() -> Self {
        Self { began: SystemTime::now(), tried: Vec::new(), phases: Vec::new() }
    }

    /// The numbers so far.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for tried in &self.tried {
            match tried.verdict {
                Verdict::Passed => counts.passed += 1,
                Verdict::Failed(_) => counts.failed += 1,
                Verdict::Skipped(_) => counts.skipped += 1,
            }
        }
        counts
    }
}

/// Takes the outcomes, from several threads.
pub struct Report {
    past: Mutex<Past>,
    skips: Skips,
}

/// Limit of a reason that is repeated at the end, where only the last lines may be kept; in
/// characters.
const REASON: usize = 600;

impl Report {
    /// Go on after `past`; `skips` lists what may be skipped.
    pub fn new(past: Past, skips: &Path) -> Result<Self> {
        let text = fs::read_to_string(skips).on("read", skips)?;
        let skips = toml::from_str(&text).doing(format!("read {}", skips.display()))?;
        Ok(Self { past: Mutex::new(past), skips })
    }

    /// All that has happened.
    pub fn past(&self) -> MutexGuard<'_, Past> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The reason why a case is not tried at all; it is said and counted.
    pub fn is_open(&self, name: &str) -> bool {
        let Some(why) = self.skips.open.get(name) else { return false };
        say(&format!("{name} ... not run: {why}\n"));
        self.past().tried.push(Tried { name: name.to_owned(), verdict: Verdict::Skipped(why.clone()), seconds: 0.0 });
        true
    }

    /// Takes how a case ended. Answers whether it failed.
    pub fn take(&self, name: &str, outcome: Outcome, took: Duration) -> bool {
        let stamp = self.stamp(took);
        let (verdict, said) = match outcome {
            Ok(()) => (Verdict::Passed, format!("{name} ... ok ({stamp})\n")),
            Err(Failure::Skipped(why)) => match self.skips.allowed.get(name) {
                Some(leave) => {
                    let said = format!("{name} ... not run: {why} (allowed: {leave})\n");
                    (Verdict::Skipped(why), said)
                }
                None => failed(name, &format!("not run, and not on the list of skips: {why}"), &stamp),
            },
            Err(Failure::Failed(why)) => failed(name, &why, &stamp),
        };
        say(&said);
        let is_failed = matches!(verdict, Verdict::Failed(_));
        self.past().tried.push(Tried { name: name.to_owned(), verdict, seconds: took.as_secs_f32() });
        is_failed
    }

    /// Try a case that needs no machine.
    pub fn case(&self, name: &str, run: impl FnOnce() -> Outcome) -> bool {
        let start = Instant::now();
        let outcome = run();
        self.take(name, outcome, start.elapsed())
    }

    /// Runs a phase and keeps the time that it takes.
    pub fn phase<T>(&self, name: impl Into<String>, run: impl FnOnce() -> T) -> T {
        let running = phase::Running::begin(name);
        let done = run();
        self.past().phases.push(running.end());
        done
    }

    /// Takes the end of a test that another program ran, which has said why.
    pub fn take_elsewhere(&self, name: &str, verdict: Verdict) {
        self.past().tried.push(Tried { name: name.to_owned(), verdict, seconds: 0.0 });
    }

    /// Seconds that a case took, and minutes since the beginning: what is slow where nobody watches is found by it.
    pub fn stamp(&self, took: Duration) -> String {
        let minute = self.past().began.elapsed().unwrap_or_default().as_secs() / 60;
        format!("{:.1} s, minute {minute}", took.as_secs_f32())
    }

    /// Say and keep a table of what was tried in an area, when there is more than one case of it.
    pub fn table(&self, area: &str, path: &Path) -> Result<()> {
        let past = self.past();
        let cases = past.tried.iter().filter_map(|tried| {
            let (case, board) = tried.name.strip_prefix(area)?.split_once(' ')?;
            let verdict = match tried.verdict {
                Verdict::Passed => "ok",
                Verdict::Failed(_) => "FAILED",
                Verdict::Skipped(_) => return None,
            };
            Some(format!("| {} | {case} | {verdict} | {:.0} |\n", board.trim_matches(['[', ']']), tried.seconds))
        });
        let rows: Vec<String> = cases.collect();
        if rows.len() < 2 {
            return Ok(());
        }
        let table = format!("| board | path | verdict | seconds |\n|---|---|---|---|\n{}", rows.concat());
        say(&format!("\n{table}\n"));
        fs::write(path, table).on("write", path)
    }

    /// Write the XML report into `out` and say the closing line; the exit code.
    pub fn close(&self, out: &Path) -> ExitCode {
        let past = self.past();
        let xml = out.join("junit.xml");
        if let Err(e) = fs::write(&xml, junit::xml(&past.tried)) {
            say(&format!("write {}: {e}\n", xml.display()));
        }
        say(&Phase::table(&past.phases));
        for tried in &past.tried {
            if let Verdict::Failed(why) = &tried.verdict {
                let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
                say(&format!("failed: {}: {}\n", tried.name, why.chars().take(REASON).collect::<String>()));
            }
        }
        let Counts { passed, failed, skipped } = past.counts();
        say(&format!("{passed} passed, {failed} failed, {skipped} skipped\n"));
        if failed == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// The verdict and the lines for a case that does not hold.
fn failed(name: &str, why: &str, stamp: &str) -> (Verdict, String) {
    let lines: Vec<&str> = why.lines().collect();
    (Verdict::Failed(why.to_owned()), format!("{name} ... FAILED ({stamp})\n    {}\n", lines.join("\n    ")))
}

/// To standard output at once: a case that hangs must be seen by name.
pub fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody listens any more: the exit code still tells.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
