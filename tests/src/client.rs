//! At a node whose kubelet is dead: the node's own client shows its pods and acts on them.

use std::time::Duration;

use kit::{Context, Error};
use lab::guest::Guest;
use lab::{busybox, until};
use serde_json::Value;

use crate::case::{BOTH, Case, Failure, Outcome, X86, ensure};
use crate::kube::{delete, start, start_this};
use crate::world::{JOIN, Node, World};

/// The cases.
pub const CASES: &[Case] = &[
    Case { name: "a-node-without-its-kubelet", boards: BOTH, run: without_kubelet },
    Case { name: "a-person-types-into-a-container", boards: X86, run: typed },
    Case { name: "an-image-runs-as-docker-run-does-it", boards: X86, run: run_image },
];

fn without_kubelet(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    start(plane, node, "client", "")?;
    node.vm.guest.sh("systemctl stop kubelet")?;
    let tried = try_all(&node.vm.guest);
    node.vm.guest.sh("systemctl start kubelet")?;
    node.wait_ready(plane, JOIN)?;
    delete(plane, "client")?;
    tried
}

fn try_all(guest: &Guest) -> Outcome {
    let crictl = |words: &[&str]| guest.run(&[&["crictl"], words].concat());
    let pod = crictl(&["pods", "-q", "--name", "client", "--state", "ready"])?;
    let pod = pod.trim();
    let id = crictl(&["ps", "--quiet", "--pod", pod])?;
    let id = id.trim();
    ensure(id.len() == 64, || format!("the container's id is {id:?}"))?;
    let listed = crictl(&["ps"])?;
    ensure(listed.starts_with("CONTAINER") && listed.contains(&id[..13]) && listed.contains(" Running "), || listed.clone())?;
    let processes = guest.run(&["ps"])?;
    ensure(!processes.contains("CONTAINER"), || format!("ps alone lists containers:\n{processes}"))?;
    let old = guest.exec(&["kutties", "ps"])?;
    ensure(old.code == 2 && old.stderr.contains("kutties crictl ps"), || format!("{old:?}"))?;
    ensure(crictl(&["logs", id])? == "hello from client\n", || "logs shows something else".into())?;
    ensure(crictl(&["logs", "--tail", "0", &id[..8]])?.is_empty(), || "logs shows lines that nobody asked for".into())?;
    ensure(crictl(&["logs", "-t", "--since", "1h", id])?.contains("Z hello"), || "logs shows no times".into())?;
    let seen = crictl(&["exec", id, "/bin/probe", "show"])?;
    ensure(seen.contains("env HOSTNAME: client"), || seen.clone())?;
    let code = guest.exec(&["crictl", "exec", "--sync", id, "/bin/probe", "exit", "7"])?.code;
    ensure(code == 7, || format!("the command's exit code is told as {code}"))?;
    let told: Value = serde_json::from_str(&crictl(&["inspect", id])?).map_err(|e| Failure::Failed(e.to_string()))?;
    ensure(told["status"]["state"] == "CONTAINER_RUNNING" && told["info"]["sandboxID"] == pod, || format!("{told:#}"))?;
    let told: Value = serde_json::from_str(&crictl(&["inspectp", pod])?).map_err(|e| Failure::Failed(e.to_string()))?;
    ensure(told["status"]["network"]["ip"].as_str().is_some_and(|ip| ip.contains('.')), || format!("{told:#}"))?;
    let used = crictl(&["stats", id])?;
    ensure(used.lines().count() == 2 && used.contains("probe") && used.contains("kB"), || used.clone())?;
    let wrong = guest.exec(&["crictl", "stop", "0123no"])?;
    ensure(wrong.code == 1 && wrong.stderr.contains("there is no container 0123no"), || format!("{wrong:?}"))?;
    stopped(guest, id)?;
    crictl(&["stopp", pod])?;
    let ended = crictl(&["pods", "-q", "--state", "notready"])?;
    ensure(ended.lines().any(|line| line == pod), || format!("the pods that are not ready are {ended:?}"))?;
    let told: Value = json(&crictl(&["ps", "-a", "--id", id, "-o", "json"])?)?;
    let listed = &told["containers"][0];
    ensure(listed["state"] == "CONTAINER_EXITED" && listed["podSandboxId"] == pod, || format!("{told:#}"))?;
    let version = crictl(&["version"])?;
    ensure(version.contains("RuntimeName:  kutties\n"), || version.clone())?;
    ensure(crictl(&["images"])? == guest.run(&["kutties", "image", "list"])?, || "images is not image list".into())?;
    crictl(&["rm", id])?;
    crictl(&["rmp", pod])?;
    let left = crictl(&["ps", "-aq"])? + &crictl(&["pods", "-q"])?;
    ensure(!left.contains(id) && !left.contains(pod), || format!("there is still\n{left}"))
}

