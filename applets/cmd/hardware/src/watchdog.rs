//! `watchdog` keeps a hardware watchdog from resetting the machine: it writes to the device again and again. A machine on
//! which nothing runs any more does not, and starts anew.
//!
//! ```text
//! watchdog /dev/watchdog                      every 30 seconds, reset after 60
//! watchdog -T 20 -t 5 /dev/watchdog
//! watchdog -F -t 500ms /dev/watchdog          in the foreground
//! ```
//!
//! It goes into the background. SIGTERM and other signals that end a program stop the watchdog, too: the letter V is
//! written before the device is closed. A kernel built or told to let no one stop it resets the machine even so.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, parse};
use rustix::io::Errno;
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
use sys::device_io;
use sys::disposition::{self, Effect};
use sys::fork::{Side, end, fork};

/// Watchdog.
pub const WATCHDOG: Applet =
    Applet { name: "watchdog", about: "keep a hardware watchdog from resetting the machine", place: Place::Sbin, run };

/// Signals that end the program: HUP, INT, QUIT, TERM.
const ENDING: [i32; 4] = [1, 2, 3, 15];

#[derive(Parser)]
struct Options {
    /// Write after each N seconds, or milliseconds with `ms` (default: half of what -T says).
    #[arg(short = 't', value_name = "N[ms]", value_parser = time)]
    every: Option<Duration>,
    /// Reset the machine N seconds after the last write.
    #[arg(short = 'T', value_name = "N[ms]", value_parser = time, default_value = "60")]
    timeout: Duration,
    /// Stay in the foreground.
    #[arg(short = 'F')]
    foreground: bool,
    /// Device, such as /dev/watchdog.
    device: PathBuf,
}

/// Seconds, or milliseconds after which `ms` stands; not 0.
fn time(text: &str) -> std::result::Result<Duration, String> {
    let (digits, unit) = match text.strip_suffix("ms") {
        Some(digits) => (digits, 1),
        None => (text.strip_suffix('s').unwrap_or(text), 1000),
    };
    let milliseconds = digits.parse::<u32>().ok().filter(|n| *n > 0).and_then(|n| n.checked_mul(unit));
    milliseconds.map(|n| Duration::from_millis(n.into())).ok_or_else(|| "not a time such as 30 or 500ms".to_owned())
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&WATCHDOG, args)?;
    let every = options.every.unwrap_or(options.timeout / 2);
    if every >= options.timeout {
        return Err(Error::usage("the machine would be reset between two writes: -t must be smaller than -T"));
    }
    let mut device = OpenOptions::new().write(true).open(&options.device).on("open", &options.device)?;
    // A byte that is written to anything else would be lost data.
    let about = device.metadata().on("look at", &options.device)?;
    if !about.file_type().is_char_device() {
        return Err(Error::new(format!("{}: no watchdog", options.device.display())));
    }
    for number in ENDING {
        disposition::set(number, Effect::Note);
    }
    if let Err(e) = start(&device, options.timeout, every, &options.device) {
        // A device that knows no such call at all is no watchdog, and gets no letter.
        if e.errno() != Some(Errno::NOTTY.raw_os_error()) {
            stop(&mut device, &options.device)?;
        }
        return Err(e);
    }
    if !options.foreground && matches!(fork().doing("go into the background")?, Side::Parent(_)) {
        // The child has the device; closing this descriptor of it changes nothing.
        return Ok(Exit::OK);
    }
    if !options.foreground {
        detach()?;
    }
    let kept = keep(&mut device, every, &options.device);
    if options.foreground {
        return kept.map(|()| Exit::OK);
    }
    end(u8::from(kept.is_err()))
}

/// Leaves the terminal and the directory to others: nobody waits for the end of a stream that this process holds.
fn detach() -> Result<()> {
    let null = OpenOptions::new().read(true).write(true).open("/dev/null").on("open", "/dev/null")?;
    dup2_stdin(&null).and_then(|()| dup2_stdout(&null)).and_then(|()| dup2_stderr(&null)).doing("go into the background")?;
    std::env::set_current_dir("/").on("change to", "/")
}

/// Sets the timeout, in whole seconds and rounded up.
fn start(device: &File, timeout: Duration, every: Duration, path: &Path) -> Result<()> {
    let seconds = i32::try_from(timeout.as_millis().div_ceil(1000)).unwrap_or(i32::MAX);
    // Most watchdogs run once they are open and know no such call.
    let _ = device_io::enable_watchdog(device);
    let taken = device_io::set_watchdog(device, seconds).on("set the timeout of", path)?;
    if Duration::from_secs(taken.max(0).unsigned_abs().into()) <= every {
        return Err(Error::new(format!("set the timeout of {}: it takes {taken} s, which is not above -t", path.display())));
    }
    Ok(())
}

/// Writes until a signal comes, and stops the watchdog then.
fn keep(device: &mut (impl Write + ?Sized), every: Duration, path: &Path) -> Result<()> {
    let _ = rustix::process::setsid();
    while !disposition::any() {
        write(device, b"\0", path)?;
        // A signal that comes between the look above and the sleep is seen after the sleep.
        sleep(every);
    }
    stop(device, path)
}

/// Sleeps that long, or until a signal comes.
fn sleep(time: Duration) {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    let time = rustix::time::Timespec { tv_sec: seconds, tv_nsec: time.subsec_nanos().into() };
    let _ = rustix::thread::nanosleep(&time);
}

/// Writes the letter after which closing the device stops the watchdog.
fn stop(device: &mut (impl Write + ?Sized), path: &Path) -> Result<()> {
    write(device, b"V", path)
}

fn write(device: &mut (impl Write + ?Sized), bytes: &[u8], path: &Path) -> Result<()> {
    loop {
        match device.write(bytes) {
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            result => return result.map(|_| ()).on("write", path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units_and_are_not_zero() {
        assert_eq!(time("30"), Ok(Duration::from_secs(30)));
        assert_eq!(time("500ms"), Ok(Duration::from_millis(500)));
        assert!(time("0").is_err() && time("").is_err() && time("-1").is_err() && time("4294967295").is_err());
    }

    #[test]
    fn the_last_byte_is_the_magic_one() {
        let mut written = Vec::new();
        disposition::set(10, Effect::Note);
        assert!(disposition::send(std::process::id().cast_signed(), 10).is_ok());
        while !disposition::any() {
            std::thread::yield_now();
        }
        assert!(keep(&mut written, Duration::from_secs(1), Path::new("memory")).is_ok());
        assert_eq!(written.last(), Some(&b'V'));
        disposition::take();
    }
}
