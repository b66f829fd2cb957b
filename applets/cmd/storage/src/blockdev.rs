//! `blockdev [-q] [-v] COMMAND... DEVICE...` asks block devices for numbers, and sets them; `blockdev --report [DEVICE...]` is a table.
//!
//! Commands: `--getsz` and `--getsize` (sectors of 512 bytes), `--getsize64` (bytes), `--getss`, `--getpbsz`, `--getbsz`, `--getiomin`,
//! `--getioopt`, `--getalignoff`, `--getmaxsect`, `--getdiscardzeroes`, `--getro`, `--getra`, `--getfra`, `--getdiskseq`;
//! `--setro`, `--setrw`, `--setbsz N`, `--setra N`, `--setfra N`, `--flushbufs`, `--rereadpt`.
//!
//! Example: `blockdev --getsize64 /dev/vda`.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom};
use std::path::Path;

use kit::{Applet, Context, Error, Exit, Place, Result};
use sys::block::{self, Number, Setting};

/// Numbers of block devices.
pub const BLOCKDEV: Applet =
    Applet { name: "blockdev", about: "ask block devices for numbers, and set them", place: Place::Sbin, run };

/// Actions on a device.
#[derive(Clone, Copy, Debug)]
enum Act {
    Ask(Number),
    Sectors,
    Bytes,
    Logical,
    Sequence,
    /// The number that is set stands behind the word.
    Set(fn(u32) -> Setting),
    Do(Setting),
    Reread,
}

/// The words, their actions, and what `-v` says.
const COMMANDS: [(&str, Act, &str); 22] = [
    ("--setro", Act::Do(Setting::ReadOnly(true)), "set read-only"),
    ("--setrw", Act::Do(Setting::ReadOnly(false)), "set read-write"),
    ("--getro", Act::Ask(Number::IsReadOnly), "get read-only"),
    ("--getdiscardzeroes", Act::Ask(Number::DiscardZeroes), "get discard zeroes support status"),
    ("--getss", Act::Logical, "get logical block (sector) size"),
    ("--getpbsz", Act::Ask(Number::PhysicalBlock), "get physical block (sector) size"),
    ("--getiomin", Act::Ask(Number::LeastIo), "get minimum I/O size"),
    ("--getioopt", Act::Ask(Number::BestIo), "get optimal I/O size"),
    ("--getalignoff", Act::Ask(Number::AlignmentOffset), "get alignment offset in bytes"),
    ("--getmaxsect", Act::Ask(Number::MostSectors), "get max sectors per request"),
    ("--getbsz", Act::Ask(Number::CacheBlock), "get blocksize"),
    ("--setbsz", Act::Set(|n| Setting::CacheBlock(n.cast_signed())), "set blocksize on file descriptor opening the block device"),
    ("--getsize", Act::Sectors, "get 32-bit sector count (deprecated, use --getsz)"),
    ("--getsize64", Act::Bytes, "get size in bytes"),
    ("--setra", Act::Set(Setting::ReadAhead), "set readahead"),
    ("--getra", Act::Ask(Number::ReadAhead), "get readahead"),
    ("--setfra", Act::Set(Setting::FileReadAhead), "set filesystem readahead"),
    ("--getfra", Act::Ask(Number::FileReadAhead), "get filesystem readahead"),
    ("--getdiskseq", Act::Sequence, "get disk sequence number"),
    ("--flushbufs", Act::Do(Setting::Flush), "flush buffers"),
    ("--rereadpt", Act::Reread, "reread partition table"),
    ("--getsz", Act::Sectors, "get size in 512-byte sectors"),
];

fn usage() -> Error {
    let words: Vec<_> = COMMANDS.iter().map(|(word, ..)| *word).collect();
    Error::usage(format!("usage: blockdev [-q] [-v] COMMAND... DEVICE...\ncommands: --report {}", words.join(" ")))
}

