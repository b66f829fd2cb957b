//! `which [-a] NAME...` prints where in PATH a program lies.

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clap::Parser;
use kit::{Applet, Context, Exit, Place, Result, out, parse};

/// Finds programs on the path.
pub const WHICH: Applet = Applet { name: "which", about: "print where a program lies", place: Place::Bin, run };

#[derive(Parser)]
struct Options {
    /// All that PATH has, not the first.
    #[arg(short, long)]
    all: bool,
    /// The programs.
    #[arg(required = true)]
    names: Vec<PathBuf>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&WHICH, args)?;
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/bin:/sbin:/usr/bin:/usr/sbin".into());
    let mut out = out();
    let mut exit = Exit::OK;
    for name in &options.names {
        let has_directory = name.components().count() > 1 || name.is_absolute();
        let places: Vec<PathBuf> =
            if has_directory { vec![name.clone()] } else { std::env::split_paths(&path).map(|d| d.join(name)).collect() };
        let found: Vec<_> = places.iter().filter(|p| is_program(p)).collect();
        if found.is_empty() {
            exit = Exit::FAILED;
        }
        let count = if options.all { found.len() } else { 1 };
        for place in found.into_iter().take(count) {
            writeln!(out, "{}", place.display()).doing("write standard output")?;
        }
    }
    out.flush().doing("write standard output")?;
    Ok(exit)
}

fn is_program(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}
