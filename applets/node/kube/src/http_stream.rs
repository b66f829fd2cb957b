//! Requests whose answer, or whose body, is too long to be held: each wait has a limit, the whole
//! has none.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use kit::{Context, Error, Result};

use crate::api::Api;
use crate::http;
use crate::kubeconfig::Credentials;

/// The longest head of an answer, in bytes, and the longest line between chunks.
const HEAD: u64 = 64 << 10;
const LINE: u64 = 4 << 10;
/// Bytes of a refusal's text that are shown.
const REASON: u64 = 200;

/// A connection.
pub trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// A URL of HTTP or HTTPS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// True for HTTPS.
    pub tls: bool,
    /// `HOST:PORT`
    pub endpoint: String,
    /// Path and query, from the slash on.
    pub path: String,
    /// `USER:PASSWORD`, when they stand there.
    user: Option<String>,
}

impl Url {
    /// Read a URL. The error does not repeat it: there may be a password in it.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || Error::usage("it is no URL of the form https://HOST/PATH");
        let (tls, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => return Err(wrong()),
        };
        if rest.bytes().any(|b| !b.is_ascii_graphic() || b == b'#') {
            return Err(wrong());
        }
        let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (user, host) = host.rsplit_once('@').map_or((None, host), |(user, host)| (Some(user.to_owned()), host));
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
        let endpoint = if has_port { host.to_owned() } else { format!("{host}:{}", if tls { 443 } else { 80 }) };
        crate::endpoint::split(&endpoint).map_err(|_| wrong())?;
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Self { tls, endpoint, path: format!("{slash}{path}"), user })
    }

    /// A connection to its server, whom an authority of the system, or one of `ca` (PEM), vouches
    /// for.
    pub fn connect(&self, ca: Option<&[u8]>) -> Result<Box<dyn Stream>> {
        if !self.tls {
            return Ok(Box::new(http::connect(&self.endpoint)?) as Box<dyn Stream>);
        }
        let api = match ca {
            Some(ca) => Api::verified(&self.endpoint, ca, &Credentials::None)?,
            None => Api::public(&self.endpoint, &Credentials::None)?,
        };
        Ok(Box::new(api.connect()?))
    }

    /// The head of a request.
    pub fn head(&self, method: &str, headers: &str) -> String {
        use base64::Engine;
        let user = self.user.as_ref().map(|user| {
            let word = base64::engine::general_purpose::STANDARD.encode(user);
            format!("Authorization: Basic {word}\r\n")
        });
        let (path, host) = (&self.path, &self.endpoint);
        format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{}{headers}\r\n", user.unwrap_or_default())
    }
}

/// The URL without what is secret in it.
impl std::fmt::Display for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (scheme, port) = if self.tls { ("https", ":443") } else { ("http", ":80") };
        let path = self.path.split('?').next().unwrap_or_default();
        write!(f, "{scheme}://{}{path}", self.endpoint.strip_suffix(port).unwrap_or(&self.endpoint))
    }
}

/// Send a request without a long body; the status, and the answer's body as it comes.
pub fn ask<S: Stream>(mut stream: S, head: &str, body: &[u8]) -> Result<(u16, Body<S>)> {
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).and_then(|()| stream.flush()).doing("ask")?;
    answer(stream)
}

/// Send a body of that length, which `write` writes; the answer must say that it was taken.
pub fn put(url: &Url, ca: Option<&[u8]>, length: u64, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let mut stream = url.connect(ca)?;
    let head = url.head("PUT", &format!("Content-Type: application/octet-stream\r\nContent-Length: {length}\r\n"));
    let sent = stream.write_all(head.as_bytes()).doing("send").and_then(|()| write(&mut stream));
    let sent = sent.and_then(|()| stream.flush().doing("send"));
    // A server that refuses does not wait for all of it.
    match (answer(stream), sent) {
        (Ok((200..=299, _)), Ok(())) => Ok(()),
        (Err(_), Err(e)) => Err(Error::new(format!("{e}: the server took not all of it, and says nothing"))),
        (Ok((200..=299, _)), Err(e)) | (Err(e), Ok(())) => Err(e),
        (Ok((status, body)), _) => Err(refused(status, body)),
    }
}

