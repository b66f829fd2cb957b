//! The head of an HTTP/1.1 request (RFC 9112), as far as one who hands out files needs it.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::Range;

/// The longest head that is read, in bytes.
pub const LONGEST: usize = 8 << 10;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `HEAD` or another one.
    pub method: String,
    /// The path, decoded: it begins with a slash.
    pub path: String,
    /// Query behind the question mark, decoded: names and values.
    pub query: Vec<(String, String)>,
    /// The value of the field `Range`.
    pub range: Option<String>,
    /// True if the connection is to stay for another request.
    pub stays: bool,
}

/// Result of reading bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Head {
    /// A request, and how many bytes it has.
    Whole(Request, usize),
    /// The end is still to come.
    Part,
    /// This is no request that can be answered.
    Wrong,
}

/// Read a request's head.
pub fn parse(bytes: &[u8]) -> Head {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return if bytes.len() > LONGEST { Head::Wrong } else { Head::Part };
    };
    let read = || request(core::str::from_utf8(bytes.get(..end)?).ok()?);
    match read() {
        Some(request) if end <= LONGEST => Head::Whole(request, end + 4),
        _ => Head::Wrong,
    }
}

fn request(head: &str) -> Option<Request> {
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    if words.next().is_some() || !matches!(version, "HTTP/1.1" | "HTTP/1.0") {
        return None;
    }
    // A proxy's form has the server in front.
    let target = target.strip_prefix("http://").map_or(target, |rest| rest.find('/').map_or("/", |at| &rest[at..]));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let fields: Vec<(&str, &str)> = lines.map(|line| line.split_once(':')).collect::<Option<_>>()?;
    let field = |name: &str| fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim());
    // A body would be read as the next request.
    if field("transfer-encoding").is_some() || field("content-length").is_some_and(|length| length != "0") {
        return None;
    }
    let connection = field("connection").unwrap_or_default();
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decode(name)?, decode(value)?))
    };
    Some(Request {
        method: method.to_string(),
        path: decode(path).filter(|path| path.starts_with('/'))?,
        query: query.split('&').filter(|part| !part.is_empty()).map(pair).collect::<Option<_>>()?,
        range: field("range").map(ToString::to_string),
        stays: version == "HTTP/1.1" && !connection.eq_ignore_ascii_case("close"),
    })
}

/// `%XX` become bytes; control characters have no place in a name.
fn decode(text: &str) -> Option<String> {
    let (mut out, mut bytes) = (Vec::new(), text.bytes());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                (digit(bytes.next())? * 16 + digit(bytes.next())?) as u8
            }
            byte => byte,
        });
    }
    String::from_utf8(out).ok().filter(|text| !text.chars().any(char::is_control))
}

/// The part of a file of `len` bytes that a field `Range` asks for: all when there is none, or one that may be left aside (RFC 9110, 14.2:
/// several parts, other units); none when it begins behind the file's end.
pub fn part(range: Option<&str>, len: u64) -> Option<Range<u64>> {
    let all = Some(0..len);
    let Some((first, last)) = range.and_then(|range| range.strip_prefix("bytes=")).and_then(|range| range.split_once('-')) else {
        return all;
    };
    match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(first), _) if first >= len => None,
        (Ok(first), Ok(last)) if last >= first => Some(first..last.saturating_add(1).min(len)),
        (Ok(first), _) if last.trim().is_empty() => Some(first..len),
        // The last so many bytes.
        (Err(_), Ok(last)) if first.trim().is_empty() => {
            if last == 0 {
                None
            } else {
                Some(len.saturating_sub(last)..len)
            }
        }
        _ => all,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::panic, reason = "tests")]
    use super::*;

    fn read(head: &str) -> Request {
        match parse(head.as_bytes()) {
            Head::Whole(request, len) if len == head.len() => request,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn requests_are_read() {
        let request = read("GET /x86_64/a%20b?uuid=1%2F2&x HTTP/1.1\r\nHost: h\r\nrange:  bytes=5-\r\n\r\n");
        assert_eq!((request.method.as_str(), request.path.as_str(), request.stays), ("GET", "/x86_64/a b", true));
        assert_eq!(request.query, [("uuid".to_string(), "1/2".to_string()), ("x".to_string(), String::new())]);
        assert_eq!(request.range.as_deref(), Some("bytes=5-"));
        assert!(!read("GET / HTTP/1.0\r\n\r\n").stays && !read("GET / HTTP/1.1\r\nConnection: Close\r\n\r\n").stays);
        assert_eq!(read("HEAD http://h:80/f HTTP/1.1\r\n\r\n").path, "/f");
        assert_eq!(parse(b"GET / HTTP/1.1\r\nHost"), Head::Part);
    }

    #[test]
    fn what_is_no_request_is_wrong() {
        for wrong in [
            "\r\n\r\n",
            "GET / HTTP/2\r\n\r\n",
            "GET  / HTTP/1.1\r\n\r\n",
            "GET x HTTP/1.1\r\n\r\n",
            "GET /%zz HTTP/1.1\r\n\r\n",
            "GET /%00 HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nno field\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n",
            "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        ] {
            assert_eq!(parse(wrong.as_bytes()), Head::Wrong, "{wrong:?}");
        }
        assert_eq!(parse(&[b'a'; LONGEST + 1]), Head::Wrong);
    }

    #[test]
    fn parts_of_a_file() {
        for (range, expected) in [
            (None, Some(0..10)),
            (Some("bytes=0-0"), Some(0..1)),
            (Some("bytes=4-"), Some(4..10)),
            (Some("bytes=4-99"), Some(4..10)),
            (Some("bytes=-3"), Some(7..10)),
            (Some("bytes=-99"), Some(0..10)),
            (Some("bytes=-0"), None),
            (Some("bytes=10-"), None),
            (Some("bytes=5-2"), Some(0..10)),
            (Some("bytes=1-2,4-5"), Some(0..10)),
            (Some("lines=1-2"), Some(0..10)),
        ] {
            assert_eq!(part(range, 10), expected, "{range:?}");
        }
    }
}
