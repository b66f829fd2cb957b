//! Facts about this node that several commands show.

use std::fs;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

use kit::control::{self, Reply, Request, Service};
use kit::{Context, Error, Result};

/// Kubeconfig of a kubelet that has joined.
pub const KUBELET_CONF: &str = "/etc/kubernetes/kubelet.conf";
/// An API server answers in milliseconds; a firewall that drops packets answers never.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Text of a file without blanks around it; empty when it can't be read.
pub fn text(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

/// Services of PID 1.
///
/// # Errors
/// PID 1 does not answer.
pub fn services() -> Result<Vec<Service>> {
    match control::ask(&Request::List)? {
        Reply::Services(services) => Ok(services),
        other => Err(Error::new(format!("ask init for its services: it answered {other:?}"))),
    }
}

/// Interfaces with their addresses, as `/proc/net` has them: IPv4 from the routing trie, without
/// loopback.
pub fn addresses() -> Vec<IpAddr> {
    let trie = text("/proc/net/fib_trie");
    let mut found: Vec<IpAddr> = Vec::new();
    let mut last = "";
    for line in trie.lines() {
        let line = line.trim();
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address;
        } else if line.contains("/32 host LOCAL") {
            found.extend(last.parse::<IpAddr>().ok().filter(|address| !address.is_loopback() && !found.contains(address)));
        }
    }
    found
}

/// Host and port of the API server that a kubeconfig names.
pub fn api_server(kubeconfig: &str) -> Option<String> {
    let line = kubeconfig.lines().find_map(|line| line.trim().strip_prefix("server:"))?;
    let url = line.trim().trim_matches(['"', '\'']);
    let authority = url.strip_prefix("https://")?.split('/').next()?;
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    Some(if has_port { authority.to_owned() } else { format!("{authority}:443") })
}

/// Opens a TCP connection, and closes it.
///
/// # Errors
/// The name is unknown, or no address of it answers in time.
pub fn connect(server: &str) -> Result<SocketAddr> {
    let addresses = server.to_socket_addrs().doing(format!("find the address of {server}"))?;
    let mut last = Error::new(format!("{server} has no address"));
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(_) => return Ok(address),
            Err(e) => last = Error::new(format!("connect to {address}: {e}")),
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kubeconfig_names_its_server() {
        let config = "clusters:\n- cluster:\n    server: https://10.0.0.1:6443\n";
        assert_eq!(api_server(config).as_deref(), Some("10.0.0.1:6443"));
        assert_eq!(api_server("    server: \"https://api.example/x\"").as_deref(), Some("api.example:443"));
        assert_eq!(api_server("    server: https://[fd00::1]:6443").as_deref(), Some("[fd00::1]:6443"));
        assert_eq!(api_server("server: http://x"), None);
    }
}
