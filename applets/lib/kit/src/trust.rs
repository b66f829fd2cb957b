//! Signatures (Ed25519, RFC 8032) over what comes by a network that anybody can be on: the keys that this node trusts.
//!
//! A key is 64 hexadecimal digits, a signature 128. The keys are the lines of [`paths::TRUST`]; a word behind the digits and lines that begin
//! with `#` are for people.

use std::fs;
use std::io::ErrorKind;

use ring::signature::{ED25519, UnparsedPublicKey};

use crate::{Context, Error, Result, paths};

/// A signature's length in bytes.
pub const SIGNATURE: usize = 64;
/// A public key's length in bytes.
pub const KEY: usize = 32;

/// The keys that this node trusts.
#[derive(Debug, Default)]
pub struct Keys(Vec<[u8; KEY]>);

impl Keys {
    /// This node's; none when nobody gave it any.
    ///
    /// # Errors
    /// The file can't be read, or holds something else: a key that is mistyped must not look like one that was never given.
    pub fn here() -> Result<Self> {
        match fs::read_to_string(paths::TRUST) {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(Self::default()),
            text => Self::parse(&text.on("read", paths::TRUST)?).on("read", paths::TRUST),
        }
    }

    /// The keys of a text.
    pub fn parse(text: &str) -> Result<Self> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let key = |line: &str| {
            let digits = line.split_whitespace().next().unwrap_or_default();
            unhex(digits.as_bytes()).ok_or_else(|| Error::new(format!("{line:?} is no key: it needs 64 hexadecimal digits")))
        };
        lines.map(key).collect::<Result<_>>().map(Self)
    }

    /// Tells if there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Checks that one of the keys has made that signature, a text, over `content`; `what` is its
    /// name.
    pub fn check(&self, what: &str, content: &[u8], signature: &[u8]) -> Result<()> {
        let bytes = self::signature(signature).ok_or_else(|| Error::new(format!("the signature of {what} is no signature")))?;
        let signed = |key: &[u8; KEY]| UnparsedPublicKey::new(&ED25519, key).verify(content, &bytes).is_ok();
        if self.0.iter().any(signed) {
            return Ok(());
        }
        Err(Error::new(format!("{what} is not signed by a key of {}: it was changed, or is somebody else's", paths::TRUST)))
    }
}

/// A signature's bytes from its text.
pub fn signature(text: &[u8]) -> Option<[u8; SIGNATURE]> {
    unhex(text.trim_ascii())
}

/// Exactly so many bytes from hexadecimal digits.
fn unhex<const LEN: usize>(digits: &[u8]) -> Option<[u8; LEN]> {
    let mut bytes = [0; LEN];
    (digits.len() == 2 * LEN).then_some(())?;
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let value = |digit: u8| char::from(digit).to_digit(16);
        *byte = (value(*pair.first()?)? << 4 | value(*pair.last()?)?) as u8;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use ring::signature::{Ed25519KeyPair, KeyPair};

    fn hex(bytes: &[u8]) -> String {
        crate::hex::encode(bytes)
    }

    #[test]
    fn the_test_of_rfc_8032_holds() {
        let keys = Keys::parse("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c\n").unwrap();
        let signature = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                         085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00\n";
        keys.check("it", b"\x72", signature.as_bytes()).unwrap();
        assert!(keys.check("it", b"\x73", signature.as_bytes()).is_err());
    }

    #[test]
    fn one_of_several_keys_is_enough_and_another_is_not() {
        let pair = |seed: u8| Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let line = |seed| hex(pair(seed).public_key().as_ref());
        let keys = Keys::parse(&format!("# ours\n{} old\n\n{} new\n", line(1), line(2))).unwrap();
        let signed = |seed| hex(pair(seed).sign(b"text").as_ref());
        for seed in [1, 2] {
            keys.check("it", b"text", signed(seed).as_bytes()).unwrap();
        }
        let why = keys.check("the manifest", b"text", signed(3).as_bytes()).unwrap_err().to_string();
        assert!(why.starts_with("the manifest is not signed by a key of /etc/kutties/update.pub"), "{why}");
        for wrong in ["", "00", &signed(1)[1..], &format!("{}00", signed(1)), &signed(1).replace('0', "g")] {
            assert!(keys.check("it", b"text", wrong.as_bytes()).unwrap_err().to_string().contains("is no signature"), "{wrong}");
        }
    }

    #[test]
    fn a_mistyped_key_is_an_error() {
        assert!(Keys::parse("").unwrap().is_empty() && Keys::parse("# none\n").unwrap().is_empty());
        for wrong in ["abcd", &"g".repeat(64), &"0".repeat(66)] {
            assert!(Keys::parse(wrong).is_err(), "{wrong}");
        }
    }
}
