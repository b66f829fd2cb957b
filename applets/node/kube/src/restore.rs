//! `restore`: take a control plane back from its backup, on a machine that has forgotten it.
//!
//! Usage: kutties restore [FILE|URL] [--identity FILE] [--cluster sha256:HASH]
//!
//! The rest comes from the settings (restore, age.identity); without a file of identities
//! the terminal asks. All is unpacked to a temporary place and checked, etcd makes its data of the
//! snapshot there, and only then everything is moved to where it belongs; what starts the kubelet
//! comes last. Nothing is written over. The store's revision is raised by a thousand million, and
//! what was before counts as compacted: clients that have seen more than the backup holds must
//! notice, and list anew.

mod checks;
mod identity;
mod stage;

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Parser;
use config::{Config, key};
use kit::{Applet, Context, Error, Exit, Place, Result, paths};

use crate::age::{Identity, Opener};
use crate::backup::archive::{self, Manifest, SNAPSHOT};
use crate::discovery::Pin;
use crate::http_stream::{self, Url};
use stage::Stage;

/// The record.
pub const NAME: Applet =
    Applet { name: "restore", about: "take a control plane back from its backup", place: Place::Hidden, run };

/// Directory of etcd's programs in a control plane's image, below the mount of the kube segment.
const PROGRAMS: &str = "layers/etcd/usr/local/bin";
/// The program that makes etcd's data of a snapshot.
const ETCDUTL: &str = "etcdutl";
/// The amount by which the revision is raised: more than any cluster writes between two backups.
/// etcd's documentation names it.
const BUMP: &str = "1000000000";
/// The longest snapshot, in bytes: above 8 GiB etcd itself warns of a store.
const LONGEST: u64 = 16 << 30;
/// Characters of etcdutl's complaint that are shown.
const COMPLAINT: usize = 300;

#[derive(Parser)]
struct Options {
    /// The backup: a path, or a URL of HTTPS; one of HTTP needs --cluster
    #[arg(value_name = "FILE|URL")]
    from: Option<String>,
    /// A file (mode 0600) with the identity that opens it, AGE-SECRET-KEY-1…
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// The hash of the cluster's CA, whose key must be in the backup
    #[arg(long, value_name = "sha256:HASH")]
    cluster: Option<String>,
    /// Ask at this terminal, and leave when it is done elsewhere
    #[arg(long, hide = true)]
    ask: bool,
    /// The files belong below it
    #[arg(long, value_name = "DIR", default_value = "/", hide = true)]
    root: PathBuf,
}

/// A restore to be done.
struct Order {
    from: String,
    cluster: Option<Pin>,
    root: PathBuf,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&NAME, args)?;
    let config = Config::load();
    let order = Order::of(&options, &config)?;
    checks::free(&order.root)?;
    let Some(identities) = identities(&options, &config, &order)? else {
        return Ok(if options.ask { Exit::OK } else { Exit::FAILED });
    };
    let manifest = order.fill(&identities)?;
    let Manifest { node, time, kubernetes, cluster, .. } = manifest;
    say(&format!("restored {node} as of {time}: cluster {cluster}, Kubernetes {kubernetes}; the kubelet starts it"));
    Ok(Exit::OK)
}

/// The identities of a file, or of a person.
fn identities(options: &Options, config: &Config, order: &Order) -> Result<Option<Vec<Identity>>> {
    let own = Path::new(config.text(&key::AGE_IDENTITY));
    match &options.identity {
        Some(path) => identity::read(path).map(Some),
        None if own.exists() && !options.ask => identity::read(own).map(Some),
        None => {
            let question = format!(
                "This machine is to be a control plane again, from {}.\nThe identity that opens the backup (an empty line leaves it): ",
                shown(&order.from)
            );
            identity::ask(&question, &|| checks::free(&order.root).is_ok())
        }
    }
}

impl Order {
    /// Takes the command line's words, and for the rest the settings.
    fn of(options: &Options, config: &Config) -> Result<Self> {
        let mut words = config.list(&key::RESTORE).into_iter();
        let (mut from, mut cluster) = (words.next(), None);
        for word in words {
            // The word itself may be a secret that somebody puts there in error.
            let hash = word
                .strip_prefix("cluster=")
                .ok_or_else(|| Error::usage("the key restore takes FILE|URL,cluster=sha256:HASH"))?;
            cluster = Some(hash.to_owned());
        }
        if options.from.is_some() {
            (from, cluster) = (options.from.clone(), None);
        }
        let cluster = options.cluster.clone().or(cluster);
        let from = from.ok_or_else(|| Error::usage("say where the backup is: FILE or URL, or the key restore"))?;
        let cluster = cluster.map(|hash| Pin::parse(&hash)).transpose()?;
        if from.starts_with("http://") && cluster.is_none() {
            let from = shown(&from);
            return Err(Error::usage(format!("{from} is not HTTPS: say with --cluster whose backup is believed, or use HTTPS")));
        }
        Ok(Self { from, cluster, root: options.root.clone() })
    }

