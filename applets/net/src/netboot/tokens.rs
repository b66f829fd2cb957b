//! What lets machines join: one token for all, or a new one for each, which a child of ours (`token create --once`) makes and deletes.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use format::pxe;
use kit::{Context, Error, Result};

use super::pool::Mac;

/// How long a machine's token lives.
const TTL: &str = "10m";
/// How long the same is handed out when the machine asks again: what it gets has half of its life before it at least.
const AGAIN: Duration = Duration::from_mins(5);
/// The most tokens that are out at a time.
const MOST: usize = 256;
/// The longest line of a child, in bytes.
const LONGEST: u64 = 4096;

/// Where tokens come from.
#[derive(Debug)]
pub struct Tokens {
    source: Source,
    made: Mutex<Vec<Made>>,
}

#[derive(Debug)]
enum Source {
    None,
    One(String),
    Each(PathBuf),
}

/// A token of a machine, and the child that looks after it.
#[derive(Debug)]
struct Made {
    mac: Mac,
    key: String,
    at: Instant,
    child: Child,
}

impl Tokens {
    /// Machines don't join.
    pub fn none() -> Self {
        Self::of(Source::None)
    }

    /// All join with this one.
    pub fn one(api: &str, token: &str, ca: &str) -> Result<Self> {
        let key = format!("{api},token={token},ca={ca}");
        if key.bytes().all(|b| b.is_ascii_graphic() && !b"\"\\".contains(&b)) && key.matches(',').count() == 2 {
            Ok(Self::of(Source::One(key)))
        } else {
            Err(Error::usage("--api, --token and --ca are one word each, without commas and quotes"))
        }
    }

    /// Each has its own, made with a kubeconfig.
    pub fn each(kubeconfig: &Path) -> Result<Self> {
        std::fs::metadata(kubeconfig).on("look at", kubeconfig)?;
        Ok(Self::of(Source::Each(kubeconfig.to_owned())))
    }

    fn of(source: Source) -> Self {
        Self { source, made: Mutex::default() }
    }

    /// Whether there are any.
    pub fn exist(&self) -> bool {
        !matches!(self.source, Source::None)
    }

    /// The value of the key `join` for a machine.
    pub fn key(&self, mac: Mac) -> Result<Option<String>> {
        match &self.source {
            Source::None => Ok(None),
            Source::One(key) => Ok(Some(key.clone())),
            Source::Each(file) => {
                if let Some(key) = self.again(mac)? {
                    return Ok(Some(key));
                }
                // Others are not kept waiting while the cluster makes it.
                let made = make(file, mac)?;
                let key = made.key.clone();
                self.made.lock().unwrap_or_else(PoisonError::into_inner).push(made);
                Ok(Some(key))
            }
        }
    }

    /// The token that a machine has got before, while it is good; tokens that were used or are too old are forgotten.
    fn again(&self, mac: Mac) -> Result<Option<String>> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        // A child that has ended has deleted its token.
        made.retain_mut(|made| matches!(made.child.try_wait(), Ok(None)));
        if let Some(found) = made.iter().find(|made| made.mac == mac && made.at.elapsed() < AGAIN) {
            return Ok(Some(found.key.clone()));
        }
        if made.len() >= MOST {
            return Err(Error::new(format!("{MOST} tokens are out already")));
        }
        Ok(None)
    }
}

fn make(kubeconfig: &Path, mac: Mac) -> Result<Made> {
    let mut command = Command::new("/proc/self/exe");
    command.args(["token", "create", "--join", "--once", "--ttl", TTL, "--kubeconfig"]).arg(kubeconfig);
    command.args(["--description", &format!("kutties netboot: {}", pxe::mac(mac))]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().doing("start token")?;
    let mut line = String::new();
    if let Some(out) = child.stdout.take() {
        BufReader::new(out.take(LONGEST)).read_line(&mut line).doing("read a token")?;
    }
    let key = line.trim_end();
    if key.is_empty() {
        let mut why = String::new();
        let _ = child.stderr.take().map(|err| err.take(LONGEST).read_to_string(&mut why));
        let _ = child.wait();
        return Err(Error::new(format!("make a token: {}", why.trim().trim_start_matches("token: "))));
    }
    Ok(Made { mac, key: key.to_owned(), at: Instant::now(), child })
}
