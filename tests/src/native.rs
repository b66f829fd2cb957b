//! Cases of commands that need no privilege, in seconds: child processes of a program built for this machine.
//!
//! They run in namespaces of their own below a root that holds the commands alone, so that no program of the machine
//! is called in a command's place, and no file of the machine is touched.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{PermissionsExt, chroot, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use agent::{Answer, exec};
use kit::{Context, Error, Result};
use lab::guest::Output;
use lab::namespace;
use rustix::mount::{MountFlags, mount, mount_bind_recursive};

use crate::applet_cases::{self, Place};
use crate::report::{Report, Tried, Verdict, say};

/// Directories of the machine with what a program that is linked dynamically takes.
const LIBRARIES: &[&str] = &["/lib", "/lib64", "/usr/lib"];
/// Directories of the root, beside those that are bound or mounted.
const DIRECTORIES: &[&str] = &["bin", "dev", "etc", "proc", "root", "run", "sys", "tmp", "usr/bin", "var/tmp"];
/// The environment of a service on a node.
const ENVIRONMENT: &[(&str, &str)] = &[("PATH", "/bin:/sbin:/usr/bin:/usr/sbin"), ("HOME", "/root"), ("TERM", "linux")];
/// File in the root's parent that tells the verdicts.
const VERDICTS: &str = "verdicts.json";

/// Build the program for this machine and try the cases in namespaces.
pub fn run(report: &Report, repository: &Path) -> Result<()> {
    let status = Command::new("cargo").args(["build", "--package", "kutties"]).current_dir(repository).status();
    if !status.doing("start cargo")?.success() {
        return Err(Error::new("cargo build: kutties did not build; see above"));
    }
    let dir = repository.join("out/tests/native");
    fs::create_dir_all(dir.join("root")).on("make", &dir)?;
    let _ = fs::remove_file(dir.join(VERDICTS));
    fs::copy(built(repository), dir.join("kutties")).on("copy", built(repository))?;
    // A user namespace for root, too: no case may load a module or set the clock of this machine.
    let mut command = namespace::command(true);
    let program = namespace::own_program()?;
    command
        .arg(format!("/proc/self/fd/{}", program.as_raw_fd()))
        .arg("--native")
        .arg(&dir)
        .env_clear()
        .envs(ENVIRONMENT.iter().copied())
        .stdin(Stdio::null());
    let status = command.status().doing("start setpriv (package util-linux)")?;
    let said = fs::read(dir.join(VERDICTS)).map_err(|e| Error::new(format!("the native cases ended with {status}: {e}")))?;
    let tried: Vec<Tried> = serde_json::from_slice(&said).doing("read the verdicts")?;
    let failed = tried.iter().filter(|tried| matches!(tried.verdict, Verdict::Failed(_))).count();
    say(&format!("native cases ... {} ok, {failed} failed\n", tried.len() - failed));
    for tried in tried {
        report.take_elsewhere(&tried.name, tried.verdict);
    }
    Ok(())
}

/// The program that cargo has built.
fn built(repository: &Path) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository.join("target"), PathBuf::from);
    target.join("debug/kutties")
}

/// Inside the namespaces: run the cases below a root in `dir`.
pub fn inside(dir: &Path) -> Result<ExitCode> {
    let files = applet_cases::all()?;
    // The file is open before the root changes.
    let verdicts = File::create(dir.join(VERDICTS)).on("make", dir)?;
    settle(dir)?;
    let mut tried = Vec::new();
    for (applet, cases) in &files {
        for case in cases.iter().filter(|case| case.is_native()) {
            let start = Instant::now();
            let verdict = match applet_cases::run(&Here, applet, case)? {
                None => Verdict::Passed,
                Some(why) => {
                    say(&format!("native/{applet}/{} ... FAILED\n    {why}\n", case.name()));
                    Verdict::Failed(why)
                }
            };
            let name = format!("native/{applet}/{}", case.name());
            tried.push(Tried { name, verdict, seconds: start.elapsed().as_secs_f32() });
        }
    }
    serde_json::to_writer(verdicts, &tried).doing("tell the verdicts")?;
    Ok(ExitCode::SUCCESS)
}

