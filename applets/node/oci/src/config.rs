//! `config.json` made fit for libcontainer: what it would get wrong or silently leave out is taken out, checked and done
//! by us, and everything that libcontainer, an exec or a delete reads later is as it was at creation.

use std::path::{Path, PathBuf};

use kit::{Context, Error, Result};
use oci_spec::runtime::{Capability, LinuxResources};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::check::{self, SETS};
use crate::devices;
use crate::features::CAPABILITIES;
use crate::resources;
use crate::seccomp::Filter;

/// Parent cgroup of containers without a `cgroupsPath`.
const CGROUP_DEFAULT: &str = "/kutties/oci";

/// The capability with which a filter may be loaded without no_new_privs.
const SYS_ADMIN: &str = "CAP_SYS_ADMIN";

/// The capability with which a user's process is given its standard streams.
const CHOWN: &str = "CAP_CHOWN";

/// The mask for a process that names none: runc's.
const UMASK: u32 = 0o022;

/// A configuration, and what was taken out of it.
#[derive(Debug)]
pub struct Config {
    /// Configuration for libcontainer.
    pub spec: Value,
    /// `linux.seccomp`, compiled.
    pub filter: Option<Filter>,
    /// `linux.resources.devices` with the default rules.
    pub devices: Vec<devices::Rule>,
    /// The container's cgroup below /sys/fs/cgroup: absolute, without `..`.
    pub cgroup: PathBuf,
    /// Its root directory, absolute.
    pub rootfs: PathBuf,
    /// `process.terminal`
    pub terminal: bool,
    /// `linux.resources` without the device rules.
    pub resources: LinuxResources,
    /// Capabilities that were left out: unknown, or not of this kernel.
    pub left_out: Vec<String>,
}

/// Read `config.json` of a bundle.
pub fn read(bundle: &Path) -> Result<Value> {
    let path = bundle.join("config.json");
    let bytes = std::fs::read(&path).on("read", &path)?;
    let spec = serde_json::from_slice(&bytes).on("read", &path)?;
    check::configuration(&spec)?;
    Ok(spec)
}

impl Config {
    /// Take a configuration apart.
    pub fn adapt(mut spec: Value, id: &str, bundle: &Path) -> Result<Self> {
        refuse(&spec)?;
        let linux = object(&mut spec, "linux")?;
        let filter = linux.remove("seccomp").filter(|s| !s.is_null()).map(Filter::compile).transpose()?;
        let resources = linux.remove("resources").unwrap_or(Value::Null);
        let devices = devices::rules(resources.get("devices"))?;
        let resources = resources::read(resources)?;
        let cgroup = cgroup(linux.get("cgroupsPath").and_then(Value::as_str).unwrap_or_default(), id)?;
        linux.insert("cgroupsPath".into(), json!(cgroup));
        // libcontainer knows the specification's words alone, and always means them for all that lies below.
        if let Some(word) = text(linux.get("rootfsPropagation")).and_then(|word| word.strip_prefix('r')) {
            let word = json!(word);
            linux.insert("rootfsPropagation".into(), word);
        }
        let root = object(&mut spec, "root")?;
        let rootfs = text(root.get("path")).ok_or_else(|| Error::new("config.json: no root.path"))?;
        let rootfs = bundle.join(rootfs);
        root.insert("path".into(), json!(rootfs));
        let process = object(&mut spec, "process")?;
        let left_out = adapt_process(process, filter.is_some())?;
        let terminal = process.get("terminal").and_then(Value::as_bool).unwrap_or(false);
        mounts(&mut spec, bundle);
        check::form(&spec)?;
        Ok(Self { spec, filter, devices, cgroup, rootfs, terminal, resources, left_out })
    }
}

/// Refuses settings that we would do wrongly.
fn refuse(spec: &Value) -> Result<()> {
    let present = |pointer: &str| spec.pointer(pointer).is_some_and(|v| v.as_array().is_some_and(|a| !a.is_empty()));
    if present("/hooks/startContainer") {
        // They would run with the capability that loads the filter, in the container.
        return Err(Error::new("config.json: hooks.startContainer is not supported"));
    }
    let namespaces = spec.pointer("/linux/namespaces").and_then(Value::as_array);
    if namespaces.is_some_and(|all| all.iter().any(|ns| ns.get("type").and_then(Value::as_str) == Some("user"))) {
        // libcontainer's exec would not join it and run as the host's root.
        return Err(Error::new("config.json: user namespaces are not supported"));
    }
    Ok(())
}

