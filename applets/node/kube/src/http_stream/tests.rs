//! Answers in each form, URLs, and a server that takes a body and gives it back.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
use super::*;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A server whose answer is known.
struct Says(&'static [u8]);

impl Read for Says {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        // In small pieces, as a network brings them.
        let most = bytes.len().min(3);
        self.0.read(&mut bytes[..most])
    }
}

impl Write for Says {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn said(answer: &'static [u8]) -> Result<(u16, Vec<u8>)> {
    let (status, mut body) = ask(Says(answer), "", b"")?;
    let mut bytes = Vec::new();
    body.read_to_end(&mut bytes).doing("read")?;
    Ok((status, bytes))
}

#[test]
fn bodies_come_in_each_form() {
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n3;x=y\r\nefg\r\n0\r\n\r\n";
    assert_eq!(said(chunked).unwrap(), (200, b"abcdefg".to_vec()));
    assert_eq!(said(b"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nnone").unwrap(), (404, b"no".to_vec()));
    assert_eq!(said(b"HTTP/1.0 200 OK\r\n\r\nall of it").unwrap(), (200, b"all of it".to_vec()));
    for wrong in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"[..],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcdef\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-4\r\nabcd\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"SSH-2.0\r\n\r\n",
        b"",
    ] {
        assert!(said(wrong).is_err(), "{}", String::from_utf8_lossy(wrong));
    }
}

#[test]
fn urls_are_read_and_shown_without_secrets() {
    let url = Url::parse("https://me:secret@b.example/x/y.age?sig=hidden").unwrap();
    assert_eq!((url.endpoint.as_str(), url.path.as_str()), ("b.example:443", "/x/y.age?sig=hidden"));
    assert_eq!(url.to_string(), "https://b.example/x/y.age");
    assert!(url.head("PUT", "").contains("Authorization: Basic bWU6c2VjcmV0\r\n"));
    assert_eq!(Url::parse("http://[::1]:8080").unwrap().to_string(), "http://[::1]:8080/");
    for wrong in ["", "ftp://x/", "https://", "https:///x", "https://a b/", "https://a/\r\nX: y", "https://h:x/"] {
        assert!(Url::parse(wrong).is_err(), "{wrong}");
    }
}

/// A server of one request, who answers with `says`; its URL's beginning, its CA, and what it has
/// got.
fn serve(says: &'static str, wait_for_body: bool) -> (String, String, JoinHandle<Vec<u8>>) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let (params, key) = (CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap(), KeyPair::generate().unwrap());
    let certificate = params.signed_by(&key, &ca).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let socket = listener.accept().unwrap().0;
        let mut stream = StreamOwned::new(ServerConnection::new(Arc::new(config)).unwrap(), socket);
        let (mut got, mut byte) = (Vec::new(), [0]);
        while !got.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
            got.extend(byte);
        }
        let head = String::from_utf8_lossy(&got).into_owned();
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok()).filter(|_| wait_for_body);
        let mut body = vec![0; length.unwrap_or(0)];
        let _ = stream.read_exact(&mut body);
        got.extend(body);
        let _ = stream.write_all(says.as_bytes());
        stream.conn.send_close_notify();
        let _ = stream.flush();
        got
    });
    (url, ca.pem(), server)
}

fn sent(says: &'static str, wait_for_body: bool, length: u64) -> (Result<()>, String) {
    let (url, ca, server) = serve(says, wait_for_body);
    let url = Url::parse(&format!("{url}/a/b.age")).unwrap();
    let done = put(&url, Some(ca.as_bytes()), length, |out| {
        let (mut left, piece) = (length, [b'x'; 4096]);
        while left > 0 {
            let part = left.min(4096);
            out.write_all(&piece[..part as usize]).doing("send")?;
            left -= part;
        }
        Ok(())
    });
    (done, String::from_utf8_lossy(&server.join().unwrap()).into_owned())
}

#[test]
fn a_body_is_put_with_its_length() {
    let (done, got) = sent("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", true, 300_000);
    done.unwrap();
    assert!(got.starts_with("PUT /a/b.age HTTP/1.1\r\nHost: 127.0.0.1:") && got.contains("Content-Length: 300000\r\n"));
    assert!(got.len() > 300_000 && got.ends_with("xxxx"));
}

#[test]
fn a_server_that_refuses_is_heard() {
    let full = "HTTP/1.1 507 Insufficient Storage\r\nContent-Length: 9\r\n\r\ndisk full";
    let (done, _) = sent(full, true, 1000);
    assert_eq!(done.unwrap_err().to_string(), "the server answers with status 507: disk full");
    // It goes away in the middle of the body.
    assert!(sent("", false, 1 << 20).0.is_err());
    let (done, _) = sent("", true, 10);
    assert!(done.is_err());
}

#[test]
fn an_answer_without_end_is_read_as_it_comes() {
    let (url, ca, server) = serve("HTTP/1.1 200 OK\r\n\r\nall of it", false);
    let url = Url::parse(&format!("{url}/x")).unwrap();
    let (status, mut body) = ask(url.connect(Some(ca.as_bytes())).unwrap(), &url.head("GET", ""), b"").unwrap();
    let mut text = String::new();
    body.read_to_string(&mut text).unwrap();
    assert_eq!((status, text.as_str()), (200, "all of it"));
    server.join().unwrap();
    // A CA of somebody else vouches for nobody.
    let (url, _, _server) = serve("", false);
    let (_, other, _other) = serve("", false);
    let url = Url::parse(&url).unwrap();
    assert!(ask(url.connect(Some(other.as_bytes())).unwrap(), &url.head("GET", ""), b"").is_err());
}
