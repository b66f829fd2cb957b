//! `kutties bundle`: show the Kubernetes bundle, as PID 1 does at boot.
//!
//! Usage: kutties bundle
//!
//! The bundle is a squashfs file of the kube segment: its pages are unpacked when somebody reads them, and can be dropped when memory is
//! short. It is mounted read-only, and its pages are read ahead, so that they come while the machine waits for the network or a person.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use clap::Parser;
use kit::calls::{BUNDLE_BUNDLE, BUNDLE_MOUNT};
use kit::modules::Modules;
use kit::{Applet, Context, Exit, Place, Result, paths};
use rustix::fs::{Advice, fadvise};

use crate::kubelet;

/// The record.
pub const NAME: Applet = Applet { name: "bundle", about: "mount the Kubernetes bundle, as at boot", place: Place::Hidden, run };

/// Modules for a loop mount of the bundle; they may be built in.
const MODULES: [&str; 2] = ["loop", "squashfs"];

#[derive(Parser)]
struct Options {
    /// Read the kubelet's pages
    #[arg(long)]
    read: bool,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&NAME, args)?;
    if options.read {
        return read();
    }
    if !Path::new(paths::KUBE_IMAGE).exists() {
        return say("none");
    }
    if Path::new(kubelet::PROGRAM).exists() {
        return say("mounted already");
    }
    mount()?;
    // Nobody waits for it: reading ahead is a favour.
    let reader = BUNDLE_BUNDLE.command().arg("--read").stdout(Stdio::null()).spawn();
    reader.doing("start reading ahead")?;
    say("")
}

fn mount() -> Result<()> {
    if let Ok(modules) = Modules::of_running_kernel() {
        for name in MODULES {
            // A missing module shows when the mount fails.
            let _ = modules.load(name, &[]);
        }
    }
    let words = ["-t", "squashfs", "-o", "ro,loop,nodev,nosuid", paths::KUBE_IMAGE, paths::KUBE];
    BUNDLE_MOUNT.run(words).map(drop)
}

/// The kernel reads what it is advised to; the call lasts until it has.
fn read() -> Result<Exit> {
    let file = File::open(kubelet::PROGRAM).on("open", kubelet::PROGRAM)?;
    fadvise(&file, 0, None, Advice::WillNeed).on("read ahead", kubelet::PROGRAM)?;
    Ok(Exit::OK)
}

fn say(line: &str) -> Result<Exit> {
    writeln!(std::io::stdout(), "{line}").doing("write the outcome")?;
    Ok(Exit::OK)
}
