//! Durations as Go writes them.

use std::time::Duration;

/// The longest time that is taken: ten years. What is added to a clock must not leave its range, and a date has four digits of a year.
pub const LONGEST: Duration = Duration::from_hours(10 * 365 * 24);

/// Go's durations: `4m0s`, `1h30m`, `500ms`; at most [`LONGEST`].
pub fn duration(text: &str) -> Option<Duration> {
    const UNITS: [(&str, f64); 5] = [("ms", 0.001), ("us", 0.000_001), ("h", 3600.0), ("m", 60.0), ("s", 1.0)];
    let (mut rest, mut seconds) = (text, 0.0);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest.get(..end)?.parse().ok()?;
        let (unit, factor) = UNITS.iter().find(|(unit, _)| rest.get(end..).is_some_and(|r| r.starts_with(unit)))?;
        seconds += number * factor;
        rest = rest.get(end + unit.len()..)?;
    }
    if text.is_empty() { None } else { Duration::try_from_secs_f64(seconds).ok().filter(|time| *time <= LONGEST) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_gos() {
        assert_eq!(duration("4m0s"), Some(Duration::from_mins(4)));
        assert_eq!(duration("1h30m"), Some(Duration::from_mins(90)));
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("87600h"), Some(LONGEST));
        for wrong in ["", "4", "m", "4x", "-1s", "1.2.3s", "é", "4m ", "87601h", "18446744073709551615s", "5124095576030431h"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }
}
