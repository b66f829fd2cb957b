//! The list is held against containerd's, call by call.

use std::collections::BTreeSet;

use super::*;

/// containerd's list; see its first lines.
const THEIRS: &str = include_str!("containerd.txt");
/// Calls that are allowed here and not there, with the condition. The README says why.
const MORE: &[(&str, &str)] = &[("SYS_NICE", "migrate_pages"), ("SYS_NICE", "move_pages")];

/// Their names that hold always, on this machine, or with one of these capabilities.
fn theirs(capabilities: &[&str]) -> BTreeSet<String> {
    let holds = |when: &str| when == "always" || when == std::env::consts::ARCH || capabilities.contains(&when);
    let lines = THEIRS.lines().filter_map(|line| line.split_once(' '));
    lines.filter(|(when, _)| holds(when)).flat_map(|(_, names)| names.split(' ')).map(str::to_owned).collect()
}

/// Our names that are allowed whatever their arguments are.
fn ours(capabilities: &[&str]) -> BTreeSet<String> {
    let profile = build(capabilities);
    let rules = profile["syscalls"].as_array().into_iter().flatten();
    let plain = rules.filter(|rule| rule["action"] == ALLOW && rule.get("args").is_none());
    plain
        .flat_map(|rule| rule["names"].as_array().into_iter().flatten())
        .filter_map(|name| Some(name.as_str()?.to_owned()))
        .collect()
}

/// Names of other machines: they are in our one list, and unknown where they do not exist.
fn elsewhere() -> BTreeSet<&'static str> {
    let machines = ["x86_64", "aarch64", "riscv64"];
    let lines = THEIRS.lines().filter_map(|line| line.split_once(' '));
    let lines = lines.filter(|(when, _)| machines.contains(when) && *when != std::env::consts::ARCH);
    lines.flat_map(|(_, names)| names.split(' ')).collect()
}

#[test]
fn each_call_is_allowed_as_containerd_does() {
    let all: Vec<&str> =
        THEIRS.lines().filter_map(|line| line.split(' ').next()).filter(|when| when.starts_with(char::is_uppercase)).collect();
    assert!(all.len() > 10 && all.contains(&"SYS_ADMIN"));
    for capabilities in all.iter().map(std::slice::from_ref).chain([[].as_slice(), &all]) {
        let (ours, theirs) = (ours(capabilities), theirs(capabilities));
        let missing: Vec<_> = theirs.difference(&ours).collect();
        assert!(missing.is_empty(), "{capabilities:?}: {missing:?} are missing");
        let excused = |name: &str| {
            elsewhere().contains(name) || MORE.iter().any(|(when, more)| *more == name && capabilities.contains(when))
        };
        let more: Vec<_> = ours.difference(&theirs).filter(|name| !excused(name)).collect();
        assert!(more.is_empty(), "{capabilities:?}: {more:?} are more");
    }
}

#[test]
fn differences_are_explained() {
    let readme = include_str!("../../../README.md");
    for (capability, name) in MORE {
        let row = readme.lines().find(|line| line.starts_with('|') && line.contains(&format!("`{name}`")));
        assert!(row.is_some_and(|row| row.contains(capability)), "README.md has no row for {name}");
    }
}

#[test]
fn sockets_of_two_families_are_refused() {
    let profile = build(&[]);
    let rules = profile["syscalls"].as_array().into_iter().flatten().filter(|rule| rule["names"][0] == "socket");
    let conditions: Vec<(u64, String)> = rules
        .map(|rule| {
            assert!(rule["args"].as_array().is_some_and(|args| args.len() == 1 && args[0]["index"] == 0));
            (rule["args"][0]["value"].as_u64().unwrap_or_default(), rule["args"][0]["op"].to_string())
        })
        .collect();
    let allowed = |family: u64| {
        conditions.iter().any(|(value, op)| match op.trim_matches('"') {
            "SCMP_CMP_LT" => family < *value,
            "SCMP_CMP_EQ" => family == *value,
            "SCMP_CMP_GT" => family > *value,
            _ => true,
        })
    };
    let refused: Vec<u64> = (0..64).filter(|family| !allowed(*family)).collect();
    assert_eq!(refused, [38, 40]);
    assert!(conditions.len() == 3 && !ours(&["SYS_ADMIN"]).contains("socket"));
}

#[test]
fn new_namespaces_need_a_capability() {
    let of = |capabilities: &[&str], name: &str| {
        let profile = build(capabilities);
        let rules = profile["syscalls"].as_array().cloned().unwrap_or_default();
        rules
            .into_iter()
            .filter(|rule| rule["names"].as_array().is_some_and(|names| names.contains(&json!(name))))
            .collect::<Vec<_>>()
    };
    let clone = of(&[], "clone");
    assert_eq!(clone.len(), 1);
    assert_eq!(clone[0]["args"][0], json!({ "index": 0, "value": 0x7e02_0000, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ" }));
    assert_eq!(of(&[], "clone3")[0]["errnoRet"], ENOSYS);
    assert!(ours(&["SYS_ADMIN"]).contains("clone3"));
    for call in ["io_uring_setup", "userfaultfd", "keyctl", "add_key", "kexec_load", "init_module", "pivot_root"] {
        assert!(of(&[], call).is_empty(), "{call}");
    }
}
