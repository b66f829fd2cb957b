//! `swapon [-a] [-d[=once|pages]] [-e] [-o OPTIONS] [-p PRIORITY] [-v] [DEVICE]...` uses swap areas; `swapon -s` and `swapon --show` list them.
//!
//! DEVICE is a path, `LABEL=…` or `UUID=…`; `-a` takes all areas of /etc/fstab but those with `noauto`. `--show[=COLUMNS]` has NAME, TYPE, SIZE,
//! USED, PRIO, UUID and LABEL; with `--bytes`, `--noheadings` and `--raw` for scripts.
//!
//! Example: `swapon -p 10 /dev/zram0`.

use std::ffi::{CString, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use clap::Parser;
use disk::{signature, table};
use kit::{Applet, Context, Error, Exit, Place, Result, parse};
use sys::swap;

use crate::size;

/// Uses swap areas.
pub const SWAPON: Applet = Applet { name: "swapon", about: "use swap areas, or list them", place: Place::Sbin, run };

/// Exit status for an area that can't be used, as util-linux has it.
const REFUSED: Exit = Exit(255);

const COLUMNS: [&str; 7] = ["NAME", "TYPE", "SIZE", "USED", "PRIO", "UUID", "LABEL"];

#[derive(Parser)]
struct Options {
    /// All of /etc/fstab
    #[arg(short, long)]
    all: bool,
    /// Discard free pages: once, pages, or both
    #[arg(short, long, num_args = 0..=1, require_equals = true, default_missing_value = "both", value_parser = ["once", "pages", "both"])]
    discard: Option<String>,
    /// Pass over devices that are not there
    #[arg(short = 'e', long)]
    ifexists: bool,
    /// Options as in /etc/fstab: pri=N, discard, nofail
    #[arg(short = 'o', long = "options", value_delimiter = ',', value_name = "OPTIONS")]
    words: Vec<String>,
    /// Priority, 0 to 32767
    #[arg(short, long, value_name = "PRIORITY", value_parser = clap::value_parser!(i32).range(-1..=32767), allow_hyphen_values = true)]
    priority: Option<i32>,
    /// List the areas as /proc/swaps does
    #[arg(short, long)]
    summary: bool,
    /// List the areas
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "NAME,TYPE,SIZE,USED,PRIO", value_name = "COLUMNS")]
    show: Option<String>,
    /// Without a line of headings
    #[arg(long)]
    noheadings: bool,
    /// Without padding
    #[arg(long)]
    raw: bool,
    /// Bytes
    #[arg(long)]
    bytes: bool,
    /// Say what is done
    #[arg(short, long)]
    verbose: bool,
    /// The areas
    devices: Vec<PathBuf>,
}

/// An area that is in use.
pub struct Area {
    /// Device or file.
    pub path: PathBuf,
    /// `partition` or `file`.
    kind: String,
    kib: u64,
    used_kib: u64,
    priority: String,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&SWAPON, args)?;
    if options.summary {
        let text = fs::read_to_string("/proc/swaps").on("read", "/proc/swaps")?;
        // A machine without an area shows nothing, as util-linux does.
        return kit::print(if text.lines().count() > 1 { &text } else { "" }).map(|()| Exit::OK);
    }
    if options.show.is_some() || (!options.all && options.devices.is_empty()) {
        return show(&options);
    }
    let mut wanted: Vec<(PathBuf, Vec<String>)> =
        options.devices.iter().map(|path| (path.clone(), options.words.clone())).collect();
    if options.all {
        let active: Vec<PathBuf> = areas()?.into_iter().map(|area| area.path).collect();
        for (path, words) in in_fstab()? {
            let is_active = signature::resolve(&path).is_ok_and(|path| active.contains(&path));
            if !is_active && !words.iter().any(|word| word == "noauto") {
                wanted.push((path, words));
            }
        }
    }
    let mut exit = Exit::OK;
    for (path, words) in wanted {
        let may_lack = options.ifexists || words.iter().any(|word| word == "nofail");
        if let Err(e) = on(&options, &path, &words).or_else(|e| if may_lack && !path.exists() { Ok(()) } else { Err(e) }) {
            kit::warn("swapon", &e);
            exit = REFUSED;
        }
    }
    Ok(exit)
}

