//! Trying again while it may help, and waiting with a limit.

use std::time::{Duration, Instant};

use kit::Result;

use crate::http;

/// The pause between two tries to reach somebody.
const PAUSE: Duration = Duration::from_secs(2);

/// Ask until somebody answers. One who can't be reached is tried again until the limit; one who answers wrongly is not.
pub fn reach<T>(limit: Duration, say: &mut dyn FnMut(&str), ask: impl Fn() -> Result<T>) -> Result<T> {
    let end = Instant::now() + limit;
    let mut told = false;
    loop {
        match ask() {
            Err(e) if http::is_passing(&e) && Instant::now() < end => {
                if !told {
                    say(&format!("{e}; trying again for {} s", limit.as_secs()));
                    told = true;
                }
                std::thread::sleep(PAUSE);
            }
            outcome => return outcome,
        }
    }
}
