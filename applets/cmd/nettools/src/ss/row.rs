//! Lines of `ss`.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use netlink::{InternetSocket, UnixSocket};

use super::states::STATES;

/// A line.
pub struct Row {
    kind: &'static str,
    state: &'static str,
    queues: (u32, u32),
    /// Address and port of each end.
    ends: [(String, String); 2],
    /// Behind the addresses.
    pub extra: String,
}

/// Columns that are shown.
pub struct Style {
    /// `Netid`
    pub has_kind: bool,
    /// `State`
    pub has_state: bool,
    /// A line of headings.
    pub has_headings: bool,
}

/// Line of an internet socket.
pub fn internet(name: &'static str, socket: &InternetSocket, processes: &HashMap<u64, String>) -> Row {
    let is_raw = name == "???";
    let end = |address: SocketAddr| {
        let ip = match address.ip() {
            // A socket for both versions, as iproute2 shows it.
            IpAddr::V6(ip) if ip.is_unspecified() && is_raw => "*".to_owned(),
            IpAddr::V6(ip) => format!("[{ip}]"),
            IpAddr::V4(ip) => ip.to_string(),
        };
        let port = if address.port() == 0 { "*".to_owned() } else { address.port().to_string() };
        (ip, port)
    };
    let extra = processes.get(&u64::from(socket.inode)).cloned().unwrap_or_default();
    Row {
        kind: name,
        state: STATES.get(usize::from(socket.state)).map_or("UNKNOWN", |(name, _)| name),
        queues: (socket.receive_queue, socket.send_queue),
        ends: [end(socket.local), end(socket.remote)],
        extra,
    }
}

/// Line of a Unix socket.
pub fn unix(socket: &UnixSocket, processes: &HashMap<u64, String>) -> Row {
    let kind = match socket.kind {
        1 => "u_str",
        2 => "u_dgr",
        _ => "u_seq",
    };
    let name = if socket.name.is_empty() { "*".to_owned() } else { socket.name.clone() };
    let extra = processes.get(&u64::from(socket.inode)).cloned().unwrap_or_default();
    Row {
        kind,
        state: STATES.get(usize::from(socket.state)).map_or("UNKNOWN", |(name, _)| name),
        queues: (socket.receive_queue, socket.send_queue),
        ends: [(name, socket.inode.to_string()), ("*".to_owned(), socket.peer.to_string())],
        extra,
    }
}

/// `timer:(keepalive,119min,0)`.
pub fn timer(socket: &InternetSocket) -> Option<String> {
    let name = match socket.timer {
        0 => return None,
        1 => "on",
        2 => "keepalive",
        3 => "timewait",
        4 => "persist",
        _ => "unknown",
    };
    let seconds = socket.expires / 1000;
    let when = match seconds / 60 {
        0 if seconds > 9 => format!("{seconds}sec"),
        0 if seconds > 0 => format!("{seconds}.{:03}ms", socket.expires % 1000),
        0 => format!("{}ms", socket.expires),
        minutes if minutes > 9 => format!("{minutes}min"),
        minutes => format!("{minutes}min{}sec", seconds % 60),
    };
    Some(format!("timer:({name},{when},{})", socket.retransmissions))
}

/// All lines in columns.
pub fn table(rows: &[Row], style: &Style) -> String {
    let width = |least: usize, of: &dyn Fn(&Row) -> usize| rows.iter().map(of).max().unwrap_or_default().max(least);
    let kinds = width(5, &|row| row.kind.len());
    let states = width(5, &|row| row.state.len());
    let queues = [width(6, &|row| row.queues.0.to_string().len()), width(6, &|row| row.queues.1.to_string().len())];
    let hosts = [width(13, &|row| row.ends[0].0.len()), width(12, &|row| row.ends[1].0.len())];
    let ports = [width(4, &|row| row.ends[0].1.len()), width(4, &|row| row.ends[1].1.len())];
    let line = |cells: [&str; 8]| {
        let [kind, state, received, sent, local, local_port, peer, peer_port] = cells;
        let kind = if style.has_kind { format!("{kind:<kinds$} ") } else { String::new() };
        let state = if style.has_state { format!("{state:<states$} ") } else { String::new() };
        format!(
            "{kind}{state}{received:<0$} {sent:<1$} {local:>2$}:{local_port:<3$} {peer:>4$}:{peer_port:<5$}",
            queues[0], queues[1], hosts[0], ports[0], hosts[1], ports[1]
        )
    };
    let mut text = String::new();
    if style.has_headings {
        text += &line(["Netid", "State", "Recv-Q", "Send-Q", "Local Address", "Port", "Peer Address", "Port"]);
        text += "Process\n";
    }
    for row in rows {
        let (received, sent) = (row.queues.0.to_string(), row.queues.1.to_string());
        let [local, peer] = &row.ends;
        text += &line([row.kind, row.state, &received, &sent, &local.0, &local.1, &peer.0, &peer.1]);
        let gap = if row.extra.is_empty() { "" } else { " " };
        text.extend([gap, row.extra.trim_start(), "\n"]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_have_units() {
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let socket = InternetSocket {
            state: 1,
            timer: 2,
            retransmissions: 0,
            expires: 7_140_000,
            local: address,
            remote: address,
            interface: 0,
            receive_queue: 0,
            send_queue: 0,
            user: 0,
            inode: 0,
            cookie: 0,
        };
        assert_eq!(timer(&socket).as_deref(), Some("timer:(keepalive,119min,0)"));
        assert_eq!(timer(&InternetSocket { timer: 0, ..socket }), None);
    }
}
