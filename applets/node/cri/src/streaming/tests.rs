//! Whole visits, by HTTP, against a server whose pods are on the host's network.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use spdy::{Event, Headers, Role, Session};

use crate::serve::tests::{clear, options, pod, run, start, zygote};
use cri_api::*;

/// A server that sends back what comes, each connection by itself.
fn echo() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut from in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut to = from.try_clone().unwrap();
                let _ = std::io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Write);
            });
        }
    });
    port
}

/// A client of the streaming server, as Kubernetes' own: it knows nothing of windows.
struct Client {
    socket: TcpStream,
    session: Session,
    events: Vec<Event>,
}

fn visit(url: &str, method: &str, fields: &str) -> (TcpStream, String) {
    let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(socket, "{method} /{path} HTTP/1.1\r\nHost: {address}\r\n{fields}\r\n").unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        socket.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    (socket, String::from_utf8(head).unwrap())
}

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: portforward.k8s.io\r\n";

impl Client {
    fn new(url: &str) -> Self {
        let (socket, head) = visit(url, "POST", UPGRADE);
        assert!(head.starts_with("HTTP/1.1 101 ") && head.contains("X-Stream-Protocol-Version: portforward.k8s.io"), "{head}");
        Self { socket, session: Session::new(Role::Client), events: Vec::new() }
    }

    fn open(&mut self, kind: &str, port: u16, pair: u32) -> u32 {
        let pairs = [("streamtype", kind.to_owned()), ("port", port.to_string()), ("requestid", pair.to_string())];
        self.session.open(pairs.map(|(name, value)| (name.to_owned(), value)).to_vec() as Headers)
    }

    /// Send what waits, and hear until `enough`.
    fn hear(&mut self, enough: impl Fn(&[Event]) -> bool) {
        let mut bytes = vec![0; 64 * 1024];
        while !enough(&self.events) {
            self.socket.write_all(&self.session.take_output()).unwrap();
            let count = self.socket.read(&mut bytes).unwrap();
            assert!(count > 0, "it closed: {:?}", self.events);
            self.session.receive(&bytes[..count], &mut self.events).unwrap();
        }
    }

    fn data(&self, stream: u32) -> Vec<u8> {
        let pieces = self.events.iter().filter_map(|event| match event {
            Event::Data(of, bytes) if *of == stream => Some(bytes.as_slice()),
            _ => None,
        });
        pieces.collect::<Vec<_>>().concat()
    }
}

/// A server with one pod, and a URL for it; `work` runs beside it.
fn with_url(name: &str, work: impl FnOnce(String) + Send + 'static) {
    with_urls(name, 1, |mut urls| work(urls.remove(0)));
}

fn with_urls(name: &str, count: usize, work: impl FnOnce(Vec<String>) + Send + 'static) {
    let name = name.to_owned();
    run(async move {
        let options = options(&name);
        let (zygote, _watches) = zygote();
        let (_task, mut runtime, _) = start(&options, zygote).await;
        let request = RunPodSandboxRequest { config: Some(pod(0)), ..Default::default() };
        let id = runtime.run_pod_sandbox(request).await.unwrap().into_inner().pod_sandbox_id;
        let mut urls = Vec::new();
        for _ in 0..count {
            let request = PortForwardRequest { pod_sandbox_id: id.clone(), port: Vec::new() };
            urls.push(runtime.port_forward(request).await.unwrap().into_inner().url);
        }
        tokio::task::spawn_blocking(move || work(urls)).await.unwrap();
        clear(&options);
    });
}

