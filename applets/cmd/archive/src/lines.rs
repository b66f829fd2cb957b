//! Lines as `ls -l` prints them, for lists of cpio.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use kit::account;

/// Metadata of a file for its line.
pub(crate) struct About {
    pub(crate) mode: u32,
    pub(crate) links: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) size: u64,
    pub(crate) device: (u32, u32),
    pub(crate) time: i64,
}

/// Maker of lines, which reads each name once.
pub(crate) struct Long {
    numeric: bool,
    names: HashMap<(bool, u32), String>,
    zone: TimeZone,
}

impl Long {
    /// Lines with names or numbers of owners.
    pub(crate) fn new(numeric: bool) -> Self {
        Self { numeric, names: HashMap::new(), zone: TimeZone::try_system().unwrap_or(TimeZone::UTC) }
    }

    fn name(&mut self, user: bool, id: u32) -> String {
        let numeric = self.numeric;
        let find = || match (numeric, user) {
            (true, _) => id.to_string(),
            (false, true) => account::user_name(id),
            (false, false) => account::group_name(id),
        };
        self.names.entry((user, id)).or_insert_with(find).clone()
    }

    /// A line without its end.
    pub(crate) fn line(&mut self, about: &About, name: &[u8], link: &[u8]) -> Vec<u8> {
        let (user, group) = (self.name(true, about.uid), self.name(false, about.gid));
        let kind = match about.mode >> 12 {
            0o4 => 'd',
            0o12 => 'l',
            0o2 => 'c',
            0o6 => 'b',
            0o1 => 'p',
            0o14 => 's',
            _ => '-',
        };
        let size = match kind {
            'c' | 'b' => format!("{:3}, {:3}", about.device.0, about.device.1),
            _ => format!("{:8}", about.size),
        };
        let (mode, links, time) = (bits(about.mode), about.links, self.time(about.time));
        let mut text = format!("{kind}{mode} {links:3} {user:8} {group:8} {size} {time} ").into_bytes();
        text.extend_from_slice(name);
        if kind == 'l' {
            text.extend_from_slice(b" -> ");
            text.extend_from_slice(link);
        }
        text
    }

    /// `Dec  1 02:27`, or the year for a time half a year off.
    fn time(&self, seconds: i64) -> String {
        const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        const HALF_A_YEAR: i64 = 6 * 30 * 24 * 60 * 60;
        let Ok(stamp) = Timestamp::from_second(seconds) else { return seconds.to_string() };
        let at = stamp.to_zoned(self.zone.clone());
        let month = MONTHS.get(at.month() as usize - 1).copied().unwrap_or_default();
        let age = Timestamp::now().as_second() - seconds;
        if (-60 * 60..HALF_A_YEAR).contains(&age) {
            format!("{month} {:2} {:02}:{:02}", at.day(), at.hour(), at.minute())
        } else {
            format!("{month} {:2}  {:4}", at.day(), at.year())
        }
    }
}

/// `rwxr-xr-x` with set-ID and sticky bits.
pub(crate) fn bits(mode: u32) -> String {
    let mut text: Vec<u8> = (0..9).map(|at| if mode & (0o400 >> at) == 0 { b'-' } else { b"rwx"[at % 3] }).collect();
    for (bit, at, letter) in [(0o4000, 2, b's'), (0o2000, 5, b's'), (0o1000, 8, b't')] {
        if mode & bit != 0 {
            text[at] = if text[at] == b'x' { letter } else { letter.to_ascii_uppercase() };
        }
    }
    String::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes() {
        for (mode, text) in [(0o644, "rw-r--r--"), (0o4755, "rwsr-xr-x"), (0o2644, "rw-r-Sr--"), (0o1777, "rwxrwxrwt")] {
            assert_eq!(bits(mode), text);
        }
    }
}
