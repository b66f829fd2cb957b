//! `loopback`: sets the loopback link up (a CNI plugin).

use std::ffi::OsString;

use kit::{Applet, Exit, Place, Result};

use crate::plugin::{self, Fault, Plugin, Request, code, nothing};
use crate::{Answer, Interface, Ip, veth};

/// The applet's row.
pub const NAME: Applet = Applet { name: "loopback", about: "CNI plugin: the loopback link", place: Place::Cni, run };

const LO: &str = "lo";

fn run(args: &[OsString]) -> Result<Exit> {
    plugin::run(&NAME, args, &Plugin { add, del, check, status: nothing, gc: nothing })
}

fn add(request: &Request) -> Result<Answer, Fault> {
    let addresses = veth::inside(request, |nl| {
        nl.up(LO)?;
        nl.addresses_of(LO)
    })?;
    // In a chain the other plugins' answer goes on as it is.
    if let Some(previous) = request.previous()? {
        return Ok(previous);
    }
    let sandbox = request.netns.to_string_lossy().into_owned();
    let interface = Interface { name: LO.into(), mac: "00:00:00:00:00:00".into(), mtu: 0, sandbox, ..Interface::default() };
    let ips = addresses.iter().map(|a| Ip { interface: Some(0), address: a.cidr, gateway: None }).collect();
    Ok(Answer { interfaces: vec![interface], ips, ..Answer::default() })
}

fn del(request: &Request) -> Result<(), Fault> {
    // The namespace may be gone, and the link with it.
    if !veth::is_namespace(&request.netns) {
        return Ok(());
    }
    Ok(veth::inside(request, |nl| nl.down(LO))?)
}

fn check(request: &Request) -> Result<(), Fault> {
    if veth::inside(request, |nl| nl.need(LO))?.is_up() { Ok(()) } else { Err(Fault::new(code::OTHER, "loopback is down")) }
}
