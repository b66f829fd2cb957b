//! `token`: bootstrap tokens, with which nodes join a cluster.
//!
//! Usage: kutties token create [--kubeconfig FILE] [--ttl TIME] [--description TEXT] [--join] [--once]
//!        kutties token list [--kubeconfig FILE]
//!        kutties token keep [--kubeconfig FILE] [--ttl TIME]
//!        kutties token delete [--kubeconfig FILE] ID|TOKEN...
//!
//! Its token is as `kubeadm token create` makes it: a secret of kube-system that the cluster itself
//! forgets when its time is over.
//! `create` waits until the cluster's description is signed with it, so that who gets it can join at once. With `--once` it stays
//! until a node has its certificate by it, and deletes it then. `keep` does that for many: for each line `NUMBER DESCRIPTION` of its
//! input it makes a token and says `made NUMBER KEY` or `failed NUMBER WHY`, and `gone NUMBER` when that was used or its time is over.
//! For any number of tokens it asks the cluster for one list at a time.

mod keeper;
mod secret;

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use clap::{Parser, Subcommand};
use kit::{Applet, Context, Error, Exit, Place, Result};
use serde_json::Value;

use crate::api::{Answer, Api};
use crate::discovery::{CLUSTER_INFO, Token, pins_of};
use crate::duration::duration;
use crate::http;
use crate::kubeconfig::Kubeconfig;

/// The record.
pub const NAME: Applet =
    Applet { name: "token", about: "make, list and delete bootstrap tokens of a cluster", place: Place::Node, run };

/// File of the administrator's kubeconfig, by kubeadm.
const ADMIN: &str = "/etc/kubernetes/admin.conf";
/// Secrets of the cluster's own.
const SECRETS: &str = "/api/v1/namespaces/kube-system/secrets";
/// Requests that kubelets make with a token. The answer comes in parts: each request for a
/// certificate is some kilobytes long.
const REQUESTS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests?fieldSelector=spec.signerName%3Dkubernetes.io%2Fkube-apiserver-client-kubelet&limit=250";
/// The most parts that are read.
const PARTS: usize = 40;
/// Interval of the check for a token's use: between a kubelet's certificate and its first work lies
/// more.
const LOOK: Duration = Duration::from_secs(2);
/// Timeout of the cluster's signature of its description: it signs at each change of a token.
const SIGNED_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Parser, Debug)]
struct Options {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Make a token and print it
    Create {
        #[command(flatten)]
        cluster: Cluster,
        /// Time to live, such as 10m or 24h
        #[arg(long, value_name = "TIME", default_value = "24h", value_parser = time_to_live)]
        ttl: Duration,
        /// Description of the token's purpose
        #[arg(long, value_name = "TEXT", default_value = "")]
        description: String,
        /// Print the value of the key join: HOST:PORT,token=TOKEN,ca=sha256:HASH
        #[arg(long)]
        join: bool,
        /// Stay until a node has joined with it, or its time is over, and delete it
        #[arg(long)]
        once: bool,
    },
    /// Make a token for each line of standard input, and delete each once a node has joined with it
    Keep {
        #[command(flatten)]
        cluster: Cluster,
        /// Time to live of each token, such as 10m or 24h
        #[arg(long, value_name = "TIME", default_value = "10m", value_parser = time_to_live)]
        ttl: Duration,
    },
    /// Show the tokens: ID, end, use, description
    List {
        #[command(flatten)]
        cluster: Cluster,
    },
    /// Delete tokens
    Delete {
        #[command(flatten)]
        cluster: Cluster,
        /// The token, or its first part
        #[arg(required = true, value_name = "ID|TOKEN")]
        tokens: Vec<String>,
    },
}

#[derive(clap::Args, Debug)]
struct Cluster {
    /// A kubeconfig of someone who may write secrets of kube-system; else KUBECONFIG's, or /etc/kubernetes/admin.conf
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&NAME, args)?;
    match options.verb {
        Verb::Create { cluster, ttl, description, join, once } => {
            let (config, api) = cluster.open()?;
            create(&config, &api, ttl, &description, join, once)
        }
        Verb::Keep { cluster, ttl } => {
            let (config, api) = cluster.open()?;
            keeper::keep(config, api, ttl)
        }
        Verb::List { cluster } => list(&cluster.open()?.1),
        Verb::Delete { cluster, tokens } => {
            let (_, api) = cluster.open()?;
            tokens.iter().try_for_each(|token| delete(&api, id(token)?))
        }
    }
    .map(|()| Exit::OK)
}

