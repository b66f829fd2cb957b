//! The one program of the test image. It does what a test asks of a container's process, and says what the container lets it do.
//!
//! `probe hello` greets, then waits to be told to end; `probe exit N` ends with N; `probe confined` tries what a container's
//! process must not do and ends with 0 when all of it was forbidden; `probe free` ends with 0 when all of it was allowed;
//! `probe echo PORT` sends back what comes to that port of 127.0.0.1, each connection by itself, until it is told to end.
//! `below` leaves its root directory by way of its mount namespace and says what lies below that.
//! `datagrams PORT` does the same with each datagram to that port of any address.
//! `flood MEBIBYTES`, `nest PLACE LEVELS`, `storm`, `inodes PLACE` and `hog PLACE` take what they can get, `fill PLACE` says how much that is.
//! `show`, `processes` and `look-at` say what it sees; `serve PORT` answers probes; the other words do one thing each, see `act`.

#[path = "../probe/act.rs"]
mod act;
#[path = "../probe/below.rs"]
mod below;
#[path = "../probe/hostile.rs"]
mod hostile;
#[path = "../probe/serve.rs"]
mod serve;
#[path = "../probe/show.rs"]
mod show;

use std::env;
use std::ffi::CString;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::process::ExitCode;
use std::thread;

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::personality::{self, Persona};
use nix::sys::signal::{SigSet, Signal};

/// A node of the kernel's log, open to all by its mode: only the device filter keeps a process from writing there.
const KMSG: &str = "/kmsg";

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] | ["hello"] => hello(),
        ["exit", code] => Ok(code.parse::<u8>().map_or(ExitCode::FAILURE, ExitCode::from)),
        ["confined"] => attempts(&[Some(Errno::EPERM)]),
        ["free"] => attempts(&[None]),
        ["echo", port] => port.parse().map_or(Ok(ExitCode::from(2)), echo),
        ["datagrams", port] => port.parse().map_or(Ok(ExitCode::from(2)), act::datagrams),
        ["show", files @ ..] => show::show(files),
        ["processes"] => show::processes(),
        ["look-at", pid] => show::look_at(pid),
        ["serve", port] => serve::serve(port),
        ["count"] => act::count(),
        ["eat", mebibytes] => act::eat(mebibytes),
        ["write", file, text] => act::write(file, text),
        ["holds", file, text] => act::holds(file, text),
        ["orphan"] => act::orphan().and_then(|_| hello()),
        ["beget"] => act::beget(),
        ["below"] => below::below(),
        ["touch", places @ ..] => act::touch(places),
        ["flood", mebibytes] => hostile::flood(mebibytes),
        ["nest", place, levels] => hostile::nest(place, levels).and_then(|()| hello()),
        ["storm"] => hostile::storm(),
        ["inodes", place] => hostile::inodes(place),
        ["hog", place] => hostile::hog(place),
        ["fill", place] => hostile::fill(place),
        _ => Ok(ExitCode::from(2)),
    }
    .unwrap_or_else(|e| {
        // Without a listener there is nobody to tell.
        let _ = writeln!(io::stderr(), "probe: {e}");
        ExitCode::FAILURE
    })
}

/// As a container's first process it gets no signal that it does not ask for, so it must take SIGTERM itself.
fn hello() -> io::Result<ExitCode> {
    let mut ends = SigSet::empty();
    ends.add(Signal::SIGTERM);
    ends.add(Signal::SIGINT);
    ends.thread_block()?;
    let mut out = io::stdout();
    writeln!(out, "hello from {}", env::var("HOSTNAME").unwrap_or_default())?;
    out.flush()?;
    let signal = ends.wait()?;
    writeln!(out, "ended by {signal}")?;
    Ok(ExitCode::SUCCESS)
}

/// Serve until a signal comes.
fn echo(port: u16) -> io::Result<ExitCode> {
    let mut ends = SigSet::empty();
    ends.add(Signal::SIGTERM);
    ends.add(Signal::SIGINT);
    ends.thread_block()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    thread::spawn(move || {
        for mut from in listener.incoming().flatten() {
            thread::spawn(move || from.try_clone().and_then(|mut to| io::copy(&mut from, &mut to)));
        }
    });
    writeln!(io::stdout(), "listening")?;
    ends.wait()?;
    Ok(ExitCode::SUCCESS)
}

/// Try each forbidden thing and compare how it failed with what is wanted.
fn attempts(wanted: &[Option<Errno>]) -> io::Result<ExitCode> {
    let tried = [
        // Harmless and free to all where no filter forbids it.
        ("personality", personality::set(Persona::ADDR_NO_RANDOMIZE).map(drop).err()),
        ("kmsg", kmsg().err()),
        // Last: it changes who this process is.
        ("user namespace", unshare(CloneFlags::CLONE_NEWUSER).err()),
    ];
    let mut out = io::stdout();
    let mut odd = false;
    for (what, error) in tried {
        odd |= !wanted.contains(&error);
        writeln!(out, "{what}: {}", error.map_or_else(|| "allowed".into(), |e| e.to_string()))?;
    }
    Ok(if odd { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Open the kernel's log for writing: through the image's own node, or through one that a privileged process makes.
fn kmsg() -> Result<(), Errno> {
    use nix::sys::stat::{Mode, SFlag, makedev, mknod};
    let own = "/tmp/kmsg";
    let made = CString::new(own)
        .map_err(|_| Errno::EINVAL)
        .and_then(|path| mknod(path.as_c_str(), SFlag::S_IFCHR, Mode::from_bits_truncate(0o666), makedev(1, 11)));
    let path = if made.is_ok() { own } else { KMSG };
    match OpenOptions::new().write(true).open(path) {
        Ok(_) => Ok(()),
        Err(e) => Err(Errno::from_raw(e.raw_os_error().unwrap_or(0))),
    }
}
