//! Records of pax headers: `LENGTH KEYWORD=VALUE\n`, see pax(1).

use std::io::{self, Write};

use crate::files::member::{Member, Time};

/// Name of an extended attribute behind this is a keyword.
pub(super) const XATTR: &[u8] = b"SCHILY.xattr.";
/// Keywords of ACLs: access and default.
pub(super) const ACLS: [&[u8]; 2] = [b"SCHILY.acl.access", b"SCHILY.acl.default"];
/// Extended attribute that has a keyword of its own.
pub(super) const SELINUX: &[u8] = b"RHT.security.selinux";

/// Names in a directory.
pub(super) const LIST: &[u8] = b"GNU.dumpdir";

/// A record.
pub(super) type Record = (Vec<u8>, Vec<u8>);

/// All records of a header's content.
pub(super) fn parse(mut bytes: &[u8]) -> io::Result<Vec<Record>> {
    let bad = || io::Error::new(io::ErrorKind::InvalidData, "malformed extended header");
    let mut records = Vec::new();
    // Zeroes after the last record are filling.
    while bytes.first().is_some_and(|byte| *byte != 0) {
        let blank = bytes.iter().take(20).position(|byte| *byte == b' ').ok_or_else(bad)?;
        let len: usize = std::str::from_utf8(&bytes[..blank]).ok().and_then(|text| text.parse().ok()).ok_or_else(bad)?;
        let record = bytes.get(blank + 1..len).and_then(|record| record.strip_suffix(b"\n")).ok_or_else(bad)?;
        let equals = record.iter().position(|byte| *byte == b'=').ok_or_else(bad)?;
        records.push((record[..equals].to_vec(), record[equals + 1..].to_vec()));
        bytes = &bytes[len..];
    }
    Ok(records)
}

/// Append a record.
pub(super) fn push(to: &mut Vec<u8>, keyword: &[u8], value: &[u8]) {
    // The length counts its own digits.
    let rest = keyword.len() + value.len() + 3;
    let mut len = rest + 1;
    while rest + len.to_string().len() > len {
        len += 1;
    }
    // Writing to memory can't fail.
    let _ = write!(to, "{len} ");
    to.extend_from_slice(keyword);
    to.push(b'=');
    to.extend_from_slice(value);
    to.push(b'\n');
}

/// Time as seconds with a fraction.
pub(super) fn time_text(time: Time) -> String {
    let (seconds, nanos) = (time.seconds, time.nanos);
    if nanos == 0 {
        return seconds.to_string();
    }
    // A fraction goes away from zero below 1970.
    let text = if seconds < 0 {
        let (whole, part) = (-(seconds + 1), 1_000_000_000 - nanos);
        format!("-{whole}.{part:09}")
    } else {
        format!("{seconds}.{nanos:09}")
    };
    text.trim_end_matches('0').to_owned()
}

/// Time from such a text.
pub(super) fn time(text: &[u8]) -> Option<Time> {
    let text = std::str::from_utf8(text).ok()?;
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().ok()?;
    let digits: String = part.chars().chain("000000000".chars()).take(9).collect();
    let nanos: u32 = digits.parse().ok()?;
    Some(if whole.starts_with('-') && nanos > 0 {
        Time { seconds: seconds.checked_sub(1)?, nanos: 1_000_000_000 - nanos }
    } else {
        Time { seconds, nanos }
    })
}

/// Take over what a record tells; gives false for what it has nothing to do with, such as sparse parts.
pub(super) fn apply(member: &mut Member, keyword: &[u8], value: &[u8]) -> io::Result<bool> {
    let bad = || {
        let keyword = String::from_utf8_lossy(keyword).into_owned();
        io::Error::new(io::ErrorKind::InvalidData, format!("malformed extended header: {keyword}"))
    };
    let number = || std::str::from_utf8(value).ok().and_then(|text| text.parse::<i64>().ok()).ok_or_else(bad);
    match keyword {
        b"path" => member.name = value.to_vec(),
        b"linkpath" => member.link = value.to_vec(),
        b"uid" => member.uid = number()?,
        b"gid" => member.gid = number()?,
        b"uname" => member.user = value.to_vec(),
        b"gname" => member.group = value.to_vec(),
        b"size" => member.size = u64::try_from(number()?).map_err(|_| bad())?,
        b"mtime" => member.mtime = time(value).ok_or_else(bad)?,
        b"atime" => member.atime = Some(time(value).ok_or_else(bad)?),
        b"ctime" => member.ctime = Some(time(value).ok_or_else(bad)?),
        SELINUX => member.xattrs.push((b"security.selinux".to_vec(), value.to_vec())),
        LIST => member.list = Some(value.to_vec()),
        _ if keyword == ACLS[0] => member.acls[0] = Some(value.to_vec()),
        _ if keyword == ACLS[1] => member.acls[1] = Some(value.to_vec()),
        _ => match keyword.strip_prefix(XATTR) {
            Some(name) => member.xattrs.push((name.to_vec(), value.to_vec())),
            None => return Ok(false),
        },
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn records() {
        let mut bytes = Vec::new();
        push(&mut bytes, b"path", b"a");
        assert_eq!(bytes, b"9 path=a\n");
        for len in [1, 88, 89, 90, 91, 985, 990, 995] {
            push(&mut bytes, b"k", &vec![b'\n'; len]);
        }
        bytes.extend([0; 100]);
        let records = parse(&bytes).unwrap();
        assert_eq!(records.len(), 9);
        assert_eq!(records[8], (b"k".to_vec(), vec![b'\n'; 995]));
        for bad in [&b"5 a=b\n"[..], b"x", b"99999999999999999999 a=b\n", b"6 a=b\n6", b"3 a\n", b"0 a=b\n"] {
            assert!(parse(bad).is_err());
        }
    }

    #[test]
    fn times() {
        for (text, seconds, nanos) in
            [("0", 0, 0), ("1.5", 1, 500_000_000), ("-1.5", -2, 500_000_000), ("-0.25", -1, 750_000_000), ("-3", -3, 0)]
        {
            assert_eq!(time(text.as_bytes()), Some(Time { seconds, nanos }), "{text}");
            assert_eq!(time_text(Time { seconds, nanos }), text);
        }
        assert_eq!(time(b"1.x"), None);
    }
}
