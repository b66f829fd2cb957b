//! Fetching by `wget`, which knows HTTP, TLS, proxies and the system's authorities: its output and its time are bounded here.

pub use crate::call::Limits;
use crate::calls::WGET;
use crate::{Error, Kind, Result};

/// Time that a server may take for each step, in seconds.
const STEP: &str = "10";

/// All of a short answer.
pub fn get(url: &str, limits: Limits) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    fetch(url, limits, |part| {
        all.extend_from_slice(part);
        Ok(())
    })?;
    Ok(all)
}

/// All of a short answer to a form (`application/x-www-form-urlencoded`), which is sent by POST.
pub fn post(url: &str, form: &str, limits: Limits) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    let kind = "Content-Type: application/x-www-form-urlencoded";
    ask(url, &["--header", kind, "--post-data", form], limits, |part| {
        all.extend_from_slice(part);
        Ok(())
    })?;
    Ok(all)
}

/// Hand each part of the answer to `take`. What began as HTTPS stays HTTPS, wherever the server sends us.
pub fn fetch(url: &str, limits: Limits, take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    ask(url, &[], limits, take)
}

fn ask(url: &str, more: &[&str], limits: Limits, take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut args = vec!["-q", "-t", "1", "-T", STEP, "-O", "-"];
    if url.starts_with("https:") {
        args.push("--https-only");
    }
    args.extend(more);
    args.extend(["--", url]);
    WGET.stream(args, &[], limits, take).map_err(|e| located(e, url))
}

/// The same error with the URL, which those of wget itself have.
fn located(e: Error, url: &str) -> Error {
    if matches!(e.kind(), Kind::TimedOut | Kind::Exhausted) { e.below(format_args!("fetch {url}")) } else { e }
}
