//! Connect to a Unix socket that another process is about to make.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use kit::{Context, Error, Result};

use crate::until;

/// Try until it works, the limit is over, or `check` fails (such as when the other process has died).
pub fn connect(path: &Path, limit: Duration, mut check: impl FnMut() -> Result<()>) -> Result<UnixStream> {
    let mut dead = None;
    let stream = until(limit, || {
        if let Err(e) = check() {
            dead = Some(e);
            return Ok(None);
        }
        UnixStream::connect(path).map(Some).map_err(|e| Error::new(e.to_string()))
    });
    match (stream.on("connect to", path)?, dead) {
        (Some(stream), _) => Ok(stream),
        (None, Some(e)) => Err(e),
        (None, None) => Err(Error::new(format!("connect to {}: nobody there", path.display()))),
    }
}
