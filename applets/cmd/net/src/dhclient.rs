//! `dhclient`: get an address from a DHCP server (IPv4), and keep it.
//!
//! Usage: dhclient [-1dv] [-t SECONDS] [-H NAME] [--no-resolv-conf] [INTERFACE]...
//!
//! Without an interface all network cards are asked on, at the same time. For each that gets an address one line is written, and a
//! process stays behind that renews the lease when half of it has passed, asks any server when seven eighths have, and begins
//! anew when the address is lost. An earlier such process is ended.
//!
//! The address goes to the interface with the lease's lifetime, so the kernel drops it when nobody renews it; so do the routes
//! (classless ones before the router) with metric 1000 + the interface's number, the MTU, the name servers of all interfaces into
//! /etc/resolv.conf, and the host name where the machine has none yet. All that the server told is in
//! /run/kutties/dhcp/INTERFACE.json.
//!
//! Exit status: 0 when every interface asked for got an address (without names: at least one did), 2 when not.

mod apply;
mod exchange;
mod keep;
mod lease;

use std::ffi::OsString;
use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use clap::Parser;
use kit::calls::DHCLIENT_KEEP;
use kit::{Applet, Context, Error, Exit, Place, Result};
use netlink::Netlink;

use exchange::Nic;
use lease::Lease;

/// The record.
pub const NAME: Applet = Applet { name: "dhclient", about: "get an address from a DHCP server", place: Place::Sbin, run };

/// Exit status when there is no address, as ISC's client has it.
const NO_LEASE: Exit = Exit(2);

#[derive(Parser, Debug, Clone)]
struct Options {
    /// Interfaces; all network cards when none
    interfaces: Vec<String>,
    /// Try once (up to the time limit) and give up; without it and with -d, try for ever
    #[arg(short = '1')]
    once: bool,
    /// Stay in the foreground and keep the lease
    #[arg(short = 'd', long)]
    foreground: bool,
    /// Timeout of an address, in seconds
    #[arg(short, long, default_value_t = 60, value_name = "SECONDS")]
    timeout: u32,
    /// Tell the server this name; the machine's own when not given
    #[arg(short = 'H', long, value_name = "NAME")]
    host_name: Option<String>,
    /// Say on standard error what is sent and heard
    #[arg(short, long)]
    verbose: bool,
    /// Leave /etc/resolv.conf alone
    #[arg(long)]
    no_resolv_conf: bool,
    /// Keep the lease that is on record
    #[arg(long, hide = true)]
    keep: bool,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&NAME, args)?;
    let chosen = !options.interfaces.is_empty();
    let names = if chosen { options.interfaces.clone() } else { cards()? };
    if names.is_empty() {
        return Err(Error::new("there is no network card").with_exit(NO_LEASE));
    }
    let outcomes: Vec<Result<()>> = std::thread::scope(|scope| {
        let threads: Vec<_> = names.iter().map(|name| scope.spawn(|| serve(name, &options))).collect();
        let broken = || Err(Error::new("the client was broken off"));
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| broken())).collect()
    });
    let count = outcomes.len();
    let failures: Vec<String> = outcomes.into_iter().filter_map(Result::err).map(|e| e.to_string()).collect();
    if failures.is_empty() || (!chosen && failures.len() < count) {
        return Ok(Exit::OK);
    }
    Err(Error::new(failures.join("; ")).with_exit(NO_LEASE))
}

/// All cards of the machine.
fn cards() -> Result<Vec<String>> {
    Ok(Netlink::open()?.links()?.into_iter().filter(netlink::Link::is_card).map(|link| link.name).collect())
}

/// One interface: get an address, say so, keep it here or leave a process behind that does.
fn serve(name: &str, options: &Options) -> Result<()> {
    if options.keep {
        let mut nic = Nic::open(name, options.host_name.clone(), options.verbose, None)?;
        return keep::forever(&mut nic, Lease::load(name)?, options.no_resolv_conf);
    }
    keep::end_other(name)?;
    let for_ever = options.foreground && !options.once;
    let limit = (!for_ever).then(|| Instant::now() + Duration::from_secs(options.timeout.into()));
    let mut nic = Nic::open(name, options.host_name.clone(), options.verbose, limit)?;
    let lease = nic.obtain(limit)?;
    let lease =
        lease.ok_or_else(|| Error::new(format!("{name}: no DHCP server gave an address within {} s", options.timeout)))?;
    apply::apply(&lease, None, options.no_resolv_conf)?;
    writeln!(std::io::stdout(), "{lease}").doing("write the outcome")?;
    if options.foreground { keep::forever(&mut nic, lease, options.no_resolv_conf) } else { leave_behind(name, options) }
}

/// Start a process in a session of its own that keeps the lease.
fn leave_behind(name: &str, options: &Options) -> Result<()> {
    let mut command = DHCLIENT_KEEP.command();
    command.args(["--keep", name]);
    if options.no_resolv_conf {
        command.arg("--no-resolv-conf");
    }
    if let Some(own) = &options.host_name {
        command.args(["--host-name", own]);
    }
    command.stdout(Stdio::null()).stderr(Stdio::null());
    sys::child::before_exec(&mut command, sys::child::Before { session: true, ..sys::child::Before::default() });
    command.spawn().map(drop).doing(format_args!("leave a process behind for {name}"))
}
