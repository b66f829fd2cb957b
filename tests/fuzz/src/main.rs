//! Runs one target on new inputs for a while.

use std::io::Write;
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;
use fuzz::corpus;
use fuzz::mutate::Mutator;
use fuzz::targets::{TARGETS, Target};
use kit::{Context, Error, Result};

/// An input that takes longer is kept as one that breaks its target.
const SLOW: Duration = Duration::from_secs(2);

/// Feeds a parser with damaged input until it breaks.
#[derive(Parser)]
#[command(name = "fuzz")]
struct Options {
    /// Its name; without one all have their turn.
    target: Option<String>,
    /// Seconds for each target.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Makes the same inputs again.
    #[arg(long)]
    seed: Option<u64>,
    /// Try this file alone.
    #[arg(long)]
    input: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            say(&format!("fuzz: {e}"));
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let wanted: Vec<&Target> = TARGETS.iter().filter(|t| options.target.as_deref().is_none_or(|name| name == t.name)).collect();
    if wanted.is_empty() {
        let known: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        return Err(Error::usage(format!("no target has that name, but {}", known.join(", "))));
    }
    for target in wanted {
        if let Some(path) = &options.input {
            attempt(target, &std::fs::read(path).on("read", path)?)?;
            continue;
        }
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        hunt(target, options.seed.unwrap_or(clock.as_nanos() as u64), Duration::from_secs(options.seconds))?;
    }
    Ok(())
}

fn hunt(target: &Target, seed: u64, limit: Duration) -> Result<()> {
    say(&format!("{}: seed {seed}", target.name));
    let inputs = corpus::load(target.name)?;
    inputs.iter().try_for_each(|input| attempt(target, input))?;
    let (mut mutator, begin, mut count) = (Mutator::new(seed), Instant::now(), 0u64);
    while begin.elapsed() < limit {
        attempt(target, &mutator.input(&inputs))?;
        count += 1;
    }
    say(&format!("{}: {count} inputs broke nothing", target.name));
    Ok(())
}

/// Run it on one input; what breaks it is kept.
fn attempt(target: &Target, input: &[u8]) -> Result<()> {
    let begin = Instant::now();
    let broke = catch_unwind(|| (target.run)(input)).is_err();
    if !broke && begin.elapsed() < SLOW {
        return Ok(());
    }
    let path = corpus::keep(target.name, input)?;
    Err(Error::new(format!("{}: {} breaks it", target.name, path.display())))
}

fn say(line: &str) {
    // Nobody may be listening.
    let _ = writeln!(std::io::stdout(), "{line}");
}
