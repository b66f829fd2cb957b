//! Files and directories that are compared, name by name.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use kit::{Context, Exit, Result, glob};

use super::Setting;
use super::lines::Text;
use super::print::Pair;

/// Levels of directories: more have no path.
const DEPTH: usize = 2000;

/// Compare what the command line names.
pub(super) fn compare(setting: &Setting, out: &mut dyn Write) -> Result<Exit> {
    let [first, second] = setting.options.files.as_slice() else { return Ok(Exit::USAGE) };
    let is_dir = |path: &Path| path != Path::new("-") && path.is_dir();
    match (is_dir(first), is_dir(second)) {
        (true, true) => directories(setting, first, second, out, 0),
        // A file with the one of its name in a directory.
        (true, false) => pair(setting, &first.join(second.file_name().unwrap_or_default()), second, out, false),
        (false, true) => pair(setting, first, &second.join(first.file_name().unwrap_or_default()), out, false),
        (false, false) if first == second => same(setting, first, second, out),
        (false, false) => pair(setting, first, second, out, false),
    }
}

/// Returns a name's metadata, if there is such a file.
fn look(setting: &Setting, path: &Path) -> io::Result<Option<Metadata>> {
    let meta = if setting.options.no_dereference { fs::symlink_metadata(path) } else { fs::metadata(path) };
    match meta {
        Ok(meta) => Ok(Some(meta)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

fn worse(a: Exit, b: Exit) -> Exit {
    Exit(a.0.max(b.0))
}

fn directories(setting: &Setting, first: &Path, second: &Path, out: &mut dyn Write, depth: usize) -> Result<Exit> {
    let names = |path: &Path| -> Result<BTreeSet<OsString>> {
        let entries = match fs::read_dir(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
            entries => entries.on("read", path)?,
        };
        let mut all = BTreeSet::new();
        for entry in entries {
            all.insert(entry.on("read", path)?.file_name());
        }
        Ok(all)
    };
    let (left, right) = (names(first)?, names(second)?);
    let mut exit = Exit::OK;
    for name in left.union(&right) {
        if setting.exclude.iter().any(|pattern| glob::matches(pattern, name.as_bytes())) {
            continue;
        }
        if depth == 0 && setting.options.starting_file.as_ref().is_some_and(|from| name < from) {
            continue;
        }
        let done = entry(setting, (first, left.contains(name)), (second, right.contains(name)), name, out, depth);
        match done {
            Ok(one) => exit = worse(exit, one),
            Err(e) => {
                out.flush().doing("write standard output")?;
                // A closed standard error loses the message.
                let _ = writeln!(io::stderr(), "diff: {e}");
                exit = Exit::USAGE;
            }
        }
    }
    Ok(exit)
}

fn entry(
    setting: &Setting,
    (first, in_first): (&Path, bool),
    (second, in_second): (&Path, bool),
    name: &OsStr,
    out: &mut dyn Write,
    depth: usize,
) -> Result<Exit> {
    let options = &setting.options;
    let missing_is_empty = options.new_file || (options.unidirectional_new_file && !in_first);
    let (a, b) = (joined(first, name), joined(second, name));
    if in_first != in_second && !missing_is_empty {
        let dir = if in_first { first } else { second };
        say(out, format_args!("Only in {}: {}", plain(dir), name.display()))?;
        return Ok(Exit::FAILED);
    }
    let (left, right) = (look(setting, &a).on("look at", &a)?, look(setting, &b).on("look at", &b)?);
    let is_dir = |meta: &Option<Metadata>| meta.as_ref().is_some_and(Metadata::is_dir);
    match (is_dir(&left) || left.is_none(), is_dir(&right) || right.is_none()) {
        (true, true) if options.recursive && depth < DEPTH => directories(setting, &a, &b, out, depth + 1),
        (true, true) => {
            say(out, format_args!("Common subdirectories: {} and {}", a.display(), b.display()))?;
            Ok(Exit::OK)
        }
        _ => {
            for (meta, path) in [(&left, &a), (&right, &b)] {
                let special = meta.as_ref().is_some_and(|meta| !(meta.is_file() || meta.is_dir() || meta.is_symlink()));
                if special && left.is_some() != right.is_some() {
                    say(out, format_args!("File {} is not a regular file or directory and was skipped", path.display()))?;
                    return Ok(Exit::FAILED);
                }
            }
            let (kind_a, kind_b) = (left.as_ref().map(kind), right.as_ref().map(kind));
            if let (Some(kind_a), Some(kind_b)) = (kind_a, kind_b)
                && (kind_a != kind_b || kind_a == "special")
            {
                if kind_a != "special" || kind_b != "special" {
                    let text = format!(
                        "File {} is a {} while file {} is a {}",
                        a.display(),
                        word(left.as_ref()),
                        b.display(),
                        word(right.as_ref())
                    );
                    say(out, format_args!("{text}"))?;
                    return Ok(Exit::FAILED);
                }
                return Ok(Exit::OK);
            }
            pair(setting, &a, &b, out, true)
        }
    }
}

/// A name in a directory, whose own name may end in slashes.
fn joined(dir: &Path, name: &OsStr) -> PathBuf {
    dir.join(name)
}

/// A directory's name without slashes at its end.
fn plain(dir: &Path) -> String {
    let text = dir.display().to_string();
    let short = text.trim_end_matches('/');
    if short.is_empty() { text } else { short.to_owned() }
}

fn kind(meta: &Metadata) -> &'static str {
    match () {
        () if meta.is_file() => "file",
        () if meta.is_dir() => "directory",
        () if meta.is_symlink() => "link",
        () => "special",
    }
}

/// The words of GNU for what a file is.
fn word(meta: Option<&Metadata>) -> &'static str {
    let Some(meta) = meta else { return "file" };
    match meta.mode() >> 12 {
        0o10 if meta.len() == 0 => "regular empty file",
        0o10 => "regular file",
        0o4 => "directory",
        0o12 => "symbolic link",
        0o1 => "fifo",
        0o2 => "character special file",
        0o6 => "block special file",
        0o14 => "socket",
        _ => "weird file",
    }
}

fn say(out: &mut dyn Write, text: std::fmt::Arguments<'_>) -> Result<()> {
    writeln!(out, "{text}").doing("write standard output")
}

fn same(setting: &Setting, first: &Path, second: &Path, out: &mut dyn Write) -> Result<Exit> {
    if first != Path::new("-") && look(setting, first).on("look at", first)?.is_none() {
        return Err(kit::Error::new(format!("{}: no such file or directory", first.display())));
    }
    if setting.options.report_identical_files {
        say(out, format_args!("Files {} and {} are identical", first.display(), second.display()))?;
    }
    Ok(Exit::OK)
}

fn content(setting: &Setting, path: &Path) -> Result<Vec<u8>> {
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes).doing("read standard input")?;
        return Ok(bytes);
    }
    match look(setting, path).on("look at", path)? {
        Some(meta) if meta.is_symlink() => Ok(fs::read_link(path).on("read", path)?.into_os_string().as_bytes().to_vec()),
        Some(_) => fs::read(path).on("read", path),
        None if setting.options.new_file || setting.options.unidirectional_new_file => Ok(Vec::new()),
        None => Err(kit::Error::new(format!("{}: no such file or directory", path.display()))),
    }
}

