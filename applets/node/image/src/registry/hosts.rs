//! Servers to ask for a registry's images: mirrors and TLS settings in the form of containerd's `hosts.toml`.
//!
//! A directory (`/etc/kutties/certs.d`, then `/etc/containerd/certs.d`) has one directory a registry: `HOST_PORT_`, `HOST:PORT`, or
//! `_default` for all that have none. In it lies `hosts.toml`; without that file, `*.crt` are authorities and `*.cert` with `*.key` who we are.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use kit::{Context, Error, Result};
use serde::Deserialize;
use toml::Spanned;

use super::url::Url;

/// Directories with the settings of registries; the first one that has some for a registry counts.
pub const DIRECTORIES: [&str; 2] = ["/etc/kutties/certs.d", "/etc/containerd/certs.d"];
/// The directory for registries that have none.
const DEFAULT: &str = "_default";
/// The name of Docker Hub in images, and its registry's.
const HUB: (&str, &str) = ("docker.io", "registry-1.docker.io");

/// A server to ask, in the order of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Base of its API: `https://HOST/v2`.
    pub base: Url,
    /// It may say what a tag means.
    pub resolves: bool,
    /// It may give manifests and blobs.
    pub pulls: bool,
    /// It stands for the registry and is told for which; it never gets the registry's credentials.
    pub mirror: bool,
    /// Its certificates.
    pub tls: Tls,
    /// Sent with each request to it.
    pub headers: Vec<(String, String)>,
    /// Timeout of a connection in seconds, if it is set.
    pub dial_seconds: Option<u64>,
}

/// Authorities to trust, and our own certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// Files with authorities that count beside the system's.
    pub authorities: Vec<PathBuf>,
    /// Files with our certificate and its key; the same when one file has both.
    pub client: Option<(PathBuf, PathBuf)>,
    /// Believe anybody.
    pub skip_verify: bool,
}