fn run(args: &[OsString]) -> Result<Exit> {
    let words: Vec<String> = args.iter().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    let has = |long: &str, short: &str| words.iter().any(|word| word == long || word == short);
    if has("--help", "-h") {
        return Err(Error::text(format!("{}\n\n{}\n", BLOCKDEV.about, usage())));
    }
    if has("--version", "-V") {
        return Err(Error::text(format!("blockdev {}\n", kit::version_number())));
    }
    let first = words.iter().position(|word| !word.starts_with('-')).unwrap_or(words.len());
    if words[..first].iter().any(|word| word == "--report") {
        return report(&words[first..]);
    }
    let (mut tells, mut acts, mut at) = (false, Vec::new(), 0);
    while let Some(word) = words.get(at).filter(|word| word.starts_with('-')) {
        at += 1;
        match word.as_str() {
            "-v" => tells = true,
            "-q" => tells = false,
            word => {
                let (word, inline) = word.split_once('=').map_or((word, None), |(word, value)| (word, Some(value.to_owned())));
                let found = COMMANDS.iter().find(|(name, ..)| *name == word).ok_or_else(usage)?;
                let mut number = None;
                if matches!(found.1, Act::Set(_)) {
                    let text = inline.or_else(|| words.get(at).cloned()).ok_or_else(usage)?;
                    at += usize::from(!word_has_value(&words, at));
                    number = Some(text.parse().map_err(|_| Error::usage(format!("{word} wants a number")))?);
                }
                acts.push((found, number, tells));
            }
        }
    }
    if acts.is_empty() || at >= words.len() {
        return Err(usage());
    }
    for name in &words[at..] {
        let path = Path::new(name);
        let file = File::open(path).on("open", path)?;
        for ((_, act, about), number, tells) in &acts {
            let answer = perform(&file, path, *act, *number)?;
            match answer {
                Some(answer) if *tells => kit::print(&format!("{about}: {answer}\n"))?,
                Some(answer) => kit::print(&format!("{answer}\n"))?,
                None if *tells => kit::print(&format!("{about} succeeded.\n"))?,
                None => {}
            }
        }
    }
    Ok(Exit::OK)
}

/// Tells if the word before `at` brought its value behind `=`.
fn word_has_value(words: &[String], at: usize) -> bool {
    at.checked_sub(1).and_then(|before| words.get(before)).is_some_and(|word| word.contains('='))
}

fn perform(file: &File, path: &Path, act: Act, number: Option<u32>) -> Result<Option<i64>> {
    let bytes = || (&*file).seek(SeekFrom::End(0)).map(u64::cast_signed).on("measure", path);
    let set = |setting| block::set(file, setting).on("set", path).map(|()| None);
    match act {
        Act::Ask(which) => block::number(file, which).on("ask", path).map(Some),
        Act::Bytes => is_device(file, path).and_then(|()| bytes()).map(Some),
        Act::Sectors => is_device(file, path).and_then(|()| bytes()).map(|bytes| Some(bytes / 512)),
        Act::Logical => rustix::fs::ioctl_blksszget(file).on("ask", path).map(|bytes| Some(i64::from(bytes))),
        Act::Sequence => sequence(file, path).map(Some),
        Act::Set(setting) => set(setting(number.unwrap_or_default())),
        Act::Do(setting) => set(setting),
        Act::Reread => block::read_partitions(file).on("read the partition table of", path).map(|()| None),
    }
}

/// The size of a file is none of a device.
fn is_device(file: &File, path: &Path) -> Result<()> {
    block::number(file, Number::IsReadOnly).on("ask", path).map(drop)
}

fn sequence(file: &File, path: &Path) -> Result<i64> {
    let number = std::os::unix::fs::MetadataExt::rdev(&file.metadata().on("look at", path)?);
    let name = format!("/sys/dev/block/{}:{}/diskseq", rustix::fs::major(number), rustix::fs::minor(number));
    let text = fs::read_to_string(&name).on("read", &name)?;
    text.trim().parse().map_err(|_| Error::new(format!("{name} holds no number")))
}

fn report(names: &[String]) -> Result<Exit> {
    let mut text = "RO    RA   SSZ   BSZ        StartSec            Size   Device\n".to_owned();
    let all: Vec<String> = match names {
        [] => disk::signature::devices()?.iter().map(|path| path.display().to_string()).collect(),
        names => names.to_vec(),
    };
    let mut exit = Exit::OK;
    for name in all {
        match row(&name) {
            Ok(row) => text.push_str(&row),
            Err(_) if names.is_empty() => {}
            Err(e) => {
                kit::warn("blockdev", &e);
                exit = Exit::FAILED;
            }
        }
    }
    kit::print(&text)?;
    Ok(exit)
}

fn row(name: &str) -> Result<String> {
    let path = Path::new(name);
    let file = File::open(path).on("open", path)?;
    let ask = |which| block::number(&file, which).on("ask", path);
    let number = std::os::unix::fs::MetadataExt::rdev(&file.metadata().on("look at", path)?);
    let start = format!("/sys/dev/block/{}:{}/start", rustix::fs::major(number), rustix::fs::minor(number));
    let start = fs::read_to_string(start).ok().and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or_default();
    let access = if ask(Number::IsReadOnly)? == 0 { "rw" } else { "ro" };
    let sector = rustix::fs::ioctl_blksszget(&file).on("ask", path)?;
    let bytes = (&file).seek(SeekFrom::End(0)).on("measure", path)?;
    let mut row = String::new();
    let _ = writeln!(
        row,
        "{access} {:5} {sector:5} {:5} {start:15} {bytes:15}   {name}",
        ask(Number::ReadAhead)?,
        ask(Number::CacheBlock)?
    );
    Ok(row)
}
