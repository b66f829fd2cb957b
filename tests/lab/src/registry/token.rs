//! An authorization service: gives tokens that the registry believes to those who know the password (distribution's token specification).

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine};
use kit::{Context, Error, Result};
use rcgen::Certificate;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use super::user::USER;
use crate::network::ADDRESS;

/// Name of the service, its key and its registry.
pub const NAME: &str = "lab";
/// Lifetime of a token, in seconds.
const GOOD: u64 = 300;

/// The service's end that is kept: its URL, and its key for the registry.
pub struct Service {
    /// URL of the token service.
    pub realm: String,
    /// The public key as a JSON Web Key Set.
    pub keys: Value,
}

/// Start to serve over TLS, as that server; it ends with the process.
pub fn start(certificate: &Certificate, key: &rcgen::KeyPair) -> Result<Service> {
    let tls = tls(certificate, key)?;
    let odd = |e: &dyn std::fmt::Display| Error::new(format!("make a key: {e}"));
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).map_err(|e| odd(&e))?;
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).map_err(|e| odd(&e))?;
    // An uncompressed point: 4, x, y.
    let point = pair.public_key().as_ref().to_vec();
    let part = |range| BASE64_URL_SAFE_NO_PAD.encode(&point[range]);
    let key =
        json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": NAME, "x": part(1..33), "y": part(33..65) });
    let listener = TcpListener::bind((ADDRESS, 0)).doing("listen for those who want tokens")?;
    let realm = format!("https://{}/token", listener.local_addr().doing("listen for those who want tokens")?);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that hangs up gets nothing.
            let _ = ServerConnection::new(Arc::clone(&tls))
                .map_err(std::io::Error::other)
                .and_then(|connection| answer(StreamOwned::new(connection, stream), &pair, &random));
        }
    });
    Ok(Service { realm, keys: json!({ "keys": [key] }) })
}

/// Settings of TLS for the server of that certificate.
fn tls(certificate: &Certificate, key: &rcgen::KeyPair) -> Result<Arc<ServerConfig>> {
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(|e| Error::new(format!("read the server's key: {e}")))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().doing("choose TLS")?;
    let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key);
    config.map(Arc::new).doing("take the server's certificate")
}

fn answer(
    mut stream: StreamOwned<ServerConnection, TcpStream>,
    pair: &EcdsaKeyPair,
    random: &SystemRandom,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(&mut stream).lines();
    let asked = lines.next().transpose()?.unwrap_or_default();
    let wanted = format!("Basic {}", BASE64_STANDARD.encode(format!("{}:{}", USER.0, USER.1)));
    let mut known = false;
    for line in lines.by_ref() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        known |= line.split_once(": ").is_some_and(|(name, value)| name.eq_ignore_ascii_case("authorization") && value == wanted);
    }
    let (status, body) = match known.then(|| token(&asked, pair, random)).flatten() {
        Some(token) => ("200 OK", json!({ "token": token })),
        None => ("401 Unauthorized", json!({ "details": "incorrect username or password" })),
    };
    let body = body.to_string();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// A token for the scope in the query of `GET /token?…`.
fn token(asked: &str, pair: &EcdsaKeyPair, random: &SystemRandom) -> Option<String> {
    let query = asked.split(' ').nth(1)?.split_once('?')?.1;
    let scope = query.split('&').find_map(|field| field.strip_prefix("scope="))?.replace("%3A", ":").replace("%2F", "/");
    let mut parts = scope.split(':');
    let (kind, name, actions) = (parts.next()?, parts.next()?, parts.next()?);
    let actions: Vec<&str> = actions.split("%2C").flat_map(|some| some.split(',')).collect();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
    let claims = json!({
        "iss": NAME, "aud": NAME, "sub": USER.0, "iat": now, "nbf": now - GOOD, "exp": now + GOOD, "jti": now.to_string(),
        "access": [{ "type": kind, "name": name, "actions": actions }],
    });
    let part = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(json!({ "typ": "JWT", "alg": "ES256", "kid": NAME })), part(claims));
    let signature = pair.sign(random, signed.as_bytes()).ok()?;
    Some(format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
}
