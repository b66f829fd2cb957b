//! A process that wants all of a node: its log, its processes, its inodes, its memory.

use std::env;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

/// Before what failed is tried again: somebody may have given some back.
const AGAIN: Duration = Duration::from_secs(1);
/// Processes that start others at the same time.
const STARTERS: usize = 4;

/// Write so many MiB of short lines, without end for 0; then wait for the end.
pub fn flood(mebibytes: &str) -> io::Result<ExitCode> {
    let count: u64 = mebibytes.parse().map_err(io::Error::other)?;
    let lines = b"yyyyyyy\n".repeat(1 << 13);
    let mut out = io::stdout().lock();
    let mut left = if count == 0 { u64::MAX } else { count << 4 };
    while left > 0 {
        out.write_all(&lines)?;
        left -= 1;
    }
    writeln!(io::stderr(), "that was all")?;
    loop {
        thread::sleep(AGAIN);
    }
}

/// Make directories in one another: more than a path can name.
pub fn nest(place: &str, levels: &str) -> io::Result<()> {
    let levels: usize = levels.parse().map_err(io::Error::other)?;
    env::set_current_dir(place)?;
    for _ in 0..levels {
        fs::create_dir("d")?;
        env::set_current_dir("d")?;
    }
    Ok(())
}

/// Start processes whose children lose them, without end.
#[expect(clippy::unnecessary_wraps, reason = "the form of a verb")]
pub fn storm() -> io::Result<ExitCode> {
    let starters = (0..STARTERS).map(|_| {
        thread::spawn(|| {
            loop {
                if Command::new("/bin/probe").args(["beget"]).stdin(Stdio::null()).status().is_err() {
                    thread::sleep(AGAIN);
                }
            }
        })
    });
    starters.collect::<Vec<_>>().into_iter().for_each(|starter| drop(starter.join()));
    Ok(ExitCode::FAILURE)
}

/// Make empty files until there are no more to be had, without end.
#[expect(clippy::unnecessary_wraps, reason = "the form of a verb")]
pub fn inodes(place: &str) -> io::Result<ExitCode> {
    for number in 0_u64.. {
        while File::create(Path::new(place).join(number.to_string())).is_err() {
            thread::sleep(AGAIN);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Fill a file with all that there is room for, without end.
pub fn hog(place: &str) -> io::Result<ExitCode> {
    loop {
        filled(place)?;
        thread::sleep(AGAIN);
    }
}

/// Fill a file, and say how many MiB it took and whether there was no room for more.
pub fn fill(place: &str) -> io::Result<ExitCode> {
    let (bytes, full) = filled(place)?;
    writeln!(io::stdout(), "filled: {}\nno room: {full}", bytes >> 20)?;
    Ok(ExitCode::SUCCESS)
}

fn filled(place: &str) -> io::Result<(u64, bool)> {
    let mut file = File::options().create(true).append(true).open(Path::new(place).join("hog"))?;
    let piece = vec![1; 1 << 20];
    let full = loop {
        match file.write(&piece) {
            Ok(0) => break false,
            Ok(_) => {}
            Err(e) => break e.kind() == ErrorKind::StorageFull,
        }
    };
    Ok((file.metadata()?.len(), full))
}
