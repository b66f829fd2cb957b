//! Requests of one connection, and their answers (RFC 9110, RFC 9112).

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::TcpStream;
use std::os::fd::BorrowedFd;

use format::http::{self, Head, Request};

use super::files;

/// Bytes of a file that are held at once.
const PIECE: usize = 32 << 10;
/// Requests of one connection.
const MOST_REQUESTS: usize = 1000;

/// Serve a connection until it ends.
pub fn serve(root: BorrowedFd<'_>, stream: &mut TcpStream, tell: &mut dyn FnMut(&str)) {
    let mut held = Vec::new();
    for _ in 0..MOST_REQUESTS {
        let request = match next(stream, &mut held) {
            Ok(Some(request)) => request,
            Ok(None) => {
                let _ = error(stream, "400 Bad Request", false);
                return;
            }
            Err(_) => return,
        };
        let status = answer(root, stream, &request);
        tell(&format!("{} {} {}", request.method, request.path, status.as_deref().unwrap_or("broken off")));
        if status.is_err() || !request.stays {
            return;
        }
    }
}

/// The next request; none for one that makes no sense.
fn next(stream: &mut TcpStream, held: &mut Vec<u8>) -> io::Result<Option<Request>> {
    loop {
        match http::parse(held) {
            Head::Whole(request, length) => {
                held.drain(..length);
                return Ok(Some(request));
            }
            Head::Wrong => return Ok(None),
            Head::Part => {}
        }
        let mut bytes = [0; 4096];
        let count = stream.read(&mut bytes)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        held.extend(&bytes[..count]);
    }
}

/// The status that was sent.
fn answer(root: BorrowedFd<'_>, stream: &mut TcpStream, request: &Request) -> io::Result<String> {
    let is_head = request.method == "HEAD";
    if !is_head && request.method != "GET" {
        return error(stream, "501 Not Implemented", false);
    }
    let file = match files::open(root, &request.path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => return error(stream, "403 Forbidden", is_head),
        Err(_) => return error(stream, "404 Not Found", is_head),
    };
    let about = file.metadata()?;
    if about.is_file() {
        return whole(stream, request, file, about.len(), files::kind(&request.path));
    }
    if !about.is_dir() {
        return error(stream, "403 Forbidden", is_head);
    }
    if !request.path.ends_with('/') {
        let location = format!("Location: {}/\r\n", encoded(&request.path));
        return send(stream, "301 Moved Permanently", &location, b"", "text/plain", is_head);
    }
    let index = format!("{}index.html", request.path);
    if let Ok(page) = files::open(root, &index)
        && let Ok(found) = page.metadata()
        && found.is_file()
    {
        return whole(stream, request, page, found.len(), files::kind(&index));
    }
    let page = listing(&request.path, &files::names(&file)?);
    send(stream, "200 OK", "", page.as_bytes(), "text/html; charset=utf-8", is_head)
}

fn whole(stream: &mut TcpStream, request: &Request, mut file: File, length: u64, kind: &str) -> io::Result<String> {
    let Some(part) = http::part(request.range.as_deref(), length) else {
        let range = format!("Content-Range: bytes */{length}\r\n");
        return send(stream, "416 Range Not Satisfiable", &range, b"", "text/plain", false);
    };
    let (status, range) = if part == (0..length) {
        ("200 OK", String::new())
    } else {
        ("206 Partial Content", format!("Content-Range: bytes {}-{}/{length}\r\n", part.start, part.end - 1))
    };
    let count = part.end - part.start;
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {count}\r\nAccept-Ranges: bytes\r\n{range}\r\n"
    )?;
    if request.method == "HEAD" {
        return Ok(status.to_owned());
    }
    file.seek(SeekFrom::Start(part.start))?;
    let mut rest = file.take(count);
    let mut piece = vec![0; PIECE];
    let mut sent = 0;
    loop {
        let got = rest.read(&mut piece)?;
        if got == 0 {
            break;
        }
        stream.write_all(&piece[..got])?;
        sent += got as u64;
    }
    // A file that became shorter meanwhile: the connection ends, so that the reader knows.
    if sent == count { Ok(status.to_owned()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

fn error(stream: &mut TcpStream, status: &str, is_head: bool) -> io::Result<String> {
    let page = format!("<!doctype html><title>{status}</title><h1>{status}</h1>\n");
    send(stream, status, "", page.as_bytes(), "text/html; charset=utf-8", is_head)
}

fn send(stream: &mut TcpStream, status: &str, fields: &str, body: &[u8], kind: &str, is_head: bool) -> io::Result<String> {
    write!(stream, "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n{fields}\r\n", body.len())?;
    if !is_head {
        stream.write_all(body)?;
    }
    Ok(status.to_owned())
}

fn listing(path: &str, names: &[String]) -> String {
    let title = escaped(path);
    let mut page = format!("<!doctype html><title>{title}</title><h1>{title}</h1>\n<ul>\n");
    if path != "/" {
        page.push_str("<li><a href=\"../\">../</a>\n");
    }
    for name in names {
        let (link, text) = (encoded(name), escaped(name));
        page.extend(["<li><a href=\"./", &link, "\">", &text, "</a>\n"]);
    }
    page + "</ul>\n"
}

/// A text in a page.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

/// A path in a link: letters, digits and a few marks stay.
fn encoded(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&kit::hex::encode([byte]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_do_nothing_in_a_page() {
        let page = listing("/a/", &["<script>".to_owned(), "a b\"".to_owned()]);
        assert!(!page.contains("<script>"));
        assert!(page.contains("href=\"./a%20b%22\""));
        assert!(page.contains("../"));
    }
}
