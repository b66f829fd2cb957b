//! `fuser [-amksiuv] [-n SPACE] [-SIGNAL] NAME...` finds, and with `-k` ends, the processes that use files, mounts or ports.
//!
//! A name is a file, with `-m` any file of its file system, or with `-n tcp` and `-n udp` (also `22/tcp`) a port, with `,ADDRESS,PORT` of
//! the other end behind it. Process numbers go to standard output, all else to standard error: `c` working directory, `e` program,
//! `r` root, `m` mapping; with `-v` also `f` open and `F` open for writing. Exit status 1 if no process was found.
//!
//! Example: `fuser -vm /data`, `fuser -k 8080/tcp`.

use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead, Write};
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, account, out, parse};
use rustix::process::Signal;

use crate::open_files::{self, OpenFile, Use};
use crate::process::{self, Process};
use crate::select;
use crate::sockets::{Socket, Sockets};

/// Users of files.
pub const FUSER: Applet = Applet { name: "fuser", about: "find the processes that use files or ports", place: Place::Bin, run };

/// Width of a name in front of the processes.
const NAME_WIDTH: usize = 21;

#[derive(Parser)]
struct Options {
    /// Names that nobody uses, too
    #[arg(short, long)]
    all: bool,
    /// Ask before each signal
    #[arg(short, long, requires = "kill")]
    interactive: bool,
    /// Send a signal (KILL, or the one of -SIGNAL)
    #[arg(short, long)]
    kill: bool,
    /// All files of the file system
    #[arg(short, long)]
    mount: bool,
    /// The same, only for mount points
    #[arg(short = 'M', long)]
    ismountpoint: bool,
    /// Space of the names
    #[arg(short = 'n', long, default_value = "file", value_parser = ["file", "tcp", "udp"], value_name = "SPACE")]
    namespace: String,
    /// Say nothing
    #[arg(short, long)]
    silent: bool,
    /// The users' names, too
    #[arg(short, long)]
    user: bool,
    /// A table
    #[arg(short, long)]
    verbose: bool,
    /// Only those that have the file open for writing
    #[arg(short, long)]
    writeonly: bool,
    /// IPv4 alone
    #[arg(short = '4', long)]
    ipv4: bool,
    /// IPv6 alone
    #[arg(short = '6', long)]
    ipv6: bool,
    /// The names
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
}

/// A thing that processes use.
enum Target {
    File { device: u64, inode: u64, whole: bool },
    Port { protocol: &'static str, local: Option<u16>, address: Option<IpAddr>, remote: Option<u16> },
}

fn run(args: &[OsString]) -> Result<Exit> {
    let named = args.iter().any(|arg| arg.to_str().is_some_and(|text| signal_of(text).is_some()));
    let (args, signal) = if named { select::take_signal(args) } else { (args.to_vec(), Signal::KILL) };
    let options: Options = parse(&FUSER, &args)?;
    let mut exit = Exit::FAILED;
    let mut sockets = Sockets::default();
    let mut is_first = true;
    for name in &options.names {
        let target = match target(&options, name) {
            Ok(target) => target,
            Err(e) => {
                say(&options, &format!("{e}\n"));
                continue;
            }
        };
        let found = users(&options, &target, &mut sockets);
        if !found.is_empty() {
            exit = Exit::OK;
        }
        if found.is_empty() && !options.all {
            continue;
        }
        if is_first && options.verbose {
            say(&options, &format!("{:NAME_WIDTH$}USER        PID ACCESS COMMAND\n", ""));
        }
        is_first = false;
        show(&options, name, &found)?;
        if options.kill {
            end(&options, &found, signal)?;
        }
    }
    Ok(exit)
}

/// `-TERM` and `-9`, but not the letters of an option.
fn signal_of(text: &str) -> Option<Signal> {
    let name = text.strip_prefix('-').filter(|name| !name.starts_with('-'))?;
    let plausible = name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()) && (name.len() > 1 || name == "9");
    if plausible { select::signal(name).ok() } else { None }
}

fn target(options: &Options, name: &str) -> Result<Target> {
    let (space, text) = match name.rsplit_once('/') {
        Some((text, space @ ("tcp" | "udp"))) if options.namespace == "file" && !text.contains('/') => (space, text),
        _ => (options.namespace.as_str(), name),
    };
    if space == "file" {
        let found = fs::metadata(name).on("find", name)?;
        let parent = fs::metadata(format!("{name}/..")).ok().filter(|_| found.is_dir());
        let is_mount = parent.is_some_and(|parent| parent.dev() != found.dev() || parent.ino() == found.ino());
        if options.ismountpoint && !is_mount {
            return Err(Error::new(format!("{name}: not a mount point")));
        }
        let whole = options.mount || options.ismountpoint;
        // A block device stands for the file system on it.
        let is_block = found.mode() & 0o170_000 == 0o060_000;
        let device = if whole && is_block { found.rdev() } else { found.dev() };
        return Ok(Target::File { device, inode: found.ino(), whole });
    }
    let bad = || Error::usage(format!("{name} is no port"));
    let mut parts = text.split(',');
    let mut port = || match parts.next() {
        None | Some("") => Ok(None),
        Some(digits) => digits.parse().map(Some).map_err(|_| bad()),
    };
    let local = port()?;
    let address = match text.split(',').nth(1) {
        None | Some("") => None,
        Some(address) => Some(address.parse().map_err(|_| bad())?),
    };
    let remote =
        text.split(',').nth(2).filter(|text| !text.is_empty()).map(|text| text.parse().map_err(|_| bad())).transpose()?;
    Ok(Target::Port { protocol: if space == "tcp" { "TCP" } else { "UDP" }, local, address, remote })
}

