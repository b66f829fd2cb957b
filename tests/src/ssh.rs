//! The way in without a keyboard: OpenSSH's client and our server.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use kit::{Context, Error, Result};
use lab::{segment, until};

use crate::case::{BOTH, Case, Outcome, ensure};
use crate::world::{Node, World};

/// The cases.
pub const CASES: &[Case] = &[Case { name: "who-has-a-key-comes-in", boards: BOTH, run: comes_in }];

/// Package of OpenSSH's client.
pub const PACKAGES: &[&str] = &["openssh-client"];
/// From the network's start to a server that lets in.
const UP: Duration = Duration::from_mins(1);
/// A port that nobody else on a node has.
const PORT: &str = "2222";

fn comes_in(world: &mut World, board: &str) -> Outcome {
    let dir = world.lab.dir().join(format!("ssh-{board}"));
    std::fs::create_dir_all(&dir).on("make", &dir)?;
    let (ours, other, stranger) = (key(&dir, "ed25519")?, key(&dir, "ecdsa")?, key(&dir, "rsa")?);
    // One of each kind is let in: by the command line, and by the file.
    let settings = format!("kutties.ssh.port={PORT} kutties.ssh.keys=\"{}\"", ours.public);
    let file = format!("# who else\n{}\n{}\nno key at all\n", other.public, stranger.public);
    let node = world.boot(board, |appliance, spec| {
        let kube = appliance.kube_node();
        spec.segments.retain(|segment| *segment != kube);
        let files: [(&str, &[u8]); 1] = [(kit::paths::SSH_KEYS, file.as_bytes())];
        spec.segments.push(segment::files(&spec.dir.join("identity.cpio"), &files)?);
        spec.cmdline = format!("{} {settings}", spec.cmdline);
        Ok(())
    })?;
    let client = Client { dir, address: node.seat.address.to_string() };
    let first = until(UP, || client.said(&ours, &[], "cat /proc/sys/kernel/hostname"));
    let first = first.map_err(|e| Error::new(format!("{e}\n{}", node.service_log("sshd"))))?;
    ensure(first == format!("{}\n", node.name), || format!("the host's name is {first:?}"))?;
    known(&node, &client)?;
    sessions(&node, &client, &ours, &other)?;
    strangers(&node, &client, &ours, &stranger)
}

/// The host shows the key that its log tells.
fn known(node: &Node, client: &Client) -> Outcome {
    let log = node.vm.guest.read(&format!("{}/sshd.log", kit::paths::LOGS))?;
    let log = String::from_utf8_lossy(&log).into_owned();
    let shown = Command::new("ssh-keygen").arg("-lf").arg(client.dir.join("known")).output().doing("run ssh-keygen")?;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    let print = shown.split_whitespace().nth(1).unwrap_or("no fingerprint");
    ensure(log.contains(&format!("the host's key is {print}")), || format!("the host shows {shown:?}\n{log}"))?;
    ensure(log.contains("2 keys are let in"), || log)
}

/// Codes, streams, bytes, terminals, and an end for what a client leaves behind.
fn sessions(node: &Node, client: &Client, ours: &Key, other: &Key) -> Outcome {
    let output = client.run(other, &[], "root", "echo out; echo err >&2; exit 7", b"")?;
    let texts = (text(&output.stdout), text(&output.stderr));
    ensure(output.status.code() == Some(7) && texts == ("out\n".into(), "err\n".into()), || format!("{output:?}"))?;
    let killed = client.run(ours, &[], "root", "kill -TERM $$; sleep 9", b"")?;
    ensure(killed.status.code() == Some(143), || format!("killed by a signal: {killed:?}"))?;
    let many: Vec<u8> = (0..3_000_000u32).map(|at| (at ^ (at >> 8)) as u8).collect();
    let back = client.run(ours, &[], "root", "cat", &many)?;
    ensure(back.stdout == many, || format!("{} bytes of {} came back: {}", back.stdout.len(), many.len(), text(&back.stderr)))?;
    // A terminal: the shell is a person's, with its own settings; what it says comes with the terminal's line ends.
    let typed = client.run(ours, &["-tt"], "root", "", b"tty; echo $TERM-$HOME; exit 3\n")?;
    let said = text(&typed.stdout);
    ensure(typed.status.code() == Some(3) && said.contains("/dev/pts/") && said.contains("xterm-/root\r\n"), || {
        format!("{typed:?}")
    })?;
    let mut left = client.command(ours, &[], "root", "exec sleep 4321").stdin(Stdio::piped()).spawn().doing("run ssh")?;
    let there = "pgrep -f 'sleep 432[1]'";
    let began = node.vm.guest.sh_until(there, UP);
    left.kill().and_then(|()| left.wait()).doing("end ssh")?;
    began?;
    Ok(node.vm.guest.sh_until(&format!("! {there}"), UP).map(drop)?)
}

