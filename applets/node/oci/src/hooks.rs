//! Hooks of the configuration ("POSIX-platform Hooks" of the specification). They run in the bundle's directory, with this
//! program's environment where they name none, and get the container's state on their standard input.

use std::fs::File;
use std::io::{PipeReader, Read, Seek, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use kit::{Context, Error, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::MemfdFlags;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Bytes of a hook's output that an error tells.
const TOLD: usize = 1024;

/// One hook.
#[derive(Clone, Debug, Deserialize)]
pub struct Hook {
    /// Program, absolute.
    path: PathBuf,
    /// Arguments, the program's name first.
    #[serde(default)]
    args: Option<Vec<String>>,
    /// Environment; none is this program's.
    #[serde(default)]
    env: Option<Vec<String>>,
    /// Seconds until it is killed.
    #[serde(default)]
    timeout: Option<u64>,
}

/// Hooks by the time at which they run.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Lists {
    prestart: Vec<Hook>,
    create_runtime: Vec<Hook>,
    create_container: Vec<Hook>,
    poststart: Vec<Hook>,
    poststop: Vec<Hook>,
}

/// The parts of a configuration that hooks need.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Written {
    hooks: Option<Value>,
    annotations: Option<Map<String, Value>>,
}

/// A time at which hooks run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// Before createRuntime; deprecated.
    Prestart,
    /// After the namespaces were made, in the runtime's.
    CreateRuntime,
    /// After the mounts, in the container's namespaces.
    CreateContainer,
    /// After the program was executed.
    Poststart,
    /// After the container was removed.
    Poststop,
}

/// A container's hooks, and what they are told.
#[derive(Clone, Debug)]
pub struct Hooks {
    lists: Lists,
    id: String,
    bundle: PathBuf,
    annotations: Map<String, Value>,
}

impl Hooks {
    /// The hooks of a configuration, as JSON.
    pub fn of(config: &[u8], id: &str, bundle: &Path) -> Result<Self> {
        let written: Written = serde_json::from_slice(config).doing("read the hooks")?;
        let mut lists = written.hooks.unwrap_or(Value::Null);
        if let Some(lists) = lists.as_object_mut() {
            lists.retain(|_, list| !list.is_null());
        }
        let lists = if lists.is_null() { Lists::default() } else { Lists::deserialize(lists).doing("read the hooks")? };
        Ok(Self { lists, id: id.into(), bundle: bundle.into(), annotations: written.annotations.unwrap_or_default() })
    }

    /// Runs the hooks of a time in their order, up to the first that fails.
    pub fn run(&self, time: Time, pid: Option<i32>) -> Result<()> {
        self.each(time, pid).find(Result::is_err).unwrap_or(Ok(()))
    }

    /// Runs all hooks of a time; what went wrong is for a warning.
    pub fn run_all(&self, time: Time, pid: Option<i32>) -> Vec<Error> {
        self.each(time, pid).filter_map(Result::err).collect()
    }

    fn each(&self, time: Time, pid: Option<i32>) -> impl Iterator<Item = Result<()>> {
        let (name, status, list) = match time {
            Time::Prestart => ("prestart", "creating", &self.lists.prestart),
            Time::CreateRuntime => ("createRuntime", "creating", &self.lists.create_runtime),
            Time::CreateContainer => ("createContainer", "creating", &self.lists.create_container),
            Time::Poststart => ("poststart", "running", &self.lists.poststart),
            Time::Poststop => ("poststop", "stopped", &self.lists.poststop),
        };
        list.iter().enumerate().map(move |(at, hook)| {
            let state = self.state(status, pid);
            one(hook, &state, &self.bundle).map_err(|e| e.below(format_args!("{name} hook #{at}")))
        })
    }

