//! A file by TFTP, with large blocks and windows where the server has them.

use std::net::{SocketAddr, ToSocketAddrs, UdpSocket};
use std::time::Duration;

use format::tftp::{self, BLOCK, Message, Options, Receiver};
use kit::{Context, Error, Result};

const PORT: u16 = 69;
/// Options to ask for: blocks that fit an Ethernet frame, and the window that firmware's servers
/// take before an answer.
const ASKED: Options = Options { block: Some(1428), window: Some(16), timeout: None, size: Some(0) };
/// Time until a packet is sent again, and the number of times.
const TIMEOUT: Duration = Duration::from_secs(2);
const TRIES: u32 = 8;

/// Fetch a file.
pub fn get(server: &str, file: &str, limit: u64) -> Result<Vec<u8>> {
    let what = format!("fetch tftp://{server}/{file}");
    let address = if server.contains(':') { server.to_owned() } else { format!("{server}:{PORT}") };
    let mut addresses = address.to_socket_addrs().doing(&what)?;
    let to = addresses.find(SocketAddr::is_ipv4).ok_or_else(|| Error::new(format!("{what}: the server has no IPv4 address")))?;
    let socket = UdpSocket::bind("0.0.0.0:0").doing(&what)?;
    receive(&socket, to, file, limit).map_err(|why| Error::new(format!("{what}: {why}")))
}

fn receive(socket: &UdpSocket, to: SocketAddr, file: &str, limit: u64) -> Result<Vec<u8>, String> {
    let sentence = |e: std::io::Error| e.to_string();
    socket.set_read_timeout(Some(TIMEOUT)).map_err(sentence)?;
    let mut last = tftp::read_request(file, &ASKED);
    let (mut peer, mut block, mut receiver) = (None, usize::from(BLOCK), Receiver::new(1));
    let (mut bytes, mut buffer, mut tries) = (Vec::new(), vec![0; 65536], 0);
    socket.send_to(&last, to).map_err(sentence)?;
    loop {
        let Ok((len, from)) = socket.recv_from(&mut buffer) else {
            tries += 1;
            if tries == TRIES {
                return Err(format!("no answer within {} s", (TIMEOUT * TRIES).as_secs()));
            }
            socket.send_to(&last, peer.unwrap_or(to)).map_err(sentence)?;
            continue;
        };
        // The server answers from a port of its own, and keeps it.
        if from.ip() != to.ip() || peer.is_some_and(|peer| peer != from) {
            continue;
        }
        let done = match tftp::parse(buffer.get(..len).unwrap_or_default()) {
            Some(Message::Error(_, text)) => return Err(text),
            Some(Message::Accept(options)) if receiver.last() == 0 => {
                if options.size.is_some_and(|size| size > limit) {
                    let _ = socket.send_to(&tftp::error(tftp::code::OPTIONS, "it is too long"), from);
                    return Err(format!("it has more than {limit} bytes"));
                }
                block = options.block.map_or(block, usize::from);
                receiver = Receiver::new(options.window.unwrap_or(1));
                last = tftp::ack(0);
                socket.send_to(&last, from).map_err(sentence)?;
                false
            }
            Some(Message::Data(number, data)) if data.len() <= block => {
                let end = data.len() < block;
                let taken = receiver.take(number, end);
                if taken.keep {
                    bytes.extend_from_slice(data);
                }
                last = tftp::ack(taken.answer.unwrap_or(receiver.last()));
                if taken.answer.is_some() {
                    socket.send_to(&last, from).map_err(sentence)?;
                }
                end && taken.keep
            }
            _ => continue,
        };
        (peer, tries) = (Some(from), 0);
        if bytes.len() as u64 > limit {
            return Err(format!("it has more than {limit} bytes"));
        }
        if done {
            return Ok(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    /// A server that answers each message by the next of these.
    fn server(answers: Vec<Vec<u8>>) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0; 600];
            for answer in answers {
                let (_, from) = socket.recv_from(&mut buffer).unwrap();
                socket.send_to(&answer, from).unwrap();
            }
        });
        address
    }

    fn fetch(answers: Vec<Vec<u8>>, limit: u64) -> Result<Vec<u8>, String> {
        receive(&UdpSocket::bind("127.0.0.1:0").unwrap(), server(answers), "f", limit)
    }

    #[test]
    fn a_server_with_options_and_one_without() {
        let options = Options { block: Some(8), window: Some(1), timeout: None, size: Some(11) };
        let blocks = [tftp::data(1, b"01234567"), tftp::data(2, b"abc")];
        let with = [vec![tftp::accept(&options)], blocks.to_vec()].concat();
        assert_eq!(fetch(with.clone(), 100).unwrap(), b"01234567abc");
        assert_eq!(fetch(vec![tftp::data(1, b"short")], 100).unwrap(), b"short");
        assert!(fetch(with, 10).unwrap_err().contains("more than 10"));
        assert!(fetch(vec![tftp::data(1, b"short")], 4).unwrap_err().contains("more than 4"));
        assert_eq!(fetch(vec![tftp::error(1, "no such file")], 4), Err("no such file".into()));
    }
}
