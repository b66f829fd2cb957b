//! `backup`: an encrypted backup of a control plane: etcd's snapshot, and the files that make this
//! node what it is.
//!
//! Usage: kutties backup [--to FILE|URL] [--recipient age1…]... [--keep N] [--every TIME]
//!
//! The rest comes from the settings (backup.to, backup.recipients, backup.keep). The file
//! is one of age (age-encryption.org/v1) for X25519 recipients, so the node that makes it can't
//! open it again. In it is a tar: manifest.json, the files, etcd.snapshot and SHA256SUMS.
//! ${hostname} and ${time} in a file's name or a URL stand for the Node's name and the time; of
//! files with a time in their names the newest N are kept. A directory alone gets
//! ${hostname}-${time}.age. `kutties restore` takes it back.

pub mod archive;
pub mod facts;
mod snapshot;
mod target;

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Parser;
use config::{Config, key};
use kit::{Applet, Context, Error, Exit, Place, Result};

use crate::age::{Recipient, Sealer, sealed_length};
use crate::duration::duration;
use crate::time;
use archive::{Entry, MANIFEST, Manifest, SNAPSHOT, Store, VERSION, What};
use facts::Facts;
use snapshot::Snapshot;
use target::Target;

/// The record.
pub const NAME: Applet =
    Applet { name: "backup", about: "back a control plane up, encrypted for somebody else", place: Place::Hidden, run };

/// Delay before the first backup of a service, which has just been started: what brought the last
/// one down might do it again.
const FIRST_DELAY: Duration = Duration::from_mins(1);
/// Delay after a backup that failed; it doubles with each up to the time between two.
const RETRY_DELAY: Duration = Duration::from_mins(1);
/// The shortest time between two: a snapshot reads the whole store.
const SHORTEST: Duration = Duration::from_mins(1);

#[derive(Parser)]
struct Options {
    /// Place for it: a file, a directory, or a URL that takes it by PUT; ${hostname} and ${time}
    /// are filled in
    #[arg(long, value_name = "FILE|URL")]
    to: Option<String>,
    /// Someone who can open it: age1…, as age-keygen prints it
    #[arg(long = "recipient", value_name = "RECIPIENT")]
    recipients: Vec<String>,
    /// Number of files to keep: the newest
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
    /// Stay, and make one each such time, such as 6h
    #[arg(long, value_name = "TIME", value_parser = between)]
    every: Option<Duration>,
    /// A control plane's files lie below it
    #[arg(long, value_name = "DIR", default_value = "/", hide = true)]
    root: PathBuf,
}

/// A backup to be made.
struct Order {
    target: Target,
    recipients: Vec<Recipient>,
    keep: usize,
    root: PathBuf,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&NAME, args)?;
    let every = options.every;
    let order = Order::of(options, &Config::load())?;
    if let Some(warning) = order.target.warning() {
        say(&warning);
    }
    match every {
        None => order.fill().map(|line| say(&line))?,
        Some(every) => order.fill_again_and_again(every),
    }
    Ok(Exit::OK)
}

impl Order {
    /// Takes the command line's words, and for the rest the settings.
    fn of(options: Options, config: &Config) -> Result<Self> {
        let to = options.to.unwrap_or_else(|| config.text(&key::BACKUP_TO).to_owned());
        let given = if options.recipients.is_empty() { config.list(&key::BACKUP_RECIPIENTS) } else { options.recipients };
        if given.is_empty() {
            return Err(Error::usage("say who can open the backup: --recipient age1…, or the key backup.recipients"));
        }
        let keep = options.keep.map_or_else(|| config.number(&key::BACKUP_KEEP) as usize, |keep| keep as usize);
        Ok(Self {
            target: Target::parse(&to)?,
            recipients: given.iter().map(|text| Recipient::parse(text)).collect::<Result<_>>()?,
            keep: keep.max(1),
            root: options.root,
        })
    }

    /// For a service: it never ends by itself. The same complaint comes ever more rarely.
    fn fill_again_and_again(&self, every: Duration) {
        let (mut pause, mut retry) = (FIRST_DELAY.min(every), RETRY_DELAY);
        loop {
            std::thread::sleep(pause);
            match self.fill() {
                Ok(line) => {
                    say(&line);
                    (pause, retry) = (every, RETRY_DELAY);
                }
                Err(e) => {
                    pause = retry.min(every);
                    say(&format!("{e}; again in {} s", pause.as_secs()));
                    retry = (retry * 2).min(every);
                }
            }
        }
    }

    /// Make one; gives a line about it.
    fn fill(&self) -> Result<String> {
        let facts = Facts::read(&self.root)?;
        let now = SystemTime::now();
        let moment = time::rfc3339(now);
        let (entries, mut snapshot) = gather(&self.root, &facts, &moment)?;
        let content = archive::length(&entries);
        // A header's length depends on nothing but the recipients.
        let header = Sealer::new(std::io::sink(), &self.recipients)?.header();
        let length = sealed_length(header, content);
        let name = self.target.write(&facts.name, &moment.replace(['-', ':'], ""), length, |out| {
            let mut sealer = Sealer::new(out, &self.recipients)?;
            let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            archive::write(&mut sealer, &entries, seconds, &mut snapshot)?;
            sealer.finish().map(drop).doing("write the backup")
        })?;
        let gone = self.target.keep(&facts.name, self.keep)?;
        let gone = if gone == 0 { String::new() } else { format!("; removed {gone} older") };
        Ok(format!("wrote {name}, {length} bytes{gone}"))
    }
}

/// All that a backup holds; the snapshot has begun.
fn gather(root: &Path, facts: &Facts, moment: &str) -> Result<(Vec<Entry>, Snapshot)> {
    let files = facts::held(root)?;
    let api = facts.store(root)?;
    let status = snapshot::status(&api).doing(format_args!("ask etcd at {}", api.endpoint))?;
    let snapshot = Snapshot::ask(&api).doing(format_args!("ask etcd at {}", api.endpoint))?;
    let (version, revision, cluster) = (status.version, status.revision, status.cluster);
    let manifest = Manifest {
        version: VERSION,
        node: facts.name.clone(),
        address: facts.address.clone(),
        cluster: facts.cluster.clone(),
        kubernetes: facts.kubernetes.clone(),
        time: moment.to_owned(),
        etcd: Store { version, cluster, revision, name: facts.name.clone(), peer: facts.peer.clone() },
    };
    let manifest = serde_json::to_vec_pretty(&manifest).doing("write the manifest")?;
    let stream = Entry { name: SNAPSHOT.to_owned(), mode: 0o600, what: What::Stream(snapshot.length()) };
    let entries = std::iter::once(Entry::file(MANIFEST, 0o600, manifest)).chain(files).chain([stream]).collect();
    Ok((entries, snapshot))
}

fn say(line: &str) {
    // Nobody may be listening.
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn between(text: &str) -> Result<Duration, String> {
    let found = duration(text).filter(|time| *time >= SHORTEST);
    found.ok_or_else(|| "it must be a time such as 30m or 6h, at least 1m".into())
}
