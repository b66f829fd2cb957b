//! `nslookup`: ask a name server.
//!
//! Usage: nslookup [-type=TYPE] [-timeout=SECONDS] NAME|ADDRESS [SERVER]
//!
//! Without a type the name's A and AAAA records are asked for; an address is turned around and its PTR record asked for. A name
//! without a dot is tried with the domains of /etc/resolv.conf first. Without a server those of /etc/resolv.conf are asked in turn.
//!
//! Exit status: 0 when something was found, 1 when not.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant};

use clap::Parser;
use format::dns::{self, Answer, Data};
use kit::{Applet, Context, Error, Exit, Place, Result, out};

/// The record.
pub const NAME: Applet = Applet { name: "nslookup", about: "ask a name server", place: Place::Bin, run };

const PORT: u16 = 53;
/// Number of tries with a server before the next one is asked.
const TRIES: u32 = 2;

#[derive(Parser, Debug)]
struct Options {
    /// Record type, such as A, AAAA, PTR, TXT, MX, SRV, NS, CNAME, SOA
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Timeout of an answer, in seconds
    #[arg(long, default_value_t = 5, value_name = "SECONDS")]
    timeout: u32,
    /// Name or address to look up
    name: String,
    /// Server to ask
    server: Option<String>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&NAME, &long_options(args))?;
    let config = ResolvConf::read();
    let servers = match &options.server {
        Some(server) => vec![address(server)?],
        None => config.servers.clone(),
    };
    if servers.is_empty() {
        return Err(Error::new("there is no name server in /etc/resolv.conf"));
    }
    let kinds = kinds(&options)?;
    let timeout = Duration::from_secs(options.timeout.into());
    let mut out = out();
    let mut found = false;
    let mut last = Error::new(format!("{}: there is no such name", options.name));
    for name in config.candidates(&options.name) {
        for kind in &kinds {
            match ask(&servers, &name, *kind, timeout) {
                Ok((server, answer)) if answer.code == 0 => found |= show(&mut out, server, &answer, found).doing("write")?,
                Ok((_, answer)) => last = Error::new(format!("{name}: {}", reason(answer.code))),
                Err(e) => last = e,
            }
        }
        if found {
            out.flush().doing("write")?;
            return Ok(Exit::OK);
        }
    }
    Err(last)
}

/// `-type=A` with one dash is this tool's old form.
fn long_options(args: &[OsString]) -> Vec<OsString> {
    let long = |arg: &OsString| match arg.to_str() {
        Some(text) if text.starts_with("-type=") || text.starts_with("-timeout=") => format!("-{text}").into(),
        Some(text) if text.starts_with("-query=") => text.replacen("-query", "--type", 1).into(),
        _ => arg.clone(),
    };
    args.iter().map(long).collect()
}

fn kinds(options: &Options) -> Result<Vec<u16>> {
    let number = |name: &str| dns::TYPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, number)| *number);
    match &options.kind {
        Some(kind) => {
            let names: Vec<_> = dns::TYPES.iter().map(|(name, _)| *name).collect();
            let wrong = || Error::usage(format!("{kind:?} is none of {}", names.join(", ")));
            Ok(vec![number(kind).ok_or_else(wrong)?])
        }
        None if options.name.parse::<IpAddr>().is_ok() => Ok(number("PTR").into_iter().collect()),
        None => Ok(["A", "AAAA"].into_iter().filter_map(number).collect()),
    }
}

/// Ask each server in turn; the first answer counts.
fn ask(servers: &[SocketAddr], name: &str, kind: u16, timeout: Duration) -> Result<(SocketAddr, Answer)> {
    let mut last = None;
    for _ in 0..TRIES {
        for server in servers {
            match ask_one(*server, name, kind, timeout) {
                Ok(answer) => return Ok((*server, answer)),
                Err(e) => last = Some(e),
            }
        }
    }
    Err(last.unwrap_or_else(|| Error::new("there is no name server")))
}

fn ask_one(server: SocketAddr, name: &str, kind: u16, timeout: Duration) -> Result<Answer> {
    /// The longest answer without EDNS is 512 bytes; some servers send more.
    const LONGEST: usize = 4096;
    let mut id = [0; 2];
    rustix::rand::getrandom(&mut id, rustix::rand::GetRandomFlags::empty()).doing("get random bytes")?;
    let id = u16::from_ne_bytes(id);
    let question = dns::question(id, name, kind).ok_or_else(|| Error::new(format!("{name:?} can't be a name")))?;
    let any: IpAddr = if server.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
    let socket = UdpSocket::bind((any, 0)).doing("open a socket")?;
    socket.connect(server).and_then(|()| socket.send(&question)).doing(format_args!("ask {server}"))?;
    let end = Instant::now() + timeout;
    let mut buffer = [0; LONGEST];
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Error::new(format!("ask {server}: no answer within {} s", timeout.as_secs())));
        }
        socket.set_read_timeout(Some(left)).doing("set a time limit")?;
        let len = match socket.recv(&mut buffer) {
            Err(e) if [std::io::ErrorKind::WouldBlock, std::io::ErrorKind::Interrupted].contains(&e.kind()) => continue,
            len => len.doing(format_args!("ask {server}"))?,
        };
        if let Some(answer) = dns::answer(&buffer[..len], id) {
            return Ok(answer);
        }
    }
}

