//! `lsattr [-R] [-a] [-d] [-l] [-p] [-v] [FILE]...` shows the attributes of files, as `chattr` sets them.
//!
//! Example: `lsattr -d /etc`.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use kit::{Applet, Context, Exit, Place, Result, parse};

use crate::attributes;

/// Attributes of files.
pub const LSATTR: Applet = Applet { name: "lsattr", about: "show the attributes of files", place: Place::Bin, run };

#[derive(Parser)]
struct Options {
    /// All below directories
    #[arg(short = 'R')]
    recursive: bool,
    /// Names that begin with a point, too
    #[arg(short = 'a')]
    all: bool,
    /// Directories themselves
    #[arg(short = 'd')]
    directory: bool,
    /// Long names
    #[arg(short = 'l')]
    long: bool,
    /// The inode's version
    #[arg(short = 'v')]
    generation: bool,
    /// The files
    files: Vec<PathBuf>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&LSATTR, args)?;
    let here = [PathBuf::from(".")];
    let files = if options.files.is_empty() { &here[..] } else { &options.files };
    let mut exit = Exit::OK;
    for file in files {
        let is_dir = fs::symlink_metadata(file).is_ok_and(|found| found.is_dir());
        let done = if is_dir && !options.directory { list(&options, file) } else { show(&options, file) };
        if let Err(e) = done {
            kit::warn("lsattr", &e);
            exit = Exit::FAILED;
        }
    }
    Ok(exit)
}

fn list(options: &Options, dir: &Path) -> Result<()> {
    let entries = fs::read_dir(dir).on("read", dir)?;
    let mut names: Vec<OsString> = entries.flatten().map(|entry| entry.file_name()).collect();
    if options.all {
        names.extend([".".into(), "..".into()]);
    }
    for name in names {
        if !options.all && name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = dir.join(&name);
        let Ok(found) = fs::symlink_metadata(&path) else { continue };
        // Links and devices have none and are passed over.
        if !(found.is_file() || found.is_dir()) {
            continue;
        }
        if let Err(e) = show(options, &path) {
            kit::warn("lsattr", &e);
        }
        if options.recursive && found.is_dir() && name != "." && name != ".." {
            kit::print(&format!("\n{}:\n", path.display()))?;
            list(options, &path)?;
            kit::print("\n")?;
        }
    }
    Ok(())
}

fn show(options: &Options, path: &Path) -> Result<()> {
    let file = attributes::open(path)?;
    let flags = attributes::flags(&file, path)?;
    let version = if options.generation {
        format!("{:>10} ", sys::block::version(&file).on("read the version of", path)?)
    } else {
        String::new()
    };
    let line = if options.long {
        let names: Vec<_> = attributes::FLAGS.iter().filter(|(_, bit, _)| flags & bit != 0).map(|(.., name)| *name).collect();
        let names = if names.is_empty() { "---".to_owned() } else { names.join(", ") };
        format!("{version}{:<28} {names}\n", path.display())
    } else {
        format!("{version}{} {}\n", attributes::letters(flags), path.display())
    };
    kit::print(&line)
}
