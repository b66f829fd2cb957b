//! Applets that start applets, as processes: what untrusted bytes cost in memory goes with the process, and what breaks there
//! breaks there. [`crate::calls`] is the table of who starts whom.
//!
//! A callee is started as `kutties --report N CALLEE ...` and leaves its error, as a line of JSON, in the pipe that is its
//! descriptor N: kind and sentence, where a person at a terminal gets the sentence alone. Nobody reads an error's text.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::error::Report;
use crate::{Context, Error, Kind, Result};

/// Option of the box that names the descriptor for the report.
pub const OPTION: &str = "--report";
/// Longest report in bytes: it must fit into a pipe at once, because nobody reads before its writer has ended.
const REPORT: u64 = 64 << 10;
/// Longest sentence in a report, in bytes: a character of it becomes at most six.
const SENTENCE: usize = 8 << 10;
/// Bytes that are handed on at once, and the number of such parts that may lie in between.
const PART: usize = 256 << 10;
const PARTS: usize = 4;

/// A row of the table: one applet that starts another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Applets, or the library, that start it.
    pub caller: &'static str,
    /// The applet that is started.
    pub callee: &'static str,
    /// Program whose applet it is: the fixed path, or the running one where the path may be another's.
    pub program: &'static str,
    /// Time that it may take; none where the caller says it, or where it runs on.
    pub timeout: Option<Duration>,
    /// Form of its answer.
    pub answer: Answer,
}

/// Form in which a callee answers. An error comes as a report beside each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Exit status alone.
    Status,
    /// Bytes on standard output, all at its end.
    Output,
    /// Lines or bytes on standard output, taken as they come.
    Stream,
    /// None: it is a service, which its caller watches.
    Service,
}

/// Bounds of an answer.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Longest length in bytes.
    pub bytes: u64,
    /// Longest time for all of it.
    pub time: Duration,
}

/// Longest answer of a call that says no other bound, in bytes.
const OUTPUT: u64 = 16 << 20;
/// Longest time of a call that says no other bound: longer than anything waits.
const FOREVER: Duration = Duration::from_hours(24);

impl Call {
    /// Start of its command line, with nothing on standard input; its errors go to standard error, as a person's do.
    pub fn command(&self) -> Command {
        let mut command = Command::new(self.program);
        command.arg(self.callee).stdin(Stdio::null());
        command
    }

    /// Its whole command line, for a table of services.
    pub fn words<I: Into<String>>(&self, args: impl IntoIterator<Item = I>) -> Vec<String> {
        [self.program, self.callee].map(str::to_owned).into_iter().chain(args.into_iter().map(Into::into)).collect()
    }

    /// The same with a pipe for its report.
    pub fn reporting(&self) -> Result<(Command, Reports)> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC).doing("make a pipe")?;
        fcntl_setfl(&read, OFlags::NONBLOCK).doing("make a pipe")?;
        let mut command = Command::new(self.program);
        let number = sys::passed::pass(&mut command, write).to_string();
        command.args([OPTION, &number, self.callee]).stdin(Stdio::null());
        Ok((command, Reports { callee: self.callee, pipe: read }))
    }

    /// Run it to its end: what it wrote to standard output.
    pub fn run<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> Result<Vec<u8>> {
        self.run_with(args, &[])
    }

    /// The same with bytes for its standard input, which must fit into a pipe or be read at once.
    pub fn run_with<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>, input: &[u8]) -> Result<Vec<u8>> {
        let limits = Limits { bytes: OUTPUT, time: self.timeout.unwrap_or(FOREVER) };
        let mut all = Vec::new();
        self.stream(args, input, limits, |part| {
            all.extend_from_slice(part);
            Ok(())
        })?;
        Ok(all)
    }

    /// Run it to its end, within limits; each part of its output goes to `take`, whose error ends it.
    pub fn stream<I: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = I>,
        input: &[u8],
        limits: Limits,
        take: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let end = Instant::now() + limits.time;
        let (mut command, reports) = self.reporting()?;
        command.args(args).stdout(Stdio::piped()).stderr(Stdio::null());
        if !input.is_empty() {
            command.stdin(Stdio::piped());
        }
        let mut child = command.spawn().doing(format_args!("start {}", self.callee))?;
        if let Some(mut to) = child.stdin.take() {
            // It may end before it has read all: its report tells more.
            let _ = to.write_all(input);
        }
        let heard = self.listen(&mut child, end, limits, take).and_then(|()| self.ended(&child, end, limits));
        if heard.is_err() {
            // It would go on for nobody.
            let _ = child.kill();
        }
        let status = child.wait().doing(format_args!("wait for {}", self.callee))?;
        heard?;
        reports.judge(status)
    }

    fn listen(&self, child: &mut Child, end: Instant, limits: Limits, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let Some(out) = child.stdout.take() else { return Ok(()) };
        let parts = read(out);
        let mut bytes = 0;
        loop {
            let part = match parts.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(part) => part,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => return Err(self.late(limits)),
            };
            bytes += part.len() as u64;
            if bytes > limits.bytes {
                let text = format!("{}: the answer is longer than {} bytes", self.callee, limits.bytes);
                return Err(Error::of(Kind::Exhausted, text));
            }
            take(&part)?;
        }
    }

    /// Wait for its end, which comes when it has closed its output.
    fn ended(&self, child: &Child, end: Instant, limits: Limits) -> Result<()> {
        let pid = Pid::from_child(child);
        let process = pidfd_open(pid, PidfdFlags::empty()).doing(format_args!("watch {}", self.callee))?;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let left = left.try_into().doing(format_args!("watch {}", self.callee))?;
            match poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&left)) {
                Ok(0) => return Err(self.late(limits)),
                Err(rustix::io::Errno::INTR) => {}
                other => return other.map(drop).doing(format_args!("watch {}", self.callee)),
            }
        }
    }

    fn late(&self, limits: Limits) -> Error {
        Error::of(Kind::TimedOut, format!("{}: it did not end within {} s", self.callee, limits.time.as_secs()))
    }
}

