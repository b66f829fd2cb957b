//! `exec`: run a further process in a container, under the same filter and limits as the first.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use clap::Args;
use kit::{Context, Error, Exit, Result};
use libcontainer::container::ContainerStatus;
use libcontainer::container::builder::ContainerBuilder;
use libcontainer::syscall::syscall::SyscallType;
use serde_json::{Map, Value, json};

use crate::console::Awaited;
use crate::context::Oci;
use crate::directory::{Known, write};
use crate::launch::Launch;
use crate::{check, config, create, errors, keyring, wait};

/// Options of `exec`.
#[derive(Debug, Args)]
pub struct Options {
    /// File with the process, as in config.json
    #[arg(long, short, value_name = "FILE")]
    process: Option<PathBuf>,
    /// Do not wait for its end
    #[arg(long, short)]
    detach: bool,
    /// Give it a terminal
    #[arg(long, short)]
    tty: bool,
    /// User, as UID or UID:GID
    #[arg(long, short, value_name = "UID[:GID]")]
    user: Option<String>,
    /// Further groups
    #[arg(long, short = 'g', value_name = "GID")]
    additional_gids: Vec<u32>,
    /// Variables of its environment
    #[arg(long, short, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// Its working directory
    #[arg(long, value_name = "DIR")]
    cwd: Option<String>,
    /// Further capabilities
    #[arg(long, short, value_name = "CAP_NAME")]
    cap: Vec<String>,
    /// Set no_new_privs
    #[arg(long)]
    no_new_privs: bool,
    /// AppArmor profile
    #[arg(long, value_name = "PROFILE")]
    apparmor: Option<String>,
    /// Cgroup below the container's to run it in
    #[arg(long, value_name = "PATH")]
    cgroup: Option<String>,
    /// File to write the process's number to
    #[arg(long, value_name = "FILE")]
    pid_file: Option<PathBuf>,
    /// Socket to send the terminal to
    #[arg(long, value_name = "SOCKET")]
    console_socket: Option<PathBuf>,
    /// Number of descriptors from 3 on that the process gets
    #[arg(long, value_name = "N", default_value_t = 0)]
    preserve_fds: u16,
    /// Run it in a paused container too: it begins when that goes on
    #[arg(long)]
    ignore_paused: bool,
    /// The container's name
    id: String,
    /// The program and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

/// runc's exit status for a process that could not be run.
const NOT_RUN: Exit = Exit(255);

/// Enter.
pub fn run(oci: &Oci, options: &Options) -> Result<Exit> {
    let known = Known::load(&oci.root, &options.id)?;
    match known.status() {
        ContainerStatus::Running => {}
        ContainerStatus::Paused if options.ignore_paused => {}
        ContainerStatus::Paused => return Err(Error::new("cannot exec in a paused container (use --ignore-paused to override)")),
        ContainerStatus::Created | ContainerStatus::Creating => {
            return Err(Error::new("cannot exec in a container that has not been started"));
        }
        ContainerStatus::Stopped => return Err(Error::new("cannot exec in a stopped container")),
    }
    let corner = Corner::make(&known)?;
    let done = exec(oci, options, &known, &corner.0);
    drop(corner);
    let (pid, console) = done.map_err(|e| e.with_exit(NOT_RUN))?;
    if options.detach {
        return Ok(Exit::OK);
    }
    wait::wait(pid, console)
}

/// A directory for one exec: libcontainer leaves sockets beside the state that it reads, so it gets a copy of that.
struct Corner(PathBuf);

impl Corner {
    fn make(known: &Known) -> Result<Self> {
        let directory = known.directory.path().join(format!("exec-{}", std::process::id()));
        let state = directory.join(known.directory.id());
        fs::create_dir_all(&state).on("make", &state)?;
        let corner = Self(directory);
        let from = known.directory.state().join("state.json");
        fs::copy(&from, state.join("state.json")).on("copy", &from)?;
        Ok(corner)
    }
}

impl Drop for Corner {
    fn drop(&mut self) {
        // The rest goes with the container.
        let _ = kit::tree::remove(&self.0);
    }
}

fn exec(oci: &Oci, options: &Options, known: &Known, corner: &Path) -> Result<(i32, Option<crate::console::Console>)> {
    let filter = known.directory.filter()?;
    let (process, terminal) = process(oci, options, known, filter.is_some())?;
    let file = corner.join("process.json");
    write(&file, &process)?;
    let awaited =
        if terminal && !options.detach && options.console_socket.is_none() { Some(Awaited::listen(corner)?) } else { None };
    let socket =
        options.console_socket.as_deref().map(create::absolute).or(awaited.as_ref().map(|awaited| awaited.path().to_owned()));
    if known.record.keyring {
        keyring::join(&options.id)?;
    }
    let refusal = Rc::new(create::memory()?);
    let (mut outcome, other) = std::io::pipe().doing("make a pipe")?;
    let other = Rc::new(fs::File::from(std::os::fd::OwnedFd::from(other)));
    let launch = Launch::further(filter, Rc::clone(&refusal), other, options.preserve_fds.into());
    let built = ContainerBuilder::new(options.id.clone(), SyscallType::default())
        .with_root_path(corner)
        .map(|builder| builder.with_console_socket(socket).with_preserved_fds(options.preserve_fds.into()).with_executor(launch))
        .and_then(|builder| {
            // A terminal always goes over a socket here: that is libcontainer's way for a detached process.
            builder
                .as_tenant()
                .with_process(Some(&file))
                .with_detach(terminal || options.detach)
                .with_ignore_paused(options.ignore_paused)
                .with_sub_cgroup(options.cgroup.clone().or_else(|| beside_first(known)))
                .build()
        });
    let pid = built.map_err(|e| errors::not_made(&format!("exec in {}", options.id), &e, &refusal, &oci.heard))?.as_raw();
    // Its other ends are closed by the exec, and ours went with the builder.
    let mut failure = String::new();
    outcome.read_to_string(&mut failure).doing("hear how exec went")?;
    if !failure.is_empty() {
        return Err(Error::new(format!("exec in {}: unable to start container process: {failure}", options.id)));
    }
    if let Some(path) = &options.pid_file {
        write(path, pid.to_string().as_bytes())?;
    }
    Ok((pid, awaited.map(Awaited::receive).transpose()?))
}

/// A container whose first process made cgroups of its own takes no more processes into its topmost one: the new process
/// goes where the first is.
fn beside_first(known: &Known) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{}/cgroup", known.pid()?)).ok()?;
    let place = text.lines().find_map(|line| line.strip_prefix("0::"))?;
    let below = Path::new(place).strip_prefix(&known.record.cgroup).ok()?.to_str()?;
    (!below.is_empty()).then(|| below.into())
}

