//! What a joining node learns of its cluster: the document `cluster-info`, proved by the discovery token and the pinned CA.
//!
//! kubeadm does the same again, with long silences; asking first lets a wrong token, a wrong hash or a silent server be told at once.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use kit::{Context, Error, Result};
use ring::{digest, hmac};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;

use crate::api::Api;
use crate::spki;

/// Where every cluster that kubeadm made keeps the document, readable for all.
const CLUSTER_INFO: &str = "/api/v1/namespaces/kube-public/configmaps/cluster-info";

/// A bootstrap token, `ID.SECRET`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Six letters and digits; public.
    pub id: String,
    /// Sixteen letters and digits.
    pub secret: String,
}

impl Token {
    /// Read a token as `kubeadm token create` prints it.
    pub fn parse(text: &str) -> Result<Self> {
        let part = |text: &str, len| text.len() == len && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        match text.split_once('.') {
            Some((id, secret)) if part(id, 6) && part(secret, 16) => Ok(Self { id: id.into(), secret: secret.into() }),
            _ => Err(Error::usage("the token is not 6 and 16 small letters and digits with a dot between")),
        }
    }

    /// As a bearer.
    pub fn bearer(&self) -> String {
        format!("{}.{}", self.id, self.secret)
    }
}

/// A CA's pin: the SHA-256 of its public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin(pub String);

impl Pin {
    /// Read `sha256:` and 64 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self> {
        let hash = text.strip_prefix("sha256:").map(str::to_ascii_lowercase);
        match hash.filter(|hash| hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit())) {
            Some(hash) => Ok(Self(format!("sha256:{hash}"))),
            None => Err(Error::usage(format!("the CA's hash {text:?} is not sha256: and 64 hexadecimal digits"))),
        }
    }
}

/// The CA's certificates (PEM) of the cluster at `endpoint`, proved. With no pins any CA that the token's holder signed for is taken.
pub fn discover(endpoint: &str, token: &Token, pins: &[Pin]) -> Result<Vec<u8>> {
    let answer = Api::unverified(endpoint)?.get(CLUSTER_INFO)?;
    if answer.status != 200 {
        return Err(Error::new(format!("{endpoint} has no cluster-info for joining nodes (status {})", answer.status)));
    }
    let kubeconfig = answer.body["data"]["kubeconfig"].as_str().unwrap_or_default();
    let signature = answer.body["data"][format!("jws-kubeconfig-{}", token.id)].as_str();
    let signature = signature.ok_or_else(|| {
        Error::new(format!("the cluster at {endpoint} knows no token {}: it is mistyped, or has expired", token.id))
    })?;
    if !signed(kubeconfig, signature, token) {
        return Err(Error::new(format!("the secret of token {} is wrong: the cluster's answer is not signed with it", token.id)));
    }
    let ca =
        STANDARD.decode(field(kubeconfig, "certificate-authority-data").unwrap_or_default()).doing("decode the cluster's CA")?;
    let found = pins_of(&ca)?;
    if !pins.is_empty() && !found.iter().any(|pin| pins.contains(pin)) {
        let (found, wanted) = (list(&found), list(pins));
        return Err(Error::new(format!("the CA of the cluster at {endpoint} has hash {found}, not {wanted}")));
    }
    same_when_verified(endpoint, &ca, kubeconfig)?;
    Ok(ca)
}

/// Ask again, now with the CA that was proved: whoever answers must hold its key.
fn same_when_verified(endpoint: &str, ca: &[u8], kubeconfig: &str) -> Result<()> {
    let again = Api::verified(endpoint, ca, None)?.get(CLUSTER_INFO)?;
    if again.body["data"]["kubeconfig"] == *kubeconfig {
        return Ok(());
    }
    Err(Error::new(format!("{endpoint} says something else once its certificate is checked")))
}

/// Whether the detached JWS (HS256, keyed with the secret) is over that content.
fn signed(content: &str, jws: &str, token: &Token) -> bool {
    let mut parts = jws.split('.');
    let (Some(header), Some(""), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let algorithm = URL_SAFE_NO_PAD.decode(header).ok().and_then(|h| serde_json::from_slice::<Value>(&h).ok());
    if algorithm.is_none_or(|h| h["alg"] != "HS256" || h["kid"] != token.id.as_str()) {
        return false;
    }
    let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(content));
    let key = hmac::Key::new(hmac::HMAC_SHA256, token.secret.as_bytes());
    URL_SAFE_NO_PAD.decode(signature).is_ok_and(|signature| hmac::verify(&key, message.as_bytes(), &signature).is_ok())
}

/// The pins of all certificates.
fn pins_of(ca: &[u8]) -> Result<Vec<Pin>> {
    let pin = |certificate: CertificateDer<'_>| {
        let key = spki::public_key(&certificate).ok_or_else(|| Error::new("the cluster's CA is not an X.509 certificate"))?;
        let hash = digest::digest(&digest::SHA256, key);
        Ok(Pin(hash.as_ref().iter().fold("sha256:".to_owned(), |text, b| text + &format!("{b:02x}"))))
    };
    CertificateDer::pem_slice_iter(ca).map(|c| pin(c.doing("decode the cluster's CA")?)).collect()
}

fn list(pins: &[Pin]) -> String {
    pins.iter().map(|pin| pin.0.as_str()).collect::<Vec<_>>().join(" or ")
}

/// The value of a key in a kubeconfig as kubeadm writes it: block style, each key once, plain scalars.
fn field<'a>(kubeconfig: &'a str, key: &str) -> Option<&'a str> {
    let value = kubeconfig.lines().find_map(|line| line.trim_start_matches([' ', '-']).strip_prefix(key)?.strip_prefix(':'))?;
    Some(value.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn tokens_and_pins_are_checked() {
        assert_eq!(Token::parse("abcdef.0123456789abcdef").unwrap().id, "abcdef");
        for wrong in ["", "abcdef", "abcdef.0123", "ABCDEF.0123456789abcdef", "abcdef.0123456789abcdef0"] {
            assert!(Token::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Pin::parse(&format!("sha256:{}", "0A".repeat(32))).is_ok());
        assert!(Pin::parse("sha256:00").is_err());
    }

    #[test]
    fn a_signature_holds_for_its_content_alone() {
        let token = Token::parse("abcdef.0123456789abcdef").unwrap();
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","kid":"abcdef"}"#);
        let key = hmac::Key::new(hmac::HMAC_SHA256, token.secret.as_bytes());
        let tag = hmac::sign(&key, format!("{header}.{}", URL_SAFE_NO_PAD.encode("content")).as_bytes());
        let jws = format!("{header}..{}", URL_SAFE_NO_PAD.encode(tag));
        assert!(signed("content", &jws, &token));
        assert!(!signed("other", &jws, &token));
        assert!(!signed("content", &jws, &Token::parse("abcdef.0123456789abcdeg").unwrap()));
        assert!(!signed("content", "..", &token));
    }

    #[test]
    fn fields_of_a_kubeconfig() {
        let text =
            "clusters:\n- cluster:\n    certificate-authority-data: QUJD\n    server: https://10.0.0.1:6443\n  name: \"\"\n";
        assert_eq!(field(text, "server"), Some("https://10.0.0.1:6443"));
        assert_eq!(field(text, "certificate-authority-data"), Some("QUJD"));
        assert_eq!(field(text, "user"), None);
    }
}