/// Processes that use it, with their letters.
fn users(options: &Options, target: &Target, sockets: &mut Sockets) -> Vec<(Process, String)> {
    let mut found = Vec::new();
    for process in process::all() {
        if process.pid == std::process::id() {
            continue;
        }
        let files = open_files::of(process.pid);
        let letters = match target {
            Target::File { device, inode, whole } => {
                let is_it = |file: &&OpenFile| file.mode != 0 && file.device == *device && (*whole || file.inode == *inode);
                letters(files.iter().filter(is_it), options.writeonly)
            }
            Target::Port { .. } => {
                let table = sockets.of(process.pid);
                let is_it = |file: &&OpenFile| {
                    file.socket().and_then(|inode| table.get(&inode)).is_some_and(|s| fits(options, target, s))
                };
                letters(files.iter().filter(is_it), false)
            }
        };
        if !letters.is_empty() {
            found.push((process, letters));
        }
    }
    found
}

fn fits(options: &Options, target: &Target, socket: &Socket) -> bool {
    let Target::Port { protocol, local, address, remote } = target else { return false };
    socket.protocol == *protocol
        && !(options.ipv4 && socket.is_v6 || options.ipv6 && !socket.is_v6)
        && local.is_none_or(|port| socket.local.is_some_and(|local| local.port() == port))
        && address.is_none_or(|address| socket.remote.is_some_and(|remote| remote.ip() == address))
        && remote.is_none_or(|port| socket.remote.is_some_and(|remote| remote.port() == port))
}

/// In the order of the table: `fFcerm` as far as they hold.
fn letters<'a>(files: impl Iterator<Item = &'a OpenFile>, writers_only: bool) -> String {
    let mut held = [false; 6];
    for file in files {
        let at = match (file.used, file.flags & 3) {
            (Use::Descriptor(_), 0) if writers_only => continue,
            (Use::Descriptor(_), 0) => 0,
            (Use::Descriptor(_), _) => 1,
            _ if writers_only => continue,
            (Use::Directory, _) => 2,
            (Use::Program, _) => 3,
            (Use::Root, _) => 4,
            (Use::Mapping, _) => 5,
        };
        held[at] = true;
    }
    "fFcerm".chars().zip(held).filter(|(_, held)| *held).map(|(letter, _)| letter).collect()
}

fn say(options: &Options, text: &str) {
    if !options.silent {
        // A closed standard error loses the message.
        let _ = write!(io::stderr(), "{text}");
    }
}

fn show(options: &Options, name: &str, found: &[(Process, String)]) -> Result<()> {
    if options.silent {
        return Ok(());
    }
    let mut out = out();
    say(options, &format!("{:<NAME_WIDTH$}", format!("{name}:")));
    for (number, (process, letters)) in found.iter().enumerate() {
        if options.verbose {
            let indent = if number == 0 { 0 } else { NAME_WIDTH };
            say(options, &format!("{:indent$}{:<9}", "", account::user_name(process.user)));
        }
        write!(out, " {:>5}", process.pid).and_then(|()| out.flush()).doing("write standard output")?;
        if options.verbose {
            say(options, &format!(" {} {}\n", table(letters), process.name));
            continue;
        }
        let shown: String = letters.chars().filter(|letter| !"fF".contains(*letter)).collect();
        let user = if options.user { format!("({})", account::user_name(process.user)) } else { String::new() };
        say(options, &format!("{shown}{user}"));
    }
    if !options.verbose || found.is_empty() {
        say(options, "\n");
    }
    Ok(())
}

/// Five places: open, working directory, program, root, mapping.
fn table(letters: &str) -> String {
    let open = if letters.contains('F') { 'F' } else { 'f' };
    let places = [open, 'r', 'c', 'e', 'm'];
    places.iter().map(|&letter| if letters.contains(letter) { letter } else { '.' }).collect()
}

fn end(options: &Options, found: &[(Process, String)], signal: Signal) -> Result<()> {
    for (process, _) in found {
        if options.interactive {
            say(options, &format!("Kill process {} ? (y/N) ", process.pid));
            let mut line = String::new();
            io::stdin().lock().read_line(&mut line).doing("read standard input")?;
            if !line.trim_start().starts_with(['y', 'Y']) {
                continue;
            }
        }
        if let Err(e) = select::send(process.pid, signal) {
            say(options, &format!("{e}\n"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn ports_and_signals() {
        let options: Options = parse(&FUSER, &["fuser".into(), "22/tcp".into()]).unwrap();
        assert!(matches!(target(&options, "22/tcp").unwrap(), Target::Port { protocol: "TCP", local: Some(22), .. }));
        assert!(matches!(target(&options, "53,127.0.0.1,9/udp").unwrap(), Target::Port { remote: Some(9), .. }));
        assert!(target(&options, "x/tcp").is_err());
        assert!(target(&options, "/no/such/file").is_err());
        assert_eq!(signal_of("-TERM"), Some(Signal::TERM));
        assert_eq!(signal_of("-9"), Some(Signal::KILL));
        assert_eq!(signal_of("-4"), None);
        assert_eq!(signal_of("-vm"), None);
        assert_eq!(table("Fcm"), "F.c.m");
    }
}
