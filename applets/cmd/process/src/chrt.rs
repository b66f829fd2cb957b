//! `chrt [POLICY] [-R] PRIORITY PROGRAM...` runs a program under a scheduling policy; `chrt [-a] -p [PRIORITY] PID` shows or sets a process's.
//!
//! Policies: `-o` other, `-f` fifo, `-r` round robin (as without a letter), `-b` batch, `-i` idle, `-d` deadline with `-T`, `-D` and `-P` in
//! nanoseconds. `-m` shows the priorities that each policy has.
//!
//! Example: `chrt -f 50 ntpd`.

use std::ffi::OsString;
use std::fs;
use std::io::Write;

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, out, parse};
use sys::schedule::{Attributes, RESET_ON_FORK, attributes, priority_range, set_attributes};

use crate::start;

/// Scheduling policies.
pub const CHRT: Applet = Applet { name: "chrt", about: "show or set a process's scheduling policy", place: Place::Bin, run };

/// Policies with their numbers.
const POLICIES: [(&str, u32); 6] =
    [("SCHED_OTHER", 0), ("SCHED_FIFO", 1), ("SCHED_RR", 2), ("SCHED_BATCH", 3), ("SCHED_IDLE", 5), ("SCHED_DEADLINE", 6)];

#[derive(Parser)]
struct Options {
    #[command(flatten)]
    policy: Policy,
    /// Children get the usual policy
    #[arg(short = 'R', long)]
    reset_on_fork: bool,
    /// Runtime of deadline
    #[arg(short = 'T', long, default_value_t = 0, value_name = "NS")]
    sched_runtime: u64,
    /// Deadline of deadline
    #[arg(short = 'D', long, default_value_t = 0, value_name = "NS")]
    sched_deadline: u64,
    /// Period of deadline
    #[arg(short = 'P', long, default_value_t = 0, value_name = "NS")]
    sched_period: u64,
    /// All threads of the process
    #[arg(short, long, requires = "pid")]
    all_tasks: bool,
    /// Show the priorities of each policy
    #[arg(short, long)]
    max: bool,
    /// A process that runs
    #[arg(short, long)]
    pid: bool,
    /// Show what was set
    #[arg(short, long)]
    verbose: bool,
    /// Priority, and program or process
    #[arg(trailing_var_arg = true, value_name = "PRIORITY")]
    words: Vec<OsString>,
}

#[derive(clap::Args)]
#[group(multiple = false)]
struct Policy {
    /// The usual one
    #[arg(short, long)]
    other: bool,
    /// First in, first out
    #[arg(short, long)]
    fifo: bool,
    /// Round robin
    #[arg(short, long)]
    rr: bool,
    /// Batch
    #[arg(short, long)]
    batch: bool,
    /// Idle
    #[arg(short, long)]
    idle: bool,
    /// Deadline
    #[arg(short, long)]
    deadline: bool,
}

impl Policy {
    const fn number(&self) -> u32 {
        match (self.other, self.fifo, self.batch, self.idle, self.deadline) {
            (true, ..) => 0,
            (_, true, ..) => 1,
            (_, _, true, ..) => 3,
            (.., true, _) => 5,
            (.., true) => 6,
            _ => 2,
        }
    }
}

impl Options {
    fn wanted(&self, priority: &str) -> Result<Attributes> {
        let policy = self.policy.number();
        let number: u32 = priority.parse().map_err(|_| Error::usage(format!("invalid priority argument: '{priority}'")))?;
        let (least, greatest) = priority_range(policy).doing("read the policy's priorities")?;
        if !(least..=greatest).contains(&number) {
            let message = format!("unsupported priority value for the policy: {number} (see -m for the priorities)");
            return Err(Error::usage(message).with_exit(Exit::FAILED));
        }
        let flags = if self.reset_on_fork { RESET_ON_FORK } else { 0 };
        let (runtime, deadline, period) = (self.sched_runtime, self.sched_deadline, self.sched_period);
        Ok(Attributes { policy, flags, priority: number, runtime, deadline, period, ..Attributes::default() })
    }

    fn tasks(&self, pid: u32) -> Result<Vec<u32>> {
        if !self.all_tasks {
            return Ok(vec![pid]);
        }
        let dir = format!("/proc/{pid}/task");
        let entries = fs::read_dir(&dir).on("read", &dir)?;
        Ok(entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
    }
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&CHRT, args)?;
    if options.max {
        return ranges();
    }
    let words: Vec<String> = options.words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let number = |pid: &String| pid.parse::<u32>().map_err(|_| Error::usage(format!("invalid PID argument: '{pid}'")));
    match (options.pid, words.as_slice()) {
        (true, [pid]) => show(&options.tasks(number(pid)?)?, "current"),
        (true, [priority, pid]) => {
            let (wanted, tasks) = (options.wanted(priority)?, options.tasks(number(pid)?)?);
            for &task in &tasks {
                set_attributes(task, wanted).doing(format!("set the policy of {task}"))?;
            }
            if options.verbose { show(&tasks, "new") } else { Ok(Exit::OK) }
        }
        (false, [priority, _, ..]) => {
            set_attributes(0, options.wanted(priority)?).doing("set the policy")?;
            if options.verbose {
                show(&[std::process::id()], "new")?;
            }
            Err(start::become_it(start::command(&options.words[1..])))
        }
        _ => Err(Error::usage("give a priority and a program, or -p and a process")),
    }
}

fn ranges() -> Result<Exit> {
    let mut out = out();
    for (name, policy) in POLICIES {
        match priority_range(policy) {
            Ok((least, greatest)) => writeln!(out, "{name} min/max priority\t: {least}/{greatest}"),
            Err(_) => writeln!(out, "{name} not supported?"),
        }
        .doing("write standard output")?;
    }
    out.flush().doing("write standard output")?;
    Ok(Exit::OK)
}

fn show(tasks: &[u32], when: &str) -> Result<Exit> {
    let mut out = out();
    for &task in tasks {
        let found = attributes(task).doing(format!("read the policy of {task}"))?;
        let name = POLICIES.iter().find(|(_, number)| *number == found.policy).map_or("unknown", |(name, _)| name);
        let reset = if found.flags & RESET_ON_FORK != 0 { "|SCHED_RESET_ON_FORK" } else { "" };
        write!(
            out,
            "pid {task}'s {when} scheduling policy: {name}{reset}\npid {task}'s {when} scheduling priority: {}\n",
            found.priority
        )
        .doing("write standard output")?;
        if found.policy == 6 {
            let (runtime, deadline, period) = (found.runtime, found.deadline, found.period);
            writeln!(out, "pid {task}'s {when} runtime/deadline/period parameters: {runtime}/{deadline}/{period}")
                .doing("write standard output")?;
        }
    }
    out.flush().doing("write standard output")?;
    Ok(Exit::OK)
}
