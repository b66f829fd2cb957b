//! TFTP: a thread a transfer, each with a port of its own.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use format::tftp::{self, BLOCK, Message, Options, Sender, code};
use kit::{Context, Error, Result};

use super::content::Content;
use super::crowd::Crowd;
use super::listen::Part;
use super::{Client, Server, say};

const PORT: u16 = 69;
/// The largest block that fits an Ethernet frame: fragments are lost more easily, and some firmware can't put them together.
const LARGEST: u16 = 1468;
/// The most blocks before an answer: more than what fills a cable, few enough for a card's ring.
const WINDOW: u16 = 64;
/// The most transfers at a time, and those to one address.
const MOST: usize = 128;
const EACH: usize = 8;
/// The longest time, in seconds, that a client may ask us to wait for each of its answers.
const LONGEST_TIMEOUT: u8 = 8;
/// Time until a packet is sent again, when the client asks for nothing else.
const TIMEOUT: Duration = Duration::from_secs(1);
/// Number of times that it is sent.
const TRIES: u32 = 8;
/// An answer that tells nothing new within this time of sending is an echo, not a loss.
const ECHO: Duration = Duration::from_millis(100);

/// Serve at an address.
pub fn serve(server: &Arc<Server>, own: Ipv4Addr) -> Result<Part> {
    let socket = UdpSocket::bind((own, PORT)).doing(format_args!("listen at {own}:{PORT}"))?;
    let (server, crowd) = (Arc::clone(server), Crowd::new(MOST, EACH));
    Ok(thread::spawn(move || {
        let mut buffer = [0; 1500];
        loop {
            let Ok((len, from)) = socket.recv_from(&mut buffer) else { continue };
            let request = match tftp::parse(&buffer[..len]) {
                Some(Message::Read(file, true, options)) => (file, options),
                Some(Message::Read(..)) => {
                    let _ = socket.send_to(&tftp::error(code::ILLEGAL, "files are sent byte by byte"), from);
                    continue;
                }
                Some(Message::Write) => {
                    let _ = socket.send_to(&tftp::error(code::FORBIDDEN, "nothing is taken here"), from);
                    continue;
                }
                _ => continue,
            };
            let SocketAddr::V4(address) = from else { continue };
            // It asks again.
            let Some(guest) = crowd.enter(*address.ip()) else { continue };
            let server = Arc::clone(&server);
            // Without a thread the transfer does not begin, and the client asks again.
            let _ = thread::Builder::new().spawn(move || {
                let _guest = guest;
                if let Err(e) = transfer(&server, own, from, &request.0, &request.1) {
                    say(&format!("{from}: {}: {e}", request.0));
                }
            });
        }
    }))
}

fn transfer(server: &Server, own: Ipv4Addr, to: SocketAddr, file: &str, asked: &Options) -> Result<()> {
    let socket = UdpSocket::bind((own, 0)).doing("open a socket")?;
    socket.connect(to).doing("open a socket")?;
    let content = match server.content(file, &[], own, Client::Tftp) {
        Ok(content) => content,
        Err(e) => {
            let _ = socket.send(&tftp::error(code::NOT_FOUND, &e.to_string()));
            return Err(e);
        }
    };
    send(&socket, &content, asked)
}

/// Send a content to the connected client.
fn send(socket: &UdpSocket, content: &Content, asked: &Options) -> Result<()> {
    let accepted = Options {
        block: asked.block.map(|block| block.min(LARGEST)),
        window: asked.window.map(|window| window.min(WINDOW)),
        timeout: asked.timeout.filter(|seconds| *seconds <= LONGEST_TIMEOUT),
        size: asked.size.map(|_| content.len()),
    };
    let timeout = accepted.timeout.map_or(TIMEOUT, |seconds| Duration::from_secs(seconds.into()));
    if accepted != Options::default() && !agree(socket, &accepted, timeout)? {
        // It wanted no more than to know the size, as PXE clients do.
        return Ok(());
    }
    let block = accepted.block.unwrap_or(BLOCK);
    let mut sender = Sender::new(content.len(), block, accepted.window.unwrap_or(1));
    let mut buffer = vec![0; block.into()];
    let mut tries = 0;
    while !sender.is_done() {
        for at in sender.due() {
            let len = content.read_at(&mut buffer, at * u64::from(block)).doing("read it")?;
            // An error here is an answer's that the client has gone; the next answer tells.
            let _ = socket.send(&tftp::data(Sender::number(at), &buffer[..len]));
        }
        if answered(socket, &mut sender, timeout)? {
            tries = 0;
        } else {
            tries += 1;
            if tries == TRIES {
                return Err(Error::new(format!(
                    "the client has gone after {} of {} bytes",
                    sender.due().start * u64::from(block),
                    content.len()
                )));
            }
        }
    }
    Ok(())
}

