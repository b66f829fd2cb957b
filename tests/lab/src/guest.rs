//! The host's side of the agent in a guest: run commands there, read and write files.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use agent::{Answer, Ask, Bytes, Reply, Request};
use kit::{Context, Error, Result};

use crate::{nonce, until};

/// Result of a command in the guest.
#[derive(Debug, Clone)]
pub struct Output {
    /// Its exit code, 128 + n for signal n.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Output {
    /// Tells if it ended with 0.
    pub fn ok(&self) -> bool {
        self.code == 0
    }
}

/// Default timeout of a command: kubeadm under TCG takes half of it.
const LIMIT: Duration = Duration::from_mins(2);
/// Time that the way there and back may add.
const SLACK: Duration = Duration::from_secs(10);

type Waiting = Arc<Mutex<HashMap<u64, Sender<Answer>>>>;

/// A connection to a guest's agent. Several threads may ask at once.
pub struct Guest {
    to: Mutex<UnixStream>,
    waiting: Waiting,
}

impl Guest {
    /// Listen from now on.
    pub fn new(to: UnixStream) -> Result<Self> {
        let from = to.try_clone().doing("share the agent's port")?;
        let waiting = Waiting::default();
        let table = Arc::clone(&waiting);
        thread::spawn(move || dispatch(from, &table));
        Ok(Self { to: Mutex::new(to), waiting })
    }

    /// Checks that the agent answers within the limit.
    pub fn ping(&self, limit: Duration) -> Result<()> {
        self.ask(Ask::Ping, limit).map(drop)
    }

    /// Run a command; its output, whatever its exit code.
    pub fn exec(&self, argv: &[&str]) -> Result<Output> {
        self.exec_within(argv, b"", LIMIT)
    }

    /// Run a command with an input and a limit of its own.
    pub fn exec_within(&self, argv: &[&str], stdin: &[u8], limit: Duration) -> Result<Output> {
        self.exec_in("/", argv, stdin, limit)
    }

    /// Run a command in a directory.
    pub fn exec_in(&self, directory: &str, argv: &[&str], stdin: &[u8], limit: Duration) -> Result<Output> {
        let words = argv.iter().map(ToString::to_string).collect();
        let ask = Ask::Exec { argv: words, directory: directory.into(), stdin: stdin.into(), timeout: limit.as_secs() };
        match self.ask(ask, limit + SLACK)? {
            Answer::Exec { late: true, stdout, stderr, .. } => {
                let said = format!("{}{}", text(stdout), text(stderr));
                Err(Error::new(format!("{}: not done within {} s: {}", argv.join(" "), limit.as_secs(), said.trim())))
            }
            Answer::Exec { code, stdout, stderr, .. } => Ok(Output { code, stdout: text(stdout), stderr: text(stderr) }),
            other => Err(odd(&other)),
        }
    }

    /// Run a command that must end with 0; its standard output.
    pub fn run(&self, argv: &[&str]) -> Result<String> {
        let output = self.exec(argv)?;
        if output.ok() {
            return Ok(output.stdout);
        }
        let said = format!("{}{}", output.stdout, output.stderr);
        Err(Error::new(format!("{} ended with {}: {}", argv.join(" "), output.code, said.trim())))
    }

    /// Run a script in the guest's shell; it must end with 0. Its standard output.
    pub fn sh(&self, script: &str) -> Result<String> {
        self.run(&["/bin/sh", "-c", script])
    }

    /// Try a script until it ends with 0.
    pub fn sh_until(&self, script: &str, limit: Duration) -> Result<String> {
        until(limit, || self.sh(script))
    }

    /// Lists the resources that the node holds, a line each: mounts, processes, namespaces, links,
    /// cgroups, leases, directories.
    pub fn look(&self) -> Result<Vec<String>> {
        match self.ask(Ask::Look, LIMIT)? {
            Answer::Lines(lines) => Ok(lines),
            other => Err(odd(&other)),
        }
    }

    /// A file's content.
    pub fn read(&self, path: &str) -> Result<Vec<u8>> {
        match self.ask(Ask::Read { path: path.into() }, LIMIT)? {
            Answer::Data(data) => Ok(data.into()),
            other => Err(odd(&other)),
        }
    }

    /// Make or replace a file, and the directories above it.
    pub fn write(&self, path: &str, data: &[u8], mode: u32) -> Result<()> {
        match self.ask(Ask::Write { path: path.into(), data: data.into(), mode }, LIMIT)? {
            Answer::Done => Ok(()),
            other => Err(odd(&other)),
        }
    }

    fn ask(&self, ask: Ask, limit: Duration) -> Result<Answer> {
        let id = nonce();
        let (tell, told) = mpsc::channel();
        lock(&self.waiting).insert(id, tell);
        let answer = self.send(&Request { id, ask }).and_then(|()| wait(&told, limit));
        lock(&self.waiting).remove(&id);
        match answer? {
            Answer::Failed(why) => Err(Error::new(why)),
            answer => Ok(answer),
        }
    }

    fn send(&self, request: &Request) -> Result<()> {
        let mut line = serde_json::to_vec(request).doing("encode a request")?;
        line.push(b'\n');
        let mut to = self.to.lock().unwrap_or_else(PoisonError::into_inner);
        to.write_all(&line).doing("ask the agent")
    }
}

fn wait(told: &Receiver<Answer>, limit: Duration) -> Result<Answer> {
    told.recv_timeout(limit).map_err(|_| Error::new(format!("the agent did not answer within {} s", limit.as_secs())))
}

fn dispatch(from: UnixStream, waiting: &Waiting) {
    for line in BufReader::new(from).split(b'\n').map_while(std::result::Result::ok) {
        // A line that is no reply is the rest of one that a reboot cut off.
        let Ok(reply) = serde_json::from_slice::<Reply>(&line) else { continue };
        if let Some(tell) = lock(waiting).remove(&reply.id) {
            // The asker may have given up in this instant.
            let _ = tell.send(reply.answer);
        }
    }
}

fn lock(waiting: &Waiting) -> std::sync::MutexGuard<'_, HashMap<u64, Sender<Answer>>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

fn text(bytes: Bytes) -> String {
    String::from_utf8_lossy(&Vec::from(bytes)).into_owned()
}

fn odd(answer: &Answer) -> Error {
    Error::new(format!("the agent answered something else: {answer:?}"))
}
