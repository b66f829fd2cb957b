//! Discovery by a kubeconfig that a person gives: a file of this machine, or one at an HTTPS URL.

use std::path::Path;

use kit::{Context, Error, Result};

use crate::api::Api;
use crate::discovery::{CLUSTER_INFO, checked, pins_of};
use crate::kubeconfig::{Credentials, Kubeconfig};

/// The cluster that a kubeconfig at a path or an HTTPS URL describes.
pub fn from_file(place: &str) -> Result<Kubeconfig> {
    if place.starts_with("http://") {
        return Err(Error::usage(format!("{place} is not HTTPS: anybody on the way could change what it says")));
    }
    let (text, directory) = match place.strip_prefix("https://") {
        Some(rest) => (download(rest)?, None),
        None => (std::fs::read(place).on("read", place)?, Path::new(place).parent()),
    };
    let text = String::from_utf8(text).map_err(|_| Error::new(format!("read {place}: it is no text")))?;
    Kubeconfig::parse(&text, directory).doing(format_args!("read {place}"))
}

/// Downloads `HOST[:PORT]/PATH` from a server with a certificate of the machine's own authorities.
fn download(rest: &str) -> Result<Vec<u8>> {
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
    let endpoint = if has_port { host.to_owned() } else { format!("{host}:443") };
    if path.bytes().any(|b| !b.is_ascii_graphic()) {
        return Err(Error::usage(format!("https://{rest} is not a URL")));
    }
    let answer = Api::public(&endpoint, &Credentials::None)?.get_bytes(&format!("/{path}"))?;
    match answer.status {
        200 => Ok(answer.body),
        status => Err(Error::new(format!("fetch https://{rest}: it answers with status {status}"))),
    }
}

/// Ask the cluster of a discovery file for its own description, which may add the CA. A cluster that shows it to nobody is believed.
pub fn confirm(mut cluster: Kubeconfig) -> Result<Kubeconfig> {
    let (endpoint, who) = (&cluster.endpoint, &cluster.credentials);
    let api = if cluster.ca.is_empty() { Api::public(endpoint, who)? } else { Api::verified(endpoint, &cluster.ca, who)? };
    let answer = api.get(CLUSTER_INFO)?;
    if !matches!(answer.status, 401 | 403) {
        checked(endpoint, answer.status)?;
    }
    if cluster.ca.is_empty() {
        let text = answer.body["data"]["kubeconfig"].as_str().unwrap_or_default();
        cluster.ca = Kubeconfig::parse(text, None).map(|own| own.ca).unwrap_or_default();
    }
    if pins_of(&cluster.ca)?.is_empty() {
        return Err(Error::new(format!("neither the discovery file nor {} tells the cluster's CA", cluster.endpoint)));
    }
    Ok(cluster)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn discovery_files_come_by_https_or_from_here() {
        assert!(from_file("http://x/y").unwrap_err().to_string().contains("not HTTPS"));
        assert!(from_file("/nonexistent").unwrap_err().to_string().contains("/nonexistent"));
        assert!(from_file("https://a b/").is_err());
    }
}
