//! The last steps in the container: find the program, put the filter on, exec. libcontainer calls them after identity and
//! capabilities are set; the capability that the filter needed goes with the exec.

use std::cell::RefCell;
use std::collections::HashMap;
use std::convert::Infallible;
use std::ffi::CString;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use kit::{Error, Kind};
use libcontainer::oci_spec::runtime::Spec;
use libcontainer::workload::{Executor, ExecutorError, ExecutorSetEnvsError, ExecutorValidationError, HookStage, Pid};
use nix::sys::signal::SigSet;
use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::process::Uid;

use crate::hooks::{Hooks, Time};
use crate::rootfs;
use crate::seccomp::Filter;

/// Executor of a container's process: its last settings, and the exec.
#[derive(Clone)]
pub struct Launch {
    /// The filter to put on.
    filter: Option<Filter>,
    /// Pipe from which `create` reads why the process can't be made: libcontainer's own way keeps the outermost cause alone.
    refusal: Rc<File>,
    /// Pipe from which `start`, or `exec`, reads why the exec failed; its end of file means that it did not.
    outcome: Rc<File>,
    /// Hooks that run during the creation; none for a further process.
    hooks: Option<Rc<Hooks>>,
    /// Mounts that become read-only once all is made in them.
    late: Rc<RefCell<Vec<OwnedFd>>>,
    /// Number of descriptors after the standard streams that it gets.
    preserved: u32,
    program: RefCell<PathBuf>,
    environment: RefCell<HashMap<String, String>>,
}

impl Launch {
    /// The first process of a container, with files for what goes wrong before exec and at it.
    pub fn first(filter: Option<Filter>, refusal: Rc<File>, outcome: Rc<File>, preserved: u32, hooks: Rc<Hooks>) -> Self {
        Self { hooks: Some(hooks), ..Self::further(filter, refusal, outcome, preserved) }
    }

    /// A further process.
    pub fn further(filter: Option<Filter>, refusal: Rc<File>, outcome: Rc<File>, preserved: u32) -> Self {
        let (program, environment, late) = (RefCell::default(), RefCell::default(), Rc::default());
        Self { filter, refusal, outcome, hooks: None, late, preserved, program, environment }
    }

    /// Hands a failure over: to `create`, which reads it, and to libcontainer.
    fn told<T>(&self, done: kit::Result<T>) -> Result<T, ExecutorError> {
        done.map_err(|e| {
            refuse(&self.refusal, &e);
            ExecutorError::Other(e.to_string())
        })
    }

    /// The environment in the configuration's order, a later value in place of an earlier, then what was added.
    fn environment(&self, spec: &Spec) -> Result<Vec<CString>, String> {
        let mut rest = self.environment.borrow().clone();
        let written = spec.process().as_ref().and_then(|p| p.env().clone()).unwrap_or_default();
        let mut env = Vec::with_capacity(written.len() + 1);
        for entry in &written {
            let key = entry.split_once('=').map_or(entry.as_str(), |(key, _)| key);
            if let Some(value) = rest.remove(key) {
                env.push(format!("{key}={value}"));
            }
        }
        env.extend(rest.iter().map(|(key, value)| format!("{key}={value}")));
        c_strings(env)
    }

    /// Becomes the program, or says why not.
    fn become_program(&self, spec: &Spec) -> Result<Infallible, String> {
        let program = self.program.borrow().clone();
        let name = program.display();
        let path = CString::new(program.as_os_str().as_encoded_bytes()).map_err(|e| format!("exec {name}: {e}"))?;
        let args = spec.process().as_ref().and_then(|p| p.args().clone()).unwrap_or_default();
        let args = c_strings(args)?;
        let env = self.environment(spec)?;
        // Signal settings that Rust's start-up and our caller changed for themselves are not the container's.
        sys::signals::reset();
        SigSet::empty().thread_set_mask().map_err(|e| format!("unblock signals: {e}"))?;
        if let Some(filter) = &self.filter {
            filter.load().map_err(|e| format!("load the seccomp filter: {e}"))?;
        }
        nix::unistd::execve(&path, &args, &env).map_err(|e| format!("exec {name}: {}", e.desc().to_lowercase()))
    }
}

impl Executor for Launch {
    fn prepare_root(&self, spec: &Spec, rootfs: &Path) -> Result<(), ExecutorError> {
        let late = self.told(rootfs::prepare(spec, rootfs))?;
        self.late.replace(late);
        Ok(())
    }

    fn run_hooks(&self, stage: HookStage, pid: Pid) -> Result<(), ExecutorError> {
        let Some(hooks) = &self.hooks else { return Ok(()) };
        let times: &[Time] = match stage {
            HookStage::Runtime => &[Time::Prestart, Time::CreateRuntime],
            HookStage::Container => &[Time::CreateContainer],
        };
        self.told(times.iter().try_for_each(|time| hooks.run(*time, Some(pid.as_raw()))))
    }

