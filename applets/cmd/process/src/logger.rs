//! `logger [-i] [-s] [-t TAG] [-p FACILITY.LEVEL] [-f FILE] [-u SOCKET] [MESSAGE]...` sends lines to the system's log.
//!
//! Without a message, the lines of the file or of standard input are sent one by one.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, parse};

/// Lines for the log.
pub const LOGGER: Applet = Applet { name: "logger", about: "send lines to the system's log", place: Place::Bin, run };

/// Facilities of syslog.h, in the order of their numbers.
const FACILITIES: &[&str] = &[
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "", "", "", "",
    "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];
/// Levels of syslog.h, in the order of their numbers.
const LEVELS: &[&str] = &["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

#[derive(Parser)]
struct Options {
    /// With the number of the process
    #[arg(short = 'i', long)]
    id: bool,
    /// To standard error as well
    #[arg(short, long)]
    stderr: bool,
    /// The name before each line; the user's without one
    #[arg(short, long, value_name = "TAG")]
    tag: Option<String>,
    /// Priority of the message
    #[arg(short, long, value_name = "FACILITY.LEVEL", default_value = "user.notice")]
    priority: String,
    /// Send the lines of a file
    #[arg(short, long, value_name = "FILE", conflicts_with = "message")]
    file: Option<PathBuf>,
    /// The log's socket
    #[arg(short = 'u', long, value_name = "SOCKET", default_value = "/dev/log")]
    socket: PathBuf,
    /// The message
    message: Vec<OsString>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&LOGGER, args)?;
    let priority = priority(&options.priority)?;
    let socket = UnixDatagram::unbound().doing("make a socket")?;
    socket.connect(&options.socket).on("connect to", &options.socket)?;
    let user = || std::env::var("LOGNAME").or_else(|_| std::env::var("USER")).unwrap_or_else(|_| "root".into());
    let tag = options.tag.clone().unwrap_or_else(user);
    let id = if options.id { format!("[{}]", std::process::id()) } else { String::new() };
    let send = |line: &[u8]| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let date = sys::calendar::format(b"%b %e %H:%M:%S", now.cast_signed(), false).doing("tell the time")?;
        let text = [format!("{tag}{id}: ").as_bytes(), line].concat();
        let packet = [format!("<{priority}>").as_bytes(), &date, b" ", &text].concat();
        socket.send(&packet).on("send to", &options.socket)?;
        if options.stderr {
            io::stderr().write_all(&[&text[..], b"\n"].concat()).doing("write standard error")?;
        }
        Ok(())
    };
    if !options.message.is_empty() {
        let words: Vec<&[u8]> = options.message.iter().map(|word| word.as_bytes()).collect();
        send(&words.join(&b' '))?;
        return Ok(Exit::OK);
    }
    let lines: Box<dyn BufRead> = match &options.file {
        Some(path) => Box::new(BufReader::new(File::open(path).on("open", path)?)),
        None => Box::new(BufReader::new(io::stdin())),
    };
    for line in lines.split(b'\n') {
        send(&line.doing("read a line")?)?;
    }
    Ok(Exit::OK)
}

/// The number of `FACILITY.LEVEL` or of a level alone.
fn priority(text: &str) -> Result<usize> {
    let (facility, level) = text.split_once('.').unwrap_or(("user", text));
    let level = match level {
        "panic" => "emerg",
        "error" => "err",
        "warn" => "warning",
        level => level,
    };
    let facility = if facility == "security" { "auth" } else { facility };
    let facility = FACILITIES.iter().position(|name| *name == facility && !name.is_empty());
    let level = LEVELS.iter().position(|name| *name == level);
    match (facility, level) {
        (Some(facility), Some(level)) => Ok(facility * 8 + level),
        _ => Err(Error::usage(format!("there is no priority {text}"))),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn priorities() {
        assert_eq!(priority("user.notice").unwrap(), 13);
        assert_eq!(priority("local7.debug").unwrap(), 191);
        assert_eq!(priority("warn").unwrap(), 12);
        assert!(priority("user.").is_err() && priority(".err").is_err());
    }

    #[test]
    fn a_line_arrives() {
        let path = std::env::temp_dir().join(format!("kutties-logger-{}", std::process::id()));
        let log = UnixDatagram::bind(&path).unwrap();
        let args = ["logger", "-t", "me", "-p", "daemon.err", "-u", path.to_str().unwrap(), "two", "words"];
        run(&args.map(OsString::from)).unwrap();
        let mut packet = [0; 200];
        let len = log.recv(&mut packet).unwrap();
        std::fs::remove_file(path).unwrap();
        let text = String::from_utf8_lossy(&packet[..len]).into_owned();
        assert!(text.starts_with("<27>") && text.ends_with(" me: two words"), "{text}");
    }
}
