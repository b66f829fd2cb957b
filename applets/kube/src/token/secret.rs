//! The secret that a bootstrap token is, after Kubernetes' "Authenticating with Bootstrap Tokens".

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kit::{Context, Result};
use serde_json::{Value, json};

use crate::discovery::Token;

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
            "expiration": time(end),
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

/// A moment as RFC 3339 writes it, in UTC.
fn time(moment: SystemTime) -> String {
    let seconds = moment.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let (days, rest) = (seconds / 86400, seconds % 86400);
    // Years that begin in March, in cycles of 400 years of 146,097 days: after Howard Hinnant's "chrono-compatible low-level date
    // algorithms".
    let shifted = days + 719_468;
    let (cycle, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1460 + day / 36524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let date = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = cycle * 400 + year + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{date:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn moments_are_written() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_000_000_000, "2001-09-09T01:46:40Z"),
            (1_798_761_599, "2026-12-31T23:59:59Z"),
        ] {
            assert_eq!(time(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
    }

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
