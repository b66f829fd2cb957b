//! `nc`: join standard input and output to a network connection.
//!
//! Usage: nc [-46uvzN] [-w SECONDS] [-s ADDRESS] HOST PORT
//!        nc -l [-46uv] [-s ADDRESS] [-p] PORT
//!
//! Standard input is sent, received bytes are written to standard output. At the end of the input
//! the sending side is shut down with -N only; it ends when the other side does. With -z nothing is
//! sent: it only tries whether the port is open.
//! -l waits for one connection (or, with -u, the first packet's sender).
//!
//! Exit status: 0, or 1 when there was no connection.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::Duration;

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result};

/// The record.
pub const NAME: Applet = Applet { name: "nc", about: "join standard input and output to a connection", place: Place::Bin, run };

/// The largest UDP packet, in bytes.
const PACKET: usize = 65_535;
/// Timeout of -z for the message that a UDP port is closed.
const REFUSAL: Duration = Duration::from_secs(1);

#[derive(Parser, Debug)]
struct Options {
    /// Only IPv4
    #[arg(short = '4', conflicts_with = "v6")]
    v4: bool,
    /// Only IPv6
    #[arg(short = '6')]
    v6: bool,
    /// UDP
    #[arg(short)]
    udp: bool,
    /// Wait for a connection
    #[arg(short)]
    listen: bool,
    /// Listen at this port
    #[arg(short, value_name = "PORT", requires = "listen")]
    port: Option<u16>,
    /// Our own address
    #[arg(short, value_name = "ADDRESS")]
    source: Option<IpAddr>,
    /// Say what happens, on standard error
    #[arg(short)]
    verbose: bool,
    /// Only try whether the port is open
    #[arg(short, conflicts_with = "listen")]
    zero: bool,
    /// Shut the sending side down at the end of the input
    #[arg(short = 'N')]
    shut: bool,
    /// Timeout of the connection, and of each wait for bytes, in seconds
    #[arg(short = 'w', value_name = "SECONDS")]
    wait: Option<u64>,
    /// Host and port, or the port to listen at
    #[arg(value_name = "HOST PORT", num_args = 0..=2)]
    words: Vec<String>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&NAME, args)?;
    match (options.listen, options.udp) {
        (true, false) => listen_tcp(&options)?,
        (true, true) => listen_udp(&options)?,
        (false, false) => connect_tcp(&options)?,
        (false, true) => connect_udp(&options)?,
    }
    Ok(Exit::OK)
}

impl Options {
    fn say(&self, what: &str) {
        if self.verbose {
            // Nobody is told when standard error is closed.
            let _ = writeln!(std::io::stderr(), "{what}");
        }
    }

    fn limit(&self) -> Option<Duration> {
        self.wait.map(Duration::from_secs)
    }

    fn any(&self) -> IpAddr {
        self.source.unwrap_or(if self.v4 { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() })
    }

    /// The addresses of the host, of the wanted family.
    fn targets(&self) -> Result<Vec<SocketAddr>> {
        let [host, port] = self.words.as_slice() else { return Err(Error::usage("give a host and a port")) };
        let port: u16 = number(port)?;
        let found = (host.as_str(), port).to_socket_addrs().doing(format_args!("find {host}"))?;
        let fits = |addr: &SocketAddr| (!self.v4 || addr.is_ipv4()) && (!self.v6 || addr.is_ipv6());
        let found: Vec<_> = found.filter(fits).collect();
        if found.is_empty() { Err(Error::new(format!("find {host}: it has no address of that family"))) } else { Ok(found) }
    }

    /// Listen: at the given address, else at all of both families, else, where the kernel has no IPv6, at all of IPv4.
    fn listen_at<T>(&self, listen: fn(SocketAddr) -> std::io::Result<T>) -> Result<T> {
        let word = self.words.last().map(|port| number(port)).transpose()?;
        let port = self.port.or(word).ok_or_else(|| Error::usage("give a port to listen at"))?;
        let first = listen((self.any(), port).into());
        let free = self.source.is_none() && !self.v6;
        let listening = first.or_else(|e| if free { listen((Ipv4Addr::UNSPECIFIED, port).into()) } else { Err(e) });
        let listening = listening.doing(format_args!("listen at port {port}"))?;
        self.say(&format!("listening at port {port}"));
        Ok(listening)
    }
}

