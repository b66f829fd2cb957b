//! Actions of a container's process: eat memory, leave orphans, write files, change what it must
//! not change.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::{Ipv6Addr, UdpSocket};
use std::process::{Command, ExitCode, Stdio};

use nix::sys::signal::{SigSet, Signal};

/// The size of what is taken at once; a page of it is written to every 4 KiB.
const MEBIBYTE: usize = 1 << 20;
/// Between two numbers: often enough to show a gap, seldom enough for an emulated processor.
const TICK: std::time::Duration = std::time::Duration::from_millis(100);

/// Take so much memory, and say so when all of it is there.
pub fn eat(mebibytes: &str) -> io::Result<ExitCode> {
    let count: usize = mebibytes.parse().map_err(io::Error::other)?;
    let mut eaten = Vec::new();
    for _ in 0..count {
        let mut piece = vec![0_u8; MEBIBYTE];
        piece.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
        eaten.push(piece);
    }
    say(&format!("ate {} MiB", eaten.len()))
}

/// Say the numbers from 1 on, ten a second, until it is told to end.
pub fn count() -> io::Result<ExitCode> {
    let mut ends = SigSet::empty();
    ends.add(Signal::SIGTERM);
    ends.thread_block()?;
    std::thread::spawn(|| {
        for number in 1_u64.. {
            if writeln!(io::stdout(), "{number}").is_err() {
                return;
            }
            std::thread::sleep(TICK);
        }
    });
    ends.wait()?;
    Ok(ExitCode::SUCCESS)
}

/// Send back each datagram that comes to the port.
pub fn datagrams(port: u16) -> io::Result<ExitCode> {
    let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, port))?;
    let mut bytes = [0; 1500];
    loop {
        let (read, from) = socket.recv_from(&mut bytes)?;
        socket.send_to(&bytes[..read], from)?;
    }
}

/// Add a line to a file.
pub fn write(file: &str, text: &str) -> io::Result<ExitCode> {
    let mut file = OpenOptions::new().create(true).append(true).open(file)?;
    writeln!(file, "{text}")?;
    Ok(ExitCode::SUCCESS)
}

/// End with 0 when the file holds the text.
pub fn holds(file: &str, text: &str) -> io::Result<ExitCode> {
    match fs::read_to_string(file) {
        Ok(content) if content.contains(text) => Ok(ExitCode::SUCCESS),
        Ok(content) => Err(io::Error::other(format!("{file} holds {content:?}"))),
        Err(e) => Err(e),
    }
}

/// Start a process that starts another one and ends at once: nobody's child is left, which ends, too.
pub fn orphan() -> io::Result<ExitCode> {
    Command::new("/bin/probe").args(["beget"]).status()?;
    say("left an orphan")
}

/// The process between: its child outlives it for a moment.
pub fn beget() -> io::Result<ExitCode> {
    Command::new("/bin/probe").args(["exit", "0"]).stdin(Stdio::null()).spawn()?;
    Ok(ExitCode::SUCCESS)
}

/// Try to write to each of these places; a line each says how it went.
pub fn touch(places: &[&str]) -> io::Result<ExitCode> {
    let mut out = io::stdout().lock();
    for place in places {
        let tried = OpenOptions::new().create(true).append(true).open(place);
        writeln!(out, "{place}: {}", tried.map_or_else(|e| e.kind().to_string(), |_| "written".into()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn say(text: &str) -> io::Result<ExitCode> {
    let mut out = io::stdout();
    writeln!(out, "{text}")?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
