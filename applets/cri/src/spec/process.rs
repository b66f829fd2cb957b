//! The first process: arguments, environment, folder, identity. And the process of an exec, which is made from it.

use std::collections::HashMap;

use kit::{Context, Error, Result};
use serde_json::{Value, json};

use super::{Input, apparmor, capabilities, profile};
use crate::api::LinuxContainerSecurityContext;

/// Where programs are looked for when the image does not say.
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
