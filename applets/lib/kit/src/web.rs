//! Fetching by `wget`, which knows HTTP, TLS, proxies and the system's authorities: its output and its time are bounded here.

use std::io::Read;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use crate::{Context, Error, Result, paths};

/// How long a server may take for each step, in seconds.
const STEP: &str = "10";
/// How much is handed on in one go, in bytes, and how many of those may lie in between.
const PART: usize = 256 << 10;
const PARTS: usize = 4;
/// How much of what wget complains is read, in bytes.
const COMPLAINT: u64 = 4 << 10;

/// What an answer may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Its longest length in bytes.
    pub bytes: u64,
    /// The longest time for all of it.
    pub time: Duration,
}

/// All of a short answer.
pub fn get(url: &str, limits: Limits) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    fetch(url, limits, |part| {
        all.extend_from_slice(part);
        Ok(())
    })?;
    Ok(all)
}

/// All of a short answer to a form (`application/x-www-form-urlencoded`), which is sent by POST.
pub fn post(url: &str, form: &str, limits: Limits) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    let kind = "Content-Type: application/x-www-form-urlencoded";
    ask(url, &["--header", kind, "--post-data", form], limits, |part| {
        all.extend_from_slice(part);
        Ok(())
    })?;
    Ok(all)
}

/// Hand each part of the answer to `take`. What began as HTTPS stays HTTPS, wherever the server sends us.
pub fn fetch(url: &str, limits: Limits, take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    ask(url, &[], limits, take)
}

fn ask(url: &str, more: &[&str], limits: Limits, take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut command = Command::new(paths::BINARY);
    command.args(["wget", "-q", "-t", "1", "-T", STEP, "-O", "-"]);
    if url.starts_with("https:") {
        command.arg("--https-only");
    }
    command.args(more).args(["--", url]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().doing("start wget")?;
    let out = child.stdout.take().ok_or_else(|| Error::new("start wget: it has no output"))?;
    let told = listen(out, url, limits, take);
    if told.is_err() {
        // It would go on for nobody.
        let _ = child.kill();
    }
    let status = child.wait().doing("wait for wget")?;
    told?;
    if status.success() { Ok(()) } else { Err(complaint(&mut child, url)) }
}

fn listen(out: ChildStdout, url: &str, limits: Limits, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let (parts, end) = (read(out), Instant::now() + limits.time);
    let mut bytes = 0;
    loop {
        let part = match parts.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(part) => part,
            // How it ended is wget's to say.
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => {
                return Err(Error::new(format!("fetch {url}: no whole answer within {} s", limits.time.as_secs())));
            }
        };
        bytes += part.len() as u64;
        if bytes > limits.bytes {
            return Err(Error::new(format!("fetch {url}: the answer is longer than {} bytes", limits.bytes)));
        }
        take(&part)?;
    }
}

/// A thread reads, because a pipe knows no time limit. It ends with the pipe, or when nobody listens any more.
fn read(mut out: ChildStdout) -> Receiver<Vec<u8>> {
    let (tell, told) = sync_channel(PARTS);
    std::thread::spawn(move || {
        let mut part = vec![0; PART];
        while let Ok(len @ 1..) = out.read(&mut part) {
            if tell.send(part.get(..len).unwrap_or_default().to_vec()).is_err() {
                return;
            }
        }
    });
    told
}

fn complaint(child: &mut Child, url: &str) -> Error {
    let mut why = String::new();
    // Without a word there is a sentence of ours.
    let _ = child.stderr.take().map(|err| err.take(COMPLAINT).read_to_string(&mut why));
    let why = why.trim().trim_start_matches("wget: ");
    Error::new(if why.is_empty() { format!("fetch {url}: wget failed") } else { why.to_owned() })
}
