//! `setfattr -n NAME [-v VALUE] FILE...`, `-x NAME FILE...`, `--restore=DUMP`: set and remove extended attributes.
//!
//! VALUE is text with octal escapes, `0x` and hexadecimal digits, or `0s` and base64. A DUMP is what `getfattr -d` wrote, `-` standard input.
//!
//! Example: `setfattr -n user.note -v checked disk.img`.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, parse};
use rustix::fs::{XattrFlags, lremovexattr, lsetxattr, removexattr, setxattr};

use crate::xattr;

/// Sets extended attributes.
pub const SETFATTR: Applet = Applet { name: "setfattr", about: "set the extended attributes of files", place: Place::Bin, run };

// `-h` is for links here, so help has its long name alone.
#[derive(Parser)]
#[command(disable_help_flag = true)]
struct Options {
    /// Print help
    #[arg(long, action = clap::ArgAction::Help)]
    help: Option<bool>,
    /// Attribute to set
    #[arg(short, long, value_name = "NAME", conflicts_with = "remove")]
    name: Option<String>,
    /// Its value
    #[arg(short, long, value_name = "VALUE", requires = "name", default_value = "", allow_hyphen_values = true)]
    value: OsString,
    /// Attribute to remove
    #[arg(short = 'x', long, value_name = "NAME")]
    remove: Option<String>,
    /// Links themselves
    #[arg(short = 'h', long)]
    no_dereference: bool,
    /// Set what a dump says
    #[arg(long, value_name = "DUMP", conflicts_with_all = ["name", "remove"])]
    restore: Option<PathBuf>,
    /// The files
    files: Vec<PathBuf>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&SETFATTR, args)?;
    if let Some(dump) = &options.restore {
        return restore(&options, dump);
    }
    if options.files.is_empty() || (options.name.is_none() && options.remove.is_none()) {
        return Err(Error::usage("give -n NAME or -x NAME, and files"));
    }
    let value = options.value.as_bytes();
    let value = xattr::read(value).ok_or_else(|| Error::new(format!("bad input encoding: {}", options.value.display())))?;
    let mut exit = Exit::OK;
    for path in &options.files {
        let done = match (&options.name, &options.remove) {
            (Some(name), _) => set(path, name.as_bytes(), &value, options.no_dereference),
            (None, Some(name)) => remove(path, name, options.no_dereference),
            (None, None) => Ok(()),
        };
        if let Err(e) = done {
            kit::warn("setfattr", &Error::new(format!("{}: {e}", path.display())));
            exit = Exit::FAILED;
        }
    }
    Ok(exit)
}

fn set(path: &Path, name: &[u8], value: &[u8], is_link: bool) -> Result<()> {
    let flags = XattrFlags::empty();
    let done = if is_link { lsetxattr(path, name, value, flags) } else { setxattr(path, name, value, flags) };
    done.doing(format!("set {}", String::from_utf8_lossy(name)))
}

fn remove(path: &Path, name: &str, is_link: bool) -> Result<()> {
    let done = if is_link { lremovexattr(path, name) } else { removexattr(path, name) };
    done.doing(format!("remove {name}"))
}

fn restore(options: &Options, dump: &Path) -> Result<Exit> {
    let mut text = Vec::new();
    if dump == Path::new("-") {
        std::io::stdin().lock().read_to_end(&mut text).doing("read standard input")?;
    } else {
        text = std::fs::read(dump).on("read", dump)?;
    }
    let mut path: Option<PathBuf> = None;
    let mut exit = Exit::OK;
    for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
        if let Some(name) = line.strip_prefix(b"# file: ") {
            path = Some(OsString::from_vec(name.to_vec()).into());
            continue;
        }
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let bad = || Error::new(format!("{}: line {}: no file, or no attribute", dump.display(), number + 1));
        let target = path.as_ref().ok_or_else(bad)?;
        let end = line.iter().position(|byte| *byte == b'=').unwrap_or(line.len());
        let value = xattr::read(line.get(end + 1..).unwrap_or_default()).ok_or_else(bad)?;
        let name = OsStr::from_bytes(&line[..end]);
        if let Err(e) = set(target, name.as_bytes(), &value, options.no_dereference) {
            kit::warn("setfattr", &Error::new(format!("{}: {e}", target.display())));
            exit = Exit::FAILED;
        }
    }
    Ok(exit)
}
