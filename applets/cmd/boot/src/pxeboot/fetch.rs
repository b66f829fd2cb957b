//! Files of the network by their URLs.

use std::time::Duration;

use kit::web::{self, Limits};
use kit::{Error, Result};

use super::tftp;
use crate::chosen::LARGEST;

/// Limits of a file's size and time.
const FILE: Limits = Limits { bytes: LARGEST, time: Duration::from_mins(15) };

/// All of a file.
pub fn fetch(url: &str) -> Result<Vec<u8>> {
    match url.split_once("://") {
        Some(("http" | "https", _)) => web::get(url, FILE),
        Some(("tftp", rest)) => {
            let (server, file) = rest.split_once('/').unwrap_or((rest, ""));
            tftp::get(server, file, LARGEST)
        }
        _ => Err(Error::new(format!("fetch {url}: there are http, https and tftp only"))),
    }
}

/// All of the answer to a form's fields.
pub fn send(url: &str, fields: &[(String, String)]) -> Result<Vec<u8>> {
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(Error::new(format!("fetch {url}: a form goes by http and https only")));
    }
    let field = |(name, value): &(String, String)| format!("{}={}", quoted(name), quoted(value));
    web::post(url, &fields.iter().map(field).collect::<Vec<_>>().join("&"), FILE)
}

/// As part of a form.
fn quoted(value: &str) -> String {
    value.bytes().fold(String::new(), |text, b| match b {
        b if b.is_ascii_alphanumeric() || b"-._~".contains(&b) => text + &char::from(b).to_string(),
        b => format!("{text}%{b:02X}"),
    })
}

/// Resolves a URI in a file whose own URL is `base`.
pub fn resolve(base: &str, uri: &str) -> Result<String> {
    if uri.contains("://") {
        return Ok(uri.to_owned());
    }
    // PXELINUX's own form: a server, two colons, a file.
    if let Some((server, file)) = uri.split_once("::").filter(|(server, _)| !server.contains('/')) {
        let server = if server.is_empty() { authority(base)?.1 } else { server };
        return Ok(format!("tftp://{server}/{}", file.trim_start_matches('/')));
    }
    let (scheme, server) = authority(base)?;
    if let Some(path) = uri.strip_prefix('/') {
        return Ok(format!("{scheme}://{server}/{path}"));
    }
    let path = base.split(['?', '#']).next().unwrap_or(base);
    let directory = path.rfind('/').filter(|at| *at > scheme.len() + 2).map_or(path, |at| &path[..at]);
    Ok(format!("{directory}/{uri}"))
}

fn authority(base: &str) -> Result<(&str, &str)> {
    let split = base.split_once("://").map(|(scheme, rest)| (scheme, rest.split('/').next().unwrap_or(rest)));
    split.ok_or_else(|| Error::new(format!("{base:?} is no URL")))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn uris_are_relative_to_their_script() {
        for (base, uri, expected) in [
            ("http://h:8/a/b.ipxe?x=/y", "k", "http://h:8/a/k"),
            ("http://h/a/b.ipxe", "/k", "http://h/k"),
            ("http://h", "k", "http://h/k"),
            ("tftp://h/pxelinux.0", "pxelinux.cfg/default", "tftp://h/pxelinux.cfg/default"),
            ("tftp://h/x/y", "https://o/k", "https://o/k"),
            ("tftp://h/x/y", "10.0.0.9::k", "tftp://10.0.0.9/k"),
            ("tftp://h/x/y", "::/k", "tftp://h/k"),
        ] {
            assert_eq!(resolve(base, uri).unwrap(), expected, "{base} {uri}");
        }
        assert!(resolve("nothing", "k").is_err());
        assert!(fetch("ftp://x/y").is_err() && fetch("file").is_err());
    }
}
