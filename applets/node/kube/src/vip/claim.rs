//! The shared address before there is a control plane: `kubeadm init` needs its endpoint while it makes the first one.

use std::fs;
use std::net::{IpAddr, ToSocketAddrs};

use config::{Config, key};
use kit::{Context, Error, Result};
use netlink::Link;

use super::announce;
use super::place::Place;
use crate::yaml;

/// Time that the address stays without a Lease, in seconds: `kubeadm init` may load images for long. The service `vip` makes it shorter
/// as soon as the new API server answers.
const CLAIM: u32 = 1800;
const ENDPOINT: &str = "--control-plane-endpoint";
const ADVERTISE: &str = "--apiserver-advertise-address";
const BIND_PORT: &str = "--apiserver-bind-port";
/// kubeadm's default.
const PORT: &str = "6443";

/// Take the address for `kubeadm init` when it is to be the cluster's endpoint; gives the options that kubeadm needs beside those of the
/// command line.
pub fn prepare(words: &[String], say: &mut dyn FnMut(&str)) -> Result<Vec<String>> {
    let config = Config::gathered().unwrap_or_else(|_| Config::load());
    let Ok(address) = config.text(&key::NETWORK_VIP).parse::<IpAddr>() else { return Ok(vec![]) };
    let given = given_endpoint(words)?;
    if let Some(endpoint) = given.as_deref().filter(|endpoint| !leads_to(endpoint, address)) {
        say(&format!("the endpoint {endpoint} is not the shared address {address}, which is not set now"));
        return Ok(vec![]);
    }
    let own_file = value(words, "--config").is_some();
    if own_file && given.is_none() {
        say(&format!("the configuration has no controlPlaneEndpoint: {address} is not shared unless it is {address}:{PORT}"));
        return Ok(vec![]);
    }
    let mut place = Place::open(address)?;
    let link = place.link()?;
    let own = place.own_address(&link)?;
    if !words.iter().any(|word| word == "--dry-run") {
        claim(&mut place, &link, address)?;
        say(&format!("this machine holds {address} on {} for the cluster's first API server", link.name));
    }
    Ok(if own_file { vec![] } else { options(words, address, own) })
}

/// Set the address, unless another machine has it.
fn claim(place: &mut Place, link: &Link, address: IpAddr) -> Result<()> {
    // After a first try that failed.
    if !place.is_here()? && announce::is_taken(link, address)? {
        return Err(Error::new(format!(
            "take {address}: another machine has it, or is about to; where that is a cluster, join it with --control-plane"
        )));
    }
    let held = place.hold(CLAIM)?;
    announce::announce(&held.link, address)
}

/// Options that the command line lacks: the endpoint, and the address of this machine's own. kubeadm takes an interface's first address
/// for that, which an IPv6 address that was set last is.
fn options(words: &[String], address: IpAddr, own: Option<IpAddr>) -> Vec<String> {
    let port = value(words, BIND_PORT).unwrap_or_else(|| PORT.into());
    let host = if address.is_ipv6() { format!("[{address}]") } else { address.to_string() };
    let endpoint = value(words, ENDPOINT).is_none().then(|| format!("{ENDPOINT}={host}:{port}"));
    let own = own.filter(|_| value(words, ADVERTISE).is_none());
    endpoint.into_iter().chain(own.map(|own| format!("{ADVERTISE}={own}"))).collect()
}

/// The endpoint that the person has chosen, by option or in the file of `--config`.
fn given_endpoint(words: &[String]) -> Result<Option<String>> {
    if let Some(endpoint) = value(words, ENDPOINT) {
        return Ok(Some(endpoint));
    }
    let Some(file) = value(words, "--config") else { return Ok(None) };
    let text = fs::read_to_string(&file).on("read", &file)?;
    let documents = yaml::documents(&text).on("read", &file)?;
    let endpoint = documents.iter().find_map(|document| document["controlPlaneEndpoint"].as_str());
    Ok(endpoint.filter(|endpoint| !endpoint.is_empty()).map(str::to_owned))
}

