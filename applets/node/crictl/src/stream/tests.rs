#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
use std::net::TcpListener;
use std::thread::{self, JoinHandle};

use spdy::Block;

use super::*;
use cri_api::{End, Form};

/// A server of one visit: it sends back what it hears, complains once, and ends as it is told to when the input ends.
fn server(answer: &'static str, end: End) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/exec/token", listener.local_addr().unwrap());
    (url, thread::spawn(move || serve(listener.accept().unwrap().0, answer, &end)))
}

fn serve(mut socket: TcpStream, answer: &str, end: &End) -> Vec<String> {
    let mut byte = [0];
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        socket.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"POST /exec/token HTTP/1.1\r\n"));
    socket.write_all(answer.as_bytes()).unwrap();
    let (mut session, mut kinds, mut bytes) = (Session::new(Role::Server), Vec::new(), [0; 1000]);
    loop {
        let read = socket.read(&mut bytes).unwrap_or(0);
        if read == 0 {
            return kinds;
        }
        let mut events = Vec::new();
        session.receive(&bytes[..read], &mut events).unwrap();
        let number = |kinds: &[String], kind: &str| kinds.iter().position(|k| k == kind).map(|at| at as u32 * 2 + 1);
        for event in events {
            match event {
                Event::Opened(stream, headers) => {
                    session.reply(stream);
                    kinds.push(headers.value("streamtype").unwrap().to_owned());
                }
                Event::Data(stream, bytes) => {
                    let mut rest = &bytes[..];
                    while !rest.is_empty() {
                        let taken = session.send(number(&kinds, "stdout").unwrap(), rest).unwrap();
                        rest = &rest[taken..];
                        socket.write_all(&session.take_output()).unwrap();
                    }
                    session.used(stream, bytes.len());
                }
                Event::Finished(_) => {
                    for (kind, text) in [("stderr", b"why".to_vec()), ("stdout", Vec::new()), ("error", end.text(Form::Object))] {
                        let Some(stream) = number(&kinds, kind) else { continue };
                        session.send(stream, &text).unwrap();
                        session.finish(stream);
                    }
                }
                _ => {}
            }
        }
        socket.write_all(&session.take_output()).unwrap();
    }
}

const YES: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: SPDY/3.1\r\n\r\n";

fn talked(url: &str, wanted: Wanted, input: &[u8]) -> (Result<Exit>, Vec<u8>, Vec<u8>) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let input = input.to_vec();
    let feeder = thread::spawn(move || writer.write_all(&input));
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let ends = Ends { input: reader, out: &mut out, err: &mut err };
    let ended = Talk::begin(url, wanted, ends).and_then(|talk| talk.run(None));
    let _ = feeder.join();
    (ended, out, err)
}

#[test]
fn bytes_go_both_ways_and_the_code_comes() {
    let (url, server) = server(YES, End::Exit(7));
    let input: Vec<u8> = (0..300_000u32).map(|n| n as u8).collect();
    let (ended, out, err) = talked(&url, Wanted { stdin: true, ..Wanted::default() }, &input);
    assert_eq!((ended.unwrap().0, err.as_slice()), (7, &b"why"[..]));
    assert!(out == input);
    assert_eq!(server.join().unwrap(), ["error", "stdin", "stdout", "stderr"]);
}

#[test]
fn two_keys_leave_what_is_attached() {
    let wanted = Wanted { stdin: true, tty: true, leaves: true };
    let (url, server) = server(YES, End::Exit(7));
    let (ended, ..) = talked(&url, wanted, b"ab\x10c\x10\x11d");
    assert_eq!(ended.unwrap().0, 0);
    assert_eq!(server.join().unwrap()[3], "resize");
    // They are no more than keys where nothing is to be left.
    let (url, _server) = self::server(YES, End::Success);
    let (ended, out, _) = talked(&url, Wanted { leaves: false, ..wanted }, b"a\x10\x11");
    assert_eq!((ended.unwrap().0, out.as_slice()), (0, &b"a\x10\x11"[..]));
}

#[test]
fn a_refusal_is_told() {
    let (url, _server) = server("HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\nthe token is used up\n", End::Success);
    let said = talked(&url, Wanted::default(), b"").0.unwrap_err().to_string();
    assert_eq!(said, "the server refuses a stream: HTTP/1.1 404 Not Found: the token is used up");
    assert!(upgrade("https://x/").is_err());
}

#[test]
fn the_last_word_is_understood() {
    let end = |end: End| verdict(&end.text(Form::Object));
    assert_eq!(end(End::Success).unwrap().0, 0);
    assert_eq!(end(End::Exit(137)).unwrap().0, 137);
    assert!(end(End::Failure("no such file".into())).unwrap_err().to_string().ends_with("no such file"));
    assert!(verdict(b"").unwrap_err().to_string().contains("before the process"));
    assert!(verdict(b"{").is_err());
}