/// The cgroup of a container; a relative path is taken from the root, as there is no systemd to ask.
fn cgroup(written: &str, id: &str) -> Result<PathBuf> {
    if written.is_empty() {
        return Ok(Path::new(CGROUP_DEFAULT).join(id));
    }
    let path = Path::new("/").join(written);
    let plain = path.components().skip(1).all(|c| matches!(c, std::path::Component::Normal(_)));
    if !plain || path.parent().is_none() {
        // Removing the container would kill all that is in its cgroup.
        return Err(Error::new(format!("config.json: cgroupsPath {written} is not a path of its own")));
    }
    Ok(path)
}

/// Sources of bind mounts may be relative to the bundle.
fn mounts(spec: &mut Value, bundle: &Path) {
    let Some(mounts) = spec.get_mut("mounts").and_then(Value::as_array_mut) else { return };
    for mount in mounts {
        let option = |wanted: &[&str]| {
            let options = mount.get("options").and_then(Value::as_array);
            options.is_some_and(|all| all.iter().any(|o| o.as_str().is_some_and(|o| wanted.contains(&o))))
        };
        let bind = mount.get("type").and_then(Value::as_str) == Some("bind") || option(&["bind", "rbind"]);
        if bind && let Some(source) = text(mount.get("source")) {
            mount["source"] = json!(bundle.join(source));
        }
    }
}

/// Gives a process the rights that its last steps need: to load a filter, to own its standard streams. Returns the capabilities that
/// are left out, because nobody knows them or this kernel does not have them.
pub fn adapt_process(process: &mut Map<String, Value>, filtered: bool) -> Result<Vec<String>> {
    let no_new_privs = process.get("noNewPrivileges").and_then(Value::as_bool).unwrap_or(false);
    if !no_new_privs {
        process.remove("noNewPrivileges");
    }
    let written = process.remove("capabilities").unwrap_or(Value::Null);
    let mut sets: Vec<Vec<String>> = SETS.iter().map(|set| names(written.get(*set))).collect();
    let mut left_out: Vec<String> = sets.iter().flatten().filter(|name| !is_available(name)).cloned().collect();
    left_out.sort();
    left_out.dedup();
    for set in &mut sets {
        set.retain(|name| !left_out.contains(name));
    }
    let [_, _, permitted, inheritable, ambient] = sets.as_mut_slice() else {
        return Err(Error::new("five capability sets"));
    };
    // A capability that the kernel would refuse to raise must not be raised by the addition below.
    ambient.retain(|cap| permitted.contains(cap) && inheritable.contains(cap));
    // They go with the exec: what is in neither bounding, inheritable nor ambient does not survive it.
    let user = process.entry("user").or_insert_with(|| json!({"uid": 0, "gid": 0}));
    let needed = [(SYS_ADMIN, filtered && !no_new_privs), (CHOWN, user.get("uid").is_some_and(|uid| *uid != 0))];
    for (cap, _) in needed.into_iter().filter(|(_, needed)| *needed) {
        for set in &mut sets[1..3] {
            if !set.iter().any(|there| there == cap) {
                set.push(cap.into());
            }
        }
    }
    if let Some(user) = user.as_object_mut() {
        user.entry("umask").or_insert(json!(UMASK));
    }
    let sets: Map<String, Value> = SETS.iter().zip(sets).map(|(name, set)| ((*name).into(), json!(set))).collect();
    process.insert("capabilities".into(), Value::Object(sets));
    Ok(left_out)
}

/// Tells if a capability is one, and this kernel has it.
fn is_available(name: &str) -> bool {
    if Capability::deserialize(&json!(name)).is_err() {
        return false;
    }
    let last = std::fs::read_to_string("/proc/sys/kernel/cap_last_cap").ok().and_then(|text| text.trim().parse::<usize>().ok());
    let number = CAPABILITIES.iter().position(|known| *known == name);
    number.zip(last).is_none_or(|(number, last)| number <= last)
}

/// The capabilities of a set; no set is an empty one.
fn names(set: Option<&Value>) -> Vec<String> {
    let names = set.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    names.map(String::from).collect()
}

/// A part of the configuration that must be there.
fn object<'a>(spec: &'a mut Value, part: &str) -> Result<&'a mut Map<String, Value>> {
    let found = spec.get_mut(part).and_then(Value::as_object_mut);
    found.ok_or_else(|| Error::new(format!("config.json: no {part}")))
}

