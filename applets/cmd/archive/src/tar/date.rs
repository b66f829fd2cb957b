//! Dates: from options, and in lists.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use kit::{Context, Error, Result};

use crate::files::member::Time;

/// Time of a date, or of a file when the text begins with a slash or a dot.
pub(super) fn parse(text: &OsStr) -> Result<Time> {
    if matches!(text.as_bytes().first(), Some(b'/' | b'.')) {
        let meta = fs::metadata(text).on("look at", text)?;
        return Ok(Time { seconds: meta.mtime(), nanos: meta.mtime_nsec() as u32 });
    }
    let wrong = || Error::usage(format!("{} is no date that is understood", text.display()));
    let parsed = parse_datetime::parse_datetime(text.to_str().ok_or_else(wrong)?).map_err(|_| wrong())?;
    Ok(Time { seconds: parsed.unix_epoch_second(), nanos: u32::try_from(parsed.subsec_nanosecond()).unwrap_or(0) })
}

/// A zone for times in lists.
pub(super) fn zone(utc: bool) -> TimeZone {
    if utc { TimeZone::UTC } else { TimeZone::try_system().unwrap_or(TimeZone::UTC) }
}

/// `2026-12-01 02:27`, or with `full` seconds and the parts of one that the archive tells.
pub(super) fn show(time: Time, zone: &TimeZone, full: bool) -> String {
    let Ok(stamp) = Timestamp::from_second(time.seconds) else { return time.seconds.to_string() };
    let at = stamp.to_zoned(zone.clone());
    let day = format!("{:04}-{:02}-{:02} {:02}:{:02}", at.year(), at.month(), at.day(), at.hour(), at.minute());
    match (full, time.nanos) {
        (false, _) => day,
        (true, 0) => format!("{day}:{:02}", at.second()),
        (true, nanos) => format!("{day}:{:02}.{nanos:09}", at.second()).trim_end_matches('0').to_owned(),
    }
}
