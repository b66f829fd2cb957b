//! Processes by name or pattern, and signals by name: what `pgrep`, `pkill`, `pidof` and `killall` share.

use kit::{Error, Result, account};
use regex::Regex;
use rustix::process::{Pid, Signal, kill_process};

use crate::process::{self, Process};

/// Selection of processes.
#[derive(clap::Args, Debug, Default)]
pub struct Filter {
    /// Match the whole command line.
    #[arg(short, long)]
    pub full: bool,
    /// The pattern must match all of it.
    #[arg(short = 'x', long)]
    pub exact: bool,
    /// Those that do not match.
    #[arg(short = 'v', long)]
    pub inverse: bool,
    /// The newest of them.
    #[arg(short, long)]
    pub newest: bool,
    /// The oldest of them.
    #[arg(short, long)]
    pub oldest: bool,
    /// Children of these processes, by commas.
    #[arg(short = 'P', long = "parent", value_delimiter = ',', value_name = "PIDS")]
    pub parents: Vec<u32>,
    /// Of these users, by commas.
    #[arg(short = 'u', long = "euid", value_delimiter = ',', value_name = "USERS")]
    pub users: Vec<String>,
    /// Letters of either case.
    #[arg(short, long)]
    pub ignore_case: bool,
    /// The pattern, an extended regular expression on the process's name.
    pub pattern: Option<String>,
}

impl Filter {
    /// The processes that fit, never ourselves, by number.
    pub fn processes(&self) -> Result<Vec<Process>> {
        if self.pattern.is_none() && self.parents.is_empty() && self.users.is_empty() {
            return Err(Error::usage("give a pattern"));
        }
        let pattern = self.pattern.as_deref().map(|p| self.regex(p)).transpose()?;
        let users = self.users.iter().map(|u| account::user_id(u).ok_or_else(|| Error::usage(format!("no such user: {u}"))));
        let users = users.collect::<Result<Vec<_>>>()?;
        let text = |p: &Process| if self.full { p.command() } else { p.name.clone() };
        let fits = |p: &Process| {
            (pattern.as_ref().is_none_or(|r| r.is_match(&text(p))) != self.inverse)
                && (self.parents.is_empty() || self.parents.contains(&p.parent))
                && (users.is_empty() || users.contains(&p.user))
        };
        let mut found: Vec<_> = process::all().into_iter().filter(|p| p.pid != std::process::id() && fits(p)).collect();
        if self.newest || self.oldest {
            found.sort_by_key(|p| p.start);
            let one = if self.newest { found.pop() } else { found.into_iter().next() };
            found = one.into_iter().collect();
        }
        Ok(found)
    }

    fn regex(&self, pattern: &str) -> Result<Regex> {
        let whole = if self.exact { format!("^(?:{pattern})$") } else { pattern.to_owned() };
        let case = if self.ignore_case { "(?i)" } else { "" };
        Regex::new(&format!("{case}{whole}")).map_err(|e| Error::usage(format!("read the pattern {pattern}: {e}")))
    }
}

/// A signal by number or name, with or without `SIG`.
pub fn signal(text: &str) -> Result<Signal> {
    let number = kit::signal::number(text).map_err(|e| Error::usage(e.to_string()))?;
    Signal::from_named_raw(number).ok_or_else(|| Error::usage(format!("signal {text} can't be sent by name")))
}

/// Take `-SIGNAL` or `-9` out of arguments that clap would not understand.
pub fn take_signal(args: &[std::ffi::OsString]) -> (Vec<std::ffi::OsString>, Signal) {
    let mut rest = args.to_vec();
    let is_signal = |text: &str| {
        let name = text.strip_prefix('-')?;
        let plausible = name.len() > 1 || name.parse::<i32>().is_ok();
        if plausible && !name.starts_with('-') { signal(name).ok() } else { None }
    };
    for (at, arg) in args.iter().enumerate().skip(1) {
        if let Some(found) = arg.to_str().and_then(is_signal) {
            rest.remove(at);
            return (rest, found);
        }
    }
    (rest, Signal::TERM)
}

/// Send a signal.
pub fn send(pid: u32, signal: Signal) -> Result<()> {
    let target = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let target = target.ok_or_else(|| Error::new(format!("signal process {pid}: no such process")))?;
    kill_process(target, signal).map_err(|e| Error::new(format!("signal process {pid}: {}", e.kind())))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn signals_by_any_name() {
        assert_eq!(signal("sigterm").unwrap(), Signal::TERM);
        assert_eq!(signal("KILL").unwrap(), Signal::KILL);
        assert_eq!(signal("9").unwrap(), Signal::KILL);
        assert!(signal("NONE").is_err());
    }

    #[test]
    fn a_signal_among_arguments() {
        let args: Vec<_> = ["pkill", "-HUP", "-f", "x"].iter().map(Into::into).collect();
        let (rest, found) = take_signal(&args);
        assert_eq!(rest, ["pkill", "-f", "x"]);
        assert_eq!(found, Signal::HUP);
    }
}
