//! Running a plugin: a child process with the call in its environment and the configuration on its standard input, killed at its
//! deadline. The child is the one that touches links, so a caller with many threads is safe.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use kit::{Context, Error, Kind, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, kill_process_group, pidfd_open};
use serde_json::Value;

use crate::plugin::{Request, code};

/// Timeout of a plugin: well under the four minutes after which the kubelet gives a sandbox up.
const PLUGIN_TIMEOUT: Duration = Duration::from_mins(1);
/// Limit of a plugin's output that is kept, in bytes.
const LIMIT: u64 = 1 << 20;
/// Pause and number of retries while a program is just being written over.
const BUSY: (Duration, usize) = (Duration::from_millis(500), 6);

/// The environment of a call.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    /// True if the plugin leads a process group of its own, in which all that it starts can be
    /// killed.
    pub apart: bool,
    pub command: &'a str,
    pub container_id: &'a str,
    pub netns: &'a str,
    pub ifname: &'a str,
    pub args: String,
    pub path: &'a [PathBuf],
}

/// Run the plugin `kind`; its answer, or null when it printed nothing.
pub fn run(kind: &str, call: &Call<'_>, configuration: &Value) -> Result<Value> {
    let what = || format!("CNI plugin {kind} ({})", call.command);
    let program = find(kind, call.path).doing(what())?;
    let input = serde_json::to_vec(configuration).doing(what())?;
    let outcome = Outcome::of(&program, call, input, PLUGIN_TIMEOUT).doing(what())?;
    outcome.judge().doing(what())
}

/// Run the plugin `kind` for a plugin that was asked itself: the same call with another configuration.
pub fn pass(kind: &str, verb: &str, request: &Request, configuration: &Value) -> Result<Value> {
    let netns = request.netns.to_string_lossy();
    let call = Call {
        // A caller that kills us for being late kills it, too.
        apart: false,
        command: verb,
        container_id: &request.container_id,
        netns: &netns,
        ifname: &request.ifname,
        args: request.args_text.clone(),
        path: &request.path,
    };
    run(kind, &call, configuration)
}

/// The program of a plugin type, in the first directory that has it.
pub fn find(kind: &str, path: &[PathBuf]) -> Result<PathBuf> {
    // A name out of a configuration must not lead to another directory (CVE-2021-20206).
    if kind.is_empty() || kind.contains('/') || [".", ".."].contains(&kind) {
        return Err(Error::new(format!("{kind:?} is not the name of a plugin")));
    }
    let found = path.iter().map(|dir| dir.join(kind)).find(|file| file.is_file());
    found.ok_or_else(|| {
        let dirs: Vec<_> = path.iter().map(|dir| dir.display().to_string()).collect();
        Error::new(format!("there is no {kind} in {}", dirs.join(", ")))
    })
}