/// Tells whether an endpoint, with or without a port, is that address or a name of it.
fn leads_to(endpoint: &str, address: IpAddr) -> bool {
    let bare = endpoint.trim_start_matches('[').trim_end_matches(']');
    let host = match bare.parse::<IpAddr>() {
        Ok(found) => return found == address,
        Err(_) => crate::endpoint::split(endpoint).map_or(endpoint, |(host, _)| host),
    };
    let found = match host.parse::<IpAddr>() {
        Ok(found) => return found == address,
        Err(_) => (host, 0).to_socket_addrs(),
    };
    found.is_ok_and(|mut all| all.any(|found| found.ip() == address))
}

/// An option's value, behind an equals sign or in the next word.
fn value(words: &[String], option: &str) -> Option<String> {
    let at = |(at, word): (usize, &String)| match word.strip_prefix(option)? {
        "" => words.get(at + 1).cloned(),
        rest => rest.strip_prefix('=').map(str::to_owned),
    };
    words.iter().enumerate().find_map(at)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn an_endpoint_is_the_address_or_leads_there() {
        let (four, six) = ("127.0.0.1".parse().unwrap(), "fd00::64".parse().unwrap());
        for endpoint in ["127.0.0.1", "127.0.0.1:6443", "localhost:6443", "localhost"] {
            assert!(leads_to(endpoint, four), "{endpoint}");
        }
        for endpoint in ["fd00::64", "[fd00::64]", "[fd00::64]:6443"] {
            assert!(leads_to(endpoint, six) && !leads_to(endpoint, four), "{endpoint}");
        }
        for endpoint in ["127.0.0.2:6443", "", ":6443", "no-such-name.invalid:6443", "127.0.0.1:6443x"] {
            assert!(!leads_to(endpoint, four), "{endpoint}");
        }
    }

    #[test]
    fn what_the_command_line_lacks_is_added() {
        let (shared, own) = ("10.0.0.100".parse().unwrap(), Some("10.0.0.1".parse().unwrap()));
        let added = |line: &str| options(&words(line), shared, own).join(" ");
        assert_eq!(added("init"), "--control-plane-endpoint=10.0.0.100:6443 --apiserver-advertise-address=10.0.0.1");
        assert_eq!(
            added("init --apiserver-bind-port 8443 --apiserver-advertise-address=10.0.0.1"),
            "--control-plane-endpoint=10.0.0.100:8443"
        );
        assert_eq!(added("init --control-plane-endpoint x --apiserver-advertise-address y"), "");
        let six = options(&words("init"), "fd00::64".parse().unwrap(), Some("fd00::1".parse().unwrap()));
        assert_eq!(six, ["--control-plane-endpoint=[fd00::64]:6443", "--apiserver-advertise-address=fd00::1"]);
        assert_eq!(options(&words("init"), shared, None), ["--control-plane-endpoint=10.0.0.100:6443"]);
    }

    #[test]
    fn the_persons_word_is_found() {
        assert_eq!(given_endpoint(&words("init --control-plane-endpoint=a:1")).unwrap().unwrap(), "a:1");
        assert_eq!(given_endpoint(&words("init --control-plane-endpoint a:1")).unwrap().unwrap(), "a:1");
        assert_eq!(given_endpoint(&words("init --control-plane-endpoints=a:1 --x")).unwrap(), None);
        let file = std::env::temp_dir().join(format!("kutties-vip-{}.yaml", std::process::id()));
        let text = "kind: InitConfiguration\n---\nkind: ClusterConfiguration\ncontrolPlaneEndpoint: b:2\n";
        fs::write(&file, text).unwrap();
        let line = format!("init --config={}", file.display());
        assert_eq!(given_endpoint(&words(&line)).unwrap().unwrap(), "b:2");
        fs::write(&file, "kind: ClusterConfiguration\n").unwrap();
        assert_eq!(given_endpoint(&words(&line)).unwrap(), None);
        fs::remove_file(&file).unwrap();
        assert!(given_endpoint(&words(&line)).is_err());
    }
}
