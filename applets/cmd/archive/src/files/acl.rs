//! Access control lists: the kernel's bytes (version 2, see linux/posix_acl_xattr.h) and the text of acl(5).

use kit::account;

const VERSION: [u8; 4] = [2, 0, 0, 0];
/// Tags with their words; of the second and fourth there may be several, with a number.
const TAGS: [(u16, &str); 6] = [(1, "user"), (2, "user"), (4, "group"), (8, "group"), (0x10, "mask"), (0x20, "other")];
const NOBODY: u32 = u32::MAX;

/// Text of an ACL; none when the bytes are malformed.
pub(crate) fn to_text(bytes: &[u8]) -> Option<Vec<u8>> {
    let entries = bytes.strip_prefix(&VERSION)?;
    let mut words = Vec::new();
    for entry in entries.chunks(8) {
        let [t0, t1, p0, _, a, b, c, d] = *entry else { return None };
        let tag = u16::from_le_bytes([t0, t1]);
        let (_, word) = TAGS.iter().find(|(known, _)| *known == tag)?;
        let id = u32::from_le_bytes([a, b, c, d]);
        let who = if matches!(tag, 2 | 8) { id.to_string() } else { String::new() };
        let bits: String = [(4, 'r'), (2, 'w'), (1, 'x')].iter().map(|(bit, c)| if p0 & bit == 0 { '-' } else { *c }).collect();
        // A name makes it readable on another system, where numbers differ.
        let named = match tag {
            2 => account::user_name(id),
            8 => account::group_name(id),
            _ => who,
        };
        words.push(format!("{word}:{named}:{bits}"));
    }
    Some(words.join(",").into_bytes())
}

/// Bytes of a text; none when it is malformed.
pub(crate) fn from_text(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let mut entries: Vec<(u16, u32, u16)> = Vec::new();
    for word in text.split([',', '\n']).map(str::trim).filter(|word| !word.is_empty() && !word.starts_with('#')) {
        // Star appends the number as a fourth field.
        let mut fields = word.split(':');
        let (kind, who, bits, number) = (fields.next()?, fields.next()?, fields.next()?, fields.next());
        let id = |find: fn(&str) -> Option<u32>| find(who).or_else(|| number?.parse().ok());
        let (tag, id) = match (kind, who) {
            ("user" | "u", "") => (1, NOBODY),
            ("user" | "u", _) => (2, id(account::user_id)?),
            ("group" | "g", "") => (4, NOBODY),
            ("group" | "g", _) => (8, id(account::group_id)?),
            ("mask" | "m", "") => (0x10, NOBODY),
            ("other" | "o", "") => (0x20, NOBODY),
            _ => return None,
        };
        let mut permissions = 0;
        for letter in bits.split(['\t', ' ']).next()?.chars() {
            permissions |= match letter {
                'r' => 4,
                'w' => 2,
                'x' => 1,
                '-' => 0,
                _ => return None,
            };
        }
        entries.push((tag, id, permissions));
    }
    // The kernel wants them in this order.
    entries.sort_unstable();
    let mut bytes = VERSION.to_vec();
    for (tag, id, permissions) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(permissions.to_le_bytes());
        bytes.extend(id.to_le_bytes());
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn there_and_back() {
        let text = b"user::rw-,user:12345:r-x,group::r--,mask::rwx,other::---";
        let bytes = from_text(text).unwrap();
        assert_eq!(bytes.len(), 4 + 5 * 8);
        assert_eq!(to_text(&bytes).unwrap(), text);
        for bad in [&b"user"[..], b"user::rq-", b"who::r--", b"user:no such user:r--"] {
            assert!(from_text(bad).is_none());
        }
        assert!(to_text(b"\x02\0\0").is_none() && to_text(b"\x02\0\0\0\x01").is_none());
    }
}
