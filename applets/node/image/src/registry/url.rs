//! The URLs that registries are reached at: a scheme, an authority, a path with its query. Nothing else of RFC 3986 is taken.

use std::fmt::{self, Write};

use kit::{Error, Result};

/// Longer ones are no addresses but attacks: storage services sign with some 2 KiB.
const LONGEST: usize = 16 << 10;

/// `http[s]://AUTHORITY/PATH[?QUERY]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// https.
    pub secure: bool,
    /// `HOST[:PORT]` in small letters.
    pub authority: String,
    /// From the first slash on, without a fragment.
    pub path: String,
}

impl Url {
    /// Read an absolute URL.
    ///
    /// # Errors
    /// Another scheme, a user's name in it, or characters that do not belong there.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |why: &str| Error::new(format!("URL {text:?}: {why}"));
        if text.len() > LONGEST {
            return Err(Error::new("a URL of more than 16 KiB"));
        }
        let text_lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
        let (secure, rest) = match (text_lower.starts_with("https://"), text_lower.starts_with("http://")) {
            (true, _) => (true, &text[8..]),
            (_, true) => (false, &text[7..]),
            _ => return Err(wrong("it is neither http:// nor https://")),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.is_empty() || authority.contains('@') {
            return Err(wrong("it names no host, or a user"));
        }
        if !rest.bytes().all(|b| b.is_ascii_graphic() && b != b'\\') {
            return Err(wrong("it has characters that no URL has"));
        }
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { secure, authority: authority.to_ascii_lowercase(), path })
    }

    /// Returns the target of a redirect from here.
    pub fn join(&self, location: &str) -> Result<Self> {
        let scheme = if self.secure { "https" } else { "http" };
        let base = self.path.split('?').next().unwrap_or_default();
        if location.contains("://") && location.find("://") < location.find(['/', '?']) {
            Self::parse(location)
        } else if location.starts_with("//") {
            Self::parse(&format!("{scheme}:{location}"))
        } else if location.starts_with('/') {
            Self::parse(&format!("{scheme}://{}{location}", self.authority))
        } else {
            let directory = base.rsplit_once('/').map_or("", |(directory, _)| directory);
            Self::parse(&format!("{scheme}://{}{directory}/{location}", self.authority))
        }
    }

    /// The same with more path behind it; the query stays away.
    pub fn below(&self, path: &str) -> Self {
        let base = self.path.split('?').next().unwrap_or_default().trim_end_matches('/');
        Self { path: format!("{base}{path}"), ..self.clone() }
    }

    /// Tells if both lead to the same server by the same way, default ports counted.
    pub fn same_server(&self, other: &Self) -> bool {
        self.secure == other.secure && self.with_port() == other.with_port()
    }

    fn with_port(&self) -> String {
        let port_at = self.authority.rfind(':').filter(|at| !self.authority[*at..].contains(']'));
        match port_at {
            Some(_) => self.authority.clone(),
            None => format!("{}:{}", self.authority, if self.secure { 443 } else { 80 }),
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", if self.secure { "https" } else { "http" }, self.authority, self.path)
    }
}

/// A value for a query or a form: all but letters, digits and `-._~` as `%XX`.
pub fn encoded(value: &str) -> String {
    value.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a string can't fail.
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn redirects_are_resolved() {
        let from = Url::parse("https://A.b:5000/v2/x/blobs/y?z=1").unwrap();
        for (location, to) in [
            ("http://c/d", "http://c/d"),
            ("//c/d", "https://c/d"),
            ("/d?e#f", "https://a.b:5000/d?e"),
            ("d", "https://a.b:5000/v2/x/blobs/d"),
            ("?next=http://x/", "https://a.b:5000/v2/x/blobs/?next=http://x/"),
            ("HTTPS://C", "https://c/"),
        ] {
            assert_eq!(from.join(location).unwrap().to_string(), to);
        }
        for bad in ["ftp://x/", "https://u:p@x/", "https:///x", "http://a b/", "http://x/\r\nHost: y"] {
            assert!(from.join(bad).is_err() || bad.starts_with("ftp"), "{bad}");
            assert!(Url::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn servers_are_compared_with_their_ports() {
        let same = |a: &str, b: &str| Url::parse(a).unwrap().same_server(&Url::parse(b).unwrap());
        assert!(same("https://a/x", "https://A:443/y"));
        assert!(!same("https://a/", "http://a/"));
        assert!(!same("https://a/", "https://a:444/"));
        assert!(same("https://[::1]/", "https://[::1]:443/"));
        assert!(!same("https://a/", "https://a.evil/"));
    }

    #[test]
    fn values_are_encoded() {
        assert_eq!(encoded("repository:a/b:pull ü"), "repository%3Aa%2Fb%3Apull%20%C3%BC");
    }
}
