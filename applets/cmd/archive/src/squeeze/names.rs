//! Names of packed files and of those that they are made from.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, IsTerminal, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use kit::{Context, Result};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::Job;
use crate::codec::Codec;

/// Ends of packed names, and what takes their place.
const fn ends(codec: Codec) -> &'static [(&'static str, &'static str)] {
    match codec {
        Codec::Gzip => {
            &[(".gz", ""), ("-gz", ""), (".z", ""), ("-z", ""), ("_z", ""), (".Z", ""), (".tgz", ".tar"), (".taz", ".tar")]
        }
        Codec::Bzip2 => &[(".bz2", ""), (".bz", ""), (".tbz2", ".tar"), (".tbz", ".tar")],
        Codec::Xz => &[(".xz", ""), (".lzma", ""), (".txz", ".tar"), (".tlz", ".tar")],
        Codec::Lzma => &[(".lzma", ""), (".tlz", ".tar")],
        Codec::Zstd => {
            &[(".zst", ""), (".tzst", ".tar"), (".gz", ""), (".tgz", ".tar"), (".xz", ""), (".txz", ".tar"), (".lzma", "")]
        }
        Codec::Compress => &[(".Z", "")],
    }
}

/// Name of the output, or the reason for which there is none.
pub(super) fn target(job: &Job, file: &Path) -> Result<PathBuf, String> {
    let bytes = file.as_os_str().as_bytes();
    let own = job.suffix.as_ref().map(|suffix| suffix.as_bytes());
    let known = own.into_iter().map(|own| (own, "")).chain(ends(job.codec).iter().map(|(end, to)| (end.as_bytes(), *to)));
    // A name that is an end and nothing more has no other form.
    let base = file.file_name().map_or(0, std::ffi::OsStr::len);
    let mut found = known.filter(|(end, _)| bytes.ends_with(end) && end.len() < base);
    match (job.decompress, found.next()) {
        (true, Some((end, to))) => {
            let plain = [&bytes[..bytes.len() - end.len()], to.as_bytes()].concat();
            Ok(OsString::from_vec(plain).into())
        }
        (true, None) if job.codec == Codec::Bzip2 => {
            job.say(format_args!("{}: the name tells no other one, using {0}.out", file.display()));
            Ok(OsString::from_vec([bytes, b".out"].concat()).into())
        }
        (true, None) => Err("unknown suffix -- ignored".into()),
        // zstd packs anything again.
        (false, Some((end, _))) if job.codec != Codec::Zstd && !(job.force && job.codec == Codec::Gzip) => {
            Err(format!("already has {} suffix -- unchanged", String::from_utf8_lossy(end)))
        }
        (false, _) => {
            let end = own.unwrap_or_else(|| ends(job.codec).first().map_or(b"", |(end, _)| end.as_bytes()));
            Ok(OsString::from_vec([bytes, end].concat()).into())
        }
    }
}

/// The file, or for gzip the one with a suffix when there is none of that name.
pub(super) fn open(job: &Job, file: &Path) -> Result<(PathBuf, File)> {
    match open_one(job, file) {
        Err(Errno::NOENT) if job.decompress && matches!(job.codec, Codec::Gzip | Codec::Compress) => {
            let end = job.suffix.as_ref().map_or(&b".gz"[..], |suffix| suffix.as_bytes());
            let end = if job.codec == Codec::Compress { b".Z" } else { end };
            let with_end: PathBuf = OsString::from_vec([file.as_os_str().as_bytes(), end].concat()).into();
            match open_one(job, &with_end) {
                Ok(opened) => Ok((with_end, opened)),
                Err(_) => Err(Errno::NOENT).on("open", file),
            }
        }
        Err(Errno::LOOP) => Err("it is a symbolic link; -f takes it all the same").on("open", file),
        opened => Ok((file.to_owned(), opened.on("open", file)?)),
    }
}

fn open_one(job: &Job, file: &Path) -> Result<File, Errno> {
    // A named pipe must not stop it; a link's file is not what would be replaced.
    let follow = job.force || job.stdout || job.test || job.list;
    let flags = if follow { OFlags::empty() } else { OFlags::NOFOLLOW };
    let wait = if job.stdout || job.test { OFlags::empty() } else { OFlags::NONBLOCK };
    let flags = OFlags::RDONLY | OFlags::NOCTTY | OFlags::CLOEXEC | flags | wait;
    Ok(rustix::fs::open(file, flags, Mode::empty())?.into())
}

/// Ask at a terminal before a file is overwritten; nobody there means no.
pub(super) fn agreed(target: &Path) -> bool {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return false;
    }
    // Nothing is asked when standard error is closed.
    let _ = write!(io::stderr(), "{} already exists; overwrite (y or n)? ", target.display());
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).is_ok() && line.trim_start().starts_with(['y', 'Y'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes() {
        let mut job = Job::new("gzip", Codec::Gzip);
        let to = |job: &Job, name: &str| target(job, Path::new(name)).ok().map(|p| p.display().to_string());
        assert_eq!(to(&job, "a").as_deref(), Some("a.gz"));
        assert_eq!(to(&job, "a.tgz"), None);
        assert_eq!(to(&job, "d/.gz").as_deref(), Some("d/.gz.gz"));
        job.decompress = true;
        for (name, plain) in [("a.gz", "a"), ("a.tgz", "a.tar"), ("a.b.Z", "a.b"), ("a-gz", "a")] {
            assert_eq!(to(&job, name).as_deref(), Some(plain), "{name}");
        }
        assert_eq!(to(&job, "a.xz"), None);
        assert_eq!(to(&job, "d/.gz"), None);
        job.suffix = Some(".x".into());
        assert_eq!(to(&job, "a.x").as_deref(), Some("a"));
    }
}
