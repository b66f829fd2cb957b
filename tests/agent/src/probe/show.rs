//! View of a container's process on itself and its surroundings: a line each, `NAME: VALUE`.

use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;

/// Fields of the kernel's status that decide on this process's rights.
const STATUS: &[&str] = &["Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp"];
/// The limits of its cgroup, as it sees them itself.
const LIMITS: &[&str] = &[
    "cpu.max",
    "cpu.weight",
    "memory.max",
    "memory.high",
    "memory.min",
    "memory.swap.max",
    "memory.oom.group",
    "hugetlb.2MB.max",
    "pids.max",
    "cpuset.cpus",
];
/// The namespaces it is in.
const NAMESPACES: &[&str] = &["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];

/// Show all, and the content of files by name: `NAME| LINE`.
pub fn show(files: &[&str]) -> io::Result<ExitCode> {
    let mut out = io::stdout().lock();
    let status = fs::read_to_string("/proc/self/status")?;
    for line in status.lines().filter(|line| STATUS.iter().any(|name| line.split(':').next() == Some(name))) {
        writeln!(out, "{}", line.split_whitespace().collect::<Vec<_>>().join(" "))?;
    }
    writeln!(out, "pid: {}", std::process::id())?;
    writeln!(out, "cwd: {}", std::env::current_dir()?.display())?;
    writeln!(out, "host name: {}", fs::read_to_string("/proc/sys/kernel/hostname")?.trim())?;
    writeln!(out, "oom_score_adj: {}", fs::read_to_string("/proc/self/oom_score_adj")?.trim())?;
    for (name, value) in std::env::vars() {
        writeln!(out, "env {name}: {value}")?;
    }
    for name in LIMITS {
        let text = fs::read_to_string(format!("/sys/fs/cgroup/{name}")).unwrap_or_else(|e| e.to_string());
        writeln!(out, "{name}: {}", text.trim())?;
    }
    for name in NAMESPACES {
        writeln!(out, "{name} namespace: {}", fs::read_link(format!("/proc/self/ns/{name}"))?.display())?;
    }
    mounts(&mut out)?;
    for file in files {
        match fs::read(file) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).lines().try_for_each(|line| writeln!(out, "{file}| {line}"))?,
            Err(e) => writeln!(out, "{file}: {e}")?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `mount PLACE: OPTIONS SHARING TYPE SUPER-OPTIONS`, see proc_pid_mountinfo(5).
fn mounts(out: &mut impl Write) -> io::Result<()> {
    for line in fs::read_to_string("/proc/self/mountinfo")?.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        if let [_, _, _, _, place, rest @ ..] = fields.as_slice() {
            writeln!(out, "mount {place}: {}", rest.join(" "))?;
        }
    }
    Ok(())
}

/// All processes that it sees: `PID NAME STATE`.
pub fn processes() -> io::Result<ExitCode> {
    let mut out = io::stdout().lock();
    for entry in fs::read_dir("/proc")?.flatten().filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok()) {
        // One that has ended meanwhile is none.
        let Ok(status) = fs::read_to_string(entry.path().join("status")) else { continue };
        let of =
            |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap_or_default().trim();
        writeln!(out, "{} {} {}", entry.file_name().display(), of("Name"), of("State"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows the visible parts of another process: the entries of its root, and its descriptors.
pub fn look_at(pid: &str) -> io::Result<ExitCode> {
    let mut out = io::stdout().lock();
    for part in ["root", "fd"] {
        match fs::read_dir(format!("/proc/{pid}/{part}")) {
            Ok(entries) => {
                let names: Vec<String> =
                    entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
                writeln!(out, "{part}: {names:?}")?;
            }
            Err(e) => writeln!(out, "{part}: {e}")?,
        }
    }
    Ok(ExitCode::SUCCESS)
}
