//! The system's clock, set at once or led slowly (adjtimex(2)).

use std::io;
use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_settime};

/// linux/timex.h: the largest offset that the kernel's loop takes, in nanoseconds.
pub const LARGEST: i64 = 500_000_000;
/// Fields to set: the offset in nanoseconds, the loop's pace, the status; the errors as well, which
/// begin to grow anew with that.
const MODES: u32 =
    libc::ADJ_STATUS | libc::ADJ_NANO | libc::ADJ_OFFSET | libc::ADJ_TIMECONST | libc::ADJ_MAXERROR | libc::ADJ_ESTERROR;

/// Set the clock to a time since 1970.
pub fn set(time: Duration) -> io::Result<()> {
    let tv_sec = i64::try_from(time.as_secs()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    Ok(clock_settime(ClockId::Realtime, Timespec { tv_sec, tv_nsec: time.subsec_nanos().into() })?)
}

/// Have the kernel lead its clock by `nanos`, slowly and without a jump, and learn its rate from that. `interval` is the pause between two such
/// calls as a power of two, in seconds. What is beyond [`LARGEST`] is cut.
pub fn slew(nanos: i64, interval: u8) -> io::Result<()> {
    // SAFETY: all fields are numbers, for which zero is a value.
    let mut change: libc::timex = unsafe { std::mem::zeroed() };
    change.modes = MODES;
    // Without STA_UNSYNC the kernel keeps a battery's clock right as well.
    change.status = libc::STA_PLL;
    change.offset = nanos.clamp(-LARGEST, LARGEST);
    // The kernel adds four for its finer scale.
    change.constant = interval.saturating_sub(4).into();
    // SAFETY: the kernel reads and writes this structure only.
    let state = unsafe { libc::adjtimex(&raw mut change) };
    if state >= 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
