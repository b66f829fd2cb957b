//! The clock's floor: it can't be earlier than this system was built. Certificates are not valid before their day, and a machine
//! without a battery wakes in 1970.

use std::fs;
use std::os::unix::fs::MetadataExt;

use kit::{Context, Result, paths};
use rustix::time::{ClockId, Timespec, clock_gettime, clock_settime};

use crate::Machine;

/// Set by a reproducible build: seconds since 1970.
const EPOCH: Option<&str> = option_env!("SOURCE_DATE_EPOCH");

/// Set the clock to the build's time when it is earlier.
pub fn floor(_: &mut Machine) -> Result<String> {
    let built = EPOCH.and_then(|text| text.parse().ok()).unwrap_or(0);
    let packed = fs::metadata(paths::BINARY).map_or(0, |about| about.mtime());
    let floor = built.max(packed);
    if clock_gettime(ClockId::Realtime).tv_sec >= floor {
        return Ok(String::new());
    }
    clock_settime(ClockId::Realtime, Timespec { tv_sec: floor, tv_nsec: 0 }).doing("set the clock")?;
    Ok("was behind; set to the day of the build".into())
}
