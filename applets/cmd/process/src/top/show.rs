//! The lines of `top`.

use kit::account;

use super::sample::{STATES, Sample, Shares};
use crate::process::{Process, TICKS};

/// Columns of the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Field {
    /// `PID`
    Pid,
    /// `USER`
    User,
    /// `PR`
    Priority,
    /// `NI`
    Nice,
    /// `VIRT`
    Virtual,
    /// `RES`
    Resident,
    /// `SHR`
    Shared,
    /// `S`
    State,
    /// `%CPU`
    #[default]
    Cpu,
    /// `%MEM`
    Memory,
    /// `TIME+`
    Time,
    /// `COMMAND`
    Command,
}

const FIELDS: [(&str, Field); 12] = [
    ("PID", Field::Pid),
    ("USER", Field::User),
    ("PR", Field::Priority),
    ("NI", Field::Nice),
    ("VIRT", Field::Virtual),
    ("RES", Field::Resident),
    ("SHR", Field::Shared),
    ("S", Field::State),
    ("%CPU", Field::Cpu),
    ("%MEM", Field::Memory),
    ("TIME+", Field::Time),
    ("COMMAND", Field::Command),
];

impl Field {
    /// The field of a heading.
    pub fn named(name: &str) -> Option<Self> {
        FIELDS.iter().find(|(heading, _)| heading.eq_ignore_ascii_case(name)).map(|(_, field)| *field)
    }
}

/// A person's wishes.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Order of the processes: the greatest first.
    pub sort: Field,
    /// The least first.
    pub is_reversed: bool,
    /// Command lines instead of names.
    pub whole_commands: bool,
    /// Without processes that did nothing.
    pub hides_idle: bool,
    /// A line for each processor.
    pub each_processor: bool,
    /// One user's processes.
    pub user: Option<u32>,
    /// These processes; all when empty.
    pub pids: Vec<u32>,
    /// Lines of the table that are scrolled away.
    pub scrolled: usize,
}

/// Number of lines above the processes.
pub fn head_height(view: &View, now: &Sample) -> usize {
    6 + if view.each_processor { now.processors.len().saturating_sub(1) } else { 1 }
}

/// All lines, the heading of the table among them.
pub fn lines(view: &View, now: &Sample, shares: &Shares, width: usize) -> Vec<String> {
    let mut lines = vec![summary(now), tasks(&now.processes)];
    if view.each_processor {
        let each = shares.processors.iter().skip(1).enumerate();
        lines.extend(each.map(|(number, shares)| processor(&format!("%Cpu{number:<3}:"), shares)));
    } else {
        lines.push(processor("%Cpu(s):", shares.processors.first().unwrap_or(&[0.0; STATES])));
    }
    lines.extend(memory(now));
    lines.push(String::new());
    lines.push("    PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND".to_owned());
    let chosen = |one: &&Process| {
        (view.pids.is_empty() || view.pids.contains(&one.pid))
            && view.user.is_none_or(|user| user == one.user)
            && (!view.hides_idle || shares.of(one.pid) > 0.0)
    };
    let mut processes: Vec<&Process> = now.processes.iter().filter(chosen).collect();
    processes.sort_by(|a, b| {
        let order = compare(view.sort, now, shares, a, b).then_with(|| b.pid.cmp(&a.pid));
        if view.is_reversed { order } else { order.reverse() }
    });
    lines.extend(processes.iter().map(|one| row(view, now, shares, one)));
    lines.iter().map(|line| line.chars().take(width).collect()).collect()
}

fn compare(field: Field, now: &Sample, shares: &Shares, a: &Process, b: &Process) -> std::cmp::Ordering {
    let detail = |one: &Process| now.details.get(&one.pid).copied().unwrap_or_default();
    match field {
        Field::Pid => a.pid.cmp(&b.pid),
        Field::User => account::user_name(a.user).cmp(&account::user_name(b.user)),
        Field::Priority => detail(a).1.cmp(&detail(b).1),
        Field::Nice => a.nice.cmp(&b.nice),
        Field::Virtual => a.virtual_kib.cmp(&b.virtual_kib),
        Field::Resident | Field::Memory => a.resident_kib.cmp(&b.resident_kib),
        Field::Shared => detail(a).0.cmp(&detail(b).0),
        Field::State => a.state.cmp(&b.state),
        Field::Cpu => shares.of(a.pid).total_cmp(&shares.of(b.pid)),
        Field::Time => a.time.cmp(&b.time),
        Field::Command => a.name.cmp(&b.name),
    }
}

fn summary(now: &Sample) -> String {
    let minutes = now.uptime as u64 / 60;
    let (days, hours, rest) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    let day = match days {
        0 => String::new(),
        1 => "1 day, ".to_owned(),
        days => format!("{days} days, "),
    };
    let up = if hours == 0 { format!("{day}{rest} min") } else { format!("{day}{hours:>2}:{rest:02}") };
    let clock = sys::calendar::format(b"%H:%M:%S", kit::clock::now() / 1_000_000_000, false).unwrap_or_default();
    format!("top - {} up {up},  load average: {}", String::from_utf8_lossy(&clock), now.load)
}

