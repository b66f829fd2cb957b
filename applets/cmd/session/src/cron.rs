//! Tables of jobs (crontab(5)): five fields of times, or `@daily` and the like, then a command.

/// Longest table that is read.
pub const MOST: u64 = 256 << 10;

/// Minutes, hours, days, months and weekdays, a bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// With both fields of days given, either suffices.
    either_day: bool,
}

/// Occasion of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Once, when the daemon starts.
    Reboot,
    /// At these times.
    At(Times),
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its times.
    pub when: When,
    /// User, where the table names one.
    pub user: Option<String>,
    /// Text for a shell.
    pub command: String,
    /// Its standard input: what stands behind the first `%`.
    pub input: String,
    /// Variables of the lines above it.
    pub environment: Vec<(String, String)>,
}

/// A moment in local time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// 0 to 59.
    pub minute: u32,
    /// 0 to 23.
    pub hour: u32,
    /// 1 to 31.
    pub day: u32,
    /// 1 to 12.
    pub month: u32,
    /// 0 is Sunday.
    pub weekday: u32,
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

impl Times {
    /// Tells if a moment is among them.
    pub fn has(&self, moment: Moment) -> bool {
        let bit = |set: u64, number: u32| set & (1 << number) != 0;
        let (day, weekday) = (bit(self.days, moment.day), bit(self.weekdays, moment.weekday));
        let is_day = if self.either_day { day || weekday } else { day && weekday };
        bit(self.minutes, moment.minute) && bit(self.hours, moment.hour) && bit(self.months, moment.month) && is_day
    }
}

/// The jobs of a table, or a sentence with the number of the line that makes no sense. `names_users` for /etc/crontab.
pub fn read(text: &str, names_users: bool) -> Result<Vec<Job>, String> {
    let mut environment: Vec<(String, String)> = Vec::new();
    let mut jobs = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some((name, value)) = variable(line) {
            environment.retain(|(known, _)| *known != name);
            environment.push((name, value));
            continue;
        }
        let job = job(line, names_users, &environment);
        jobs.push(job.map_err(|e| format!("line {}: {e}", number + 1))?);
    }
    Ok(jobs)
}

/// `NAME = value`, with or without quotation marks.
fn variable(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once('=')?;
    let name = name.trim_end();
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let value = value.trim();
    let quoted = value.len() > 1 && ['"', '\''].iter().any(|&mark| value.starts_with(mark) && value.ends_with(mark));
    is_name.then(|| (name.to_owned(), if quoted { value[1..value.len() - 1].to_owned() } else { value.to_owned() }))
}

fn job(line: &str, names_users: bool, environment: &[(String, String)]) -> Result<Job, String> {
    let (when, rest) = if let Some(word) = line.strip_prefix('@') {
        let (word, rest) = word.split_once(char::is_whitespace).ok_or("a command is missing")?;
        (nickname(word)?, rest)
    } else {
        let mut fields = Vec::new();
        let mut rest = line;
        for _ in 0..5 {
            let (field, after) = rest.split_once(char::is_whitespace).ok_or("five times and a command are needed")?;
            fields.push(field);
            rest = after.trim_start();
        }
        (When::At(times(&fields)?), rest)
    };
    let mut rest = rest.trim_start();
    let mut user = None;
    if names_users {
        let (name, after) = rest.split_once(char::is_whitespace).ok_or("a user and a command are needed")?;
        user = Some(name.to_owned());
        rest = after.trim_start();
    }
    let (command, input) = split_input(rest);
    if command.is_empty() {
        return Err("a command is missing".to_owned());
    }
    Ok(Job { when, user, command, input, environment: environment.to_vec() })
}

/// `%` begins the input, and is a line's end in it; `\%` is a `%`.
fn split_input(text: &str) -> (String, String) {
    let (mut command, mut input, mut is_input) = (String::new(), String::new(), false);
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let out = if is_input { &mut input } else { &mut command };
        match c {
            '\\' if characters.peek() == Some(&'%') => {
                out.push('%');
                characters.next();
            }
            '%' if is_input => out.push('\n'),
            '%' => is_input = true,
            c => out.push(c),
        }
    }
    if is_input {
        input.push('\n');
    }
    (command, input)
}

fn nickname(word: &str) -> Result<When, String> {
    let fields = match word {
        "reboot" => return Ok(When::Reboot),
        "yearly" | "annually" => "0 0 1 1 *",
        "monthly" => "0 0 1 * *",
        "weekly" => "0 0 * * 0",
        "daily" | "midnight" => "0 0 * * *",
        "hourly" => "0 * * * *",
        word => return Err(format!("@{word} is unknown")),
    };
    times(&fields.split(' ').collect::<Vec<_>>()).map(When::At)
}

