//! The clock's floor: it can't be earlier than this system was built. Certificates are not valid before their day, and a machine
//! without a battery wakes in 1970.

use kit::{Context, Result};
use rustix::time::{ClockId, Timespec, clock_gettime, clock_settime};

use crate::Machine;

/// Set the clock to the build's time when it is earlier.
pub fn floor(_: &mut Machine) -> Result<String> {
    let floor = kit::clock::earliest();
    if clock_gettime(ClockId::Realtime).tv_sec >= floor {
        return Ok(String::new());
    }
    clock_settime(ClockId::Realtime, Timespec { tv_sec: floor, tv_nsec: 0 }).doing("set the clock")?;
    Ok("was behind; set to the day of the build".into())
}
