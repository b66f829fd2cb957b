//! `unzip [-l|-t|-p] [-nojq] [-d DIR] ARCHIVE [PATTERN]... [-x PATTERN]...` unpacks zip archives.
//!
//! Stored and deflated files and those packed by bzip2, LZMA, xz and zstd, zip64, modes and links that Unix programs store; encrypted ones and other methods are told and left
//! out. The archive must be a file: its list stands at its end. Unpacking never leaves the directory, links that lead out are
//! not followed, and no file gets more bytes than the list tells. Without `-o` or `-n` it asks before a file is replaced; where
//! nobody is there to be asked, the file stays. Exit status: 0, 1 warnings, 2 the archive is damaged, 3 badly so, 9 no archive,
//! 11 nothing fits, 81 a method is not known.
//!
//! Example: `unzip -q -d /opt bundle.zip '*.yaml'`

mod directory;
mod extract;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use clap::{ArgAction, Parser};
use kit::{Applet, Context, Error, Exit, Place, Result, glob, parse};

use directory::Entry;

/// Zip archives.
pub const UNZIP: Applet = Applet { name: "unzip", about: "unpack zip archives", place: Place::Bin, run };

/// Status for an archive that can't be found.
const NO_ARCHIVE: Exit = Exit(9);
/// Status when no member fits.
const NOTHING_FITS: Exit = Exit(11);

#[derive(Parser)]
struct Options {
    /// List.
    #[arg(short, action = ArgAction::Count)]
    list: u8,
    /// List with more.
    #[arg(short, action = ArgAction::Count)]
    verbose: u8,
    /// Check.
    #[arg(short)]
    test: bool,
    /// Files to standard output.
    #[arg(short = 'p')]
    pipe: bool,
    /// The same, each with its name before it.
    #[arg(short = 'c')]
    console: bool,
    /// Never over files that are there.
    #[arg(short = 'n')]
    never: bool,
    /// Over files that are there.
    #[arg(short = 'o')]
    overwrite: bool,
    /// Without directories.
    #[arg(short = 'j')]
    junk: bool,
    /// Patterns take letters of either case.
    #[arg(short = 'C')]
    any_case: bool,
    /// Names with small letters, as -LL: all.
    #[arg(short = 'L', hide = true, action = ArgAction::Count)]
    lower: u8,
    /// Times of now for directories; twice, for all.
    #[arg(short = 'D', action = ArgAction::Count)]
    no_times: u8,
    /// Owners as stored: not read.
    #[arg(short = 'X', hide = true)]
    owners: bool,
    /// Modes with set-ID and sticky bits.
    #[arg(short = 'K')]
    keep_bits: bool,
    /// No messages; twice, none at all.
    #[arg(short, action = ArgAction::Count)]
    quiet: u8,
    /// Unpack into this directory.
    #[arg(short = 'd', value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Not these members.
    #[arg(short = 'x', value_name = "PATTERN", num_args = 1..)]
    exclude: Vec<OsString>,
    /// The archive, and patterns of members.
    #[arg(required = true)]
    names: Vec<OsString>,
}

impl Options {
    fn fits(&self, pattern: &OsString, name: &[u8]) -> bool {
        let matches = if self.any_case { glob::matches_any_case } else { glob::matches };
        matches(pattern.as_bytes(), name)
    }

    /// Tell if a member is wanted.
    fn wants(&self, name: &[u8], seen: &mut [bool]) -> bool {
        let mut found = self.names.len() == 1;
        for (pattern, seen) in self.names.iter().skip(1).zip(seen) {
            if self.fits(pattern, name) {
                *seen = true;
                found = true;
            }
        }
        found && !self.exclude.iter().any(|pattern| self.fits(pattern, name))
    }
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&UNZIP, args)?;
    if options.lower > 0 || options.owners {
        return Err(Error::usage("-L and -X are refused: names and owners stay as they are"));
    }
    let path = archive(options.names.first().map(OsString::as_os_str).unwrap_or_default().as_ref())?;
    let file = File::open(&path).on("open", &path).map_err(|e| e.with_exit(NO_ARCHIVE))?;
    let damaged = |e: Error| e.with_exit(Exit(3));
    let all =
        directory::read(&file).on("read", &path).map_err(|e| e.with_exit(if is_zip(&file) { Exit(3) } else { NO_ARCHIVE }))?;
    let mut seen = vec![false; options.names.len() - 1];
    let wanted: Vec<&Entry> = all.iter().filter(|entry| options.wants(&entry.name, &mut seen)).collect();
    let missing = options.names.iter().skip(1).zip(&seen).filter(|(_, seen)| !**seen);
    for (pattern, _) in missing {
        // A closed standard error loses the message.
        let _ = writeln!(io::stderr(), "caution: filename not matched:  {}", pattern.display());
    }
    let exit = if options.list > 0 || options.verbose > 0 {
        list(&options, &path, &wanted)?
    } else {
        extract::all(&options, &path, &file, &wanted).map_err(damaged)?
    };
    let none = seen.iter().any(|seen| !seen);
    Ok(if none && exit == Exit::OK { NOTHING_FITS } else { exit })
}