/// A thread reads, because a pipe knows no time limit. It ends with the pipe, or when nobody listens any more.
fn read(mut out: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
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

/// Reading end of a callee's report.
#[derive(Debug)]
pub struct Reports {
    callee: &'static str,
    pipe: OwnedFd,
}

impl Reports {
    /// The outcome of a callee that has ended.
    pub fn judge(self, status: ExitStatus) -> Result<()> {
        if status.success() { Ok(()) } else { Err(self.error().unwrap_or_else(|| self.silent(status))) }
    }

    /// The error of a callee that has ended badly.
    pub fn into_error(self) -> Error {
        self.error().unwrap_or_else(|| Error::new(format!("{} failed and did not say why", self.callee)))
    }

    /// The error that it reported. Its descendants may hold the pipe open: nothing is waited for.
    pub fn error(&self) -> Option<Error> {
        let mut line = Vec::new();
        // The bytes read before an error are all that there is.
        let _ = File::from(self.pipe.try_clone().ok()?).take(REPORT).read_to_end(&mut line);
        serde_json::from_slice::<Report>(line.trim_ascii()).ok().map(Report::into_error)
    }

    fn silent(&self, status: ExitStatus) -> Error {
        let callee = self.callee;
        match status.code() {
            Some(code) => Error::new(format!("{callee} failed with exit status {code}")),
            None => Error::new(format!("{callee} was killed: {status}")),
        }
    }
}

/// Descriptor for the report of this process, where its caller wants one.
static OWN: OnceLock<OwnedFd> = OnceLock::new();

/// Takes the option's value, at the start of this process.
pub fn report_to(number: &OsStr) -> Result<()> {
    let number = number.to_str().and_then(|number| number.parse().ok());
    let number = number.ok_or_else(|| Error::usage(format!("{OPTION} takes the number of a descriptor")))?;
    let fd = sys::passed::take(number).doing(format_args!("report to descriptor {number}"))?;
    // It is set once, by main.
    let _ = OWN.set(fd);
    Ok(())
}

/// Reports this process's error to its caller; false where that wants none.
pub fn report(e: &Error) -> bool {
    let Some(fd) = OWN.get() else { return false };
    let mut report = e.report();
    report.message.truncate(report.message.floor_char_boundary(SENTENCE));
    let line = serde_json::to_string(&report).unwrap_or_default();
    fd.try_clone().and_then(|fd| writeln!(File::from(fd), "{line}")).is_ok()
}

/// Leaves the descriptor for the report open for the program that this process becomes.
pub(crate) fn keep_report() -> Result<()> {
    OWN.get().map_or(Ok(()), sys::passed::keep).doing("keep the descriptor for the report")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    /// A shell in place of the box: `$1` is the descriptor.
    const SHELL: Call =
        Call { caller: "test", callee: "x", program: "/bin/sh", timeout: Some(Duration::from_secs(20)), answer: Answer::Output };

    fn shell(script: &str) -> (Command, Reports) {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        fcntl_setfl(&read, OFlags::NONBLOCK).unwrap();
        let mut command = Command::new("/bin/sh");
        let number = sys::passed::pass(&mut command, write).to_string();
        command.args(["-c", script, "sh", &number]);
        (command, Reports { callee: "x", pipe: read })
    }

    #[test]
    fn a_report_comes_through_its_pipe() {
        let (mut command, reports) = shell(r#"eval "echo '{\"kind\":\"full\",\"message\":\"no room\"}' >&$1"; exit 3"#);
        let e = reports.judge(command.status().unwrap()).unwrap_err();
        assert_eq!((e.kind(), e.message()), (Kind::Full, "no room"));
        let (mut command, reports) = shell("exit 3");
        assert_eq!(reports.judge(command.status().unwrap()).unwrap_err().message(), "x failed with exit status 3");
        let (mut command, reports) = shell("kill -9 $$");
        assert!(reports.judge(command.status().unwrap()).unwrap_err().message().contains("was killed"));
        let (mut command, reports) = shell("exit 0");
        reports.judge(command.status().unwrap()).unwrap();
    }

    #[test]
    fn an_answer_is_bounded() {
        let mut child = Command::new("sh").args(["-c", "echo hello; sleep 60"]).stdout(Stdio::piped()).spawn().unwrap();
        let (limits, mut all) = (Limits { bytes: 100, time: Duration::from_millis(300) }, Vec::new());
        let end = Instant::now() + limits.time;
        let take = |part: &[u8]| {
            all.extend_from_slice(part);
            Ok(())
        };
        let e = SHELL.listen(&mut child, end, limits, take).unwrap_err();
        assert_eq!((e.kind(), all.as_slice()), (Kind::TimedOut, b"hello\n".as_slice()));
        assert_eq!(SHELL.ended(&child, end, limits).unwrap_err().kind(), Kind::TimedOut);
        child.kill().unwrap();
        child.wait().unwrap();
        let mut child = Command::new("sh").args(["-c", "echo hello"]).stdout(Stdio::piped()).spawn().unwrap();
        let limits = Limits { bytes: 3, time: Duration::from_secs(20) };
        let e = SHELL.listen(&mut child, Instant::now() + limits.time, limits, |_| Ok(())).unwrap_err();
        assert_eq!(e.kind(), Kind::Exhausted);
        child.wait().unwrap();
    }
}
