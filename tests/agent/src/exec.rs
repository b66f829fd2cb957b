//! Run a command to its end, or to its limit.

use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::{Answer, Bytes};

/// Run `argv` in `directory` with `stdin`; after `timeout` seconds kill its process group.
pub fn run(argv: &[String], directory: &str, stdin: Vec<u8>, timeout: u64) -> Answer {
    let Some((program, arguments)) = argv.split_first() else { return Answer::Failed("exec: no command".into()) };
    let started = Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn();
    match started {
        Ok(child) => finish(child, stdin, Duration::from_secs(timeout)),
        Err(e) => Answer::Failed(format!("run {program}: {e}")),
    }
}

fn finish(mut child: Child, stdin: Vec<u8>, limit: Duration) -> Answer {
    if let Some(mut to) = child.stdin.take() {
        // A command may end without reading its input: a broken pipe is no failure of the test.
        thread::spawn(move || drop(to.write_all(&stdin)));
    }
    let out = collect(child.stdout.take());
    let err = collect(child.stderr.take());
    let group = Pid::from_child(&child);
    let (tell, told) = mpsc::channel();
    thread::spawn(move || drop(tell.send(child.wait())));
    let (status, late) = match told.recv_timeout(limit) {
        Ok(status) => (status, false),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            // It may have ended in this instant; then there is nobody to kill.
            let _ = kill_process_group(group, Signal::KILL);
            (told.recv().unwrap_or_else(|_| Ok(ExitStatus::from_raw(0))), true)
        }
    };
    match status {
        Ok(status) => Answer::Exec { code: code(status), stdout: take(&out), stderr: take(&err), late },
        Err(e) => Answer::Failed(format!("wait: {e}")),
    }
}

fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

/// A grandchild that outlives the command may hold the pipe: what came until a moment after the command's end counts.
const STRAGGLERS: Duration = Duration::from_secs(2);

fn collect(from: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (tell, told) = mpsc::channel();
    if let Some(mut from) = from {
        thread::spawn(move || {
            let mut piece = vec![0; 65536];
            while let Ok(count @ 1..) = from.read(&mut piece) {
                if tell.send(piece[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
    }
    told
}

fn take(pieces: &mpsc::Receiver<Vec<u8>>) -> Bytes {
    let mut all = Vec::new();
    while let Ok(piece) = pieces.recv_timeout(STRAGGLERS) {
        all.extend(piece);
    }
    Bytes::from(all.as_slice())
}
