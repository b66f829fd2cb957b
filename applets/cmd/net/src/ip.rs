//! `ip`: show and change links, addresses, routes, rules, neighbours and network namespaces.
//!
//! Usage: ip [-4|-6] [-br] [-o] [-j] [-n NETNS] OBJECT [COMMAND [ARGUMENT]...]
//!
//! OBJECT is link, address, route, rule, neighbour or netns; objects and commands may be shortened. Without a command it shows.
//!
//!   ip link [show [NAME] [up]]
//!   ip link add [link NAME] [name] NAME [mtu BYTES] [address MAC] type KIND [OPTION]...
//!         KIND: dummy, bridge [vlan_filtering 0|1], veth [peer [name] NAME [netns NETNS]], vlan id N,
//!         bond [mode MODE] [miimon MS] [updelay MS] [downdelay MS] [xmit_hash_policy POLICY] [lacp_rate slow|fast] [min_links N],
//!         macvlan [mode private|vepa|bridge|passthru],
//!         vxlan id N [dev NAME] [remote ADDRESS] [local ADDRESS] [dstport PORT] [nolearning], or another without options
//!   ip link set [dev] NAME [up|down] [mtu BYTES] [address MAC] [name NEW] [master NAME] [nomaster] [netns NETNS] [promisc on|off]
//!         [txqueuelen PACKETS]
//!   ip link delete [dev] NAME
//!   ip address [show [dev NAME]]
//!   ip address add|replace|delete CIDR dev NAME [nodad] [valid_lft SECONDS|forever] [preferred_lft SECONDS|forever]
//!   ip address flush dev NAME
//!   ip route [show [table N|main|local|all] [dev NAME]]
//!   ip route add|replace|delete [KIND] CIDR|default [via ADDRESS] [dev NAME] [src ADDRESS] [metric N] [table N] [mtu BYTES] [onlink]
//!   ip route get ADDRESS
//!   ip rule [show [table TABLE]]
//!   ip rule add|delete [not] [from CIDR] [to CIDR] [fwmark MARK[/MASK]] [iif NAME] [oif NAME] [pref N]
//!         [table TABLE|blackhole|unreachable|prohibit]
//!   ip neighbour [show [dev NAME]] | add|replace|delete ADDRESS [lladdr MAC] dev NAME
//!   ip netns [list] | add NAME | delete NAME | exec NAME COMMAND...
//!
//! The output is iproute2's: for people, brief (-br), one line a thing (-o), or JSON (-j). An address that is added to a network
//! gets its broadcast address too. Exit status: 0, 1 for a wrong argument, 2 when the kernel refused.

mod address;
mod kinds;
mod link;
mod neighbour;
mod netns;
mod route;
mod rule;
mod view;
mod words;

use std::ffi::OsString;
use std::os::fd::AsFd;

use kit::{Applet, Error, Exit, Place, Result};
use netlink::within;

use view::View;
use words::{WRONG, Words, usage};

/// The record.
pub const NAME: Applet = Applet { name: "ip", about: "show and change links, addresses, routes", place: Place::Bin, run };

/// The objects and what serves them. A shortened name is the first that begins so, as in iproute2.
const OBJECTS: &[(&str, Serve)] = &[
    ("address", address::run),
    ("link", link::run),
    ("route", route::run),
    ("rule", rule::run),
    ("neighbour", neighbour::run),
    ("neighbor", neighbour::run),
    ("netns", netns::run),
];

/// Function that serves an object.
type Serve = fn(&View, &mut Words<'_>) -> Result<Exit>;

/// Exit status when the kernel refused, as iproute2 has it.
const REFUSED: Exit = Exit(2);

fn run(args: &[OsString]) -> Result<Exit> {
    let texts: Vec<String> = args.iter().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
    serve(&mut Words::new(&texts)).map_err(|e| match e.exit() {
        Exit::FAILED => e.with_exit(REFUSED),
        WRONG => e.with_exit(Exit::FAILED),
        _ => e,
    })
}

fn serve(words: &mut Words<'_>) -> Result<Exit> {
    let mut view = View::default();
    let mut inside = None;
    while let Some(option) = words.next_if(|word| word.starts_with('-')) {
        match option {
            "-4" => view.family = Some(4),
            "-6" => view.family = Some(6),
            "-f" | "-family" => view.family = Some(if words.need("a family")? == "inet6" { 6 } else { 4 }),
            "-br" | "-brief" => view.brief = true,
            "-o" | "-oneline" => view.oneline = true,
            "-j" | "-json" => view.json = true,
            "-n" | "-netns" => inside = Some(words.need("a network namespace")?),
            "-V" | "-Version" | "--version" => {
                return Err(Error::text(concat!("ip utility, kutties ", env!("CARGO_PKG_VERSION"), "\n")));
            }
            "-h" | "-help" | "--help" => return Err(help()),
            other => return Err(usage(format!("there is no option {other:?}; ip --help lists them"))),
        }
    }
    let Some(object) = words.next() else { return Err(help()) };
    let Some((_, run)) = OBJECTS.iter().find(|(name, _)| name.starts_with(object)) else {
        return Err(usage(format!("there is no object {object:?}; ip --help lists them")));
    };
    match inside {
        Some(name) => within(netns::open(name)?.as_fd(), || run(&view, words)),
        None => run(&view, words),
    }
}

/// The usage, out of the head of this file.
fn help() -> Error {
    let head = include_str!("ip.rs").lines().map_while(|line| line.strip_prefix("//!"));
    let lines = head.map(|line| line.strip_prefix(' ').unwrap_or(line).replace('`', ""));
    Error::text(lines.fold(String::new(), |text, line| text + &line + "\n"))
}
