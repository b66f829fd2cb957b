//! Pulls from registries, each in a process of its own: TLS, decompression and unpacking take memory, which goes with the process, and what
//! reads strangers' bytes is not the server. Those who want the same image with the same credentials share one; when nobody wants it any
//! more, it is killed.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use image::Store;
use image::registry::Credentials;
use kit::calls::CRI_IMAGE;
use kit::{Context, Error, Kind, Report, Result};
use serde::{Deserialize, Serialize};
use sys::child::{Before, before_exec};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::pipe;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use cri_api::AuthConfig;

use crate::step::{Step, reached};

/// The pulls that are under way.
pub struct Pulls {
    program: PathBuf,
    store: Arc<Store>,
    flights: Mutex<HashMap<String, Weak<Flight>>>,
}

/// Result of a pull: the image's id, or an error.
type Ending = std::result::Result<String, Report>;

/// A pull that several may wait for. Dropping the last hold on it kills it.
struct Flight {
    ending: watch::Receiver<Option<Ending>>,
    task: AbortHandle,
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Request to the process.
#[derive(Serialize)]
struct Order<'a> {
    image: &'a str,
    credentials: Credentials,
}

/// Messages of the process, one a line.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Progress {},
    Image { id: String },
    Fault { kind: Kind, message: String },
}

impl Pulls {
    /// None yet; `program` is called as `PROGRAM image pull --request`.
    pub fn new(program: &Path, store: Arc<Store>) -> Self {
        Self { program: program.to_owned(), store, flights: Mutex::default() }
    }

    /// Pull an image; its id.
    pub async fn pull(&self, image: &str, auth: AuthConfig) -> Result<String> {
        let order = Order { image, credentials: credentials(auth) };
        let order = serde_json::to_string(&order).doing("encode the order of an image")?;
        let flight = self.join(order);
        let mut ending = flight.ending.clone();
        let ended = ending.wait_for(Option::is_some).await.ok().and_then(|ending| ending.clone());
        match ended {
            Some(Ok(id)) => Ok(id),
            Some(Err(report)) => Err(report.into_error()),
            None => Err(Error::new(format!("pull {image}: the task that did it is gone"))),
        }
    }

    /// The pull with that order, begun if there is none.
    fn join(&self, order: String) -> Arc<Flight> {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        flights.retain(|_, flight| flight.strong_count() > 0);
        if let Some(flight) = flights.get(&order).and_then(Weak::upgrade) {
            return flight;
        }
        let (tell, ending) = watch::channel(None);
        let (program, store, said) = (self.program.clone(), self.store.clone(), order.clone());
        let task = tokio::spawn(async move {
            let ended = run(&program, store, &said).await.unwrap_or_else(|e| Err(e.report()));
            tell.send_replace(Some(ended));
        });
        let flight = Arc::new(Flight { ending, task: task.abort_handle() });
        flights.insert(order, Arc::downgrade(&flight));
        flight
    }
}

/// One process from its start to its end.
async fn run(program: &Path, store: Arc<Store>, order: &str) -> Result<Ending> {
    let mut process = Process::start(program, store)?;
    reached(Step::PullStarted);
    let (mut input, output) = process.ends().doing("talk to the pulling process")?;
    input.write_all(format!("{order}\n").as_bytes()).await.doing("order an image of the pulling process")?;
    reached(Step::PullOrdered);
    let mut lines = BufReader::new(output).lines();
    let mut ending = None;
    while let Some(line) = lines.next_line().await.doing("hear the pulling process")? {
        match serde_json::from_str(&line).doing("understand the pulling process")? {
            Line::Progress {} => {}
            Line::Image { id } => ending = Some(Ok(id)),
            Line::Fault { kind, message } => ending = Some(Err(Report { kind: as_seen(kind), message })),
        }
    }
    // As long as this is open, the process knows that it is wanted.
    drop(input);
    let status = process.wait()?;
    reached(Step::PullEnded);
    ending.ok_or_else(|| Error::new(format!("the pulling process ended with {status} and said nothing")))
}

/// Kind for the caller of the RPC. An image that is not what it should be is no fault of the request, and where there is no
/// room for it has been said.
const fn as_seen(kind: Kind) -> Kind {
    match kind {
        Kind::Invalid | Kind::Usage => Kind::Precondition,
        Kind::Full => Kind::Exhausted,
        kind => kind,
    }
}

fn credentials(auth: AuthConfig) -> Credentials {
    Credentials {
        username: auth.username,
        password: auth.password,
        auth: auth.auth,
        server_address: auth.server_address,
        identity_token: auth.identity_token,
        registry_token: auth.registry_token,
    }
}

/// The process. Dropping it before its end kills it and tidies up after it.
struct Process {
    child: Child,
    store: Arc<Store>,
    ended: bool,
}

