//! The C library's calendar: dates by the time zone of TZ, which no crate here knows.

use std::ffi::CString;
use std::io;

/// Most bytes of a date.
const LONGEST: usize = 64 << 10;

/// Time since 1970 by a format of strftime(3), in the local time zone or in UTC.
///
/// # Errors
/// The format holds a zero byte, or the time has no date.
pub fn format(format: &[u8], seconds: i64, utc: bool) -> io::Result<Vec<u8>> {
    // A blank before it tells an empty date from one that does not fit.
    let format = CString::new([b" ", format].concat())?;
    // SAFETY: all fields are numbers or a pointer that may be null.
    let mut date: libc::tm = unsafe { std::mem::zeroed() };
    let from = if utc { libc::gmtime_r } else { libc::localtime_r };
    // SAFETY: both are ours and live on; the call writes the structure alone.
    if unsafe { from(&raw const seconds, &raw mut date) }.is_null() {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    let mut text = vec![0; LONGEST];
    // SAFETY: the text has that many bytes, the format ends in zero, and the date was filled in above.
    let len = unsafe { libc::strftime(text.as_mut_ptr().cast(), text.len(), format.as_ptr(), &raw const date) };
    text.truncate(len);
    if text.is_empty() {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    text.remove(0);
    Ok(text)
}

/// Seconds since 1970 of year, month, day, hour, minute and second; `summer` as mktime(3) has it. -1 if there is no such time.
pub fn seconds(parts: [i32; 6], summer: i32, utc: bool) -> i64 {
    // SAFETY: all fields are numbers or a pointer that may be null.
    let mut date: libc::tm = unsafe { std::mem::zeroed() };
    let [year, month, day, hour, minute, second] = parts;
    date.tm_year = year.saturating_sub(1900);
    date.tm_mon = month.saturating_sub(1);
    date.tm_mday = day;
    date.tm_hour = hour;
    date.tm_min = minute;
    date.tm_sec = second;
    date.tm_isdst = summer;
    let to = if utc { libc::timegm } else { libc::mktime };
    // SAFETY: the call reads and writes this structure only.
    unsafe { to(&raw mut date) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn dates_go_both_ways() {
        assert_eq!(format(b"%Y-%m-%d %H:%M:%S", 86_399, true).unwrap(), b"1970-01-01 23:59:59");
        assert_eq!(format(b"", 0, true).unwrap(), b"");
        assert_eq!(seconds([1970, 1, 1, 23, 59, 59], 0, true), 86_399);
        assert!(format(b"\0", 0, true).is_err());
    }
}
