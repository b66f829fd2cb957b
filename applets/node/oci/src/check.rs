//! Checks of a bundle before anything is made for it: an error is a sentence that names the place.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use kit::{Context, Error, Result};
use oci_spec::runtime::Spec;
use serde::Deserialize;
use serde_json::{Value, json};

/// The kinds of namespaces that the specification knows.
const NAMESPACES: [&str; 8] = ["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"];

/// Files of /proc that a mount may cover: those that lxcfs and the like show of a container's own limits. Anything else could take in
/// who writes labels and settings there (CVE-2025-52881).
pub const OVER_PROC: [&str; 10] = [
    "cpuinfo",
    "diskstats",
    "loadavg",
    "meminfo",
    "slabinfo",
    "stat",
    "swaps",
    "sys/crypto/fips_enabled",
    "sys/kernel/ns_last_pid",
    "uptime",
];

/// The sets of capabilities that a process has.
pub const SETS: [&str; 5] = ["bounding", "effective", "permitted", "inheritable", "ambient"];

/// Look at a configuration as it was written.
pub fn configuration(spec: &Value) -> Result<()> {
    version(spec)?;
    if !spec.get("linux").is_some_and(Value::is_object) {
        return wrong("no linux");
    }
    let Some(process) = spec.get("process").filter(|process| process.is_object()) else { return wrong("no process") };
    self::process(process, "config.json: process.")?;
    for (at, mount) in list(spec, "/mounts").enumerate() {
        absolute(mount.get("destination"), &format!("config.json: mounts[{at}].destination"))?;
        below_proc(mount, at)?;
    }
    for kind in ["maskedPaths", "readonlyPaths"] {
        for (at, path) in list(spec, &format!("/linux/{kind}")).enumerate() {
            absolute(Some(path), &format!("config.json: linux.{kind}[{at}]"))?;
        }
    }
    if spec.pointer("/linux/mountLabel").is_some_and(is_said) {
        return Err(no_selinux("config.json: linux.mountLabel"));
    }
    hooks(spec)?;
    namespaces(spec)
}

/// Tells if a text is there and not empty.
fn is_said(value: &Value) -> bool {
    value.as_str().is_none_or(|text| !text.is_empty()) && !value.is_null()
}

/// A label that nobody would enforce.
fn no_selinux(place: &str) -> Error {
    let kernel = Path::new("/sys/fs/selinux/enforce").exists();
    let why = if kernel { "SELinux labels are not supported" } else { "SELinux is disabled or not supported by the kernel" };
    Error::new(format!("{place}: {why}"))
}

/// The specification's rules for hooks.
fn hooks(spec: &Value) -> Result<()> {
    for kind in ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"] {
        for (at, hook) in list(spec, &format!("/hooks/{kind}")).enumerate() {
            let place = format!("config.json: hooks.{kind}[{at}]");
            absolute(hook.get("path"), &format!("{place}.path"))?;
            let timeout = hook.get("timeout").filter(|timeout| !timeout.is_null());
            if timeout.is_some_and(|timeout| timeout.as_u64().is_none_or(|seconds| seconds == 0)) {
                return Err(Error::new(format!("{place}.timeout is not a number of seconds above 0")));
            }
        }
    }
    Ok(())
}

/// Checks that all of it has the specification's form. An error names no place, but what was found and what was expected.
pub fn form(spec: &Value) -> Result<()> {
    Spec::deserialize(spec).map(drop).doing("config.json is not of the specification's form")
}

/// Look at a process; `place` is what stands before a name in a complaint.
pub fn process(process: &Value, place: &str) -> Result<()> {
    if process.get("args").and_then(Value::as_array).is_none_or(Vec::is_empty) {
        return Err(Error::new(format!("{place}args must not be empty")));
    }
    absolute(process.get("cwd"), &format!("{place}cwd"))?;
    user(process, place)?;
    if process.get("selinuxLabel").is_some_and(is_said) {
        return Err(no_selinux(&format!("{place}selinuxLabel")));
    }
    let mut limits = BTreeSet::new();
    for limit in list(process, "/rlimits") {
        let kind = limit.get("type").and_then(Value::as_str).unwrap_or_default();
        if !limits.insert(kind) {
            return Err(Error::new(format!("{place}rlimits: {kind} is there twice")));
        }
        let number = |name: &str| limit.get(name).and_then(Value::as_u64);
        if number("soft") > number("hard") {
            return Err(Error::new(format!("{place}rlimits: the soft limit of {kind} is above the hard one")));
        }
    }
    Ok(())
}

