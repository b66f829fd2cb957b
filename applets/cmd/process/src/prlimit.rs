//! `prlimit [-p PID] [--RESOURCE[=LIMITS]]... [PROGRAM...]` shows or sets the resource limits of a process.
//!
//! LIMITS is `SOFT:HARD`, `SOFT:`, `:HARD`, or one number for both; `unlimited` or -1 is no limit. Without limits the resources are shown.
//! `-o` chooses the columns RESOURCE, DESCRIPTION, SOFT, HARD and UNITS.
//!
//! Example: `prlimit -p 1 --nofile=1024:4096`.

use std::ffi::OsString;
use std::io::Write;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use kit::{Applet, Context, Error, Exit, Place, Result, out};
use sys::limits::limit;

use crate::start;

/// Limits of resources.
pub const PRLIMIT: Applet = Applet { name: "prlimit", about: "show or set a process's resource limits", place: Place::Bin, run };

/// A resource as the kernel numbers it.
struct Resource {
    name: &'static str,
    letter: char,
    number: u32,
    description: &'static str,
    units: &'static str,
}

const fn row(name: &'static str, letter: char, number: u32, description: &'static str, units: &'static str) -> Resource {
    Resource { name, letter, number, description, units }
}

/// The resources of linux/resource.h, by name.
const RESOURCES: [Resource; 16] = [
    row("as", 'v', 9, "address space limit", "bytes"),
    row("core", 'c', 4, "max core file size", "bytes"),
    row("cpu", 't', 0, "CPU time", "seconds"),
    row("data", 'd', 2, "max data size", "bytes"),
    row("fsize", 'f', 1, "max file size", "bytes"),
    row("locks", 'x', 10, "max number of file locks held", "locks"),
    row("memlock", 'l', 8, "max locked-in-memory address space", "bytes"),
    row("msgqueue", 'q', 12, "max bytes in POSIX mqueues", "bytes"),
    row("nice", 'e', 13, "max nice prio allowed to raise", ""),
    row("nofile", 'n', 7, "max number of open files", "files"),
    row("nproc", 'u', 6, "max number of processes", "processes"),
    row("rss", 'm', 5, "max resident set size", "bytes"),
    row("rtprio", 'r', 14, "max real-time priority", ""),
    row("rttime", 'y', 15, "timeout for real-time tasks", "microsecs"),
    row("sigpending", 'i', 11, "max number of pending signals", "signals"),
    row("stack", 's', 3, "max stack size", "bytes"),
];

/// Names of the columns.
const COLUMNS: [&str; 5] = ["RESOURCE", "DESCRIPTION", "SOFT", "HARD", "UNITS"];

fn command() -> Command {
    let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    let number = clap::value_parser!(i32).range(1..);
    let mut command = Command::new("prlimit").about(PRLIMIT.about).version(kit::version_number()).no_binary_name(true);
    command = command.args([
        Arg::new("pid").short('p').long("pid").value_name("PID").help("The process").value_parser(number),
        Arg::new("output").short('o').long("output").value_name("LIST").value_delimiter(',').help("Columns"),
        flag("noheadings").help("No line of headings"),
        flag("raw").help("Columns without padding"),
        flag("verbose").help("Show what is set"),
        Arg::new("words").trailing_var_arg(true).num_args(0..).value_parser(clap::value_parser!(OsString)).value_name("PROGRAM"),
    ]);
    for resource in &RESOURCES {
        let arg = Arg::new(resource.name).long(resource.name).short(resource.letter).help(resource.description);
        command = command.arg(arg.num_args(0..=1).require_equals(true).default_missing_value("").value_name("LIMITS"));
    }
    command
}

fn run(args: &[OsString]) -> Result<Exit> {
    let matched = command().try_get_matches_from(args.get(1..).unwrap_or_default());
    let matched = matched.map_err(|e| {
        let text = e.render().to_string();
        if e.use_stderr() { Error::usage(text.trim_start_matches("error: ").trim_end()) } else { Error::text(text) }
    })?;
    let words: Vec<OsString> = matched.get_many("words").into_iter().flatten().cloned().collect();
    let pid = matched.get_one::<i32>("pid").copied();
    if pid.is_some() && !words.is_empty() {
        return Err(Error::usage("options --pid and COMMAND are mutually exclusive").with_exit(Exit::FAILED));
    }
    let (mut shown, mut set) = (Vec::new(), Vec::new());
    let given = |resource: &&Resource| matched.value_source(resource.name) == Some(ValueSource::CommandLine);
    let mut resources: Vec<_> = RESOURCES.iter().filter(given).collect();
    resources.sort_by_key(|resource| matched.index_of(resource.name));
    for resource in resources {
        match matched.get_one::<String>(resource.name).map(String::as_str) {
            None | Some("") => shown.push(resource),
            Some(text) => set.push((resource, wanted(text).ok_or_else(|| failed_to_parse(resource.name))?)),
        }
    }
    if shown.is_empty() && set.is_empty() && words.is_empty() {
        shown.extend(&RESOURCES);
    }
    let pid = pid.unwrap_or(0);
    for (resource, wanted) in set {
        apply(pid, resource, wanted, matched.get_flag("verbose"))?;
    }
    if !shown.is_empty() {
        show(pid, &shown, &matched)?;
    }
    if words.is_empty() { Ok(Exit::OK) } else { Err(start::become_it(start::command(&words))) }
}