/// First file that exists of a list as kubectl takes it, paths with colons between; the last one if none does.
fn first_of(list: &OsStr) -> Option<PathBuf> {
    let paths: Vec<PathBuf> = std::env::split_paths(list).filter(|path| !path.as_os_str().is_empty()).collect();
    paths.iter().find(|path| path.exists()).or(paths.last()).cloned()
}

impl Cluster {
    fn open(&self) -> Result<(Kubeconfig, Api)> {
        let path = self.kubeconfig.clone().or_else(|| first_of(&std::env::var_os("KUBECONFIG")?));
        let path = path.unwrap_or_else(|| ADMIN.into());
        let text = std::fs::read_to_string(&path).on("read", &path)?;
        let config = Kubeconfig::parse(&text, path.parent().or(Some(Path::new(".")))).on("read", &path)?;
        let api = Api::verified(&config.endpoint, &config.ca, &config.credentials)?;
        Ok((config, api))
    }
}

fn create(config: &Kubeconfig, api: &Api, ttl: Duration, description: &str, join: bool, once: bool) -> Result<()> {
    let token = secret::random()?;
    let end = Instant::now() + ttl;
    let document = secret::document(&token, SystemTime::now() + ttl, description);
    let answer = api.post(SECRETS, &document)?;
    expect(&answer, 201, &format!("make a token at {}", api.endpoint))?;
    let made = signed(api, &token).and_then(|()| {
        let whole = format!("{}.{}", token.id, token.secret);
        let line = if join { join_key(config, &whole)? } else { whole };
        let mut out = std::io::stdout();
        writeln!(out, "{line}").and_then(|()| out.flush()).doing("print the token")
    });
    match made {
        Ok(()) if once => once_used(api, &token, end),
        Ok(()) => Ok(()),
        Err(e) => {
            // Nobody has it. When it can't be deleted either, its end comes by itself.
            let _ = delete(api, &token.id);
            Err(e)
        }
    }
}

fn join_key(config: &Kubeconfig, token: &str) -> Result<String> {
    let pins = pins_of(&config.ca)?;
    let pin = pins.first().ok_or_else(|| Error::new("the kubeconfig has no CA's certificate"))?;
    Ok(format!("{},token={token},ca={}", config.endpoint, pin.0))
}

/// Wait until the cluster's description is signed with the token.
fn signed(api: &Api, token: &Token) -> Result<()> {
    let end = Instant::now() + SIGNED_TIMEOUT;
    loop {
        if signatures(api)?.contains(&token.id) {
            return Ok(());
        }
        if Instant::now() >= end {
            return Err(unsigned(&api.endpoint));
        }
        std::thread::sleep(LOOK / 4);
    }
}

/// The first parts of all tokens with which the cluster's description is signed.
fn signatures(api: &Api) -> Result<BTreeSet<String>> {
    let answer = api.get(CLUSTER_INFO)?;
    if answer.status == 404 {
        return Err(Error::new(format!("{} has no cluster-info: was the cluster made by kubeadm?", api.endpoint)));
    }
    let data = answer.body["data"].as_object();
    let fields = data.into_iter().flatten().filter(|(_, value)| value.is_string());
    Ok(fields.filter_map(|(name, _)| name.strip_prefix("jws-kubeconfig-")).map(str::to_owned).collect())
}

fn unsigned(endpoint: &str) -> Error {
    let seconds = SIGNED_TIMEOUT.as_secs();
    Error::new(format!("{endpoint} does not sign its cluster-info with the new token within {seconds} s"))
}

/// Wait until a kubelet has its certificate by the token, or the token's time is over; then it goes.
fn once_used(api: &Api, token: &Token, end: Instant) -> Result<()> {
    while Instant::now() < end {
        match used(api, &token.id) {
            Ok(true) => return delete(api, &token.id),
            Ok(false) => {}
            Err(e) if http::is_passing(&e) => {}
            Err(e) => return Err(e),
        }
        std::thread::sleep(LOOK);
    }
    delete(api, &token.id)
}

