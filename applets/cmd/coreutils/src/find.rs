//! `find [-H|-L|-P] [-OLEVEL] [PATH]... [EXPRESSION]` walks directories and prints, or does something with, the files that fit.
//!
//! Tests: `-name -iname -path -ipath -wholename -iwholename -regex -iregex -lname -ilname -type -xtype -size -empty -newer
//! -anewer -cnewer -newerXY -mtime -mmin -atime -amin -ctime -cmin -used -perm -user -group -uid -gid -nouser -nogroup -links
//! -inum -samefile -readable -writable -executable -fstype -true -false`. Numbers may have `+` (more) or `-` (less) in front.
//! Actions: `-print -print0 -printf -ls -fprint -fprint0 -fprintf -fls -exec -execdir (with ; or {} +) -ok -okdir -delete
//! -prune -quit`. Operators: `( ) ! -not -a -and -o -or ,`. Options: `-maxdepth -mindepth -depth -d -xdev -mount -follow
//! -daystart -regextype -files0-from -warn -nowarn -noleaf -ignore_readdir_race -noignore_readdir_race`.
//!
//! Patterns of `-regex` are those of Emacs (`-regextype` chooses others) and match the whole path. Days begin at midnight UTC,
//! in which times are printed, too. `-context` and `-D` are refused.
//! Exit status: 0, 1 something could not be read or done, or the arguments are wrong.

mod action;
mod expression;
mod list;
mod parse;
mod permissions;
mod primary;
mod printf;
mod test;
mod time;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io::Write;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use kit::{Applet, Context, Error, Exit, Place, Result, out};

use expression::Expression;

/// Walk.
pub const FIND: Applet = Applet { name: "find", about: "walk directories for files that fit", place: Place::Bin, run };

const HELP: &str = "\
walk directories for files that fit

Usage: find [-H|-L|-P] [-OLEVEL] [PATH]... [EXPRESSION]

Tests:     -name -iname -path -ipath -wholename -iwholename -regex -iregex -lname -ilname -type -xtype -size -empty -newer
           -anewer -cnewer -newerXY -mtime -mmin -atime -amin -ctime -cmin -used -perm -user -group -uid -gid -nouser
           -nogroup -links -inum -samefile -readable -writable -executable -fstype -true -false
Actions:   -print -print0 -printf -ls -fprint -fprint0 -fprintf -fls -exec -execdir -ok -okdir -delete -prune -quit
Operators: ( ) ! -not -a -and -o -or ,
Options:   -maxdepth -mindepth -depth -xdev -mount -follow -daystart -regextype -files0-from -warn -nowarn -noleaf
           -ignore_readdir_race -noignore_readdir_race
Example:   find /var/log -name '*.log' -mtime +7 -delete
";

/// Links that are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follow {
    /// None (`-P`).
    Never,
    /// Those that are named as arguments (`-H`).
    Arguments,
    /// All (`-L`).
    Always,
}

/// Settings of the whole walk.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Files less deep are walked through, no more.
    pub min_depth: usize,
    /// Directories this deep are not entered.
    pub max_depth: usize,
    /// A directory after what is in it.
    pub depth_first: bool,
    /// Stay on the file system of each argument.
    pub one_device: bool,
    pub follow: Follow,
    /// Files that vanish while the walk goes on are no error.
    pub race: bool,
    /// File with the paths to walk, each ended by a zero byte.
    pub roots: Option<PathBuf>,
}

/// A file on the way.
pub(crate) struct File<'a> {
    pub path: &'a Path,
    pub meta: &'a Metadata,
    pub depth: usize,
    /// The argument that it lies below.
    pub root: &'a Path,
    /// Links are followed here.
    pub follows: bool,
}

/// Output and state of the walk.
pub(crate) struct Walk {
    /// Standard output, then the files of `-fprint` and its kind.
    pub outputs: Vec<Box<dyn Write>>,
    pub failed: bool,
    pub prune: bool,
    pub quit: bool,
}

fn run(args: &[OsString]) -> Result<Exit> {
    walk(args).map_err(|e| if e.is_text() { e } else { e.with_exit(Exit::FAILED) })
}