/// Make the root and go there.
fn settle(dir: &Path) -> Result<()> {
    let root = dir.join("root");
    mount("tmpfs", &root, "tmpfs", MountFlags::empty(), Some(c"mode=0755")).doing("mount the root")?;
    for name in DIRECTORIES {
        fs::create_dir_all(root.join(name)).on("make", root.join(name))?;
    }
    for library in LIBRARIES.iter().map(Path::new).filter(|library| library.exists()) {
        let to = root.join(library.strip_prefix("/").unwrap_or(library));
        fs::create_dir_all(&to).on("make", &to)?;
        mount_bind_recursive(library, &to).doing(format!("bind {}", library.display()))?;
    }
    mount_bind_recursive("/dev", root.join("dev")).doing("bind /dev")?;
    mount("proc", root.join("proc"), "proc", MountFlags::empty(), None).doing("mount /proc")?;
    mount("sysfs", root.join("sys"), "sysfs", MountFlags::RDONLY, None).doing("mount /sys")?;
    let etc = firmware::place::repository().join("initramfs/skeleton/etc");
    for entry in fs::read_dir(&etc).on("read", &etc)? {
        let entry = entry.on("read", &etc)?;
        fs::copy(entry.path(), root.join("etc").join(entry.file_name())).on("copy", entry.path())?;
    }
    for world in ["tmp", "var/tmp"] {
        fs::set_permissions(root.join(world), PermissionsExt::from_mode(0o1777)).on("open", world)?;
    }
    fs::copy(dir.join("kutties"), root.join("bin/kutties")).on("copy", dir.join("kutties"))?;
    chroot(&root).doing("change the root")?;
    std::env::set_current_dir("/").doing("enter the root")?;
    links()?;
    let up = Command::new("/bin/ip").args(["link", "set", "lo", "up"]).status().doing("start ip")?;
    if up.success() { Ok(()) } else { Err(Error::new("ip link set lo up: it failed")) }
}

/// A link for each command, as on a node.
fn links() -> Result<()> {
    let listed = Command::new("/bin/kutties").arg("--list").output().doing("start /bin/kutties")?;
    for name in String::from_utf8_lossy(&listed.stdout).lines().filter_map(|line| line.split_whitespace().next()) {
        symlink("kutties", format!("/bin/{name}")).on("link", name)?;
    }
    Ok(())
}

/// This namespace.
struct Here;

impl Place for Here {
    fn clear(&self, dir: &str) -> Result<()> {
        if Path::new(dir).exists() {
            fs::remove_dir_all(dir).on("remove", dir)?;
        }
        fs::create_dir(dir).on("make", dir)
    }

    fn write(&self, path: &str, data: &[u8]) -> Result<()> {
        if let Some(parent) = Path::new(path).parent() {
            fs::create_dir_all(parent).on("make", parent)?;
        }
        fs::write(path, data).on("write", path)
    }

    fn read(&self, path: &str) -> Result<Vec<u8>> {
        fs::read(path).on("read", path)
    }

    fn exec(&self, dir: &str, argv: &[&str], stdin: &[u8], limit: Duration) -> Result<Output> {
        let argv: Vec<String> = argv.iter().map(ToString::to_string).collect();
        match exec::run(&argv, dir, stdin.to_vec(), limit.as_secs()) {
            Answer::Exec { code, stdout, stderr, late: false } => Ok(Output { code, stdout: text(stdout), stderr: text(stderr) }),
            other => Err(Error::new(format!("{}: {other:?}", argv.join(" ")))),
        }
    }
}

fn text(bytes: agent::Bytes) -> String {
    String::from_utf8_lossy(&Vec::from(bytes)).into_owned()
}
