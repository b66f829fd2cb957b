//! `sysctl` reads and sets the kernel's parameters in /proc/sys.
//!
//! ```text
//! sysctl net.ipv4.ip_forward          show one
//! sysctl [-w] NAME=VALUE...           set
//! sysctl -a                           show all
//! sysctl -p [FILE]...                 set what files say (/etc/sysctl.conf)
//! sysctl --system                     set what /etc/sysctl.d and its like say
//! ```
//!
//! A name may be written with dots or slashes; in a name with slashes dots are dots (`net/ipv4/conf/eth0.1/forwarding`).
//! A line of a file that begins with `-` may fail.

use std::ffi::OsString;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, out, parse};

/// The kernel's parameters.
pub const SYSCTL: Applet = Applet { name: "sysctl", about: "show and set the kernel's parameters", place: Place::Sbin, run };

const ROOT: &str = "/proc/sys";
/// Directories of `--system`; a file of one name is read once, in the first directory that has it.
const DIRECTORIES: &[&str] = &["/run/sysctl.d", "/etc/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d"];

#[derive(Parser)]
struct Options {
    /// Show all.
    #[arg(short = 'a', short_aliases = ['A', 'X'], long)]
    all: bool,
    /// An unknown name is no error.
    #[arg(short = 'e', long)]
    ignore: bool,
    /// The values alone.
    #[arg(short = 'n', long)]
    values: bool,
    /// The names alone.
    #[arg(short = 'N', long)]
    names: bool,
    /// Set what files say.
    #[arg(short = 'p', long, visible_short_alias = 'f')]
    load: bool,
    /// Set what all of the system's files say.
    #[arg(long)]
    system: bool,
    /// Do not show what is set.
    #[arg(short, long)]
    quiet: bool,
    /// All arguments set something.
    #[arg(short, long)]
    write: bool,
    /// NAME, NAME=VALUE or, with -p, files.
    words: Vec<String>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&SYSCTL, args)?;
    let mut jobs: Vec<Result<()>> = Vec::new();
    if options.all {
        walk(Path::new(ROOT), &mut |path| show(path, &options, true))?;
    } else if options.system {
        jobs.extend(system_files().iter().map(|file| load(file, &options)));
    } else if options.load {
        let default = ["/etc/sysctl.conf".to_owned()];
        let files = if options.words.is_empty() { &default[..] } else { &options.words };
        jobs.extend(files.iter().map(|file| load(Path::new(file), &options)));
    } else if options.words.is_empty() {
        return Err(Error::usage("give a name, or -a"));
    } else {
        jobs.extend(options.words.iter().map(|word| one(word, &options)));
    }
    let mut exit = Exit::OK;
    for e in jobs.into_iter().filter_map(Result::err) {
        complain(&e);
        exit = Exit::FAILED;
    }
    Ok(exit)
}

fn one(word: &str, options: &Options) -> Result<()> {
    let (name, value) = word.split_once('=').map_or((word, None), |(n, v)| (n.trim(), Some(v.trim())));
    let path = path(name);
    match value {
        Some(value) => set(&path, name, value, options),
        None if options.write => Err(Error::usage(format!("give a value: {name}=VALUE"))),
        None if path.is_dir() => walk(&path, &mut |p| show(p, options, true)),
        None => show(&path, options, false),
    }
}

/// `net.ipv4.ip_forward` or `net/ipv4/ip_forward` as a file: the first separator tells which is which.
fn path(name: &str) -> PathBuf {
    let slashes = name.find(['.', '/']).is_none_or(|at| name[at..].starts_with('/'));
    let swapped: String = if slashes {
        name.into()
    } else {
        name.chars()
            .map(|c| {
                if c == '.' {
                    '/'
                } else if c == '/' {
                    '.'
                } else {
                    c
                }
            })
            .collect()
    };
    Path::new(ROOT).join(swapped.trim_start_matches('/'))
}

