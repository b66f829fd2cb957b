//! Our own `kutties netboot` in the lab: on the lab's network, beside its DHCP server, or on a cable of its own, where it gives addresses.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kit::{Error, Result};

use crate::appliance::Appliance;
use crate::network::{BRIDGE, Lab};
use crate::service::Service;
use crate::vm::Nic;
use crate::{tool, until};

/// The server's address on a cable, and those that it gives.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 1);
const RANGE: &str = "10.78.0.10-10.78.0.20";
/// The machine's end of the cable.
const TAP: &str = "ktboot";
const MAC: &str = "52:54:00:4e:00:01";
/// A busy machine starts it within this time.
const UP: Duration = Duration::from_mins(1);

/// A running server. Dropping it ends it.
#[derive(Debug)]
pub struct Netboot {
    service: Service,
    /// The card of the cable, if there is one.
    pub nic: Option<Nic>,
}

impl Netboot {
    /// Beside the lab's DHCP server.
    pub fn on_bridge(lab: &Lab, directory: &Path) -> Result<Self> {
        let service = serve(lab, directory, &["-i", BRIDGE, "--proxy"])?;
        Ok(Self { service, nic: None })
    }

    /// Alone with one machine.
    pub fn on_cable(lab: &Lab, directory: &Path) -> Result<Self> {
        tool::run("ip", &["tuntap", "add", "dev", TAP, "mode", "tap"])?;
        let nic = Some(Nic { tap: TAP.into(), mac: MAC.into() });
        tool::run("ip", &["addr", "add", &format!("{ADDRESS}/24"), "dev", TAP])?;
        tool::run("ip", &["link", "set", TAP, "up"])?;
        match serve(lab, directory, &["-i", TAP, "--range", RANGE]) {
            Ok(service) => Ok(Self { service, nic }),
            Err(e) => {
                let _ = tool::run("ip", &["link", "del", TAP]);
                Err(e)
            }
        }
    }

    /// Returns its output so far.
    pub fn said(&self) -> String {
        self.service.said()
    }
}

impl Drop for Netboot {
    fn drop(&mut self) {
        if self.nic.is_some() {
            // The machine may hold it still; it goes with the lab at the latest.
            let _ = tool::run("ip", &["link", "del", TAP]);
        }
    }
}

fn serve(lab: &Lab, directory: &Path, how: &[&str]) -> Result<Service> {
    let mut command = Command::new(program()?);
    command.arg("netboot").args(how).arg(directory);
    let mut service = Service::start("netboot", &mut command, &lab.dir().join("log"))?;
    until(UP, || {
        service.check()?;
        if service.said().lines().any(|line| line == "ready") { Ok(()) } else { Err(Error::new("netboot is not ready")) }
    })?;
    Ok(service)
}

/// The board whose binary runs on this host.
pub fn host_board() -> String {
    format!("{}-qemu", std::env::consts::ARCH)
}

/// The binary that runs on this host.
pub fn program() -> Result<PathBuf> {
    let path = Appliance::open(&host_board())?.dir().join("kutties");
    if path.exists() {
        Ok(path)
    } else {
        Err(Error::new(format!("{} is not there: build the board {}", path.display(), host_board())))
    }
}
