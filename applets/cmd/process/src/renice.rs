//! `renice [-n | --relative] NICENESS [-p | -g | -u] ID...` changes the niceness of processes that run.
//!
//! Niceness goes from -20, the most urgent, to 19. `-p` (as without a letter) takes processes, `-g` process groups, `-u` users by
//! name or number; each holds for the names behind it. `-n` sets the niceness, and `--relative` adds to the present one.
//!
//! Example: `renice -n 19 -p $(pidof kubelet)`.

use std::ffi::OsString;
use std::io::Write;

use kit::{Applet, Context, Error, Exit, Place, Result, account, out};
use rustix::process::{Pid, Uid};
use rustix::process::{getpriority_pgrp, getpriority_process, getpriority_user};
use rustix::process::{setpriority_pgrp, setpriority_process, setpriority_user};

/// Niceness of processes that run.
pub const RENICE: Applet = Applet { name: "renice", about: "change the niceness of processes that run", place: Place::Bin, run };

const USAGE: &str = "usage: renice [-n | --relative] NICENESS [-p | -g | -u] ID...";

/// Kinds of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Process,
    Group,
    User,
}

/// A change of niceness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Change {
    niceness: i32,
    is_relative: bool,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let mut words = args.iter().skip(1).map(|arg| arg.to_string_lossy().into_owned()).peekable();
    if words.peek().is_some_and(|word| word == "--help" || word == "-h") {
        return Err(Error::text(format!("{}\n\n{USAGE}\n", RENICE.about)));
    }
    if words.peek().is_some_and(|word| word == "--version" || word == "-V") {
        return Err(Error::text(format!("renice {}\n", kit::version_number())));
    }
    let change = change(&mut words)?;
    let (mut of, mut exit, mut any) = (Of::Process, Exit::OK, false);
    let mut out = out();
    for word in words {
        match word.as_str() {
            "-p" | "--pid" => of = Of::Process,
            "-g" | "--pgrp" => of = Of::Group,
            "-u" | "--user" => of = Of::User,
            name => {
                any = true;
                match set(of, name, change) {
                    Ok(text) => writeln!(out, "{text}").doing("write standard output")?,
                    Err(e) => {
                        exit = Exit::FAILED;
                        kit::warn("renice", &e);
                    }
                }
            }
        }
    }
    out.flush().doing("write standard output")?;
    if any { Ok(exit) } else { Err(Error::usage(USAGE)) }
}

/// The words before the first name.
fn change(words: &mut dyn Iterator<Item = String>) -> Result<Change> {
    let mut word = words.next().ok_or_else(|| Error::usage(USAGE))?;
    let is_relative = word == "--relative";
    if is_relative || word == "-n" || word == "--priority" {
        word = words.next().ok_or_else(|| Error::usage(USAGE))?;
    }
    let niceness = word.parse().map_err(|_| Error::usage(format!("invalid niceness {word}")))?;
    Ok(Change { niceness, is_relative })
}

/// Sets it, and tells what it was and is.
fn set(of: Of, name: &str, change: Change) -> Result<String> {
    let number = name.parse::<u32>().ok();
    let id = match of {
        Of::User => account::user_id(name).ok_or_else(|| Error::usage(format!("no such user: {name}")))?,
        Of::Process | Of::Group => number.ok_or_else(|| Error::usage(format!("invalid process number {name}")))?,
    };
    let pid = Pid::from_raw(id.cast_signed());
    let ask = || match of {
        Of::Process => getpriority_process(pid),
        Of::Group => getpriority_pgrp(pid),
        Of::User => getpriority_user(Uid::from_raw(id)),
    };
    let what = match of {
        Of::Process => "process ID",
        Of::Group => "process group ID",
        Of::User => "user ID",
    };
    let old = ask().doing(format!("read the niceness of {what} {id}"))?;
    let wanted = if change.is_relative { old + change.niceness } else { change.niceness };
    let done = match of {
        Of::Process => setpriority_process(pid, wanted),
        Of::Group => setpriority_pgrp(pid, wanted),
        Of::User => setpriority_user(Uid::from_raw(id), wanted),
    };
    done.doing(format!("set the niceness of {what} {id}"))?;
    let new = ask().doing(format!("read the niceness of {what} {id}"))?;
    Ok(format!("{id} ({what}) old priority {old}, new priority {new}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn the_first_words_are_the_change() {
        let read = |words: &[&str]| change(&mut words.iter().map(|&w| w.to_owned()));
        assert_eq!(read(&["-n", "-5", "1"]).unwrap(), Change { niceness: -5, is_relative: false });
        assert_eq!(read(&["7"]).unwrap(), Change { niceness: 7, is_relative: false });
        assert_eq!(read(&["--relative", "1"]).unwrap(), Change { niceness: 1, is_relative: true });
        assert!(read(&["-n"]).is_err());
        assert!(read(&["x"]).is_err());
        assert!(read(&[]).is_err());
    }
}
