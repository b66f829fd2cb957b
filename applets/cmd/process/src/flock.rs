//! `flock [-s | -x | -u] [-n | -w SECONDS] [-E STATUS] [-o] FILE PROGRAM [ARGUMENT]...` runs a program while it holds a lock on a file.
//!
//! With `-c TEXT` a shell runs the text; with the number of an open descriptor instead of a file, that is locked and nothing run.
//! Exit status: the program's; 1, or that of `-E`, if the lock is not to be had.

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, parse};
use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

use crate::start;

/// Locks for scripts.
pub const FLOCK: Applet = Applet { name: "flock", about: "run a program while a file is locked", place: Place::Bin, run };

/// Pause between two tries with a time limit: the kernel's call has none.
const TRY_INTERVAL: Duration = Duration::from_millis(20);

#[derive(Parser)]
struct Options {
    /// Share the lock with others that share it
    #[arg(short, long)]
    shared: bool,
    /// Have the lock alone; as it is without an option
    #[arg(short = 'x', long, alias = "e", conflicts_with = "shared")]
    exclusive: bool,
    /// Give the lock back
    #[arg(short, long, conflicts_with_all = ["shared", "exclusive"])]
    unlock: bool,
    /// Do not wait
    #[arg(short, long, visible_alias = "nb")]
    nonblock: bool,
    /// Wait so many seconds at most
    #[arg(short, long, visible_alias = "wait", value_name = "SECONDS")]
    wait: Option<f64>,
    /// Exit status when the lock is not to be had
    #[arg(short = 'E', long, value_name = "STATUS", default_value_t = 1)]
    conflict_exit_code: u8,
    /// Close the file for the program
    #[arg(short = 'o', long)]
    close: bool,
    /// Let a shell run this text
    #[arg(short, long, value_name = "TEXT")]
    command: Option<OsString>,
    /// File, directory, or number of a descriptor; then the program
    #[arg(required = true, trailing_var_arg = true, value_name = "FILE")]
    words: Vec<OsString>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let mut options: Options = parse(&FLOCK, args)?;
    let file = options.words.remove(0);
    // `-c` may stand behind the file as well.
    if options.command.is_none() && options.words.first().is_some_and(|word| word == "-c" || word == "--command") {
        let [_, text] = options.words.as_slice() else { return Err(Error::usage("-c wants one text")) };
        options.command = Some(text.clone());
        options.words.clear();
    }
    if options.command.is_none() && options.words.is_empty() {
        return descriptor(&file, &options);
    }
    let opened =
        File::options().read(true).custom_flags((OFlags::CREATE | OFlags::NOCTTY).bits().cast_signed()).mode(0o666).open(&file);
    let opened = opened.on("open", &file)?;
    if !lock(opened.as_fd(), &options)? {
        return Ok(Exit(options.conflict_exit_code));
    }
    if !options.close {
        rustix::io::fcntl_setfd(&opened, rustix::io::FdFlags::empty()).doing("keep the file open for the program")?;
    }
    let words = match options.command {
        Some(text) => vec!["/bin/sh".into(), "-c".into(), text],
        None => options.words,
    };
    start::run_and_wait(start::command(&words))
}

fn descriptor(number: &OsString, options: &Options) -> Result<Exit> {
    let wanted: i32 = number.to_str().and_then(|text| text.parse().ok()).ok_or_else(|| Error::usage("a program is needed"))?;
    let open = sys::fds::inherited();
    let found = open.iter().find(|fd| fd.as_raw_fd() == wanted);
    let found = found.ok_or_else(|| Error::new(format!("lock the descriptor {wanted}: it is not open")))?;
    Ok(if lock(found.as_fd(), options)? { Exit::OK } else { Exit(options.conflict_exit_code) })
}

/// Takes the lock; false if another has it for too long.
fn lock(fd: BorrowedFd<'_>, options: &Options) -> Result<bool> {
    let limit = options.wait.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
    let waits = !options.nonblock && limit.is_none();
    let operation = match (options.unlock, options.shared, waits) {
        (true, ..) => FlockOperation::Unlock,
        (_, true, true) => FlockOperation::LockShared,
        (_, true, false) => FlockOperation::NonBlockingLockShared,
        (_, false, true) => FlockOperation::LockExclusive,
        (_, false, false) => FlockOperation::NonBlockingLockExclusive,
    };
    let start = Instant::now();
    loop {
        match flock(fd, operation) {
            Ok(()) => return Ok(true),
            Err(Errno::INTR) => {}
            Err(Errno::WOULDBLOCK) if options.nonblock || limit.is_none_or(|limit| start.elapsed() >= limit) => return Ok(false),
            Err(Errno::WOULDBLOCK) => std::thread::sleep(TRY_INTERVAL),
            Err(e) => return Err(Error::new(format!("lock the file: {e}"))),
        }
    }
}
