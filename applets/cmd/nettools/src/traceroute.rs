//! `traceroute [-46nI] [-f FIRST] [-m MOST] [-q PROBES] [-w SECONDS] [-p PORT] [-s ADDRESS] HOST [BYTES]` shows the routers on the way to a host.
//!
//! Packets with a time to live of 1, 2, 3 … make the routers tell where it ended: UDP to unlikely ports, or ICMP echo requests with `-I`. Addresses are never
//! turned into names. `!H`, `!N`, `!P` host, network, protocol unreachable, `!X` forbidden, `!F` too large.
//!
//! Example: `traceroute -I -q 1 192.0.2.1`.

mod probe;

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use clap::Parser;
use kit::{Applet, Error, Exit, Place, Result, parse};

use crate::address::{self, Version};
use probe::{End, Prober};

/// The way to a host.
pub const TRACEROUTE: Applet =
    Applet { name: "traceroute", about: "show the routers on the way to a host", place: Place::Bin, run };

#[derive(Parser)]
struct Options {
    /// IPv4
    #[arg(short = '4')]
    v4: bool,
    /// IPv6
    #[arg(short = '6')]
    v6: bool,
    /// Numbers, as always
    #[arg(short)]
    numeric: bool,
    /// ICMP echo requests
    #[arg(short = 'I', long)]
    icmp: bool,
    /// First time to live
    #[arg(short, long = "first", value_name = "FIRST", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..))]
    first: u8,
    /// Largest time to live
    #[arg(short, long = "max-hops", value_name = "MOST", default_value_t = 30, value_parser = clap::value_parser!(u8).range(1..))]
    most: u8,
    /// Packets of each
    #[arg(short, long, value_name = "PROBES", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=10))]
    queries: u8,
    /// Seconds to wait for an answer
    #[arg(short, long, value_name = "SECONDS", default_value_t = 5.0)]
    wait: f64,
    /// First port
    #[arg(short, long, value_name = "PORT", default_value_t = 33434)]
    port: u16,
    /// Own address
    #[arg(short, long, value_name = "ADDRESS")]
    source: Option<IpAddr>,
    /// The host
    host: String,
    /// Bytes of a packet
    #[arg(default_value_t = 60, value_parser = clap::value_parser!(u16).range(28..=65000))]
    bytes: u16,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&TRACEROUTE, args)?;
    let wait = Duration::try_from_secs_f64(options.wait).map_err(|_| Error::usage("that is no time"))?;
    if options.first > options.most {
        return Err(Error::usage("the first hop is behind the last one"));
    }
    let to = address::resolve(&options.host, options.port, Version::of(options.v4, options.v6))?[0];
    kit::print(&format!(
        "traceroute to {} ({}), {} hops max, {} byte packets\n",
        options.host,
        to.ip(),
        options.most,
        options.bytes
    ))?;
    let mut prober = Prober::open(to, options.source, options.icmp, options.bytes)?;
    for ttl in options.first..=options.most {
        if hop(&mut prober, &options, to, ttl, wait)? {
            return Ok(Exit::OK);
        }
    }
    Ok(Exit::OK)
}

/// One line; true at the end of the way.
fn hop(prober: &mut Prober, options: &Options, to: SocketAddr, ttl: u8, wait: Duration) -> Result<bool> {
    kit::print(&format!("{ttl:2} "))?;
    let (mut last, mut is_end) = (None, false);
    for _ in 0..options.queries {
        match prober.ask(ttl, wait)? {
            None => kit::print(" *")?,
            Some(answer) => {
                if last != Some(answer.from) {
                    kit::print(&format!(" {}", answer.from))?;
                    last = Some(answer.from);
                }
                let mark = match answer.end {
                    End::Router | End::Host => String::new(),
                    End::Refused(mark) => format!(" !{mark}"),
                };
                kit::print(&format!("  {:.3} ms{mark}", answer.time.as_secs_f64() * 1000.0))?;
                is_end |= answer.end != End::Router || answer.from == to.ip();
            }
        }
    }
    kit::print("\n")?;
    Ok(is_end)
}
