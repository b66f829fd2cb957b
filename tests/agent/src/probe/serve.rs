//! A server for probes of each kind: it answers HTTP/1 with 200, and gRPC's health question (HTTP/2) with SERVING.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread;

use nix::sys::signal::{SigSet, Signal};

/// Preface of an HTTP/2 client, see RFC 9113, 3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Frame types, see RFC 9113, 6.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
/// Flags: ends the stream, is an answer, ends the headers.
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// Serve until SIGTERM comes.
pub fn serve(port: &str) -> io::Result<ExitCode> {
    let mut ends = SigSet::empty();
    ends.add(Signal::SIGTERM);
    ends.thread_block()?;
    let port: u16 = port.parse().map_err(io::Error::other)?;
    // Of both families, where the pod has both.
    let listener =
        TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).or_else(|_| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)))?;
    let mut out = io::stdout();
    writeln!(out, "serving {port}")?;
    out.flush()?;
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            // A client that goes in the middle is no failure of the server.
            thread::spawn(move || drop(answer(socket)));
        }
    });
    ends.wait()?;
    Ok(ExitCode::SUCCESS)
}

fn answer(mut socket: TcpStream) -> io::Result<()> {
    let mut first = [0; 4];
    // A TCP probe connects and says nothing.
    socket.read_exact(&mut first)?;
    if PREFACE.starts_with(&first) {
        let mut rest = [0; 20];
        socket.read_exact(&mut rest)?;
        return http2(socket);
    }
    // To the end: a socket that is closed over unread bytes resets the connection instead of ending it.
    let mut request = first.to_vec();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        socket.read_exact(&mut byte)?;
        request.extend(byte);
    }
    let name = std::env::var("HOSTNAME").unwrap_or_default();
    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/plain\r\n";
    write!(socket, "{head}Content-Length: {}\r\n\r\n{name}", name.len())
}

fn http2(mut socket: TcpStream) -> io::Result<()> {
    frame(&mut socket, SETTINGS, 0, 0, &[])?;
    loop {
        let mut head = [0; 9];
        socket.read_exact(&mut head)?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let mut body = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        socket.read_exact(&mut body)?;
        let stream = u32::from_be_bytes(stream);
        match kind {
            SETTINGS if flags & ACK == 0 => frame(&mut socket, SETTINGS, ACK, 0, &[])?,
            PING if flags & ACK == 0 => frame(&mut socket, PING, ACK, 0, &body)?,
            // The question is whole.
            HEADERS | DATA if flags & END_STREAM != 0 => serving(&mut socket, stream)?,
            _ => {}
        }
    }
}

/// HPACK without its tables: `:status` 200 is number 8 of the fixed one, the others are spelt out (RFC 7541, 6).
fn serving(socket: &mut TcpStream, stream: u32) -> io::Result<()> {
    let mut headers = vec![0x88];
    headers.extend(field("content-type", "application/grpc"));
    frame(socket, HEADERS, END_HEADERS, stream, &headers)?;
    // A message of two bytes, not compressed: field 1, SERVING.
    frame(socket, DATA, 0, stream, &[0, 0, 0, 0, 2, 0x08, 0x01])?;
    frame(socket, HEADERS, END_HEADERS | END_STREAM, stream, &field("grpc-status", "0"))
}

fn field(name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![0];
    for text in [name, value] {
        field.push(text.len() as u8);
        field.extend(text.bytes());
    }
    field
}

fn frame(socket: &mut TcpStream, kind: u8, flags: u8, stream: u32, body: &[u8]) -> io::Result<()> {
    let length = (body.len() as u32).to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(body);
    socket.write_all(&frame)
}
