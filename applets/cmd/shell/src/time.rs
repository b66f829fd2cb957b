//! Dates as texts: `printf %(…)T` and prompts.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::ast::Bytes;

/// A time by a form of strftime(3), in a time zone as TZ names it.
pub fn format(form: &[u8], seconds: i64, zone: Option<&[u8]>) -> Bytes {
    let text = String::from_utf8_lossy(form);
    let name = zone.map(|zone| String::from_utf8_lossy(zone).into_owned());
    let zone = match name.as_deref() {
        None => TimeZone::try_system().unwrap_or(TimeZone::UTC),
        Some("" | "UTC" | "UTC0" | "GMT") => TimeZone::UTC,
        Some(name) => {
            let name = name.trim_start_matches(':');
            TimeZone::get(name).or_else(|_| TimeZone::posix(name)).unwrap_or(TimeZone::UTC)
        }
    };
    let Ok(time) = Timestamp::from_second(seconds) else { return form.to_vec() };
    let time = time.to_zoned(zone);
    // `%X` and `%x` are those of the locale C.
    let text = text.replace("%X", "%H:%M:%S").replace("%x", "%m/%d/%y").replace("%c", "%a %b %e %H:%M:%S %Y");
    match jiff::fmt::strtime::format(text.as_bytes(), &time) {
        Ok(text) => text.into_bytes(),
        Err(_) => form.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        assert_eq!(format(b"%F %T", 0, Some(b"UTC")), b"1970-01-01 00:00:00");
        assert_eq!(format(b"%H", 0, Some(b"CET-1")), b"01");
        assert_eq!(format(b"%X", 3661, Some(b"")), b"01:01:01");
    }
}
