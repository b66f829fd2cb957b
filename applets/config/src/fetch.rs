//! The key `config`: settings from a URL.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use kit::{Context, Error, Result, paths};

use crate::{Config, gathered, key, machine};

/// The longest answer, in bytes.
const LONGEST: u64 = 256 << 10;
/// How long a server may take for each step, and for all.
const STEP: &str = "10";
const WHOLE: Duration = Duration::from_secs(30);

/// Fetch them into a file; gives the URL. What is no TOML as a whole is an error.
pub fn fetch(to: &Path) -> Result<String> {
    let config = Config::load();
    let url = machine::expand(config.text(&key::CONFIG))?;
    let text = download(&url)?;
    text.parse::<toml::Table>().map_err(|e| Error::new(format!("the settings at {url} are no TOML: {}", e.message())))?;
    gathered::write(to, format!("# {url}\n{text}").as_bytes())?;
    Ok(url)
}

/// By `wget`, which knows HTTP, TLS, proxies and the system's authorities; its output and its time are bounded here.
fn download(url: &str) -> Result<String> {
    let mut command = Command::new(paths::BINARY);
    command.args(["wget", "-q", "-t", "1", "-T", STEP, "-O", "-", url]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().doing("start wget")?;
    let (tell, told) = mpsc::channel();
    let (out, err) = (child.stdout.take(), child.stderr.take());
    std::thread::spawn(move || {
        let mut text = Vec::new();
        // How it ended is wget's to say; and nobody listens any more when it took too long.
        let _ = out.map(|out| out.take(LONGEST + 1).read_to_end(&mut text));
        let _ = tell.send(text);
    });
    let heard = told.recv_timeout(WHOLE);
    if !heard.as_ref().is_ok_and(|text| text.len() as u64 <= LONGEST) {
        // It would go on for nobody.
        let _ = child.kill();
    }
    let status = child.wait().doing("wait for wget")?;
    let text = heard.map_err(|_| Error::new(format!("fetch {url}: no answer within {} s", WHOLE.as_secs())))?;
    if text.len() as u64 > LONGEST {
        return Err(Error::new(format!("fetch {url}: the answer is longer than {LONGEST} bytes")));
    }
    if !status.success() {
        let mut why = String::new();
        let _ = err.map(|err| err.take(LONGEST).read_to_string(&mut why));
        let why = why.trim().trim_start_matches("wget: ");
        return Err(Error::new(if why.is_empty() { format!("fetch {url}: wget failed") } else { why.to_owned() }));
    }
    String::from_utf8(text).map_err(|_| Error::new(format!("fetch {url}: the answer is no text")))
}
