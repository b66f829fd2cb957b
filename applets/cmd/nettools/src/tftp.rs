//! `tftp [-g | -p] [-l FILE] [-r FILE] [-b BYTES] [-t SECONDS] HOST [PORT]` gets a file by TFTP, or puts one.
//!
//! `-l` is the file here, `-r` the one there; each is the other when it is not given, and `-l -` standard output or input. Block size and the file's length are
//! negotiated (RFC 2348, RFC 2349). A transfer that stops halfway leaves no file.
//!
//! Example: `tftp -g -r vmlinuz -l /boot/vmlinuz 10.0.0.1`.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use format::tftp::{self, BLOCK, Message, Receiver};
use kit::{Applet, Context, Error, Exit, Place, Result, parse};

use crate::address::{self, Version};

/// Files by TFTP.
pub const TFTP: Applet = Applet { name: "tftp", about: "get or put a file by TFTP", place: Place::Bin, run };

/// Times that a packet is sent before the transfer fails.
const TRIES: u32 = 6;
/// Largest block, as RFC 2348 has it.
const MOST_BLOCK: u16 = 65_464;

#[derive(Parser)]
struct Options {
    /// Get a file
    #[arg(short, long, conflicts_with = "put")]
    get: bool,
    /// Put a file
    #[arg(short, long)]
    put: bool,
    /// File here
    #[arg(short, long, value_name = "FILE")]
    local: Option<PathBuf>,
    /// File there
    #[arg(short, long, value_name = "FILE")]
    remote: Option<String>,
    /// Bytes of a block
    #[arg(short, long, value_name = "BYTES", default_value_t = 1428, value_parser = clap::value_parser!(u16).range(8..=MOST_BLOCK as i64))]
    blksize: u16,
    /// Seconds to wait for an answer
    #[arg(short, long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=255))]
    timeout: u64,
    /// The server
    host: String,
    /// Its port
    #[arg(default_value_t = 69)]
    port: u16,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&TFTP, args)?;
    if !options.get && !options.put {
        return Err(Error::usage("give -g to get or -p to put a file"));
    }
    let here = options
        .local
        .clone()
        .or_else(|| options.remote.as_ref().map(|name| PathBuf::from(name.rsplit('/').next().unwrap_or(name))));
    let there = options.remote.clone().or_else(|| options.local.as_ref().map(|path| path.display().to_string()));
    let (Some(here), Some(there)) = (here, there) else { return Err(Error::usage("give a file with -l or -r")) };
    if there.contains('\0') || there.len() > usize::from(BLOCK) - 64 {
        return Err(Error::usage("the file's name is too long"));
    }
    let mut talk = Talk::open(&options)?;
    let done = if options.get { talk.get(&there, &here, &options) } else { talk.put(&there, &here, &options) };
    done.map(|()| Exit::OK)
}

struct Talk {
    socket: UdpSocket,
    server: SocketAddr,
    /// The port that the server answers from, after its first packet.
    peer: Option<SocketAddr>,
    buffer: Vec<u8>,
}

impl Talk {
    fn open(options: &Options) -> Result<Self> {
        let server = address::resolve(&options.host, options.port, Version::Any)?[0];
        let any = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(any).doing("open a socket")?;
        socket.set_read_timeout(Some(Duration::from_secs(options.timeout))).doing("set the timeout")?;
        Ok(Self { socket, server, peer: None, buffer: vec![0; usize::from(MOST_BLOCK) + 4] })
    }

