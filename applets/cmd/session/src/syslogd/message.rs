//! Lines of programs, as RFC 3164 describes what they send: `<PRIORITY>DATE TAG: TEXT`.

/// Priority without one: user.notice.
const USUAL: u16 = 13;
/// Largest priority: 24 facilities of 8 levels.
const MOST: u16 = 191;
/// Length of a date: `Dec  1 13:00:00`, with the blank behind it.
const DATE: usize = 16;

const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "12", "13", "14", "15",
    "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];
const LEVELS: [&str; 8] = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"];

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    priority: u16,
    date: String,
    host: String,
    text: String,
}

impl Message {
    /// A line of a program. Bytes that a terminal would obey are shown as `^X`, so that nobody writes lines of others.
    pub fn read(line: &[u8], leaves_date: bool, host: &str) -> Option<Self> {
        let text = String::from_utf8_lossy(line);
        let (priority, rest) = priority(&text);
        let has_date = is_date(rest.as_bytes());
        let (date, rest) = match rest.split_at_checked(DATE) {
            Some((date, rest)) if has_date => (date.trim_end().to_owned(), rest),
            _ => (now(), rest),
        };
        let text = plain(rest.trim_start());
        let date = if leaves_date && has_date { now() } else { date };
        if text.is_empty() { None } else { Some(Self { priority, date, host: host.to_owned(), text }) }
    }

    /// A record of /dev/kmsg: `PRIORITY,NUMBER,MICROSECONDS,-;TEXT`.
    pub fn of_kernel(record: &[u8], host: &str) -> Option<Self> {
        let text = String::from_utf8_lossy(record);
        let (head, rest) = text.split_once(';')?;
        let priority = head.split(',').next()?.parse().ok().filter(|priority| *priority <= MOST)?;
        let text = format!("kernel: {}", plain(rest.lines().next()?));
        Some(Self { priority, date: now(), host: host.to_owned(), text })
    }

    /// Level, 0 the most urgent.
    pub const fn level(&self) -> u8 {
        (self.priority & 7) as u8
    }

    /// The line of the file.
    pub fn line(&self) -> String {
        let facility = FACILITIES.get(usize::from(self.priority / 8)).unwrap_or(&"user");
        let level = LEVELS[usize::from(self.priority % 8)];
        format!("{} {} {facility}.{level} {}\n", self.date, self.host, self.text)
    }

    /// The packet for another machine.
    pub fn packet(&self) -> String {
        format!("<{}>{} {} {}", self.priority, self.date, self.host, self.text)
    }
}

fn priority(text: &str) -> (u16, &str) {
    let inside = text.strip_prefix('<').and_then(|rest| rest.split_once('>'));
    let found = inside.and_then(|(number, rest)| Some((number.parse::<u16>().ok().filter(|number| *number <= MOST)?, rest)));
    found.unwrap_or((USUAL, text))
}

/// `Mmm dd hh:mm:ss `.
fn is_date(bytes: &[u8]) -> bool {
    bytes.len() >= DATE && [3, 6, 15].iter().all(|&at| bytes[at] == b' ') && bytes[9] == b':' && bytes[12] == b':'
}

fn now() -> String {
    let seconds = kit::clock::now() / 1_000_000_000;
    String::from_utf8_lossy(&sys::calendar::format(b"%b %e %H:%M:%S", seconds, false).unwrap_or_default()).into_owned()
}

fn plain(text: &str) -> String {
    let shown = |c: char| match c {
        '\t' => " ".to_owned(),
        c if c.is_ascii_control() => format!("^{}", char::from((c as u8) ^ 0x40)),
        c if c.is_control() => "?".to_owned(),
        c => c.to_string(),
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn lines_of_programs() {
        let message = Message::read(b"<30>Dec  1 13:00:00 d[7]: hello\x1b[0m", false, "h").unwrap();
        assert_eq!(message.line(), "Dec  1 13:00:00 h daemon.info d[7]: hello^[[0m\n");
        assert_eq!(message.level(), 6);
        assert!(message.packet().starts_with("<30>Dec  1 13:00:00 h d[7]"));
        let bare = Message::read(b"no priority", false, "h").unwrap();
        assert!(bare.line().ends_with("h user.notice no priority\n"));
        assert!(Message::read(b"<999>x", false, "h").unwrap().line().ends_with("<999>x\n"));
        assert_eq!(Message::read(b"<13>", false, "h"), None);
        // A character of several bytes where a date would end.
        assert!(Message::read("<13>aaa bb cc:dd:ee\u{e9}x".as_bytes(), false, "h").is_some());
        let kernel = Message::of_kernel(b"6,1,2,-;eth0: up\n DEVICE=x", "h").unwrap();
        assert!(kernel.line().ends_with("h kern.info kernel: eth0: up\n"));
        assert_eq!(Message::of_kernel(b"garbage", "h"), None);
    }
}