/// Reads all members of an archive, for `fuzz`: up to `members` of them, and `bytes` of each.
pub(crate) fn try_all(file: &File, members: usize, bytes: u64) {
    let Ok(all) = directory::read(file) else { return };
    for entry in all.iter().take(members) {
        let _ = (entry.time_text(), entry.seconds(), entry.shown(), entry.method_name());
        // xz takes what memory its header asks for.
        if entry.encrypted || entry.method == 95 {
            continue;
        }
        if let Ok(data) = extract::content(file, entry) {
            let read = io::copy(&mut data.take(bytes), &mut io::sink());
            let wanted = entry.size.min(bytes);
            assert!(read.is_err() || read.is_ok_and(|read| read == wanted), "a member has another length");
        }
    }
}

fn is_zip(file: &File) -> bool {
    let mut start = [0; 4];
    std::os::unix::fs::FileExt::read_exact_at(file, &mut start, 0).is_ok() && start[..2] == *b"PK"
}

/// The archive by its name, or with `.zip` behind it.
fn archive(name: &Path) -> Result<PathBuf> {
    if name == Path::new("-") {
        return Err(Error::new("an archive from standard input is not read: its list stands at its end").with_exit(NO_ARCHIVE));
    }
    let with_end = |end: &str| {
        let mut name = name.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    let all = [name.to_owned(), with_end(".zip"), with_end(".ZIP")];
    all.into_iter()
        .find(|path| path.is_file())
        .ok_or_else(|| Error::new(format!("cannot find or open {0}, {0}.zip or {0}.ZIP", name.display())).with_exit(NO_ARCHIVE))
}

/// A line for each member, and one for all.
fn list(options: &Options, path: &Path, wanted: &[&Entry]) -> Result<Exit> {
    let mut out = kit::out();
    let (mut size, mut packed) = (0_u64, 0_u64);
    let long = options.verbose > 0;
    let mut text = Vec::new();
    let heads = options.quiet == 0 || (options.quiet == 1 && !long);
    if options.quiet == 0 {
        text.extend_from_slice(format!("Archive:  {}\n", path.display()).as_bytes());
    }
    if heads && long {
        text.extend_from_slice(b" Length   Method    Size  Cmpr    Date    Time   CRC-32   Name\n");
        text.extend_from_slice(b"--------  ------  ------- ---- ---------- ----- --------  ----\n");
    } else if heads {
        text.extend_from_slice(b"  Length      Date    Time    Name\n---------  ---------- -----   ----\n");
    }
    for entry in wanted {
        size = size.saturating_add(entry.size);
        packed = packed.saturating_add(entry.packed);
        let line = if long {
            let method = entry.method_name();
            let saved = share(entry.size, entry.packed);
            format!("{:8}  {method} {:8} {saved:>3}% {} {:08x}  ", entry.size, entry.packed, entry.time_text(), entry.sum)
        } else {
            format!("{:9}  {}   ", entry.size, entry.time_text())
        };
        text.extend_from_slice(line.as_bytes());
        text.extend_from_slice(&entry.shown());
        text.push(b'\n');
    }
    let files = format!("{} file{}", wanted.len(), if wanted.len() == 1 { "" } else { "s" });
    if heads && long {
        text.extend_from_slice(b"--------          -------  ---                            -------\n");
        let saved = share(size, packed);
        text.extend_from_slice(
            format!("{size:8}         {packed:8} {saved:>3}%                            {files}\n").as_bytes(),
        );
    } else if heads {
        text.extend_from_slice(
            format!("---------                     -------\n{size:9}                     {files}\n").as_bytes(),
        );
    }
    out.write_all(&text).and_then(|()| out.flush()).doing("write standard output")?;
    Ok(Exit::OK)
}

/// Bytes that were saved, in per cent.
fn share(size: u64, packed: u64) -> i64 {
    if size == 0 {
        return 0;
    }
    let saved = i128::from(size) - i128::from(packed);
    (saved * 200 / i128::from(size) + 1).div_euclid(2) as i64
}
