//! `ionice [-c CLASS] [-n LEVEL] [-t] [-p PID... | -P GROUP... | -u USER... | PROGRAM...]` shows or sets the priority of input and output.
//!
//! Classes: 0 or `none`, 1 or `realtime`, 2 or `best-effort` (with a level from 0, the first, to 7), 3 or `idle`.
//!
//! Example: `ionice -c idle tar cf /backup.tar /data`.

use std::ffi::OsString;
use std::io::Write;

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, account, out, parse};
use sys::schedule::{Of, io_priority, set_io_priority};

use crate::start;

/// Priority of input and output.
pub const IONICE: Applet =
    Applet { name: "ionice", about: "show or set a process's priority of input and output", place: Place::Bin, run };

/// Names of the classes by their numbers.
const CLASSES: [&str; 4] = ["none", "realtime", "best-effort", "idle"];
/// The level without an option.
const USUAL_LEVEL: u32 = 4;

#[derive(Parser)]
struct Options {
    /// Class by name or number
    #[arg(short, long, value_name = "CLASS", value_parser = class)]
    class: Option<u32>,
    /// Level in the class, 0 to 7
    #[arg(short = 'n', long, value_name = "LEVEL", value_parser = clap::value_parser!(u32).range(0..8))]
    classdata: Option<u32>,
    /// Go on when the priority can't be set
    #[arg(short, long)]
    ignore: bool,
    /// Go on when the priority can't be set, as util-linux spells it
    #[arg(short = 't', hide = true)]
    tolerant: bool,
    /// Processes
    #[arg(short, long, num_args = 1.., value_name = "PID")]
    pid: Vec<u32>,
    /// Process groups
    #[arg(short = 'P', long, num_args = 1.., value_name = "GROUP")]
    pgid: Vec<u32>,
    /// Users by name or number
    #[arg(short = 'u', long, num_args = 1.., value_name = "USER")]
    uid: Vec<String>,
    /// The program
    #[arg(trailing_var_arg = true, value_name = "PROGRAM")]
    words: Vec<OsString>,
}

fn class(text: &str) -> Result<u32, String> {
    let named = CLASSES.iter().position(|name| name.eq_ignore_ascii_case(text)).and_then(|at| u32::try_from(at).ok());
    let number = text.parse().ok().filter(|&number| number < 4);
    named.or(number).ok_or_else(|| "a class is none, realtime, best-effort, idle or 0 to 3".to_owned())
}

impl Options {
    fn targets(&self) -> Result<Vec<(Of, u32)>> {
        let mut all: Vec<_> = self.pid.iter().map(|&id| (Of::Process, id)).collect();
        all.extend(self.pgid.iter().map(|&id| (Of::Group, id)));
        for name in &self.uid {
            let id = account::user_id(name);
            all.push((Of::User, id.ok_or_else(|| Error::usage(format!("no such user: {name}")))?));
        }
        Ok(all)
    }

    /// The class and level that were asked for, if any.
    fn wanted(&self) -> Option<(u32, u32)> {
        let class = self.class.or(self.classdata.map(|_| 2))?;
        // The classes without levels know none but the first.
        let level = if class == 0 || class == 3 { 0 } else { self.classdata.unwrap_or(USUAL_LEVEL) };
        Some((class, level))
    }
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&IONICE, args)?;
    let mut targets = options.targets()?;
    let starts = targets.is_empty() && !options.words.is_empty();
    if !targets.is_empty() && !options.words.is_empty() {
        return Err(Error::usage("give processes or a program"));
    }
    if targets.is_empty() {
        targets.push((Of::Process, 0));
    }
    let Some((class, level)) = options.wanted().or(starts.then_some((2, USUAL_LEVEL))) else { return show(&targets) };
    for (of, id) in targets {
        let done = set_io_priority(of, id, class, level);
        if !(options.ignore || options.tolerant) {
            done.doing(format!("set the priority of {id}"))?;
        }
    }
    if starts { Err(start::become_it(start::command(&options.words))) } else { Ok(Exit::OK) }
}

fn show(targets: &[(Of, u32)]) -> Result<Exit> {
    let mut out = out();
    for &(of, id) in targets {
        let (class, level) = io_priority(of, id).doing(format!("read the priority of {id}"))?;
        let name = CLASSES.get(class as usize).copied().unwrap_or("unknown");
        let text = if class == 3 { name.to_owned() } else { format!("{name}: prio {level}") };
        writeln!(out, "{text}").doing("write standard output")?;
    }
    out.flush().doing("write standard output")?;
    Ok(Exit::OK)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn classes_by_name_and_number() {
        assert_eq!((class("Idle").unwrap(), class("2").unwrap()), (3, 2));
        assert!(class("4").is_err());
    }
}
