//! `patch [-p COUNT] [-R] [-i PATCH] [OPTION]... [FILE [PATCH]]` changes files as a patch tells: unified, context or normal form,
//! with git's headers.
//!
//! A name of the patch is taken without its directories, or with `-p` without so many of its first parts; it never leads out of
//! the directory, by itself or through a link. A change that does not fit where it is told is looked for nearby, with up to two
//! lines around it left out (`-F`); what fits nowhere goes to FILE.rej, and then or when a change was moved the old file is kept as
//! FILE.orig. A file takes the place of the old one when it is whole. Exit status: 0, 1 some changes do not fit, 2 trouble.
//!
//! Example: `patch -p1 --dry-run < fix.patch`

mod apply;
mod beneath;
mod context;
mod names;
mod parse;

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read, Write};
use std::path::PathBuf;

use clap::{ArgAction, Parser};
use kit::{Applet, Context, Error, Exit, Place, Result, parse as parse_args};

use apply::Applied;
use beneath::Spot;
use parse::FilePatch;

/// Changes of files.
pub const PATCH: Applet = Applet { name: "patch", about: "change files as a patch tells", place: Place::Bin, run };

#[derive(Parser)]
#[command(disable_version_flag = true, infer_long_args = true)]
struct Options {
    /// Names lose so many parts.
    #[arg(short = 'p', long, value_name = "COUNT")]
    strip: Option<usize>,
    /// Lines around changes that may not fit.
    #[arg(short = 'F', long, value_name = "LINES", default_value_t = 2)]
    fuzz: usize,
    /// Any number of blanks is the same.
    #[arg(short = 'l', long)]
    ignore_whitespace: bool,
    /// Patch in context form: told by its text.
    #[arg(short, long)]
    context: bool,
    /// Patch in unified form: told by its text.
    #[arg(short, long)]
    unified: bool,
    /// Patch in normal form: told by its text.
    #[arg(short, long)]
    normal: bool,
    /// Leave out what was applied before.
    #[arg(short = 'N', long)]
    forward: bool,
    /// Take changes back.
    #[arg(short = 'R', long)]
    reverse: bool,
    /// Patch instead of standard input.
    #[arg(short, long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// File for the result.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// File for what does not fit; - for none.
    #[arg(short, long, value_name = "FILE")]
    reject_file: Option<PathBuf>,
    /// Enter a directory first.
    #[arg(short, long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Remove files that become empty.
    #[arg(short = 'E', long)]
    remove_empty_files: bool,
    /// Change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Keep old files.
    #[arg(short, long)]
    backup: bool,
    /// Keep old files when a change was moved: usual.
    #[arg(long, overrides_with = "no_backup_if_mismatch")]
    backup_if_mismatch: bool,
    /// Not that.
    #[arg(long, overrides_with = "backup_if_mismatch")]
    no_backup_if_mismatch: bool,
    /// End of old files' names.
    #[arg(short = 'z', long, value_name = "END", default_value = ".orig")]
    suffix: OsString,
    /// Ask nothing, take patches for not applied: so it is usual.
    #[arg(short, long)]
    force: bool,
    /// Ask nothing, take back what was applied.
    #[arg(short = 't', long)]
    batch: bool,
    /// No messages.
    #[arg(short, long, visible_alias = "quiet")]
    silent: bool,
    /// Bytes as they are: so always.
    #[arg(long)]
    binary: bool,
    /// Version.
    #[arg(short = 'v', long, action = ArgAction::Version)]
    version: Option<bool>,
    /// File to change, instead of those that the patch names.
    file: Option<PathBuf>,
    /// The patch.
    patch: Option<PathBuf>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let trouble = |e: Error| if e.is_text() { e } else { e.with_exit(Exit::USAGE) };
    let options: Options = parse_args(&PATCH, args).map_err(trouble)?;
    all(&options).map_err(trouble)
}

fn all(options: &Options) -> Result<Exit> {
    let text = if let Some(file) = options.input.as_ref().or(options.patch.as_ref()).filter(|file| file.as_os_str() != "-") {
        fs::read(file).on("read", file)?
    } else {
        let mut text = Vec::new();
        io::stdin().read_to_end(&mut text).doing("read standard input")?;
        text
    };
    let patches = parse::parse(&text).doing("read the patch")?;
    if patches.is_empty() && !text.is_empty() {
        return Err(Error::new("only garbage was found in the patch input"));
    }
    if let Some(dir) = &options.directory {
        std::env::set_current_dir(dir).on("enter", dir)?;
    }
    let mut exit = Exit::OK;
    for patch in patches {
        match one(options, patch) {
            Ok(true) => {}
            Ok(false) => exit = Exit(exit.0.max(1)),
            Err(e) => {
                exit = Exit(exit.0.max(if e.exit() == Exit::USAGE { 2 } else { 1 }));
                // A closed standard error loses the message.
                let _ = writeln!(io::stderr(), "patch: {e}");
            }
        }
    }
    Ok(exit)
}

/// Results of each file's changes applied to one text, forwards and then backwards; none where something does not fit.
pub(crate) fn results(text: &[u8], patch: &[u8]) -> io::Result<Vec<Option<Vec<u8>>>> {
    let mut all = Vec::new();
    for mut patch in parse::parse(patch)? {
        for fuzz in [2, 0] {
            let applied = apply::all(text, &patch.hunks, fuzz, fuzz > 0);
            all.push(applied.failed.is_empty().then_some(applied.text));
            patch.reverse();
        }
    }
    Ok(all)
}

