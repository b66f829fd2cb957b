//! `kutties sshd`: a shell for those who have a key, over SSH.
//!
//! Usage: kutties sshd [-p PORT] [-k KEY]...
//!
//! KEY is a public key (Ed25519 or ECDSA) as a line of OpenSSH's; those in /etc/kutties/authorized_keys are let in as well. There is no
//! other way in than by a key, and no other account than root. Shells and commands, with a terminal or without; no forwarding, and no
//! files but through a command (`ssh root@node cat FILE`). The host's key is /etc/kutties/ssh_host_ed25519_key; without that file one
//! is made, which lasts until the next boot. A client has half a minute for its login. Of those that have not logged in more than ten
//! may be refused by lot, and one address has eight of them at most. init runs this as the service `sshd` when the key `ssh.keys` is set or the file is there.

mod keys;
mod lobby;
mod server;
mod session;

use std::ffi::OsString;
use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::Arc;

use clap::Parser;
use kit::{Applet, Context, Exit, Place, Result, paths};
use tokio::net::TcpListener;
use tokio::runtime::Builder;

/// The record.
pub const NAME: Applet = Applet { name: "sshd", about: "a shell over SSH for those who have a key", place: Place::Hidden, run };

#[derive(Parser)]
struct Options {
    /// The port to listen on
    #[arg(short, long, default_value_t = 22)]
    port: u16,
    /// A public key that is let in; may come several times
    #[arg(short, long, value_name = "KEY")]
    key: Vec<String>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&NAME, args)?;
    let keys = keys::authorized(&options.key, Path::new(paths::SSH_KEYS))?;
    let host = keys::host(Path::new(keys::HOST))?;
    say(&format!(
        "port {}, {} keys are let in, the host's key is {}",
        options.port,
        keys.len(),
        keys::fingerprint(host.public_key())
    ));
    let (keys, config) = (Arc::new(keys), Arc::new(server::config(host)));
    let runtime = Builder::new_current_thread().enable_all().build().doing("start the runtime")?;
    runtime.block_on(async {
        // Both families: an address of IPv4 comes as one of IPv6, unless the kernel was told to have none.
        let listener = match TcpListener::bind((Ipv6Addr::UNSPECIFIED, options.port)).await {
            Err(e) if e.kind() == ErrorKind::AddrNotAvailable || e.raw_os_error() == Some(NO_FAMILY) => {
                TcpListener::bind((Ipv4Addr::UNSPECIFIED, options.port)).await
            }
            bound => bound,
        };
        server::serve(listener.doing("listen for connections")?, config, keys).await
    })?;
    Ok(Exit::OK)
}

/// EAFNOSUPPORT.
const NO_FAMILY: i32 = rustix::io::Errno::AFNOSUPPORT.raw_os_error();

/// A line for the log. A log that can't be written keeps nobody out.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
