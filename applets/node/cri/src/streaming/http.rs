//! As much of HTTP/1.1 (RFC 9112) as an upgrade needs: the head of a request, and the head of an answer.

use std::fmt::Write;

/// The longest head that is taken, in bytes.
pub const HEAD_LIMIT: usize = 16 * 1024;

/// The head of a request.
#[derive(Debug, PartialEq, Eq)]
pub struct Head {
    /// `GET` or `POST`.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// Names in lower case, and values.
    pub fields: Vec<(String, String)>,
}

impl Head {
    /// Length of the head in the bytes so far, with its empty line.
    pub fn end(bytes: &[u8]) -> Option<usize> {
        bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
    }

    /// Read a head up to its end. None if it is no head.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?.strip_suffix("\r\n\r\n")?;
        let mut lines = text.split("\r\n");
        let mut words = lines.next()?.split(' ');
        let (method, target, version) = (words.next()?, words.next()?, words.next()?);
        if words.next().is_some() || version != "HTTP/1.1" || !target.starts_with('/') {
            return None;
        }
        let path = target.split('?').next()?;
        let fields = lines.map(|line| {
            let (name, value) = line.split_once(':')?;
            let fits = !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic());
            fits.then(|| (name.to_ascii_lowercase(), value.trim_matches([' ', '\t']).to_owned()))
        });
        Some(Self { method: method.into(), path: path.into(), fields: fields.collect::<Option<_>>()? })
    }

    /// The values of a field, each of a list by itself.
    pub fn list(&self, name: &str) -> Vec<&str> {
        let values = self.fields.iter().filter(|(known, _)| known == name);
        values.flat_map(|(_, value)| value.split(',')).map(str::trim).filter(|value| !value.is_empty()).collect()
    }

    /// Tells if a field's list has that value, in any case.
    pub fn says(&self, name: &str, value: &str) -> bool {
        self.list(name).iter().any(|listed| listed.eq_ignore_ascii_case(value))
    }
}

/// The head that says that another protocol follows.
pub fn switching(to: &str, fields: &[(&str, &str)]) -> String {
    let mut text = format!("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {to}\r\n");
    add(&mut text, fields);
    text
}

/// A whole answer for a person, after which the connection closes.
pub fn refusal(status: &str, fields: &[(&str, &str)], sentence: &str) -> String {
    let length = sentence.len() + 1;
    let mut text = format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n"
    );
    add(&mut text, fields);
    text.push_str(sentence);
    text.push('\n');
    text
}

fn add(text: &mut String, fields: &[(&str, &str)]) {
    for (name, value) in fields {
        // Writing to a string can't fail.
        let _ = write!(text, "{name}: {value}\r\n");
    }
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    const HEAD: &[u8] = b"POST /exec/abc?x=1 HTTP/1.1\r\nHost: 127.0.0.1:1\r\nConnection: keep-alive, Upgrade\r\n\
        X-Stream-Protocol-Version: v4.channel.k8s.io\r\nX-STREAM-PROTOCOL-VERSION:v3.channel.k8s.io\r\nContent-Length: 0\r\n\r\n";

    #[test]
    fn a_head_is_read() {
        let with_more = [HEAD, b"more"].concat();
        assert_eq!(Head::end(&with_more), Some(HEAD.len()));
        let head = Head::parse(HEAD).unwrap();
        assert_eq!((head.method.as_str(), head.path.as_str()), ("POST", "/exec/abc"));
        assert_eq!(head.list("x-stream-protocol-version"), ["v4.channel.k8s.io", "v3.channel.k8s.io"]);
        assert!(head.says("connection", "upgrade") && !head.says("connection", "close") && !head.says("upgrade", "websocket"));
    }

    #[test]
    fn a_cut_or_damaged_head_is_none_or_another() {
        for end in 0..HEAD.len() {
            assert_eq!(Head::end(&HEAD[..end]), None);
            assert_eq!(Head::parse(&HEAD[..end]), None);
        }
        for at in 0..HEAD.len() {
            let mut damaged = HEAD.to_vec();
            damaged[at] = 0xff;
            assert_eq!(Head::parse(&damaged), None, "byte {at}");
        }
        for wrong in [
            "GET / HTTP/1.0\r\n\r\n",
            "GET HTTP/1.1\r\n\r\n",
            "GET x HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nno field\r\n\r\n",
            "GET / HTTP/1.1\r\n: empty\r\n\r\n",
            "GET / HTTP/1.1\r\n folded: x\r\n\r\n",
            "GET  / HTTP/1.1\r\n\r\n",
            "\r\n\r\n",
        ] {
            assert_eq!(Head::parse(wrong.as_bytes()), None, "{wrong:?}");
        }
    }

    #[test]
    fn answers_are_whole() {
        let text = refusal("404 Not Found", &[("X-A", "b")], "there is nothing");
        assert!(text.contains("Content-Length: 17\r\nX-A: b\r\n\r\nthere is nothing\n"), "{text}");
        assert!(switching("SPDY/3.1", &[]).ends_with("Upgrade: SPDY/3.1\r\n\r\n"));
    }
}
