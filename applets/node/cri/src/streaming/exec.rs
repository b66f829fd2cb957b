//! A process in a container, with the client's streams.
//!
//! This server holds the far ends of the process's streams, or its terminal. So when the client goes away its input ends and its
//! terminal is hung up; when this server dies, the pod's monitor kills it besides.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use kit::{Context, Error, Result};
use rustix::pipe::{PipeFlags, pipe_with};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::connection::Connection;
use super::descriptor::Descriptor;
use super::remote::{Client, carry_in, carry_out, carry_sizes};
use crate::life::PATIENCE;
use crate::link::Talk;
use crate::rpc::exec_sync;
use crate::server::Shared;
use crate::store::Container;
use cri_api::End;
use monitor::Console;
use monitor::wire::{self, Reply, Request};

/// TERM of a container that sets none.
const TERM: &str = "TERM=xterm";

/// Run it to its end. None when the client left before.
pub async fn run(
    server: &Shared,
    container: &Container,
    command: &[String],
    tty: bool,
    client: &mut Client,
    connection: &Connection,
) -> Option<End> {
    let begun = begin(server, container, command, tty).await;
    let (process, talk) = match begun {
        Ok(begun) => begun,
        Err(e) => return Some(End::Failure(format!("error executing command in container: {e}"))),
    };
    let (ended, watch) = watch::channel(false);
    let pumps = process.pump(client, &watch);
    drop(watch);
    let mut exit = tokio::spawn(exit(talk));
    let done = tokio::select! {
        done = &mut exit => done.unwrap_or_else(|e| Err(Error::new(e.to_string()))),
        // The streams close with the pumps; the process's end is awaited by nobody, but its connection lasts until then.
        () = connection.lost() => return None,
    };
    ended.send_replace(true);
    pumps.output.join_all().await;
    Some(match done {
        Ok(0) => End::Success,
        Ok(code) => End::Exit(code),
        Err(e) => End::Failure(format!("error executing command in container: {e}")),
    })
}

/// The process's code.
async fn exit(mut talk: Talk) -> Result<i32> {
    match talk.next().await? {
        (Reply::Exec(done), _) => Ok(done.code),
        (other, _) => Err(crate::link::unexpected(other)),
    }
}

/// Our ends of the process's streams.
enum Process {
    Pipes { stdin: Option<Descriptor>, stdout: Descriptor, stderr: Descriptor },
    Terminal(Arc<Descriptor>),
}

/// Tasks that carry bytes. Dropping them ends them.
struct Pumps {
    output: JoinSet<()>,
    _input: JoinSet<()>,
}

impl Process {
    fn pump(self, client: &mut Client, ended: &watch::Receiver<bool>) -> Pumps {
        let (mut output, mut input) = (JoinSet::new(), JoinSet::new());
        match self {
            Self::Pipes { stdin, stdout, stderr } => {
                output.spawn(carry_out(Arc::new(stdout), client.stdout.take(), ended.clone()));
                output.spawn(carry_out(Arc::new(stderr), client.stderr.take(), ended.clone()));
                if let (Some(from), Some(to)) = (client.stdin.take(), stdin) {
                    input.spawn(carry_in(from, Arc::new(to)));
                }
            }
            Self::Terminal(terminal) => {
                if let Some(from) = client.sizes.take() {
                    input.spawn(carry_sizes(from, terminal.clone()));
                }
                if let Some(from) = client.stdin.take() {
                    input.spawn(carry_in(from, terminal.clone()));
                }
                output.spawn(carry_out(terminal, client.stdout.take(), ended.clone()));
            }
        }
        Pumps { output, _input: input }
    }
}

async fn begin(server: &Shared, container: &Container, command: &[String], tty: bool) -> Result<(Process, Talk)> {
    let process = description(server, container, command, tty)?;
    let dir = server.store.dir(&container.sandbox);
    if tty {
        let id = crate::id::new_id()?;
        // Short: a socket's path has 108 bytes, and the directory takes most of them.
        let console = Console::listen(dir.join(format!("x{}.tty", &id[..8])))?;
        let request = request(container, process, Some(&console));
        let talk = started(Talk::begin(&dir, &request, &[]).await?).await?;
        return Ok((Process::Terminal(Arc::new(Descriptor::both(console.take()?)?)), talk));
    }
    let [stdin, stdout, stderr] = [pipe()?, pipe()?, pipe()?];
    let request = request(container, process, None);
    let theirs = [stdin.0.as_fd(), stdout.1.as_fd(), stderr.1.as_fd()];
    let talk = Talk::begin(&dir, &request, &theirs).await?;
    drop((stdin.0, stdout.1, stderr.1));
    let stderr = Descriptor::reading(stderr.0)?;
    let talk = started(talk).await?;
    let stdin = Some(Descriptor::writing(stdin.1)?);
    Ok((Process::Pipes { stdin, stdout: Descriptor::reading(stdout.0)?, stderr }, talk))
}

fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    pipe_with(PipeFlags::CLOEXEC).doing("make a pipe")
}

fn request(container: &Container, process: Value, console: Option<&Console>) -> Request {
    let console = console.map(|console| console.path().to_owned());
    Request::Stream(wire::Stream { container: container.id.clone(), process, console })
}

async fn started(mut talk: Talk) -> Result<Talk> {
    let late = |_| Error::new(format!("the process did not begin within {} s", PATIENCE.as_secs()));
    match timeout(PATIENCE, talk.next()).await.map_err(late)?? {
        (Reply::Begun, _) => Ok(talk),
        (other, _) => Err(crate::link::unexpected(other)),
    }
}

/// The process; one with a terminal is told of what kind it is, unless the container says so.
fn description(server: &Shared, container: &Container, command: &[String], tty: bool) -> Result<Value> {
    let mut process = exec_sync::process(server, container, command, tty)?;
    if tty
        && let Some(env) = process["env"].as_array_mut()
        && !env.iter().any(|pair| pair.as_str().is_some_and(|pair| pair.starts_with("TERM=")))
    {
        env.push(json!(TERM));
    }
    Ok(process)
}
