//! Sockets by their inodes, from /proc/PID/net: each network namespace has its own tables.

use std::collections::HashMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// Protocol: `TCP`, `UDP`, `RAW`, `unix`, `netlink`, `packet`.
    pub protocol: &'static str,
    /// True for version 6 of IP.
    pub is_v6: bool,
    /// Own address.
    pub local: Option<SocketAddr>,
    /// The other end's address.
    pub remote: Option<SocketAddr>,
    /// State of TCP: `LISTEN`; or what else is said of it.
    pub state: String,
}

impl Socket {
    /// `*:22 (LISTEN)` or `127.0.0.1:1->127.0.0.1:2 (ESTABLISHED)`; the path or type of a Unix socket.
    pub fn name(&self) -> String {
        let Some(local) = self.local else { return self.state.clone() };
        let mut text = endpoint(local);
        if let Some(remote) = self.remote {
            text = format!("{text}->{}", endpoint(remote));
        }
        if self.protocol == "TCP" { format!("{text} ({})", self.state) } else { text }
    }
}

fn endpoint(address: SocketAddr) -> String {
    let port = if address.port() == 0 { "*".to_owned() } else { address.port().to_string() };
    match address.ip() {
        ip if ip.is_unspecified() => format!("*:{port}"),
        IpAddr::V4(ip) => format!("{ip}:{port}"),
        IpAddr::V6(ip) => format!("[{ip}]:{port}"),
    }
}

/// States of TCP as the kernel numbers them.
const STATES: [&str; 12] = [
    "",
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
];

/// Sockets of the network namespaces that were looked at.
#[derive(Debug, Default)]
pub struct Sockets {
    tables: HashMap<String, HashMap<u64, Socket>>,
}

impl Sockets {
    /// The sockets that a process can see.
    pub fn of(&mut self, pid: u32) -> &HashMap<u64, Socket> {
        let space = fs::read_link(format!("/proc/{pid}/ns/net")).map(|path| path.to_string_lossy().into_owned());
        self.tables.entry(space.unwrap_or_else(|_| pid.to_string())).or_insert_with(|| read(pid))
    }
}

fn read(pid: u32) -> HashMap<u64, Socket> {
    let mut all = HashMap::new();
    let table = |name: &str| fs::read_to_string(format!("/proc/{pid}/net/{name}")).unwrap_or_default();
    let files = [
        ("tcp", "TCP", false),
        ("tcp6", "TCP", true),
        ("udp", "UDP", false),
        ("udp6", "UDP", true),
        ("raw", "RAW", false),
        ("raw6", "RAW", true),
    ];
    for (file, protocol, is_v6) in files {
        all.extend(table(file).lines().skip(1).filter_map(|line| internet(line, protocol, is_v6)));
    }
    all.extend(table("unix").lines().skip(1).filter_map(unix));
    for (file, protocol) in [("netlink", "netlink"), ("packet", "packet")] {
        let inode = |line: &str| line.split_whitespace().last().and_then(|text| text.parse::<u64>().ok());
        let socket = || Socket { protocol, is_v6: false, local: None, remote: None, state: protocol.to_owned() };
        all.extend(table(file).lines().skip(1).filter_map(|line| Some((inode(line)?, socket()))));
    }
    all
}

fn internet(line: &str, protocol: &'static str, is_v6: bool) -> Option<(u64, Socket)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (local, remote) = (address(fields.get(1)?)?, address(fields.get(2)?)?);
    let state = usize::from_str_radix(fields.get(3)?, 16).ok()?;
    let inode = fields.get(9)?.parse().ok()?;
    let remote = Some(remote).filter(|remote| remote.port() != 0 || !remote.ip().is_unspecified());
    let state = STATES.get(state).copied().unwrap_or_default().to_owned();
    Some((inode, Socket { protocol, is_v6, local: Some(local), remote, state }))
}

/// `0100007F:0016`: words of 32 bits in the machine's own order, and the port in the network's.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| ip.get(at * 8..at * 8 + 8).and_then(|word| u32::from_str_radix(word, 16).ok()).map(u32::to_ne_bytes);
    let ip = match ip.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let mut bytes = [0; 16];
            for (at, part) in bytes.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(at)?);
            }
            IpAddr::V6(Ipv6Addr::from(bytes))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

fn unix(line: &str) -> Option<(u64, Socket)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let inode = fields.get(6)?.parse().ok()?;
    let kind = match *fields.get(4)? {
        "0001" => "STREAM",
        "0002" => "DGRAM",
        "0005" => "SEQPACKET",
        _ => "unknown",
    };
    let path = fields.get(7).map(|path| format!("{path} ")).unwrap_or_default();
    let state = format!("{path}type={kind}");
    Some((inode, Socket { protocol: "unix", is_v6: false, local: None, remote: None, state }))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn lines_of_the_kernel() {
        let line = "   0: 0100007F:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0";
        let (inode, socket) = internet(line, "TCP", false).unwrap();
        assert_eq!((inode, socket.name().as_str()), (4711, "127.0.0.1:22 (LISTEN)"));
        let any = address("00000000000000000000000000000000:1F90").unwrap();
        assert_eq!(endpoint(any), "*:8080");
        assert_eq!(endpoint(address("00000000000000000000000001000000:0001").unwrap()), "[::1]:1");
        assert!(address("12:34").is_none());
        let (_, socket) = unix("0000: 00000002 00000000 00010000 0001 01 99 /run/a").unwrap();
        assert_eq!(socket.name(), "/run/a type=STREAM");
    }
}
