//! Times the verbs of OCI runtimes: create, start and delete of the same bundle by turns, each verb a process of its own.
//!
//! Usage: verb-timer BUNDLE ROUNDS RUNTIME… — a line a round and runtime: `RUNTIME CREATE START DELETE`, in microseconds. The first
//! round only warms up and is not told. The container's program ends by itself; the time until it has ended is not counted.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use nix::sys::wait::waitpid;
use nix::unistd::Pid;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match time(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            let _ = writeln!(io::stderr(), "verb-timer: {e}");
            ExitCode::FAILURE
        }
    }
}

fn time(args: &[String]) -> io::Result<()> {
    let [bundle, rounds, runtimes @ ..] = args else { return Err(io::Error::other("BUNDLE ROUNDS RUNTIME… are wanted")) };
    let rounds: usize = rounds.parse().map_err(io::Error::other)?;
    // So that the container's process becomes our child when `create` has ended.
    nix::sys::prctl::set_child_subreaper(true)?;
    for round in 0..=rounds {
        for runtime in runtimes {
            let [create, start, delete] = life(runtime, Path::new(bundle), &format!("timed-{round}"))?;
            if round > 0 {
                writeln!(io::stdout(), "{runtime} {} {} {}", create.as_micros(), start.as_micros(), delete.as_micros())?;
            }
        }
    }
    Ok(())
}

fn life(runtime: &str, bundle: &Path, id: &str) -> io::Result<[Duration; 3]> {
    let pid_file = bundle.join("pid");
    let (bundle, pid_path) = (bundle.to_string_lossy(), pid_file.to_string_lossy().into_owned());
    let create = verb(runtime, &["create", "--bundle", &bundle, "--pid-file", &pid_path, id])?;
    let start = verb(runtime, &["start", id])?;
    let pid: i32 = fs::read_to_string(&pid_file)?.trim().parse().map_err(io::Error::other)?;
    waitpid(Pid::from_raw(pid), None)?;
    let delete = verb(runtime, &["delete", id])?;
    Ok([create, start, delete])
}

fn verb(runtime: &str, args: &[&str]) -> io::Result<Duration> {
    let begun = Instant::now();
    let status = Command::new(runtime).args(args).stdin(Stdio::null()).stdout(Stdio::null()).status()?;
    let took = begun.elapsed();
    if status.success() { Ok(took) } else { Err(io::Error::other(format!("{runtime} {}: {status}", args.join(" ")))) }
}
