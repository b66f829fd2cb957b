//! `httpd [-f] [-i] [-v] [-p [ADDRESS:]PORT] [-u USER[:GROUP]] [-h DIR]` hands out the files of a directory by HTTP.
//!
//! Only GET and HEAD, with ranges; a directory without `index.html` is listed. Nothing outside of the directory is reached, by `..` or by a link. It goes to the
//! background without `-f`; `-i` serves one connection on standard input. At most 64 connections at once, 16 of one address.
//!
//! Example: `httpd -f -v -p 8080 -h /srv/www`.

mod answer;
mod files;

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::Write;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, account, parse};
use sys::child::{Before, before_exec};

use answer::serve;

/// Files by HTTP.
pub const HTTPD: Applet = Applet { name: "httpd", about: "hand out the files of a directory by HTTP", place: Place::Sbin, run };

/// Connections at once, and of one address.
const MOST: usize = 64;
const MOST_OF_ONE: usize = 16;
/// Time for a request to come, and for a piece of an answer to go.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause after an accept that failed, for want of descriptors for example.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

// `-h` is the directory here, as in BusyBox.
#[derive(Parser)]
#[command(disable_help_flag = true)]
struct Options {
    /// Print help
    #[arg(long, action = clap::ArgAction::Help)]
    help: Option<bool>,
    /// Stay in the foreground
    #[arg(short)]
    foreground: bool,
    /// Serve standard input
    #[arg(short)]
    inetd: bool,
    /// Say each request
    #[arg(short)]
    verbose: bool,
    /// Address and port
    #[arg(short, value_name = "[ADDRESS:]PORT", default_value = "80")]
    port: String,
    /// Run as this user
    #[arg(short, value_name = "USER[:GROUP]")]
    user: Option<String>,
    /// The directory
    #[arg(short = 'h', value_name = "DIR", default_value = ".")]
    home: PathBuf,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&HTTPD, args)?;
    let root = std::fs::File::open(&options.home).on("open", &options.home)?;
    if !root.metadata().on("look at", &options.home)?.is_dir() {
        return Err(Error::usage(format!("{} is not a directory", options.home.display())));
    }
    let root: OwnedFd = root.into();
    if options.inetd {
        options.user.as_deref().map_or(Ok(()), become_user)?;
        return one(&root, options.verbose);
    }
    let listener = TcpListener::bind(address(&options.port)?).doing(format!("listen on {}", options.port))?;
    if !options.foreground {
        return in_background(args);
    }
    options.user.as_deref().map_or(Ok(()), become_user)?;
    accept_all(&listener, &Arc::new(root), options.verbose)
}

/// `80`, `127.0.0.1:80` or `[::1]:80`; a port alone is that of all addresses.
fn address(text: &str) -> Result<SocketAddr> {
    let any = || text.parse().ok().map(|port: u16| SocketAddr::from(([0_u16; 8], port)));
    text.parse().ok().or_else(any).ok_or_else(|| Error::usage(format!("{text:?} is neither a port nor ADDRESS:PORT")))
}

/// The same command in a session of its own. The port was seen to be free.
fn in_background(args: &[OsString]) -> Result<Exit> {
    let mut command = Command::new("/proc/self/exe");
    std::os::unix::process::CommandExt::arg0(&mut command, &args[0]);
    command.args(&args[1..]).arg("-f").stdin(std::process::Stdio::null());
    before_exec(&mut command, Before { session: true, ..Before::default() });
    command.spawn().doing("go to the background")?;
    Ok(Exit::OK)
}

fn become_user(text: &str) -> Result<()> {
    use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
    let (name, group) = text.split_once(':').map_or((text, None), |(name, group)| (name, Some(group)));
    let user = account::user_id(name).ok_or_else(|| Error::usage(format!("no such user: {name}")))?;
    let group = group.unwrap_or(name);
    let group = account::group_id(group).ok_or_else(|| Error::usage(format!("no such group: {group}")))?;
    let (user, group) = (rustix::process::Uid::from_raw(user), rustix::process::Gid::from_raw(group));
    set_thread_groups(&[group]).doing("set the groups")?;
    set_thread_res_gid(group, group, group).doing("set the group")?;
    set_thread_res_uid(user, user, user).doing("set the user")
}

fn one(root: &OwnedFd, tells: bool) -> Result<Exit> {
    let input = rustix::io::dup(rustix::stdio::stdin()).doing("take standard input")?;
    let mut stream = TcpStream::from(input);
    let _ = stream.set_read_timeout(Some(IDLE_TIMEOUT));
    let peer = stream.peer_addr().ok();
    serve(root.as_fd(), &mut stream, &mut |line| tell(tells, peer, line));
    Ok(Exit::OK)
}

/// Connections by their addresses.
type Seats = Arc<Mutex<HashMap<IpAddr, usize>>>;

fn accept_all(listener: &TcpListener, root: &Arc<OwnedFd>, tells: bool) -> Result<Exit> {
    let seats: Seats = Seats::default();
    loop {
        let Ok((stream, peer)) = listener.accept() else {
            std::thread::sleep(ACCEPT_PAUSE);
            continue;
        };
        let Some(seat) = Seat::take(&seats, peer.ip()) else { continue };
        let root = Arc::clone(root);
        let work = move || {
            let _seat = seat;
            let mut stream = stream;
            let limits = [stream.set_read_timeout(Some(IDLE_TIMEOUT)), stream.set_write_timeout(Some(IDLE_TIMEOUT))];
            if limits.iter().all(Result::is_ok) {
                serve(root.as_fd(), &mut stream, &mut |line| tell(tells, Some(peer), line));
            }
        };
        // Without a thread the connection is closed; the next one may have more luck.
        let _ = std::thread::Builder::new().stack_size(256 << 10).spawn(work);
    }
}

/// A place among the connections, given back when dropped.
struct Seat {
    seats: Seats,
    ip: IpAddr,
}

impl Seat {
    fn take(seats: &Seats, ip: IpAddr) -> Option<Self> {
        let mut all = seats.lock().unwrap_or_else(PoisonError::into_inner);
        let total: usize = all.values().sum();
        let own = all.entry(ip).or_default();
        if total >= MOST || *own >= MOST_OF_ONE {
            return None;
        }
        *own += 1;
        drop(all);
        Some(Self { seats: Arc::clone(seats), ip })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut all = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = all.get_mut(&self.ip) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.ip);
            }
        }
    }
}

fn tell(tells: bool, peer: Option<SocketAddr>, line: &str) {
    if tells {
        let peer = peer.map_or_else(|| "-".to_owned(), |peer| peer.to_string());
        // A log that nobody takes is no reason to end.
        let _ = writeln!(std::io::stderr(), "{peer}: {line}");
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn a_stranger_has_sixteen_seats() {
        let seats = Seats::default();
        let ip: IpAddr = "192.0.2.1".parse().unwrap();
        let taken: Vec<Seat> = std::iter::from_fn(|| Seat::take(&seats, ip)).take(100).collect();
        assert_eq!(taken.len(), MOST_OF_ONE);
        assert!(Seat::take(&seats, "192.0.2.2".parse().unwrap()).is_some());
        drop(taken);
        assert!(seats.lock().unwrap().is_empty());
    }

    #[test]
    fn ports_and_addresses() {
        assert_eq!(address("8080").unwrap().port(), 8080);
        assert_eq!(address("127.0.0.1:1").unwrap().to_string(), "127.0.0.1:1");
        assert!(address("x").is_err());
    }
}