fn failed_to_parse(name: &str) -> Error {
    Error::usage(format!("failed to parse {} limit", name.to_uppercase())).with_exit(Exit::FAILED)
}

/// The soft and the hard limit that a text asks for; one that it leaves out stays as it is.
fn wanted(text: &str) -> Option<(Option<u64>, Option<u64>)> {
    let text = text.strip_prefix('=').unwrap_or(text);
    let number = |text: &str| match text {
        "" => Some(None),
        "unlimited" | "infinity" | "-1" => Some(Some(u64::MAX)),
        digits => digits.parse().ok().map(Some),
    };
    match text.split_once(':') {
        Some((soft, hard)) if !(soft.is_empty() && hard.is_empty()) => Some((number(soft)?, number(hard)?)),
        Some(_) => None,
        None => number(text).map(|both| (both, both)),
    }
}

fn apply(pid: i32, resource: &Resource, wanted: (Option<u64>, Option<u64>), tells: bool) -> Result<()> {
    let name = resource.name.to_uppercase();
    let (soft, hard) = limit(pid, resource.number, None).doing(format!("read the limit {name}"))?;
    let (soft, hard) = (wanted.0.unwrap_or(soft), wanted.1.unwrap_or(hard));
    if soft > hard {
        return Err(Error::usage("the soft limit cannot exceed the hard limit").with_exit(Exit::FAILED));
    }
    limit(pid, resource.number, Some((soft, hard))).doing(format!("set the limit {name}"))?;
    if tells {
        let mut out = out();
        let line = writeln!(out, "New {name} limit for pid {pid}: <{}:{}>", text(soft), text(hard));
        line.and_then(|()| out.flush()).doing("write standard output")?;
    }
    Ok(())
}

fn text(limit: u64) -> String {
    if limit == u64::MAX { "unlimited".to_owned() } else { limit.to_string() }
}

fn show(pid: i32, shown: &[&Resource], matched: &ArgMatches) -> Result<()> {
    let columns = match matched.get_many::<String>("output") {
        Some(names) => names.map(|name| column(name)).collect::<Result<Vec<_>>>()?,
        None => vec![0, 1, 2, 3, 4],
    };
    let mut rows = Vec::new();
    if !matched.get_flag("noheadings") {
        rows.push(columns.iter().map(|&at| COLUMNS[at].to_owned()).collect::<Vec<_>>());
    }
    for resource in shown {
        let (soft, hard) = limit(pid, resource.number, None).doing(format!("read the limit {}", resource.name.to_uppercase()))?;
        let cell = |&at: &usize| match at {
            0 => resource.name.to_uppercase(),
            1 => resource.description.to_owned(),
            2 => text(soft),
            3 => text(hard),
            _ => resource.units.to_owned(),
        };
        rows.push(columns.iter().map(cell).collect());
    }
    let is_raw = matched.get_flag("raw");
    // As wide as the heading, shown or not.
    let width = |at: usize| rows.iter().map(|row| row[at].len()).max().unwrap_or_default().max(COLUMNS[columns[at]].len());
    let widths: Vec<_> = (0..columns.len()).map(width).collect();
    let mut out = out();
    for row in &rows {
        let cells = row.iter().enumerate().map(|(at, cell)| match columns[at] {
            _ if is_raw => cell.replace(' ', "\\x20"),
            2 | 3 => format!("{cell:>0$}", widths[at]),
            _ if at + 1 == row.len() => cell.clone(),
            _ => format!("{cell:<0$}", widths[at]),
        });
        writeln!(out, "{}", cells.collect::<Vec<_>>().join(" ")).doing("write standard output")?;
    }
    out.flush().doing("write standard output")
}

fn column(name: &str) -> Result<usize> {
    let found = COLUMNS.iter().position(|column| column.eq_ignore_ascii_case(name));
    found.ok_or_else(|| Error::usage(format!("unknown column: {name}")).with_exit(Exit::FAILED))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn limits_of_a_text() {
        assert_eq!(wanted("5").unwrap(), (Some(5), Some(5)));
        assert_eq!(wanted("5:").unwrap(), (Some(5), None));
        assert_eq!(wanted(":unlimited").unwrap(), (None, Some(u64::MAX)));
        assert_eq!(wanted("1:2").unwrap(), (Some(1), Some(2)));
        assert!(wanted(":").is_none());
        assert!(wanted("x").is_none());
        command().debug_assert();
    }
}
