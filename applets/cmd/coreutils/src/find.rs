//! `find [-H|-L|-P] [PATH]... [EXPRESSION]` walks folders and prints, or does something with, the files that fit.
//!
//! Tests: `-name -iname -path -ipath -regex -type -size -empty -newer -mtime -mmin -atime -amin -ctime -cmin -perm -user -group
//! -uid -gid -nouser -nogroup -links -inum -readable -writable -executable -samefile -true -false`. Numbers may have `+` (more)
//! or `-` (less) in front.
//! Actions: `-print -print0 -exec … ; -exec … {} + -execdir … ; -ok … ; -delete -prune -quit -printf` (its usual directives).
//! Operators: `( ) ! -not -a -and -o -or ,`. Options: `-maxdepth -mindepth -depth -xdev -mount`.
//!
//! Exit status: 0, 1 something could not be read or done, 2 usage.

mod expression;
mod parse;
mod printf;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io::{BufWriter, StdoutLock, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use kit::{Applet, Context, Error, Exit, Place, Result, out};

use expression::Expression;

/// Walk.
pub const FIND: Applet = Applet { name: "find", about: "walk folders for files that fit", place: Place::Bin, run };

const HELP: &str = "\
walk folders for files that fit

Usage: find [-H|-L|-P] [PATH]... [EXPRESSION]

Tests:     -name -iname -path -ipath -regex -type -size -empty -newer -mtime -mmin -atime -amin -ctime -cmin -perm -user
           -group -uid -gid -nouser -nogroup -links -inum -readable -writable -executable -samefile -true -false
Actions:   -print -print0 -printf -exec -execdir -ok -delete -prune -quit
Operators: ( ) ! -not -a -and -o -or ,
Options:   -maxdepth -mindepth -depth -xdev -mount
";

/// Which links are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Follow {
    /// None (`-P`).
    Never,
    /// Those that are named as arguments (`-H`).
    Arguments,
    /// All (`-L`).
    Always,
}

/// What holds for the whole walk.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Files less deep are walked through, no more.
    pub min_depth: usize,
    /// Folders this deep are not entered.
    pub max_depth: usize,
    /// A folder after what is in it.
    pub depth_first: bool,
    /// Stay on the file system of each argument.
    pub one_device: bool,
}

/// A file on the way.
pub(crate) struct File<'a> {
    pub path: &'a Path,
    pub meta: &'a Metadata,
    pub depth: usize,
    /// The argument that it lies below.
    pub root: &'a Path,
}

/// What the walk writes and remembers.
pub(crate) struct Walk {
    pub out: BufWriter<StdoutLock<'static>>,
    pub failed: bool,
    pub prune: bool,
    pub quit: bool,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let mut words = args.get(1..).unwrap_or_default();
    if words.iter().any(|w| w == "--help" || w == "-help") {
        return Err(Error::text(HELP));
    }
    if words.iter().any(|w| w == "--version") {
        return Err(Error::text(concat!("find ", env!("CARGO_PKG_VERSION"), "\n")));
    }
    let mut follow = Follow::Never;
    while let [first, rest @ ..] = words {
        follow = match first.to_str() {
            Some("-P") => Follow::Never,
            Some("-H") => Follow::Arguments,
            Some("-L") => Follow::Always,
            _ => break,
        };
        words = rest;
    }
    let is_expression = |w: &OsString| {
        let text = w.as_encoded_bytes();
        (text.len() > 1 && text[0] == b'-') || text == b"(" || text == b"!" || text == b","
    };
    let roots = words.iter().position(is_expression).unwrap_or(words.len());
    let (roots, rest) = words.split_at(roots);
    let (mut expression, limits) = parse::parse(rest)?;
    let mut walk = Walk { out: out(), failed: false, prune: false, quit: false };
    let here = [OsString::from(".")];
    for root in if roots.is_empty() { &here[..] } else { roots } {
        let root = PathBuf::from(root);
        walk.tree(&root, &root, 0, None, follow, &limits, &mut expression, &mut BTreeSet::new())?;
        if walk.quit {
            break;
        }
    }
    expression.finish(&mut walk)?;
    walk.out.flush().doing("write standard output")?;
    Ok(if walk.failed { Exit::FAILED } else { Exit::OK })
}

impl Walk {
    /// A file and what is below it. `above` holds the folders on the way, to notice a circle of links.
    #[expect(
        clippy::too_many_arguments,
        reason = "a walk carries all of these down, and a record for them would be used here alone"
    )]
    fn tree(
        &mut self,
        root: &Path,
        path: &Path,
        depth: usize,
        device: Option<u64>,
        follow: Follow,
        limits: &Limits,
        expression: &mut Expression,
        above: &mut BTreeSet<(u64, u64)>,
    ) -> Result<()> {
        let follows = follow == Follow::Always || (follow == Follow::Arguments && depth == 0);
        let found = if follows { fs::metadata(path).or_else(|_| fs::symlink_metadata(path)) } else { fs::symlink_metadata(path) };
        let meta = match found {
            Ok(meta) => meta,
            Err(e) => {
                self.complain(Err::<(), _>(e).on("look at", path));
                return Ok(());
            }
        };
        let device = device.unwrap_or(meta.dev());
        let file = File { path, meta: &meta, depth, root };
        let counts = depth >= limits.min_depth;
        self.prune = false;
        if counts && !limits.depth_first {
            expression.evaluate(&file, self)?;
        }
        let key = (meta.dev(), meta.ino());
        let enters = meta.is_dir()
            && depth < limits.max_depth
            && !self.quit
            && (!self.prune || limits.depth_first)
            && (!limits.one_device || meta.dev() == device);
        if enters && !above.insert(key) {
            self.complain(Err(Error::new(format!("{}: a folder inside itself, through a link", path.display()))));
        } else if enters {
            for name in self.names(path) {
                self.tree(root, &path.join(name), depth + 1, Some(device), follow, limits, expression, above)?;
                if self.quit {
                    break;
                }
            }
            above.remove(&key);
        }
        if counts && limits.depth_first && !self.quit {
            expression.evaluate(&file, self)?;
        }
        Ok(())
    }

    fn names(&mut self, dir: &Path) -> Vec<OsString> {
        match fs::read_dir(dir) {
            Ok(entries) => entries.flatten().map(|e| e.file_name()).collect(),
            Err(e) => {
                self.complain(Err::<(), _>(e).on("read", dir));
                Vec::new()
            }
        }
    }

    /// Say what went wrong; the walk goes on.
    pub fn complain(&mut self, done: Result<()>) {
        if let Err(e) = done {
            self.failed = true;
            // Nothing is left to tell it to when standard error is closed.
            let _ = writeln!(std::io::stderr(), "find: {e}");
        }
    }
}
