//! The zygote: forked from the server before that has threads, it forks a monitor at each request.
//!
//! Monitors share its memory until they write to it. An exec instead would dirty all of the binary's relocated data anew in each.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use kit::cgroup::Cgroup;
use kit::{Context, Error, Result};
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use sys::fork::{Side, end, fork};

use super::memory::CGROUP;
use super::wire::Spawn;
use super::{events, memory};

/// A request is a path and a few quotes.
const REQUEST_LIMIT: usize = 8192;

/// Fork the zygote; call it while the process has one thread. The socket takes [`Spawn`] packets; the zygote ends when it is closed.
/// `alone` is held until then, and by each monitor until it listens: as long as somebody holds it, monitors may still appear.
pub fn start(alone: OwnedFd) -> Result<OwnedFd> {
    let (ours, theirs) = rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
        .doing("make the zygote's socket")?;
    match fork().doing("fork the zygote")? {
        Side::Parent(_) => Ok(ours),
        Side::Child => {
            drop(ours);
            end(serve(theirs, alone))
        }
    }
}

fn serve(socket: OwnedFd, alone: OwnedFd) -> u8 {
    let (mut socket, mut alone) = (Some(socket), Some(alone));
    // Without the cgroup (a test outside an appliance) monitors stay where the server is.
    if memory::has_cgroups() {
        let group = Cgroup::at(CGROUP);
        let _ = group.make().and_then(|()| group.enter());
        memory::allow_limits();
    }
    while let Some(listening) = &socket {
        match receive(listening) {
            Ok(Some((request, notify))) => spawn((&mut socket, &mut alone), &request, notify),
            Ok(None) => return 0,
            // A request that can't be read has no one to be told of: its socket is closed, which the server sees.
            Err(_) => {}
        }
    }
    0
}

/// The next request and its socket; none when the server is gone.
fn receive(socket: &OwnedFd) -> Result<Option<(Spawn, UnixStream)>> {
    let mut bytes = [0; REQUEST_LIMIT];
    let (len, fds) = kit::scm::receive(socket, &mut bytes).doing("receive a request")?;
    if len == 0 {
        return Ok(None);
    }
    let notify = fds.into_iter().next().ok_or_else(|| Error::new("a request without a socket"))?;
    let request = serde_json::from_slice(&bytes[..len]).doing("decode a request")?;
    Ok(Some((request, UnixStream::from(notify))))
}

/// Fork twice, so that the monitor's parent is PID 1 from the start and the zygote has nothing to reap later.
fn spawn((socket, alone): (&mut Option<OwnedFd>, &mut Option<OwnedFd>), request: &Spawn, notify: UnixStream) {
    match fork() {
        Ok(Side::Parent(pid)) => {
            drop(notify);
            let pid = rustix::process::Pid::from_raw(pid);
            // It ends at once; its status says nothing.
            let _ = rustix::process::waitpid(pid, rustix::process::WaitOptions::empty());
        }
        Ok(Side::Child) => {
            if let Ok(Side::Child) = fork() {
                // Without its end in a monitor the server sees when the zygote itself dies.
                *socket = None;
                end(monitor(request, notify, alone.take()));
            }
            end(0)
        }
        // The closed socket tells the server.
        Err(_) => {}
    }
}

fn monitor(request: &Spawn, notify: UnixStream, alone: Option<OwnedFd>) -> u8 {
    match events::run(&request.dir, notify, alone) {
        Ok(()) => 0,
        Err(_) => 1,
    }
}