    fn state(&self, status: &str, pid: Option<i32>) -> Value {
        let mut state = json!({
            "ociVersion": oci_spec::runtime::VERSION,
            "id": self.id,
            "status": status,
            "bundle": self.bundle,
            "annotations": self.annotations,
        });
        if let Some(pid) = pid {
            state["pid"] = json!(pid);
        }
        state
    }
}

/// Runs one hook to its end.
fn one(hook: &Hook, state: &Value, bundle: &Path) -> Result<()> {
    let path = hook.path.display();
    // A file: a hook that does not read it keeps nobody waiting, however long it is.
    let mut input = File::from(rustix::fs::memfd_create(c"oci-state", MemfdFlags::CLOEXEC).doing("make a file in memory")?);
    input.write_all(state.to_string().as_bytes()).and_then(|()| input.rewind()).doing("write the container's state")?;
    let (output, writer) = std::io::pipe().doing("make a pipe")?;
    let other = writer.try_clone().doing("make a pipe")?;
    let mut command = Command::new(&hook.path);
    if let Some((name, rest)) = hook.args.as_ref().and_then(|args| args.split_first()) {
        command.arg0(name).args(rest);
    }
    if let Some(env) = &hook.env {
        command.env_clear().envs(env.iter().filter_map(|entry| entry.split_once('=')));
    }
    command.current_dir(if bundle.is_dir() { bundle } else { Path::new("/") });
    let child = command.stdin(input).stdout(other).stderr(writer).spawn().doing(format!("start {path}"))?;
    drop(command);
    let (status, said) = wait(child, output, hook.timeout)?;
    let Some(status) = status else {
        return Err(Error::new(format!("{path} did not end within {} s", hook.timeout.unwrap_or_default())));
    };
    if status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&said);
    let said = said.trim().replace('\n', " ");
    Err(Error::new(if said.is_empty() { format!("{path}: {status}") } else { format!("{path}: {status}: {said}") }))
}

/// Waits for a hook, and reads its output meanwhile; no status when its time is up and it was killed.
fn wait(mut child: Child, mut output: PipeReader, seconds: Option<u64>) -> Result<(Option<ExitStatus>, Vec<u8>)> {
    let end = seconds.and_then(|seconds| Instant::now().checked_add(Duration::from_secs(seconds)));
    let pid = Pid::from_child(&child);
    let process = pidfd_open(pid, PidfdFlags::empty()).doing(format!("watch process {pid}"))?;
    let (mut said, mut open) = (Vec::new(), true);
    loop {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        let left = left.map(|left| Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) });
        let mut fds = vec![PollFd::from_borrowed_fd(process.as_fd(), PollFlags::IN)];
        if open {
            fds.push(PollFd::from_borrowed_fd(output.as_fd(), PollFlags::IN));
        }
        match poll(&mut fds, left.as_ref()) {
            Ok(0) => {
                child.kill().and_then(|()| child.wait()).doing(format!("kill process {pid}"))?;
                return Ok((None, said));
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e).doing("wait for a hook"),
        }
        let happened = |at: usize| fds.get(at).is_some_and(|fd| !fd.revents().is_empty());
        let (ended, readable) = (happened(0), happened(1));
        if readable {
            open = take(&mut output, &mut said)?;
        }
        // Its last output is read first; a child of it that goes on writing delays nobody.
        if ended && (!readable || said.len() >= TOLD) {
            return Ok((Some(child.wait().doing("wait for a hook")?), said));
        }
    }
}