fn number(word: &str) -> Result<u16> {
    word.parse().map_err(|_| Error::usage(format!("{word:?} is not a port")))
}

fn connect_tcp(options: &Options) -> Result<()> {
    let mut last = None;
    for addr in options.targets()? {
        let stream = match options.limit() {
            Some(limit) => TcpStream::connect_timeout(&addr, limit),
            None => TcpStream::connect(addr),
        };
        match stream.doing(format_args!("connect to {addr}")) {
            Ok(stream) => {
                options.say(&format!("connection to {addr} succeeded"));
                return if options.zero { Ok(()) } else { carry(stream, options) };
            }
            Err(e) => last = Some(e),
        }
    }
    Err(last.unwrap_or_else(|| Error::new("there is no address to connect to")))
}

fn listen_tcp(options: &Options) -> Result<()> {
    let listener = options.listen_at(TcpListener::bind)?;
    let (stream, from) = listener.accept().doing("wait for a connection")?;
    drop(listener);
    options.say(&format!("connection from {from}"));
    carry(stream, options)
}

/// Both ways at once, until the other side ends.
fn carry(mut stream: TcpStream, options: &Options) -> Result<()> {
    stream.set_read_timeout(options.limit()).doing("set a time limit")?;
    let mut sending = stream.try_clone().doing("share the connection")?;
    let shut = options.shut;
    // This thread waits for standard input and is left to the end of the process.
    std::thread::spawn(move || {
        let copied = std::io::copy(&mut std::io::stdin().lock(), &mut sending);
        if shut && copied.is_ok() { sending.shutdown(Shutdown::Write) } else { Ok(()) }
    });
    let mut out = std::io::stdout().lock();
    let mut buffer = [0; 1 << 14];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(len) => out.write_all(&buffer[..len]).and_then(|()| out.flush()).doing("write")?,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
            Err(e) => return Err(e).doing("receive"),
        }
    }
}

fn connect_udp(options: &Options) -> Result<()> {
    let addr = options.targets()?.swap_remove(0);
    let any: IpAddr = if addr.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((options.source.unwrap_or(any), 0)).doing("open a socket")?;
    socket.connect(addr).doing(format_args!("connect to {addr}"))?;
    if !options.zero {
        return carry_udp(&socket, options);
    }
    // A closed port is known by the word that comes back for a packet.
    socket.set_read_timeout(Some(REFUSAL)).doing("set a time limit")?;
    socket.send(b"").doing(format_args!("send to {addr}"))?;
    match socket.recv(&mut [0; 1]) {
        Err(e) if e.kind() == std::io::ErrorKind::ConnectionRefused => Err(e).doing(format_args!("connect to {addr}")),
        _ => Ok(()),
    }
}

fn listen_udp(options: &Options) -> Result<()> {
    let socket = options.listen_at(UdpSocket::bind)?;
    let mut buffer = vec![0; PACKET];
    let (len, from) = socket.recv_from(&mut buffer).doing("wait for a packet")?;
    options.say(&format!("packet from {from}"));
    let mut out = std::io::stdout().lock();
    out.write_all(&buffer[..len]).and_then(|()| out.flush()).doing("write")?;
    drop(out);
    socket.connect(from).doing(format_args!("connect to {from}"))?;
    carry_udp(&socket, options)
}

/// Both ways at once: what is read in one go is one packet.
fn carry_udp(socket: &UdpSocket, options: &Options) -> Result<()> {
    socket.set_read_timeout(options.limit()).doing("set a time limit")?;
    let sending = socket.try_clone().doing("share the socket")?;
    // As in `carry`.
    std::thread::spawn(move || {
        let mut buffer = [0; 1 << 14];
        while let Ok(len @ 1..) = std::io::stdin().read(&mut buffer) {
            // A packet that nobody takes is UDP's way.
            let _ = sending.send(&buffer[..len]);
        }
    });
    let mut out = std::io::stdout().lock();
    let mut buffer = vec![0; PACKET];
    loop {
        match socket.recv(&mut buffer) {
            Ok(len) => out.write_all(&buffer[..len]).and_then(|()| out.flush()).doing("write")?,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
            Err(e) => return Err(e).doing("receive"),
        }
    }
}
