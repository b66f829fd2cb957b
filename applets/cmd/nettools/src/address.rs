//! Hosts by name or number.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use kit::{Context, Error, Result};

/// Version of IP that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Either.
    Any,
    /// Version 4.
    V4,
    /// Version 6.
    V6,
}

impl Version {
    /// From two flags, of which both are the same as none.
    pub const fn of(v4: bool, v6: bool) -> Self {
        match (v4, v6) {
            (true, false) => Self::V4,
            (false, true) => Self::V6,
            _ => Self::Any,
        }
    }

    /// Tells if an address is of it.
    pub const fn has(self, ip: IpAddr) -> bool {
        matches!((self, ip), (Self::Any, _) | (Self::V4, IpAddr::V4(_)) | (Self::V6, IpAddr::V6(_)))
    }
}

/// All addresses of a host, of the wanted version.
pub fn resolve(host: &str, port: u16, version: Version) -> Result<Vec<SocketAddr>> {
    let plain = host.trim_start_matches('[').trim_end_matches(']');
    let found = (plain, port).to_socket_addrs().doing(format!("find {host}"))?;
    let found: Vec<SocketAddr> = found.filter(|address| version.has(address.ip())).collect();
    if found.is_empty() { Err(Error::new(format!("find {host}: it has no such address"))) } else { Ok(found) }
}
