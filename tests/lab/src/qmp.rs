//! QEMU's control socket.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use kit::{Context, Error, Result};
use serde_json::Value;

/// QEMU answers at once unless it hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection to QEMU's monitor.
pub struct Qmp {
    from: BufReader<UnixStream>,
    to: UnixStream,
}

impl Qmp {
    /// Take the greeting and make ready for commands.
    pub fn new(to: UnixStream) -> Result<Self> {
        to.set_read_timeout(Some(PATIENCE)).doing("set a time limit")?;
        let from = BufReader::new(to.try_clone().doing("share qemu's monitor")?);
        let mut qmp = Self { from, to };
        qmp.message()?;
        qmp.ask("qmp_capabilities")?;
        Ok(qmp)
    }

    /// Give a command without arguments; what it returned.
    pub fn ask(&mut self, command: &str) -> Result<Value> {
        writeln!(self.to, "{}", serde_json::json!({ "execute": command })).doing("ask qemu")?;
        loop {
            let mut reply = self.message()?;
            if let Some(value) = reply.get_mut("return") {
                return Ok(value.take());
            }
            if let Some(error) = reply.get("error") {
                return Err(Error::new(format!("qemu {command}: {error}")));
            }
            // Anything else is news that nobody asked for.
        }
    }

    fn message(&mut self) -> Result<Value> {
        let mut line = String::new();
        self.from.read_line(&mut line).doing("hear from qemu")?;
        serde_json::from_str(&line).doing("read what qemu said")
    }
}