impl Process {
    fn start(program: &Path, store: Arc<Store>) -> Result<Self> {
        let mut command = Command::new(program);
        command.args([CRI_IMAGE.callee, "--root"]).arg(store.root()).args(["pull", "--request"]);
        // The server is protected from the kernel's hunt for memory; a pull can be had again.
        before_exec(&mut command, Before { oom_score: Some("0"), ..Before::default() });
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().doing("start the pulling process")?;
        Ok(Self { child, store, ended: false })
    }

    fn ends(&mut self) -> io::Result<(pipe::Sender, pipe::Receiver)> {
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        let (input, output) = (self.child.stdin.take().ok_or_else(gone)?, self.child.stdout.take().ok_or_else(gone)?);
        Ok((pipe::Sender::from_owned_fd(input.into())?, pipe::Receiver::from_owned_fd(output.into())?))
    }

    /// It has closed its output, so it is about to end.
    fn wait(mut self) -> Result<std::process::ExitStatus> {
        let status = self.child.wait().doing("wait for the pulling process")?;
        self.ended = true;
        Ok(status)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        // It may have ended in this instant.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let store = self.store.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn_blocking(move || {
                if let Err(e) = store.collect() {
                    tracing::warn!(error = %e, "tidy up after a pull that was given up");
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use std::fs;
    use std::time::Duration;

    use super::*;

    struct Fixture {
        dir: PathBuf,
        pulls: Arc<Pulls>,
    }

    impl Fixture {
        fn pull(&self, auth: AuthConfig) -> tokio::task::JoinHandle<Result<String>> {
            let pulls = self.pulls.clone();
            tokio::spawn(async move { pulls.pull("a", auth).await })
        }
    }

    impl Drop for Fixture {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }

    /// Pulls by a script, in whose directory `$D` it may leave files.
    fn fixture(name: &str, script: &str) -> Fixture {
        let dir = std::env::temp_dir().join(format!("kutties-pulls-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        let program = dir.join("program");
        let text = format!("#!/bin/sh\nD={}\nread -r order\necho x >> $D/started\n{script}\n", dir.display());
        // Written by another process: this one's descriptor would go to whatever another test starts meanwhile, and a
        // file that somebody may write to can't be executed.
        let copy = ["-c", "printf %s \"$1\" >\"$0\" && chmod 755 \"$0\""];
        assert!(Command::new("sh").args(copy).arg(&program).arg(text).status().unwrap().success());
        let store = Arc::new(Store::open(&dir.join("store")).unwrap());
        Fixture { pulls: Arc::new(Pulls::new(&program, store)), dir }
    }

    fn block_on(work: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { tokio::time::timeout(Duration::from_mins(1), work).await.unwrap() });
    }

    async fn until(path: PathBuf) {
        while !path.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[test]
    fn one_pull_serves_all_who_want_it() {
        block_on(async {
            let answer = r#"echo '{"progress":{"digest":"d","done":1,"total":2}}'
                while [ ! -e $D/go ]; do sleep 0.02; done; echo '{"image":{"id":"sha256:1","tags":[],"digests":[],"size":1}}'"#;
            let fixture = fixture("share", answer);
            let (one, two) = (fixture.pull(AuthConfig::default()), fixture.pull(AuthConfig::default()));
            until(fixture.dir.join("started")).await;
            fs::write(fixture.dir.join("go"), "").unwrap();
            let (one, two) = (one.await.unwrap(), two.await.unwrap());
            assert_eq!((one.unwrap().as_str(), two.unwrap().as_str()), ("sha256:1", "sha256:1"));
            assert_eq!(fs::read_to_string(fixture.dir.join("started")).unwrap(), "x\n");
            // Other credentials are another question.
            let other = AuthConfig { username: "n".into(), ..AuthConfig::default() };
            fixture.pull(other).await.unwrap().unwrap();
            assert_eq!(fs::read_to_string(fixture.dir.join("started")).unwrap(), "x\nx\n");
        });
    }

    #[test]
    fn a_pull_that_nobody_wants_is_killed() {
        block_on(async {
            let fixture = fixture("kill", "echo $$ > $D/.pid; mv $D/.pid $D/pid; exec sleep 1000");
            let pull = fixture.pull(AuthConfig::default());
            until(fixture.dir.join("pid")).await;
            pull.abort();
            let pid = fs::read_to_string(fixture.dir.join("pid")).unwrap();
            while Path::new("/proc").join(pid.trim()).exists() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
    }

    #[test]
    fn failures_keep_their_words() {
        block_on(async {
            let told = r#"echo '{"fault":{"kind":"denied","message":"no entry"}}'"#;
            let fixture = fixture("fault", told);
            let fault = fixture.pull(AuthConfig::default()).await.unwrap().unwrap_err();
            assert_eq!((fault.kind(), fault.message()), (Kind::Denied, "no entry"));
        });
        block_on(async {
            let fixture = fixture("silent", "exit 3");
            let fault = fixture.pull(AuthConfig::default()).await.unwrap().unwrap_err();
            assert!(fault.message().contains("said nothing"), "{fault:?}");
        });
    }
}
