//! `ss [-4aelnoptuwxsH] [-A TABLES] [state STATE] [EXPRESSION]` shows sockets.
//!
//! Without `-a` (all) or `-l` (that listen) those with a connection. `-t` TCP, `-u` UDP, `-w` raw, `-x` Unix; `-p` processes, `-e` owner and inode, `-o` timers,
//! `-s` a summary, `-H` no headings. Names are never looked up, with `-n` or without. An expression compares `sport`, `dport`, `src` and `dst` by
//! `=`, `!=`, `<`, `>`, `<=`, `>=`, joined by `and`, `or`, `not` and brackets.
//!
//! Example: `ss -tlnp`, `ss -tn state established '( dport = :443 or sport = :443 )'`.

mod filter;
mod row;
mod states;

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, parse};
use netlink::{InternetSocket, Netlink};

use filter::Filter;
use row::Row;
use states::ALL;

/// Sockets.
pub const SS: Applet = Applet { name: "ss", about: "show sockets", place: Place::Bin, run };

/// All states but listening, closed, time-wait and syn-recv.
const CONNECTED: u32 = 0xfff & !(1 << 10 | 1 << 7 | 1 << 6 | 1 << 3);

// `-h` is help, `-H` is not.
#[derive(Parser)]
struct Options {
    /// All sockets
    #[arg(short, long)]
    all: bool,
    /// Sockets that listen
    #[arg(short, long)]
    listening: bool,
    /// Numbers, as always
    #[arg(short, long)]
    numeric: bool,
    /// Processes
    #[arg(short, long)]
    processes: bool,
    /// Owner, inode and number of the kernel
    #[arg(short, long)]
    extended: bool,
    /// Timers
    #[arg(short = 'o', long = "options")]
    timers: bool,
    /// A summary
    #[arg(short, long)]
    summary: bool,
    /// TCP
    #[arg(short, long)]
    tcp: bool,
    /// UDP
    #[arg(short, long)]
    udp: bool,
    /// Raw sockets
    #[arg(short = 'w', long)]
    raw: bool,
    /// Unix sockets
    #[arg(short = 'x', long)]
    unix: bool,
    /// Tables: all, inet, tcp, udp, raw, unix
    #[arg(short = 'A', long = "query", visible_alias = "socket", value_delimiter = ',', value_name = "TABLES")]
    query: Vec<String>,
    /// Family: inet, inet6, unix
    #[arg(short, long, value_name = "FAMILY", value_parser = ["inet", "inet6", "unix"])]
    family: Option<String>,
    /// IPv4 alone
    #[arg(short = '4', long)]
    ipv4: bool,
    /// IPv6 alone
    #[arg(short = '6', long)]
    ipv6: bool,
    /// No headings
    #[arg(short = 'H', long)]
    no_header: bool,
    /// One line a socket, as always
    #[arg(short = 'O', long)]
    oneline: bool,
    /// Filter
    #[arg(value_name = "FILTER", allow_hyphen_values = false)]
    filter: Vec<String>,
}

/// Tables to show.
#[derive(Debug, Default, Clone, Copy)]
struct Tables {
    tcp: bool,
    udp: bool,
    raw: bool,
    unix: bool,
}

impl Options {
    fn tables(&self) -> Result<Tables> {
        let mut tables = Tables { tcp: self.tcp, udp: self.udp, raw: self.raw, unix: self.unix };
        for name in &self.query {
            match name.as_str() {
                "all" => tables = Tables { tcp: true, udp: true, raw: true, unix: true },
                "inet" => (tables.tcp, tables.udp, tables.raw) = (true, true, true),
                "tcp" => tables.tcp = true,
                "udp" => tables.udp = true,
                "raw" => tables.raw = true,
                "unix" => tables.unix = true,
                name => return Err(Error::usage(format!("{name:?} is no table of sockets"))),
            }
        }
        let family = self.family.as_deref();
        let none = !(tables.tcp || tables.udp || tables.raw || tables.unix);
        if none && family == Some("unix") {
            tables.unix = true;
        } else if none {
            let is_internet = self.ipv4 || self.ipv6 || family.is_some();
            tables = Tables { tcp: true, udp: true, raw: true, unix: !is_internet };
        }
        Ok(tables)
    }

