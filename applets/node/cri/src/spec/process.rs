//! The first process: arguments, environment, directory, identity. And the process of an exec, which is made from it.

use std::collections::HashMap;
use std::fs;

use kit::{Context, Error, Result};
use rustix::process::{Resource, getrlimit};
use serde_json::{Value, json};

use super::input::Input;
use super::{apparmor, capabilities, profile};
use cri_api::LinuxContainerSecurityContext;

/// Bytes that a process may lock in memory: the kernel's default (linux/resource.h, `MLOCK_LIMIT`).
const LOCKED: u64 = 8 << 20;
/// Open files without asking for more: the kernel's default. Old programs walk all that they may have.
const FILES_SOFT: u64 = 1024;
/// Open files where the runtime itself has no limit: the kernel's default of `fs.nr_open`, the most that it takes.
const FILES_HARD: u64 = 1 << 20;
/// All threads that the kernel allows.
const THREADS: &str = "/proc/sys/kernel/threads-max";

/// PATH of an image that sets none.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The `process` section.
pub fn build(input: &Input, security: &LinuxContainerSecurityContext) -> Result<Value> {
    let config = input.config;
    let image = input.image.config.config().clone().unwrap_or_default();
    let cwd = match (config.working_dir.as_str(), image.working_dir().as_deref().unwrap_or_default()) {
        ("", "") => "/",
        ("", of_image) => of_image,
        (given, _) => given,
    };
    let mut process = json!({
        "terminal": config.tty,
        "user": { "uid": input.user.uid, "gid": input.user.gid, "additionalGids": input.user.groups },
        "args": arguments(input)?,
        "env": environment(input)?,
        "cwd": cwd,
        "capabilities": capabilities::build(security)?,
        "oomScoreAdj": input.resources().oom_score_adj,
        "rlimits": limits(),
    });
    let profile = profile::asked(security.apparmor.as_ref(), &security.apparmor_profile)?;
    if let Some(profile) = apparmor::choose(profile.as_ref(), security.privileged)? {
        process["apparmorProfile"] = json!(profile);
    }
    // An explicit false would make the runtime load the filter without the right to do so.
    if security.no_new_privs {
        process["noNewPrivileges"] = json!(true);
    }
    Ok(process)
}

/// The kernel's own limits for its first process, which containers get on other nodes, too: the runtime itself has more of each.
fn limits() -> Value {
    let files = getrlimit(Resource::Nofile).maximum.unwrap_or(FILES_HARD);
    let mut limits = vec![limit("RLIMIT_MEMLOCK", LOCKED, LOCKED), limit("RLIMIT_NOFILE", FILES_SOFT.min(files), files)];
    // The kernel's formula (fork_init): half of the threads that it allows at all.
    if let Some(threads) = fs::read_to_string(THREADS).ok().and_then(|text| text.trim().parse::<u64>().ok()) {
        limits.push(limit("RLIMIT_NPROC", threads / 2, threads / 2));
    }
    Value::Array(limits)
}

fn limit(kind: &str, soft: u64, hard: u64) -> Value {
    json!({ "type": kind, "soft": soft, "hard": hard })
}

/// Kubernetes' rule: a command replaces the image's entry point and its arguments too; arguments replace only those.
fn arguments(input: &Input) -> Result<Vec<String>> {
    let image = input.image.config.config().clone().unwrap_or_default();
    let config = input.config;
    let mut args = config.command.clone();
    if args.is_empty() {
        args = image.entrypoint().clone().unwrap_or_default();
        let rest = if config.args.is_empty() { image.cmd().clone().unwrap_or_default() } else { config.args.clone() };
        args.extend(rest);
    } else {
        args.extend(config.args.iter().cloned());
    }
    if args.is_empty() {
        return Err(Error::new("neither the pod nor its image names a command"));
    }
    Ok(args)
}

/// The image's variables, ours, then Kubernetes'; of two with one name the later one wins, in the first one's place.
fn environment(input: &Input) -> Result<Vec<String>> {
    let image = input.image.config.config().clone().unwrap_or_default();
    let mut env = Vec::from([PATH.to_owned()]);
    if input.config.tty {
        env.push("TERM=xterm".into());
    }
    env.push(format!("HOSTNAME={}", input.sandbox.hostname()));
    if let Some(home) = &input.user.home {
        env.push(format!("HOME={home}"));
    }
    env.extend(image.env().clone().unwrap_or_default());
    for pair in &input.config.envs {
        let value = std::str::from_utf8(&pair.value).doing(format!("read variable {}", pair.key))?;
        env.push(format!("{}={value}", pair.key));
    }
    Ok(last_of_each(env))
}

fn last_of_each(env: Vec<String>) -> Vec<String> {
    let mut at: HashMap<String, usize> = HashMap::new();
    let mut kept: Vec<String> = Vec::new();
    for pair in env {
        let name = pair.split('=').next().unwrap_or_default().to_owned();
        if let Some(index) = at.get(&name) {
            kept[*index] = pair;
        } else {
            at.insert(name, kept.len());
            kept.push(pair);
        }
    }
    kept
}

/// The process of an exec: the container's own, with another command.
pub fn exec(config: &Value, command: &[String], terminal: bool) -> Result<Value> {
    if command.is_empty() {
        return Err(Error::new("an exec needs a command"));
    }
    let mut process = config["process"].clone();
    if !process.is_object() {
        return Err(Error::new("the container's config.json has no process"));
    }
    process["args"] = json!(command);
    process["terminal"] = json!(terminal);
    Ok(process)
}
