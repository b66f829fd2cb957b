//! `top [-b] [-d SECONDS] [-n NUMBER] [-p PIDS] [-u USER] [-o FIELD] [-c] [-i] [-w COLUMNS]` shows the processes that use the machine most, again and again.
//!
//! `-b` writes plain text; so does an output that is no terminal. Keys: `P` by CPU time, `M` by memory, `N` by number, `T` by time,
//! `R` the other way round, `c` whole command lines, `i` without idle ones, `1` each processor, `d` another interval, `k` a signal,
//! `u` one user, the arrows scroll, `q` ends. FIELD is one of PID, USER, PR, NI, VIRT, RES, SHR, S, %CPU, %MEM, TIME+ and COMMAND.
//!
//! Example: `top -b -n 1 -o %MEM | head`.

mod keys;
mod sample;
mod show;

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, account, out, parse};

use keys::{Action, Keyboard};
use sample::{Sample, Shares};
use show::{Field, View};

/// Processes that use the machine most.
pub const TOP: Applet = Applet { name: "top", about: "show the processes that use the machine most", place: Place::Bin, run };

/// Lines of a screen whose size is unknown, and its columns.
const USUAL_SIZE: (usize, usize) = (24, 80);
/// Columns of a line that goes to no terminal.
const BATCH_WIDTH: usize = 512;

#[derive(Parser)]
struct Options {
    /// Plain text
    #[arg(short, long)]
    batch: bool,
    /// Seconds between two looks
    #[arg(short, long, default_value_t = 3.0, value_name = "SECONDS")]
    delay: f64,
    /// Number of looks
    #[arg(short = 'n', long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    iterations: Option<u64>,
    /// These processes
    #[arg(short, long, value_delimiter = ',', value_name = "PIDS")]
    pid: Vec<u32>,
    /// Processes of a user
    #[arg(short, long, value_name = "USER")]
    user: Option<String>,
    /// Sort by a field
    #[arg(short = 'o', long, value_name = "FIELD")]
    sort_override: Option<String>,
    /// Whole command lines
    #[arg(short, long)]
    cmdline_toggle: bool,
    /// Without idle processes
    #[arg(short, long)]
    idle_toggle: bool,
    /// Columns of plain text
    #[arg(short, long, value_name = "COLUMNS")]
    width: Option<usize>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&TOP, args)?;
    let delay = Duration::try_from_secs_f64(options.delay).map_err(|_| Error::usage("that is no interval"))?;
    let user =
        options.user.as_ref().map(|name| account::user_id(name).ok_or_else(|| Error::usage(format!("no such user: {name}"))));
    let mut view = View {
        user: user.transpose()?,
        pids: options.pid.clone(),
        whole_commands: options.cmdline_toggle,
        hides_idle: options.idle_toggle,
        ..View::default()
    };
    if let Some(name) = &options.sort_override {
        let (name, reversed) = match name.strip_prefix('-') {
            Some(name) => (name, true),
            None => (name.strip_prefix('+').unwrap_or(name), false),
        };
        view.sort = Field::named(name).ok_or_else(|| Error::usage(format!("unrecognized field name '{name}'")))?;
        view.is_reversed = reversed;
    }
    if options.batch || !std::io::stdout().is_terminal() { batch(&options, &view, delay) } else { screen(&options, view, delay) }
}

fn batch(options: &Options, view: &View, delay: Duration) -> Result<Exit> {
    let mut last = Sample::none();
    let mut out = out();
    let mut left = options.iterations;
    loop {
        let now = Sample::take()?;
        let lines = show::lines(view, &now, &Shares::between(&last, &now), options.width.unwrap_or(BATCH_WIDTH));
        let text = lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n");
        writeln!(out, "{text}").and_then(|()| out.flush()).doing("write standard output")?;
        left = left.map(|left| left - 1);
        if left == Some(0) {
            return Ok(Exit::OK);
        }
        writeln!(out).doing("write standard output")?;
        std::thread::sleep(delay);
        last = now;
    }
}

fn screen(options: &Options, mut view: View, mut delay: Duration) -> Result<Exit> {
    let mut keyboard = Keyboard::take()?;
    let mut last = Sample::none();
    let mut now = Sample::take()?;
    let mut left = options.iterations;
    let mut is_fresh = true;
    let mut said = String::new();
    loop {
        draw(&view, &last, &now, &said)?;
        if is_fresh {
            left = left.map(|left| left - 1);
            if left == Some(0) {
                return Ok(Exit::OK);
            }
        }
        let action = keyboard.wait(delay)?;
        is_fresh = matches!(action, Action::Nothing | Action::Now);
        said = match action {
            Action::End => return Ok(Exit::OK),
            Action::Nothing | Action::Now => {
                last = now;
                now = Sample::take()?;
                String::new()
            }
            action => keys::apply(&mut keyboard, action, &mut view, &mut delay).err().map(|e| e.to_string()).unwrap_or_default(),
        };
    }
}

fn draw(view: &View, last: &Sample, now: &Sample, said: &str) -> Result<()> {
    let size = rustix::termios::tcgetwinsize(rustix::stdio::stdout()).ok().filter(|size| size.ws_row > 0 && size.ws_col > 0);
    let (rows, columns) = size.map_or(USUAL_SIZE, |size| (usize::from(size.ws_row), usize::from(size.ws_col)));
    let mut lines = show::lines(view, now, &Shares::between(last, now), columns);
    let head = show::head_height(view, now);
    let hidden = view.scrolled.min(lines.len().saturating_sub(head + 1));
    lines.drain(head..head + hidden);
    lines.truncate(rows);
    if let Some(line) = lines.get_mut(head.saturating_sub(2)).filter(|_| !said.is_empty()) {
        said.clone_into(line);
    }
    let mut text = "\x1b[H".to_owned();
    for (number, line) in lines.iter().enumerate() {
        let (on, off) = if number + 1 == head { ("\x1b[7m", "\x1b[0m") } else { ("", "") };
        let shown: String = line.chars().take(columns).collect();
        let end = if number + 1 == rows { "" } else { "\r\n" };
        text.extend([on, shown.as_str(), off, "\x1b[K", end]);
    }
    text.push_str("\x1b[J");
    let mut out = out();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).doing("write the terminal")
}
