//! `kutties kubeadm` readies the node, asks the cluster what kubeadm would only complain of late, and runs the bundle's kubeadm.
//!
//! All arguments go to kubeadm as they are; a join or init that names no CRI socket gets ours. Where no kubeadm is aboard, a join is the
//! native one with the same arguments.

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use kit::{Applet, Context, Error, Exit, Place, Result, paths};

use crate::join::Join;
use crate::ready::{ready_node, wait_for_cri};
use crate::{init_check, native, vip};

/// The record.
pub const KUBEADM: Applet =
    Applet { name: "kubeadm", about: "Ready this node, then run the bundle's kubeadm", place: Place::Hidden, run };

/// The bundle's program.
const PROGRAM: &str = "/usr/bin/kubeadm";

fn run(args: &[OsString]) -> Result<Exit> {
    let args: Vec<OsString> = args.get(1..).unwrap_or_default().to_vec();
    if !Path::new(PROGRAM).exists() && args.first().is_some_and(|verb| verb == "join") {
        // A worker's bundle is the kubelet alone: the join is our own.
        return native::run(&args);
    }
    let program = program()?;
    let words: Vec<String> = args.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    let asks_help = words.iter().any(|w| w == "--help" || w == "-h");
    let verb = words.iter().find(|w| !w.starts_with('-')).map(String::as_str);
    let phase = words.iter().any(|w| w == "phase");
    let mut command = Command::new(program);
    command.args(&args);
    if matches!(verb, Some("join" | "init")) && !asks_help && !phase {
        wait_for_cri()?;
        ready_node()?;
        if !given(&words, "--cri-socket") && !given(&words, "--config") {
            command.arg(format!("--cri-socket=unix://{}", paths::CRI));
        }
        if verb == Some("init") {
            check_clock()?;
            if !given(&words, "--config") {
                init_check::check(&words)?;
            }
            if !given(&words, "--kubernetes-version") && !given(&words, "--config") {
                // kubeadm asks the internet for the newest version otherwise, and waits for its answer.
                command.arg(format!("--kubernetes-version={}", own_version(program)?));
            }
            // Last: what failed before has not touched the network.
            command.args(vip::prepare(&words, &mut |line| say(line))?);
        }
        if verb == Some("join")
            && let Some(join) = Join::parse(&words)?
        {
            join.ask_cluster(&mut |line| say(line))?;
        }
    }
    // Only a failed exec returns.
    Err(Error::new(format!("run {program}: {}", command.exec())).with_exit(Exit::NOT_RUN))
}

/// Tells whether an option is on the command line, with its value behind an equals sign or in the next word.
fn given(words: &[String], option: &str) -> bool {
    words.iter().filter_map(|word| word.strip_prefix(option)).any(|rest| rest.is_empty() || rest.starts_with('='))
}

/// The version of the bundle, which is the only one that its images have.
fn own_version(program: &str) -> Result<String> {
    let output = Command::new(program).args(["version", "-o", "short"]).output().on("run", program)?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() && version.starts_with('v') {
        return Ok(version);
    }
    Err(Error::new(format!("{program} version: {}", String::from_utf8_lossy(&output.stderr).trim())))
}

/// Refuse to make certificates at a time before this program was built: nobody else would take them for valid.
fn check_clock() -> Result<()> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs().cast_signed());
    if now >= kit::clock::earliest() {
        return Ok(());
    }
    Err(Error::new(
        "the clock is wrong: it is before this image was made, and certificates made now would be valid at the wrong time; \
         set it with date -s or kutties ntp, then try again",
    ))
}

/// The bundle's kubeadm, or what is missing instead.
fn program() -> Result<&'static str> {
    if Path::new(PROGRAM).exists() {
        return Ok(PROGRAM);
    }
    let why = if Path::new(paths::KUBE).exists() {
        "this node's bundle is the kubelet alone (KUBE=worker), which can only join: boot with the kube-node segment"
    } else {
        "this node was booted without a kube segment: add kube-node.cpio.zst to its initrds"
    };
    Err(Error::new(format!("no kubeadm: {why}")).with_exit(Exit::NOT_FOUND))
}

/// A line of progress, on standard error as kubeadm's own warnings.
fn say(line: &str) {
    // A closed standard error must not stop a join.
    let _ = writeln!(std::io::stderr(), "[kutties] {line}");
}
