//! `hostname` prints the node's name; `hostname NAME` or `hostname -F FILE` sets it until the next boot.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, out, parse};

/// The node's name.
pub const HOSTNAME: Applet = Applet { name: "hostname", about: "print or set the node's name", place: Place::Bin, run };

#[derive(Parser)]
struct Options {
    /// Up to the first dot.
    #[arg(short, long)]
    short: bool,
    /// After the first dot.
    #[arg(short, long)]
    domain: bool,
    /// Read the new name from a file's first line that is no comment.
    #[arg(short = 'F', long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The new name.
    name: Option<String>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&HOSTNAME, args)?;
    let from_file = options.file.as_ref().map(|file| {
        let text = std::fs::read_to_string(file).on("read", file)?;
        let name = text.lines().map(str::trim).find(|l| !l.is_empty() && !l.starts_with('#'));
        name.map(str::to_owned).ok_or_else(|| Error::new(format!("read {}: no name in it", file.display())))
    });
    if let Some(name) = from_file.transpose()?.or(options.name) {
        rustix::system::sethostname(name.as_bytes()).doing(format!("set the name to {name}"))?;
        return Ok(Exit::OK);
    }
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let (host, domain) = name.split_once('.').unwrap_or((&name, ""));
    let text = match (options.short, options.domain) {
        (true, _) => host,
        (_, true) => domain,
        _ => &name,
    };
    let mut out = out();
    writeln!(out, "{text}").and_then(|()| out.flush()).doing("write standard output")?;
    Ok(Exit::OK)
}
