//! Times as people write and read them.

use std::time::Duration;

use kit::clock::now;
use kit::{Error, Result};

use monitor::log;

/// Formats the time since then in one unit: `5 minutes ago`.
pub fn ago(at: i64) -> String {
    let seconds = u64::try_from((now() - at) / 1_000_000_000).unwrap_or(0);
    let (count, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3600 => (seconds / 60, "minute"),
        3600..86_400 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" })
}

/// `5m`, `1h30m`, `10s`, `100ms`.
pub fn duration(text: &str) -> Result<Duration> {
    let wrong = || Error::usage(format!("{text} is no length of time such as 90s, 5m or 1h30m"));
    let mut rest = text;
    let mut all = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|at| *at > 0).ok_or_else(wrong)?;
        let count: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit = match &rest[..end] {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_mins(1),
            "h" => Duration::from_hours(1),
            _ => return Err(wrong()),
        };
        all = u32::try_from(count)
            .ok()
            .and_then(|count| unit.checked_mul(count))
            .and_then(|part| all.checked_add(part))
            .ok_or_else(wrong)?;
        rest = &rest[end..];
    }
    if text.is_empty() { Err(wrong()) } else { Ok(all) }
}

/// The first moment that is meant by `5m` (so long ago) or `2026-01-31T12:00:00Z`, in a log's own spelling, where a later one sorts later.
pub fn since(text: &str) -> Result<String> {
    if text.contains('T') {
        let plain =
            text.strip_suffix('Z').ok_or_else(|| Error::usage(format!("{text} is not a time in UTC that ends with Z")))?;
        let form: String = plain.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        return if form.starts_with("0000-00-00T00:00:00") && form.chars().skip(19).all(|c| c == '.' || c == '0') {
            Ok(plain.to_owned())
        } else {
            Err(Error::usage(format!("{text} is not a time such as 2026-01-31T12:00:00Z")))
        };
    }
    let before = i64::try_from(duration(text)?.as_nanos()).unwrap_or(i64::MAX);
    Ok(log::timestamp(now().saturating_sub(before)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn lengths_of_time_have_units() {
        assert_eq!(duration("1h30m").unwrap(), Duration::from_mins(90));
        assert_eq!(duration("1500ms").unwrap(), Duration::from_millis(1500));
        for wrong in ["", "5", "m", "5x", "5m3", "-5m", "99999999999999999999s", "9999999999h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_time_is_one_in_utc() {
        assert_eq!(since("2026-01-31T12:00:00Z").unwrap(), "2026-01-31T12:00:00");
        assert!(since("0s").unwrap() > since("1h").unwrap());
        for wrong in ["2026-01-31T12:00:00+02:00", "T", "2026-1-31T12:00:00Z", "soon"] {
            assert!(since(wrong).is_err(), "{wrong}");
        }
        assert_eq!(ago(now() - 3_700_000_000_000), "1 hour ago");
    }
}
