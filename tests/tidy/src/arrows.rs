//! Floors of the house: a crate may use those below it.

use std::path::Path;

use crate::sources::Crate;

/// Node crates in the order in which they may use each other: each those before it.
const NODE: &[&str] = &[
    "cri-api",
    "monitor",
    "streaming",
    "image",
    "cni",
    "oci",
    "cri",
    "crictl",
    "kube",
    "provision",
    "sshd",
    "ntp",
    "init",
    "doctor",
];
/// Crates of the libraries that builders share with the binary.
const SHARED: &[&str] = &["format", "layout"];
/// Patched crates, which stand for others and use none of ours.
const PATCHED: &[&str] = &["crc-fast", "icu_collator", "libcontainer"];

/// Floor of a crate, by its directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Floor {
    /// `src`: the binary.
    Binary,
    /// `applets/lib`
    Library,
    /// `applets/cmd`
    Command,
    /// `applets/node`
    Node,
    /// `initramfs`, `firmware` and what lies below that.
    Builder,
    /// `tests`
    Tests,
    /// Stands for a crate of somebody else.
    Patched,
}

fn floor(one: &Crate) -> Floor {
    let below = |dir: &str| one.dir.starts_with(dir);
    if PATCHED.contains(&one.name.as_str()) {
        Floor::Patched
    } else if one.dir == Path::new("") {
        Floor::Binary
    } else if below("applets/lib") {
        Floor::Library
    } else if below("applets/cmd") {
        Floor::Command
    } else if below("applets/node") {
        Floor::Node
    } else if below("tests") {
        Floor::Tests
    } else {
        Floor::Builder
    }
}

fn may_use(from: &Crate, to: &Crate) -> bool {
    let place = |one: &Crate| NODE.iter().position(|name| *name == one.name);
    match (floor(from), floor(to)) {
        // That libraries do not use each other in a circle is cargo's to hold.
        (Floor::Tests, _) | (_, Floor::Patched) | (Floor::Library | Floor::Command | Floor::Node, Floor::Library) => true,
        (_, Floor::Tests | Floor::Binary) | (Floor::Patched, _) => false,
        (Floor::Binary, to) => to != Floor::Builder,
        (Floor::Node, Floor::Node) => place(from).is_some_and(|from| place(to).is_some_and(|to| to < from)),
        (Floor::Builder, Floor::Builder) => from.name == "firmware" && to.name == "initramfs",
        (Floor::Builder, Floor::Library) => SHARED.contains(&to.name.as_str()),
        _ => false,
    }
}

/// Arrows that go up or sideways, as `from to`.
pub fn wrong(crates: &[Crate]) -> Vec<String> {
    let mut found = Vec::new();
    for from in crates {
        for to in crates.iter().filter(|to| from.uses.contains(&to.name)) {
            if !may_use(from, to) {
                found.push(format!("{} {}", from.name, to.name));
            }
        }
    }
    found
}

/// Node crates that have no place in the order.
pub fn unplaced(crates: &[Crate]) -> Vec<String> {
    let node = crates.iter().filter(|one| floor(one) == Floor::Node && !NODE.contains(&one.name.as_str()));
    node.map(|one| format!("{}: it has no place in the order of node crates (tests/tidy/src/arrows.rs)", one.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, dir: &str, uses: &[&str]) -> Crate {
        Crate { name: name.into(), dir: dir.into(), uses: uses.iter().map(ToString::to_string).collect(), files: Vec::new() }
    }

    #[test]
    fn arrows_go_down() {
        let crates = [
            one("kutties", "", &["init", "disk"]),
            one("kit", "applets/lib/kit", &[]),
            one("disk", "applets/cmd/disk", &["kit"]),
            one("boot", "applets/cmd/boot", &["disk"]),
            one("image", "applets/node/image", &["kit", "cri"]),
            one("cri", "applets/node/cri", &["image"]),
            one("init", "applets/node/init", &["cri", "disk"]),
            one("firmware", "firmware", &["kit"]),
            one("lab", "tests/lab", &["firmware", "kit"]),
        ];
        assert_eq!(wrong(&crates), ["boot disk", "image cri", "init disk", "firmware kit"]);
        assert!(unplaced(&crates).is_empty());
        assert_eq!(unplaced(&[one("new", "applets/node/new", &[])]).len(), 1);
    }
}