/// A mount at /proc or inside of it, as its destination is written; links that lead there are followed inside the root, and
/// whoever writes to /proc has one of his own.
fn below_proc(mount: &Value, at: usize) -> Result<()> {
    let text = |name: &str| mount.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut plain = Vec::new();
    for part in Path::new(text("destination")).components() {
        match part {
            Component::Normal(name) => plain.push(name.to_string_lossy()),
            Component::ParentDir => drop(plain.pop()),
            _ => {}
        }
    }
    match plain.split_first() {
        Some((first, [])) if first == "proc" && text("type") != "proc" => {
            let is_proc = rustix::fs::statfs(text("source")).is_ok_and(|fs| fs.f_type == rustix::fs::PROC_SUPER_MAGIC);
            if is_proc { Ok(()) } else { wrong(&format!("mounts[{at}]: /proc is not of type proc")) }
        }
        Some((first, rest)) if first == "proc" && !rest.is_empty() && !OVER_PROC.contains(&rest.join("/").as_str()) => {
            wrong(&format!("mounts[{at}].destination {:?} is inside of /proc", text("destination")))
        }
        _ => Ok(()),
    }
}

/// Look for the root directory that a configuration names.
pub fn rootfs(rootfs: &Path) -> Result<()> {
    let meta = rootfs.metadata().on("find the root directory (root.path of config.json)", rootfs)?;
    if meta.is_dir() { Ok(()) } else { wrong(&format!("root.path {} is not a directory", rootfs.display())) }
}

fn version(spec: &Value) -> Result<()> {
    let Some(version) = spec.get("ociVersion").and_then(Value::as_str) else { return wrong("no ociVersion") };
    let number = |text: &str| text.parse::<u32>().is_ok();
    let mut parts = version.split(['-', '+']).next().unwrap_or_default().split('.');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some("1"), Some(minor), Some(patch), None) if number(minor) && number(patch) => Ok(()),
        _ => wrong(&format!("ociVersion {version:?} is not supported; 1.x is")),
    }
}

fn namespaces(spec: &Value) -> Result<()> {
    let mut seen = BTreeSet::new();
    for namespace in list(spec, "/linux/namespaces") {
        let kind = namespace.get("type").and_then(Value::as_str).unwrap_or_default();
        if !NAMESPACES.contains(&kind) {
            return wrong(&format!("linux.namespaces: there is no type {kind:?}"));
        }
        if !seen.insert(kind) {
            return wrong(&format!("linux.namespaces: {kind} is there twice"));
        }
        match namespace.get("path").and_then(Value::as_str) {
            None | Some("") => {}
            Some(path) => {
                absolute(Some(&json!(path)), &format!("config.json: linux.namespaces: path of {kind}"))?;
                std::fs::metadata(path).on(&format!("find the {kind} namespace"), path)?;
            }
        }
    }
    Ok(())
}

fn absolute(path: Option<&Value>, place: &str) -> Result<()> {
    match path.and_then(Value::as_str) {
        None | Some("") => Err(Error::new(format!("{place} is missing"))),
        Some(path) if !path.starts_with('/') => Err(Error::new(format!("{place} {path:?} is not an absolute path"))),
        Some(_) => Ok(()),
    }
}

fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

/// Refuses the number that stands for "no change" in setuid(2) and its kin: the process would stay root.
fn user(process: &Value, place: &str) -> Result<()> {
    let user = process.get("user").unwrap_or(&Value::Null);
    let numbers = ["uid", "gid"].iter().filter_map(|name| user.get(name)).chain(list(user, "/additionalGids"));
    match numbers.filter_map(Value::as_u64).find(|number| *number >= u64::from(u32::MAX)) {
        Some(number) => Err(Error::new(format!("{place}user: {number} is the number of no user and no group"))),
        None => Ok(()),
    }
}