fn json(text: &str) -> Result<Value, Failure> {
    serde_json::from_str(text).map_err(|e| Failure::Failed(format!("{e}: {text}")))
}

fn typed(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    start_this(plane, node, "typed", &busybox::pod("typed", &node.name, "command: [sh]\nstdin: true\ntty: true\n"))?;
    let tried = type_all(node);
    delete(plane, "typed")?;
    tried
}

fn type_all(node: &mut Node) -> Outcome {
    let guest = &node.vm.guest;
    let pod = guest.run(&["crictl", "pods", "-q", "--name", "typed"])?;
    let id = guest.run(&["crictl", "ps", "-q", "--pod", pod.trim()])?;
    let id = id.trim().to_owned();
    let done = guest.exec(&["crictl", "exec", &id, "sh", "-c", "echo out; echo err >&2; exit 3"])?;
    ensure((done.code, &*done.stdout, &*done.stderr) == (3, "out\n", "err\n"), || format!("{done:?}"))?;
    let sent = guest.sh("head -c 3000000 /bin/kutties | md5sum")?;
    let came = guest.exec(&["sh", "-c", &format!("head -c 3000000 /bin/kutties | crictl exec -i {id} /bin/busybox md5sum")])?;
    ensure(came.code == 0 && came.stdout == sent, || format!("what came is not what was sent, {sent:?}: {came:?}"))?;
    let said = guest.sh(&format!("crictl exec -t {id} sh -c 'test -t 1 && echo a terminal'"))?;
    ensure(said == "a terminal\r\n", || format!("a terminal says {said:?}"))?;
    let wrong = guest.exec(&["crictl", "exec", &id, "/no/such/program"])?;
    ensure(wrong.code != 0 && wrong.stderr.contains("/no/such/program"), || format!("{wrong:?}"))?;
    // Input before the two keys that detach arrives; the shell goes on and reads the next client.
    for word in ["one", "two"] {
        guest.sh(&format!("printf 'echo {word} >>/tmp/heard\\n\\020\\021' | crictl attach -it {id}"))?;
    }
    until(Duration::from_secs(30), || match guest.sh(&format!("crictl exec {id} cat /tmp/heard"))? {
        heard if heard == "one\ntwo\n" => Ok(()),
        heard => Err(Error::new(format!("the shell heard {heard:?}"))),
    })?;
    // At the machine's own console, which is a terminal, and is one again afterwards.
    let line = format!("crictl exec -it {id} sh -c 'test -t 0 && exit 4'");
    let code = node.vm.type_and_judge(&line, Duration::from_mins(1))?;
    ensure(code == 4, || format!("the command's exit code is told as {code}"))?;
    let code = node.vm.type_and_judge("stty -a | grep -q ' icanon'", Duration::from_mins(1))?;
    ensure(code == 0, || "the terminal's settings did not come back".into())
}

