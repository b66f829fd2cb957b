//! `wget`: fetch files over HTTP and HTTPS.
//!
//! Usage: wget [-cq] [-O FILE] [-P DIR] [-T SECONDS] [-t TRIES] [-U AGENT] [--header LINE]... [--post-data TEXT|--post-file FILE]
//!        [--spider] [--ca-certificate FILE] [--no-check-certificate] [--https-only] URL...
//!
//! A file is called as the URL's last part (`index.html` when that is empty), with .1, .2 and so on when there is such a file; -O
//! names it (- is standard output). -c goes on where a broken transfer ended. Servers are believed when a certificate of
//! /etc/ssl/certs/ca-certificates.crt vouches for them. Proxies are taken from http_proxy, https_proxy and no_proxy. On a terminal
//! the progress is shown on standard error.
//!
//! Exit status: 0, 1 another error, 3 a file could not be written, 4 the network failed, 5 the certificate was not believed,
//! 7 the server did not speak HTTP, 8 the server answered with an error.

mod fetch;
mod output;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;
use kit::{Applet, Error, Exit, Place, Result};

use fetch::Fetcher;

/// The record.
pub const NAME: Applet = Applet { name: "wget", about: "fetch files over HTTP and HTTPS", place: Place::Bin, run };

/// Exit statuses, as GNU's wget has them.
mod status {
    use kit::Exit;
    pub const FILE: Exit = Exit(3);
    pub const NETWORK: Exit = Exit(4);
    pub const CERTIFICATE: Exit = Exit(5);
    pub const PROTOCOL: Exit = Exit(7);
    pub const SERVER: Exit = Exit(8);
}

#[derive(Parser, Debug)]
struct Options {
    /// Write all into this file; - is standard output
    #[arg(short = 'O', long, value_name = "FILE")]
    output_document: Option<PathBuf>,
    /// Write files into this directory
    #[arg(short = 'P', long, value_name = "DIR")]
    directory_prefix: Option<PathBuf>,
    /// Go on with a file that is there in part
    #[arg(short, long = "continue")]
    continue_: bool,
    /// Say nothing but errors
    #[arg(short, long)]
    quiet: bool,
    /// Timeout of a name, a connection, an answer, and the next bytes, in seconds
    #[arg(short = 'T', long, value_name = "SECONDS", default_value_t = 900.0)]
    timeout: f64,
    /// Number of tries while the network fails; 0 for ever
    #[arg(short, long, value_name = "TRIES", default_value_t = 20)]
    tries: u32,
    /// Name of this client
    #[arg(short = 'U', long, value_name = "AGENT")]
    user_agent: Option<String>,
    /// A line for the head of the request
    #[arg(long, value_name = "LINE")]
    header: Vec<String>,
    /// Send this text
    #[arg(long, value_name = "TEXT", conflicts_with = "post_file")]
    post_data: Option<String>,
    /// Send this file
    #[arg(long, value_name = "FILE")]
    post_file: Option<PathBuf>,
    /// Only see whether it is there
    #[arg(long)]
    spider: bool,
    /// Believe servers that a certificate of this file vouches for
    #[arg(long, value_name = "FILE")]
    ca_certificate: Option<PathBuf>,
    /// Believe any server
    #[arg(long)]
    no_check_certificate: bool,
    /// Never follow a server to anything but HTTPS
    #[arg(long)]
    https_only: bool,
    /// URLs to fetch; without a scheme it is http
    #[arg(required = true, value_name = "URL")]
    urls: Vec<String>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&NAME, args)?;
    if options.continue_ && options.output_document.as_deref().is_some_and(|file| file.as_os_str() == "-") {
        return Err(Error::usage("-c can't go on with standard output"));
    }
    let fetcher = Fetcher::new(&options)?;
    let mut output = output::Output::new(&options);
    let mut last = None;
    for url in &options.urls {
        // The others are fetched all the same; the last complaint is main's to print.
        if let Some(e) = last.take() {
            output::complain(&e);
        }
        last = fetcher.fetch(url, &mut output).err();
    }
    last.map_or(Ok(Exit::OK), Err)
}
