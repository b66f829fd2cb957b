//! HTTP to one server, with its certificates and time limits. Redirects and refusals are the caller's.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kit::{Context, Error, Result};
use ureq::Agent;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

use super::hosts::Tls;

/// The certificates that vouch for servers.
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Directory of additional certificates: `*.crt` and `*.pem` beside the bundle.
const ADDED: &str = "/etc/ssl/certs";
/// Default timeout of a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// An agent for a server with these settings. It waits `stall` for each answer and each piece of one. `secure` says whether certificates
/// will be needed, `known` whether it may say who we are.
pub fn agent(tls: &Tls, secure: bool, known: bool, connect: Option<u64>, stall: Duration) -> Result<Agent> {
    let roots = if secure && !tls.skip_verify { roots(tls)? } else { Vec::new() };
    let client = tls.client.as_ref().filter(|_| secure && known);
    let client = client.map(|(certificate, key)| identity(certificate, key)).transpose()?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .client_cert(client)
        .disable_verification(tls.skip_verify)
        .unversioned_rustls_crypto_provider(provider)
        .build();
    let connect = connect.map_or(CONNECT_TIMEOUT, Duration::from_secs).min(stall.max(Duration::from_secs(1)));
    let config = Agent::config_builder()
        .tls_config(tls)
        .user_agent(concat!("kutties/", env!("CARGO_PKG_VERSION")))
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_resolve(Some(connect))
        .timeout_connect(Some(connect))
        .timeout_send_request(Some(stall))
        .timeout_recv_response(Some(stall))
        .timeout_per_read(Some(stall))
        .build();
    Ok(config.new_agent())
}

/// All authorities: the system's and the server's own. Without the system's bundle the others count alone.
fn roots(tls: &Tls) -> Result<Vec<Certificate<'static>>> {
    let mut roots = Vec::new();
    if Path::new(BUNDLE).exists() {
        roots.extend(certificates(Path::new(BUNDLE))?);
    }
    for entry in std::fs::read_dir(ADDED).into_iter().flatten().flatten() {
        let path = entry.path();
        let kind = path.extension().is_some_and(|e| e == "crt" || e == "pem");
        // Distributions link each of the bundle's certificates there once more.
        if kind && path != Path::new(BUNDLE) && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            roots.extend(certificates(&path)?);
        }
    }
    for path in &tls.authorities {
        roots.extend(certificates(path)?);
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>> {
    let text = std::fs::read(path).on("read the certificates in", path)?;
    let items = parse_pem(&text).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    Ok(items.collect())
}

fn identity(certificate: &Path, key: &Path) -> Result<ClientCert> {
    let chain = certificates(certificate)?;
    if chain.is_empty() {
        return Err(Error::new(format!("{}: there is no certificate in it", certificate.display())));
    }
    let text = std::fs::read(key).on("read the key in", key)?;
    let key = PrivateKey::from_pem(&text).map_err(|_| Error::new(format!("{}: there is no key in it", key.display())))?;
    Ok(ClientCert::new_with_certs(&chain, key))
}
