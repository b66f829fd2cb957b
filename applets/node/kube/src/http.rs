//! One request and its answer, HTTP/1.1: bounded in size and time, whatever the other side does.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use kit::{Context, Error, Result};

use crate::endpoint::split;

/// Timeout of a server to accept, and between two pieces: an API server on a slow machine that just
/// started takes seconds.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// Timeout of a whole response: a byte every nine seconds is not one.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest answer that is read: etcd itself takes no object above 1.5 MiB, JSON's escapes make it larger.
const LIMIT: usize = 4 << 20;

/// An answer.
#[derive(Debug)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The body, without chunks' lengths.
    pub body: Vec<u8>,
}

/// A connection to `HOST:PORT` whose every wait has a limit.
pub fn connect(endpoint: &str) -> Result<TcpStream> {
    connect_within(endpoint, IDLE_TIMEOUT)
}

/// The same with another limit.
pub fn connect_within(endpoint: &str, timeout: Duration) -> Result<TcpStream> {
    let mut last = Error::new(format!("reach {endpoint}: it has no address"));
    for address in split(endpoint)?.to_socket_addrs().doing(format_args!("reach {endpoint}"))? {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(stream) => {
                stream.set_read_timeout(Some(timeout)).doing("set a time limit")?;
                stream.set_write_timeout(Some(timeout)).doing("set a time limit")?;
                return Ok(stream);
            }
            Err(e) => last = Err::<(), _>(e).doing(format_args!("reach {endpoint}")).err().unwrap_or(last),
        }
    }
    Err(last)
}

/// GET a path of the server at the other end of the stream.
pub fn get(stream: impl Read + Write, endpoint: &str, path: &str, headers: &str) -> Result<Response> {
    send(stream, endpoint, &format!("GET {path}"), headers, &[])
}

/// The same with another method, and with a body.
pub fn send(mut stream: impl Read + Write, endpoint: &str, what: &str, headers: &str, body: &[u8]) -> Result<Response> {
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let request = format!("{what} HTTP/1.1\r\nHost: {endpoint}\r\nConnection: close\r\n{length}{headers}\r\n");
    let request = [request.as_bytes(), body].concat();
    stream.write_all(&request).map_err(|e| untold(endpoint, &e))?;
    let bytes = receive(&mut stream, Instant::now() + RESPONSE_TIMEOUT)
        .map_err(|why| Error::new(format!("hear from {endpoint}: {why}")))?;
    parse(&bytes).ok_or_else(|| Error::new(format!("{endpoint} does not answer as an API server")))
}

/// Error of a request that did not go out. The TLS handshake happens with the first write: a bad
/// certificate shows here.
fn untold(endpoint: &str, e: &std::io::Error) -> Error {
    let verb = if e.kind() == ErrorKind::InvalidData { "believe" } else { "ask" };
    Error::new(format!("{verb} {endpoint}: {e}"))
}

/// Tells if a retry may succeed: nobody answered, or not to the end.
pub fn is_passing(e: &Error) -> bool {
    let text = e.to_string();
    ["reach ", "ask ", "hear from "].iter().any(|verb| text.starts_with(verb))
}

/// All that comes until the other side closes, or until the answer is known to be complete.
fn receive(stream: &mut impl Read, end: Instant) -> Result<Vec<u8>, String> {
    let (mut bytes, mut part) = (Vec::new(), vec![0; 16 << 10]);
    loop {
        match stream.read(&mut part) {
            Ok(0) => return Ok(bytes),
            Ok(len) => bytes.extend_from_slice(part.get(..len).unwrap_or_default()),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            // A server that closes without TLS's goodbye has still answered: the length says whether all is here.
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => return Ok(bytes),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Err("nothing came in time".into());
            }
            Err(e) => return Err(e.to_string()),
        }
        if bytes.len() > LIMIT {
            return Err(format!("its answer is longer than {LIMIT} bytes"));
        }
        if Instant::now() >= end {
            return Err(format!("its answer takes longer than {} s", RESPONSE_TIMEOUT.as_secs()));
        }
    }
}

/// Status and body of a response; none when it is malformed or not complete.
pub fn parse(bytes: &[u8]) -> Option<Response> {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = std::str::from_utf8(bytes.get(..end)?).ok()?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let body = bytes.get(end + 4..)?;
    let field = |name: &str| {
        let mut lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| key.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    };
    let body = match (field("transfer-encoding"), field("content-length")) {
        (Some(coding), _) if coding.eq_ignore_ascii_case("chunked") => unchunk(body)?,
        (Some(_), _) => return None,
        (None, Some(length)) => body.get(..length.parse().ok()?)?.to_vec(),
        (None, None) => body.to_vec(),
    };
    Some(Response { status, body })
}

/// The body without its chunks' lengths.
fn unchunk(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|w| w == b"\r\n")?;
        let size = std::str::from_utf8(bytes.get(..end)?).ok()?.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        bytes = bytes.get(end + 2..)?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(bytes.get(..size)?);
        bytes = bytes.get(size.checked_add(2)?..)?;
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn answers_are_parsed() {
        let plain = parse(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n{\"a\":1}").unwrap();
        assert_eq!((plain.status, plain.body.as_slice()), (200, &b"{\"a\":1}"[..]));
        let chunked =
            parse(b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{\"a\"\r\n3\r\n:2}\r\n0\r\n\r\n").unwrap();
        assert_eq!((chunked.status, chunked.body.as_slice()), (404, &b"{\"a\":2}"[..]));
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokay").unwrap().body, b"ok");
        for wrong in [
            &b""[..],
            b"SSH-2.0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nshort",
        ] {
            assert!(parse(wrong).is_none());
        }
    }

    /// Says the same for ever.
    struct Endless;

    impl Read for Endless {
        fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
            bytes.fill(b'x');
            Ok(bytes.len())
        }
    }

    #[test]
    fn an_answer_without_end_is_broken_off() {
        assert!(receive(&mut Endless, Instant::now() + RESPONSE_TIMEOUT).unwrap_err().contains("longer than 4194304 bytes"));
        assert!(receive(&mut Endless, Instant::now()).unwrap_err().contains("takes longer"));
    }
}
