//! Processes whose streams are the caller's, and callers that see a container's streams.

use std::os::fd::{AsFd, OwnedFd};
use std::process::Stdio;
use std::time::Instant;

use kit::{Error, Result};

use super::attach::Client;
use super::connection::Phase;
use super::events::Monitor;
use super::job::{ExecJob, Then};
use super::wire::{Reply, Stream};

impl Monitor {
    /// Begin a process with the caller's streams.
    pub fn stream(&mut self, caller: u64, stream: &Stream) -> Result<Option<Reply>> {
        let fds = self.take_fds(caller);
        if let Some(refusal) = self.not_running(&stream.container) {
            return Ok(Some(refusal));
        }
        let (mut oci, process_file, pid_file) = self.exec_command(&stream.process)?;
        if let Some(console) = &stream.console {
            oci.command.arg("--console-socket").arg(console).stdout(Stdio::null()).stderr(Stdio::null());
        } else {
            let fds: Result<[OwnedFd; 3], _> = fds.try_into();
            let [stdin, stdout, stderr] = fds.map_err(|_| Error::new("a streaming exec needs three streams, or a console"))?;
            oci.command.stdin(Stdio::from(stdin)).stdout(Stdio::from(stdout)).stderr(Stdio::from(stderr));
        }
        oci.command.arg(&stream.container);
        let then = Then::Exec(Box::new(ExecJob { pid_file, process_file, deadline: None }));
        self.jobs.push(oci.spawn(Some(caller), &stream.container, then)?);
        Ok(None)
    }

    /// Show a container's output to a caller from now on.
    pub fn attach(&mut self, caller: u64, id: &str, stdin: bool) -> Result<Option<Reply>> {
        let fds: Result<[OwnedFd; 2], _> = self.take_fds(caller).try_into();
        let [stdout, stderr] = fds.map_err(|_| Error::new("a client that attaches needs two sockets"))?;
        let Some(container) = self.containers.get_mut(id).filter(|c| !c.making) else { return Ok(Some(Reply::Unknown)) };
        let input = if stdin || container.terminal { container.lend_input()? } else { None };
        container.clients.push(Client::new(caller, stdout, stderr));
        container.settle();
        let Some(connection) = self.connections.get_mut(&caller) else { return Ok(None) };
        connection.phase = Phase::Attached;
        match input {
            Some(fd) => connection.hand_over(&Reply::Attached, fd.as_fd()),
            None => connection.say(&Reply::Attached),
        }
        Ok(None)
    }

    /// Takes the descriptors that came beside a caller's request.
    pub fn take_fds(&mut self, caller: u64) -> Vec<OwnedFd> {
        self.connections.get_mut(&caller).map(|connection| std::mem::take(&mut connection.fds)).unwrap_or_default()
    }

    /// A client has room again.
    pub fn serve_client(&mut self, id: &str, caller: u64, which: usize) {
        let Some(container) = self.containers.get_mut(id) else { return };
        container.clients.iter_mut().filter(|client| client.caller == caller).for_each(|client| client.flush(which));
        container.settle();
    }

    /// A caller is gone.
    pub fn detach(&mut self, caller: u64) {
        for container in self.containers.values_mut() {
            container.clients.retain(|client| client.caller != caller);
        }
    }

    /// Let go clients that have taken nothing for too long: containers must go on.
    pub fn let_go(&mut self, now: Instant) {
        let clients = self.containers.values().flat_map(|container| &container.clients);
        let late: Vec<u64> =
            clients.filter(|client| client.due().is_some_and(|due| due <= now)).map(|client| client.caller).collect();
        for caller in late {
            self.detach(caller);
            self.connections.remove(&caller);
        }
    }
}
