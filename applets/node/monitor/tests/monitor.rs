//! A monitor with processes of this program in place of containers: this is its zygote's parent, and its `oci`.
//!
//! Without the test harness: the zygote is forked while the process has one thread.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]
#![expect(clippy::print_stdout, reason = "lines of the form that the test harness has")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use monitor::wire::{self, Create, Exec, Pod, Reply, Request, Spawn};
use serde_json::json;

/// The time that all of it may take on a busy machine.
const LIMIT: Duration = Duration::from_mins(2);
/// Processes that lose their parent: so many in all, by a shell that forks ten at once.
const ORPHANS: &str =
    "i=0; while [ $i -lt 1000 ]; do ( : & : & : & : & : & : & : & : & : & : & ); i=$((i+1)); done; echo all; exec sleep 600";
/// Four writers whose output never ends and is never found empty.
const FLOOD: &str = "yes & yes & yes & exec yes";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["--report", _, "oci", "--root", _, verb, rest @ ..] => oci(verb, rest),
        // The harness's questions, such as --list, are not for this.
        [first, ..] if first.starts_with("--list") => {}
        _ => {
            exits_beside_orphans();
            println!("test exits_beside_orphans ... ok");
            floods_delay_no_stop();
            println!("test floods_delay_no_stop ... ok");
        }
    }
    ExitCode::SUCCESS
}

/// The OCI runtime, as far as a monitor sees it: containers and processes are commands of the shell.
#[expect(clippy::zombie_processes, reason = "the monitor waits for the child")]
fn oci(verb: &str, rest: &[&str]) {
    let after = |option: &str| rest.iter().skip_while(|word| **word != option).nth(1).map(PathBuf::from);
    let script = match verb {
        "create" => fs::read_to_string(after("--bundle").unwrap().join("script")).unwrap(),
        "exec" => {
            let process: serde_json::Value = serde_json::from_slice(&fs::read(after("--process").unwrap()).unwrap()).unwrap();
            process["script"].as_str().unwrap().to_owned()
        }
        // A container runs from its making on, and is killed by the monitor.
        _ => return,
    };
    // Its parent, this, ends before it: so it becomes the monitor's child, as a container's process does.
    let child = Command::new("sh").args(["-c", &script]).stdin(Stdio::null()).spawn().unwrap();
    fs::write(after("--pid-file").unwrap(), child.id().to_string()).unwrap();
}

/// A pod's monitor and its directory.
struct Case {
    dir: PathBuf,
    _zygote: OwnedFd,
    _watch: BufReader<UnixStream>,
}

