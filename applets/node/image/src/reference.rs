//! Image references, `[DOMAIN/]PATH[:TAG][@DIGEST]`, in the full form that everybody compares.

use std::fmt;

use kit::{Error, Result};

/// The domain that a short name means, by the custom that all clients share.
const DEFAULT_DOMAIN: &str = "docker.io";
/// The directory that a one-word name means on the default domain.
const DEFAULT_DIRECTORY: &str = "library";
/// The tag that a name without one means.
const DEFAULT_TAG: &str = "latest";

/// A reference with its defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Domain and path, such as `docker.io/library/busybox`.
    pub repository: String,
    /// The tag; `latest` when neither tag nor digest was given.
    pub tag: Option<String>,
    /// `sha256:` and 64, or `sha512:` and 128 hexadecimal digits.
    pub digest: Option<String>,
}

impl Reference {
    /// Read a reference as a person or a pod specification writes it.
    ///
    /// # Errors
    /// A sentence that says which part is malformed.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |what: &str| Error::usage(format!("image reference {text:?}: {what}"));
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        if let Some(digest) = digest
            && !is_digest(digest)
        {
            return Err(wrong(NO_DIGEST));
        }
        let (name, tag) = match name.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (name, None),
        };
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(wrong("the tag is malformed"));
        }
        let repository = repository(name).ok_or_else(|| wrong("the name is malformed"))?;
        let tag = tag.or(if digest.is_none() { Some(DEFAULT_TAG) } else { None });
        Ok(Self { repository, tag: tag.map(Into::into), digest: digest.map(Into::into) })
    }

    /// The registry's `HOST[:PORT]`.
    pub fn host(&self) -> &str {
        self.repository.split_once('/').map_or("", |(host, _)| host)
    }

    /// The repository's name in the registry.
    pub fn path(&self) -> &str {
        self.repository.split_once('/').map_or("", |(_, path)| path)
    }

    /// `REPOSITORY:TAG`, when there is a tag.
    pub fn tagged(&self) -> Option<String> {
        self.tag.as_ref().map(|tag| format!("{}:{tag}", self.repository))
    }

    /// `REPOSITORY@DIGEST`, when there is a digest.
    pub fn digested(&self) -> Option<String> {
        self.digest.as_ref().map(|digest| format!("{}@{digest}", self.repository))
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// Complaint about a text that [`is_digest`] refuses.
pub const NO_DIGEST: &str = "the digest is not sha256: and 64, or sha512: and 128 hexadecimal digits";

/// Tells if the text is `sha256:` or `sha512:` with as many small hexadecimal digits as the
/// algorithm has: the two that are registered (image-spec, "Registered algorithms").
pub fn is_digest(text: &str) -> bool {
    let long = |hash: &str| hash.len() == 128 && is_hex(hash);
    text.strip_prefix("sha256:").is_some_and(is_hash) || text.strip_prefix("sha512:").is_some_and(long)
}

/// Tells if the text is 64 small hexadecimal digits.
pub fn is_hash(text: &str) -> bool {
    text.len() == 64 && is_hex(text)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// At most 128 of letters, digits, `_`, `.`, `-`; no dot or dash first.
fn is_tag(tag: &str) -> bool {
    let mut bytes = tag.bytes();
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    tag.len() <= 128 && bytes.next().is_some_and(word) && bytes.all(|b| word(b) || b == b'.' || b == b'-')
}

/// Domain and path in full, or none when malformed.
fn repository(name: &str) -> Option<String> {
    let (domain, path) = match name.split_once('/') {
        // The name that the hub's own tools once gave it.
        Some(("index.docker.io", rest)) => (DEFAULT_DOMAIN, rest),
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (first, rest),
        _ => (DEFAULT_DOMAIN, name),
    };
    let domain_good = domain.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
        && domain.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'));
    let part_good = |part: &str| {
        let ends = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        ends(part.bytes().next())
            && ends(part.bytes().last())
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-'))
    };
    if !domain_good || name.len() > 255 || !path.split('/').all(part_good) {
        return None;
    }
    let directory = if domain == DEFAULT_DOMAIN && !path.contains('/') { format!("{DEFAULT_DIRECTORY}/") } else { String::new() };
    Some(format!("{domain}/{directory}{path}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn short_names_are_filled_in() {
        for (given, full) in [
            ("busybox", "docker.io/library/busybox:latest"),
            ("a/b:1", "docker.io/a/b:1"),
            ("index.docker.io/busybox", "docker.io/library/busybox:latest"),
            ("localhost/b", "localhost/b:latest"),
            ("reg.example:5000/x/y_z:v1.2-3", "reg.example:5000/x/y_z:v1.2-3"),
        ] {
            assert_eq!(Reference::parse(given).unwrap().to_string(), full);
        }
    }

    #[test]
    fn a_digest_needs_no_tag() {
        for digest in [format!("sha256:{}", "0a".repeat(32)), format!("sha512:{}", "0a".repeat(64))] {
            let text = format!("k8s.example/p@{digest}");
            let reference = Reference::parse(&text).unwrap();
            assert_eq!(reference.tag, None);
            assert_eq!(reference.digested().unwrap(), text);
        }
    }

    #[test]
    fn malformed_references_are_refused() {
        let odd = [format!("a@sha512:{}", "0a".repeat(32)), format!("a@sha256:{}", "0a".repeat(64))];
        assert!(odd.iter().all(|text| Reference::parse(text).is_err()));
        for text in ["", "UPPER", "a:", "a:-x", "a//b", "../x", "a@sha256:12", "a@md5:00", "a b", "-a"] {
            assert!(Reference::parse(text).is_err(), "{text}");
        }
    }
}