fn used(api: &Api, id: &str) -> Result<bool> {
    Ok(all_used(api)?.contains(id))
}

/// The first parts of all tokens by which a node has got a certificate.
fn all_used(api: &Api) -> Result<BTreeSet<String>> {
    let mut used = BTreeSet::new();
    let mut next = String::new();
    for _ in 0..PARTS {
        let answer = api.get(&format!("{REQUESTS}{next}"))?;
        expect(&answer, 200, "look at requests for certificates")?;
        let granted = |item: &&Value| item["status"]["certificate"].as_str().is_some_and(|text| !text.is_empty());
        let items = answer.body["items"].as_array().into_iter().flatten().filter(granted);
        let by = items.filter_map(|item| item["spec"]["username"].as_str()?.strip_prefix("system:bootstrap:"));
        used.extend(by.map(str::to_owned));
        match answer.body["metadata"]["continue"].as_str().filter(|text| !text.is_empty()) {
            // It becomes part of a request's line.
            Some(text) if text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_=.".contains(&b)) => {
                next = format!("&continue={text}");
            }
            _ => break,
        }
    }
    Ok(used)
}

fn list(api: &Api) -> Result<()> {
    let answer = api.get(&format!("{SECRETS}?fieldSelector=type%3Dbootstrap.kubernetes.io%2Ftoken"))?;
    expect(&answer, 200, &format!("list the tokens of {}", api.endpoint))?;
    let mut out = kit::out();
    for item in answer.body["items"].as_array().into_iter().flatten() {
        writeln!(out, "{}", secret::row(item)).doing("print the tokens")?;
    }
    out.flush().doing("print the tokens")
}

fn delete(api: &Api, id: &str) -> Result<()> {
    let answer = api.delete(&format!("{SECRETS}/bootstrap-token-{id}"))?;
    // The cluster itself may have been faster.
    if answer.status == 404 { Ok(()) } else { expect(&answer, 200, &format!("delete token {id}")) }
}

fn expect(answer: &Answer, status: u16, what: &str) -> Result<()> {
    if answer.status == status {
        return Ok(());
    }
    let why = answer.body["message"].as_str().map_or_else(|| format!("status {}", answer.status), str::to_owned);
    // Its server is only busy: it may be tried again.
    let verb = if matches!(answer.status, 429 | 500..) { "ask the cluster to " } else { "" };
    Err(Error::new(format!("{verb}{what}: {why}")))
}

/// A token's first part.
fn id(text: &str) -> Result<&str> {
    let id = text.split('.').next().unwrap_or_default();
    let good = id.len() == 6 && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if good { Ok(id) } else { Err(Error::usage(format!("{text:?} is neither a token nor its first part"))) }
}

/// `90s`, `10m`, `24h`.
fn time_to_live(text: &str) -> Result<Duration, String> {
    let found = duration(text).filter(|time| *time >= LOOK);
    found.ok_or_else(|| "it must be a time such as 90s, 10m or 24h, at most 87600h".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_file_of_a_list_is_read() {
        let here = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let list = format!("/no/such:{here}:/no/other");
        assert_eq!(first_of(OsStr::new(&list)), Some(PathBuf::from(here)));
        assert_eq!(first_of(OsStr::new("/no/such:/no/other")), Some(PathBuf::from("/no/other")));
        assert_eq!(first_of(OsStr::new("")), None);
    }

    #[test]
    fn times_and_names_are_checked() {
        assert_eq!(time_to_live("10m"), Ok(Duration::from_mins(10)));
        assert_eq!(time_to_live("87600h").map(|ttl| Instant::now().checked_add(ttl).is_some()), Ok(true));
        for wrong in ["", "10", "m", "-1m", "0s", "1d", "ö", "87601h", "18446744073709551615s", "99999999999999999999h"] {
            assert!(time_to_live(wrong).is_err(), "{wrong}");
        }
        assert_eq!(id("abcdef.0123456789abcdef").ok(), Some("abcdef"));
        for wrong in ["", "abc", "ABCDEF", "../../x"] {
            assert!(id(wrong).is_err(), "{wrong}");
        }
    }
}