/// Stop the container; a listener hears of it.
/// A server in a container that has just been started.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// The kubelet, which ends pods that it finds and does not know, leaves a person's alone.
fn run_image(world: &mut World, board: &str) -> Outcome {
    let (node, _) = world.warm(board)?;
    let guest = &node.vm.guest;
    let run =
        |words: &[&str], input: &[u8]| guest.exec_within(&[&["kutties", "run"], words].concat(), input, Duration::from_mins(2));
    let image = busybox::NAME;
    let said =
        run(&["--rm", "-e", "WORD=hello", "-v", "/etc:/host:ro", image, "sh", "-c", "echo $WORD; ls /host/passwd; exit 7"], b"")?;
    ensure(said.code == 7 && said.stdout == "hello\n/host/passwd\n", || format!("{said:?}"))?;
    let said = run(&["--rm", "-i", "-u", "1000", "-w", "/tmp", image, "sh", "-c", "cat; id -u; pwd"], b"typed\n")?;
    ensure(said.ok() && said.stdout == "typed\n1000\n/tmp\n", || format!("{said:?}"))?;
    ensure(guest.run(&["crictl", "pods", "-q", "--namespace", "run"])?.is_empty(), || "--rm leaves a pod".into())?;
    let started = run(&["-d", "--name", "own", "-p", "18099:80", image, "httpd", "-f", "-h", "/bin"], b"")?;
    ensure(started.ok(), || format!("{started:?}"))?;
    let pod = started.stdout.trim();
    until(ANSWER_TIMEOUT, || std::net::TcpStream::connect((node.seat.address, 18099)).doing("connect to the pod's port"))?;
    // Longer than the kubelet's look for strangers.
    std::thread::sleep(Duration::from_secs(15));
    let listed = guest.run(&["crictl", "pods", "--name", "own"])?;
    ensure(listed.contains(" Ready ") && listed.contains(&pod[..13]), || listed.clone())?;
    ensure(guest.run(&["crictl", "ps", "--pod", pod])?.contains("Running"), || "its container does not run".into())?;
    guest.run(&["crictl", "stopp", pod])?;
    guest.run(&["crictl", "rmp", pod])?;
    let wrong = run(&["-v", "name:/x", image], b"")?;
    ensure(wrong.code != 0 && wrong.stderr.contains("begin with a slash"), || format!("{wrong:?}"))
}

fn stopped(guest: &Guest, id: &str) -> Outcome {
    // By the name that the server's socket had when it was bound; none is a number, too.
    let connections = "grep -c /run/kutties/cri\\. /proc/net/unix || true";
    // Those of commands that have ended are closed in a moment.
    let mut last = String::new();
    let before = until(Duration::from_secs(30), || {
        let now = guest.sh(&format!("sleep 1; {connections}"))?;
        if now == last {
            return Ok(now);
        }
        last = now;
        Err(Error::new("connections come and go still"))
    })?;
    guest.sh("crictl events >/tmp/events 2>&1 &")?;
    // A client that connects after the listener is answered after it.
    guest.sh_until(&format!("[ \"$({connections})\" -gt {} ]", before.trim()), Duration::from_secs(30))?;
    guest.run(&["crictl", "stop", "--timeout", "20", id])?;
    let heard = until(Duration::from_secs(30), || match guest.sh("cat /tmp/events")? {
        heard if heard.contains(&format!(" stopped {id} default/client probe")) => Ok(heard),
        heard => Err(Error::new(format!("the listener heard {heard:?}"))),
    });
    // The brackets keep it from finding the shell that runs it.
    guest.sh("pkill -f '[k]utties events'; rm /tmp/events")?;
    heard?;
    let ended = guest.run(&["crictl", "ps", "--all", "--state", "exited", "-q"])?;
    ensure(ended.lines().any(|line| line == id), || format!("the ended ones are {ended:?}"))?;
    let said = guest.run(&["crictl", "logs", "--follow", id])?;
    ensure(said.ends_with("ended by SIGTERM\n"), || format!("its last words are {said:?}"))
}
