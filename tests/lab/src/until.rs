//! Wait until something holds, with a limit.

use std::thread;
use std::time::{Duration, Instant};

use kit::{Error, Result};

/// Between two looks: short beside anything that a virtual machine does, long beside the looking.
const PAUSE: Duration = Duration::from_millis(50);

/// Try until it works; after the limit, the last failure with the time that was waited.
pub fn until<T>(limit: Duration, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    loop {
        match attempt() {
            Ok(found) => return Ok(found),
            Err(e) if start.elapsed() >= limit => return Err(Error::new(format!("not within {} s: {e}", limit.as_secs()))),
            Err(_) => thread::sleep(PAUSE),
        }
    }
}
