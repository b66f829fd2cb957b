//! `acpid [-f] [-c COMMAND]` waits for the power button, and runs COMMAND (`poweroff` without) when it is pressed.
//!
//! All input devices that have such a key are watched, those that come later as well. Three presses within 60 seconds run the command once. It goes to the background without
//! `-f`.
//!
//! Example: `acpid -f -c "logger power button; poweroff"`.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, parse};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sys::child::{Before, before_exec};

/// The power button.
pub const ACPID: Applet =
    Applet { name: "acpid", about: "run a command when the power button is pressed", place: Place::Sbin, run };

/// Time between two looks for new devices.
const LOOK_INTERVAL: i64 = 5;
/// Presses within this time are one.
const ONE_PRESS: Duration = Duration::from_mins(1);
/// Bytes of `struct input_event` on machines of 64 bits.
const EVENT: usize = 24;
/// linux/input-event-codes.h
const EV_KEY: u16 = 1;
const KEY_POWER: u16 = 116;

#[derive(Parser)]
struct Options {
    /// Stay in the foreground
    #[arg(short)]
    foreground: bool,
    /// Command for a shell
    #[arg(short, value_name = "COMMAND", default_value = "poweroff")]
    command: OsString,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&ACPID, args)?;
    if !options.foreground {
        let mut command = Command::new("/proc/self/exe");
        command.arg0(&args[0]).args(&args[1..]).arg("-f").stdin(Stdio::null()).stdout(Stdio::null());
        before_exec(&mut command, Before { session: true, ..Before::default() });
        command.spawn().doing("go to the background")?;
        return Ok(Exit::OK);
    }
    let mut devices: Vec<(PathBuf, File)> = Vec::new();
    let mut last: Option<Instant> = None;
    loop {
        look(&mut devices);
        let mut fds: Vec<PollFd<'_>> = devices.iter().map(|(_, file)| PollFd::new(file, PollFlags::IN)).collect();
        match poll(&mut fds, Some(&Timespec { tv_sec: LOOK_INTERVAL, tv_nsec: 0 })) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e).doing("wait for the button"),
        }
        drop(fds);
        let mut is_pressed = false;
        devices.retain_mut(|(_, file)| {
            let mut bytes = [0; EVENT * 64];
            match file.read(&mut bytes) {
                Ok(count) => {
                    is_pressed |= bytes[..count].chunks_exact(EVENT).any(is_power);
                    count > 0
                }
                // It was pulled out.
                Err(e) => e.kind() == std::io::ErrorKind::WouldBlock,
            }
        });
        if is_pressed && last.is_none_or(|last| last.elapsed() > ONE_PRESS) {
            last = Some(Instant::now());
            let started = Command::new("/bin/sh").arg("-c").arg(&options.command).stdin(Stdio::null()).status();
            if let Err(e) = started {
                kit::warn("acpid", &Error::new(format!("run the command: {e}")));
            }
        }
    }
}

/// Opens the devices with that key that are not open yet.
fn look(devices: &mut Vec<(PathBuf, File)>) {
    for entry in fs::read_dir("/sys/class/input").into_iter().flatten().flatten() {
        let name = entry.file_name();
        if !name.as_encoded_bytes().starts_with(b"event") {
            continue;
        }
        let path = PathBuf::from("/dev/input").join(&name);
        let keys = fs::read_to_string(entry.path().join("device/capabilities/key")).unwrap_or_default();
        if !has_power(&keys) || devices.iter().any(|(known, _)| *known == path) {
            continue;
        }
        let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        if let Ok(file) = File::options().read(true).custom_flags(flags).open(&path) {
            devices.push((path, file));
        }
    }
}

/// Hexadecimal words of 64 bits, the highest first.
fn has_power(keys: &str) -> bool {
    let word = keys.split_whitespace().rev().nth(usize::from(KEY_POWER / 64));
    word.and_then(|word| u64::from_str_radix(word, 16).ok()).is_some_and(|word| word & (1 << (KEY_POWER % 64)) != 0)
}

fn is_power(event: &[u8]) -> bool {
    let word = |at: usize| u16::from_ne_bytes([event[at], event[at + 1]]);
    word(16) == EV_KEY && word(18) == KEY_POWER && word(20) == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_among_the_capabilities() {
        assert!(has_power("10000000000000 0\n"));
        assert!(!has_power("0 10000000000000"));
        assert!(!has_power(""));
        let mut event = [0; EVENT];
        event[16..18].copy_from_slice(&EV_KEY.to_ne_bytes());
        event[18..20].copy_from_slice(&KEY_POWER.to_ne_bytes());
        assert!(!is_power(&event));
        event[20] = 1;
        assert!(is_power(&event));
    }
}
