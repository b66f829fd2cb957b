//! `choom [-n NUMBER] -p PID` shows or sets how readily the kernel ends a process when memory runs out; `choom -n NUMBER PROGRAM...` starts one.
//!
//! The number goes from -1000, never, to 1000, first.
//!
//! Example: `choom -n -999 -p 1`.

use std::ffi::OsString;
use std::fs;
use std::io::Write;

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, out, parse};

use crate::start;

/// The score for an end by lack of memory.
pub const CHOOM: Applet =
    Applet { name: "choom", about: "show or set a process's score when memory runs out", place: Place::Bin, run };

#[derive(Parser)]
struct Options {
    /// The number to add to the score
    #[arg(short = 'n', long, allow_hyphen_values = true, value_parser = clap::value_parser!(i32).range(-1000..=1000), value_name = "NUMBER")]
    adjust: Option<i32>,
    /// The process
    #[arg(short, long, value_name = "PID")]
    pid: Option<u32>,
    /// The program
    #[arg(trailing_var_arg = true, value_name = "PROGRAM")]
    words: Vec<OsString>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&CHOOM, args)?;
    match (options.pid, options.adjust) {
        (Some(_), _) if !options.words.is_empty() => Err(Error::usage("give a process or a program")),
        (Some(pid), Some(adjust)) => {
            let old = read(pid, "oom_score_adj")?;
            set(&pid.to_string(), adjust)?;
            said(&format!("pid {pid}'s OOM score adjust value changed from {old} to {adjust}\n"))
        }
        (Some(pid), None) => said(&format!(
            "pid {pid}'s current OOM score: {}\npid {pid}'s current OOM score adjust value: {}\n",
            read(pid, "oom_score")?,
            read(pid, "oom_score_adj")?
        )),
        (None, Some(adjust)) if !options.words.is_empty() => {
            set("self", adjust)?;
            Err(start::become_it(start::command(&options.words)))
        }
        (None, _) => Err(Error::usage("give a process with -p, or a number with -n and a program")),
    }
}

fn said(text: &str) -> Result<Exit> {
    let mut out = out();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).doing("write standard output")?;
    Ok(Exit::OK)
}

fn read(pid: u32, file: &str) -> Result<String> {
    let path = format!("/proc/{pid}/{file}");
    Ok(fs::read_to_string(&path).on("read", &path)?.trim().to_owned())
}

fn set(pid: &str, adjust: i32) -> Result<()> {
    let path = format!("/proc/{pid}/oom_score_adj");
    fs::write(&path, adjust.to_string()).on("write", &path)
}
