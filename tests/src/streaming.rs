//! Exec, attach, cp, port-forward and logs, as a person with kubectl uses them.

mod forward;

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use kit::{Context, Error, Result};
use lab::control_plane::ControlPlane;
use lab::{busybox, until};

use crate::case::{BOTH, Case, Failure, Outcome, X86, ensure};
use crate::kube::{delete, start_this};
use crate::terminal::Session;
use crate::world::{JOIN, Node, World};

/// The cases.
pub const CASES: &[Case] = &[
    Case { name: "exec-has-streams-and-a-code", boards: BOTH, run: exec },
    Case { name: "exec-on-a-terminal", boards: BOTH, run: terminal },
    Case { name: "exec-ends-with-its-client", boards: X86, run: client_leaves },
    Case { name: "exec-ends-with-the-server", boards: X86, run: server_dies },
    Case { name: "attach-on-a-terminal", boards: X86, run: attach },
    Case { name: "attach-closes-input-once", boards: X86, run: stdin_once },
    Case { name: "cp-both-ways", boards: BOTH, run: copy },
    Case { name: "port-forward-carries-a-hundred", boards: BOTH, run: forward::hundred },
    Case { name: "port-forward-tells-of-closed-ports", boards: X86, run: forward::closed_port },
    Case { name: "go-clients-on-both-transports", boards: X86, run: go_clients },
    Case { name: "logs-follow-across-rotations", boards: X86, run: rotation },
];

/// Those that take long.
pub const LONG_CASES: &[Case] = &[Case { name: "cp-of-a-gibibyte-both-ways", boards: X86, run: copy_large }];

/// Timeout of a stream's begin or end under emulation.
const STREAM: Duration = Duration::from_mins(1);
/// A copy's size: more than every buffer on the way, and done in a minute under emulation.
const COPY: usize = 64 << 20;

/// Run kubectl with an input.
fn fed(plane: &ControlPlane, args: &[&str], input: &[u8]) -> Result<std::process::Output> {
    let mut command = plane.kubectl_command(args);
    let mut child = piped(&mut command).spawn().doing("start kubectl")?;
    let Some(mut pipe) = child.stdin.take() else { return Err(Error::new("kubectl has no input")) };
    let input = input.to_vec();
    let writer = thread::spawn(move || pipe.write_all(&input));
    let output = child.wait_with_output().doing("run kubectl")?;
    // A program that does not read its input has its own message.
    let _ = writer.join();
    Ok(output)
}

fn piped(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped())
}

fn said(output: &std::process::Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\nout: {}\nerr: {}", output.status, text(&output.stdout), text(&output.stderr))
}

/// A pod of busybox that waits, and is gone after `work`.
fn with_pod(
    world: &mut World,
    board: &str,
    name: &str,
    more: &str,
    work: impl FnOnce(&Node, &ControlPlane) -> Outcome,
) -> Outcome {
    let (node, plane) = world.warm(board)?;
    start_this(plane, node, name, &busybox::pod(name, &node.name, more))?;
    let done = work(node, plane);
    delete(plane, name)?;
    done.map_err(|e| match e {
        Failure::Failed(why) => Failure::Failed(format!("{why}\n{}", node.service_log("cri"))),
        skipped @ Failure::Skipped(_) => skipped,
    })
}

/// A process that waits and ends when it is told to.
const WAIT: &str = "command: [sh, -c, 'trap exit TERM; while :; do sleep 1; done']\n";

fn exec(world: &mut World, board: &str) -> Outcome {
    with_pod(world, board, "exec", WAIT, |_, plane| {
        let output = plane.kubectl(&["exec", "exec", "--", "sh", "-c", "echo to out; echo to err >&2; exit 7"])?;
        let (out, err) = (&output.stdout, String::from_utf8_lossy(&output.stderr));
        ensure(output.status.code() == Some(7) && out == b"to out\n" && err.contains("to err\n"), || said(&output))?;

        // The end of the input must come through, or this hangs.
        let input: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
        let output = fed(plane, &["exec", "-i", "exec", "--", "cat"], &input)?;
        ensure(output.status.success() && output.stdout == input, || {
            format!(
                "{}, {} of {} bytes: {}",
                output.status,
                output.stdout.len(),
                input.len(),
                String::from_utf8_lossy(&output.stderr)
            )
        })?;

        let output = plane.kubectl(&["exec", "exec", "--", "no-such-program"])?;
        let err = String::from_utf8_lossy(&output.stderr);
        ensure(!output.status.success() && err.contains("no-such-program"), || said(&output))?;
        let output = plane.kubectl(&["exec", "exec", "--", "sh", "-c", "kill -9 $$"])?;
        ensure(output.status.code() == Some(137), || said(&output))
    })
}

