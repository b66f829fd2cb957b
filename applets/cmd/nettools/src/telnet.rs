//! `telnet [-8] [-l USER] HOST [PORT]` talks to a TELNET server, or to any port.
//!
//! Echo, line mode, terminal type and window size are negotiated (RFC 854, 857, 858, 1073, 1091). `Ctrl-]` gives a prompt: `q` ends, `z` stops, anything else goes on.
//!
//! Example: `telnet 10.0.0.7 2323`.

mod protocol;

use std::ffi::OsString;
use std::io::{IsTerminal, Read, Write, stdin, stdout};
use std::net::TcpStream;
use std::time::Duration;

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, parse};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::address::{self, Version};
use protocol::Protocol;

/// TELNET.
pub const TELNET: Applet = Applet { name: "telnet", about: "talk to a TELNET server or any port", place: Place::Bin, run };

/// Time for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// `Ctrl-]`.
const ESCAPE: u8 = 0x1d;

#[derive(Parser)]
struct Options {
    /// Eight bits both ways
    #[arg(short = '8')]
    binary: bool,
    /// User to tell the server
    #[arg(short = 'l', value_name = "USER")]
    user: Option<String>,
    /// The server
    host: String,
    /// Its port
    #[arg(default_value_t = 23)]
    port: u16,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&TELNET, args)?;
    let stream = connect(&options)?;
    kit::print(&format!("Connected to {}.\n", options.host))?;
    let is_terminal = stdin().is_terminal();
    if is_terminal {
        kit::print("Escape character is '^]'.\n")?;
    }
    let mut session = Session {
        stream,
        protocol: Protocol::new(options.user.clone(), options.binary),
        modes: if is_terminal { tcgetattr(stdin()).ok() } else { None },
        is_raw: false,
    };
    let done = session.talk();
    session.set_raw(false)?;
    done.map(|()| Exit::FAILED)
}

fn connect(options: &Options) -> Result<TcpStream> {
    let mut last = None;
    for address in address::resolve(&options.host, options.port, Version::Any)? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(e) => last = Some(Error::new(format!("connect to {address}: {}", e.kind()))),
        }
    }
    Err(last.unwrap_or_else(|| Error::new("no address")))
}

struct Session {
    stream: TcpStream,
    protocol: Protocol,
    modes: Option<Termios>,
    is_raw: bool,
}

impl Session {
    /// Until either side ends.
    fn talk(&mut self) -> Result<()> {
        let mut has_input = true;
        loop {
            let input = stdin();
            let mut fds = [PollFd::new(&self.stream, PollFlags::IN), PollFd::new(&input, PollFlags::IN)];
            let watched = if has_input { &mut fds[..] } else { &mut fds[..1] };
            match poll(watched, None) {
                Err(rustix::io::Errno::INTR) => continue,
                ready => ready.doing("wait")?,
            };
            let ready = [!watched[0].revents().is_empty(), watched.get(1).is_some_and(|fd| !fd.revents().is_empty())];
            if ready[0] && !self.hear()? {
                return Ok(());
            }
            if ready[1] {
                let mut bytes = [0; 1024];
                let count = stdin().lock().read(&mut bytes).doing("read standard input")?;
                if count == 0 {
                    has_input = false;
                    // The server may still have something to say.
                    let _ = self.stream.shutdown(std::net::Shutdown::Write);
                } else if !self.typed(&bytes[..count])? {
                    return Ok(());
                }
            }
        }
    }

    /// Bytes of the server; false at its end.
    fn hear(&mut self) -> Result<bool> {
        let mut bytes = [0; 4096];
        let count = match self.stream.read(&mut bytes) {
            Ok(0) => return Ok(false),
            Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => return Ok(false),
            count => count.doing("read from the server")?,
        };
        let size = rustix::termios::tcgetwinsize(stdout()).map_or((80, 24), |size| (size.ws_col, size.ws_row));
        let heard = self.protocol.hear(&bytes[..count], size);
        if !heard.answer.is_empty() {
            self.stream.write_all(&heard.answer).doing("write to the server")?;
        }
        let mut out = stdout().lock();
        out.write_all(&heard.data).and_then(|()| out.flush()).doing("write standard output")?;
        drop(out);
        self.set_raw(self.protocol.is_echoed())?;
        Ok(true)
    }

    /// Bytes of the person; false when that was the end.
    fn typed(&mut self, bytes: &[u8]) -> Result<bool> {
        let (before, escaped) = match bytes.iter().position(|byte| *byte == ESCAPE) {
            Some(at) if self.modes.is_some() => (&bytes[..at], true),
            _ => (bytes, false),
        };
        self.stream.write_all(&self.protocol.say(before, self.is_raw)).doing("write to the server")?;
        if !escaped {
            return Ok(true);
        }
        let was_raw = self.is_raw;
        self.set_raw(false)?;
        kit::print("\r\ntelnet> ")?;
        let mut line = String::new();
        stdin().read_line(&mut line).doing("read standard input")?;
        match line.trim() {
            "q" | "quit" | "e" | "close" => return Ok(false),
            "z" => drop(rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)),
            _ => {}
        }
        self.set_raw(was_raw)?;
        Ok(true)
    }

    /// The terminal without lines, echo and signals while the server echoes.
    fn set_raw(&mut self, on: bool) -> Result<()> {
        let Some(modes) = self.modes.clone().filter(|_| self.is_raw != on) else { return Ok(()) };
        let mut modes = modes;
        if on {
            modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
        }
        self.is_raw = on;
        tcsetattr(stdin(), OptionalActions::Drain, &modes).doing("set the terminal's modes")
    }
}
