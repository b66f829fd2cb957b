//! The secret that a bootstrap token is, after Kubernetes' "Authenticating with Bootstrap Tokens".

use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kit::{Context, Result};
use serde_json::{Value, json};

use crate::discovery::Token;
use crate::time;

/// kubeadm's group of those that may ask for a node's certificate.
const GROUP: &str = "system:bootstrappers:kubeadm:default-node-token";

/// A new one.
pub fn random() -> Result<Token> {
    Ok(Token { id: word(6)?, secret: word(16)? })
}

/// Small letters and digits, each as likely as the others.
fn word(len: usize) -> Result<String> {
    const LETTERS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut word = String::new();
    while word.len() < len {
        let mut bytes = [0; 32];
        rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()).doing("get random bytes")?;
        // 252 is the largest multiple of 36 that a byte holds.
        let letters = bytes.iter().filter(|byte| **byte < 252).map(|byte| char::from(LETTERS[usize::from(byte % 36)]));
        word.extend(letters.take(len - word.len()));
    }
    Ok(word)
}

/// The secret.
pub fn document(token: &Token, end: SystemTime, description: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "bootstrap.kubernetes.io/token",
        "metadata": {"name": format!("bootstrap-token-{}", token.id), "namespace": "kube-system"},
        "stringData": {
            "token-id": token.id,
            "token-secret": token.secret,
            "expiration": time::rfc3339(end),
            "usage-bootstrap-authentication": "true",
            "usage-bootstrap-signing": "true",
            "auth-extra-groups": GROUP,
            "description": description,
        },
    })
}

/// A line of the list: the token's first part, its end, its description. The secret part stays secret.
pub fn row(secret: &Value) -> String {
    let field = |name: &str| {
        let bytes = STANDARD.decode(secret["data"][name].as_str().unwrap_or_default()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).chars().filter(|c| !c.is_control()).collect::<String>()
    };
    let end = field("expiration");
    format!("{}  {:20}  {}", field("token-id"), if end.is_empty() { "never" } else { &end }, field("description"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use std::time::UNIX_EPOCH;

    #[test]
    fn a_token_is_random_and_readable() {
        let (one, other) = (random().unwrap(), random().unwrap());
        assert_ne!(one, other);
        let document = document(&one, UNIX_EPOCH, "for a test");
        assert_eq!(Token::parse(&format!("{}.{}", one.id, one.secret)).unwrap(), one);
        assert_eq!(document["metadata"]["name"], format!("bootstrap-token-{}", one.id));
        let secret = json!({"data": {"token-id": STANDARD.encode(&one.id), "description": STANDARD.encode("a\nb")}});
        assert_eq!(row(&secret), format!("{}  never                 ab", one.id));
    }
}
