//! `fsck [-A] [-R] [-M] [-N] [-T] [-V] [-s] [-t TYPE] [DEVICE...] [-- OPTION...]` checks file systems by the programs `fsck.TYPE`.
//!
//! The type comes from `-t`, or from the device's first bytes. `-A` takes all of /etc/fstab with a pass number, the root first, `-R` not the root. `-M` skips devices that are mounted.
//! Options that are not `fsck`'s own (`-a`, `-n`, `-p`, `-y`, `-f`) go to the program. Exit status: the sum of the programs' bits: 1 corrected,
//! 2 reboot, 4 left uncorrected, 8 failure, 16 usage.
//!
//! Example: `fsck -n /dev/vda2`.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use disk::signature;
use kit::{Applet, Context, Error, Exit, Place, Result};

/// Checks file systems.
pub const FSCK: Applet = Applet { name: "fsck", about: "check file systems by their own programs", place: Place::Sbin, run };

const USAGE: &str = "usage: fsck [-AMRNTVs] [-t TYPE] [DEVICE...] [OPTION OF THE PROGRAM]...";
/// Exit status for wrong words.
const BAD_USAGE: Exit = Exit(16);
/// Exit status for a check that could not run.
const NOT_RUN: u8 = 8;

#[derive(Debug, Default)]
struct Work {
    all: bool,
    skip_root: bool,
    dry: bool,
    skips_mounted: bool,
    tells: bool,
    kind: Option<String>,
    devices: Vec<PathBuf>,
    rest: Vec<OsString>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    if args.iter().any(|arg| arg == "--help") {
        return Err(Error::text(format!("{}\n\n{USAGE}\n", FSCK.about)));
    }
    if args.iter().any(|arg| arg == "--version") {
        return Err(Error::text(format!("fsck {}\n", kit::version_number())));
    }
    let work = read(&args[1..]).map_err(|e| e.with_exit(BAD_USAGE))?;
    let mut targets: Vec<(PathBuf, Option<String>)> = work.devices.iter().map(|path| (path.clone(), work.kind.clone())).collect();
    if work.all {
        targets.extend(in_fstab(&work)?);
    }
    let mut sum = 0;
    for (source, kind) in targets {
        sum |= check(&work, &source, kind).unwrap_or_else(|e| {
            kit::warn("fsck", &e);
            NOT_RUN
        });
    }
    Ok(Exit(sum))
}

fn read(args: &[OsString]) -> Result<Work> {
    let mut work = Work::default();
    let mut words = args.iter();
    while let Some(word) = words.next() {
        match word.to_str().unwrap_or_default() {
            "--" => work.rest.extend(words.by_ref().cloned()),
            "-A" => work.all = true,
            "-R" => work.skip_root = true,
            "-N" => work.dry = true,
            "-V" => work.tells = true,
            "-M" => work.skips_mounted = true,
            // File systems are always checked one at a time, and no title is printed.
            "-s" | "-T" => {}
            "-P" => return Err(Error::usage(format!("-P is not supported: file systems are checked one at a time\n{USAGE}"))),
            "-t" => {
                let kind = words.next().and_then(|word| word.to_str()).ok_or_else(|| Error::usage(USAGE))?;
                work.kind = Some(kind.to_owned());
            }
            text if text.starts_with("-t") && text.len() > 2 => work.kind = Some(text[2..].to_owned()),
            text if text.starts_with("--") => return Err(Error::usage(format!("unknown option {text}\n{USAGE}"))),
            text if text.starts_with('-') => work.rest.push(word.clone()),
            _ => work.devices.push(word.into()),
        }
    }
    work.all |= work.devices.is_empty();
    Ok(work)
}

/// The rows with a pass number: 1 first, then the others.
fn in_fstab(work: &Work) -> Result<Vec<(PathBuf, Option<String>)>> {
    let text = match std::fs::read_to_string("/etc/fstab") {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
        text => text.on("read", "/etc/fstab")?,
    };
    let mut rows = Vec::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [source, target, kind, rest @ ..] = fields.as_slice() else { continue };
        let pass: u32 = rest.get(2).and_then(|pass| pass.parse().ok()).unwrap_or(0);
        let is_wanted = work.kind.as_deref().is_none_or(|wanted| wanted.split(',').any(|name| name == *kind));
        if pass == 0 || (work.skip_root && *target == "/") || !is_wanted {
            continue;
        }
        let kind = Some((*kind).to_owned()).filter(|kind| kind != "auto");
        rows.push((pass, (PathBuf::from(source), kind)));
    }
    rows.sort_by_key(|(pass, _)| *pass);
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

fn check(work: &Work, source: &Path, kind: Option<String>) -> Result<u8> {
    let path = signature::resolve(source)?;
    if work.skips_mounted && is_mounted(&path)? {
        return Ok(0);
    }
    let kind = match kind {
        Some(kind) => kind,
        None => signature::file_system(&path)?
            .ok_or_else(|| Error::new(format!("{}: no file system is known there", path.display())))?,
    };
    let program = format!("fsck.{kind}");
    if work.dry || work.tells {
        let words = work.rest.iter().map(|word| word.to_string_lossy());
        let words: Vec<_> = words.chain([path.to_string_lossy()]).collect();
        kit::print(&format!("[{program} (1) -- {}] {program} {}\n", path.display(), words.join(" ")))?;
    }
    if work.dry {
        return Ok(0);
    }
    let mut command = Command::new(&program);
    command.args(&work.rest).arg(&path);
    let status = command.status().map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => Error::new(format!("check {}: there is no program {program}", path.display())),
        _ => Error::new(format!("run {program}: {e}")),
    })?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(NOT_RUN))
}

/// Tells if a mount has the device as its source.
fn is_mounted(path: &Path) -> Result<bool> {
    let Ok(device) = std::fs::metadata(path).map(|found| found.rdev()) else { return Ok(false) };
    let table = std::fs::read_to_string("/proc/self/mountinfo").on("read", "/proc/self/mountinfo")?;
    let number = format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
    Ok(device != 0 && table.lines().any(|line| line.split(' ').nth(2) == Some(number.as_str())))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn options_of_the_program_stay_behind() {
        let work = read(&["-V", "-t", "ext4", "-y", "/dev/a"].map(OsString::from)).unwrap();
        assert_eq!((work.kind.as_deref(), work.tells, work.rest), (Some("ext4"), true, vec![OsString::from("-y")]));
        assert_eq!(work.devices, [PathBuf::from("/dev/a")]);
        assert!(read(&["-y".into()]).unwrap().all);
        assert!(read(&["--why".into()]).is_err());
        assert!(read(&["-P".into()]).is_err());
        assert!(read(&["-M".into(), "/dev/a".into()]).unwrap().skips_mounted);
    }
}
