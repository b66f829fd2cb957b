//! `syslogd [-n] [-O FILE] [-s KB] [-b NUMBER] [-l LEVEL] [-S] [-R HOST[:PORT]] [-L] [-C[KB]] [-K]` collects the lines that programs send to /dev/log.
//!
//! They go to FILE (`-` is standard output), which becomes FILE.0 when it has `-s` KB (200 without, 0 never), of which `-b` are kept (1 without); with `-R` to another machine by UDP, and with
//! `-L` to the file as well; with `-C` to a ring in memory, which `logread` shows. `-l` drops lines of that level and less urgent ones, `-S` leaves the date of the
//! sender away, `-K` takes the kernel's log too. It goes to the background without `-n`.
//!
//! Example: `syslogd -n -C64 -R 10.0.0.1`.

mod log_file;
mod message;
mod ring;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read;
use std::net::{SocketAddr, ToSocketAddrs, UdpSocket};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, parse};
use rustix::event::{PollFd, PollFlags, poll};
use sys::child::{Before, before_exec};

use log_file::LogFile;
use message::Message;
use ring::Ring;

/// The system's log.
pub const SYSLOGD: Applet = Applet { name: "syslogd", about: "collect the lines that programs log", place: Place::Sbin, run };

/// Socket of the programs.
pub const SOCKET: &str = "/dev/log";
/// Socket of the ring, for `logread`.
pub const RING: &str = "/run/syslogd.sock";
/// Longest line that is kept.
const MOST: usize = 8192;

#[derive(Parser)]
struct Options {
    /// Stay in the foreground
    #[arg(short)]
    n: bool,
    /// The file
    #[arg(short = 'O', value_name = "FILE", default_value = "/var/log/messages")]
    file: PathBuf,
    /// KB of the file before it is put aside
    #[arg(short, value_name = "KB", default_value_t = 200)]
    size: u64,
    /// Number of files that are put aside
    #[arg(short = 'b', value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u8).range(..=99))]
    kept: u8,
    /// Drop this level and less urgent ones
    #[arg(short, value_name = "LEVEL", default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=8))]
    level: u8,
    /// Without the sender's date
    #[arg(short = 'S')]
    short: bool,
    /// Send to this machine
    #[arg(short = 'R', value_name = "HOST[:PORT]")]
    remote: Option<String>,
    /// To the file as well
    #[arg(short = 'L')]
    local: bool,
    /// KB of the ring in memory
    #[arg(short = 'C', value_name = "KB", num_args = 0..=1, default_missing_value = "16", value_parser = clap::value_parser!(u32).range(4..=65_536))]
    ring: Option<u32>,
    /// The kernel's log, too
    #[arg(short = 'K')]
    kernel: bool,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&SYSLOGD, args)?;
    let remote = options.remote.as_deref().map(address).transpose()?;
    if !options.n {
        let mut command = Command::new("/proc/self/exe");
        command.arg0(&args[0]).args(&args[1..]).arg("-n").stdin(Stdio::null()).stdout(Stdio::null());
        before_exec(&mut command, Before { session: true, ..Before::default() });
        command.spawn().doing("go to the background")?;
        return Ok(Exit::OK);
    }
    let mut collector = Collector::open(&options, remote)?;
    collector.collect()
}

fn address(text: &str) -> Result<SocketAddr> {
    let has_port = text.parse::<SocketAddr>().is_ok() || (text.matches(':').count() == 1 && !text.starts_with('['));
    let full = if has_port { text.to_owned() } else { format!("{text}:514") };
    let found = full.to_socket_addrs().doing(format!("find {text}"))?.next();
    found.ok_or_else(|| Error::new(format!("find {text}: it has no address")))
}

struct Collector<'a> {
    options: &'a Options,
    programs: UnixDatagram,
    kernel: Option<File>,
    readers: Option<std::os::unix::net::UnixListener>,
    ring: Option<Ring>,
    file: Option<LogFile>,
    remote: Option<(UdpSocket, SocketAddr)>,
    host: String,
}