fn on(options: &Options, source: &Path, words: &[String]) -> Result<()> {
    let path = signature::resolve(source)?;
    let path = path.canonicalize().on("open", &path)?;
    let mut flags = 0;
    let (mut priority, mut discard) = (options.priority, options.discard.as_deref());
    for word in words {
        match word.split_once('=').unwrap_or((word, "")) {
            ("pri", number) => {
                priority = priority.or(Some(number.parse().map_err(|_| Error::usage(format!("invalid priority {number}")))?));
            }
            ("discard", which) => discard = discard.or(Some(if which.is_empty() { "both" } else { which })),
            ("defaults" | "sw" | "nofail" | "noauto" | "auto", _) => {}
            _ => return Err(Error::usage(format!("unknown option {word}"))),
        }
    }
    if let Some(number) = priority.filter(|number| *number >= 0) {
        flags |= swap::PREFER | number.min(swap::MOST);
    }
    flags |= match discard {
        None => 0,
        Some("once") => swap::DISCARD_ONCE,
        Some("pages") => swap::DISCARD_PAGES,
        Some(_) => swap::DISCARD,
    };
    if options.verbose {
        kit::print(&format!("swapon {}\n", path.display()))?;
    }
    let found = signature::probe(&path)?;
    if found.kind != Some("swap") {
        return Err(Error::new(format!("{}: read swap header failed", path.display())));
    }
    swap::on(&c_path(&path)?, flags).on("use the swap area", &path)
}

/// A path for a system call.
pub fn c_path(path: &Path) -> Result<CString> {
    CString::new(path.as_os_str().as_bytes()).on("use", path)
}

/// The areas that /etc/fstab names, with their options.
fn in_fstab() -> Result<Vec<(PathBuf, Vec<String>)>> {
    let swaps = table::read(table::FSTAB)?.into_iter().filter(|entry| entry.kind == "swap");
    Ok(swaps.map(|entry| (entry.source, entry.options.split(',').map(str::to_owned).collect())).collect())
}

/// The areas in use.
pub fn areas() -> Result<Vec<Area>> {
    let text = fs::read("/proc/swaps").on("read", "/proc/swaps")?;
    Ok(text.split(|b| *b == b'\n').skip(1).filter_map(area).collect())
}

fn area(line: &[u8]) -> Option<Area> {
    let mut fields = line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
    let path = table::unescape(fields.next()?);
    let text: Vec<_> = fields.map(|field| String::from_utf8_lossy(field).into_owned()).collect();
    let [kind, kib, used, priority] = text.as_slice() else { return None };
    let (kib, used_kib) = (kib.parse().ok()?, used.parse().ok()?);
    Some(Area { path: path.into(), kind: kind.clone(), kib, used_kib, priority: priority.clone() })
}

fn show(options: &Options) -> Result<Exit> {
    let names = options.show.as_deref().unwrap_or("NAME,TYPE,SIZE,USED,PRIO");
    let column = |name: &str| COLUMNS.iter().position(|known| known.eq_ignore_ascii_case(name));
    let columns: Option<Vec<usize>> = names.split(',').map(column).collect();
    let columns = columns.ok_or_else(|| Error::usage(format!("unknown column in {names}")))?;
    let amount = |kib: u64| if options.bytes { (kib * 1024).to_string() } else { size::shown(kib * 1024) };
    let mut rows: Vec<Vec<String>> = Vec::new();
    for area in areas()? {
        let content = signature::probe(&area.path).unwrap_or_default();
        let cells = [
            area.path.display().to_string(),
            area.kind,
            amount(area.kib),
            amount(area.used_kib),
            area.priority,
            content.uuid.unwrap_or_default(),
            content.label.unwrap_or_default(),
        ];
        rows.push(columns.iter().map(|&at| cells[at].clone()).collect());
    }
    if rows.is_empty() {
        return Ok(Exit::OK);
    }
    if !options.noheadings {
        rows.insert(0, columns.iter().map(|&at| COLUMNS[at].to_owned()).collect());
    }
    let is_number = |at: usize| matches!(columns[at], 2..=4);
    kit::print(&crate::table::plain(&rows, is_number, options.raw))?;
    Ok(Exit::OK)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn a_line_of_the_kernel() {
        let found = area(b"/var/a\\040b                               file\t\t1048572\t\t12\t\t-2").unwrap();
        assert_eq!((found.path, found.kib, found.used_kib), (PathBuf::from("/var/a b"), 1_048_572, 12));
        assert!(area(b"").is_none());
    }
}