/// Settings of one call.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Speak plain HTTP to the registry.
    pub plain_http: bool,
    /// Believe any certificate.
    pub skip_verify: bool,
    /// The directories to look in, instead of [`DIRECTORIES`].
    pub directories: Option<Vec<PathBuf>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    server: Option<String>,
    #[serde(default)]
    host: HashMap<String, Spanned<Section>>,
    // The rest is the server's own.
    capabilities: Option<Vec<String>>,
    ca: Option<Paths>,
    client: Option<Client>,
    skip_verify: Option<bool>,
    override_path: Option<bool>,
    #[serde(default)]
    header: HashMap<String, Values>,
    dial_timeout: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Section {
    capabilities: Option<Vec<String>>,
    ca: Option<Paths>,
    client: Option<Client>,
    skip_verify: Option<bool>,
    override_path: Option<bool>,
    #[serde(default)]
    header: HashMap<String, Values>,
    dial_timeout: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Paths {
    One(PathBuf),
    Many(Vec<PathBuf>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Client {
    Both(PathBuf),
    // containerd takes a list of pairs, and a flat list of files that hold both.
    Pairs(Vec<Vec<PathBuf>>),
    Files(Vec<PathBuf>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Many(Vec<String>),
}

/// The servers for the registry called `name` in images: mirrors first, then itself.
///
/// # Errors
/// Settings that can't be read or understood: asking somebody else than the one who was named would be worse.
pub fn find(name: &str, overrides: &Overrides) -> Result<Vec<Host>> {
    let standard = || DIRECTORIES.iter().map(PathBuf::from).collect();
    let directories: Vec<PathBuf> = overrides.directories.clone().unwrap_or_else(standard);
    let mut hosts = match directory_of(name, &directories) {
        Some(directory) => read(name, &directory)?,
        None => vec![plain(name)?],
    };
    for host in hosts.iter_mut().filter(|host| !host.mirror) {
        host.base.secure &= !overrides.plain_http;
        host.tls.skip_verify |= overrides.skip_verify;
    }
    Ok(hosts)
}

fn directory_of(name: &str, directories: &[PathBuf]) -> Option<PathBuf> {
    let underscored = name.rsplit_once(':').map(|(host, port)| format!("{host}_{port}_"));
    let names: Vec<&str> = underscored.as_deref().into_iter().chain([name, DEFAULT]).collect();
    directories.iter().flat_map(|directory| names.iter().map(|name| directory.join(name))).find(|directory| directory.is_dir())
}

/// A registry without settings.
fn plain(name: &str) -> Result<Host> {
    host_at(default_server(name), false)
}

fn default_server(name: &str) -> &str {
    if name == HUB.0 { HUB.1 } else { name }
}

/// A server at `HOST`, `URL`, or `URL/PATH`; `as_is` leaves the path as it stands.
fn host_at(address: &str, as_is: bool) -> Result<Host> {
    let url = if address.contains("://") {
        Url::parse(address)?
    } else {
        let scheme = if is_local(address) { "http" } else { "https" };
        Url::parse(&format!("{scheme}://{address}"))?
    };
    let path = url.path.trim_end_matches('/').to_owned();
    let path = if as_is || path.ends_with("/v2") { path } else { format!("{path}/v2") };
    let base = Url { path, ..url };
    Ok(Host { base, resolves: true, pulls: true, mirror: false, tls: Tls::default(), headers: Vec::new(), dial_seconds: None })
}

/// This machine itself is spoken to without TLS unless a scheme is given, as everybody does.
fn is_local(authority: &str) -> bool {
    let host = authority.split('/').next().unwrap_or_default();
    let host = host.strip_prefix("[::1]").map_or(host, |_| "::1");
    let host = if host == "::1" { host } else { host.split(':').next().unwrap_or_default() };
    host == "localhost" || host == "::1" || host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

fn read(name: &str, directory: &Path) -> Result<Vec<Host>> {
    let path = directory.join("hosts.toml");
    match fs::read_to_string(&path) {
        Ok(text) => parse(name, &text, directory).doing(format_args!("read {}", path.display())),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(vec![Host { tls: loose_files(directory)?, ..plain(name)? }]),
        Err(e) => Err(e).on("read", &path),
    }
}

/// The servers that a `hosts.toml` in `directory` names for the registry `name`.
pub fn parse(name: &str, text: &str, directory: &Path) -> Result<Vec<Host>> {
    let file: File = toml::from_str(text).map_err(|e| Error::new(e.to_string().trim().replace('\n', " ")))?;
    let mut sections: Vec<_> = file.host.into_iter().collect();
    // A table forgets the order of the file, which is the order of asking.
    sections.sort_by_key(|(_, section)| section.span().start);
    let mut hosts = Vec::new();
    for (address, section) in sections {
        hosts.push(Host { mirror: true, ..section.into_inner().host(&address, directory)? });
    }
    let own = Section {
        capabilities: file.capabilities,
        ca: file.ca,
        client: file.client,
        skip_verify: file.skip_verify,
        override_path: file.override_path,
        header: file.header,
        dial_timeout: file.dial_timeout,
    };
    let server = file.server.as_deref().filter(|server| !server.is_empty());
    let mut last = own.host(server.unwrap_or(default_server(name)), directory)?;
    // Another server than the registry's own is no place for the registry's credentials.
    last.mirror = !last.base.same_server(&Url { secure: last.base.secure, ..plain(name)?.base });
    // The same server as a section above is asked once, with the section's settings.
    match hosts.iter_mut().find(|host| host.base == last.base) {
        Some(named) => named.mirror = last.mirror,
        None => hosts.push(last),
    }
    for host in &mut hosts {
        if host.mirror && host.base.same_server(&Url { secure: host.base.secure, ..plain(name)?.base }) {
            host.mirror = false;
        }
    }
    Ok(hosts)
}

impl Section {
    fn host(self, address: &str, directory: &Path) -> Result<Host> {
        let mut host = host_at(address, self.override_path.unwrap_or(false))?;
        if let Some(capabilities) = &self.capabilities {
            let has = |name: &str| capabilities.iter().any(|known| known.eq_ignore_ascii_case(name));
            if let Some(odd) = capabilities.iter().find(|c| !["pull", "resolve", "push", "referrers"].contains(&c.as_str())) {
                return Err(Error::new(format!("{address}: there is no capability {odd:?}")));
            }
            (host.pulls, host.resolves) = (has("pull"), has("resolve"));
        }
        host.tls = Tls {
            authorities: match self.ca {
                None => Vec::new(),
                Some(Paths::One(path)) => vec![directory.join(path)],
                Some(Paths::Many(paths)) => paths.iter().map(|path| directory.join(path)).collect(),
            },
            client: self.client.map(|client| client.files(address, directory)).transpose()?.flatten(),
            skip_verify: self.skip_verify.unwrap_or(false),
        };
        host.dial_seconds = self.dial_timeout.as_deref().map(seconds).transpose()?;
        let mut headers: Vec<_> = self.header.into_iter().collect();
        headers.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, values) in headers {
            let values = match values {
                Values::One(value) => vec![value],
                Values::Many(values) => values,
            };
            host.headers.extend(values.into_iter().map(|value| (name.clone(), value)));
        }
        Ok(host)
    }
}

impl Client {
    fn files(self, address: &str, directory: &Path) -> Result<Option<(PathBuf, PathBuf)>> {
        let pairs = match self {
            Self::Both(path) => vec![vec![path]],
            Self::Pairs(pairs) => pairs,
            Self::Files(files) => files.into_iter().map(|file| vec![file]).collect(),
        };
        match pairs.as_slice() {
            [] => Ok(None),
            [pair] => match pair.as_slice() {
                [both] => Ok(Some((directory.join(both), directory.join(both)))),
                [certificate, key] if key.as_os_str().is_empty() => {
                    Ok(Some((directory.join(certificate), directory.join(certificate))))
                }
                [certificate, key] => Ok(Some((directory.join(certificate), directory.join(key)))),
                _ => Err(Error::new(format!("{address}: client is a file, or a certificate and a key"))),
            },
            _ => Err(Error::new(format!("{address}: more than one client certificate is not supported"))),
        }
    }
}

/// `10s`, `500ms` (rounded up), `1m`, as Go writes durations.
fn seconds(text: &str) -> Result<u64> {
    let number = |rest: &str| rest.parse::<u64>().ok();
    let value = match () {
        () if text.ends_with("ms") => number(text.trim_end_matches("ms")).map(|ms| ms.div_ceil(1000)),
        () if text.ends_with('s') => number(text.trim_end_matches('s')),
        () if text.ends_with('m') => number(text.trim_end_matches('m')).and_then(|m| m.checked_mul(60)),
        () => None,
    };
    value.filter(|s| *s > 0).ok_or_else(|| Error::new(format!("dial_timeout {text:?} is no duration such as \"10s\"")))
}

/// Docker's form of a registry's directory.
fn loose_files(directory: &Path) -> Result<Tls> {
    let mut tls = Tls::default();
    let entries = fs::read_dir(directory).on("list", directory)?;
    let mut paths: Vec<_> = entries.map(|entry| entry.map(|e| e.path())).collect::<std::io::Result<_>>().on("list", directory)?;
    paths.sort();
    for path in paths {
        match path.extension().and_then(|e| e.to_str()) {
            Some("crt") => tls.authorities.push(path),
            Some("cert") => tls.client = Some((path.clone(), path.with_extension("key"))),
            _ => {}
        }
    }
    Ok(tls)
}

#[cfg(test)]
mod tests;
