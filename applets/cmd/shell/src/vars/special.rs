//! Variables that the shell computes.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::ast::Bytes;
use crate::shell::Shell;

impl Shell {
    /// Text of a computed variable.
    pub fn dynamic(&mut self, name: &[u8]) -> Option<Bytes> {
        if name == b"_" {
            return Some(self.last_arg.clone());
        }
        if !name.first()?.is_ascii_uppercase() {
            return None;
        }
        let number = match name {
            b"LINENO" => i64::from(self.line),
            b"RANDOM" => i64::from(self.next_random()),
            b"SECONDS" => self.seconds + i64::try_from(self.started.elapsed().as_secs()).unwrap_or(0),
            b"BASHPID" => i64::from(rustix::process::getpid().as_raw_nonzero().get()),
            b"PPID" => self.vars.text(b"PPID").and_then(|t| crate::arith::decimal(t))?,
            b"BASH_SUBSHELL" => i64::from(self.subshell),
            b"HISTCMD" => self.history.borrow().len() as i64 + 1,
            b"SRANDOM" => i64::from(self.next_random()) << 15 | i64::from(self.next_random()),
            b"EPOCHSECONDS" => now().0,
            b"EPOCHREALTIME" => {
                let (seconds, micros) = now();
                return Some(format!("{seconds}.{micros:06}").into_bytes());
            }
            b"BASH_COMMAND" => return Some(self.command_text.clone()),
            b"SHELLOPTS" => return Some(self.set.names().join(":").into_bytes()),
            b"BASHOPTS" => return Some(self.shopt.names().join(":").into_bytes()),
            _ => return None,
        };
        Some(number.to_string().into_bytes())
    }

    /// Elements of a computed array.
    pub fn dynamic_list(&mut self, name: &[u8]) -> Option<Vec<Bytes>> {
        let number = |number: i64| number.to_string().into_bytes();
        Some(match name {
            b"PIPESTATUS" => self.pipe_status.iter().map(|s| number((*s).into())).collect(),
            b"FUNCNAME" => {
                if self.frames.is_empty() {
                    return None;
                }
                let mut names: Vec<_> = self.frames.iter().rev().map(|f| f.name.clone()).collect();
                if !self.command_string {
                    names.push(b"main".to_vec());
                }
                names
            }
            b"BASH_SOURCE" => {
                let frames = self.frames.iter().rev().map(|f| f.source.clone());
                let mut names: Vec<_> = frames.collect();
                if !self.command_string && !self.from_stdin {
                    names.push(self.name.clone());
                } else if names.is_empty() {
                    return None;
                }
                names
            }
            b"BASH_LINENO" => {
                let mut lines: Vec<_> = self.frames.iter().rev().map(|f| number(f.line.into())).collect();
                if !self.command_string {
                    lines.push(number(0));
                }
                lines
            }
            b"DIRSTACK" => {
                let here = self.vars.text(b"PWD").cloned().unwrap_or_default();
                std::iter::once(here).chain(self.dirs.iter().cloned()).collect()
            }
            b"GROUPS" => {
                let groups = rustix::process::getgroups().unwrap_or_default();
                groups.iter().map(|group| number(group.as_raw().into())).collect()
            }
            _ => return None,
        })
    }

    /// A number below 32768: a linear congruential generator, as for all shells no secret.
    fn next_random(&mut self) -> u32 {
        if self.random == 0 {
            let (seconds, micros) = now();
            self.seed(seconds ^ micros << 12 ^ i64::from(self.pid));
        }
        self.random = self.random.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        (self.random >> 16) & 0x7fff
    }

    /// Begins another series of numbers.
    pub fn seed(&mut self, seed: i64) {
        self.random = (seed as u32).max(1);
    }
}

/// Seconds and microseconds since 1970.
pub fn now() -> (i64, i64) {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (since.as_secs() as i64, since.subsec_micros().into())
}
