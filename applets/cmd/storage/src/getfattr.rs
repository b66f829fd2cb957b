//! `getfattr [-n NAME | -d] [-m PATTERN] [-e text|hex|base64] [-h] [-R] [--only-values] [--absolute-names] FILE...` shows extended attributes.
//!
//! Without `-n` and `-d` the names alone; without `-m` those of `user.`; `-m -` all of them.
//!
//! Example: `getfattr -d -m - /bin/ping`.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, parse};
use pattern::{Meaning, Pattern, Syntax};
use rustix::fs::{getxattr, lgetxattr, listxattr, llistxattr};
use rustix::io::Errno;

use crate::xattr::{self, Form};

/// Shows extended attributes.
pub const GETFATTR: Applet = Applet { name: "getfattr", about: "show the extended attributes of files", place: Place::Bin, run };

/// Largest list of names and largest value, as linux/limits.h has them.
const LIMIT: usize = 64 << 10;

// `-h` is for links here, so help has its long name alone.
#[derive(Parser)]
#[command(disable_help_flag = true)]
struct Options {
    /// Print help
    #[arg(long, action = clap::ArgAction::Help)]
    help: Option<bool>,
    /// Value of an attribute
    #[arg(short, long, value_name = "NAME")]
    name: Option<String>,
    /// Values of all
    #[arg(short, long)]
    dump: bool,
    /// Form of the values
    #[arg(short, long, value_name = "FORM")]
    encoding: Option<Form>,
    /// Names that match, or - for all
    #[arg(short = 'm', long = "match", value_name = "PATTERN", allow_hyphen_values = true)]
    pattern: Option<String>,
    /// Links themselves
    #[arg(short = 'h', long)]
    no_dereference: bool,
    /// All below directories
    #[arg(short = 'R', long)]
    recursive: bool,
    /// Values and nothing else
    #[arg(long)]
    only_values: bool,
    /// Keep the / that a name begins with
    #[arg(long)]
    absolute_names: bool,
    /// The files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&GETFATTR, args)?;
    let pattern = match options.pattern.as_deref() {
        None => "^user\\.",
        Some("-") => "",
        Some(text) => text,
    };
    let pattern = pattern::compile(pattern.as_bytes(), Syntax::Extended, Meaning::default());
    let pattern = pattern.map_err(|e| Error::usage(e.to_string()))?;
    let mut state = State { options: &options, pattern, exit: Exit::OK, has_warned: false };
    for file in &options.files {
        state.visit(file)?;
    }
    Ok(state.exit)
}

struct State<'a> {
    options: &'a Options,
    pattern: Pattern,
    exit: Exit,
    has_warned: bool,
}

impl State<'_> {
    fn visit(&mut self, path: &Path) -> Result<()> {
        match self.show(path) {
            Ok(text) => kit::print_bytes(&text)?,
            Err(e) => {
                kit::warn("getfattr", &e);
                self.exit = Exit::FAILED;
            }
        }
        let is_dir = fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
        if self.options.recursive && is_dir {
            let mut entries: Vec<_> = fs::read_dir(path).on("read", path)?.flatten().map(|entry| entry.path()).collect();
            entries.sort();
            entries.iter().try_for_each(|entry| self.visit(entry))?;
        }
        Ok(())
    }

    fn show(&mut self, path: &Path) -> Result<Vec<u8>> {
        let options = self.options;
        let names = match &options.name {
            Some(name) => vec![name.clone().into_bytes()],
            None => self.names(path)?,
        };
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut text = Vec::new();
        if !options.only_values {
            text.extend(b"# file: ");
            text.extend(self.shown(path).as_bytes());
            text.push(b'\n');
        }
        for name in &names {
            if options.name.is_none() && !options.dump && !options.only_values {
                text.extend([&name[..], b"\n"].concat());
                continue;
            }
            let value = value(path, name, options.no_dereference).map_err(|e| match e {
                Errno::NODATA => Error::new(format!("{}: {}: No such attribute", path.display(), String::from_utf8_lossy(name))),
                e => Error::new(format!("{}: {}: {}", path.display(), String::from_utf8_lossy(name), e.kind())),
            })?;
            if options.only_values {
                text.extend(value);
            } else {
                text.extend([&name[..], b"=", &xattr::written(&value, options.encoding), b"\n"].concat());
            }
        }
        if !options.only_values {
            text.push(b'\n');
        }
        Ok(text)
    }

    /// A name without the / that it begins with, for a dump that may be brought to another place.
    fn shown<'a>(&mut self, path: &'a Path) -> &'a OsStr {
        let bytes = path.as_os_str().as_bytes();
        let start = bytes.iter().position(|byte| *byte != b'/').unwrap_or(0);
        if self.options.absolute_names || start == 0 {
            return path.as_os_str();
        }
        if !self.has_warned {
            kit::warn("getfattr", &Error::new("Removing leading '/' from absolute path names"));
            self.has_warned = true;
        }
        OsStr::from_bytes(&bytes[start..])
    }

    fn names(&self, path: &Path) -> Result<Vec<Vec<u8>>> {
        let mut list = vec![0_u8; LIMIT];
        let len = if self.options.no_dereference { llistxattr(path, &mut list) } else { listxattr(path, &mut list) };
        let len = match len {
            Err(Errno::OPNOTSUPP) => 0,
            len => len.on("list the attributes of", path)?,
        };
        let names = list[..len].split(|byte| *byte == 0).filter(|name| !name.is_empty());
        let mut names: Vec<Vec<u8>> =
            names.filter(|name| self.pattern.is_match(name).unwrap_or(false)).map(<[u8]>::to_vec).collect();
        names.sort();
        Ok(names)
    }
}

fn value(path: &Path, name: &[u8], is_link: bool) -> rustix::io::Result<Vec<u8>> {
    let mut value = vec![0_u8; LIMIT];
    let len = if is_link { lgetxattr(path, name, &mut value) } else { getxattr(path, name, &mut value) }?;
    value.truncate(len);
    Ok(value)
}