/// Output and exit status of a plugin.
struct Outcome {
    success: bool,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Outcome {
    fn of(program: &Path, call: &Call<'_>, input: Vec<u8>, limit: Duration) -> Result<Self> {
        let end = Instant::now() + limit;
        let mut child = start(program, call)?;
        if let Some(mut stdin) = child.stdin.take() {
            // A plugin that does not read its input says so by its answer.
            std::thread::spawn(move || stdin.write_all(&input));
        }
        let (stdout, stderr) = (collect(child.stdout.take()), collect(child.stderr.take()));
        let in_time = wait(&child, end);
        if !matches!(in_time, Ok(true)) {
            let pid = Pid::from_child(&child);
            // It may have ended just now.
            let _ = if call.apart { kill_process_group(pid, Signal::KILL) } else { kill_process(pid, Signal::KILL) };
        }
        let status = child.wait().doing("wait for it")?;
        if !in_time? {
            return Err(Error::new(format!("it did not end within {} seconds and was killed", limit.as_secs())));
        }
        // A child that it left behind may hold its output open: what has not come by the deadline is not waited for.
        let rest = |from: Receiver<Vec<u8>>| from.recv_timeout(end.saturating_duration_since(Instant::now())).unwrap_or_default();
        Ok(Self { success: status.success(), stdout: rest(stdout), stderr: rest(stderr) })
    }

    /// Its answer, or the error that it told: `{"code", "msg", "details"}`, or in a pinch what it wrote to standard error.
    fn judge(&self) -> Result<Value> {
        let stderr = String::from_utf8_lossy(&self.stderr);
        let stderr = stderr.trim();
        if self.success {
            if self.stdout.trim_ascii().is_empty() {
                return Ok(Value::Null);
            }
            return serde_json::from_slice(&self.stdout).doing("read its answer");
        }
        let told: Value = serde_json::from_slice(&self.stdout).unwrap_or_default();
        let mut parts: Vec<&str> = ["msg", "details"].iter().filter_map(|key| told[key].as_str()).collect();
        if parts.iter().all(|part| part.is_empty()) {
            parts = vec!["it failed and gave no reason"];
        }
        parts.push(stderr);
        parts.retain(|part| !part.is_empty());
        let is_full = told["code"].as_u64() == Some(code::FULL.into());
        Err(Error::of(if is_full { Kind::Full } else { Kind::Internal }, parts.join(": ")))
    }
}

/// Start it; a program that is being written at this moment (an installer at work) is tried again.
fn start(program: &Path, call: &Call<'_>) -> Result<Child> {
    let path = std::env::join_paths(call.path).doing("join the plugins' directories")?;
    let mut command = Command::new(program);
    command
        .env("CNI_COMMAND", call.command)
        .env("CNI_CONTAINERID", call.container_id)
        .env("CNI_NETNS", call.netns)
        .env("CNI_IFNAME", call.ifname)
        .env("CNI_ARGS", &call.args)
        .env("CNI_PATH", path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if call.apart {
        command.process_group(0);
    }
    let (pause, mut tries) = BUSY;
    loop {
        match command.spawn() {
            Err(e) if e.kind() == std::io::ErrorKind::ExecutableFileBusy && tries > 1 => {
                tries -= 1;
                std::thread::sleep(pause);
            }
            child => return child.on("run", program),
        }
    }
}

/// Read all of a pipe in a thread; the bytes come by the channel.
fn collect(pipe: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    if let Some(pipe) = pipe {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            // Output that was read before an error is of use still.
            let _ = pipe.take(LIMIT).read_to_end(&mut bytes);
            sender.send(bytes)
        });
    }
    receiver
}

/// Wait until it ends; false when the time is up first.
fn wait(child: &Child, end: Instant) -> Result<bool> {
    let pidfd = pidfd_open(Pid::from_child(child), PidfdFlags::empty()).doing("watch it")?;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let timeout = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
        match poll(&mut [PollFd::from_borrowed_fd(pidfd.as_fd(), PollFlags::IN)], Some(&timeout)) {
            Ok(ended) => return Ok(ended > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e).doing("watch it"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    /// Run a shell script as a plugin.
    fn script(name: &str, text: &str, limit: Duration) -> Result<Value> {
        let file = std::env::temp_dir().join(format!("kutties-plugin-{name}-{}", std::process::id()));
        std::fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let path = [PathBuf::from("/a"), PathBuf::from("/b")];
        let call =
            Call { apart: true, command: "ADD", container_id: "c", netns: "n", ifname: "eth0", args: "K=V".into(), path: &path };
        let outcome = Outcome::of(&file, &call, b"{\"x\":1}".to_vec(), limit);
        std::fs::remove_file(&file).unwrap();
        outcome?.judge()
    }

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn it_gets_the_call_and_the_configuration() {
        let text =
            r#"read x; echo "{\"env\":\"$CNI_COMMAND $CNI_CONTAINERID $CNI_NETNS $CNI_IFNAME $CNI_ARGS $CNI_PATH\",\"in\":$x}""#;
        let answer = script("env", text, LONG).unwrap();
        assert_eq!(answer["env"], "ADD c n eth0 K=V /a:/b");
        assert_eq!(answer["in"]["x"], 1);
        assert_eq!(script("mute", "exit 0", LONG).unwrap(), Value::Null);
    }

    #[test]
    fn its_error_is_told() {
        let told = script("told", r#"echo '{"code":7,"msg":"bad","details":"very"}'; echo why >&2; exit 1"#, LONG);
        assert_eq!(told.unwrap_err().to_string(), "bad: very: why");
        let mute = script("fail", "exit 3", LONG).unwrap_err().to_string();
        assert_eq!(mute, "it failed and gave no reason");
    }

    #[test]
    fn it_is_killed_with_its_children() {
        let start = Instant::now();
        let said = script("hang", "sleep 60 & sleep 60", Duration::from_millis(300)).unwrap_err().to_string();
        assert!(said.contains("was killed"), "{said}");
        assert!(start.elapsed() < LONG);
    }

    #[test]
    fn what_it_leaves_behind_is_not_waited_for() {
        let start = Instant::now();
        let _ = script("leave", "sleep 60 & echo '{}'", Duration::from_secs(1));
        assert!(start.elapsed() < LONG);
    }
}