fn pair(setting: &Setting, first: &Path, second: &Path, out: &mut dyn Write, in_directory: bool) -> Result<Exit> {
    let options = &setting.options;
    let (old, new) = (Text::new(content(setting, first)?), Text::new(content(setting, second)?));
    if old.bytes == new.bytes && !options.side_by_side {
        return same(setting, first, second, out);
    }
    if !options.text && (old.is_binary() || new.is_binary()) {
        let word = if options.brief { "Files" } else { "Binary files" };
        say(out, format_args!("{word} {} and {} differ", first.display(), second.display()))?;
        return Ok(if options.brief { Exit::FAILED } else { Exit::USAGE });
    }
    let head = |at: usize, path: &Path| match options.label.get(at) {
        Some(label) => label.as_bytes().to_vec(),
        None => [path.as_os_str().as_bytes(), b"\t", time(path).as_bytes()].concat(),
    };
    let pair = Pair { setting, old: &old, new: &new, heads: [head(0, first), head(1, second)] };
    let mut text = Vec::new();
    let differ = pair.print(&mut text).doing("write standard output")?;
    let cut = options.ed && (old.open_end || new.open_end);
    if !differ && !options.side_by_side && !cut {
        return same(setting, first, second, out);
    }
    if options.brief {
        let name = |at: usize, path: &Path| match options.label.get(at) {
            Some(label) => label.display().to_string(),
            None => path.display().to_string(),
        };
        say(out, format_args!("Files {} and {} differ", name(0, first), name(1, second)))?;
        return Ok(Exit::FAILED);
    }
    if in_directory {
        let names = [b" ", first.as_os_str().as_bytes(), b" ", second.as_os_str().as_bytes(), b"\n"].concat();
        out.write_all(&[b"diff", setting.given.as_slice(), &names].concat()).doing("write standard output")?;
    }
    out.write_all(&text).doing("write standard output")?;
    let mut exit = if differ { Exit::FAILED } else { Exit::OK };
    for (_, path) in [(&old, first), (&new, second)].into_iter().filter(|(text, _)| options.ed && text.open_end) {
        // A script for ed can't tell it. A closed standard error loses the message.
        let _ = writeln!(io::stderr(), "diff: {}: no newline at end of file", path.display());
        exit = Exit::USAGE;
    }
    Ok(exit)
}

/// Time of a file, as patches have it; of a file that is missing the first of all.
fn time(path: &Path) -> String {
    use jiff::{Timestamp, tz::TimeZone};
    let meta = if path == Path::new("-") { None } else { fs::metadata(path).ok() };
    let stamp = match &meta {
        Some(meta) => Timestamp::new(meta.mtime(), meta.mtime_nsec() as i32).unwrap_or(Timestamp::UNIX_EPOCH),
        None if path == Path::new("-") => Timestamp::now(),
        None => Timestamp::UNIX_EPOCH,
    };
    let at = stamp.to_zoned(TimeZone::try_system().unwrap_or(TimeZone::UTC));
    at.strftime("%Y-%m-%d %H:%M:%S.%9f %z").to_string()
}