fn name_of(path: &Path) -> String {
    let name = path.strip_prefix(ROOT).unwrap_or(path).to_string_lossy();
    name.chars()
        .map(|c| {
            if c == '/' {
                '.'
            } else if c == '.' {
                '/'
            } else {
                c
            }
        })
        .collect()
}

fn set(path: &Path, name: &str, value: &str, options: &Options) -> Result<()> {
    match fs::write(path, value) {
        Err(e) if e.kind() == ErrorKind::NotFound && options.ignore => return Ok(()),
        done => done.doing(format!("set {name} to {value}"))?,
    }
    if options.quiet { Ok(()) } else { print(path, value, options) }
}

fn show(path: &Path, options: &Options, among_many: bool) -> Result<()> {
    match fs::read(path) {
        // Some can only be written, some need a right that the caller lacks: -a leaves them out.
        Err(_) if among_many => Ok(()),
        Err(e) if e.kind() == ErrorKind::NotFound && options.ignore => Ok(()),
        Err(e) => Err(e).doing(format!("read {}", name_of(path))),
        Ok(bytes) => {
            String::from_utf8_lossy(&bytes).trim_end_matches('\n').split('\n').try_for_each(|line| print(path, line, options))
        }
    }
}

fn print(path: &Path, value: &str, options: &Options) -> Result<()> {
    let mut out = out();
    match (options.values, options.names) {
        (true, _) => writeln!(out, "{value}"),
        (_, true) => writeln!(out, "{}", name_of(path)),
        _ => writeln!(out, "{} = {value}", name_of(path)),
    }
    .and_then(|()| out.flush())
    .doing("write standard output")
}

fn walk(dir: &Path, each: &mut dyn FnMut(&Path) -> Result<()>) -> Result<()> {
    let mut entries: Vec<PathBuf> = fs::read_dir(dir).on("read", dir)?.flatten().map(|e| e.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() { walk(&path, each)? } else { each(&path)? }
    }
    Ok(())
}

fn system_files() -> Vec<PathBuf> {
    let mut by_name = std::collections::BTreeMap::new();
    for dir in DIRECTORIES {
        for path in fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path()) {
            if let (Some("conf"), Some(name)) = (path.extension().and_then(|e| e.to_str()), path.file_name()) {
                by_name.entry(name.to_owned()).or_insert(path);
            }
        }
    }
    let mut files: Vec<PathBuf> = by_name.into_values().collect();
    files.extend(Some(PathBuf::from("/etc/sysctl.conf")).filter(|p| p.exists()));
    files
}

/// Set what a file says; every line is tried, the failures are told.
fn load(file: &Path, options: &Options) -> Result<()> {
    let text = if file == Path::new("-") { std::io::read_to_string(std::io::stdin()) } else { fs::read_to_string(file) };
    let mut failed = false;
    for line in text.on("read", file)?.lines().map(str::trim) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        let (line, may_fail) = line.strip_prefix('-').map_or((line, false), |rest| (rest, true));
        let done = if line.contains('=') {
            one(line, options)
        } else {
            Err(Error::new(format!("read {}: no value in '{line}'", file.display())))
        };
        if let Err(e) = done {
            complain(&e);
            failed |= !may_fail;
        }
    }
    if failed { Err(Error::new(format!("set what {} says: not all of it", file.display()))) } else { Ok(()) }
}

/// One of several failed; the others go on.
fn complain(e: &Error) {
    // A closed standard error loses the message.
    let _ = writeln!(std::io::stderr(), "sysctl: {e}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_and_slashes() {
        assert_eq!(path("net.ipv4.ip_forward"), Path::new("/proc/sys/net/ipv4/ip_forward"));
        assert_eq!(path("net/ipv4/conf/eth0.1/forwarding"), Path::new("/proc/sys/net/ipv4/conf/eth0.1/forwarding"));
        assert_eq!(path("net.ipv4.conf.eth0/1.forwarding"), Path::new("/proc/sys/net/ipv4/conf/eth0.1/forwarding"));
        assert_eq!(name_of(Path::new("/proc/sys/net/ipv4/conf/eth0.1/mtu")), "net.ipv4.conf.eth0/1.mtu");
    }
}
