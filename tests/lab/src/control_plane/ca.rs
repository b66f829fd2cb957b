//! The hash of an authority's public key, which a joining node is told so that it can trust the cluster it finds.

use base64::prelude::{BASE64_STANDARD, Engine};
use kit::{Context, Error, Result};
use sha2::{Digest, Sha256};

/// `sha256:…` of the SubjectPublicKeyInfo (RFC 5280, 4.1) of a certificate in PEM.
pub fn hash(pem: &str) -> Result<String> {
    let body: String =
        pem.lines().skip_while(|l| !l.starts_with("-----BEGIN")).skip(1).take_while(|l| !l.starts_with('-')).collect();
    let der = BASE64_STANDARD.decode(body).doing("read the authority's certificate")?;
    let key = public_key(&der).ok_or_else(|| Error::new("read the authority's certificate: no X.509"))?;
    Ok(Sha256::digest(key).iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}")))
}

/// Certificate → tbsCertificate → the element after version, serial number, algorithm, issuer, validity and subject.
fn public_key(der: &[u8]) -> Option<&[u8]> {
    let (_, certificate, _) = element(der)?;
    let (_, mut rest, _) = element(certificate)?;
    // The version is explicit in all but the oldest certificates.
    let fields = if rest.first() == Some(&0xa0) { 6 } else { 5 };
    for _ in 0..fields {
        rest = element(rest)?.2;
    }
    Some(element(rest)?.0)
}

/// The first element: whole, its content, and what follows it.
fn element(der: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let first = usize::from(*der.get(1)?);
    let (length, header) = if first < 0x80 {
        (first, 2)
    } else {
        let count = first - 0x80;
        let bytes = der.get(2..2 + count).filter(|_| (1..=4).contains(&count))?;
        (bytes.iter().fold(0, |n, b| n << 8 | usize::from(*b)), 2 + count)
    };
    let end = header.checked_add(length)?;
    Some((der.get(..end)?, der.get(header..end)?, der.get(end..)?))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_key_is_found() {
        // certificate { tbs { [0] version, serial, algorithm, issuer, validity, subject, key }, … }
        let tbs = [&[0xa0, 1, 2][..], &[2, 1, 7], &[0x30, 0], &[0x30, 0], &[0x30, 0], &[0x30, 0], &[0x30, 2, 9, 9]].concat();
        let inner = [&[0x30, tbs.len() as u8][..], &tbs].concat();
        let der = [&[0x30, 0x81, inner.len() as u8][..], &inner].concat();
        assert_eq!(public_key(&der).unwrap(), [0x30, 2, 9, 9]);
        assert!(public_key(&der[..10]).is_none());
    }
}
