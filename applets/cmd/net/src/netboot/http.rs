//! HTTP/1.1: GET and HEAD with ranges, a thread a connection.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use format::http::{self, Head, Request};
use kit::{Context, Result};

use super::content::Content;
use super::crowd::Crowd;
use super::listen::Part;
use super::{Client, Server, say};

/// The most connections at a time, and those of one address.
const MOST: usize = 256;
const EACH: usize = 16;
/// Time between two words of a client, and for a whole request from the end of the answer before.
const WORD_TIMEOUT: Duration = Duration::from_secs(30);
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);
/// Time that a client has for each piece of an answer: a connection of 2 KB a second is slow enough.
const PIECE_TIMEOUT: Duration = Duration::from_mins(1);
/// Limit of one read and one send, in bytes.
const PIECE: usize = 128 << 10;

/// Serve at an address.
pub fn serve(server: &Arc<Server>, own: Ipv4Addr, port: u16) -> Result<Part> {
    let listener = TcpListener::bind((own, port)).doing(format_args!("listen at {own}:{port}"))?;
    let (server, crowd) = (Arc::clone(server), Crowd::new(MOST, EACH));
    Ok(thread::spawn(move || {
        loop {
            // A client that goes away before it is accepted is no reason to end; nor are too many
            // at once, which wait.
            let Ok((stream, from)) = listener.accept() else {
                thread::sleep(Duration::from_millis(10));
                continue;
            };
            let SocketAddr::V4(from) = from else { continue };
            let Some(guest) = crowd.enter(*from.ip()) else { continue };
            let server = Arc::clone(&server);
            // Without a thread the connection is closed, and the client comes again.
            let _ = thread::Builder::new().spawn(move || {
                let _guest = guest;
                // A client that goes away has what it wants.
                let _ = converse(stream, own, |path, told| server.content(path, told, own, Client::Http(*from.ip())));
            });
        }
    }))
}

/// Answer one request after another.
fn converse(
    mut stream: TcpStream,
    own: Ipv4Addr,
    find: impl Fn(&str, &[(String, String)]) -> Result<Content>,
) -> std::io::Result<()> {
    stream.set_read_timeout(Some(WORD_TIMEOUT))?;
    stream.set_write_timeout(Some(WORD_TIMEOUT))?;
    // The head of an answer would else wait for the other side's word on the one before.
    stream.set_nodelay(true)?;
    let (mut bytes, mut part) = (Vec::new(), [0; 2048]);
    let mut begun = Instant::now();
    loop {
        match http::parse(&bytes) {
            Head::Wrong => return stream.write_all(&head(400, "Bad Request", "Content-Length: 0\r\nConnection: close\r\n")),
            Head::Whole(request, len) => {
                bytes.drain(..len);
                answer(&mut stream, &request, own, &find)?;
                if !request.stays {
                    return Ok(());
                }
                begun = Instant::now();
            }
            Head::Part if begun.elapsed() > REQUEST_TIMEOUT => return Ok(()),
            Head::Part => match stream.read(&mut part)? {
                0 => return Ok(()),
                len => bytes.extend_from_slice(&part[..len]),
            },
        }
    }
}

fn answer(
    stream: &mut TcpStream,
    request: &Request,
    own: Ipv4Addr,
    find: &impl Fn(&str, &[(String, String)]) -> Result<Content>,
) -> std::io::Result<()> {
    let stays = if request.stays { "" } else { "Connection: close\r\n" };
    let whole = request.method == "GET";
    if !whole && request.method != "HEAD" {
        return stream.write_all(&head(405, "Method Not Allowed", &format!("Allow: GET, HEAD\r\nContent-Length: 0\r\n{stays}")));
    }
    let content = match find(&request.path, &request.query) {
        Ok(content) => content,
        Err(e) => {
            let to = stream.peer_addr().map_or_else(|_| own.to_string(), |to| to.to_string());
            say(&format!("{to}: {}: {e}", request.path));
            let text = format!("{e}\n");
            let body = if whole { text.as_str() } else { "" };
            let fields = format!("Content-Type: text/plain\r\nContent-Length: {}\r\n{stays}", text.len());
            return stream.write_all(&[head(404, "Not Found", &fields).as_slice(), body.as_bytes()].concat());
        }
    };
    let len = content.len();
    let Some(part) = http::part(request.range.as_deref(), len) else {
        let fields = format!("Content-Range: bytes */{len}\r\nContent-Length: 0\r\n{stays}");
        return stream.write_all(&head(416, "Range Not Satisfiable", &fields));
    };
    let kind = kind(&request.path);
    let fields = format!("Content-Type: {kind}\r\nContent-Length: {}\r\nAccept-Ranges: bytes\r\n{stays}", part.end - part.start);
    let head = if part == (0..len) {
        head(200, "OK", &fields)
    } else {
        head(206, "Partial Content", &format!("{fields}Content-Range: bytes {}-{}/{len}\r\n", part.start, part.end - 1))
    };
    stream.write_all(&head)?;
    if whole { send(stream, &content, part) } else { Ok(()) }
}