fn tasks(processes: &[Process]) -> String {
    let count = |states: &str| processes.iter().filter(|one| states.contains(one.state)).count();
    let (running, stopped, zombies) = (count("R"), count("Tt"), count("Z"));
    let total = processes.len();
    let sleeping = total - running - stopped - zombies;
    format!("Tasks: {total:3} total, {running:3} running, {sleeping:3} sleeping, {stopped:3} stopped, {zombies:3} zombie")
}

fn processor(name: &str, shares: &[f64; STATES]) -> String {
    let [user, nice, system, idle, wait, hard, soft, stolen] = shares;
    format!(
        "{name}{user:5.1} us,{system:5.1} sy,{nice:5.1} ni,{idle:5.1} id,{wait:5.1} wa,{hard:5.1} hi,{soft:5.1} si,{stolen:5.1} st"
    )
}

#[expect(clippy::cast_precision_loss, reason = "a tenth of a MiB is shown")]
fn memory(now: &Sample) -> [String; 2] {
    let mib = |kib: u64| kib as f64 / 1024.0;
    let (total, free, available) = (now.kib("MemTotal"), now.kib("MemFree"), now.kib("MemAvailable"));
    let cache = now.kib("Buffers") + now.kib("Cached") + now.kib("SReclaimable");
    let used = total.saturating_sub(available);
    let (swap, swap_free) = (now.kib("SwapTotal"), now.kib("SwapFree"));
    [
        format!("MiB Mem :{:9.1} total,{:9.1} free,{:9.1} used,{:9.1} buff/cache", mib(total), mib(free), mib(used), mib(cache)),
        format!(
            "MiB Swap:{:9.1} total,{:9.1} free,{:9.1} used.{:9.1} avail Mem",
            mib(swap),
            mib(swap_free),
            mib(swap.saturating_sub(swap_free)),
            mib(available)
        ),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "a tenth of it is shown")]
fn row(view: &View, now: &Sample, shares: &Shares, one: &Process) -> String {
    let (common, priority) = now.details.get(&one.pid).copied().unwrap_or_default();
    let priority = if priority < -99 { "rt".to_owned() } else { priority.to_string() };
    let user = account::user_name(one.user);
    let user = if user.len() > 8 { format!("{}+", user.chars().take(7).collect::<String>()) } else { user };
    let memory = one.resident_kib as f64 * 100.0 / now.kib("MemTotal").max(1) as f64;
    let command = if view.whole_commands { one.command() } else { one.name.clone() };
    // A name with control characters must not write to the terminal.
    let command: String = command.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    format!(
        "{:>7} {user:<8} {priority:>3} {:>3} {} {} {} {} {:>5} {memory:5.1} {:>9} {command}",
        one.pid,
        one.nice,
        scaled(one.virtual_kib, 7),
        scaled(one.resident_kib, 6),
        scaled(common, 6),
        one.state,
        share(shares.of(one.pid)),
        time(one.time),
    )
}

fn share(hundredths: f64) -> String {
    if hundredths < 999.95 { format!("{hundredths:.1}") } else { format!("{hundredths:.0}") }
}

/// KiB, or a larger unit where the column has no room for it.
#[expect(clippy::cast_precision_loss, reason = "a tenth of it is shown")]
fn scaled(kib: u64, width: usize) -> String {
    let mut text = kib.to_string();
    let mut number = kib as f64;
    for unit in ["m", "g", "t", "p"] {
        if text.len() <= width {
            break;
        }
        number /= 1024.0;
        text = format!("{number:.1}{unit}");
    }
    format!("{text:>width$}")
}

/// `MINUTES:SECONDS.HUNDREDTHS`, or hours when there is no room.
fn time(ticks: u64) -> String {
    let (seconds, rest) = (ticks / TICKS, ticks % TICKS);
    let text = format!("{}:{:02}.{rest:02}", seconds / 60, seconds % 60);
    if text.len() <= 9 { text } else { format!("{},{:02}", seconds / 3600, seconds / 60 % 60) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_fit_their_columns() {
        assert_eq!(scaled(4_179_800, 7), "4179800");
        assert_eq!(scaled(1_887_437, 6), "  1.8g");
        assert_eq!(scaled(1, 6), "     1");
        assert_eq!(time(14_705), "2:27.05");
        assert_eq!(share(106.24), "106.2");
    }

    #[test]
    fn the_greatest_is_first() {
        let one = |pid, resident_kib| Process { pid, resident_kib, state: 'S', ..Process::default() };
        let now = Sample { processes: vec![one(1, 10), one(2, 30), one(3, 20)], ..Sample::default() };
        let shares = Shares::between(&Sample::none(), &now);
        let mut view = View { sort: Field::Memory, ..View::default() };
        let order = |view: &View| -> Vec<String> {
            let lines = lines(view, &now, &shares, 80);
            lines[head_height(view, &now)..].iter().map(|line| line.trim_start().chars().take(1).collect()).collect()
        };
        assert_eq!(order(&view), ["2", "3", "1"]);
        view.is_reversed = true;
        assert_eq!(order(&view), ["1", "3", "2"]);
        assert_eq!(Field::named("%mem"), Some(Field::Memory));
        assert_eq!(Field::named("NOPE"), None);
    }
}