/// Reads what there is, keeps the beginning; whether there may be more.
fn take(output: &mut PipeReader, said: &mut Vec<u8>) -> Result<bool> {
    let mut bytes = [0; 4096];
    let count = output.read(&mut bytes).doing("read a hook's output")?;
    let room = TOLD.saturating_sub(said.len()).min(count);
    said.extend_from_slice(&bytes[..room]);
    Ok(count > 0)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn hooks(list: &Value, bundle: &Path) -> Hooks {
        let config = json!({"hooks": {"poststop": list, "poststart": null}, "annotations": {"a": "b"}});
        Hooks::of(config.to_string().as_bytes(), "c1", bundle).unwrap()
    }

    fn base(name: &str) -> PathBuf {
        let base = std::env::temp_dir().join(format!("oci-hooks-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&base);
        std::fs::create_dir_all(&base).unwrap();
        base
    }

    #[test]
    fn a_hook_gets_state_directory_and_environment() {
        let base = base("state");
        let script = "cat > state; pwd > cwd; env > env; echo $0 > name";
        let named = json!({"path": "/bin/sh", "args": ["sh", "-c", "env > named"], "env": ["ONLY=this", "PATH=/bin:/usr/bin"]});
        let hooks = hooks(&json!([{"path": "/bin/sh", "args": ["other", "-c", script]}, named]), &base);
        hooks.run(Time::Poststop, Some(7)).unwrap();
        let state: Value = serde_json::from_slice(&std::fs::read(base.join("state")).unwrap()).unwrap();
        assert_eq!(state["bundle"], json!(base));
        assert_eq!((&state["id"], &state["pid"], &state["status"]), (&json!("c1"), &json!(7), &json!("stopped")));
        assert_eq!(state["annotations"], json!({"a": "b"}));
        let read = |name: &str| std::fs::read_to_string(base.join(name)).unwrap();
        assert_eq!(read("cwd").trim(), base.canonicalize().unwrap().to_str().unwrap());
        assert!(read("env").contains(&format!("PATH={}", std::env::var("PATH").unwrap())));
        assert!(read("named").contains("ONLY=this") && !read("named").contains("CARGO"));
        std::fs::remove_dir_all(base).unwrap();
    }

    #[test]
    fn the_first_failure_ends_a_run_and_not_all_of_it() {
        let base = base("fail");
        let list = json!([
            {"path": "/bin/sh", "args": ["sh", "-c", "echo because >&2; exit 3"]},
            {"path": "/no/such/program"},
            {"path": "/bin/sh", "args": ["sh", "-c", "touch ran"]},
        ]);
        let hooks = hooks(&list, &base);
        let said = hooks.run(Time::Poststop, None).unwrap_err().to_string();
        assert_eq!(said, "poststop hook #0: /bin/sh: exit status: 3: because");
        assert!(!base.join("ran").exists());
        assert_eq!(hooks.run_all(Time::Poststop, None).len(), 2);
        assert!(base.join("ran").exists());
        hooks.run(Time::Poststart, None).unwrap();
        std::fs::remove_dir_all(base).unwrap();
    }

    #[test]
    fn a_late_hook_is_killed() {
        let base = base("late");
        let hooks =
            hooks(&json!([{"path": "/bin/sh", "args": ["sh", "-c", "echo $$ > pid; exec sleep 60"], "timeout": 1}]), &base);
        let began = Instant::now();
        let said = hooks.run(Time::Poststop, None).unwrap_err().to_string();
        assert_eq!(said, "poststop hook #0: /bin/sh did not end within 1 s");
        assert!(began.elapsed() < Duration::from_secs(30));
        let pid = std::fs::read_to_string(base.join("pid")).unwrap();
        assert!(!Path::new("/proc").join(pid.trim()).exists());
        std::fs::remove_dir_all(base).unwrap();
    }

    #[test]
    fn neither_a_flood_nor_a_child_left_behind_keeps_a_hook() {
        let base = base("flood");
        let list = json!([
            {"path": "/bin/sh", "args": ["sh", "-c", "head -c 1000000 /dev/zero"], "timeout": 30},
            {"path": "/bin/sh", "args": ["sh", "-c", "sleep 5 & exit 0"], "timeout": 30},
        ]);
        let began = Instant::now();
        hooks(&list, &base).run(Time::Poststop, None).unwrap();
        assert!(began.elapsed() < Duration::from_secs(5));
        std::fs::remove_dir_all(base).unwrap();
    }
}
