//! The client's side of exec and attach: SPDY/3.1 to the URL that the server gave, a stream a channel. One thread, one poll(2).

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;

use kit::{Context, Error, Exit, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::{Value, json};
use spdy::{Event, Role, Session};

use super::terminal::{Heard, Terminal};

/// The longest head of an answer that is read, in bytes.
const HEAD: usize = 16 * 1024;
/// Limit of a read, in bytes.
const CHUNK: usize = 16 * 1024;
/// The longest word about the end that is kept, in bytes.
const END: usize = 64 * 1024;
/// Time of a server's silence after which it is taken to wait for room.
const SILENCE_TIMEOUT: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };
/// The two keys that leave an attached container, as in docker and podman: ^P ^Q.
const LEAVE: [u8; 2] = [0x10, 0x11];

/// Streams that a person asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted {
    /// Input goes to the process.
    pub stdin: bool,
    /// The process has a terminal.
    pub tty: bool,
    /// ^P ^Q leaves the process alone.
    pub leaves: bool,
}

/// Source and destination of bytes.
pub struct Ends<'a, I> {
    /// Input of the person.
    pub input: I,
    /// Standard output of the process.
    pub out: &'a mut dyn Write,
    /// Standard error of the process.
    pub err: &'a mut dyn Write,
}

/// Go to the URL and carry bytes until the process has ended: its exit code.
pub fn talk(url: &str, wanted: Wanted) -> Result<Exit> {
    talk_after(url, wanted, || Ok(()))
}

/// The same with something to do as soon as the stream is there, such as the start of the process.
pub fn talk_after(url: &str, wanted: Wanted, ready: impl FnOnce() -> Result<()>) -> Result<Exit> {
    let (input, mut out, mut err) = (std::io::stdin(), std::io::stdout().lock(), std::io::stderr().lock());
    let input = input.as_fd().try_clone_to_owned().doing("take the standard input")?;
    let ends = Ends { input: std::fs::File::from(input), out: &mut out, err: &mut err };
    // Before anything is sent: a size that changes meanwhile must not be missed.
    let terminal = wanted.tty.then(Terminal::open).transpose()?;
    let mut talk = Talk::begin(url, wanted, ends)?;
    talk.flush()?;
    ready()?;
    let ended = talk.run(terminal.as_ref());
    drop(terminal);
    ended
}

/// The protocol's streams.
struct Streams {
    error: u32,
    stdin: Option<u32>,
    stdout: u32,
    stderr: Option<u32>,
    resize: Option<u32>,
}

struct Talk<'a, I> {
    wanted: Wanted,
    ends: Ends<'a, I>,
    socket: TcpStream,
    session: Session,
    streams: Streams,
    /// Bytes that wait for the network.
    output: Vec<u8>,
    /// Input that waits for room.
    typed: Vec<u8>,
    /// The last key was the first of those that leave.
    half_left: bool,
    /// Nothing more is read from the input.
    input_ended: bool,
    /// The process is left alone as soon as it has what was typed before.
    leaving: bool,
    /// The server was asked whether it has all of that.
    asked: bool,
    /// It has.
    left: bool,
    /// Streams that the server has closed.
    closed: Vec<u32>,
    /// Bytes of the message about the end.
    told: Vec<u8>,
    /// Nothing more comes.
    over: bool,
}

impl<'a, I: Read + AsFd> Talk<'a, I> {
    fn begin(url: &str, wanted: Wanted, ends: Ends<'a, I>) -> Result<Self> {
        let (socket, first) = upgrade(url)?;
        socket.set_nonblocking(true).doing("prepare the stream")?;
        let mut session = Session::new(Role::Client);
        let mut open = |kind: &str| session.open(vec![("streamtype".to_owned(), kind.to_owned())]);
        let streams = Streams {
            error: open("error"),
            stdin: wanted.stdin.then(|| open("stdin")),
            stdout: open("stdout"),
            stderr: (!wanted.tty).then(|| open("stderr")),
            resize: wanted.tty.then(|| open("resize")),
        };
        let mut talk = Self {
            wanted,
            ends,
            socket,
            session,
            streams,
            output: Vec::new(),
            typed: Vec::new(),
            half_left: false,
            input_ended: !wanted.stdin,
            leaving: false,
            asked: false,
            left: false,
            closed: Vec::new(),
            told: Vec::new(),
            over: false,
        };
        talk.take(&first)?;
        Ok(talk)
    }

