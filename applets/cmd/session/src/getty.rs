//! `getty [-L] [-n] [-i] [-l PROGRAM] [-I TEXT] [-t SECONDS] [-H HOST] BAUD,... TTY [TERM]` opens a terminal, asks for a name, and starts `login`.
//!
//! TTY and BAUD may change places; `-` takes standard input. `-L` needs no carrier, `-n` asks for no name, `-i` shows no /etc/issue, `-I` sends a text first, for a
//! modem, `-l` starts another program than /bin/login.
//!
//! Example: `getty -L 115200 ttyS0 vt100`.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Write, stdin};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, parse};
use rustix::fs::OFlags;
use rustix::termios::{ControlModes, InputModes, LocalModes, OptionalActions, OutputModes, tcgetattr, tcsetattr};

use crate::terminal;

/// Terminals for logins.
pub const GETTY: Applet = Applet { name: "getty", about: "open a terminal and start login", place: Place::Sbin, run };

#[derive(Parser)]
struct Options {
    /// The line has no carrier
    #[arg(short = 'L', long)]
    local_line: bool,
    /// Ask for no name
    #[arg(short = 'n', long)]
    skip_login: bool,
    /// Do not show /etc/issue
    #[arg(short = 'i', long)]
    noissue: bool,
    /// Other program than /bin/login
    #[arg(short = 'l', long, value_name = "PROGRAM", default_value = "/bin/login")]
    login_program: PathBuf,
    /// Send this first; \012 is a byte
    #[arg(short = 'I', long, value_name = "TEXT")]
    init_string: Option<String>,
    /// End after so many seconds without a name
    #[arg(short, long, value_name = "SECONDS")]
    timeout: Option<u64>,
    /// Host for login
    #[arg(short = 'H', long, value_name = "HOST")]
    host: Option<String>,
    /// Keep the terminal's modes
    #[arg(short = 'c', long)]
    noreset: bool,
    /// Speeds, by commas, or the terminal
    first: String,
    /// The terminal, or speeds
    second: String,
    /// Type of the terminal
    term: Option<String>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&GETTY, args)?;
    let speeds = |text: &str| text.split(',').map(|word| word.parse().ok()).collect::<Option<Vec<u32>>>();
    let (speeds, name) = match (speeds(&options.first), speeds(&options.second)) {
        (Some(speeds), _) => (speeds, &options.second),
        (None, Some(speeds)) => (speeds, &options.first),
        (None, None) => return Err(Error::usage("give a speed and a terminal")),
    };
    if name != "-" {
        take(name)?;
    }
    set_modes(&options, &speeds)?;
    if let Some(text) = &options.init_string {
        say(&unescape(text))?;
    }
    if let Some(seconds) = options.timeout {
        let watch = std::thread::Builder::new().spawn(move || {
            std::thread::sleep(Duration::from_secs(seconds));
            let own = rustix::process::getpid();
            let _ = rustix::process::kill_process(own, rustix::process::Signal::TERM);
        });
        drop(watch.doing("watch the time")?);
    }
    let mut command = Command::new(&options.login_program);
    if let Some(host) = &options.host {
        command.args(["-h", host]);
    }
    if !options.noissue {
        say(&issue(name))?;
    }
    if !options.skip_login {
        command.arg("--").arg(ask()?);
    }
    if let Some(term) = &options.term {
        command.env("TERM", term);
    } else if std::env::var_os("TERM").is_none() {
        command.env("TERM", if name.starts_with("tty") && !name.starts_with("ttyS") { "linux" } else { "vt102" });
    }
    let error = command.exec();
    Err(error).doing(format!("run {}", options.login_program.display()))
}

/// Makes the terminal standard input, output and error, and the controlling one of a session of ours.
fn take(name: &str) -> Result<()> {
    let path = Path::new("/dev").join(name);
    // A leader already is one by whoever started us.
    let _ = rustix::process::setsid();
    // A modem's line opens without a carrier; reading waits for one.
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let file: OwnedFd = File::options().read(true).write(true).custom_flags(flags).open(&path).on("open", &path)?.into();
    if !rustix::termios::isatty(&file) {
        return Err(Error::new(format!("{} is no terminal", path.display())));
    }
    rustix::process::ioctl_tiocsctty(&file).on("take the terminal", &path)?;
    let waits = rustix::fs::fcntl_getfl(&file).on("set up", &path)? - OFlags::NONBLOCK;
    rustix::fs::fcntl_setfl(&file, waits).on("set up", &path)?;
    rustix::stdio::dup2_stdin(&file).on("set up", &path)?;
    rustix::stdio::dup2_stdout(&file).on("set up", &path)?;
    rustix::stdio::dup2_stderr(&file).on("set up", &path)
}

fn set_modes(options: &Options, speeds: &[u32]) -> Result<()> {
    if options.noreset {
        return Ok(());
    }
    let mut modes = tcgetattr(stdin().as_fd()).doing("ask the terminal for its modes")?;
    modes.input_modes = InputModes::ICRNL | InputModes::IXON;
    modes.output_modes = OutputModes::OPOST | OutputModes::ONLCR;
    modes.local_modes = LocalModes::ISIG
        | LocalModes::ICANON
        | LocalModes::ECHO
        | LocalModes::ECHOE
        | LocalModes::ECHOK
        | LocalModes::ECHOCTL
        | LocalModes::IEXTEN;
    modes.control_modes |= ControlModes::CREAD | ControlModes::HUPCL;
    modes.control_modes.set(ControlModes::CLOCAL, options.local_line);
    // 0 keeps the speed that it has.
    if let Some(speed) = speeds.first().filter(|speed| **speed != 0) {
        modes.set_speed(*speed).map_err(|_| Error::usage(format!("{speed} is no speed")))?;
    }
    tcsetattr(stdin().as_fd(), OptionalActions::Drain, &modes).doing("set the terminal's modes")
}

fn say(bytes: &[u8]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).doing("write the terminal")
}

/// /etc/issue with its escapes filled in.
fn issue(terminal: &str) -> Vec<u8> {
    let text = fs::read_to_string("/etc/issue").unwrap_or_default();
    let name = rustix::system::uname();
    let mut out = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match characters.next() {
            Some('n') => out.push_str(&name.nodename().to_string_lossy()),
            Some('s') => out.push_str(&name.sysname().to_string_lossy()),
            Some('r') => out.push_str(&name.release().to_string_lossy()),
            Some('v') => out.push_str(&name.version().to_string_lossy()),
            Some('m') => out.push_str(&name.machine().to_string_lossy()),
            Some('l') => out.push_str(terminal),
            Some('\\') => out.push('\\'),
            _ => {}
        }
    }
    out.into_bytes()
}

fn ask() -> Result<String> {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    loop {
        say(format!("{} login: ", host.trim()).as_bytes())?;
        let line = terminal::typed()?.ok_or_else(|| Error::new("the terminal was closed"))?;
        let name = String::from_utf8_lossy(&line).trim().to_owned();
        // A name with a `-` in front would be an option.
        if !name.is_empty() && !name.starts_with('-') {
            return Ok(name);
        }
    }
}

/// `\012` is a byte.
fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) if *first == b'\\' => {
                out.push(byte);
                rest = &tail[3..];
            }
            _ => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_a_modem() {
        assert_eq!(unescape("AT\\015\\012x\\"), b"AT\r\nx\\");
    }
}