fn send(stream: &mut TcpStream, content: &Content, part: std::ops::Range<u64>) -> std::io::Result<()> {
    let mut buffer = vec![0; PIECE];
    let mut at = part.start;
    while at < part.end {
        let len = usize::try_from(part.end - at).map_or(PIECE, |left| left.min(PIECE));
        let read = content.read_at(&mut buffer[..len], at)?;
        write_in_time(stream, &buffer[..read], Instant::now() + PIECE_TIMEOUT)?;
        at += read as u64;
    }
    Ok(())
}

/// Write a piece until `end`: a client that takes a byte now and then must not stay for ever.
fn write_in_time(stream: &mut TcpStream, mut piece: &[u8], end: Instant) -> std::io::Result<()> {
    while !piece.is_empty() {
        if Instant::now() > end {
            return Err(ErrorKind::TimedOut.into());
        }
        match stream.write(piece) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(len) => piece = piece.get(len..).unwrap_or_default(),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

fn head(status: u16, words: &str, fields: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} {words}\r\nServer: kutties\r\n{fields}\r\n").into_bytes()
}

/// UEFI takes a program for one by its type.
fn kind(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("efi") => "application/efi",
        Some("ipxe" | "toml" | "cfg") => "text/plain",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use kit::Error;

    fn ask(requests: &str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let served = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            converse(stream, Ipv4Addr::LOCALHOST, |path, _| {
                if path == "/f.efi" {
                    Ok(Content::bytes(b"0123456789".to_vec()))
                } else {
                    Err(Error::new("open it: no such file"))
                }
            })
        });
        client.write_all(requests.as_bytes()).unwrap();
        client.shutdown(std::net::Shutdown::Write).unwrap();
        let mut said = String::new();
        client.read_to_string(&mut said).unwrap();
        let _ = served.join().unwrap();
        said
    }

    #[test]
    fn requests_are_answered_one_after_another() {
        let said = ask(
            "HEAD /f.efi HTTP/1.1\r\n\r\nGET /f.efi HTTP/1.1\r\nRange: bytes=2-4\r\n\r\nGET /f.efi HTTP/1.1\r\nConnection: close\r\n\r\n",
        );
        let answers: Vec<&str> = said.split("HTTP/1.1 ").skip(1).collect();
        assert_eq!(answers.len(), 3, "{said}");
        assert!(
            answers[0].starts_with("200 OK") && answers[0].contains("Content-Length: 10\r\n") && answers[0].ends_with("\r\n\r\n")
        );
        assert!(answers[1].starts_with("206 ") && answers[1].contains("bytes 2-4/10") && answers[1].ends_with("\r\n\r\n234"));
        assert!(answers[2].ends_with("\r\n\r\n0123456789") && answers[2].contains("application/efi"));
    }

    #[test]
    fn who_takes_too_long_is_let_go() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_write_timeout(Some(Duration::from_millis(50))).unwrap();
        // More than the socket holds, and nobody reads.
        let piece = vec![0; 64 << 20];
        assert!(write_in_time(&mut stream, &piece, Instant::now() + Duration::from_secs(20)).is_err());
        let late = write_in_time(&mut stream, b"x", Instant::now().checked_sub(Duration::from_secs(1)).unwrap());
        assert_eq!(late.unwrap_err().kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn what_can_not_be_is_refused() {
        for (request, status) in [
            ("GET /x HTTP/1.1\r\n\r\n", "404"),
            ("GET /f.efi HTTP/1.1\r\nRange: bytes=10-\r\n\r\n", "416"),
            ("PUT /f.efi HTTP/1.1\r\n\r\n", "405"),
            ("nonsense\r\n\r\n", "400"),
        ] {
            let said = ask(request);
            assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{request:?}: {said}");
        }
        assert_eq!(ask("GET /f.efi HT"), "");
    }
}