/// A status that is not what was hoped for, with what the server says about it.
pub fn refused(status: u16, body: impl Read) -> Error {
    let mut text = Vec::new();
    // Without a reason the status must do.
    let _ = body.take(REASON).read_to_end(&mut text);
    let words: Vec<String> = String::from_utf8_lossy(&text)
        .split_whitespace()
        .map(|word| word.chars().filter(|c| !c.is_control()).collect())
        .collect();
    let reason = if words.is_empty() { String::new() } else { format!(": {}", words.join(" ")) };
    Error::new(format!("the server answers with status {status}{reason}"))
}

fn answer<S: Stream>(stream: S) -> Result<(u16, Body<S>)> {
    let mut from = BufReader::new(stream);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let left = HEAD.saturating_sub(head.len() as u64);
        if from.by_ref().take(left).read_until(b'\n', &mut head).doing("read the answer")? == 0 {
            return Err(Error::new("the server closes without an answer"));
        }
    }
    let (status, left) = parse(&head).ok_or_else(|| Error::new("the server does not answer as one of HTTP"))?;
    Ok((status, Body { from, left }))
}

/// An answer's body, without what its transport adds.
pub struct Body<S: Read> {
    from: BufReader<S>,
    left: Left,
}

/// Rest of a body that is still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// So many bytes.
    Bytes(u64),
    /// So many bytes of this chunk; the line of the next one follows.
    Chunk(u64),
    /// As many as there are until the server closes.
    All,
}

/// The status of an answer's head, and how its body comes.
fn parse(head: &[u8]) -> Option<(u16, Left)> {
    let head = std::str::from_utf8(head).ok()?;
    let status = head.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5))?.parse().ok()?;
    let field = |name: &str| {
        let mut lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| key.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    };
    let left = match (field("transfer-encoding"), field("content-length")) {
        (Some(coding), _) if coding.eq_ignore_ascii_case("chunked") => Left::Chunk(0),
        (Some(_), _) => return None,
        (None, Some(length)) => Left::Bytes(length.parse().ok()?),
        (None, None) => Left::All,
    };
    Some((status, left))
}

impl<S: Read> Body<S> {
    /// Go to the next chunk, the first included.
    fn next_chunk(&mut self, first: bool) -> io::Result<()> {
        if !first {
            self.line().filter(String::is_empty).ok_or_else(cut)?;
        }
        let line = self.line().ok_or_else(cut)?;
        let size = line.split(';').next().map(str::trim).and_then(|digits| u64::from_str_radix(digits, 16).ok());
        self.left = match size.ok_or_else(cut)? {
            0 => Left::Bytes(0),
            size => Left::Chunk(size),
        };
        Ok(())
    }

    fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        self.from.by_ref().take(LINE).read_until(b'\n', &mut line).ok()?;
        String::from_utf8(line).ok()?.strip_suffix("\r\n").map(str::to_owned)
    }
}

impl<S: Read> Read for Body<S> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.left == Left::Chunk(0) {
            self.next_chunk(true)?;
        }
        let (Left::Bytes(left) | Left::Chunk(left)) = self.left else {
            return match self.from.read(bytes) {
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
                outcome => outcome,
            };
        };
        let most = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if most == 0 {
            return Ok(0);
        }
        let got = self.from.read(bytes.get_mut(..most).unwrap_or_default())?;
        if got == 0 {
            return Err(cut());
        }
        match &mut self.left {
            Left::Bytes(left) => *left -= got as u64,
            Left::Chunk(left) => {
                *left -= got as u64;
                if *left == 0 {
                    self.next_chunk(false)?;
                }
            }
            Left::All => {}
        }
        Ok(got)
    }
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the server's answer was cut")
}

/// A connection to a server without TLS is one, too.
const _: fn(TcpStream) -> Box<dyn Stream> = |stream| Box::new(stream);

#[cfg(test)]
mod tests;