/// Result of a single file's changes taken back.
#[cfg(test)]
pub(crate) fn results_back(text: &[u8], patch: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let mut patches = parse::parse(patch)?;
    let Some(patch) = patches.first_mut() else { return Ok(None) };
    patch.reverse();
    let applied = apply::all(text, &patch.hunks, 2, false);
    Ok(applied.failed.is_empty().then_some(applied.text))
}

fn say(options: &Options, text: std::fmt::Arguments<'_>) {
    if !options.silent {
        // As above.
        let _ = writeln!(io::stdout(), "{text}");
    }
}

/// Apply the changes of one file; false when some do not fit.
fn one(options: &Options, mut patch: FilePatch) -> Result<bool> {
    if patch.binary {
        return Err(Error::new("git's binary patches are not applied"));
    }
    if options.reverse {
        patch.reverse();
    }
    let (from, to) = names::choose(options, &patch)?;
    let source = Spot::find(&from, options.file.is_some(), false).on("open", from.path())?;
    let old = source.as_ref().map_or(Ok(None), Spot::read).on("read", from.path())?;
    let verb = if options.dry_run { "checking" } else { "patching" };
    say(options, format_args!("{verb} file {}", to.path().display()));
    if old.is_none() && !patch.creates() && !patch.hunks.is_empty() {
        return Err(Error::new(format!("{}: no such file", from.path().display())));
    }
    if old.as_ref().is_some_and(|(text, _)| !text.is_empty()) && patch.creates() && patch.rename.is_none() {
        say(options, format_args!("The next patch would create the file {},\nwhich already exists!", to.path().display()));
    }
    let (text, mode) = old.clone().unwrap_or_default();
    let reversed = !options.force && apply::is_reversed(&text, &patch.hunks, options.ignore_whitespace);
    if reversed && !options.batch {
        say(options, format_args!("Reversed (or previously applied) patch detected!  Skipping patch."));
        let count = patch.hunks.len();
        say(options, format_args!("{count} out of {count} hunk{} ignored", if count == 1 { "" } else { "s" }));
        let applied = Applied { failed: (0..count).collect(), ..Applied::default() };
        return rejects(options, &patch, &applied, &to).map(|()| false);
    }
    if reversed {
        say(options, format_args!("Reversed (or previously applied) patch detected!  Assuming -R."));
        patch.reverse();
    }
    let applied = apply::all(&text, &patch.hunks, options.fuzz, options.ignore_whitespace);
    tell(options, &patch, &applied);
    let target = Spot::find(&to, options.file.is_some() || options.output.is_some(), !options.dry_run).on("open", to.path())?;
    if !options.dry_run
        && let Some(target) = &target
    {
        let moved = applied.moved || !applied.failed.is_empty();
        let keeps = options.backup || (moved && !options.no_backup_if_mismatch);
        if keeps
            && options.output.is_none()
            && let Some((text, mode)) = &old
        {
            target.beside(&options.suffix).write(text, Some(*mode)).on("keep", to.path())?;
        }
        let goes = applied.text.is_empty() && applied.failed.is_empty() && (patch.removes() || options.remove_empty_files);
        if goes && options.output.is_none() {
            target.remove().on("remove", to.path())?;
        } else {
            let mode = patch.mode.or(old.as_ref().map(|_| mode));
            target.write(&applied.text, mode).on("write", to.path())?;
        }
        let renamed = patch.rename.as_ref().is_some_and(|rename| rename.moves);
        if renamed && let Some(source) = &source {
            source.remove().on("remove", from.path())?;
        }
    }
    rejects(options, &patch, &applied, &to)?;
    Ok(applied.failed.is_empty())
}

/// Tell of changes that were moved or do not fit.
fn tell(options: &Options, patch: &FilePatch, applied: &Applied) {
    for note in &applied.notes {
        say(options, format_args!("{note}"));
    }
    let (failed, all) = (applied.failed.len(), patch.hunks.len());
    if failed > 0 {
        say(options, format_args!("{failed} out of {all} hunk{} FAILED", if all == 1 { "" } else { "s" }));
    }
}

/// Write what does not fit beside the file.
fn rejects(options: &Options, patch: &FilePatch, applied: &Applied, to: &names::Name) -> Result<()> {
    if applied.failed.is_empty() || options.dry_run {
        return Ok(());
    }
    let mut text = [b"--- ", patch.old.name.as_slice(), b"\n+++ ", &patch.new.name, b"\n"].concat();
    for at in &applied.failed {
        if let Some(hunk) = patch.hunks.get(*at) {
            hunk.print(&mut text);
        }
    }
    match &options.reject_file {
        Some(file) if file.as_os_str() == "-" => Ok(()),
        Some(file) => fs::write(file, text).on("write", file),
        None => {
            let spot = Spot::find(to, options.file.is_some() || options.output.is_some(), true).on("open", to.path())?;
            let Some(spot) = spot else { return Ok(()) };
            say(options, format_args!("saving rejects to file {}.rej", to.path().display()));
            spot.beside(".rej".as_ref()).write(&text, None).on("write", to.path())
        }
    }
}