/// Tell which options it shall be, until the client says that it is ready; false when it breaks off.
fn agree(socket: &UdpSocket, options: &Options, timeout: Duration) -> Result<bool> {
    for _ in 0..TRIES {
        let _ = socket.send(&tftp::accept(options));
        match hear(socket, Instant::now() + timeout)? {
            Some(Word::Ack(0)) => return Ok(true),
            Some(Word::End) => return Ok(false),
            _ => {}
        }
    }
    Err(Error::new("the client has gone"))
}

/// Wait for news of what is there; false when what is due must be sent again.
fn answered(socket: &UdpSocket, sender: &mut Sender, timeout: Duration) -> Result<bool> {
    let sent = Instant::now();
    loop {
        match hear(socket, sent + timeout)? {
            None => return Ok(false),
            Some(Word::End) => return Err(Error::new("the client broke off")),
            Some(Word::Ack(number)) if sender.acknowledged(number) => return Ok(true),
            Some(Word::Ack(_)) if sender.due().count() > 1 && sent.elapsed() > ECHO => return Ok(false),
            Some(Word::Ack(_)) => {}
        }
    }
}

enum Word {
    Ack(u16),
    End,
}

fn hear(socket: &UdpSocket, until: Instant) -> Result<Option<Word>> {
    let mut buffer = [0; 600];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        socket.set_read_timeout(Some(left)).doing("set a time limit")?;
        match socket.recv(&mut buffer) {
            Ok(len) => match tftp::parse(&buffer[..len]) {
                Some(Message::Ack(number)) => return Ok(Some(Word::Ack(number))),
                Some(Message::Error(..)) => return Ok(Some(Word::End)),
                _ => {}
            },
            // Nobody listens there any more.
            Err(e) if e.kind() == ErrorKind::ConnectionRefused => return Ok(Some(Word::End)),
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]
    use super::*;
    use format::tftp::Receiver;

    /// Fetch as a client does; each `lose`th packet that comes is not taken.
    fn fetch(content: Vec<u8>, asked: Options, lose: u64) -> Vec<u8> {
        let (server, client) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        server.connect(client.local_addr().unwrap()).unwrap();
        client.connect(server.local_addr().unwrap()).unwrap();
        let sending = thread::spawn(move || send(&server, &Content::bytes(content), &asked));
        client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let (mut got, mut block, mut buffer, mut count) = (Vec::new(), usize::from(BLOCK), [0; 2000], 0);
        let mut receiver = Receiver::new(1);
        loop {
            let len = client.recv(&mut buffer).unwrap();
            count += 1;
            if lose > 0 && count % lose == 0 {
                continue;
            }
            match tftp::parse(&buffer[..len]).unwrap() {
                Message::Accept(options) => {
                    block = options.block.map_or(block, usize::from);
                    receiver = Receiver::new(options.window.unwrap_or(1));
                    client.send(&tftp::ack(0)).unwrap();
                }
                Message::Data(number, bytes) => {
                    let last = bytes.len() < block;
                    let taken = receiver.take(number, last);
                    if taken.keep {
                        got.extend_from_slice(bytes);
                    }
                    if let Some(number) = taken.answer {
                        client.send(&tftp::ack(number)).unwrap();
                    }
                    if last && taken.keep {
                        break;
                    }
                }
                other => panic!("{other:?}"),
            }
        }
        sending.join().unwrap().unwrap();
        got
    }

    #[test]
    fn files_arrive_whole() {
        let bytes: Vec<u8> = (0..70_000_u32 * 8 + 3).map(|at| (at % 251) as u8).collect();
        let options = |block, window| Options { block: Some(block), window, timeout: None, size: Some(0) };
        assert_eq!(fetch(bytes[..1024].to_vec(), Options::default(), 0), bytes[..1024]);
        assert_eq!(fetch(Vec::new(), options(1000, None), 0), b"");
        // More blocks than numbers.
        assert!(fetch(bytes.clone(), options(8, Some(64)), 0) == bytes, "the numbers begin anew");
        let quick = Options { timeout: Some(1), ..options(1468, Some(8)) };
        assert!(fetch(bytes[..100_000].to_vec(), quick, 23) == bytes[..100_000], "lost blocks come again");
    }

    #[test]
    fn who_breaks_off_is_let_go() {
        let (server, client) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        server.connect(client.local_addr().unwrap()).unwrap();
        client.connect(server.local_addr().unwrap()).unwrap();
        client.send(&tftp::error(code::OPTIONS, "too large")).unwrap();
        let asked = Options { size: Some(0), ..Options::default() };
        assert!(send(&server, &Content::bytes(vec![1; 10]), &asked).is_ok());
        let mut buffer = [0; 100];
        let len = client.recv(&mut buffer).unwrap();
        assert_eq!(tftp::parse(&buffer[..len]), Some(Message::Accept(Options { size: Some(10), ..Options::default() })));
    }
}