    fn run(mut self, terminal: Option<&Terminal>) -> Result<Exit> {
        self.resize(terminal);
        loop {
            self.send_typed();
            self.flush()?;
            if self.over {
                return verdict(&self.told);
            }
            if self.left {
                return Ok(Exit::OK);
            }
            let [network, keys, signal] = self.wait(terminal)?;
            if network {
                self.hear()?;
            }
            if keys {
                self.read_keys()?;
            }
            match terminal.filter(|_| signal).map(Terminal::heard).transpose()?.flatten() {
                Some(Heard::Resized) => self.resize(terminal),
                Some(Heard::End(number)) => return Ok(Exit(128 + number)),
                None => {}
            }
        }
    }

    /// Wait until something can be done: with the network, the keys, a signal.
    fn wait(&mut self, terminal: Option<&Terminal>) -> Result<[bool; 3]> {
        let output = if self.output.is_empty() { PollFlags::empty() } else { PollFlags::OUT };
        let keys = if self.input_ended || !self.typed.is_empty() { PollFlags::empty() } else { PollFlags::IN };
        let mut fds = vec![PollFd::new(&self.socket, PollFlags::IN | output)];
        // poll(2) tells of an end that was not asked for, so what is not read is not watched.
        let watched = !keys.is_empty();
        fds.extend(watched.then(|| PollFd::new(&self.ends.input, keys)));
        fds.extend(terminal.map(|terminal| PollFd::from_borrowed_fd(terminal.as_fd(), PollFlags::IN)));
        let limit = self.session.may_be_waiting().then_some(SILENCE_TIMEOUT);
        let ready = rustix::io::retry_on_intr(|| poll(&mut fds, limit.as_ref())).doing("wait for the stream")?;
        let has = |at: usize| fds.get(at).is_some_and(|fd| !fd.revents().is_empty());
        let found = [has(0), watched && has(1), has(1 + usize::from(watched))];
        if ready == 0 {
            self.session.assume_waiting();
        }
        Ok(found)
    }

