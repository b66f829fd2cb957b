//! `kutties update URL`: start the system that a server has instead of this one, and stay the node that this is.
//!
//! Usage: kutties update [--load] [--older] [--append WORDS] URL
//!
//! URL is a `manifest.json` as `make image SIGN=KEY` writes it, or the directory where one lies (with a slash at its end). `URL.sig` must be its
//! signature by a key of /etc/kutties/update.pub; without such a key nothing is taken. Kernel and segments come from beside the
//! manifest, as HTTP's or HTTPS's; each must have the length and the sum that the manifest says. What makes this machine its node goes along: its
//! name, /etc/kubernetes, the kubelet's configuration and certificates, /etc/kutties. Pods, images and all else in memory do not. Nothing has
//! changed until all is here; a system that is older than this one is refused without --older; then the kubelet, pods and services are stopped as for a reboot, and the new kernel starts.

mod cmdline;
pub mod download;
pub mod manifest;
mod node;
mod version;

use std::ffi::{CString, OsString};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use clap::Parser;
use kit::trust::Keys;
use kit::web::{Limits, get};
use kit::{Applet, Context, Error, Exit, Place, Result, paths};

use crate::kernel_file::{self, Kernel};
use crate::kexec;
use manifest::{File, Manifest};

/// The record.
pub const UPDATE: Applet =
    Applet { name: "update", about: "start a newer system that a server has, as the same node", place: Place::Node, run };

/// The longest manifest and the longest signature, in bytes, and the longest time for each.
const MANIFEST: Limits = Limits { bytes: 1 << 20, time: Duration::from_secs(30) };
const SIGNATURE: Limits = Limits { bytes: 4 << 10, ..MANIFEST };
/// Bytes that must be free for each byte that is fetched: it lies in memory as a file, as the
/// kernel reads it, and where the next kernel finds it.
const COPIES: u64 = 3;

#[derive(Parser)]
struct Options {
    /// Load only: `kexec -e` or `reboot -k` starts it
    #[arg(short, long)]
    load: bool,
    /// Take an older system, too
    #[arg(long)]
    older: bool,
    /// Words behind this system's own on the command line
    #[arg(long, value_name = "WORDS")]
    append: Option<String>,
    /// The manifest
    url: String,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&UPDATE, args)?;
    let url = manifest_url(&options.url);
    let (text, directory) = (believed(&url)?, directory(&url));
    let manifest = Manifest::parse(&text, std::env::consts::ARCH).doing(format_args!("read {url}"))?;
    if !options.older {
        version::check(&manifest.version, kit::version_number())?;
    }
    room(manifest.bytes())?;
    let kernel = download::kernel(directory, &manifest.kernel)?;
    let Kernel { image, segments, .. } = kernel_file::unwrap(&kernel).doing(format_args!("read {}", manifest.kernel.name))?;
    drop(kernel);
    if !segments.is_empty() {
        return Err(Error::new(format!("{} brings segments of its own: a plain kernel is wanted", manifest.kernel.name)));
    }
    let mut initramfs = kexec::Parts::new()?;
    for segment in &manifest.segments {
        download::segment(directory, segment, &mut initramfs)?;
    }
    initramfs.add(&node::segment(Path::new("/"))?)?;
    let mut words = cmdline::words(&own_words()?, node::is_joined(), &host_name());
    words.extend(options.append);
    let words = CString::new(words.join(" ")).doing("read the command line")?;
    kexec::load_parts(Path::new(&manifest.kernel.name), &image, Some(&initramfs), &words)?;
    say("it is loaded")?;
    if options.load { Ok(Exit::OK) } else { kexec::start() }
}

/// The manifest's own URL, where a directory's is given.
pub fn manifest_url(url: &str) -> String {
    if url.ends_with('/') { format!("{url}manifest.json") } else { url.to_owned() }
}

/// The URL of a manifest's directory.
pub fn directory(url: &str) -> &str {
    url.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// The text of a manifest, once it is known whose it is.
pub fn believed(url: &str) -> Result<Vec<u8>> {
    let keys = Keys::here()?;
    if keys.is_empty() {
        let path = paths::TRUST;
        return Err(Error::new(format!(
            "no key is there that could have signed {url}: put the builder's public key into {path}"
        )));
    }
    let text = get(url, MANIFEST)?;
    keys.check(url, &text, &get(&format!("{url}.sig"), SIGNATURE)?)?;
    Ok(text)
}

/// Checks that there is memory for so many bytes.
fn room(bytes: u64) -> Result<()> {
    let path = "/proc/meminfo";
    let text = fs::read_to_string(path).on("read", path)?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let free = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok()).unwrap_or(0) << 10;
    if bytes.saturating_mul(COPIES) <= free {
        return Ok(());
    }
    let (wanted, free) = (bytes.saturating_mul(COPIES) >> 20, free >> 20);
    Err(Error::new(format!("there is not enough memory: {wanted} MiB are wanted for a while, {free} MiB are free")))
}

fn own_words() -> Result<String> {
    let path = Path::new("/proc/cmdline");
    fs::read_to_string(path).on("read", path)
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Tells a person how far it is.
pub fn say(line: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{line}").doing("write the progress")
}