fn walk(args: &[OsString]) -> Result<Exit> {
    let mut words = args.get(1..).unwrap_or_default();
    if words.iter().any(|w| w == "--help" || w == "-help") {
        return Err(Error::text(HELP));
    }
    if words.iter().any(|w| w == "--version" || w == "-version") {
        return Err(Error::text(concat!("find ", env!("CARGO_PKG_VERSION"), "\n")));
    }
    let mut follow = Follow::Never;
    while let [first, rest @ ..] = words {
        follow = match first.to_str() {
            Some("-P") => Follow::Never,
            Some("-H") => Follow::Arguments,
            Some("-L") => Follow::Always,
            // The order of tests is as it was written: no level makes a difference to what is found.
            Some(level) if level.strip_prefix("-O").is_some_and(|n| n.parse::<u8>().is_ok()) => follow,
            Some("--") => {
                words = rest;
                break;
            }
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
    let mut parsed = parse::parse(rest, follow, SystemTime::now())?;
    let roots = self::roots(roots, &parsed.limits)?;
    let mut outputs: Vec<Box<dyn Write>> = vec![Box::new(out())];
    outputs.append(&mut parsed.outputs);
    let mut walk = Walk { outputs, failed: false, prune: false, quit: false };
    for root in roots {
        walk.start(&root, &parsed.limits, &mut parsed.expression)?;
        if walk.quit {
            break;
        }
    }
    parsed.expression.finish(&mut walk)?;
    walk.flush()?;
    Ok(if walk.failed { Exit::FAILED } else { Exit::OK })
}

/// Paths to begin with.
fn roots(named: &[OsString], limits: &Limits) -> Result<Vec<PathBuf>> {
    let Some(file) = &limits.roots else {
        return Ok(if named.is_empty() { vec![PathBuf::from(".")] } else { named.iter().map(PathBuf::from).collect() });
    };
    if !named.is_empty() {
        return Err(Error::usage("paths are named or come with -files0-from, not both"));
    }
    let text = if file.as_os_str() == "-" {
        let mut text = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin(), &mut text).map(|_| text)
    } else {
        fs::read(file)
    };
    let text = text.on("read", file)?;
    let paths = text.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(paths.map(|name| OsString::from_vec(name.to_vec()).into()).collect())
}

/// State below one argument.
struct Below<'a> {
    root: &'a Path,
    limits: &'a Limits,
    device: u64,
    /// Directories on the way, to notice a circle of links.
    above: BTreeSet<(u64, u64)>,
}

impl Walk {
    /// An argument and what is below it.
    fn start(&mut self, root: &Path, limits: &Limits, expression: &mut Expression) -> Result<()> {
        if let Some((meta, follows)) = self.look(root, 0, limits) {
            let mut below = Below { root, limits, device: meta.dev(), above: BTreeSet::new() };
            self.tree(root, 0, (&meta, follows), &mut below, expression)?;
        }
        Ok(())
    }

    /// A file's status, and if links are followed there.
    fn look(&mut self, path: &Path, depth: usize, limits: &Limits) -> Option<(Metadata, bool)> {
        let follows = limits.follow == Follow::Always || (limits.follow == Follow::Arguments && depth == 0);
        let found = if follows { fs::metadata(path).or_else(|_| fs::symlink_metadata(path)) } else { fs::symlink_metadata(path) };
        match found {
            Ok(meta) => Some((meta, follows)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && limits.race && depth > 0 => None,
            Err(e) => {
                self.complain(Err::<(), _>(e).on("look at", path));
                None
            }
        }
    }

    /// A file and what is below it.
    fn tree(
        &mut self,
        path: &Path,
        depth: usize,
        (meta, follows): (&Metadata, bool),
        below: &mut Below,
        expression: &mut Expression,
    ) -> Result<()> {
        let limits = below.limits;
        let file = File { path, meta, depth, root: below.root, follows };
        let counts = depth >= limits.min_depth;
        let key = (meta.dev(), meta.ino());
        if meta.is_dir() && below.above.contains(&key) {
            self.complain(Err(Error::new(format!("{}: a directory inside itself, through a link", path.display()))));
            return Ok(());
        }
        self.prune = false;
        if counts && !limits.depth_first {
            expression.evaluate(&file, self)?;
        }
        let enters = meta.is_dir()
            && depth < limits.max_depth
            && !self.quit
            && (!self.prune || limits.depth_first)
            && (!limits.one_device || meta.dev() == below.device);
        if enters {
            below.above.insert(key);
            for name in self.names(path) {
                let path = path.join(name);
                if let Some((meta, follows)) = self.look(&path, depth + 1, limits) {
                    self.tree(&path, depth + 1, (&meta, follows), below, expression)?;
                }
                if self.quit {
                    break;
                }
            }
            below.above.remove(&key);
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

    /// Write to an output.
    pub fn write(&mut self, output: usize, text: &[u8]) -> Result<()> {
        let write = |output: &mut Box<dyn Write>| output.write_all(text);
        self.outputs.get_mut(output).map_or(Ok(()), write).doing("write the output")
    }

    pub fn flush(&mut self) -> Result<()> {
        self.outputs.iter_mut().try_for_each(Write::flush).doing("write the output")
    }

    /// Say what went wrong; the walk goes on.
    pub fn complain(&mut self, done: Result<()>) {
        if let Err(e) = done {
            self.failed = true;
            // A closed standard error loses the message.
            let _ = writeln!(std::io::stderr(), "find: {e}");
        }
    }
}

/// Read an expression, for the table of its words.
#[cfg(test)]
pub(crate) fn parse_words(words: &[OsString]) -> Result<()> {
    parse::parse(words, Follow::Never, SystemTime::now()).map(drop)
}