fn terminal(world: &mut World, board: &str) -> Outcome {
    with_pod(world, board, "terminal", WAIT, |node, plane| {
        let mut session = Session::start(plane.kubectl_command(&["exec", "-it", "terminal", "--", "sh"]), (30, 100))?;
        session.wait("# ", STREAM)?;
        // The size comes by a stream of its own, perhaps after the first prompt.
        session.type_line("until [ \"$(stty size)\" = '30 100' ]; do sleep 1; done; echo sized $((30+1)); tty; echo $TERM")?;
        session.wait("sized 31", STREAM)?;
        session.wait("/dev/pts/0", STREAM)?;
        session.wait("xterm", STREAM)?;
        session.resize((43, 132))?;
        session.type_line("until [ \"$(stty size)\" = '43 132' ]; do sleep 1; done; echo seen $((40+3))")?;
        session.wait("seen 43", STREAM)?;
        // Input to a program that waits reaches it, and ^C ends it.
        session.type_line("sleep 98700")?;
        // Until it runs the shell reads the keys itself.
        there(node, 98700)?;
        session.type_text("\x03")?;
        session.type_line("echo after=$?")?;
        session.wait("after=130", STREAM)?;
        session.type_line("exit 3")?;
        let code = session.end(STREAM)?;
        ensure(code == Some(3), || format!("it ended with {code:?}:\n{}", session.seen()))
    })
}

/// A pattern of a process's command line, which the searching shell does not have in its own.
fn gone(node: &Node, seconds: u32) -> Outcome {
    node.vm.guest.sh_until(&format!("! ps | grep -q '[s]leep {seconds}'"), STREAM)?;
    Ok(())
}

fn there(node: &Node, seconds: u32) -> Outcome {
    node.vm.guest.sh_until(&format!("ps | grep -q '[s]leep {seconds}'"), STREAM)?;
    Ok(())
}

fn client_leaves(world: &mut World, board: &str) -> Outcome {
    with_pod(world, board, "leaves-exec", WAIT, |node, plane| {
        // Its terminal is hung up.
        let session = Session::start(plane.kubectl_command(&["exec", "-it", "leaves-exec", "--", "sleep", "98701"]), (24, 80))?;
        there(node, 98701)?;
        drop(session);
        gone(node, 98701)?;
        // Its input ends.
        let script = "cat >/dev/null; exec sleep 98702";
        let mut command = plane.kubectl_command(&["exec", "-i", "leaves-exec", "--", "sh", "-c", script]);
        let mut child = piped(&mut command).spawn().doing("start kubectl")?;
        node.vm.guest.sh_until("ps | grep -q '[c]at >/dev/null'", STREAM)?;
        child.kill().doing("kill kubectl")?;
        child.wait().doing("kill kubectl")?;
        // The shell has the same words in its own command line.
        node.vm.guest.sh_until("ps | grep '[s]leep 98702' | grep -qv 'cat >'", STREAM)?;
        Ok(())
    })
}

fn server_dies(world: &mut World, board: &str) -> Outcome {
    with_pod(world, board, "server-dies", WAIT, |node, plane| {
        let mut command = plane.kubectl_command(&["exec", "server-dies", "--", "sleep", "98703"]);
        let mut child = piped(&mut command).spawn().doing("start kubectl")?;
        there(node, 98703)?;
        let before = crate::cri::server(&node.vm.guest)?;
        crate::cri::kill(&node.vm.guest, "true")?;
        gone(node, 98703)?;
        ended(&mut child, STREAM)?;
        crate::cri::wait_served(&node.vm.guest, &before)?;
        until(STREAM, || plane.ask(&["exec", "server-dies", "--", "true"]))?;
        Ok(())
    })
}

/// Wait until a child has ended by itself.
fn ended(child: &mut Child, limit: Duration) -> Result<()> {
    let done = until(limit, || match child.try_wait().doing("ask after kubectl")? {
        Some(_) => Ok(()),
        None => Err(Error::new("kubectl runs still")),
    });
    if done.is_err() {
        // It is of no use any more.
        let _ = child.kill();
        let _ = child.wait();
    }
    done
}

