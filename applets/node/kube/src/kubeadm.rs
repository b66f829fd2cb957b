//! `kutties kubeadm` readies the node, asks the cluster what kubeadm would only complain of late, and runs the bundle's kubeadm.
//!
//! All arguments go to kubeadm as they are; a join or init that names no CRI socket gets ours. Where no kubeadm is aboard, a join is the
//! native one with the same arguments.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use kit::{Applet, Context, Error, Exit, Place, Result, paths};

use crate::join::Join;
use crate::{init_check, native, vip};

/// The record.
pub const KUBEADM: Applet =
    Applet { name: "kubeadm", about: "Ready this node, then run the bundle's kubeadm", place: Place::Hidden, run };

/// The bundle's program.
const PROGRAM: &str = "/usr/bin/kubeadm";
/// How long the CRI server may take to answer after power-on; it is started before anything else.
const CRI_PATIENCE: Duration = Duration::from_mins(1);
/// How often a wait looks again.
const PAUSE: Duration = Duration::from_millis(100);

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

/// Wait until the CRI server takes connections.
pub fn wait_for_cri() -> Result<()> {
    let end = Instant::now() + CRI_PATIENCE;
    loop {
        match UnixStream::connect(paths::CRI).and_then(greet) {
            Ok(()) => return Ok(()),
            Err(e) if Instant::now() >= end => {
                let log = format!("{}/cri.log", paths::LOGS);
                return Err(Error::new(format!("the CRI server does not answer at {}: {e}; its log is {log}", paths::CRI)));
            }
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

/// Greet the server as HTTP/2 does and wait for its first frame: a socket that merely listens is no server yet, and kubeadm waits two
/// seconds for an answer and no longer.
fn greet(mut server: UnixStream) -> std::io::Result<()> {
    // RFC 9113, 3.4: the client's preface and an empty SETTINGS frame; the server's own SETTINGS come first of all it says.
    const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    const FRAME_HEAD: usize = 9;
    server.set_read_timeout(Some(CRI_PATIENCE))?;
    server.write_all(HELLO)?;
    server.read_exact(&mut [0; FRAME_HEAD])
}

/// What kubeadm's preflight checks of the kernel; init has set it, unless somebody changed it since.
pub fn ready_node() -> Result<()> {
    const FORWARD: &str = "/proc/sys/net/ipv4/ip_forward";
    let now = std::fs::read_to_string(FORWARD).on("read", FORWARD)?;
    if now.trim() == "1" { Ok(()) } else { std::fs::write(FORWARD, "1").on("write", FORWARD) }
}

/// A line of progress, on standard error as kubeadm's own warnings.
fn say(line: &str) {
    // A closed standard error must not stop a join.
    let _ = writeln!(std::io::stderr(), "[kutties] {line}");
}
