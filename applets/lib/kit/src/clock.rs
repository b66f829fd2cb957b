//! The wall clock, and the earliest time that can be: no clock is set below that.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::paths;

/// Set by a reproducible build: seconds since 1970.
const EPOCH: Option<&str> = option_env!("SOURCE_DATE_EPOCH");
/// 2026-01-01: nothing with these lines in it was built before, whatever its files' times say.
const WRITTEN: i64 = 1_767_225_600;

/// Seconds since 1970 before which this system was not built.
pub fn earliest() -> i64 {
    let built = EPOCH.and_then(|text| text.parse().ok()).unwrap_or(0);
    let packed = fs::metadata(paths::BINARY).map_or(0, |about| about.mtime());
    WRITTEN.max(built).max(packed)
}

/// Nanoseconds since 1970, 0 on a clock that stands before.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
