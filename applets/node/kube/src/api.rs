//! Requests to a Kubernetes API server over TLS: one request a connection, one document back.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use kit::{Context, Error, Result};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme, StreamOwned};
use serde_json::Value;

use crate::endpoint::split;
use crate::http::{self, Response};
use crate::kubeconfig::Credentials;

/// The certificate authorities that vouch for servers of the internet.
const ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

/// An API server.
pub struct Api {
    /// `HOST:PORT`
    pub endpoint: String,
    tls: Arc<ClientConfig>,
    token: Option<String>,
    timeout: Duration,
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
        Ok(Self { endpoint: endpoint.to_owned(), tls: Arc::new(tls), token: None, timeout: http::IDLE_TIMEOUT })
    }

    /// A server whose certificate a CA in `ca` (PEM) has signed, and what proves to it who we are.
    pub fn verified(endpoint: &str, ca: &[u8], credentials: &Credentials) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(ca) {
            roots.add(certificate.doing("decode the CA's certificate")?).doing("use the CA's certificate")?;
        }
        Self::with_roots(endpoint, roots, credentials)
    }

    /// A server that the machine's own certificate authorities vouch for.
    pub fn public(endpoint: &str, credentials: &Credentials) -> Result<Self> {
        let pem = std::fs::read(ROOTS).on("read", ROOTS)?;
        let mut roots = RootCertStore::empty();
        // Such a collection may hold one that is of no use here.
        roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok));
        Self::with_roots(endpoint, roots, credentials)
    }

    fn with_roots(endpoint: &str, roots: RootCertStore, credentials: &Credentials) -> Result<Self> {
        if roots.is_empty() {
            return Err(Error::new(format!("believe {endpoint}: there is no CA's certificate")));
        }
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().doing("set up TLS")?;
        let builder = builder.with_root_certificates(roots);
        let tls = match credentials {
            Credentials::Certificate(certificate, key) => {
                let chain = CertificateDer::pem_slice_iter(certificate).collect::<Result<_, _>>();
                let key = PrivateKeyDer::from_pem_slice(key).doing("decode the client's key")?;
                builder
                    .with_client_auth_cert(chain.doing("decode the client's certificate")?, key)
                    .doing("use the client's key")?
            }
            Credentials::None | Credentials::Token(_) => builder.with_no_client_auth(),
        };
        let token = if let Credentials::Token(token) = credentials { Some(token.clone()) } else { None };
        Ok(Self { endpoint: endpoint.to_owned(), tls: Arc::new(tls), token, timeout: http::IDLE_TIMEOUT })
    }

    /// The same server, with another limit for each wait.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// GET a document.
    ///
    /// # Errors
    /// The server can't be reached, TLS fails, or what comes back is not HTTP. A status other than 200 is no error here.
    pub fn get(&self, path: &str) -> Result<Answer> {
        self.get_bytes(path).map(answer)
    }

    /// POST a document.
    pub fn post(&self, path: &str, document: &Value) -> Result<Answer> {
        self.give(&format!("POST {path}"), document)
    }

    /// PUT a document in the place of the one that a path names.
    pub fn put(&self, path: &str, document: &Value) -> Result<Answer> {
        self.give(&format!("PUT {path}"), document)
    }

    fn give(&self, what: &str, document: &Value) -> Result<Answer> {
        let body = serde_json::to_vec(document).doing("encode a document")?;
        self.send(what, "Content-Type: application/json\r\n", &body).map(answer)
    }

    /// DELETE what a path names.
    pub fn delete(&self, path: &str) -> Result<Answer> {
        self.send(&format!("DELETE {path}"), "", &[]).map(answer)
    }

    /// The same for what is no JSON.
    pub fn get_bytes(&self, path: &str) -> Result<Response> {
        self.send(&format!("GET {path}"), "", &[])
    }

    /// A connection, whose every wait has a limit.
    pub fn connect(&self) -> Result<StreamOwned<ClientConnection, TcpStream>> {
        let (host, _) = split(&self.endpoint)?;
        let name = ServerName::try_from(host.to_owned()).doing(format_args!("use {host:?} as a server's name"))?;
        let tcp = http::connect_within(&self.endpoint, self.timeout)?;
        let connection = ClientConnection::new(self.tls.clone(), name).doing("set up TLS")?;
        Ok(StreamOwned::new(connection, tcp))
    }

    fn send(&self, what: &str, headers: &str, body: &[u8]) -> Result<Response> {
        let stream = self.connect()?;
        let token = self.token.as_ref().map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let headers = format!("Accept: application/json, */*\r\n{token}{headers}");
        http::send(stream, &self.endpoint, what, &headers, body)
    }
}

fn answer(Response { status, body }: Response) -> Answer {
    let document = serde_json::from_slice(&body).unwrap_or(Value::Null);
    drop(body);
    Answer { status, body: document }
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
        for wrong in ["", "host", ":1", "host:", "host:99999", "a b:1", "a\r\nX: y:1", "u@h:1"] {
            assert!(split(wrong).is_err(), "{wrong}");
        }
    }
}
