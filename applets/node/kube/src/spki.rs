//! The public key's place in an X.509 certificate (RFC 5280, 4.1), as DER.

/// A sequence.
const SEQUENCE: u8 = 0x30;
/// The optional version in front of a certificate's fields.
const VERSION: u8 = 0xa0;

/// The `SubjectPublicKeyInfo` with its own tag and length, or none when the certificate is malformed.
pub fn public_key(certificate: &[u8]) -> Option<&[u8]> {
    let (whole, _) = content(certificate, SEQUENCE)?;
    let (mut fields, _) = content(whole, SEQUENCE)?;
    if fields.first() == Some(&VERSION) {
        fields = skip(fields)?;
    }
    // Serial number, signature algorithm, issuer, validity, subject.
    for _ in 0..5 {
        fields = skip(fields)?;
    }
    let (_, rest) = content(fields, SEQUENCE)?;
    fields.get(..fields.len() - rest.len())
}

/// The content of the element that the bytes begin with, and what follows it.
fn content(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    if bytes.first() != Some(&tag) {
        return None;
    }
    let (head, len) = length(bytes)?;
    let end = head.checked_add(len)?;
    Some((bytes.get(head..end)?, bytes.get(end..)?))
}

fn skip(bytes: &[u8]) -> Option<&[u8]> {
    content(bytes, *bytes.first()?).map(|(_, rest)| rest)
}

/// The bytes before the content, and the content's.
fn length(bytes: &[u8]) -> Option<(usize, usize)> {
    let first = usize::from(*bytes.get(1)?);
    if first < 0x80 {
        return Some((2, first));
    }
    let count = first - 0x80;
    // Four bytes of length are more than any certificate has.
    if count == 0 || count > 4 {
        return None;
    }
    let len = bytes.get(2..2 + count)?.iter().fold(0, |len, b| len << 8 | usize::from(*b));
    Some((2 + count, len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_certificates_have_no_key() {
        for bytes in [&b""[..], b"\x30", b"\x30\x80", b"\x30\x84\xff\xff\xff\xff", b"\x30\x03\x30\x01\x02", &[0x30; 64]] {
            assert_eq!(public_key(bytes), None);
        }
    }

    #[test]
    fn the_key_is_found_behind_the_subject() {
        // Version, serial, algorithm, issuer, validity, subject, key.
        let fields = [
            &b"\xa0\x03\x02\x01\x02"[..],
            b"\x02\x01\x07",
            b"\x30\x00",
            b"\x30\x00",
            b"\x30\x00",
            b"\x30\x00",
            b"\x30\x02\x05\x00",
        ]
        .concat();
        let tbs = [&[0x30, fields.len() as u8][..], &fields].concat();
        let whole = [&[0x30, tbs.len() as u8][..], &tbs].concat();
        assert_eq!(public_key(&whole), Some(&b"\x30\x02\x05\x00"[..]));
    }
}