    /// Bits of the states to show.
    fn states(&self, filter: &Filter) -> u32 {
        match (filter.states, self.all, self.listening) {
            (Some(states), ..) => states,
            (None, true, _) => ALL,
            // A datagram socket without a connection waits for anybody.
            (None, false, true) => 1 << 10 | 1 << 7,
            (None, false, false) => CONNECTED,
        }
    }
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&SS, args)?;
    let filter = Filter::read(&options.filter)?;
    if options.summary {
        return summary().map(|()| Exit::OK);
    }
    let tables = options.tables()?;
    let states = options.states(&filter);
    let mut netlink = Netlink::open_sockets()?;
    let processes = if options.processes { processes() } else { HashMap::new() };
    let mut rows = Vec::new();
    for (is_wanted, name, protocol) in [(tables.udp, "udp", 17), (tables.raw, "???", 255), (tables.tcp, "tcp", 6)] {
        if !is_wanted {
            continue;
        }
        // A listener of TCP is not an unconnected one.
        let states = if options.listening && filter.states.is_none() && !options.all && name == "tcp" { 1 << 10 } else { states };
        for is_v6 in [false, true] {
            let excluded = if is_v6 { options.ipv4 } else { options.ipv6 };
            let family = options.family.as_deref();
            if excluded || family.is_some_and(|family| (family == "inet6") != is_v6 || family == "unix") {
                continue;
            }
            // A kernel without that protocol has no sockets of it.
            let found = netlink.internet_sockets(is_v6, protocol, states).unwrap_or_default();
            let found = found.into_iter().filter(|socket| states & (1 << socket.state) != 0 && filter.fits(socket));
            rows.extend(found.map(|socket| internet(&options, name, &socket, &processes)));
        }
    }
    if tables.unix && filter.is_empty() {
        let mut found: Vec<_> = netlink.unix_sockets(states)?.into_iter().map(|socket| row::unix(&socket, &processes)).collect();
        found.append(&mut rows);
        rows = found;
    }
    let count = [tables.tcp, tables.udp, tables.raw, tables.unix].iter().filter(|wanted| **wanted).count();
    let has_state = filter.states.is_none_or(|states| states.count_ones() > 1);
    kit::print(&row::table(
        &rows,
        &row::Style { has_kind: count > 1 || tables.unix, has_state, has_headings: !options.no_header },
    ))?;
    Ok(Exit::OK)
}

fn internet(options: &Options, name: &'static str, socket: &InternetSocket, processes: &HashMap<u64, String>) -> Row {
    let mut row = row::internet(name, socket, processes);
    if options.timers
        && let Some(timer) = row::timer(socket)
    {
        row.extra.push_str(&timer);
    }
    if options.extended {
        let user = if socket.user == 0 { String::new() } else { format!(" uid:{}", socket.user) };
        let inode = if socket.inode == 0 { String::new() } else { format!(" ino:{}", socket.inode) };
        // Writing to a text can't fail.
        let _ = write!(row.extra, "{user}{inode} sk:{:x}", socket.cookie);
    }
    row
}

/// Processes that have a socket, by its inode: `("sshd",pid=1,fd=3)`.
fn processes() -> HashMap<u64, String> {
    let mut all: HashMap<u64, Vec<String>> = HashMap::new();
    let entries = |path: &str| fs::read_dir(path).into_iter().flatten().flatten();
    for entry in entries("/proc") {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        for open in entries(&format!("/proc/{pid}/fd")) {
            let Ok(target) = fs::read_link(open.path()) else { continue };
            let inode = target.to_str().and_then(|text| text.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok());
            if let Some(inode) = inode {
                let number = open.file_name().to_string_lossy().into_owned();
                all.entry(inode).or_default().push(format!("(\"{}\",pid={pid},fd={number})", name.trim_end()));
            }
        }
    }
    all.into_iter().map(|(inode, words)| (inode, format!("users:({})", words.join(",")))).collect()
}

fn summary() -> Result<()> {
    let text = fs::read_to_string("/proc/net/sockstat").on("read", "/proc/net/sockstat")?;
    let v6 = fs::read_to_string("/proc/net/sockstat6").unwrap_or_default();
    let number = |text: &str, line: &str, name: &str| -> u64 {
        let found = text.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
        let mut words = found.unwrap_or_default().split_whitespace();
        words.find(|word| *word == name).and_then(|_| words.next()?.parse().ok()).unwrap_or_default()
    };
    let mut netlink = Netlink::open_sockets()?;
    let mut established = 0;
    for is_v6 in [false, true] {
        established += netlink.internet_sockets(is_v6, 6, 1 << 1).unwrap_or_default().len();
    }
    let (waiting, orphans) = (number(&text, "TCP", "tw"), number(&text, "TCP", "orphan"));
    let (tcp, tcp6) = (number(&text, "TCP", "inuse"), number(&v6, "TCP6", "inuse"));
    let closed = (number(&text, "TCP", "alloc") + waiting).saturating_sub(tcp + tcp6);
    let mut shown = format!(
        "Total: {}\nTCP:   {} (estab {established}, closed {closed}, orphaned {orphans}, timewait {waiting})\n\nTransport Total     IP        IPv6\n",
        number(&text, "sockets", "used"),
        tcp + tcp6 + closed
    );
    let mut sum = (0, 0);
    for name in ["RAW", "UDP", "TCP"] {
        let (four, six) = (number(&text, name, "inuse"), number(&v6, &format!("{name}6"), "inuse"));
        sum = (sum.0 + four, sum.1 + six);
        let _ = writeln!(shown, "{name}\t  {:<9} {four:<9} {six:<9}", four + six);
    }
    let _ = writeln!(shown, "INET\t  {:<9} {:<9} {:<9}", sum.0 + sum.1, sum.0, sum.1);
    let (four, six) = (number(&text, "FRAG", "inuse"), number(&v6, "FRAG6", "inuse"));
    let _ = writeln!(shown, "FRAG\t  {:<9} {four:<9} {six:<9}\n", four + six);
    kit::print(&shown)
}
