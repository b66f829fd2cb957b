//! `netboot`: boot other machines over the network: DHCP or ProxyDHCP, TFTP and HTTP out of the directories that `make image` calls
//! `netboot/`.
//!
//! Usage: kutties netboot [-i INTERFACE]... [--range FIRST-LAST | --proxy] [--kubeconfig FILE | --api HOST:PORT --token TOKEN --ca HASH]
//!        [--machines DIR] DIR...
//!
//! A directory is for the architecture of its kutties.efi; one a kind of machine. Without --range it answers beside another DHCP server
//! (ProxyDHCP): that one gives addresses, this one says what to boot. BIOS machines need iPXE: their network card's, or a
//! DIR/undionly.kpxe; UEFI loads kutties.efi by TFTP or HTTP.
//!
//! Each machine that boots asks for its settings at http://HERE/ARCH/MAC/config.toml. They are the file MAC.toml, UUID.toml or
//! default.toml in the directory --machines, in which ${mac}, ${uuid}, ${serial} and ${hostname} stand for the machine's and ${join} for what
//! lets it join; without ${join} or a key `join` in it, that key is put in front. MAC.cpio there is a segment of the machine's own.
//! With --kubeconfig each machine gets a token of its own that lives ten minutes and is deleted once used: a machine that got an answer
//! to DHCP or PXE or a boot file here in the last quarter of an hour, and eight of one address at most.
//!
//! Anybody on the network can ask for a machine's settings, its token among them: use a network that you trust, or --known.

mod content;
mod crowd;
mod directory;
mod http;
mod identity;
mod listen;
mod pool;
mod reply;
mod settings;
mod tftp;
mod tokens;
mod visitors;

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use format::{pe, pxe};
use kit::{Applet, Context, Error, Exit, Place, Result};

use content::Content;
use directory::{Directories, Wanted};
use identity::Identity;
use pool::{Mac, Pool};
use reply::Network;
use tokens::Tokens;
use visitors::Visitors;

/// The record.
pub const NAME: Applet =
    Applet { name: "netboot", about: "boot other machines over the network: DHCP, TFTP, HTTP", place: Place::Node, run };

#[derive(Parser, Debug)]
struct Options {
    /// The directories to serve
    #[arg(required = true, value_name = "DIR")]
    directories: Vec<PathBuf>,
    /// Serve on this interface; else on all network cards that have an IPv4 address
    #[arg(short, long, value_name = "INTERFACE")]
    interface: Vec<String>,
    /// Give addresses of this range: a DHCP server of its own
    #[arg(long, value_name = "FIRST-LAST", conflicts_with = "proxy", value_parser = pool::range)]
    range: Option<(Ipv4Addr, Ipv4Addr)>,
    /// Leave addresses to another DHCP server (the default)
    #[arg(long)]
    proxy: bool,
    /// The router to tell, with --range
    #[arg(long, value_name = "ADDRESS", requires = "range")]
    router: Option<Ipv4Addr>,
    /// A name server to tell, with --range
    #[arg(long, value_name = "ADDRESS", requires = "range")]
    dns: Vec<Ipv4Addr>,
    /// Lease time of an address, in seconds, with --range
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u32).range(60..))]
    lease: u32,
    /// The port of HTTP
    #[arg(long, value_name = "PORT", default_value_t = 80, value_parser = clap::value_parser!(u16).range(1..))]
    http_port: u16,
    /// Settings and segments of single machines
    #[arg(long, value_name = "DIR")]
    machines: Option<PathBuf>,
    /// Serve only machines that have a file in --machines
    #[arg(long, requires = "machines")]
    known: bool,
    /// Words for the kernel's command line of every machine that iPXE boots
    #[arg(long, value_name = "WORDS", default_value = "")]
    append: String,
    /// Make a token for each machine with this kubeconfig
    #[arg(long, value_name = "FILE", conflicts_with_all = ["token", "api", "ca"])]
    kubeconfig: Option<PathBuf>,
    /// The cluster to join, with --token
    #[arg(long, value_name = "HOST:PORT", requires = "token")]
    api: Option<String>,
    /// The token to hand out
    #[arg(long, value_name = "TOKEN", requires_all = ["api", "ca"])]
    token: Option<String>,
    /// The hash of the cluster's CA, with --token
    #[arg(long, value_name = "sha256:HASH", requires = "token")]
    ca: Option<String>,
}

/// State that all threads of the server share.
struct Server {
    directories: Directories,
    identity: Identity,
    network: Network,
    visitors: Visitors,
    append: String,
}

