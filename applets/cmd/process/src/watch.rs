//! `watch [-n SECONDS] [-t] [-x] [-g] COMMAND...` runs a command again and again and shows what it prints. Ctrl-C ends it.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::process::Command;
use std::time::Duration;

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, out, parse};

/// Again and again.
pub const WATCH: Applet = Applet { name: "watch", about: "run a command again and again", place: Place::Bin, run };

#[derive(Parser)]
struct Options {
    /// Seconds between runs.
    #[arg(short = 'n', long, value_name = "SECONDS", default_value = "2")]
    interval: f64,
    /// Without the line on top.
    #[arg(short = 't', long)]
    no_title: bool,
    /// End when the output changes.
    #[arg(short = 'g', long)]
    chgexit: bool,
    /// Run the words as they are, without a shell.
    #[arg(short = 'x', long)]
    exec: bool,
    /// The command.
    #[arg(required = true, trailing_var_arg = true)]
    command: Vec<OsString>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&WATCH, args)?;
    let pause = Duration::try_from_secs_f64(options.interval.max(0.1)).map_err(|_| Error::usage("that is no interval"))?;
    let text = options.command.join(OsStr::new(" "));
    let mut last = None;
    loop {
        let (shown, _) = output(&options, &text)?;
        if options.chgexit && last.as_ref().is_some_and(|l| *l != shown) {
            return Ok(Exit::OK);
        }
        let rows = rustix::termios::tcgetwinsize(rustix::stdio::stdout()).map_or(24, |size| size.ws_row.max(2));
        let mut out = out();
        let title = if options.no_title { String::new() } else { format!("Every {}s: {}\n\n", options.interval, text.display()) };
        let room = usize::from(rows) - 1 - title.lines().count();
        let lines: Vec<&str> = shown.lines().take(room).collect();
        write!(out, "\x1b[H\x1b[J{title}{}", lines.join("\n")).and_then(|()| out.flush()).doing("write standard output")?;
        last = Some(shown);
        std::thread::sleep(pause);
    }
}

fn output(options: &Options, text: &OsStr) -> Result<(String, bool)> {
    let mut command = if options.exec {
        let mut command = Command::new(&options.command[0]);
        command.args(&options.command[1..]);
        command
    } else {
        let mut command = Command::new("sh");
        command.arg("-c").arg(text);
        command
    };
    let done = command.output().doing(format!("run {}", text.display()))?;
    let both = [done.stdout, done.stderr].concat();
    Ok((String::from_utf8_lossy(&both).into_owned(), done.status.success()))
}