impl Case {
    fn start(name: &str) -> Self {
        let dir = Path::new("/tmp").join(format!("cri-monitor-{}-{name}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let alone = fs::File::create(dir.join("lock")).unwrap();
        let zygote = monitor::start(alone.into()).unwrap();
        let pod = Pod { id: name.into(), ..Pod::default() };
        fs::write(wire::pod_file(&dir), serde_json::to_vec(&pod).unwrap()).unwrap();
        let (ours, theirs) = UnixStream::pair().unwrap();
        send(&zygote, &serde_json::to_vec(&Spawn { dir: dir.clone() }).unwrap(), &[theirs.as_fd()]);
        drop(theirs);
        ours.set_read_timeout(Some(LIMIT)).unwrap();
        let mut watch = BufReader::new(ours);
        assert!(matches!(reply(&mut watch), Reply::Info(_)));
        Self { dir, _zygote: zygote, _watch: watch }
    }

    /// Ask, and give the answers' reader.
    fn ask(&self, request: &Request, fds: &[BorrowedFd<'_>]) -> BufReader<UnixStream> {
        let socket = UnixStream::connect(wire::socket(&self.dir)).unwrap();
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        let mut line = serde_json::to_vec(request).unwrap();
        line.push(b'\n');
        send(&socket, &line, fds);
        BufReader::new(socket)
    }

    /// Begin a container that runs a script.
    fn container(&self, id: &str, script: &str) {
        let bundle = self.dir.join(format!("bundle-{id}"));
        fs::create_dir_all(&bundle).unwrap();
        fs::write(bundle.join("script"), script).unwrap();
        let create = Create {
            container: id.into(),
            bundle,
            log: Some(self.dir.join(format!("{id}.log"))),
            log_quota: 1 << 20,
            cgroup: String::new(),
            terminal: false,
            stdin: false,
            stdin_once: false,
        };
        let made = reply(&mut self.ask(&Request::Create(create), &[]));
        assert!(matches!(made, Reply::Created { .. }), "{made:?}");
        let started = reply(&mut self.ask(&Request::Start { container: id.into() }, &[]));
        assert!(matches!(started, Reply::Started { .. }), "{started:?}");
    }

    /// Begin a process in a container; its output goes to a file.
    fn exec(&self, id: &str, script: &str, output: BorrowedFd<'_>) -> BufReader<UnixStream> {
        let exec = Exec { container: id.into(), process: json!({ "script": script }), timeout: 0 };
        self.ask(&Request::Exec(exec), &[output, output])
    }

    /// Stop a container: how long that took.
    fn stop(&self, id: &str) -> Duration {
        let begun = Instant::now();
        let stopped = reply(&mut self.ask(&Request::Stop { container: id.into(), signal: 15, grace: 0 }, &[]));
        assert_eq!(stopped, Reply::Done);
        begun.elapsed()
    }

    fn log(&self, id: &str) -> String {
        fs::read_to_string(self.dir.join(format!("{id}.log"))).unwrap()
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        let _ = self.ask(&Request::Shutdown, &[]).read_to_end(&mut Vec::new());
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn send(socket: impl AsFd, bytes: &[u8], fds: &[BorrowedFd<'_>]) {
    assert_eq!(kit::scm::send(socket, bytes, fds).unwrap(), bytes.len());
}

fn reply(from: &mut BufReader<UnixStream>) -> Reply {
    let mut line = String::new();
    from.read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap_or_else(|e| panic!("{line:?}: {e}"))
}

fn code(of: &mut BufReader<UnixStream>) -> i32 {
    assert_eq!(reply(of), Reply::Begun);
    match reply(of) {
        Reply::Exec(done) => done.code,
        other => panic!("{other:?}"),
    }
}

/// A hundred processes at once each tell their own code, while ten thousand others end that nobody asked for.
fn exits_beside_orphans() {
    let case = Case::start("orphans");
    case.container("c", ORPHANS);
    let null = fs::File::create("/dev/null").unwrap();
    let mut rounds = 0;
    while rounds < 2 || !case.log("c").contains("all") {
        let mut execs: Vec<_> = (0..100).map(|code| (code, case.exec("c", &format!("exit {code}"), null.as_fd()))).collect();
        for (wanted, exec) in &mut execs {
            assert_eq!(code(exec), *wanted);
        }
        rounds += 1;
    }
    case.stop("c");
}

/// A flood of output, in a container, in a process beside it, or after its end, delays a stop by less than a second.
fn floods_delay_no_stop() {
    let case = Case::start("floods");
    // The background processes live on when the container's own is killed: here no cgroup ends them.
    case.container("c", FLOOD);
    case.container("quiet", "sleep 600");
    let (read, write) = std::io::pipe().unwrap();
    let reader = std::thread::spawn(move || std::io::copy(&mut { read }, &mut std::io::sink()));
    let mut flood = case.exec("quiet", FLOOD, write.as_fd());
    drop(write);
    assert_eq!(reply(&mut flood), Reply::Begun);
    let stops = [case.stop("c"), case.stop("quiet")];
    // The monitor ends the process of a caller that is gone; what it left behind ends with its reader.
    drop(flood);
    assert!(stops.iter().all(|took| *took < Duration::from_secs(1)), "the stops took {stops:?}");
    let log = case.log("c");
    assert!(log.len() < 1 << 20 && log.contains("lines dropped: the log is at its quota"), "{} bytes", log.len());
    drop(case);
    drop(reader);
}
