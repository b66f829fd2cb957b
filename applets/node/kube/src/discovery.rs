//! Discovery of a cluster by a joining node: the document `cluster-info`, proved by the discovery
//! token and the pinned CA.
//!
//! kubeadm does the same again, with long silences; asking first lets a wrong token, a wrong hash or a silent server be told at once.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kit::{Context, Error, Result};
use ring::{digest, hmac};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;

use crate::api::Api;
use crate::kubeconfig::{Credentials, Kubeconfig};
use crate::spki;

/// Path of the document in every cluster that kubeadm made, readable for all.
pub const CLUSTER_INFO: &str = "/api/v1/namespaces/kube-public/configmaps/cluster-info";

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

    /// As what proves who we are.
    pub fn credentials(&self) -> Credentials {
        Credentials::Token(format!("{}.{}", self.id, self.secret))
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

/// The cluster at `endpoint` as it describes itself, proved. With no pins any CA that the token's holder signed for is taken.
pub fn discover(endpoint: &str, token: &Token, pins: &[Pin]) -> Result<Kubeconfig> {
    let answer = Api::unverified(endpoint)?.get(CLUSTER_INFO)?;
    checked(endpoint, answer.status)?;
    let cluster = prove(endpoint, &answer.body, token, pins)?;
    if !pins.is_empty() {
        // Now with the CA that was proved: whoever answers must hold its key.
        let again = Api::verified(endpoint, &cluster.ca, &Credentials::None)?.get(CLUSTER_INFO)?;
        if again.body["data"]["kubeconfig"] != answer.body["data"]["kubeconfig"] {
            return Err(Error::new(format!("{endpoint} says something else once its certificate is checked")));
        }
    }
    Ok(cluster)
}

/// A status that is not "here it is", as a sentence.
pub fn checked(endpoint: &str, status: u16) -> Result<()> {
    match status {
        200 => Ok(()),
        // It has just been started, or has too much to do.
        429 | 500.. => Err(Error::new(format!("reach {endpoint}: it answers with status {status}"))),
        _ => Err(Error::new(format!("{endpoint} has no cluster-info for joining nodes (status {status})"))),
    }
}

/// Verifies the `ConfigMap`: the token's holder has signed it and a pinned CA is in it.
pub fn prove(endpoint: &str, map: &Value, token: &Token, pins: &[Pin]) -> Result<Kubeconfig> {
    let kubeconfig = map["data"]["kubeconfig"].as_str().unwrap_or_default();
    let signature = map["data"][format!("jws-kubeconfig-{}", token.id)].as_str();
    let signature = signature.ok_or_else(|| {
        if is_unsigned(map) {
            // A cluster of a minute ago: the controller manager, which signs, has only been started.
            return Error::new(format!(
                "reach {endpoint}: its cluster-info is signed with no token: all have expired, or it has only just begun"
            ));
        }
        Error::new(format!("the cluster at {endpoint} knows no token {}: it is mistyped, or has expired", token.id))
    })?;
    if !signed(kubeconfig, signature, token) {
        return Err(Error::new(format!("the secret of token {} is wrong: the cluster's answer is not signed with it", token.id)));
    }
    let cluster = Kubeconfig::parse(kubeconfig, None).doing(format_args!("read the cluster-info of {endpoint}"))?;
    let found = pins_of(&cluster.ca)?;
    if found.is_empty() {
        return Err(Error::new(format!("the cluster-info of {endpoint} has no CA's certificate")));
    }
    if !pins.is_empty() && !found.iter().any(|pin| pins.contains(pin)) {
        let (found, wanted) = (list(&found), list(pins));
        return Err(Error::new(format!("the CA of the cluster at {endpoint} has hash {found}, not {wanted}")));
    }
    Ok(cluster)
}

/// Tells whether the document bears no token's signature at all.
fn is_unsigned(map: &Value) -> bool {
    let mut names = map["data"].as_object().into_iter().flat_map(|data| data.keys());
    !names.any(|name| name.starts_with("jws-kubeconfig-"))
}

/// Tells if the detached JWS (HS256, keyed with the secret) is over that content.
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
pub fn pins_of(ca: &[u8]) -> Result<Vec<Pin>> {
    let pin = |certificate: CertificateDer<'_>| {
        let key = spki::public_key(&certificate).ok_or_else(|| Error::new("the CA is not an X.509 certificate"))?;
        let hash = digest::digest(&digest::SHA256, key);
        Ok(Pin(format!("sha256:{}", kit::hex::encode(hash))))
    };
    CertificateDer::pem_slice_iter(ca).map(|c| pin(c.doing("decode the CA")?)).collect()
}

