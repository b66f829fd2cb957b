//! A world of its own for the lab: network, mounts and processes that all vanish with it.
//!
//! A program calls [`enter`] on the host's side; that starts the same program again as PID 1 of new namespaces, where [`inside`]
//! is true and [`settle`] readies the mounts. When either side dies, by Ctrl-C, by a panic or by SIGKILL, the kernel kills every
//! process of the PID namespace, and with the last of them go mounts, links and addresses: nothing has to be cleaned up. A program
//! may enter one lab after the other.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use kit::{Context, Error, Result};
use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use rustix::io::FdFlags;
use rustix::mount::{MountFlags, mount};

use crate::network;

/// Set for the program on the inside; PID 1 alone would also be true in somebody's container.
const MARK: &str = "KUTTIES_LAB";

/// The lab's files: on a tmpfs of its own, over /run.
pub const DIR: &str = "/run/lab";

/// Timeout of the machines' and the control plane's end after Ctrl-C: the time in which QEMU gives
/// the terminal back.
const GRACE: Duration = Duration::from_secs(3);

/// Programs of the network's administration, which a person's PATH may lack.
const SBIN: &str = "/usr/local/sbin:/usr/sbin:/sbin";

/// Tells if this process is the lab's first one.
pub fn inside() -> bool {
    std::env::var_os(MARK).is_some() && std::process::id() == 1
}

/// Starts this program again in a lab of its own with the same arguments, and waits for its end. What the lab needs from the
/// internet must be there already: the new network leads nowhere.
pub fn enter() -> Result<ExitCode> {
    firmware::tools::debian(network::PACKAGES).map_err(|e| Error::new(format!("{e:#}")))?;
    let program = own_program()?;
    let path = std::env::var("PATH").unwrap_or_default();
    let signals = block_signals()?;
    let terminal = rustix::termios::tcgetattr(rustix::stdio::stdin()).ok();
    let mut command = command(!rustix::process::geteuid().is_root());
    command
        .arg(format!("/proc/self/fd/{}", program.as_raw_fd()))
        .args(std::env::args_os().skip(1))
        .env(MARK, "1")
        .env("PATH", format!("{path}:{SBIN}"));
    let mut child = command.spawn().doing("start setpriv (package util-linux)")?;
    RUNNING.store(child.id(), Ordering::SeqCst);
    FORWARD.call_once(|| drop(thread::spawn(move || forward(signals))));
    let status = child.wait().doing("wait for the lab");
    RUNNING.store(0, Ordering::SeqCst);
    let status = status?;
    if let Some(settings) = terminal {
        // It may have been closed meanwhile.
        let _ = rustix::termios::tcsetattr(rustix::stdio::stdin(), rustix::termios::OptionalActions::Now, &settings);
    }
    Ok(code(status))
}

/// A command that runs what is added to it as the first process of namespaces of its own, with a user namespace if wanted, without one
/// only root may have the others. It ends with this process.
pub fn command(with_users: bool) -> Command {
    let users: &[&str] = if with_users { &["--user", "--map-root-user"] } else { &[] };
    let others = ["--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--kill-child=KILL", "--propagation", "private", "--"];
    // Each of the three processes dies with the one before it.
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "unshare"]).args(users).args(others);
    command
}

/// Our own file, which a build may have replaced since we began. Whoever we start has the descriptor, too: `/proc/self/fd/N` names it there.
pub fn own_program() -> Result<File> {
    let file = File::open("/proc/self/exe").doing("open this program")?;
    rustix::io::fcntl_setfd(&file, FdFlags::empty()).doing("hand this program on")?;
    Ok(file)
}