/// A client that asks for a file.
#[derive(Clone, Copy, Debug)]
enum Client {
    /// At an address from which answers come back.
    Http(Ipv4Addr),
    /// At an address that it may have made up.
    Tftp,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&NAME, args)?;
    let directories = Directories::open(&options.directories)?;
    let tokens = match (&options.kubeconfig, &options.api, &options.token, &options.ca) {
        (Some(file), ..) => Tokens::each(file)?,
        (None, Some(api), Some(token), Some(ca)) => Tokens::one(api, token, ca)?,
        _ => Tokens::none(),
    };
    let pool = options.range.map(|(first, last)| Pool::new(first, last, options.lease));
    let network = Network::new(pool, options.router, options.dns.clone(), options.http_port);
    let identity = Identity::open(options.machines.as_deref(), options.known, tokens)?;
    let server =
        Arc::new(Server { directories, identity, network, visitors: Visitors::default(), append: options.append.clone() });
    let posts = listen::posts(&options.interface)?;
    let mut threads = Vec::new();
    for post in posts {
        say(&format!("serving {} on {} at {}", server.directories, post.name, post.own));
        threads.extend(listen::dhcp(&server, &post)?);
        threads.push(tftp::serve(&server, post.own)?);
        threads.push(http::serve(&server, post.own, options.http_port)?);
    }
    say("ready");
    // They end when something is broken for good.
    let ended =
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(Error::new("a part of the server broke off"))));
    ended.collect::<Result<Vec<()>>>().map(|_| Exit::OK)
}

/// A line of what goes on.
fn say(line: &str) {
    // A server must not end because nobody reads what it says.
    let _ = writeln!(std::io::stdout(), "{line}");
}

impl Server {
    /// Returns the content for a path, a machine's own where the path names one. `told` is the
    /// machine's description of itself.
    fn content(&self, path: &str, told: &[(String, String)], own: Ipv4Addr, client: Client) -> Result<Content> {
        let wanted = self.directories.read(path).ok_or_else(|| Error::new("it is no path of this server"))?;
        let Some(mac) = wanted.mac else { return self.directories.file(&wanted) };
        if !self.identity.serves(mac) {
            return Err(Error::new(format!("{} is no machine that is served", pxe::mac(mac))));
        }
        match wanted.name {
            identity::SETTINGS => {
                let from = self.may_join(mac, client)?;
                self.identity.settings(mac, told, from).map(|text| Content::bytes(text.into_bytes()))
            }
            identity::SEGMENT => {
                let segment = self.identity.segment(mac)?;
                segment.map(Content::bytes).ok_or_else(|| Error::new("the machine has no segment of its own"))
            }
            directory::SCRIPT => {
                self.visitors.saw(mac, Instant::now());
                self.script(&wanted, mac, own)
            }
            directory::EFI => {
                self.visitors.saw(mac, Instant::now());
                self.program(&wanted, mac, own)
            }
            _ => self.directories.file(&wanted),
        }
    }

    /// The address of a client that may get a token for a machine. Where each has its own, it must be there to boot.
    fn may_join(&self, mac: Mac, client: Client) -> Result<Ipv4Addr> {
        match client {
            Client::Http(from) if !self.identity.makes_tokens() || self.visitors.knows(mac, Instant::now()) => Ok(from),
            Client::Http(_) => Err(Error::new(format!("{} got no answer to DHCP and no boot file here lately", pxe::mac(mac)))),
            Client::Tftp if self.identity.makes_tokens() => Err(Error::new("settings with a token come by HTTP alone")),
            Client::Tftp => Ok(Ipv4Addr::UNSPECIFIED),
        }
    }

    fn script(&self, wanted: &Wanted<'_>, mac: Mac, own: Ipv4Addr) -> Result<Content> {
        let path = self.directories.path(wanted);
        let template = std::fs::read_to_string(&path).on("read", &path)?;
        let mut words = self.append.clone();
        if self.identity.has_settings() {
            // iPXE puts in what it knows of the machine.
            let facts = "uuid=${uuid}&serial=${serial:uristring}&hostname=${hostname:uristring}";
            let url = self.settings_url(own, mac);
            // Nobody can sign settings that are made anew for each machine; who gives the kernel could leave the check out anyway.
            words = format!("{words} kutties.config={url}?{facts} kutties.settings.unsigned=yes");
        }
        let segment = self.identity.segment(mac)?.map(|_| identity::SEGMENT);
        Ok(Content::bytes(settings::script(&template, words.trim(), segment).into_bytes()))
    }

    /// The program with a section more, in which the machine finds what is its own.
    fn program(&self, wanted: &Wanted<'_>, mac: Mac, own: Ipv4Addr) -> Result<Content> {
        let carried = self.identity.carried(mac, &self.settings_url(own, mac))?;
        if carried.is_empty() {
            return self.directories.file(wanted);
        }
        let path = self.directories.path(wanted);
        let file = File::open(&path).on("open", &path)?;
        let len = file.metadata().on("look at", &path)?.len();
        let mut head = Vec::new();
        (&file).take(pe::HEAD as u64).read_to_end(&mut head).on("read", &path)?;
        let pe::Extended { head, end, tail } = pe::extended(&head, len, ".initrd", &carried).on("read", &path)?;
        Ok(Content::changed(head, file, end, tail))
    }
}