    fn flush(&mut self) -> Result<()> {
        self.output.append(&mut self.session.take_output());
        while !self.output.is_empty() {
            match self.socket.write(&self.output) {
                Ok(written) => drop(self.output.drain(..written)),
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                // Bytes that it sent before it went are read still.
                Err(e) if matches!(e.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => self.output.clear(),
                Err(e) => return Err(e).doing("write to the stream"),
            }
        }
        Ok(())
    }

    fn hear(&mut self) -> Result<()> {
        let mut bytes = [0; CHUNK];
        match self.socket.read(&mut bytes) {
            Ok(0) => self.over = true,
            Ok(read) => self.take(&bytes[..read])?,
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(e) if e.kind() == ErrorKind::ConnectionReset => self.over = true,
            Err(e) => return Err(e).doing("read the stream"),
        }
        Ok(())
    }

    fn take(&mut self, bytes: &[u8]) -> Result<()> {
        let mut events = Vec::new();
        self.session.receive(bytes, &mut events).map_err(|e| Error::new(format!("read the stream: {e}")))?;
        for event in events {
            match event {
                Event::Data(stream, bytes) => {
                    self.show(stream, &bytes)?;
                    self.session.used(stream, bytes.len());
                }
                Event::Finished(stream) | Event::Reset(stream, _) => self.closed.push(stream),
                Event::Pong(_) => self.left = self.leaving,
                Event::Opened(..) | Event::Replied(..) | Event::Headers(..) | Event::GoAway(_) => {}
            }
        }
        let outgoing = [Some(self.streams.error), Some(self.streams.stdout), self.streams.stderr];
        self.over |= outgoing.into_iter().flatten().all(|stream| self.closed.contains(&stream));
        Ok(())
    }

    fn show(&mut self, stream: u32, bytes: &[u8]) -> Result<()> {
        let out: &mut dyn Write = if stream == self.streams.stdout {
            self.ends.out
        } else if Some(stream) == self.streams.stderr {
            self.ends.err
        } else {
            if stream == self.streams.error {
                self.told.extend_from_slice(&bytes[..bytes.len().min(END - self.told.len().min(END))]);
            }
            return Ok(());
        };
        out.write_all(bytes).and_then(|()| out.flush()).doing("write what came")
    }

    /// Read what was typed.
    fn read_keys(&mut self) -> Result<()> {
        let mut bytes = [0; CHUNK];
        let read = match self.ends.input.read(&mut bytes) {
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(()),
            read => read.doing("read the input")?,
        };
        self.input_ended = read == 0;
        for byte in &bytes[..read] {
            if self.half_left && *byte == LEAVE[1] {
                (self.leaving, self.input_ended) = (true, true);
                return Ok(());
            }
            if self.half_left {
                self.typed.push(LEAVE[0]);
            }
            self.half_left = self.wanted.leaves && self.wanted.tty && *byte == LEAVE[0];
            if !self.half_left {
                self.typed.push(*byte);
            }
        }
        Ok(())
    }

    fn send_typed(&mut self) {
        let Some(stdin) = self.streams.stdin else { return };
        if let Ok(taken) = self.session.send(stdin, &self.typed) {
            self.typed.drain(..taken);
        } else {
            // The process reads no more.
            self.typed.clear();
            self.input_ended = true;
        }
        if self.leaving && self.typed.is_empty() && !self.asked {
            self.asked = true;
            self.session.ping(1);
        }
        // A person who leaves has not ended the process's input: another may come.
        if self.input_ended && self.typed.is_empty() && !self.leaving {
            // Nothing happens the second time.
            self.session.finish(stdin);
        }
    }

    fn resize(&mut self, terminal: Option<&Terminal>) {
        let (Some(resize), Some((width, height))) = (self.streams.resize, terminal.and_then(|_| Terminal::size())) else {
            return;
        };
        let size = format!("{}\n", json!({ "Width": width, "Height": height }));
        // A size that finds no room is followed by another one.
        let _ = self.session.send(resize, size.as_bytes());
    }
}

/// Ask for SPDY: the connection, and what came after the answer's head.
fn upgrade(url: &str) -> Result<(TcpStream, Vec<u8>)> {
    let parts = url.strip_prefix("http://").and_then(|rest| rest.split_once('/'));
    let (address, path) = parts.ok_or_else(|| Error::new(format!("the server's URL {url:?} is not of HTTP")))?;
    let mut socket = TcpStream::connect(address).doing(format_args!("reach {address}"))?;
    let head = format!(
        "POST /{path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\
         X-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).doing("ask for a stream")?;
    let mut answer = Vec::new();
    let mut bytes = [0; CHUNK];
    let end = loop {
        if let Some(at) = answer.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        let read = socket.read(&mut bytes).doing("read the answer")?;
        if read == 0 || answer.len() > HEAD {
            return Err(Error::new(format!("the server at {address} does not answer with HTTP")));
        }
        answer.extend_from_slice(&bytes[..read]);
    };
    let rest = answer.split_off(end);
    let status = String::from_utf8_lossy(&answer);
    let status = status.lines().next().unwrap_or_default();
    match status.split(' ').nth(1) {
        Some("101") => Ok((socket, rest)),
        _ => Err(Error::new(format!("the server refuses a stream: {status}: {}", String::from_utf8_lossy(&rest).trim()))),
    }
}

/// The exit code in the last word, or why there is none.
fn verdict(told: &[u8]) -> Result<Exit> {
    if told.is_empty() {
        return Err(Error::new("the stream ended before the process did"));
    }
    let status: Value = serde_json::from_slice(told).doing("read how it ended")?;
    if status["status"] == "Success" {
        return Ok(Exit::OK);
    }
    let causes = status["details"]["causes"].as_array().into_iter().flatten();
    let code =
        causes.filter(|cause| cause["reason"] == "ExitCode").find_map(|cause| cause["message"].as_str()?.parse::<u8>().ok());
    match code.filter(|_| status["reason"] == "NonZeroExitCode") {
        Some(code) => Ok(Exit(code)),
        None => Err(Error::new(status["message"].as_str().unwrap_or("it failed and gave no reason"))),
    }
}

#[cfg(test)]
mod tests;