/// Checks that a client without a key, with another name, or with wrong packets stays outside, and the server lives.
fn strangers(node: &Node, client: &Client, ours: &Key, stranger: &Key) -> Outcome {
    let before = node.vm.guest.sh("systemctl status sshd | grep -o 'Main PID: [0-9]*'")?;
    for (key, user) in [(stranger, "root"), (ours, "admin")] {
        let output = client.run(key, &[], user, "id", b"")?;
        let refused = text(&output.stderr).contains("Permission denied (publickey)");
        ensure(output.status.code() == Some(255) && refused, || format!("{user}: {output:?}"))?;
    }
    let forward = client.run(ours, &["-o", "ExitOnForwardFailure=yes", "-R", "9999:127.0.0.1:1"], "root", "id", b"")?;
    ensure(forward.status.code() == Some(255), || format!("it forwards: {forward:?}"))?;
    let sftp = client.run(ours, &["-s"], "root", "sftp", b"")?;
    ensure(!sftp.status.success(), || format!("it has sftp: {sftp:?}"))?;
    for junk in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"SSH-2.0-x\r\n\xff\xff\xff\xff\xff\xff", b"SSH-1.0-x\r\n", b""] {
        let mut stream = std::net::TcpStream::connect((client.address.as_str(), 2222)).doing("connect to sshd")?;
        stream.write_all(junk).doing("write to sshd")?;
    }
    let again = client.said(ours, &[], "echo here")?;
    ensure(again == "here\n", || format!("then it says {again:?}"))?;
    let after = node.vm.guest.sh("systemctl status sshd | grep -o 'Main PID: [0-9]*'")?;
    ensure(before == after, || format!("it was started anew: {before} {after}\n{}", node.service_log("sshd")))
}

/// A key pair that OpenSSH made.
struct Key {
    private: PathBuf,
    public: String,
}

fn key(dir: &Path, kind: &str) -> Result<Key> {
    let private = dir.join(kind);
    let made = Command::new("ssh-keygen").args(["-q", "-N", "", "-C", "a person", "-t", kind, "-f"]).arg(&private).status();
    if !made.doing("run ssh-keygen")?.success() {
        return Err(Error::new(format!("ssh-keygen makes no key of the kind {kind}")));
    }
    let public = private.with_extension("pub");
    let public = std::fs::read_to_string(&public).on("read", &public)?.trim().to_owned();
    Ok(Key { private, public })
}

/// OpenSSH's client, without the settings of whoever runs this.
struct Client {
    dir: PathBuf,
    address: String,
}

impl Client {
    fn command(&self, key: &Key, more: &[&str], user: &str, line: &str) -> Command {
        let mut command = Command::new("ssh");
        command.args(["-F", "none", "-p", PORT, "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=accept-new"]);
        command.args(["-o", "IdentitiesOnly=yes", "-o", "ConnectTimeout=20", "-o", "LogLevel=ERROR", "-i"]).arg(&key.private);
        command.arg("-o").arg(format!("UserKnownHostsFile={}", self.dir.join("known").display())).args(more);
        command.arg(format!("{user}@{}", self.address)).env("TERM", "xterm").env_remove("SSH_AUTH_SOCK");
        if !line.is_empty() {
            command.arg(line);
        }
        command
    }

    fn run(&self, key: &Key, more: &[&str], user: &str, line: &str, input: &[u8]) -> Result<Output> {
        let mut command = self.command(key, more, user, line);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().doing("run ssh")?;
        let stdin = child.stdin.take();
        let input = input.to_vec();
        // A client that reads no further closes the pipe.
        let writer = std::thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(&input)));
        let output = child.wait_with_output().doing("wait for ssh")?;
        drop(writer.join());
        Ok(output)
    }

    /// Returns the output of a command that ends well.
    fn said(&self, key: &Key, more: &[&str], line: &str) -> Result<String> {
        let output = self.run(key, more, "root", line, b"")?;
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(Error::new(format!("{line}: {output:?}"))) }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