/// Mounts the inside's own /proc, /run and /etc, and takes care of signals. Answers the host's number of this process.
pub fn settle() -> Result<u32> {
    // The host's /proc is still there and knows us by the host's number.
    let link = fs::read_link("/proc/self").doing("read /proc/self")?;
    let number = link.to_string_lossy().parse().map_err(|e| Error::new(format!("read /proc/self: {e}")))?;
    let signals = block_signals()?;
    thread::spawn(move || end_on_signal(signals));
    mount("proc", "/proc", "proc", MountFlags::empty(), None).doing("mount /proc")?;
    mount("tmpfs", "/run", "tmpfs", MountFlags::empty(), None).doing("mount /run")?;
    let (upper, work) = (format!("{DIR}/etc"), format!("{DIR}/etc.work"));
    for dir in [&upper, &work] {
        fs::create_dir_all(dir).on("make", dir)?;
    }
    let layers =
        std::ffi::CString::new(format!("lowerdir=/etc,upperdir={upper},workdir={work}")).doing("name the layers of /etc")?;
    mount("overlay", "/etc", "overlay", MountFlags::empty(), Some(layers.as_c_str())).doing("mount /etc")?;
    fresh_etc(Path::new("/etc"))?;
    Ok(number)
}

/// The host's own cluster, if it has one, is none of ours; its resolver can't be reached.
fn fresh_etc(etc: &Path) -> Result<()> {
    let kubernetes = etc.join("kubernetes");
    if kubernetes.exists() {
        fs::remove_dir_all(&kubernetes).on("hide", &kubernetes)?;
    }
    fs::create_dir(&kubernetes).on("make", &kubernetes)?;
    let resolver = etc.join("resolv.conf");
    // A symbolic link into the host's /run is usual.
    let _ = fs::remove_file(&resolver);
    fs::write(&resolver, "nameserver 10.77.0.1\n").on("write", &resolver)?;
    let mtab = etc.join("mtab");
    if !mtab.exists() {
        symlink("/proc/self/mounts", &mtab).on("link", &mtab)?;
    }
    Ok(())
}

/// The signals that end the lab, blocked in this thread and all that it starts; children of `Command` begin with none blocked.
fn block_signals() -> Result<SigSet> {
    let set = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
    set.thread_block().doing("block signals")?;
    Ok(set)
}

/// Outside: the process that holds the lab; 0 between two labs.
static RUNNING: AtomicU32 = AtomicU32::new(0);
/// One thread waits for signals, for every lab of this program.
static FORWARD: Once = Once::new();

/// Outside: passes the wish to end on, and insists when nothing comes of it.
#[expect(clippy::exit, reason = "the wish to end, when there is no lab to pass it on to")]
fn forward(signals: SigSet) {
    while let Ok(signal) = signals.wait() {
        let unshare = RUNNING.load(Ordering::SeqCst);
        if unshare == 0 {
            std::process::exit(128 + signal as i32)
        }
        let inner = fs::read_to_string(format!("/proc/{unshare}/task/{unshare}/children")).unwrap_or_default();
        match inner.trim().parse() {
            Ok(pid) => {
                // A terminal has told it already; twice does no harm.
                let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
                thread::sleep(GRACE * 2);
            }
            Err(_) => thread::sleep(GRACE),
        }
        if RUNNING.load(Ordering::SeqCst) == unshare {
            let _ = kill(Pid::from_raw(unshare.cast_signed()), Signal::SIGKILL);
        }
    }
}

/// Inside: asks every process to end, waits a little, ends.
#[expect(clippy::exit, reason = "the end of PID 1 is the end of the lab, whatever its other threads do")]
fn end_on_signal(signals: SigSet) {
    let Ok(signal) = signals.wait() else { return };
    // From PID 1 this reaches all but itself.
    let _ = kill(Pid::from_raw(-1), Signal::SIGTERM);
    let start = Instant::now();
    while start.elapsed() < GRACE {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Err(Errno::ECHILD) => break,
            Ok(nix::sys::wait::WaitStatus::StillAlive) => thread::sleep(Duration::from_millis(20)),
            _ => {}
        }
    }
    std::process::exit(128 + signal as i32)
}

/// The lab's exit code as ours.
fn code(status: ExitStatus) -> ExitCode {
    status.code().and_then(|c| u8::try_from(c).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}
