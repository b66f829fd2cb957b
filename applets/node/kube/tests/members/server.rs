//! An API server with one Lease, whose writes need its newest version, and a log of lines. What several have stored is one store, as
//! several servers' etcd is.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

/// Its port, and the one for clients without TLS.
pub const PORT: u16 = 6443;
pub const PLAIN: u16 = 8080;
/// The only token that it knows.
pub const TOKEN: &str = "abcdef.0123456789abcdef";
const PATH: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
/// A listener looks that often whether it is to end.
const LOOK: Duration = Duration::from_millis(20);

/// All that is stored.
#[derive(Default)]
pub struct Stored {
    /// The Lease; null without.
    pub lease: Value,
    /// The log.
    pub lines: Vec<String>,
    version: u64,
}

/// A server.
#[derive(Clone)]
pub struct Server(Arc<Shared>);

struct Shared {
    name: String,
    tls: Arc<ServerConfig>,
    stored: Arc<Mutex<Stored>>,
    ready: AtomicBool,
    stopped: AtomicBool,
    writes: AtomicUsize,
}

impl Server {
    /// A server with that certificate and key, which does not listen yet.
    pub fn new(name: &str, (certificate, key): (String, String), stored: Arc<Mutex<Stored>>) -> Self {
        let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let tls = Arc::new(tls.with_no_client_auth().with_single_cert(chain, key).unwrap());
        let (ready, stopped) = (AtomicBool::new(true), AtomicBool::new(false));
        Self(Arc::new(Shared { name: name.to_owned(), tls, stored, ready, stopped, writes: AtomicUsize::new(0) }))
    }

    /// Listen in the calling thread's namespace.
    pub fn start(&self) {
        for port in [PORT, PLAIN] {
            let (listener, server) = (TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).unwrap(), self.clone());
            listener.set_nonblocking(true).unwrap();
            std::thread::spawn(move || server.listen(&listener, port == PORT));
        }
    }

    /// Tells whether it says that it is ready.
    pub fn set_ready(&self, ready: bool) {
        self.0.ready.store(ready, Ordering::Relaxed);
    }

    /// Close the ports.
    pub fn stop(&self) {
        self.0.stopped.store(true, Ordering::Relaxed);
    }

    /// The number of lines that it has taken.
    pub fn writes(&self) -> usize {
        self.0.writes.load(Ordering::Relaxed)
    }

    fn listen(&self, listener: &TcpListener, tls: bool) {
        while !self.0.stopped.load(Ordering::Relaxed) {
            let Ok((stream, _)) = listener.accept() else {
                std::thread::sleep(LOOK);
                continue;
            };
            stream.set_nonblocking(false).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            let server = self.clone();
            std::thread::spawn(move || {
                if tls {
                    let connection = ServerConnection::new(server.0.tls.clone()).unwrap();
                    server.answer(StreamOwned::new(connection, stream));
                } else {
                    server.answer(stream);
                }
            });
        }
    }

    fn answer(&self, mut stream: impl Read + Write) {
        let Some((head, body)) = request(&mut stream) else { return };
        let line = head.lines().next().unwrap_or_default();
        let (verb, path) = line.strip_suffix(" HTTP/1.1").and_then(|line| line.split_once(' ')).unwrap_or_default();
        let known = path == "/write" || head.contains(&format!("Authorization: Bearer {TOKEN}\r\n"));
        let (status, answer) = match (known, verb, path) {
            (false, ..) => (401, String::new()),
            (_, "GET", "/readyz") if self.0.ready.load(Ordering::Relaxed) => (200, "ok".into()),
            (_, "GET", "/readyz") => (500, "[-]etcd failed\n".into()),
            (_, "POST", "/write") => self.write(&body),
            (_, _, path) if path.starts_with(PATH) => self.lease(verb, path, &body),
            _ => (404, String::new()),
        };
        // A client that does not wait for the answer is not to be helped.
        let _ = write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{answer}", answer.len());
        let _ = stream.flush();
    }

    fn write(&self, body: &[u8]) -> (u16, String) {
        self.0.stored.lock().unwrap().lines.push(String::from_utf8(body.to_vec()).unwrap());
        self.0.writes.fetch_add(1, Ordering::Relaxed);
        (201, self.0.name.clone())
    }

    fn lease(&self, verb: &str, path: &str, body: &[u8]) -> (u16, String) {
        let mut stored = self.0.stored.lock().unwrap();
        let named = path.strip_prefix(PATH).unwrap();
        let is_there = !stored.lease.is_null();
        match (verb, named, is_there) {
            ("GET", "/kutties-vip", true) => return (200, stored.lease.to_string()),
            ("GET" | "PUT", "/kutties-vip", false) => return (404, "{\"kind\": \"Status\"}".into()),
            ("POST", "", true) => return (409, "{\"kind\": \"Status\"}".into()),
            ("POST", "", false) | ("PUT", "/kutties-vip", true) => {}
            _ => return (405, String::new()),
        }
        let mut document: Value = serde_json::from_slice(body).unwrap();
        if is_there && document["metadata"]["resourceVersion"] != stored.lease["metadata"]["resourceVersion"] {
            return (409, "{\"kind\": \"Status\"}".into());
        }
        stored.version += 1;
        document["metadata"]["resourceVersion"] = json!(stored.version.to_string());
        stored.lease = document;
        (if verb == "POST" { 201 } else { 200 }, stored.lease.to_string())
    }
}

/// Head and body of a request.
fn request(stream: &mut impl Read) -> Option<(String, Vec<u8>)> {
    let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut part).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&part[..count]);
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(bytes[..end + 2].to_vec()).unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).map_or(0, |text| text.parse().unwrap());
        if bytes.len() >= end + 4 + length {
            return Some((head, bytes[end + 4..][..length].to_vec()));
        }
    }
}