    fn fill(&self, identities: &[Identity]) -> Result<Manifest> {
        let _lock = checks::alone(&self.root)?;
        checks::free(&self.root)?;
        let etcdutl = program(ETCDUTL)?;
        let (cluster, root) = (self.cluster.clone(), self.root.clone());
        let check = move |manifest: &Manifest| checks::manifest(manifest, cluster.as_ref(), &root);
        let mut stage = Stage::new(&self.root, Box::new(check))?;
        let manifest = self.unpack(identities, &mut stage).doing(format_args!("restore from {}", shown(&self.from)))?;
        make_data(&etcdutl, &stage, &manifest)?;
        stage.put()?;
        // A disk is to hold it after another power cut.
        rustix::fs::sync();
        Ok(manifest)
    }

    /// Unpack and check all of it.
    fn unpack(&self, identities: &[Identity], stage: &mut Stage) -> Result<Manifest> {
        let mut content = Opener::new(open(&self.from)?, identities)?;
        let manifest = archive::read(&mut content, LONGEST, stage)?;
        stage.complete()?;
        checks::files(stage, &manifest, self.cluster.as_ref())?;
        Ok(manifest)
    }
}

/// The bytes of a file, or of a server's answer.
fn open(from: &str) -> Result<Box<dyn Read>> {
    if !from.contains("://") {
        return Ok(Box::new(File::open(from).on("open", from)?));
    }
    let url = Url::parse(from)?;
    let (status, body) = http_stream::ask(url.connect(None)?, &url.head("GET", ""), b"")?;
    if status == 200 { Ok(Box::new(body)) } else { Err(http_stream::refused(status, body)) }
}

/// A path, or a URL without what is secret in it.
fn shown(from: &str) -> String {
    if from.contains("://") {
        Url::parse(from).map_or_else(|_| "a URL".to_owned(), |url| url.to_string())
    } else {
        from.to_owned()
    }
}

/// Have etcd make its data, as the only member of a new cluster by the old name.
fn make_data(etcdutl: &Path, stage: &Stage, manifest: &Manifest) -> Result<()> {
    let (name, peer) = (&manifest.etcd.name, &manifest.etcd.peer);
    let snapshot = stage.path(SNAPSHOT)?;
    let output = Command::new(etcdutl)
        .args(["snapshot", "restore"])
        .arg(&snapshot)
        .args(["--bump-revision", BUMP, "--mark-compacted"])
        .arg(format!("--name={name}"))
        .arg(format!("--initial-advertise-peer-urls={peer}"))
        .arg(format!("--initial-cluster={name}={peer}"))
        .arg(format!("--data-dir={}", stage.data().display()))
        .stdin(Stdio::null())
        .output()
        .on("run", etcdutl)?;
    if output.status.success() && stage.data().join("member").is_dir() {
        return std::fs::remove_file(&snapshot).on("remove", &snapshot);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it says nothing");
    let line: String = line.chars().filter(|c| !c.is_control()).take(COMPLAINT).collect();
    Err(Error::new(format!("make etcd's data of the snapshot: etcdutl: {line}")))
}

/// A program of a control plane's image, or of PATH.
fn program(name: &str) -> Result<PathBuf> {
    let own = Path::new(paths::KUBE).join(PROGRAMS);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::iter::once(own.clone()).chain(std::env::split_paths(&path)).map(|directory| directory.join(name));
    found.into_iter().find(|path| path.is_file()).ok_or_else(|| {
        let own = own.display();
        Error::new(format!("there is no {name} in {own} or in PATH: a control plane's image has it")).with_exit(Exit::NOT_FOUND)
    })
}

fn say(line: &str) {
    // Nobody may be listening.
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn order(words: &[&str], settings: &[&str]) -> Result<Order> {
        let words: Vec<OsString> = std::iter::once("restore").chain(words.iter().copied()).map(Into::into).collect();
        let line = if settings.is_empty() { String::new() } else { format!("kutties.restore={}", settings.join(",")) };
        let config = Config::load_from(&config::Places { command_line: line, ..config::Places::default() });
        Order::of(&kit::parse::<Options>(&NAME, &words)?, &config)
    }

    #[test]
    fn the_command_line_comes_before_the_settings() {
        let pin = format!("sha256:{}", "a".repeat(64));
        let cluster = format!("cluster={pin}");
        let from = |order: Order| (order.from, order.cluster.map(|pin| pin.0));
        let url = "https://h/x.age";
        assert_eq!(from(order(&[], &[url, &cluster]).unwrap()), (url.into(), Some(pin.clone())));
        assert_eq!(from(order(&["/y.age"], &[url, &cluster]).unwrap()), ("/y.age".into(), None));
        assert_eq!(from(order(&["--cluster", &pin], &[url]).unwrap()), (url.into(), Some(pin.clone())));
        assert!(order(&[], &[]).is_err());
        let why = order(&["http://u:p@h/x"], &[]).map(|_| ()).unwrap_err().to_string();
        assert!(why.contains("http://h/x is not HTTPS"), "{why}");
        assert!(order(&["http://h/x", "--cluster", &pin], &[]).is_ok());
        let why = order(&[], &[url, "identity=AGE-SECRET-KEY-1QQ"]).map(|_| ()).unwrap_err().to_string();
        assert!(!why.contains("SECRET"), "{why}");
    }
}