    /// Sends a packet, again and again until `is_answer` likes what comes.
    fn ask<T>(&mut self, packet: &[u8], mut is_answer: impl FnMut(Message<'_>) -> Option<T>) -> Result<T> {
        for _ in 0..TRIES {
            self.socket.send_to(packet, self.peer.unwrap_or(self.server)).doing(format!("send to {}", self.server))?;
            loop {
                let (len, from) = match self.socket.recv_from(&mut self.buffer) {
                    Ok(got) => got,
                    Err(e) if matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => break,
                    Err(e) => return Err(e).doing(format!("hear from {}", self.server)),
                };
                // Only the server, and after its first packet only that port of it, is believed.
                if self.peer.map_or(from.ip() != self.server.ip(), |peer| peer != from) {
                    continue;
                }
                let Some(message) = tftp::parse(&self.buffer[..len]) else { continue };
                if let Message::Error(code, text) = &message {
                    return Err(Error::new(format!("{} says: {text} (error {code})", self.server.ip())));
                }
                if let Some(found) = is_answer(message) {
                    self.peer = Some(from);
                    return Ok(found);
                }
            }
        }
        Err(Error::new(format!("{} does not answer", self.server)))
    }

    fn get(&mut self, there: &str, here: &PathBuf, options: &Options) -> Result<()> {
        if here.as_os_str() == "-" {
            let mut out = kit::out();
            return self.receive(there, options, &mut out).and_then(|()| out.flush().doing("write standard output"));
        }
        // A device or a pipe is written to; only a file is replaced.
        if fs::metadata(here).is_ok_and(|found| !found.is_file()) {
            let mut out = File::options().write(true).open(here).on("open", here)?;
            return self.receive(there, options, &mut out);
        }
        let part = here.with_added_extension("part");
        let mut out = File::create(&part).on("create", &part)?;
        let done = self.receive(there, options, &mut out).and_then(|()| fs::rename(&part, here).on("rename", &part));
        if done.is_err() {
            // The error of the transfer is reported, not that of the cleanup.
            let _ = fs::remove_file(&part);
        }
        done
    }

    fn receive(&mut self, there: &str, options: &Options, out: &mut dyn Write) -> Result<()> {
        let wanted = tftp::Options { block: Some(options.blksize), size: Some(0), ..tftp::Options::default() };
        let mut block = BLOCK;
        let mut receiver = Receiver::new(1);
        let mut packet = tftp::read_request(there, &wanted);
        loop {
            // A first answer may be the agreement, or at once the first block of a server without options.
            let taken = self.ask(&packet, |message| match message {
                Message::Accept(agreed) if receiver.last() == 0 => Some((agreed.block, None)),
                Message::Data(number, bytes) if number == receiver.last().wrapping_add(1) => {
                    Some((None, Some((number, bytes.to_vec()))))
                }
                _ => None,
            })?;
            match taken {
                (agreed, None) => {
                    block = agreed.unwrap_or(BLOCK);
                    if block > options.blksize.max(BLOCK) {
                        return Err(Error::new(format!("{} wants larger blocks than were asked for", self.server)));
                    }
                    packet = tftp::ack(0);
                }
                (_, Some((number, bytes))) => {
                    let is_last = bytes.len() < usize::from(block);
                    let taken = receiver.take(number, is_last);
                    if taken.keep {
                        out.write_all(&bytes).doing("write the file")?;
                    }
                    packet = tftp::ack(taken.answer.unwrap_or_else(|| receiver.last()));
                    if is_last {
                        let peer = self.peer.unwrap_or(self.server);
                        return self.socket.send_to(&packet, peer).doing(format!("send to {peer}")).map(drop);
                    }
                }
            }
        }
    }

    fn put(&mut self, there: &str, here: &PathBuf, options: &Options) -> Result<()> {
        let mut source: Box<dyn Read> =
            if here.as_os_str() == "-" { Box::new(std::io::stdin()) } else { Box::new(File::open(here).on("open", here)?) };
        let request =
            [&[0, 2][..], there.as_bytes(), b"\0octet\0blksize\0", options.blksize.to_string().as_bytes(), b"\0"].concat();
        let mut block = BLOCK;
        self.ask(&request, |message| match message {
            Message::Accept(agreed) => {
                block = agreed.block.unwrap_or(BLOCK);
                Some(())
            }
            Message::Ack(0) => Some(()),
            _ => None,
        })?;
        if block > options.blksize.max(BLOCK) {
            return Err(Error::new(format!("{} wants larger blocks than were asked for", self.server)));
        }
        let mut number = 0_u16;
        loop {
            let mut bytes = Vec::new();
            source.by_ref().take(block.into()).read_to_end(&mut bytes).on("read", here)?;
            number = number.wrapping_add(1);
            self.ask(&tftp::data(number, &bytes), |message| (message == Message::Ack(number)).then_some(()))?;
            if bytes.len() < usize::from(block) {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    /// Answers the first request with blocks of 512 bytes, or with an error; the port of the server.
    fn server(content: Option<Vec<u8>>) -> u16 {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let mut buffer = [0; 600];
            let (_, peer) = socket.recv_from(&mut buffer).unwrap();
            let Some(content) = content else {
                socket.send_to(&tftp::error(1, "no such file"), peer).unwrap();
                return;
            };
            for (number, block) in (1..).zip(content.chunks(512).chain((content.len() % 512 == 0).then_some(&[][..]))) {
                socket.send_to(&tftp::data(number, block), peer).unwrap();
                socket.recv_from(&mut buffer).unwrap();
            }
        });
        port
    }

    fn get(port: u16, here: &std::path::Path) -> Result<()> {
        let words =
            ["tftp", "-g", "-r", "there", "-l", here.to_str().unwrap(), "127.0.0.1", &port.to_string()].map(OsString::from);
        run(&words).map(drop)
    }

    #[test]
    fn a_file_comes_whole_or_not_at_all() {
        let dir = std::env::temp_dir().join(format!("tftp-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let here = dir.join("here");
        for length in [0, 5, 512, 1300] {
            let content = vec![7; length];
            get(server(Some(content.clone())), &here).unwrap();
            assert_eq!(fs::read(&here).unwrap(), content);
        }
        assert!(get(server(None), &dir.join("other")).unwrap_err().to_string().contains("no such file"));
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
        // A failed transfer keeps the old file, and a link to a device is not replaced.
        assert!(get(server(None), &here).is_err());
        assert_eq!(fs::read(&here).unwrap().len(), 1300);
        let device = dir.join("device");
        std::os::unix::fs::symlink("/dev/null", &device).unwrap();
        get(server(Some(vec![1; 3])), &device).unwrap();
        assert!(fs::symlink_metadata(&device).unwrap().is_symlink());
        fs::remove_dir_all(dir).unwrap();
    }
}