fn attach(world: &mut World, board: &str) -> Outcome {
    with_pod(world, board, "attach", "stdin: true\ntty: true\ncommand: [sh]\n", |_, plane| {
        let mut session = Session::start(plane.kubectl_command(&["attach", "-it", "attach"]), (33, 90))?;
        // kubectl first says a size that is one too large, so that programs draw again, then the true one.
        session.type_line("until [ \"$(stty size)\" = '33 90' ]; do sleep 1; done; echo $((6*7))")?;
        session.wait("42\r\n", STREAM)?;
        drop(session);
        // The container lives on, and the next client finds the same shell.
        let mut session = Session::start(plane.kubectl_command(&["attach", "-it", "attach"]), (24, 80))?;
        session.type_line("echo again $$")?;
        session.wait("again 1\r\n", STREAM)?;
        let logs = plane.ask(&["logs", "attach"])?;
        ensure(logs.contains("42") && logs.contains("again 1"), || logs)
    })
}

fn stdin_once(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    let more = "stdin: true\nstdinOnce: true\ncommand: [sh, -c, 'cat; echo end of input; exit 5']\n";
    plane.apply(&busybox::pod("once", &node.name, &format!("{more}\n")).replace("spec:", "spec:\n  restartPolicy: Never"))?;
    crate::kube::wait(plane, node, "once", "Ready")?;
    let output = fed(plane, &["attach", "-i", "once"], b"one line\n")?;
    let out = String::from_utf8_lossy(&output.stdout);
    ensure(out.contains("one line\n") && out.contains("end of input"), || said(&output))?;
    crate::kube::wait(plane, node, "once", "jsonpath={.status.phase}=Failed")?;
    let code = crate::kube::field(plane, "pod/once", "{.status.containerStatuses[0].state.terminated.exitCode}")?;
    delete(plane, "once")?;
    ensure(code == "5", || format!("its code is {code:?}"))
}

/// Prints a line each second, until it is told to end.
const TICK: &str = "command: [sh, -c, 'trap exit TERM; while :; do echo tick; sleep 1; done']\n";
/// All checks of the Go client together, under emulation.
const CLIENTS: Duration = Duration::from_mins(8);

fn go_clients(world: &mut World, board: &str) -> Outcome {
    let client = lab::appliance::Appliance::open(board)?.streaming_client();
    let program = std::fs::read(&client).on("read", &client)?;
    with_pod(world, board, "ticks", TICK, |node, plane| {
        crate::kube::start(plane, node, "echoes", "args: [echo, '7000']\n")?;
        let guest = &node.vm.guest;
        sent(guest, program, "/tmp/streaming-client")?;
        let id = |pod: &str| crate::kube::field(plane, pod, "{.status.containerStatuses[0].containerID}");
        let (container, echo) = (id("pod/ticks")?, id("pod/echoes")?);
        let (container, echo) = (bare(&container), bare(&echo));
        let record = guest.sh(&format!("cd /run/kutties/pods && find * -name {echo}.json"))?;
        let sandbox = record.split('/').next().unwrap_or_default();
        let argv = ["/tmp/streaming-client", "--container", container, "--sandbox", sandbox];
        let output = guest.exec_within(&argv, b"", CLIENTS)?;
        guest.sh("rm /tmp/streaming-client")?;
        delete(plane, "echoes")?;
        ensure(output.ok() && output.stdout.ends_with("all is well\n"), || format!("{}{}", output.stdout, output.stderr))
    })
}

/// `kutties://ID`
fn bare(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or_default()
}

/// Send a program into the guest over the network: the agent's port is slow for megabytes.
fn sent(guest: &lab::guest::Guest, program: Vec<u8>, to: &str) -> Result<()> {
    let listener = std::net::TcpListener::bind((lab::network::ADDRESS, 0)).doing("listen for the guest")?;
    let address = listener.local_addr().doing("listen for the guest")?;
    let length = program.len();
    let sender = thread::spawn(move || listener.accept().and_then(|(mut socket, _)| socket.write_all(&program)));
    guest.sh(&format!(
        "nc {} {} </dev/null >{to} && chmod 755 {to} && [ $(wc -c <{to}) = {length} ]",
        address.ip(),
        address.port()
    ))?;
    sender.join().map_err(|_| Error::new("the sender died"))?.doing("send a program to the guest")
}

/// Small logs that the kubelet looks at often.
const SMALL_LOGS: &str = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\ncontainerLogMaxSize: 16Ki\n\
                          containerLogMonitorInterval: 3s\n";
const DROP_IN: &str = "/etc/kubernetes/kubelet.conf.d/90-small-logs.conf";
/// Number of lines that are followed: several logs' worth.
const LINES: usize = 800;

