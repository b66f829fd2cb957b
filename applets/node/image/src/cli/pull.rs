//! `image pull`: for a person with progress on the terminal, for a program as lines of JSON.
//!
//! The CRI server runs it as `image pull --request`: the request with its secrets is a line of JSON on standard input, which stays open as
//! long as the server wants the image. So no argument tells a secret, a pull never outlives who asked for it, and what decompressing and TLS
//! take is given back at its end.

use std::io::{BufRead, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use clap::Args;
use kit::{Context, Error, Exit, Kind, Result};
use serde::{Deserialize, Serialize};

use super::bars::{Bars, Style};
use super::{called, print};
use crate::registry::{self, Credentials, Overrides, Progress, Request, STALL_TIMEOUT};
use crate::store::{Image, Store};

#[derive(Args)]
pub struct Options {
    /// Name and password for the registry; better kept out of the process list by --password-stdin
    #[arg(short = 'u', long, value_name = "NAME[:PASSWORD]")]
    creds: Option<String>,
    /// Read the password from standard input
    #[arg(long, requires = "creds")]
    password_stdin: bool,
    /// Speak plain HTTP to the registry
    #[arg(long)]
    plain_http: bool,
    /// Believe any certificate of the registry
    #[arg(short = 'k', long)]
    skip_verify: bool,
    /// Directory of hosts.toml files, instead of /etc/kutties/certs.d and /etc/containerd/certs.d
    #[arg(long, value_name = "DIR")]
    hosts_dir: Option<PathBuf>,
    /// Give up when the registry says nothing for so long
    #[arg(long, value_name = "SECONDS", default_value_t = STALL_TIMEOUT.as_secs(), value_parser = clap::value_parser!(u64).range(1..))]
    stall: u64,
    /// Print the ids alone
    #[arg(short, long)]
    quiet: bool,
    /// Print progress and result as lines of JSON
    #[arg(long, conflicts_with = "quiet")]
    json: bool,
    /// Take one request as a line of JSON from standard input, and end with it
    #[arg(long, hide = true, conflicts_with_all = ["images", "creds"])]
    request: bool,
    /// Images to pull
    #[arg(required_unless_present = "request", value_name = "IMAGE")]
    images: Vec<String>,
}

/// The line that a program sends.
#[derive(Deserialize)]
struct Order {
    image: String,
    #[serde(default)]
    credentials: Credentials,
}

/// The lines that a program gets.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Line<'a> {
    Progress { digest: &'a str, done: u64, total: u64 },
    Image { id: &'a str, tags: &'a [String], digests: &'a [String], size: u64 },
    Fault { kind: Kind, message: &'a str },
}

pub fn run(store: &Store, options: Options) -> Result<Exit> {
    if options.request {
        return ordered(store, options);
    }
    let credentials = credentials(&options)?;
    for image in &options.images {
        let pulled = one(store, &request(&options, image.clone(), credentials.clone()), style(&options));
        match pulled {
            Ok(image) if options.json => say(&line_of(&image))?,
            Ok(image) if options.quiet => drop(print(&format!("{}\n", image.id))?),
            Ok(image) => drop(print(&format!("{} {}\n", called(&image), image.id))?),
            Err(fault) => {
                if options.json {
                    say(&Line::Fault { kind: fault.kind(), message: fault.message() })?;
                }
                return Err(fault);
            }
        }
    }
    Ok(Exit::OK)
}

fn credentials(options: &Options) -> Result<Credentials> {
    let Some(typed) = &options.creds else { return Ok(Credentials::default()) };
    if !options.password_stdin {
        return Credentials::typed(typed);
    }
    let mut password = String::new();
    std::io::stdin().lock().read_line(&mut password).doing("read the password")?;
    Credentials::typed(&format!("{typed}:{}", password.trim_end_matches(['\r', '\n'])))
}

fn style(options: &Options) -> Style {
    match (options.quiet, options.json) {
        (true, _) => Style::Silent,
        (_, true) => Style::Lines(|progress| {
            let (done, total) = progress.sum();
            say(&Line::Progress { digest: &progress.digest, done, total })
        }),
        _ => Style::Person,
    }
}

fn request(options: &Options, image: String, credentials: Credentials) -> Request {
    let overrides = Overrides {
        plain_http: options.plain_http,
        skip_verify: options.skip_verify,
        directories: options.hosts_dir.clone().map(|directory| vec![directory]),
    };
    Request { image, credentials, overrides, stall: Duration::from_secs(options.stall) }
}

/// Pull one image while its progress is shown.
fn one(store: &Store, request: &Request, style: Style) -> Result<Image> {
    let bars = Bars::new(style, &request.image);
    let pulled = registry::pull(store, request, &|progress: &Arc<Progress>| bars.show(progress));
    bars.close();
    pulled
}

/// Pull what a line on standard input orders; the end of standard input calls it off.
fn ordered(store: &Store, options: Options) -> Result<Exit> {
    let mut input = std::io::BufReader::new(std::io::stdin());
    let mut line = String::new();
    // A request is a name and some secrets, of which tokens may be long.
    Read::take(&mut input, 1 << 20).read_line(&mut line).doing("read the request")?;
    let order: Order = serde_json::from_str(&line).map_err(|_| Error::usage("the request on standard input is malformed"))?;
    let (tell, told) = channel();
    let (gone, store) = (tell.clone(), store.clone());
    thread::spawn(move || {
        let _ = input.read(&mut [0]);
        let _ = gone.send(None);
    });
    thread::spawn(move || {
        let options = Options { json: true, ..options };
        let pulled = one(&store, &request(&options, order.image, order.credentials), style(&options));
        let _ = tell.send(Some(pulled));
    });
    match told.recv() {
        Ok(Some(Ok(image))) => say(&line_of(&image)).map(|()| Exit::OK),
        Ok(Some(Err(fault))) => say(&Line::Fault { kind: fault.kind(), message: fault.message() }).map(|()| Exit::FAILED),
        // The process ends with its threads; what they have made is rubbish that the next change collects.
        Ok(None) | Err(_) => Ok(Exit::FAILED),
    }
}

fn line_of(image: &Image) -> Line<'_> {
    Line::Image { id: &image.id, tags: &image.tags, digests: &image.digests, size: image.size }
}

fn say(line: &Line) -> Result<()> {
    let text = serde_json::to_string(line).doing("encode the answer")?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).doing("write")
}
