//! An AppArmor profile holds for a container's first process and for an exec: the one that was asked for, or ours.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use firmware::apt::Suite;
use kit::{Context, Error, Result};
use lab::{busybox, tool};

use crate::case::{Outcome, ensure};
use crate::kube::{delete, start_this};
use crate::world::World;

/// Everything may be done but one thing.
const POLICY: &str = "profile kutties-test flags=(attach_disconnected) {
  file,
  network,
  capability,
  signal,
  unix,
  deny /**/forbidden w,
}
";
/// Says under which profile it runs and what it may write, then waits.
const TRIES: &str = "command:
- sh
- -c
- cat /proc/self/attr/current; echo a > /tmp/free && echo free; echo a > /tmp/forbidden && echo wrote; echo tried; exec sleep 1000
";
const CONFINED: &str = "securityContext: {appArmorProfile: {type: Localhost, localhostProfile: kutties-test}}\n";
/// Pods that name no own profile: what stands in their manifests, and the profile that they run under.
const OTHERS: &[(&str, &str, &str)] = &[
    ("default", "securityContext: {appArmorProfile: {type: RuntimeDefault}}\n", "kutties-default (enforce)"),
    ("silent", "", "kutties-default (enforce)"),
    ("free", "securityContext: {appArmorProfile: {type: Unconfined}}\n", "unconfined"),
    ("mighty", "securityContext: {privileged: true}\n", "unconfined"),
];
/// Our profile, and what it was compiled to.
const OURS: (&str, &[u8]) = (
    include_str!("../../../applets/node/cri/src/spec/apparmor/default.profile"),
    include_bytes!("../../../applets/node/cri/src/spec/apparmor/default.bin"),
);
/// A pod that has the right to mount, and tries to under our profile.
const MOUNTS: &str = "command:
- sh
- -c
- mount -t tmpfs none /tmp 2>/dev/null && echo mounted; umount /dev/shm 2>/dev/null && echo unmounted; echo tried; exec sleep 1000
securityContext: {capabilities: {add: [SYS_ADMIN]}}
";
/// The kernel takes a policy in one write.
const LOAD: &str = "dd if=/tmp/policy of=/sys/kernel/security/apparmor/.load bs=64k 2>/dev/null";

pub fn apparmor(world: &mut World, board: &str) -> Outcome {
    let compiled = policy(world.lab.dir(), POLICY, "abi/4.0")?;
    let ours = policy(world.lab.dir(), OURS.0, "abi/3.0")?;
    ensure(ours == OURS.1, || "default.bin is not what default.profile compiles to".to_owned())?;
    let (node, plane) = world.warm(board)?;
    let guest = &node.vm.guest;
    guest.write("/tmp/policy", &compiled, 0o600)?;
    guest.sh(LOAD)?;
    start_this(plane, node, "confined", &busybox::pod("confined", &node.name, &format!("{TRIES}{CONFINED}")))?;
    for (name, context, _) in OTHERS {
        start_this(plane, node, name, &busybox::pod(name, &node.name, &format!("{TRIES}{context}")))?;
    }
    start_this(plane, node, "mounts", &busybox::pod("mounts", &node.name, MOUNTS))?;
    let confined = lab::until(crate::world::POD, || said(plane, "confined"))?;
    ensure(confined == ["kutties-test (enforce)", "free", "tried"], || format!("under the profile it says {confined:?}"))?;
    for (name, _, profile) in OTHERS {
        let told = lab::until(crate::world::POD, || said(plane, name))?;
        ensure(told == [*profile, "free", "wrote", "tried"], || format!("{name} says {told:?}"))?;
    }
    let mounts = lab::until(crate::world::POD, || said(plane, "mounts"))?;
    ensure(mounts == ["tried"], || format!("under our profile it says {mounts:?}"))?;
    let again =
        plane.ask(&["exec", "confined", "--", "sh", "-c", "cat /proc/self/attr/current; echo a > /tmp/forbidden || echo no"])?;
    ensure(again.lines().collect::<Vec<_>>() == ["kutties-test (enforce)", "no"], || format!("an exec says {again:?}"))?;
    let names = OTHERS.iter().map(|(name, ..)| *name).chain(["confined", "mounts"]);
    names.into_iter().try_for_each(|name| delete(plane, name).map(drop))?;
    Ok(())
}

/// Returns the output of a pod, without the shell's complaints; once it has tried all.
fn said(plane: &lab::control_plane::ControlPlane, pod: &str) -> Result<Vec<String>> {
    let text = plane.ask(&["logs", pod])?;
    let lines: Vec<String> = text.lines().filter(|line| !line.starts_with("sh:")).map(str::to_owned).collect();
    if lines.last().is_some_and(|line| line == "tried") {
        Ok(lines)
    } else {
        Err(Error::new(format!("{pod} has said {lines:?} only")))
    }
}

/// The directory of Debian's compiler, which is unpacked and not installed. Needs the internet the first time.
pub fn compiler() -> Result<PathBuf> {
    let tree = Suite::new("trixie", "amd64").and_then(|suite| suite.tree(&["apparmor"]));
    tree.map_err(|e| Error::new(format!("{e:#}")))
}

/// A policy as the kernel takes it, for one of the interfaces that the compiler knows.
fn policy(dir: &Path, policy: &str, interface: &str) -> Result<Vec<u8>> {
    let tree = compiler()?;
    let (text, compiled) = (dir.join("policy"), dir.join("policy.bin"));
    fs::write(&text, policy).on("write", &text)?;
    // With the C library that it was made for.
    let mut loader = Command::new(tree.join("usr/lib64/ld-linux-x86-64.so.2"));
    loader.arg("--library-path").arg(tree.join("usr/lib/x86_64-linux-gnu")).arg(tree.join("usr/sbin/apparmor_parser"));
    loader.args(["--config-file", "/dev/null", "--skip-read-cache", "--features-file"]);
    tool::checked(loader.arg(tree.join("etc/apparmor.d").join(interface)).arg("--ofile").arg(&compiled).arg(&text))?;
    fs::read(&compiled).on("read", &compiled)
}
