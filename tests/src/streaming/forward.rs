//! Ports of pods on a person's own machine.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use kit::{Context, Error, Result};
use lab::control_plane::ControlPlane;

use super::noise;
use crate::case::{Outcome, ensure};
use crate::kube::delete;
use crate::world::World;

/// A port-forward that runs. Dropping it ends it.
struct Forward {
    child: Child,
    port: u16,
}

impl Forward {
    fn start(plane: &ControlPlane, pod: &str, port: u16) -> Result<Self> {
        let mut command =
            plane.kubectl_command(&["port-forward", &format!("pod/{pod}"), &format!(":{port}"), "--address=127.0.0.1"]);
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().doing("start kubectl")?;
        let out = child.stdout.take().ok_or_else(|| Error::new("kubectl has no output"))?;
        let mut forward = Self { child, port: 0 };
        let mut lines = BufReader::new(out).lines().map_while(std::result::Result::ok);
        let line = lines.next().ok_or_else(|| Error::new("kubectl forwards nothing"))?;
        thread::spawn(move || lines.for_each(drop));
        // `Forwarding from 127.0.0.1:40001 -> 7000`
        let port = line.split([':', ' ']).find_map(|word| word.parse().ok());
        forward.port = port.ok_or_else(|| Error::new(format!("kubectl said {line}")))?;
        Ok(forward)
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Send bytes to an echo and take them back, both at once.
fn echoed(port: u16, bytes: &[u8]) -> std::io::Result<bool> {
    let mut socket = TcpStream::connect(("127.0.0.1", port))?;
    socket.set_read_timeout(Some(Duration::from_mins(3)))?;
    let mut to = socket.try_clone()?;
    thread::scope(|scope| {
        let writer = scope.spawn(move || to.write_all(bytes).and_then(|()| to.shutdown(Shutdown::Write)));
        let mut back = Vec::new();
        socket.read_to_end(&mut back)?;
        writer.join().map_err(|_| std::io::Error::other("a writer died"))??;
        Ok(back == bytes)
    })
}

/// A hundred connections at once through one forward, each with bytes of its own.
pub fn hundred(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    crate::kube::start(plane, node, "hundred", "args: [echo, '7000']\n")?;
    let forward = Forward::start(plane, "hundred", 7000)?;
    let done: Vec<_> = thread::scope(|scope| {
        let one = |n: usize| {
            let mut bytes = noise(100_000 + n);
            bytes.rotate_left(n);
            echoed(forward.port, &bytes)
        };
        let running: Vec<_> = (0..100).map(|n| scope.spawn(move || one(n))).collect();
        running.into_iter().map(|thread| thread.join().map_err(|_| "a thread died".to_owned())).collect()
    });
    drop(forward);
    delete(plane, "hundred")?;
    let bad: Vec<_> = done.iter().filter(|one| !matches!(one, Ok(Ok(true)))).collect();
    ensure(bad.is_empty(), || format!("{} of 100 are wrong: {:?}\n{}", bad.len(), bad.first(), node.service_log("cri")))
}

/// A port where nobody listens is told of, and an open one works afterwards.
pub fn closed_port(world: &mut World, board: &str) -> Outcome {
    let (node, plane) = world.warm(board)?;
    crate::kube::start(plane, node, "closed", "args: [echo, '7000']\n")?;
    let forward = Forward::start(plane, "closed", 7001)?;
    ensure(matches!(echoed(forward.port, b"anybody?"), Ok(false) | Err(_)), || "a closed port answers".into())?;
    drop(forward);
    // The next one finds the port that is open.
    let forward = Forward::start(plane, "closed", 7000)?;
    let open = echoed(forward.port, b"anybody?");
    drop(forward);
    delete(plane, "closed")?;
    ensure(matches!(open, Ok(true)), || format!("{open:?}"))
}
