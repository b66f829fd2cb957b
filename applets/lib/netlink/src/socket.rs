//! A netlink socket: a request goes to the kernel, its answers come back.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use kit::{Context, Error, Kind, Result};
use rustix::io::Errno;
use rustix::net::{AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, netlink};

use crate::wire::{Message, Writer, attributes, messages, u32_at};

/// Flags of a request (`NLM_F_*`).
pub mod flag {
    pub const REQUEST: u16 = 0x1;
    pub const ACK: u16 = 0x4;
    /// In an answer: what was listed changed meanwhile.
    pub const DUMP_INTR: u16 = 0x10;
    /// List all.
    pub const DUMP: u16 = 0x300;
    pub const REPLACE: u16 = 0x100;
    pub const EXCL: u16 = 0x200;
    pub const CREATE: u16 = 0x400;
    /// nf_tables: add the rule at the chain's end.
    pub const APPEND: u16 = 0x800;
    /// In an error: the request's body is not repeated.
    pub const CAPPED: u16 = 0x100;
    /// In an error: attributes explain it.
    pub const ACK_TLVS: u16 = 0x200;
}

const NOOP: u16 = 1;
const ERROR: u16 = 2;
const DONE: u16 = 3;
/// The attribute of an error that is a sentence.
const ERROR_TEXT: u16 = 1;
/// Number of tries of a listing that changed while it was read.
const TRIES: usize = 5;

/// An error of the kernel, with its own words when it gave some.
pub(crate) fn refusal(errno: Errno, text: &str) -> Error {
    let cause = io::Error::from(errno).to_string();
    let cause = cause.split(" (os error").next().unwrap_or_default().to_lowercase();
    Error::caused(if text.is_empty() { cause } else { format!("{cause} ({text})") }, errno)
}

/// Tells if a transaction came too late: what it was made for has changed since.
pub(crate) fn is_overtaken(e: &Error) -> bool {
    /// The kernel's own number, which is for no system call but for messages.
    const ERESTART: i32 = 85;
    e.errno() == Some(ERESTART)
}

/// Tells if the thing is not there: no such link, address, route, table.
pub(crate) fn is_absent(e: &Error) -> bool {
    e.kind() == Kind::Missing || e.errno() == Some(Errno::ADDRNOTAVAIL.raw_os_error())
}

/// One answer: the bytes after its header.
#[derive(Debug)]
pub struct Answer {
    pub body: Vec<u8>,
}

/// A connection to the kernel's network configuration (or, within this room, to nf_tables). It belongs for ever to the network
/// namespace that its opener was in.
#[derive(Debug)]
pub struct Netlink {
    socket: OwnedFd,
    seq: u32,
    buffer: Vec<u8>,
}

impl Netlink {
    /// Open in the calling thread's network namespace.
    pub fn open() -> Result<Self> {
        Self::open_protocol(None)
    }

    /// Open another protocol than rtnetlink.
    pub(crate) fn open_protocol(protocol: Option<Protocol>) -> Result<Self> {
        let socket = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, protocol)
            .doing("open a netlink socket")?;
        rustix::net::bind(&socket, &netlink::SocketAddrNetlink::new(0, 0)).doing("bind a netlink socket")?;
        // Without it errors are numbers only, which serves too.
        let _ = sys::netlink::explain_errors(socket.as_fd());
        Ok(Self { socket, seq: 0, buffer: Vec::new() })
    }

    /// The number of the next message, and of the `count - 1` after it.
    pub(crate) fn take_seq(&mut self, count: u32) -> u32 {
        let first = self.seq.wrapping_add(1);
        self.seq = self.seq.wrapping_add(count);
        first
    }

    /// Send one request and wait until it is done.
    pub(crate) fn request(&mut self, kind: u16, flags: u16, fill: impl FnOnce(&mut Writer)) -> Result<Vec<Answer>> {
        let seq = self.take_seq(1);
        let mut writer = Writer::default();
        writer.message(kind, flags | flag::REQUEST | flag::ACK, seq, fill);
        self.send(&writer.into_bytes())?;
        let mut answers = Vec::new();
        self.wait_for(seq, &mut answers)?;
        Ok(answers)
    }

    /// List all things of a kind; asked again when they changed meanwhile, so that none is missed or doubled.
    pub(crate) fn dump(&mut self, kind: u16, fill: impl Fn(&mut Writer)) -> Result<Vec<Answer>> {
        for last in 1..=TRIES {
            let seq = self.take_seq(1);
            let mut writer = Writer::default();
            writer.message(kind, flag::REQUEST | flag::DUMP, seq, &fill);
            self.send(&writer.into_bytes())?;
            let mut answers = Vec::new();
            let whole = self.wait_for(seq, &mut answers)?;
            if whole || last == TRIES {
                return Ok(answers);
            }
        }
        Ok(Vec::new())
    }

    /// Send finished bytes.
    pub(crate) fn send(&self, bytes: &[u8]) -> Result<()> {
        rustix::io::retry_on_intr(|| rustix::net::send(&self.socket, bytes, SendFlags::empty())).map_err(plain)?;
        Ok(())
    }

    /// Collect answers up to the closing one of message `seq`; errors of earlier messages of a batch count too. False when a
    /// listing changed meanwhile.
    pub(crate) fn wait_for(&mut self, seq: u32, answers: &mut Vec<Answer>) -> Result<bool> {
        let mut whole = true;
        loop {
            let len = self.receive()?;
            for message in messages(&self.buffer[..len]) {
                whole &= message.flags & flag::DUMP_INTR == 0;
                match message.kind {
                    ERROR if u32_at(message.body, 0) == Some(0) && message.seq != seq => {}
                    ERROR if u32_at(message.body, 0) == Some(0) => return Ok(whole),
                    ERROR => return Err(told(message)),
                    DONE => return Ok(whole),
                    NOOP => {}
                    _ if message.seq == seq => answers.push(Answer { body: message.body.to_vec() }),
                    _ => {}
                }
            }
        }
    }

    /// Read one datagram, whatever its size.
    fn receive(&mut self) -> Result<usize> {
        let look = RecvFlags::PEEK | RecvFlags::TRUNC;
        let (_, size) =
            rustix::io::retry_on_intr(|| rustix::net::recv(&self.socket, &mut self.buffer[..], look)).map_err(plain)?;
        if size > self.buffer.len() {
            self.buffer.resize(size, 0);
        }
        let flags = RecvFlags::empty();
        let (read, _) =
            rustix::io::retry_on_intr(|| rustix::net::recv(&self.socket, &mut self.buffer[..], flags)).map_err(plain)?;
        Ok(read)
    }
}

fn plain(errno: Errno) -> Error {
    refusal(errno, "")
}

/// The error that an error message tells. Its body: a negative errno, the request (its header alone when capped), attributes.
fn told(message: Message<'_>) -> Error {
    let errno = u32_at(message.body, 0).unwrap_or_default().cast_signed().unsigned_abs();
    let request = if message.flags & flag::CAPPED != 0 {
        crate::wire::HEADER
    } else {
        u32_at(message.body, 4).unwrap_or_default() as usize
    };
    let mut text = String::new();
    if message.flags & flag::ACK_TLVS != 0 {
        let rest = message.body.get(4 + request..).unwrap_or_default();
        text = attributes(rest).find(|a| a.kind == ERROR_TEXT).map(|a| a.text()).unwrap_or_default();
    }
    refusal(Errno::from_raw_os_error(errno.cast_signed()), &text)
}
