//! POSIX's extended headers: `LENGTH KEY=VALUE\n`, which override the header that follows them.

use std::io;

use super::header::broken;

/// Prefix of records that hold extended attributes.
const ATTRIBUTE: &[u8] = b"SCHILY.xattr.";

/// Values of one entry's extended headers.
#[derive(Debug, Default)]
pub struct Extensions {
    /// Overrides the name.
    pub path: Option<Vec<u8>>,
    /// Overrides the link's target.
    pub link: Option<Vec<u8>>,
    /// Overrides the size.
    pub size: Option<u64>,
    /// Overrides the owner.
    pub uid: Option<i64>,
    /// Overrides the group.
    pub gid: Option<i64>,
    /// Overrides the time: seconds and nanoseconds.
    pub time: Option<(i64, u32)>,
    /// Extended attributes by name.
    pub attributes: Vec<(Vec<u8>, Vec<u8>)>,
    /// GNU's words on sparse files: what follows `GNU.sparse.`
    pub sparse: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Extensions {
    /// Take the records of one extended header in.
    pub fn add(&mut self, mut records: &[u8]) -> io::Result<()> {
        while !records.is_empty() {
            let (key, value, rest) = record(records).ok_or_else(|| broken("an extended header is malformed"))?;
            self.take(key, value)?;
            records = rest;
        }
        Ok(())
    }

    fn take(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        match key {
            b"path" => self.path = Some(value.to_vec()),
            b"linkpath" => self.link = Some(value.to_vec()),
            b"size" => self.size = Some(decimal(value)?),
            b"uid" => self.uid = i64::try_from(decimal(value)?).ok(),
            b"gid" => self.gid = i64::try_from(decimal(value)?).ok(),
            b"mtime" => self.time = Some(time(value)?),
            key if key.starts_with(ATTRIBUTE) => self.attributes.push((key[ATTRIBUTE.len()..].to_vec(), value.to_vec())),
            key if key.starts_with(b"GNU.sparse.") => self.sparse.push((key[11..].to_vec(), value.to_vec())),
            _ => {}
        }
        Ok(())
    }

    /// The last word on a sparse file under that key.
    pub fn sparse(&self, key: &[u8]) -> Option<&[u8]> {
        self.sparse.iter().rev().find(|(known, _)| known == key).map(|(_, value)| value.as_slice())
    }
}

/// Key, value, and what follows the first record.
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = bytes.iter().take(20).position(|byte| *byte == b' ')?;
    let length = usize::try_from(decimal(&bytes[..blank]).ok()?).ok()?;
    let body = bytes.get(blank + 1..length)?.strip_suffix(b"\n")?;
    let equals = body.iter().position(|byte| *byte == b'=')?;
    Some((&body[..equals], &body[equals + 1..], &bytes[length..]))
}

/// A number in decimal digits.
pub fn decimal(text: &[u8]) -> io::Result<u64> {
    let number = std::str::from_utf8(text).ok().filter(|text| !text.starts_with('+'));
    number.and_then(|text| text.parse().ok()).ok_or_else(|| broken("a number is no number"))
}

/// `SECONDS[.FRACTION]`, which may be negative.
fn time(text: &[u8]) -> io::Result<(i64, u32)> {
    let odd = || broken("a time is no number");
    let text = std::str::from_utf8(text).map_err(|_| odd())?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().map_err(|_| odd())?;
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return Err(odd());
    }
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let nanoseconds: u32 = digits.parse().map_err(|_| odd())?;
    if text.starts_with('-') && nanoseconds > 0 {
        return Ok((seconds.checked_sub(1).ok_or_else(odd)?, 1_000_000_000 - nanoseconds));
    }
    Ok((seconds, nanoseconds))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn records() {
        let mut found = Extensions::default();
        found.add(b"12 path=a/b\n15 mtime=-1.25\nxxxx\n27 SCHILY.xattr.user.a=\n=\n\n").unwrap_err();
        let mut found = Extensions::default();
        found.add(b"12 path=a/b\n15 mtime=-1.25\n27 SCHILY.xattr.user.a=\n=\n\n").unwrap();
        assert_eq!(found.path.unwrap(), b"a/b");
        assert_eq!(found.time.unwrap(), (-2, 750_000_000));
        assert_eq!(found.attributes, [(b"user.a".to_vec(), b"\n=\n".to_vec())]);
        for bad in [&b"5 a=b\n"[..], b"99 a=b\n", b"0 a=b\n", b"-1 a=b\n", b"6 a=bc", b"6 a:b\n", b"18446744073709551616 a=b\n"] {
            assert!(Extensions::default().add(bad).is_err(), "{bad:?}");
        }
    }
}