#[test]
fn many_connections_share_one_forward() {
    with_url("fa", |url| {
        let (port, mut client) = (echo(), Client::new(&url));
        let text = |pair: u32| format!("this is pair {pair} ").repeat(2000).into_bytes();
        let pairs: Vec<(u32, u32, u32)> =
            (0..100).map(|pair| (pair, client.open("error", port, pair), client.open("data", port, pair))).collect();
        for (pair, error, data) in &pairs {
            client.session.finish(*error);
            let mut rest = text(*pair);
            while !rest.is_empty() {
                let sent = client.session.send(*data, &rest).unwrap();
                rest.drain(..sent);
                client.socket.write_all(&client.session.take_output()).unwrap();
            }
            client.session.finish(*data);
        }
        let ended = |events: &[Event]| events.iter().filter(|event| matches!(event, Event::Finished(_))).count();
        client.hear(|events| ended(events) == 200);
        assert!(pairs.iter().all(|(pair, error, data)| client.data(*data) == text(*pair) && client.data(*error).is_empty()));
    });
}

#[test]
fn a_closed_port_is_told_on_the_error_stream() {
    with_url("fb", |url| {
        let closed = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let mut client = Client::new(&url);
        let (error, data) = (client.open("error", closed, 0), client.open("data", closed, 0));
        client.hear(|events| events.iter().any(|event| matches!(event, Event::Reset(stream, _) if *stream == data)));
        let said = String::from_utf8(client.data(error)).unwrap();
        assert!(said.contains(&format!("127.0.0.1:{closed}")), "{said}");
    });
}

#[test]
fn streams_that_are_none_are_refused_and_the_others_go_on() {
    with_url("fc", |url| {
        let (port, mut client) = (echo(), Client::new(&url));
        let wrong = [client.open("data", 0, 1), client.open("odd", port, 2), client.session.open(Headers::new())];
        let (_, data) = (client.open("error", port, 3), client.open("data", port, 3));
        let again = client.open("data", port, 4);
        let twice = client.open("data", port, 4);
        client.session.send(data, b"still here").unwrap();
        client.hear(|events| events.iter().any(|event| matches!(event, Event::Data(..))));
        assert_eq!(client.data(data), b"still here");
        let reset = |stream: &u32| client.events.iter().any(|event| matches!(event, Event::Reset(of, _) if of == stream));
        assert!(wrong.iter().all(reset) && reset(&twice) && !reset(&again));
    });
}

#[test]
fn an_address_is_good_once_and_for_the_right_visitor() {
    with_urls("fd", 2, |urls| {
        let refused = |url: &str, method: &str, fields: &str, status: &str| {
            let (_, head) = visit(url, method, fields);
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        };
        refused(&urls[0], "GET", "", "400");
        refused(&urls[0], "DELETE", UPGRADE, "405");
        refused(&urls[0], "POST", "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: other\r\n", "403");
        // None of these has used it up.
        Client::new(&urls[0]);
        refused(&urls[0], "POST", UPGRADE, "404");
        refused(&format!("{}x", urls[1]), "POST", UPGRADE, "404");
        refused(&urls[1].replace("portforward", "exec"), "POST", UPGRADE, "403");
        let as_exec = "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n";
        refused(&urls[1].replace("portforward", "exec"), "POST", as_exec, "404");
        refused(&urls[1], "GET", &format!("X-Long: {}\r\n", "x".repeat(20_000)), "431");
        refused(&urls[1], "GET", "nonsense\r\n", "400");
    });
}

#[test]
fn a_pod_that_is_none_has_no_ports() {
    run(async {
        let options = options("fe");
        let (_task, mut runtime, _) = start(&options, zygote().0).await;
        let unknown = PortForwardRequest { pod_sandbox_id: "no".into(), port: vec![80] };
        assert_eq!(runtime.port_forward(unknown).await.unwrap_err().code(), tonic::Code::NotFound);
        let exec = ExecRequest { container_id: "no".into(), cmd: vec!["true".into()], stdout: true, ..Default::default() };
        assert_eq!(runtime.exec(exec.clone()).await.unwrap_err().code(), tonic::Code::NotFound);
        let both = ExecRequest { tty: true, stderr: true, ..exec.clone() };
        assert_eq!(runtime.exec(both).await.unwrap_err().code(), tonic::Code::InvalidArgument);
        let none = AttachRequest { container_id: "no".into(), ..Default::default() };
        assert_eq!(runtime.attach(none).await.unwrap_err().code(), tonic::Code::InvalidArgument);
        clear(&options);
    });
}
