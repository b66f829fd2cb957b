//! Passing on to the plugin that gives addresses.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use kit::{Context, Error};
use serde_json::Value;

use crate::exec;
use crate::plugin::{Fault, Request, code};
use crate::{Answer, host_local};

/// The type of the address plugin; none when the configuration has none.
pub fn kind(request: &Request) -> Option<&str> {
    request.configuration["ipam"]["type"].as_str().filter(|kind| !kind.is_empty())
}

/// Ask for addresses.
pub fn add(request: &Request) -> Result<Answer, Fault> {
    let kind = kind(request).ok_or_else(|| Fault::new(code::CONFIGURATION, "there is no ipam type"))?;
    let answer =
        if is_own(kind, request) { (host_local::PLUGIN.add)(request)? } else { Answer::from_json(&call(kind, "ADD", request)?)? };
    if answer.ips.is_empty() {
        return Err(Fault::new(code::OTHER, "IPAM plugin returned missing IP config"));
    }
    Ok(answer)
}

/// Give addresses back, check them, or whatever the verb is; nothing where there is no address plugin.
pub fn tell(verb: &str, request: &Request) -> Result<(), Fault> {
    match kind(request) {
        None => Ok(()),
        Some(kind) if is_own(kind, request) => host_local::PLUGIN.tell(verb, request),
        Some(kind) => Ok(call(kind, verb, request).map(drop)?),
    }
}

/// Tells if it is our own host-local, which needs no process of its own: the file that would be run
/// is this program. It is known by its number, as a program that was started by way of a mount of
/// its own has no path.
fn is_own(kind: &str, request: &Request) -> bool {
    let number = |path: &Path| std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    let itself = || number(Path::new("/proc/self/exe"));
    let found = || exec::find(kind, &request.path).ok().and_then(|file| number(&file));
    kind == host_local::NAME.name && itself().is_some() && itself() == found()
}

fn call(kind: &str, verb: &str, request: &Request) -> Result<Value, Error> {
    exec::pass(kind, verb, request, &request.configuration).doing("ipam")
}