impl<'a> Collector<'a> {
    fn open(options: &'a Options, remote: Option<SocketAddr>) -> Result<Self> {
        // The socket of another one is in the way.
        let _ = fs::remove_file(SOCKET);
        let programs = UnixDatagram::bind(SOCKET).on("make", SOCKET)?;
        fs::set_permissions(SOCKET, fs::Permissions::from_mode(0o666)).on("open to all", SOCKET)?;
        let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        let open_kernel = || File::options().read(true).custom_flags(nonblocking).open("/dev/kmsg").on("open", "/dev/kmsg");
        let readers = options.ring.map(|_| {
            let _ = fs::remove_file(RING);
            let listener = std::os::unix::net::UnixListener::bind(RING).on("make", RING)?;
            fs::set_permissions(RING, fs::Permissions::from_mode(0o600)).on("close", RING)?;
            listener.set_nonblocking(true).on("set up", RING)?;
            Ok::<_, Error>(listener)
        });
        let wants_file = (remote.is_none() && options.ring.is_none()) || options.local;
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let socket = |to: SocketAddr| {
            let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            Ok::<_, Error>((UdpSocket::bind(any).doing("open a socket")?, to))
        };
        Ok(Self {
            options,
            programs,
            kernel: options.kernel.then(open_kernel).transpose()?,
            readers: readers.transpose()?,
            ring: options.ring.map(|kib| Ring::new(kib as usize * 1024)),
            file: wants_file.then(|| LogFile::open(&options.file, options.size * 1024, options.kept)).transpose()?,
            remote: remote.map(socket).transpose()?,
            host: host.trim().to_owned(),
        })
    }

    /// Until a signal ends the process.
    fn collect(&mut self) -> Result<Exit> {
        loop {
            let mut fds = vec![PollFd::new(&self.programs, PollFlags::IN)];
            fds.extend(self.kernel.iter().map(|kernel| PollFd::new(kernel, PollFlags::IN)));
            fds.extend(self.readers.iter().map(|readers| PollFd::new(readers, PollFlags::IN)));
            let followers = self.ring.as_ref().map(Ring::followers).unwrap_or_default();
            fds.extend(followers.iter().map(|follower| PollFd::new(follower, PollFlags::IN)));
            match poll(&mut fds, None) {
                Err(rustix::io::Errno::INTR) => continue,
                ready => ready.doing("wait for a line")?,
            };
            let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
            drop(fds);
            if ready[0] {
                self.hear_programs()?;
            }
            self.hear_kernel();
            self.accept();
            if let Some(ring) = &mut self.ring {
                ring.drop_gone();
            }
        }
    }

    fn hear_programs(&mut self) -> Result<()> {
        let mut bytes = [0; MOST];
        let count = match self.programs.recv(&mut bytes) {
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => return Ok(()),
            count => count.doing("receive a line")?,
        };
        // A datagram may hold several lines; zero bytes end texts of some programs.
        for line in bytes[..count].split(|byte| matches!(byte, b'\n' | 0)).filter(|line| !line.is_empty()) {
            if let Some(message) = Message::read(line, self.options.short, &self.host) {
                self.take(&message);
            }
        }
        Ok(())
    }

    fn hear_kernel(&mut self) {
        let mut lines = Vec::new();
        let Some(kernel) = &mut self.kernel else { return };
        let mut bytes = [0; MOST];
        // Each read is one record; it ends with an error when there is no more.
        while let Ok(count) = kernel.read(&mut bytes) {
            lines.push(bytes[..count].to_vec());
            if count == 0 || lines.len() > 1000 {
                break;
            }
        }
        for line in lines {
            if let Some(message) = Message::of_kernel(&line, &self.host) {
                self.take(&message);
            }
        }
    }

    fn take(&mut self, message: &Message) {
        if message.level() >= self.options.level {
            return;
        }
        let line = message.line();
        if let Some(file) = &mut self.file {
            // A full disk takes no line, and is no reason to end: the next line may find room.
            let _ = file.write(line.as_bytes());
        }
        if let Some(ring) = &mut self.ring {
            ring.push(line.as_bytes());
        }
        if let Some((socket, to)) = &self.remote {
            // The network may not be there yet.
            let _ = socket.send_to(message.packet().as_bytes(), to);
        }
    }

    fn accept(&mut self) {
        let (Some(readers), Some(ring)) = (&self.readers, &mut self.ring) else { return };
        while let Ok((stream, _)) = readers.accept() {
            ring.join(stream);
        }
    }
}