fn text(value: Option<&Value>) -> Option<&str> {
    value.and_then(Value::as_str).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn spec() -> Value {
        json!({
            "ociVersion": "1.2.0",
            "root": {"path": "rootfs"},
            "process": {"args": ["sh"], "cwd": "/", "noNewPrivileges": false, "capabilities": {
                "bounding": ["CAP_CHOWN", "CAP_SYS_ADMIN"], "effective": ["CAP_CHOWN"], "permitted": ["CAP_CHOWN"],
                "inheritable": ["CAP_SYS_ADMIN"], "ambient": ["CAP_SYS_ADMIN"]}},
            "mounts": [{"destination": "/a", "type": "bind", "source": "a"}, {"destination": "/proc", "type": "proc", "source": "proc"}],
            "linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW"}, "rootfsPropagation": "rslave"},
        })
    }

    fn caps(config: &Config, set: &str) -> Vec<String> {
        serde_json::from_value(config.spec["process"]["capabilities"][set].clone()).unwrap()
    }

    #[test]
    fn the_addition_is_in_two_sets_alone() {
        let config = Config::adapt(spec(), "c1", Path::new("/b")).unwrap();
        assert_eq!(caps(&config, "permitted"), ["CAP_CHOWN", "CAP_SYS_ADMIN"]);
        assert_eq!(caps(&config, "effective"), ["CAP_CHOWN", "CAP_SYS_ADMIN"]);
        assert!(caps(&config, "ambient").is_empty());
        assert_eq!(config.spec.pointer("/process/noNewPrivileges"), None);
        assert_eq!(config.spec.pointer("/linux/seccomp"), None);
        assert_eq!(config.spec["process"]["user"]["umask"], 0o022);
        assert_eq!(config.spec["linux"]["rootfsPropagation"], "slave");
    }

    #[test]
    fn a_user_gets_its_standard_streams() {
        let mut spec = spec();
        spec["linux"] = json!({});
        spec["process"]["capabilities"] = json!(null);
        spec["process"]["user"] = json!({"uid": 7, "gid": 7});
        let config = Config::adapt(spec, "c1", Path::new("/b")).unwrap();
        assert_eq!(caps(&config, "permitted"), ["CAP_CHOWN"]);
        assert!(caps(&config, "bounding").is_empty());
    }

    #[test]
    fn nothing_is_added_where_nothing_needs_it() {
        let mut with_no_new_privs = spec();
        with_no_new_privs["process"]["noNewPrivileges"] = json!(true);
        let mut unfiltered = spec();
        unfiltered["linux"] = json!({});
        for spec in [with_no_new_privs, unfiltered] {
            assert_eq!(caps(&Config::adapt(spec, "c1", Path::new("/b")).unwrap(), "permitted"), ["CAP_CHOWN"]);
        }
        let mut without = spec();
        without["linux"] = json!({});
        without["process"]["capabilities"] = json!(null);
        assert!(caps(&Config::adapt(without, "c1", Path::new("/b")).unwrap(), "effective").is_empty());
    }

    #[test]
    fn unknown_capabilities_are_left_out_and_told() {
        let mut spec = spec();
        spec["process"]["capabilities"]["bounding"] = json!(["CAP_TO_FLY", "CAP_CHOWN"]);
        spec["process"]["capabilities"]["permitted"] = json!(["CAP_TO_FLY", "CAP_CHOWN"]);
        let config = Config::adapt(spec, "c1", Path::new("/b")).unwrap();
        assert_eq!(config.left_out, ["CAP_TO_FLY"]);
        assert_eq!(caps(&config, "bounding"), ["CAP_CHOWN"]);
    }

    #[test]
    fn paths_become_absolute() {
        let config = Config::adapt(spec(), "c1", Path::new("/b")).unwrap();
        assert_eq!(config.rootfs, Path::new("/b/rootfs"));
        assert_eq!(config.spec["mounts"][0]["source"], "/b/a");
        assert_eq!(config.spec["mounts"][1]["source"], "proc");
        assert_eq!(config.cgroup, Path::new("/kutties/oci/c1"));
    }

    #[test]
    fn what_would_be_done_wrongly_is_refused() {
        for (pointer, value) in [
            ("/hooks", json!({"startContainer": [{"path": "/x"}]})),
            ("/linux/namespaces", json!([{"type": "user"}])),
            ("/linux/cgroupsPath", json!("/")),
            ("/linux/cgroupsPath", json!("/a/../..")),
            ("/linux/seccomp", json!({"defaultAction": "SCMP_ACT_NONE"})),
            ("/root", json!({})),
        ] {
            let mut spec = spec();
            let (part, key) = pointer.rsplit_once('/').unwrap();
            spec.pointer_mut(part).unwrap()[key] = value;
            assert!(Config::adapt(spec, "c1", Path::new("/b")).is_err(), "{pointer}");
        }
    }
}
