//! A process of the host that runs beside the tests, with its output in a file.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use kit::{Context, Error, Result};

/// Number of output lines that are shown when a service fails.
const TAIL: usize = 15;

/// A running process. Dropping it ends it.
#[derive(Debug)]
pub struct Service {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Service {
    /// Starts it; its output goes to `dir/NAME.log`.
    pub fn start(name: &str, command: &mut Command, dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir).on("make", dir)?;
        let log = dir.join(format!("{name}.log"));
        let out = File::create(&log).on("make", &log)?;
        let err = out.try_clone().on("share", &log)?;
        let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn().doing(format!("start {name}"))?;
        Ok(Self { name: name.to_owned(), child, log })
    }

    /// An error with its last words if it has ended.
    pub fn check(&mut self) -> Result<()> {
        match self.child.try_wait().doing(format!("ask after {}", self.name))? {
            None => Ok(()),
            Some(status) => Err(Error::new(format!("{} ended with {status}:\n{}", self.name, self.tail()))),
        }
    }

    /// Returns its output so far.
    pub fn said(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    fn tail(&self) -> String {
        let said = self.said();
        let lines: Vec<&str> = said.lines().collect();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
