//! Names of servers: `HOST:PORT`.

use kit::{Error, Result};

/// Host (without brackets) and port.
pub fn split(endpoint: &str) -> Result<(&str, u16)> {
    let wrong = || Error::usage(format!("{endpoint:?} is not HOST:PORT"));
    let (host, port) = endpoint.rsplit_once(':').ok_or_else(wrong)?;
    let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    // It becomes a line of a request.
    if host.is_empty() || !host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'%')) {
        return Err(wrong());
    }
    Ok((host, port.parse().map_err(|_| wrong())?))
}
