//! `kutties coldplug`: load the modules that this machine needs, as PID 1 does at boot.
//!
//! Usage: kutties coldplug [devices|kubernetes]
//!
//! `devices`: a module for each device that is there (key `modules.coldplug`) and the key `modules.load`. `kubernetes`: what
//! pods need. Without an argument both. What the kernel does not have is left out: it may be built in, or not needed.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::Write;

use clap::{Parser, ValueEnum};
use config::{Config, key};
use kit::modules::Modules;
use kit::{Applet, Context, Exit, Place, Result};

/// The record.
pub const NAME: Applet =
    Applet { name: "coldplug", about: "load the modules that this machine needs", place: Place::Hidden, run };

/// Modules that pods, pod networks and kube-proxy use. Those that have an alias of their own (nft
/// expressions, file systems) are loaded by the kernel on demand.
const KUBERNETES: &[&str] =
    &["overlay", "br_netfilter", "veth", "bridge", "nf_conntrack", "nf_tables", "nf_nat", "nft_chain_nat"];

/// Nice value of background loading: the kernel's lowest priority but one.
const BACKGROUND: i32 = 18;

#[derive(Parser)]
struct Options {
    /// Modules to load; all when not given
    #[arg(value_enum)]
    which: Option<Which>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    Devices,
    Kubernetes,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&NAME, args)?;
    let Ok(modules) = Modules::of_running_kernel() else {
        return say("no modules for this kernel").map(|()| Exit::OK);
    };
    let mut plug = Plug { modules, loaded: 0, failed: Vec::new() };
    if options.which != Some(Which::Kubernetes) {
        plug.devices(&Config::load());
    }
    if options.which != Some(Which::Devices) {
        // Unpacking them takes a second of processor time, which the starting CRI server and kubelet need more. Nothing is lost
        // where that can't be done.
        let _ = rustix::process::nice(BACKGROUND);
        for name in KUBERNETES {
            plug.try_one(name);
        }
    }
    plug.finish()
}

struct Plug {
    modules: Modules,
    loaded: usize,
    failed: Vec<String>,
}

impl Plug {
    fn devices(&mut self, config: &Config) {
        if config.flag(&key::MODULES_COLDPLUG) {
            // A module may bring a bus with more devices: look again until nothing new was loaded.
            let mut seen = BTreeSet::new();
            while self.round(&mut seen) {}
        }
        for name in config.list(&key::MODULES_LOAD) {
            self.must(&name);
        }
    }

    /// Try the devices that were not seen before; whether a module came in.
    fn round(&mut self, seen: &mut BTreeSet<String>) -> bool {
        let before = self.loaded;
        for alias in device_aliases() {
            if seen.insert(alias.clone()) {
                self.try_one(&alias);
            }
        }
        self.loaded > before
    }

    /// Load it if there is such a module. One that the indexes know and the image lacks was left out on purpose.
    fn try_one(&mut self, name: &str) {
        let names = self.modules.names(name);
        let is_here = |name: &String| self.modules.files(name).iter().all(|file| file.exists());
        if !names.is_empty() && names.iter().all(is_here) {
            self.must(name);
        }
    }

    fn must(&mut self, name: &str) {
        match self.modules.load(name, &[]) {
            Ok(names) => self.loaded += names.len(),
            Err(e) => self.failed.push(e.to_string()),
        }
    }

    fn finish(self) -> Result<Exit> {
        let mut line = format!("{} modules", self.loaded);
        for failed in &self.failed {
            line = format!("{line}; {failed}");
        }
        say(&line)?;
        Ok(if self.failed.is_empty() { Exit::OK } else { Exit::FAILED })
    }
}

/// Returns the module aliases of the devices on all buses.
fn device_aliases() -> BTreeSet<String> {
    let mut aliases = BTreeSet::new();
    for bus in fs::read_dir("/sys/bus").into_iter().flatten().flatten() {
        for device in fs::read_dir(bus.path().join("devices")).into_iter().flatten().flatten() {
            let alias = fs::read_to_string(device.path().join("modalias")).unwrap_or_default();
            if !alias.trim().is_empty() {
                aliases.insert(alias.trim().to_owned());
            }
        }
    }
    aliases
}

fn say(line: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{line}").doing("write the outcome")
}
