//! `ps` shows processes: all of them, as BusyBox does.
//!
//! ```text
//! ps                 PID USER TIME COMMAND
//! ps -f, ps -ef      UID PID PPID C STIME TTY TIME CMD
//! ps aux             with the shares of CPU and memory
//! ps -o pid,comm…    the columns that are named
//! ps -p 1,2          these processes
//! ```

use std::ffi::OsString;
use std::io::Write;

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, account, out, parse};

use crate::process::{self, Process, TICKS};

/// Processes.
pub const PS: Applet = Applet { name: "ps", about: "show processes", place: Place::Bin, run };

#[derive(Parser)]
struct Options {
    /// All processes: they are shown anyway.
    #[arg(short = 'e', short_alias = 'A')]
    every: bool,
    /// More columns.
    #[arg(short, long)]
    full: bool,
    /// These columns, by commas; NAME=TITLE sets a title.
    #[arg(short = 'o', long = "format", value_name = "COLUMNS")]
    columns: Vec<String>,
    /// These processes, by commas.
    #[arg(short, long = "pid", value_name = "PIDS", value_delimiter = ',')]
    pids: Vec<u32>,
    /// Processes of these users, by commas.
    #[arg(short = 'u', long = "user", value_name = "USERS", value_delimiter = ',')]
    users: Vec<String>,
    /// Lines as long as they are; twice is the same.
    #[arg(short = 'w', action = clap::ArgAction::Count)]
    wide: u8,
    /// BSD's letters: a, u, w, x.
    letters: Option<String>,
}

/// A column: its name, title, width (negative: left), and what stands in it.
struct Column {
    name: &'static str,
    title: &'static str,
    width: i8,
    show: fn(&Process, &System) -> String,
}

/// Totals that percentages refer to.
struct System {
    /// Seconds since boot.
    uptime: f64,
    memory_kib: u64,
    /// Seconds of the clock at boot.
    boot: i64,
}

const COLUMNS: &[Column] = &[
    Column { name: "pid", title: "PID", width: 5, show: |p, _| p.pid.to_string() },
    Column { name: "ppid", title: "PPID", width: 5, show: |p, _| p.parent.to_string() },
    Column { name: "pgid", title: "PGID", width: 5, show: |p, _| p.group.to_string() },
    Column { name: "sid", title: "SID", width: 5, show: |p, _| p.session.to_string() },
    Column { name: "user", title: "USER", width: -8, show: |p, _| account::user_name(p.user) },
    Column { name: "uid", title: "UID", width: 5, show: |p, _| p.user.to_string() },
    Column { name: "group", title: "GROUP", width: -8, show: |p, _| account::group_name(p.user_group) },
    Column { name: "gid", title: "GID", width: 5, show: |p, _| p.user_group.to_string() },
    Column { name: "comm", title: "COMMAND", width: -15, show: |p, _| p.name.clone() },
    Column { name: "args", title: "COMMAND", width: -27, show: |p, _| p.command() },
    Column { name: "cmd", title: "CMD", width: -27, show: |p, _| p.command() },
    Column { name: "stat", title: "STAT", width: -4, show: |p, _| state(p) },
    Column { name: "s", title: "S", width: -1, show: |p, _| p.state.to_string() },
    Column { name: "time", title: "TIME", width: 8, show: |p, _| clock(p.time / TICKS) },
    Column { name: "etime", title: "ELAPSED", width: 11, show: |p, s| elapsed(s.age(p) as u64) },
    Column { name: "stime", title: "STIME", width: 5, show: |p, s| s.start(p) },
    Column { name: "tty", title: "TTY", width: -8, show: |p, _| terminal(p.terminal) },
    Column { name: "vsz", title: "VSZ", width: 6, show: |p, _| p.virtual_kib.to_string() },
    Column { name: "rss", title: "RSS", width: 5, show: |p, _| p.resident_kib.to_string() },
    Column { name: "nice", title: "NI", width: 3, show: |p, _| p.nice.to_string() },
    Column { name: "nlwp", title: "NLWP", width: 4, show: |p, _| p.threads.to_string() },
    Column { name: "pcpu", title: "%CPU", width: 4, show: |p, s| format!("{:.1}", s.cpu_share(p)) },
    Column { name: "c", title: "C", width: 2, show: |p, s| format!("{:.0}", s.cpu_share(p)) },
    Column { name: "pmem", title: "%MEM", width: 4, show: |p, s| format!("{:.1}", s.memory_share(p)) },
];

/// Other names for columns.
const SAME: &[(&str, &str)] = &[
    ("command", "args"),
    ("ruser", "user"),
    ("euser", "user"),
    ("%cpu", "pcpu"),
    ("%mem", "pmem"),
    ("state", "s"),
    ("ni", "nice"),
    ("tname", "tty"),
    ("tt", "tty"),
    ("ucmd", "comm"),
    ("sess", "sid"),
    ("start", "stime"),
];

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&PS, args)?;
    let letters = options.letters.clone().unwrap_or_default();
    if let Some(letter) = letters.chars().find(|c| !"auwx".contains(*c)) {
        return Err(Error::usage(format!("no such letter: {letter}")));
    }
    let list = if !options.columns.is_empty() {
        options.columns.join(",")
    } else if letters.contains('u') {
        "user,pid,%cpu,%mem,vsz,rss,tty,stat,stime,time,args".into()
    } else if options.full {
        "user=UID,pid,ppid,c,stime,tty,time,cmd".into()
    } else {
        "pid,user,time,args".into()
    };
    let columns = columns(&list)?;
    let users = options.users.iter().map(|u| account::user_id(u).ok_or_else(|| Error::usage(format!("no such user: {u}"))));
    let users = users.collect::<Result<Vec<_>>>()?;
    let shown: Vec<_> = process::all()
        .into_iter()
        .filter(|p| options.pids.is_empty() || options.pids.contains(&p.pid))
        .filter(|p| users.is_empty() || users.contains(&p.user))
        .collect();
    print(&columns, &shown)?;
    Ok(if shown.is_empty() { Exit::FAILED } else { Exit::OK })
}

