//! `taskset [-a] [-c] MASK PROGRAM...` runs a program on the processors of a mask; `taskset [-a] [-c] -p [MASK] PID` shows or sets a process's.
//!
//! A mask is a hexadecimal number (`3`, `0x5`), or with `-c` a list such as `0,2-4` or `0-6:2`. `-a` means all threads of the process.
//!
//! Example: `taskset -c 0 stress`.

use std::ffi::OsString;
use std::fs;
use std::io::Write;

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, out, parse};
use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::start;

/// Processors of a process.
pub const TASKSET: Applet =
    Applet { name: "taskset", about: "show or set the processors that a process may use", place: Place::Bin, run };

#[derive(Parser)]
struct Options {
    /// All threads of the process
    #[arg(short, long)]
    all_tasks: bool,
    /// The mask is a list of numbers
    #[arg(short, long)]
    cpu_list: bool,
    /// A process that runs
    #[arg(short, long)]
    pid: bool,
    /// Mask, and program or process
    #[arg(trailing_var_arg = true, required = true, value_name = "MASK")]
    words: Vec<OsString>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&TASKSET, args)?;
    let text = |word: &OsString| word.to_string_lossy().into_owned();
    match (options.pid, options.words.as_slice()) {
        (true, [pid]) => show(&options, &text(pid)),
        (true, [mask, pid]) => {
            let (mask, pid) = (options.mask(&text(mask))?, text(pid));
            let tasks = options.tasks(&pid)?;
            let mut out = out();
            for task in tasks {
                let old = said(task, "current", options.cpu_list)?;
                sched_setaffinity(Pid::from_raw(task), &mask).doing(format!("set the processors of {task}"))?;
                let new = said(task, "new", options.cpu_list)?;
                write!(out, "{old}{new}").doing("write standard output")?;
            }
            out.flush().doing("write standard output")?;
            Ok(Exit::OK)
        }
        (false, [mask, program @ ..]) if !program.is_empty() => {
            let mask = options.mask(&text(mask))?;
            sched_setaffinity(None, &mask).doing("set the processors")?;
            Err(start::become_it(start::command(program)))
        }
        _ => Err(Error::usage("give a mask and a program, or -p and a process")),
    }
}

impl Options {
    fn mask(&self, text: &str) -> Result<CpuSet> {
        let read = if self.cpu_list { list(text) } else { hexadecimal(text) };
        read.filter(|set| set.count() > 0).ok_or_else(|| Error::usage(format!("failed to parse CPU mask: {text}")))
    }

    fn tasks(&self, pid: &str) -> Result<Vec<i32>> {
        let number = pid.parse().ok().filter(|number: &i32| *number > 0);
        let number = number.ok_or_else(|| Error::usage(format!("invalid process number {pid}")))?;
        if !self.all_tasks {
            return Ok(vec![number]);
        }
        let dir = format!("/proc/{number}/task");
        let entries = fs::read_dir(&dir).on("read", &dir)?;
        let mut tasks: Vec<i32> = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        tasks.sort_unstable();
        Ok(tasks)
    }
}

fn show(options: &Options, pid: &str) -> Result<Exit> {
    let mut out = out();
    for task in options.tasks(pid)? {
        out.write_all(said(task, "current", options.cpu_list)?.as_bytes()).doing("write standard output")?;
    }
    out.flush().doing("write standard output")?;
    Ok(Exit::OK)
}

/// The line of a thread.
fn said(task: i32, when: &str, as_list: bool) -> Result<String> {
    let set = sched_getaffinity(Pid::from_raw(task)).doing(format!("read the processors of {task}"))?;
    let (what, text) = if as_list { ("list", as_ranges(&set)) } else { ("mask", as_mask(&set)) };
    Ok(format!("pid {task}'s {when} affinity {what}: {text}\n"))
}

fn hexadecimal(text: &str) -> Option<CpuSet> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    let mut set = CpuSet::new();
    for (at, digit) in digits.bytes().rev().filter(|b| *b != b',').enumerate() {
        let value = char::from(digit).to_digit(16)?;
        for bit in (0..4).filter(|bit| value & (1 << bit) != 0) {
            let cpu = at * 4 + bit;
            if cpu >= CpuSet::MAX_CPU {
                return None;
            }
            set.set(cpu);
        }
    }
    Some(set)
}

/// `A`, `A-B` and `A-B:STEP`, with commas between.
fn list(text: &str) -> Option<CpuSet> {
    let mut set = CpuSet::new();
    for part in text.split(',') {
        let (range, step) = part.split_once(':').map_or((part, 1), |(range, step)| (range, step.parse().unwrap_or(0)));
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        if step == 0 || last < first || last >= CpuSet::MAX_CPU {
            return None;
        }
        (first..=last).step_by(step).for_each(|cpu| set.set(cpu));
    }
    Some(set)
}

fn as_mask(set: &CpuSet) -> String {
    let digit = |at: usize| (0..4).filter(|bit| set.is_set(at * 4 + bit)).fold(0_u32, |value, bit| value | 1 << bit);
    let digits = (0..CpuSet::MAX_CPU / 4).rev().map(digit).skip_while(|value| *value == 0);
    let text: String = digits.filter_map(|value| char::from_digit(value, 16)).collect();
    if text.is_empty() { "0".to_owned() } else { text }
}

fn as_ranges(set: &CpuSet) -> String {
    let mut parts = Vec::new();
    let mut cpu = 0;
    while cpu < CpuSet::MAX_CPU {
        if !set.is_set(cpu) {
            cpu += 1;
            continue;
        }
        let first = cpu;
        while cpu + 1 < CpuSet::MAX_CPU && set.is_set(cpu + 1) {
            cpu += 1;
        }
        parts.push(match cpu - first {
            0 => first.to_string(),
            1 => format!("{first},{cpu}"),
            _ => format!("{first}-{cpu}"),
        });
        cpu += 1;
    }
    parts.join(",")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn masks_both_ways() {
        assert_eq!(as_mask(&hexadecimal("0x1F").unwrap()), "1f");
        assert_eq!(as_ranges(&hexadecimal("b").unwrap()), "0,1,3");
        assert_eq!(as_ranges(&list("0,4-6,8-12:2").unwrap()), "0,4-6,8,10,12");
        assert!(hexadecimal("g").is_none());
        assert!(list("3-1").is_none());
        assert!(list("0-99999").is_none());
        assert!(hexadecimal(&"f".repeat(5000)).is_none());
    }
}
