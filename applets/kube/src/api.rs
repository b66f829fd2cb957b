//! GET requests to a Kubernetes API server: HTTP/1.1 over TLS, one request a connection, one document back.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use kit::{Context, Error, Result};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme, StreamOwned};
use serde_json::Value;

/// How long a server may take to accept, and to answer: an API server on a slow machine that just started takes seconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest document that is read: etcd itself takes no object above 1.5 MiB.
const LIMIT: u64 = 4 << 20;

/// An API server.
pub struct Api {
    /// `HOST:PORT`
    pub endpoint: String,
    tls: Arc<ClientConfig>,
    token: Option<String>,
}

/// An answer: its status, and the document when it is one.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The JSON document; null when the body is none.
    pub body: Value,
}

impl Api {
    /// A server whose certificate is not checked. Nothing that it says may be believed before it was proved otherwise.
    pub fn unverified(endpoint: &str) -> Result<Self> {
        let provider = Arc::new(ring::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().doing("set up TLS")?;
        let verifier = Arc::new(Anybody(provider));
        let tls = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
        Ok(Self { endpoint: endpoint.to_owned(), tls: Arc::new(tls), token: None })
    }

    /// A server whose certificate the CA in `ca` (PEM) has signed, with a bearer token.
    pub fn verified(endpoint: &str, ca: &[u8], token: Option<&str>) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(ca) {
            roots.add(certificate.doing("decode the cluster's CA")?).doing("use the cluster's CA")?;
        }
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().doing("set up TLS")?;
        let tls = builder.with_root_certificates(roots).with_no_client_auth();
        Ok(Self { endpoint: endpoint.to_owned(), tls: Arc::new(tls), token: token.map(Into::into) })
    }

    /// GET a path.
    ///
    /// # Errors
    /// The server can't be reached, TLS fails, or what comes back is not HTTP. A status other than 200 is no error here.
    pub fn get(&self, path: &str) -> Result<Answer> {
        let (host, _) = split(&self.endpoint)?;
        let name = ServerName::try_from(host.to_owned()).doing(format_args!("use {host:?} as a server's name"))?;
        let tcp = connect(&self.endpoint)?;
        let connection = ClientConnection::new(self.tls.clone(), name).doing("set up TLS")?;
        let mut stream = StreamOwned::new(connection, tcp);
        let token = self.token.as_ref().map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nAccept: application/json\r\nConnection: close\r\n{token}\r\n",
            self.endpoint
        );
        stream.write_all(request.as_bytes()).doing(format_args!("ask {}", self.endpoint))?;
        let mut bytes = Vec::new();
        match stream.take(LIMIT).read_to_end(&mut bytes) {
            // A server that closes without TLS's goodbye has still answered: the length says whether all is here.
            Err(e) if e.kind() != std::io::ErrorKind::UnexpectedEof => {
                return Err(e).doing(format_args!("hear from {}", self.endpoint));
            }
            _ => {}
        }
        parse(&bytes).ok_or_else(|| Error::new(format!("{} does not answer as an API server", self.endpoint)))
    }
}

/// Host (without brackets) and port.
pub fn split(endpoint: &str) -> Result<(&str, u16)> {
    let wrong = || Error::usage(format!("{endpoint:?} is not HOST:PORT"));
    let (host, port) = endpoint.rsplit_once(':').ok_or_else(wrong)?;
    let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    if host.is_empty() {
        return Err(wrong());
    }
    Ok((host, port.parse().map_err(|_| wrong())?))
}

fn connect(endpoint: &str) -> Result<TcpStream> {
    let mut last = Error::new(format!("reach {endpoint}: it has no address"));
    for address in split(endpoint)?.to_socket_addrs().doing(format_args!("look up {endpoint}"))? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => {
                stream.set_read_timeout(Some(PATIENCE)).doing("set a time limit")?;
                stream.set_write_timeout(Some(PATIENCE)).doing("set a time limit")?;
                return Ok(stream);
            }
            Err(e) => last = Err::<(), _>(e).doing(format_args!("reach {endpoint}")).err().unwrap_or(last),
        }
    }
    Err(last)
}

/// Status and document of a response; none when it is malformed.
fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let chunked = head.lines().any(|l| l.to_ascii_lowercase().replace(' ', "") == "transfer-encoding:chunked");
    let body = &bytes[end + 4..];
    let body = if chunked { unchunk(body)? } else { body.to_vec() };
    Some(Answer { status, body: serde_json::from_slice(&body).unwrap_or(Value::Null) })
}

/// The body without its chunks' lengths.
fn unchunk(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|w| w == b"\r\n")?;
        let size = std::str::from_utf8(&bytes[..end]).ok()?.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        bytes = bytes.get(end + 2..)?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(bytes.get(..size)?);
        bytes = bytes.get(size.checked_add(2)?..)?;
    }
}

/// Takes any certificate, for the one question whose answer carries its own proof.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn endpoints_are_split() {
        assert_eq!(split("[::1]:6443").unwrap(), ("::1", 6443));
        assert_eq!(split("api.example:443").unwrap(), ("api.example", 443));
        for wrong in ["", "host", ":1", "host:", "host:99999"] {
            assert!(split(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn answers_are_parsed() {
        let plain = parse(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n{\"a\":1}").unwrap();
        assert_eq!((plain.status, &plain.body["a"]), (200, &Value::from(1)));
        let chunked =
            parse(b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{\"a\"\r\n3\r\n:2}\r\n0\r\n\r\n").unwrap();
        assert_eq!((chunked.status, &chunked.body["a"]), (404, &Value::from(2)));
        for wrong in [&b""[..], b"SSH-2.0\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"]
        {
            assert!(parse(wrong).is_none());
        }
    }
}