fn columns(list: &str) -> Result<Vec<(&'static Column, String)>> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(column).collect()
}

fn column(text: &str) -> Result<(&'static Column, String)> {
    let (name, title) = text.split_once('=').map_or((text, None), |(name, title)| (name, Some(title)));
    let name = SAME.iter().find(|(other, _)| *other == name).map_or(name, |(_, own)| *own);
    let column = COLUMNS.iter().find(|c| c.name == name).ok_or_else(|| Error::usage(format!("no such column: {name}")))?;
    Ok((column, title.unwrap_or(column.title).to_owned()))
}

fn print(columns: &[(&Column, String)], processes: &[Process]) -> Result<()> {
    let system = System::now();
    let mut rows = vec![columns.iter().map(|(_, title)| title.clone()).collect::<Vec<_>>()];
    rows.extend(processes.iter().map(|p| columns.iter().map(|(c, _)| (c.show)(p, &system)).collect()));
    // All titles empty (`-o pid=`) means no line of titles.
    let skip = usize::from(rows[0].iter().all(String::is_empty));
    let mut out = out();
    for row in rows.iter().skip(skip) {
        let mut line = String::new();
        for ((column, _), (at, cell)) in columns.iter().zip(row.iter().enumerate()) {
            let width = usize::from(column.width.unsigned_abs());
            let text = if column.width < 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") };
            if at > 0 {
                line.push(' ');
            }
            line.push_str(&text);
        }
        writeln!(out, "{}", line.trim_end()).doing("write standard output")?;
    }
    out.flush().doing("write standard output")
}

#[expect(clippy::cast_precision_loss, reason = "shares and ages are shown with one digit")]
impl System {
    fn now() -> Self {
        let word = |file: &str, key: &str| {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            let line = text.lines().find_map(|l| l.strip_prefix(key)).unwrap_or_default();
            line.split_whitespace().next().unwrap_or_default().to_owned()
        };
        Self {
            uptime: word("/proc/uptime", "").parse().unwrap_or(1.0),
            memory_kib: word("/proc/meminfo", "MemTotal:").parse().unwrap_or(1),
            boot: word("/proc/stat", "btime").parse().unwrap_or(0),
        }
    }

    fn age(&self, p: &Process) -> f64 {
        (self.uptime - p.start as f64 / TICKS as f64).max(0.01)
    }

    fn cpu_share(&self, p: &Process) -> f64 {
        p.time as f64 / TICKS as f64 / self.age(p) * 100.0
    }

    fn memory_share(&self, p: &Process) -> f64 {
        p.resident_kib as f64 * 100.0 / self.memory_kib as f64
    }

    /// The time of day when it began, in UTC: there is no zone on a node.
    fn start(&self, p: &Process) -> String {
        let seconds = self.boot + (p.start / TICKS).cast_signed();
        format!("{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60)
    }
}

/// The state, and `s` for a session's leader, `l` for threads, `<` and `N` for niceness.
fn state(p: &Process) -> String {
    let mut text = p.state.to_string();
    match p.nice {
        ..0 => text.push('<'),
        1.. => text.push('N'),
        0 => {}
    }
    if p.session == p.pid {
        text.push('s');
    }
    if p.threads > 1 {
        text.push('l');
    }
    text
}

fn clock(seconds: u64) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// `[[DD-]HH:]MM:SS`
fn elapsed(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60);
    let end = format!("{minutes:02}:{:02}", seconds % 60);
    match (days, hours) {
        (0, 0) => end,
        (0, _) => format!("{hours:02}:{end}"),
        _ => format!("{days}-{hours:02}:{end}"),
    }
}

/// The name of a terminal by its number (Linux's devices.txt).
fn terminal(number: u32) -> String {
    let (major, minor) = (number >> 8 & 0xfff, number & 0xff | (number >> 12 & 0xfff00));
    match (major, minor) {
        (0, _) => "?".into(),
        (4, 0..64) => format!("tty{minor}"),
        (4, _) => format!("ttyS{}", minor - 64),
        (136..=143, _) => format!("pts/{}", (major - 136) * 256 + minor),
        (204, 64..80) => format!("ttyAMA{}", minor - 64),
        (229, _) => format!("hvc{minor}"),
        (5, 1) => "console".into(),
        _ => format!("{major}:{minor}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_terminals() {
        assert_eq!(elapsed(59), "00:59");
        assert_eq!(elapsed(90061), "1-01:01:01");
        assert_eq!(clock(3661), "01:01:01");
        assert_eq!(terminal(0x8803), "pts/3");
        assert_eq!(terminal(0x440), "ttyS0");
        assert_eq!(terminal(0), "?");
    }

    #[test]
    fn columns_by_other_names_and_with_titles() {
        let found = columns("pid,command=What").map(|c| c.iter().map(|(c, t)| (c.name, t.clone())).collect::<Vec<_>>());
        assert_eq!(found.ok(), Some(vec![("pid", "PID".to_owned()), ("args", "What".to_owned())]));
        assert!(columns("nonesuch").is_err());
    }
}