    fn mount_console(&self, terminal: BorrowedFd<'_>) -> Result<(), ExecutorError> {
        self.told(rootfs::console(terminal))
    }

    fn finish_root(&self, spec: &Spec) -> Result<(), ExecutorError> {
        self.told(rootfs::finish(spec, &self.late.take()))
    }

    fn validate(&self, spec: &Spec) -> Result<(), ExecutorValidationError> {
        give_streams(spec);
        match find(spec) {
            Ok(program) => {
                self.program.replace(program);
                Ok(())
            }
            Err(e) => {
                refuse(&self.refusal, &e);
                Err(ExecutorValidationError::ArgValidationError(e.to_string()))
            }
        }
    }

    /// Kept for exec: changing our own environment would panic on what is not UTF-8 in it.
    fn setup_envs(&self, envs: HashMap<String, String>) -> Result<(), ExecutorSetEnvsError> {
        self.environment.replace(envs);
        Ok(())
    }

    fn exec(&self, spec: &Spec) -> Result<(), ExecutorError> {
        // Closed for good, not by the exec: the program's path could lead through /proc/self/fd (CVE-2024-21626).
        let preserved = self.preserved.saturating_add(listened());
        let outcome = sys::fds::close_all_but(preserved, self.outcome.as_fd())
            .map_err(|e| ExecutorError::Other(format!("close descriptors: {}", small(&e))))?;
        match self.become_program(spec) {
            Ok(never) => match never {},
            Err(e) => say(&File::from(outcome), &e),
        }
        // Returning would drop owners of descriptors that are closed.
        sys::own::leave(1)
    }
}

/// Number of descriptors that a socket-activating caller passes on, which libcontainer adds to the preserved ones.
fn listened() -> u32 {
    std::env::var("LISTEN_FDS").ok().and_then(|count| count.parse().ok()).unwrap_or_default()
}

/// Look the program up as runc does, with its words, which users of kubelet know.
fn find(spec: &Spec) -> kit::Result<PathBuf> {
    let process = spec.process().as_ref();
    let args = process.and_then(|p| p.args().as_ref()).and_then(|args| args.first());
    let name = args.ok_or_else(|| Error::new("no program to run"))?;
    if name.contains('/') {
        return runnable(Path::new(name)).map_err(|e| e.below(format_args!("exec: {name:?}"))).map(|()| name.into());
    }
    let env = process.and_then(|p| p.env().as_ref());
    let path = env.into_iter().flatten().rev().find_map(|v| v.strip_prefix("PATH=")).unwrap_or_default();
    let mut denied = None;
    for directory in path.split(':') {
        let candidate = Path::new(if directory.is_empty() { "." } else { directory }).join(name);
        match runnable(&candidate) {
            Ok(()) => return Ok(candidate),
            Err(e) if e.kind() == Kind::Forbidden => denied = Some(e),
            Err(_) => {}
        }
    }
    match denied {
        Some(e) => Err(e.below(format_args!("exec: {name:?}"))),
        None => Err(Error::of(Kind::Missing, format!("exec: {name:?}: executable file not found in $PATH"))),
    }
}

/// Make the process's user the owner of its standard streams, so that it can open /dev/stdout again. Where the file system
/// won't have it, that must do.
fn give_streams(spec: &Spec) {
    let uid = spec.process().as_ref().map_or(0, |p| p.user().uid());
    let null = rustix::fs::stat("/dev/null").map_or(0, |null| null.st_rdev);
    for stream in [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()] {
        if rustix::fs::fstat(stream).is_ok_and(|it| it.st_uid != uid && it.st_rdev != null) {
            let _ = rustix::fs::fchown(stream, Some(Uid::from_raw(uid)), None);
        }
    }
}

/// Nobody is left to tell it to when the reader has gone.
fn say(mut to: &File, text: &str) {
    let _ = to.write_all(text.as_bytes());
}

/// The same for an error of ours, with its kind.
fn refuse(to: &File, e: &Error) {
    say(to, &serde_json::to_string(&e.report()).unwrap_or_default());
}

fn c_strings(texts: Vec<String>) -> Result<Vec<CString>, String> {
    texts.into_iter().map(|text| CString::new(text).map_err(|e| format!("argument or variable: {e}"))).collect()
}

/// Tells if the process, as it now is, may execute the file.
fn runnable(path: &Path) -> kit::Result<()> {
    let meta = path.metadata().map_err(|e| Error::caused(format!("stat {}: {}", path.display(), small(&e)), e))?;
    if meta.is_dir() {
        return Err(Error::new("is a directory"));
    }
    accessat(CWD, path, Access::EXEC_OK, AtFlags::EACCESS).map_err(|e| Error::caused(small(&e.into()), e))
}

/// A cause as Go programs write it: "no such file or directory".
fn small(e: &std::io::Error) -> String {
    let text = e.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}