/// Write the records; whether there was one.
fn show(out: &mut impl Write, server: SocketAddr, answer: &Answer, again: bool) -> std::io::Result<bool> {
    if answer.records.is_empty() {
        return Ok(false);
    }
    if !again {
        writeln!(out, "Server:\t\t{}\nAddress:\t{}#{}\n", server.ip(), server.ip(), server.port())?;
        if !answer.authoritative {
            writeln!(out, "Non-authoritative answer:")?;
        }
    }
    for record in &answer.records {
        let kind = dns::TYPES.iter().find(|(_, number)| *number == record.kind).map_or("?", |(name, _)| name);
        match &record.data {
            Data::A(_) | Data::Aaaa(_) => writeln!(out, "Name:\t{}\nAddress: {}", record.name, record.data)?,
            Data::Name(to) if kind == "CNAME" => writeln!(out, "{}\tcanonical name = {to}", record.name)?,
            Data::Name(to) if kind == "PTR" => writeln!(out, "{}\tname = {to}", record.name)?,
            data => writeln!(out, "{}\t{} = {data}", record.name, kind.to_lowercase())?,
        }
    }
    Ok(true)
}

const fn reason(code: u8) -> &'static str {
    match code {
        1 => "the server did not understand the question",
        2 => "the server failed (SERVFAIL)",
        3 => "there is no such name (NXDOMAIN)",
        4 => "the server does not do that",
        5 => "the server refused",
        _ => "the server told an error",
    }
}

fn address(server: &str) -> Result<SocketAddr> {
    let found = (server, PORT).to_socket_addrs().doing(format_args!("find {server}"))?.next();
    found.ok_or_else(|| Error::new(format!("find {server}: it has no address")))
}

/// Content of /etc/resolv.conf.
struct ResolvConf {
    servers: Vec<SocketAddr>,
    search: Vec<String>,
    /// A name with fewer dots is tried with the search list first.
    dots: usize,
}

impl ResolvConf {
    fn read() -> Self {
        Self::parse(&fs::read_to_string("/etc/resolv.conf").unwrap_or_default())
    }

    fn parse(text: &str) -> Self {
        let mut config = Self { servers: Vec::new(), search: Vec::new(), dots: 1 };
        for line in text.lines() {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") => {
                    let server = words.next().and_then(|word| word.parse::<IpAddr>().ok());
                    config.servers.extend(server.map(|addr| SocketAddr::from((addr, PORT))));
                }
                Some("search" | "domain") => config.search = words.map(str::to_owned).collect(),
                Some("options") => {
                    let dots = words.filter_map(|w| w.strip_prefix("ndots:")?.parse().ok()).next_back();
                    config.dots = dots.unwrap_or(config.dots);
                }
                _ => {}
            }
        }
        config
    }

    /// The names to try, in order.
    fn candidates(&self, name: &str) -> Vec<String> {
        if let Ok(addr) = name.parse::<IpAddr>() {
            return vec![turned(addr)];
        }
        if name.ends_with('.') {
            return vec![name.to_owned()];
        }
        let searched = self.search.iter().map(|domain| format!("{name}.{domain}"));
        let own = std::iter::once(name.to_owned());
        if name.matches('.').count() >= self.dots { own.chain(searched).collect() } else { searched.chain(own).collect() }
    }
}

/// The name that an address's PTR record is under.
fn turned(addr: IpAddr) -> String {
    match addr {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(v6) => {
            let digits = v6.octets().iter().rev().fold(String::new(), |text, b| format!("{text}{:x}.{:x}.", b & 15, b >> 4));
            format!("{digits}ip6.arpa")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_tried_in_order() {
        let config = ResolvConf::parse("search a.lab b.lab\nnameserver 10.0.0.1\nnameserver fd00::1\noptions ndots:2\n");
        assert_eq!(config.servers.len(), 2);
        assert_eq!(config.candidates("x"), ["x.a.lab", "x.b.lab", "x"]);
        assert_eq!(config.candidates("x.y.z")[0], "x.y.z");
        assert_eq!(config.candidates("x."), ["x."]);
        assert_eq!(config.candidates("10.0.0.5"), ["5.0.0.10.in-addr.arpa"]);
        assert!(config.candidates("::1")[0].starts_with("1.0.0.0."));
    }
}
