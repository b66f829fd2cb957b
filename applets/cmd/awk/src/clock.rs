//! Dates of `strftime` and `mktime`.

use kit::Result;

/// Time by a format of C's `strftime`.
///
/// # Errors
/// The format holds a zero byte, or the time is beyond the calendar.
pub fn format(format: &[u8], seconds: i64, utc: bool) -> Result<Vec<u8>> {
    sys::calendar::format(format, seconds, utc).map_err(|e| kit::Error::new(format!("format a time: {e}")))
}

/// Seconds since 1970 of "YYYY MM DD HH MM SS [DST]"; -1 if it is none.
pub fn seconds(text: &[u8], utc: bool) -> f64 {
    let text = String::from_utf8_lossy(text);
    let parts: Vec<i32> = text.split_ascii_whitespace().map_while(|part| part.parse().ok()).collect();
    let found = match parts[..] {
        [year, month, day, hour, minute, second] => sys::calendar::seconds([year, month, day, hour, minute, second], -1, utc),
        [year, month, day, hour, minute, second, summer] => {
            sys::calendar::seconds([year, month, day, hour, minute, second], summer, utc)
        }
        _ => -1,
    };
    found as f64
}

/// Seconds since 1970 now.
pub fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs() as i64)
}
