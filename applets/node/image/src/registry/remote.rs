//! A repository behind its servers: mirrors first, then the registry.

use std::io::Read;
use std::thread::sleep;
use std::time::Duration;

use kit::{Error, Kind, Result};
use oci_spec::image::Descriptor;
use ureq::Body;
use ureq::http::Response;

use super::credentials::Credentials;
use super::endpoint::{Endpoint, cut};
use super::hosts::{self, Overrides};
use super::manifest::{ACCEPT, LIMIT};
use super::steady::Steady;
use crate::hash::{digest, digest_like};
use crate::reference::{NO_DIGEST, Reference, is_digest};

/// Number of tries of a document while the registry can't be reached or is overloaded.
const TRIES: u32 = 3;
/// The pause before the second try; twice as long before the third.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest configuration, in bytes: containerd's limit for what it reads into memory.
const CONFIG_LIMIT: u64 = 8 << 20;

/// A repository that can be asked.
pub struct Remote {
    /// In the order of asking.
    pub endpoints: Vec<Endpoint>,
    stall: Duration,
}

impl Remote {
    /// The repository of a reference.
    pub fn new(reference: &Reference, credentials: &Credentials, overrides: &Overrides, stall: Duration) -> Result<Self> {
        let hosts = hosts::find(reference.host(), overrides)?;
        let endpoint = |host| Endpoint::new(host, reference.host(), reference.path(), credentials, stall);
        Ok(Self { endpoints: hosts.into_iter().map(endpoint).collect(), stall })
    }

    /// The manifest or index that a reference means, and its digest.
    pub fn resolve(&self, reference: &Reference) -> Result<(String, Vec<u8>)> {
        if let Some(digest) = &reference.digest {
            return Ok((digest.clone(), self.manifest(digest)?));
        }
        let tag = reference.tag.as_deref().unwrap_or("latest");
        let path = format!("manifests/{tag}");
        let resolving: Vec<_> = self.endpoints.iter().filter(|endpoint| endpoint.host.resolves).collect();
        first(&resolving, |endpoint| {
            let response = endpoint.get(&path, &[("Accept", ACCEPT)])?;
            let told = response.headers().get("Docker-Content-Digest").and_then(|value| value.to_str().ok()).map(str::to_owned);
            let bytes = document(response, LIMIT, self.stall).map_err(|fault| fault.below(endpoint.name()))?;
            let found = digest(&bytes);
            let differs = |told: &String| is_digest(told) && *told != digest_like(told, &bytes);
            match told.filter(differs) {
                Some(told) => Err(mismatch(endpoint, &told, &digest_like(&told, &bytes))),
                None => Ok((found, bytes)),
            }
        })
    }

    /// A manifest by its digest, which is checked.
    pub fn manifest(&self, wanted: &str) -> Result<Vec<u8>> {
        self.checked(&format!("manifests/{wanted}"), &[("Accept", ACCEPT)], wanted, LIMIT)
    }

    /// An image's configuration.
    pub fn config(&self, descriptor: &Descriptor) -> Result<Vec<u8>> {
        let wanted = descriptor.digest().to_string();
        self.checked(&format!("blobs/{wanted}"), &[], &wanted, CONFIG_LIMIT)
    }

    fn checked(&self, path: &str, headers: &[(&str, &str)], wanted: &str, limit: u64) -> Result<Vec<u8>> {
        if !is_digest(wanted) {
            return Err(Error::of(Kind::Invalid, format!("digest {wanted:?}: {NO_DIGEST}")));
        }
        let pulling: Vec<_> = self.endpoints.iter().filter(|endpoint| endpoint.host.pulls).collect();
        first(&pulling, |endpoint| {
            let bytes =
                document(endpoint.get(path, headers)?, limit, self.stall).map_err(|fault| fault.below(endpoint.name()))?;
            let found = digest_like(wanted, &bytes);
            if found == wanted { Ok(bytes) } else { Err(mismatch(endpoint, wanted, &found)) }
        })
    }
}

fn mismatch(endpoint: &Endpoint, wanted: &str, found: &str) -> Error {
    Error::of(Kind::Invalid, format!("{}: what it gives for {wanted} has digest {found}", endpoint.name()))
}

/// Ask one server after the other until one answers. The registry's own words come last, and say what kind of failure it is.
fn first<T>(endpoints: &[&Endpoint], ask: impl Fn(&Endpoint) -> Result<T>) -> Result<T> {
    let mut faults: Vec<Error> = Vec::new();
    for endpoint in endpoints {
        match patiently(|| ask(endpoint)) {
            Ok(found) => return Ok(found),
            Err(fault) => faults.push(fault),
        }
    }
    let Some(last) = faults.pop() else {
        return Err(Error::of(Kind::Invalid, "no server of hosts.toml may be asked for this"));
    };
    Err(faults.into_iter().rev().fold(last, |all, fault| Error::of(all.kind(), format!("{fault}; {all}"))))
}

fn patiently<T>(ask: impl Fn() -> Result<T>) -> Result<T> {
    let mut pause = PAUSE;
    for _ in 1..TRIES {
        match ask() {
            Err(fault) if fault.kind().passes() => sleep(pause),
            answer => return answer,
        }
        pause *= 2;
    }
    ask()
}

/// A small document, whole.
fn document(response: Response<Body>, limit: u64, stall: Duration) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let told = response.body().content_length();
    let mut body = Steady::new(response.into_body().into_reader(), stall).take(limit + 1);
    body.read_to_end(&mut bytes).map_err(|e| Error::of(cut(&e), format!("its answer was cut off: {e}")))?;
    if bytes.len() as u64 > limit {
        return Err(Error::of(Kind::Invalid, format!("its answer is larger than {} MiB", limit >> 20)));
    }
    match told.filter(|told| *told != bytes.len() as u64) {
        Some(told) => Err(Error::of(Kind::Unavailable, format!("its answer was cut off after {} of {told} bytes", bytes.len()))),
        None => Ok(bytes),
    }
}
