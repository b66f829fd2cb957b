//! `logread [-f] [-F] [-l NUMBER]` shows the lines that `syslogd -C` holds in memory.
//!
//! `-f` goes on with those to come, `-F` shows only those, `-l` the newest so many.
//!
//! Example: `logread -f`.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use clap::Parser;
use kit::{Applet, Context, Exit, Place, Result, out, parse};

use crate::syslogd::RING;

/// The log in memory.
pub const LOGREAD: Applet =
    Applet { name: "logread", about: "show the log that syslogd holds in memory", place: Place::Sbin, run };

#[derive(Parser)]
struct Options {
    /// Go on with lines to come
    #[arg(short)]
    follow: bool,
    /// Only lines to come
    #[arg(short = 'F')]
    only_new: bool,
    /// The newest so many lines
    #[arg(short, value_name = "NUMBER")]
    last: Option<usize>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&LOGREAD, args)?;
    let mut stream = UnixStream::connect(RING).doing("reach syslogd, which holds lines with -C")?;
    let mut out = out();
    let mut held = Vec::new();
    let mut is_new = false;
    let mut bytes = [0; 8192];
    loop {
        let count = stream.read(&mut bytes).doing("read from syslogd")?;
        if count == 0 {
            return Ok(Exit::OK);
        }
        held.extend(&bytes[..count]);
        if !is_new && let Some(end) = held.iter().position(|byte| *byte == 0) {
            let old: Vec<u8> = held.drain(..=end).take(end).collect();
            if !options.only_new {
                out.write_all(newest(&old, options.last)).and_then(|()| out.flush()).doing("write standard output")?;
            }
            if !(options.follow || options.only_new) {
                return Ok(Exit::OK);
            }
            is_new = true;
        }
        if is_new {
            out.write_all(&held).and_then(|()| out.flush()).doing("write standard output")?;
            held.clear();
        }
    }
}

fn newest(text: &[u8], lines: Option<usize>) -> &[u8] {
    let Some(lines) = lines else { return text };
    let ends: Vec<usize> = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect();
    match ends.len().checked_sub(lines + 1) {
        None => text,
        Some(at) => &text[ends[at]..],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_lines() {
        assert_eq!(newest(b"a\nb\nc\n", Some(2)), b"b\nc\n");
        assert_eq!(newest(b"a\nb\n", Some(5)), b"a\nb\n");
        assert_eq!(newest(b"a\nb\n", Some(0)), b"");
        assert_eq!(newest(b"", Some(1)), b"");
    }
}