/// The process to run, as JSON, and whether it has a terminal. What is not said is as in the container's first process.
fn process(oci: &Oci, options: &Options, known: &Known, filtered: bool) -> Result<(Vec<u8>, bool)> {
    let bytes = fs::read(known.directory.config()).on("read", known.directory.config())?;
    let mut spec: Value = serde_json::from_slice(&bytes).on("read", known.directory.config())?;
    // Its sets hold the addition for loading the filter; exec takes that away again.
    let Some(Value::Object(first)) = spec.get_mut("process").map(Value::take) else {
        return Err(Error::new("the container's stored configuration has no process"));
    };
    let process = match &options.process {
        Some(path) => given(path, &first)?,
        None => asked(options, first)?,
    };
    let place = options.process.as_ref().map_or_else(|| "process.".into(), |path| format!("{}: ", path.display()));
    let whole = Value::Object(process);
    check::process(&whole, &place)?;
    let Value::Object(mut process) = whole else { return Err(Error::new("the process is no object")) };
    let terminal = process.get("terminal").and_then(Value::as_bool).unwrap_or(false);
    let left_out = config::adapt_process(&mut process, filtered)?;
    oci.log.unknown_capabilities(&left_out);
    Ok((serde_json::to_vec(&process).doing("encode the process")?, terminal))
}

/// A whole process; limits that it leaves out are the container's.
fn given(path: &Path, first: &Map<String, Value>) -> Result<Map<String, Value>> {
    let bytes = fs::read(path).on("read", path)?;
    let mut process: Map<String, Value> = serde_json::from_slice(&bytes).on("read", path)?;
    for key in ["rlimits", "oomScoreAdj", "noNewPrivileges", "apparmorProfile", "capabilities"] {
        let missing = process.get(key).is_none_or(|v| v.is_null() || v.as_array().is_some_and(Vec::is_empty));
        if let (true, Some(value)) = (missing, first.get(key)) {
            process.insert(key.into(), value.clone());
        }
    }
    process.entry("user").or_insert_with(|| json!({"uid": 0, "gid": 0}));
    process.entry("cwd").or_insert_with(|| json!("/"));
    Ok(process)
}

/// The container's first process with what the command line says.
fn asked(options: &Options, mut process: Map<String, Value>) -> Result<Map<String, Value>> {
    process.entry("user").or_insert_with(|| json!({"uid": 0, "gid": 0}));
    process.insert("args".into(), json!(options.command));
    process.insert("terminal".into(), json!(options.tty));
    if let Some(cwd) = &options.cwd {
        process.insert("cwd".into(), json!(cwd));
    }
    if let Some(profile) = &options.apparmor {
        process.insert("apparmorProfile".into(), json!(profile));
    }
    if options.no_new_privs {
        process.insert("noNewPrivileges".into(), json!(true));
    }
    let mut env: Vec<Value> = process.get("env").and_then(Value::as_array).cloned().unwrap_or_default();
    env.extend(options.env.iter().map(|entry| json!(entry)));
    process.insert("env".into(), Value::Array(env));
    if let Some(user) = &options.user {
        let number = |n: &str| n.parse::<u32>().map_err(|_| Error::usage(format!("user {user} is not UID or UID:GID")));
        let (uid, gid) = user.split_once(':').map_or((user.as_str(), None), |(uid, gid)| (uid, Some(gid)));
        // Fields that are not named stay the container's: its group, further groups and mask.
        process["user"]["uid"] = json!(number(uid)?);
        if let Some(gid) = gid {
            process["user"]["gid"] = json!(number(gid)?);
        }
    }
    if !options.additional_gids.is_empty() {
        let mut gids = process["user"].get("additionalGids").and_then(Value::as_array).cloned().unwrap_or_default();
        gids.extend(options.additional_gids.iter().map(|gid| json!(gid)));
        process["user"]["additionalGids"] = Value::Array(gids);
    }
    for cap in &options.cap {
        let Some(sets) = process.get_mut("capabilities").and_then(Value::as_object_mut) else { break };
        for set in ["bounding", "effective", "permitted"] {
            if let Some(set) = sets.get_mut(set).and_then(Value::as_array_mut) {
                set.push(json!(cap));
            }
        }
    }
    Ok(process)
}
