//! Dates in UTC, for `-printf`, `-ls` and `-newerXt`.

const DAY: i64 = 86400;
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

/// A time of a file, taken apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Date {
    seconds: i64,
    nanos: i64,
    pub year: i64,
    /// From 0 on.
    month: i64,
    day: i64,
    /// Of the year, from 0 on.
    of_year: i64,
    /// From Sunday, 0, on.
    weekday: i64,
    hour: i64,
    minute: i64,
    second: i64,
}

impl Date {
    pub fn new((seconds, nanos): (i64, i64)) -> Self {
        let days = seconds.div_euclid(DAY);
        let rest = seconds.rem_euclid(DAY);
        // Years that begin in March have their odd day at the end.
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = (from_march + 2) % 12;
        let year = year_of_era + era * 400 + i64::from(month < 2);
        Self {
            seconds,
            nanos,
            year,
            month,
            day,
            of_year: days - days_before(year, 0, 1),
            weekday: (days + 4).rem_euclid(7),
            hour: rest / 3600,
            minute: rest / 60 % 60,
            second: rest % 60,
        }
    }

    /// The form of a letter of strftime, and `@` and `+` of find's own. None: there is no such letter.
    pub fn form(&self, letter: char) -> Option<String> {
        let Self { seconds, nanos, year, month, day, of_year, weekday, hour, minute, second } = *self;
        let (weekday_name, month_name) = (DAYS[weekday as usize % 7], MONTHS[month as usize % 12]);
        let hour12 = (hour + 11) % 12 + 1;
        let half = if hour < 12 { "AM" } else { "PM" };
        let time = format!("{hour:02}:{minute:02}:{second:02}.{nanos:09}0");
        Some(match letter {
            '@' => format!("{seconds}.{nanos:09}0"),
            'a' => weekday_name[..3].into(),
            'A' => weekday_name.into(),
            'b' | 'h' => month_name[..3].into(),
            'B' => month_name.into(),
            'c' => format!("{} {} {day:2} {hour:02}:{minute:02}:{second:02} {year}", &weekday_name[..3], &month_name[..3]),
            'd' => format!("{day:02}"),
            'D' | 'x' => format!("{:02}/{day:02}/{:02}", month + 1, year.rem_euclid(100)),
            'F' => format!("{year}-{:02}-{day:02}", month + 1),
            'g' => format!("{:02}", self.iso_week().0.rem_euclid(100)),
            'G' => self.iso_week().0.to_string(),
            'H' => format!("{hour:02}"),
            'I' => format!("{hour12:02}"),
            'j' => format!("{:03}", of_year + 1),
            'k' => format!("{hour:2}"),
            'l' => format!("{hour12:2}"),
            'm' => format!("{:02}", month + 1),
            'M' => format!("{minute:02}"),
            'p' => half.into(),
            'r' => format!("{hour12:02}:{minute:02}:{second:02} {half}"),
            'R' => format!("{hour:02}:{minute:02}"),
            's' => seconds.to_string(),
            'S' => format!("{second:02}.{nanos:09}0"),
            'T' | 'X' => time,
            '+' => format!("{year}-{:02}-{day:02}+{time}", month + 1),
            'u' => ((weekday + 6) % 7 + 1).to_string(),
            'U' => format!("{:02}", (of_year + 7 - weekday) / 7),
            'V' => format!("{:02}", self.iso_week().1),
            'w' => weekday.to_string(),
            'W' => format!("{:02}", (of_year + 7 - (weekday + 6) % 7) / 7),
            'y' => format!("{:02}", year.rem_euclid(100)),
            'Y' => year.to_string(),
            'Z' => "UTC".into(),
            _ => return None,
        })
    }

    /// `Tue Dec  1 03:20:00.1234567890 2026`
    pub fn whole(&self) -> String {
        let form = |letter| self.form(letter).unwrap_or_default();
        format!("{} {} {:2} {} {}", form('a'), form('b'), self.day, form('T'), self.year)
    }

    /// Year and week of ISO 8601: a week belongs to the year of its Thursday.
    fn iso_week(&self) -> (i64, i64) {
        let thursday = self.seconds.div_euclid(DAY) - (self.weekday + 6) % 7 + 3;
        let year = Self::new((thursday * DAY, 0)).year;
        (year, (thursday - days_before(year, 0, 1)) / 7 + 1)
    }
}

/// Days from 1970 to a day.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month < 2);
    let from_march = (month + 10) % 12;
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * from_march + 2) / 5 + day - 1 - 719_468
}

/// Seconds since 1970 of `@SECONDS`, `YYYY-MM-DD` or `YYYY-MM-DD HH:MM[:SS]`.
pub(super) fn parse(text: &str) -> Option<(i64, i64)> {
    if let Some(seconds) = text.strip_prefix('@') {
        return Some((seconds.parse().ok()?, 0));
    }
    let (date, time) = text.split_once([' ', 'T']).unwrap_or((text, "0:0"));
    let numbers =
        |text: &str, mark| text.split(mark).map(|part| part.parse::<i64>().ok().filter(|n| *n >= 0)).collect::<Option<Vec<_>>>();
    let [year, month @ 1..=12, day @ 1..=31] = numbers(date, '-')?[..] else { return None };
    let (hour, minute, second) = match numbers(time, ':')?[..] {
        [hour, minute] => (hour, minute, 0),
        [hour, minute, second] => (hour, minute, second),
        _ => return None,
    };
    let fits = hour < 24 && minute < 60 && second < 61;
    fits.then(|| (days_before(year, month - 1, day) * DAY + hour * 3600 + minute * 60 + second, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        let date = Date::new((1_798_759_259, 5));
        for (letter, expected) in [
            ('F', "2026-12-31"),
            ('T', "23:20:59.0000000050"),
            ('j', "365"),
            ('a', "Thu"),
            ('V', "53"),
            ('G', "2026"),
            ('U', "52"),
            ('W', "52"),
            ('l', "11"),
            ('p', "PM"),
        ] {
            assert_eq!(date.form(letter).as_deref(), Some(expected), "{letter}");
        }
        assert_eq!(Date::new((951_782_400, 0)).form('F').as_deref(), Some("2000-02-29"));
        assert_eq!(Date::new((-1, 0)).form('F').as_deref(), Some("1969-12-31"));
        assert_eq!(date.whole(), "Thu Dec 31 23:20:59.0000000050 2026");
    }

    #[test]
    fn texts_of_dates() {
        assert_eq!(parse("2026-12-31 23:20:59"), Some((1_798_759_259, 0)));
        assert_eq!(parse("1970-01-02"), Some((DAY, 0)));
        assert_eq!(parse("@12"), Some((12, 0)));
        assert_eq!(parse("2026-13-01"), None);
        assert_eq!(parse("tomorrow"), None);
    }
}