fn wrong(what: &str) -> Result<()> {
    Err(Error::new(format!("config.json: {what}")))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn spec() -> Value {
        json!({
            "ociVersion": "1.2.0",
            "root": {"path": "rootfs"},
            "process": {"args": ["sh"], "cwd": "/", "user": {"uid": 0, "gid": 0}},
            "mounts": [{"destination": "/a", "type": "bind", "source": "a"}],
            "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}]},
        })
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        configuration(&spec()).unwrap();
        for (pointer, value, words) in [
            ("/ociVersion", json!("2.0.0"), "config.json: ociVersion \"2.0.0\" is not supported; 1.x is"),
            ("/ociVersion", json!("1.0"), "config.json: ociVersion \"1.0\" is not supported; 1.x is"),
            ("/ociVersion", json!(null), "config.json: no ociVersion"),
            ("/linux", json!(null), "config.json: no linux"),
            ("/process", json!(null), "config.json: no process"),
            ("/process/args", json!([]), "config.json: process.args must not be empty"),
            (
                "/process/user",
                json!({"uid": 4_294_967_295_u32, "gid": 0}),
                "config.json: process.user: 4294967295 is the number of no user and no group",
            ),
            (
                "/process/user",
                json!({"uid": 1, "gid": 1, "additionalGids": [4_294_967_296_u64]}),
                "config.json: process.user: 4294967296 is the number of no user and no group",
            ),
            ("/process/cwd", json!("tmp"), "config.json: process.cwd \"tmp\" is not an absolute path"),
            ("/process/cwd", json!(null), "config.json: process.cwd is missing"),
            ("/mounts/0/destination", json!("a"), "config.json: mounts[0].destination \"a\" is not an absolute path"),
            (
                "/mounts/0/destination",
                json!("/x/../proc/self/attr"),
                "config.json: mounts[0].destination \"/x/../proc/self/attr\" is inside of /proc",
            ),
            ("/mounts/0/destination", json!("/proc/"), "config.json: mounts[0]: /proc is not of type proc"),
            ("/linux/namespaces/0/type", json!("moon"), "config.json: linux.namespaces: there is no type \"moon\""),
            ("/linux/namespaces/0/type", json!("mount"), "config.json: linux.namespaces: mount is there twice"),
            ("/linux/maskedPaths", json!(["proc"]), "config.json: linux.maskedPaths[0] \"proc\" is not an absolute path"),
            ("/hooks", json!({"poststop": [{"path": "x"}]}), "config.json: hooks.poststop[0].path \"x\" is not an absolute path"),
            (
                "/hooks",
                json!({"prestart": [{"path": "/x", "timeout": 0}]}),
                "config.json: hooks.prestart[0].timeout is not a number of seconds above 0",
            ),
            (
                "/process/rlimits",
                json!([{"type": "RLIMIT_NOFILE", "soft": 2, "hard": 1}]),
                "config.json: process.rlimits: the soft limit of RLIMIT_NOFILE is above the hard one",
            ),
            ("/linux/namespaces/0/path", json!("/no/such"), "find the pid namespace /no/such: no such file or directory"),
        ] {
            let mut spec = spec();
            let (part, key) = pointer.rsplit_once('/').unwrap();
            spec.pointer_mut(part).unwrap()[key] = value;
            assert_eq!(configuration(&spec).unwrap_err().to_string(), words, "{pointer}");
        }
    }

    #[test]
    fn labels_without_selinux_are_refused() {
        for (part, key) in [("/process", "selinuxLabel"), ("/linux", "mountLabel")] {
            let mut spec = spec();
            spec.pointer_mut(part).unwrap()[key] = json!("");
            configuration(&spec).unwrap();
            spec.pointer_mut(part).unwrap()[key] = json!("system_u:object_r:container_file_t:s0");
            assert!(configuration(&spec).unwrap_err().to_string().contains("SELinux"), "{key}");
        }
    }

    #[test]
    fn some_files_of_proc_may_be_covered() {
        for (destination, source) in [("/proc/meminfo", "/x"), ("/proc", "/proc"), ("/process", "/x"), ("/", "/x")] {
            let mut spec = spec();
            spec["mounts"] = json!([{"destination": destination, "type": "bind", "source": source}]);
            configuration(&spec).unwrap();
        }
    }

    #[test]
    fn the_form_is_the_specifications() {
        let mut spec = spec();
        spec["process"]["user"] = json!("root");
        let said = form(&spec).unwrap_err().to_string();
        assert!(said.starts_with("config.json is not of the specification's form: invalid type: string"), "{said}");
    }

    #[test]
    fn a_root_must_be_a_directory() {
        let said = rootfs(Path::new("/no/such")).unwrap_err().to_string();
        assert!(said.ends_with("/no/such: no such file or directory"), "{said}");
        assert!(rootfs(Path::new("/dev/null")).is_err());
    }
}