/// Pins in a sentence.
pub(crate) fn list(pins: &[Pin]) -> String {
    pins.iter().map(|pin| pin.0.as_str()).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use base64::engine::general_purpose::STANDARD;

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

    fn certificate() -> (String, Pin) {
        // Version, serial, algorithm, issuer, validity, subject, key: enough of a certificate to have a key.
        let fields = b"\xa0\x03\x02\x01\x02\x02\x01\x07\x30\x00\x30\x00\x30\x00\x30\x00\x30\x02\x05\x00";
        let tbs = [&[0x30, fields.len() as u8][..], fields].concat();
        let der = STANDARD.encode([&[0x30, tbs.len() as u8][..], &tbs].concat());
        let pem = format!("-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----\n");
        let pin = pins_of(pem.as_bytes()).unwrap().pop().unwrap();
        (STANDARD.encode(pem), pin)
    }

    /// A `cluster-info` signed by the token, after which `change` has its way with the text.
    fn map(token: &Token, change: impl Fn(String) -> String) -> Value {
        let text = format!(
            "clusters:\n- name: \"\"\n  cluster:\n    server: https://10.0.0.1:6443\n    certificate-authority-data: {}\n",
            certificate().0
        );
        let header = URL_SAFE_NO_PAD.encode(format!("{{\"alg\":\"HS256\",\"kid\":\"{}\"}}", token.id));
        let key = hmac::Key::new(hmac::HMAC_SHA256, token.secret.as_bytes());
        let tag = hmac::sign(&key, format!("{header}.{}", URL_SAFE_NO_PAD.encode(&text)).as_bytes());
        let jws = format!("{header}..{}", URL_SAFE_NO_PAD.encode(tag));
        serde_json::json!({"data": {"kubeconfig": change(text), format!("jws-kubeconfig-{}", token.id): jws}})
    }

    #[test]
    fn a_signed_and_pinned_cluster_is_believed() {
        let token = Token::parse("abcdef.0123456789abcdef").unwrap();
        let other = Pin(format!("sha256:{}", "0".repeat(64)));
        let good = map(&token, |text| text);
        for pins in [vec![], vec![certificate().1], vec![other, certificate().1]] {
            assert_eq!(prove("x:1", &good, &token, &pins).unwrap().endpoint, "10.0.0.1:6443");
        }
    }

    #[test]
    fn what_is_tampered_with_unsigned_or_not_pinned_is_refused() {
        let token = Token::parse("abcdef.0123456789abcdef").unwrap();
        let why = |map: &Value, token: &Token, pins: &[Pin]| prove("x:1", map, token, pins).unwrap_err().to_string();
        let tampered = map(&token, |text| text.replace("10.0.0.1", "10.6.6.6"));
        assert!(why(&tampered, &token, &[]).contains("not signed"));
        let good = map(&token, |text| text);
        assert!(why(&good, &Token::parse("abcdeg.0123456789abcdef").unwrap(), &[]).contains("expired"));
        assert!(why(&good, &Token::parse("abcdef.0123456789abcdeg").unwrap(), &[]).contains("secret"));
        assert!(why(&good, &token, &[Pin(format!("sha256:{}", "0".repeat(64)))]).contains("has hash sha256:"));
        // Nobody has signed it: its controller manager may have only just begun, so that is asked for again.
        for unsigned in [serde_json::json!({"data": {"kubeconfig": "x"}}), Value::Null] {
            assert!(why(&unsigned, &token, &[]).starts_with("reach x:1: its cluster-info is signed with no token"));
        }
        // Another algorithm, and another token's signature under this one's name.
        for header in [r#"{"alg":"none","kid":"abcdef"}"#, r#"{"alg":"HS256","kid":"other1"}"#] {
            let mut forged = good.clone();
            forged["data"]["jws-kubeconfig-abcdef"] = format!("{}..", URL_SAFE_NO_PAD.encode(header)).into();
            assert!(why(&forged, &token, &[]).contains("not signed"));
        }
    }
}