fn times(fields: &[&str]) -> Result<Times, String> {
    let [minutes, hours, days, months, weekdays] = fields else { return Err("five times are needed".to_owned()) };
    let mut week = field(weekdays, 0, 7, &WEEKDAYS)?;
    // Sunday is 0 and 7.
    if week & (1 << 7) != 0 {
        week |= 1;
    }
    Ok(Times {
        minutes: field(minutes, 0, 59, &[])?,
        hours: field(hours, 0, 23, &[])?,
        days: field(days, 1, 31, &[])?,
        months: field(months, 1, 12, &MONTHS)?,
        weekdays: week,
        either_day: !days.starts_with('*') && !weekdays.starts_with('*'),
    })
}

/// `*`, `A`, `A-B`, each with `/STEP`, with commas between.
fn field(text: &str, lowest: u32, highest: u32, words: &[&str]) -> Result<u64, String> {
    let number = |word: &str| -> Result<u32, String> {
        let found = words.iter().position(|name| word.len() >= 3 && word.to_ascii_lowercase().starts_with(name));
        let found = match found {
            // Months begin with 1, weekdays with 0.
            Some(at) => u32::try_from(at).unwrap_or_default() + u32::from(words.len() == 12),
            None => word.parse().map_err(|_| format!("{word:?} is no number"))?,
        };
        if (lowest..=highest).contains(&found) { Ok(found) } else { Err(format!("{word} is not in {lowest} to {highest}")) }
    };
    let mut set = 0;
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => {
                (range, step.parse::<usize>().ok().filter(|step| *step > 0).ok_or(format!("{step:?} is no step"))?)
            }
            None => (part, 1),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (lowest, highest),
            Some((first, last)) => (number(first)?, number(last)?),
            // With a step a number goes on to the end.
            None if part.contains('/') => (number(range)?, highest),
            None => (number(range)?, number(range)?),
        };
        if last < first {
            return Err(format!("{range} goes backwards"));
        }
        for value in (first..=last).step_by(step) {
            set |= 1 << value;
        }
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn has(line: &str, minute: u32, hour: u32, day: u32, month: u32, weekday: u32) -> bool {
        let jobs = read(&format!("{line} x"), false).unwrap();
        let When::At(times) = jobs[0].when else { return false };
        times.has(Moment { minute, hour, day, month, weekday })
    }

    #[test]
    fn times_of_a_line() {
        assert!(has("*/15 * * * *", 45, 3, 1, 1, 1));
        assert!(!has("*/15 * * * *", 44, 3, 1, 1, 1));
        assert!(has("0 9-17/2 * * mon-fri", 0, 11, 9, 9, 5));
        assert!(!has("0 9-17/2 * * mon-fri", 0, 11, 9, 9, 6));
        assert!(has("0 0 * * 7", 0, 0, 9, 9, 0));
        assert!(has("0 0 1 jan,Jul *", 0, 0, 1, 7, 3));
        // Either of the days.
        assert!(has("0 0 13 * 5", 0, 0, 13, 1, 1) && has("0 0 13 * 5", 0, 0, 1, 1, 5) && !has("0 0 13 * 5", 0, 0, 1, 1, 1));
        assert!(has("@daily", 0, 0, 5, 5, 5) && !has("@daily", 1, 0, 5, 5, 5));
        assert!(has("5/10 * * * *", 25, 0, 1, 1, 1));
    }

    #[test]
    fn tables() {
        let text = "# a\nSHELL=/bin/sh\nA = \"b c\"\n0 0 * * * root echo a\\%b%in%put\n@reboot root start\n";
        let jobs = read(text, true).unwrap();
        assert_eq!((jobs[0].command.as_str(), jobs[0].input.as_str()), ("echo a%b", "in\nput\n"));
        assert_eq!(jobs[0].user.as_deref(), Some("root"));
        assert_eq!(jobs[0].environment[1], ("A".to_owned(), "b c".to_owned()));
        assert_eq!(jobs[1].when, When::Reboot);
        for bad in
            ["* * * * x", "60 * * * * x", "5-1 * * * * x", "*/0 * * * * x", "@never x", "@daily", "* * * foo * x", "* * 0 * * x"]
        {
            assert!(read(bad, false).is_err(), "{bad}");
        }
        assert_eq!(read("\n* * * * x\n", false).unwrap_err().split(':').next(), Some("line 2"));
    }
}
