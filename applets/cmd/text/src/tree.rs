//! `tree [-a] [-d] [-f] [-i] [-L LEVEL] [-F] [-s] [-p] [--noreport] [--dirsfirst] [-P GLOB] [-I GLOB] [DIRECTORY]...` lists what
//! is below directories as a tree, without following links. Exit status: 0, 1 a directory can't be read.

use std::ffi::OsString;
use std::fs::{self, DirEntry, Metadata};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use clap::Parser;
use kit::{Applet, Context, Exit, Place, Result, glob, out, parse};

/// A tree of files.
pub const TREE: Applet = Applet { name: "tree", about: "list directories as a tree", place: Place::Bin, run };

#[derive(Parser)]
#[command(args_override_self = true)]
struct Options {
    /// Also names that begin with a dot.
    #[arg(short)]
    all: bool,
    /// Directories alone.
    #[arg(short)]
    directories: bool,
    /// Whole paths.
    #[arg(short = 'f')]
    full: bool,
    /// Without lines.
    #[arg(short = 'i')]
    no_lines: bool,
    /// So many levels.
    #[arg(short = 'L', value_name = "LEVEL")]
    level: Option<usize>,
    /// With a mark behind a name: / directory, = socket, * program, | pipe.
    #[arg(short = 'F')]
    classify: bool,
    /// With sizes.
    #[arg(short)]
    size: bool,
    /// Files that fit.
    #[arg(short = 'P', value_name = "GLOB")]
    wanted: Option<OsString>,
    /// Not files that fit.
    #[arg(short = 'I', value_name = "GLOB")]
    unwanted: Option<OsString>,
    /// Directories first.
    #[arg(long)]
    dirsfirst: bool,
    /// Without the numbers at the end.
    #[arg(long)]
    noreport: bool,
    /// The directories; the working directory without one.
    roots: Vec<PathBuf>,
}

/// Output, and counts so far.
struct Tree<'a> {
    options: &'a Options,
    out: Box<dyn Write>,
    directories: u64,
    files: u64,
    failed: bool,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let mut options: Options = parse(&TREE, args)?;
    if options.roots.is_empty() {
        options.roots.push(".".into());
    }
    let mut tree = Tree { options: &options, out: Box::new(out()), directories: 0, files: 0, failed: false };
    for root in &options.roots {
        let mut line = root.as_os_str().as_bytes().to_vec();
        let read = fs::read_dir(root);
        if let Err(e) = &read {
            line.extend_from_slice(format!("  [{e}]").as_bytes());
            tree.failed = true;
        }
        line.push(b'\n');
        tree.put(&line)?;
        if read.is_ok() {
            tree.directories += 1;
            tree.below(root, "", 1)?;
        }
    }
    if !options.noreport {
        let plural = |count: u64, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
        let mut text = format!("\n{}", plural(tree.directories, "directory", "directories"));
        if !options.directories {
            text.extend([format!(", {}", plural(tree.files, "file", "files"))]);
        }
        tree.put((text + "\n").as_bytes())?;
    }
    tree.out.flush().doing("write standard output")?;
    Ok(if tree.failed { Exit::FAILED } else { Exit::OK })
}

impl Tree<'_> {
    fn put(&mut self, text: &[u8]) -> Result<()> {
        self.out.write_all(text).doing("write standard output")
    }

    /// All entries of a directory.
    fn below(&mut self, directory: &Path, indent: &str, level: usize) -> Result<()> {
        if self.options.level.is_some_and(|most| level > most) {
            return Ok(());
        }
        let entries = self.entries(directory);
        let count = entries.len();
        for (at, (entry, meta)) in entries.into_iter().enumerate() {
            let last = at + 1 == count;
            let (branch, further) = match (self.options.no_lines, last) {
                (true, _) => ("", ""),
                (_, true) => ("└── ", "    "),
                _ => ("├── ", "│\u{a0}\u{a0} "),
            };
            let mut line = format!("{indent}{branch}").into_bytes();
            line.extend(self.shown(&entry, &meta));
            line.push(b'\n');
            self.put(&line)?;
            if meta.is_dir() {
                self.directories += 1;
                self.below(&entry.path(), &format!("{indent}{further}"), level + 1)?;
            } else {
                self.files += 1;
            }
        }
        Ok(())
    }

    /// The entries that are listed, in order.
    fn entries(&mut self, directory: &Path) -> Vec<(DirEntry, Metadata)> {
        let options = self.options;
        let fits = |glob: &Option<OsString>, entry: &DirEntry, default| {
            glob.as_ref().map_or(default, |glob| glob::matches(glob.as_bytes(), entry.file_name().as_bytes()))
        };
        let read = match fs::read_dir(directory) {
            Ok(read) => read,
            Err(e) => {
                self.failed = true;
                // A closed standard error loses the message.
                let _ = writeln!(io::stderr(), "tree: read {}: {e}", directory.display());
                return Vec::new();
            }
        };
        let mut entries: Vec<(DirEntry, Metadata)> = read
            .flatten()
            .filter_map(|entry| entry.metadata().ok().map(|meta| (entry, meta)))
            .filter(|(entry, meta)| {
                (options.all || !entry.file_name().as_bytes().starts_with(b"."))
                    && (!options.directories || meta.is_dir())
                    && (meta.is_dir() || fits(&options.wanted, entry, true))
                    && !fits(&options.unwanted, entry, false)
            })
            .collect();
        entries.sort_by_key(|(entry, meta)| (options.dirsfirst && !meta.is_dir(), entry.file_name()));
        entries
    }

    fn shown(&self, entry: &DirEntry, meta: &Metadata) -> Vec<u8> {
        let path = entry.path();
        let mut text = Vec::new();
        if self.options.size {
            text.extend_from_slice(format!("[{:11}]  ", meta.len()).as_bytes());
        }
        text.extend_from_slice(if self.options.full {
            path.as_os_str().as_bytes()
        } else {
            path.file_name().unwrap_or_default().as_bytes()
        });
        let kind = meta.file_type();
        if self.options.classify {
            let mark: &[u8] = match kind {
                kind if kind.is_dir() => b"/",
                kind if kind.is_socket() => b"=",
                kind if kind.is_fifo() => b"|",
                kind if kind.is_file() && meta.mode() & 0o111 != 0 => b"*",
                _ => b"",
            };
            text.extend_from_slice(mark);
        }
        if let Ok(target) = fs::read_link(&path) {
            text.extend_from_slice(b" -> ");
            text.extend_from_slice(target.as_os_str().as_bytes());
        }
        text
    }
}