fn rotation(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    node.vm.guest.write(DROP_IN, SMALL_LOGS.as_bytes(), 0o644)?;
    node.vm.guest.sh("systemctl restart kubelet")?;
    let done = followed(node, plane);
    node.vm.guest.sh(&format!("rm {DROP_IN}; systemctl restart kubelet"))?;
    plane.ask(&["delete", "pod", "rotates", "--timeout=5m"])?;
    done
}

fn followed(node: &Node, plane: &ControlPlane) -> Outcome {
    let script = format!(
        "i=0; while [ $i -lt {LINES} ]; do i=$((i+1)); echo line $i {}; sleep 0.05; done",
        "of a log that the kubelet moves away while it is read"
    );
    let pod = busybox::pod("rotates", &node.name, &format!("command: [sh, -c, '{script}']\n"));
    plane.apply(&pod.replace("spec:", "spec:\n  restartPolicy: Never"))?;
    // The kubelet has to start first.
    let text = until(JOIN, || plane.ask(&["logs", "-f", "rotates"]))?;
    let numbers: Vec<usize> = text.lines().filter_map(|line| line.split(' ').nth(1)?.parse().ok()).collect();
    let files = node.vm.guest.sh("ls /var/log/pods/*_rotates_*/probe")?;
    ensure(files.lines().count() > 1, || format!("the log was never rotated: {files}"))?;
    let odd = numbers.iter().zip(1..).find(|(seen, wanted)| *seen != wanted);
    ensure(numbers.len() == LINES && odd.is_none(), || {
        format!("{} lines came; the first odd one: {odd:?}\n{files}", numbers.len())
    })
}

/// Bytes that do not compress and are the same every time.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.take(length.div_ceil(8)).flatten().take(length).collect()
}

fn copy(world: &mut World, board: &str) -> Outcome {
    with_pod(world, board, "copy", WAIT, |node, plane| {
        copied(plane, "copy", COPY)?;
        slim(node)
    })
}

/// Limit of the server's memory while a file goes through it, in KiB: it passes bytes on, it does
/// not collect them.
const PEAK: usize = 40 * 1024;

fn slim(node: &Node) -> Outcome {
    let pid = crate::cri::server(&node.vm.guest)?;
    let peak = node.vm.guest.sh(&format!("grep VmHWM /proc/{}/status", pid.trim()))?;
    let kib = peak.split_whitespace().find_map(|word| word.parse::<usize>().ok());
    ensure(kib.is_some_and(|kib| kib < PEAK), || format!("the server's memory had a peak: {peak}"))
}

/// A gibibyte, twice over, at a few megabytes a second.
fn copy_large(world: &mut World, board: &str) -> Outcome {
    let mut node = world.boot(board, |_, spec| {
        // The file is in the guest's memory, once.
        spec.memory = 4096;
        Ok(())
    })?;
    node.join(&world.plane)?;
    node.wait_ready(&world.plane, JOIN)?;
    start_this(&world.plane, &node, "large", &busybox::pod("large", &node.name, WAIT))?;
    copied(&world.plane, "large", 1 << 30)?;
    slim(&node)?;
    delete(&world.plane, "large")?;
    world.plane.ask(&["delete", "node", &node.name])?;
    Ok(())
}

/// Copy a file into a pod and back; both sums must be the file's.
fn copied(plane: &ControlPlane, pod: &str, size: usize) -> Outcome {
    let dir = std::env::temp_dir().join(format!("kutties-cp-{pod}-{}", lab::nonce()));
    std::fs::create_dir_all(&dir).on("make", &dir)?;
    let (from, back) = (dir.join("from"), dir.join("back"));
    std::fs::write(&from, noise(size)).on("write", &from)?;
    plane.ask(&["cp", &from.display().to_string(), &format!("{pod}:/tmp/there")])?;
    let there = plane.ask(&["exec", pod, "--", "sha256sum", "/tmp/there"])?;
    plane.ask(&["cp", &format!("{pod}:/tmp/there"), &back.display().to_string()])?;
    let here = lab::tool::run("sha256sum", &[&from, &back])?;
    std::fs::remove_dir_all(&dir).on("remove", &dir)?;
    let sum = |text: &str| text.split_whitespace().next().unwrap_or_default().to_owned();
    let sums: Vec<String> = here.lines().chain(there.lines()).map(sum).collect();
    ensure(sums.len() == 3 && sums.iter().all(|other| *other == sums[0]), || format!("{here}{there}"))
}
