//! Recipients and identities of X25519, and the file's key that travels from one to the other.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use curve25519_dalek::MontgomeryPoint;
use kit::{Context, Error, Result};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::{hkdf, hmac};

use super::bech32;
use super::header::{self, Header, Stanza};

/// Begins a recipient.
const RECIPIENT: &str = "age";
/// Begins an identity; people see it in large letters.
const IDENTITY: &str = "age-secret-key-";
/// The kind of stanza that is made and opened here.
const KIND: &str = "X25519";
/// A kind that must be the only one: it proves that nobody without the password has made the file.
const PASSWORD: &str = "scrypt";
/// Says which of the keys made of one secret is meant.
const WRAP: &[u8] = b"age-encryption.org/v1/X25519";
/// Bytes of a file's key.
const FILE_KEY: usize = 16;

/// Receiver of a file: a public key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Recipient([u8; 32]);

/// Opens files that are for its recipient: a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity([u8; 32]);

/// The key of one file.
pub(super) struct FileKey([u8; FILE_KEY]);

impl Recipient {
    /// Read `age1…`.
    pub fn parse(text: &str) -> Result<Self> {
        bech32::decode(RECIPIENT, text).filter(|_| text.starts_with(RECIPIENT)).map(Self).ok_or_else(|| {
            Error::usage(format!("{text:?} is no recipient: age-keygen prints one, age1 and 58 letters and digits"))
        })
    }

    fn wrap(&self, key: &FileKey) -> Result<Stanza> {
        let secret = random::<32>()?;
        let share = MontgomeryPoint::mul_base_clamped(secret).to_bytes();
        let shared = MontgomeryPoint(self.0).mul_clamped(secret).to_bytes();
        if shared == [0; 32] {
            return Err(Error::new(format!("{self:?} is a recipient that hides nothing")));
        }
        let mut body = key.0.to_vec();
        let wrap = wrap_key(&shared, &share, &self.0)?;
        wrap.seal_in_place_append_tag(nonce(), Aad::empty(), &mut body).map_err(|_| Error::new("seal the file's key"))?;
        Ok(Stanza { words: vec![KIND.into(), STANDARD_NO_PAD.encode(share)], body })
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bech32::encode(RECIPIENT, &self.0))
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Identity {
    /// Read `AGE-SECRET-KEY-1…`. The error does not repeat the text, which may be a secret with a
    /// mistake in it.
    pub fn parse(text: &str) -> Result<Self> {
        bech32::decode(IDENTITY, text)
            .filter(|_| text.starts_with(|c: char| c.is_ascii_uppercase()))
            .map(Self)
            .ok_or_else(|| Error::new("this is no identity: age-keygen prints one, AGE-SECRET-KEY-1 and 58 letters and digits"))
    }

    /// Its public half.
    pub fn recipient(&self) -> Recipient {
        Recipient(MontgomeryPoint::mul_base_clamped(self.0).to_bytes())
    }

    /// The file's key, when the stanza is for this identity.
    fn unwrap(&self, stanza: &Stanza) -> Result<Option<FileKey>> {
        let malformed = || Error::new("its header is malformed");
        let [kind, share] = stanza.words.as_slice() else { return Err(malformed()) };
        debug_assert_eq!(kind, KIND);
        let share: [u8; 32] = header::decode(share.as_bytes()).ok().and_then(|b| b.try_into().ok()).ok_or_else(malformed)?;
        if stanza.body.len() != FILE_KEY + CHACHA20_POLY1305.tag_len() {
            return Err(malformed());
        }
        let shared = MontgomeryPoint(share).mul_clamped(self.0).to_bytes();
        if shared == [0; 32] {
            return Err(malformed());
        }
        let wrap = wrap_key(&shared, &share, &self.recipient().0)?;
        let mut body = stanza.body.clone();
        let Ok(key) = wrap.open_in_place(nonce(), Aad::empty(), &mut body) else { return Ok(None) };
        let key: &[u8] = key;
        Ok(key.try_into().ok().map(FileKey))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "(the identity of {})", self.recipient())
    }
}

/// The identities of a file as age-keygen writes it: one a line, with comments. The error names a
/// line, never its text.
pub fn identities(text: &str) -> Result<Vec<Identity>> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let all: Vec<Identity> =
        lines.map(|(at, line)| Identity::parse(line).doing(format_args!("line {at}"))).collect::<Result<_>>()?;
    if all.is_empty() { Err(Error::new("it holds no identity")) } else { Ok(all) }
}

impl FileKey {
    /// A new one.
    pub fn random() -> Result<Self> {
        random().map(Self)
    }

    /// The header that hands the key to those recipients.
    pub fn header(&self, recipients: &[Recipient]) -> Result<Header> {
        let stanzas = recipients.iter().map(|recipient| recipient.wrap(self)).collect::<Result<Vec<_>>>()?;
        let tag = hmac::sign(&self.mac_key()?, &Header::signed(&stanzas));
        let mac = tag.as_ref().try_into().doing("sign the header")?;
        Ok(Header { stanzas, mac })
    }

    /// The key that a header hands to one of those identities.
    pub fn of(header: &Header, identities: &[Identity]) -> Result<Self> {
        let kind = |stanza: &Stanza| stanza.words.first().map(String::as_str).unwrap_or_default().to_owned();
        if header.stanzas.len() > 1 && header.stanzas.iter().any(|stanza| kind(stanza) == PASSWORD) {
            return Err(Error::new("its header is malformed"));
        }
        let mut found = None;
        for stanza in header.stanzas.iter().filter(|stanza| kind(stanza) == KIND) {
            for identity in identities {
                // Every stanza is looked at: a malformed one counts wherever it stands.
                found = identity.unwrap(stanza)?.or(found);
            }
        }
        let key = found.ok_or_else(|| Error::new("it is for another identity than the one that was given"))?;
        let good = hmac::verify(&key.mac_key()?, &Header::signed(&header.stanzas), &header.mac).is_ok();
        if good { Ok(key) } else { Err(Error::new("its header was changed")) }
    }

    /// The key of the chunks that follow that number.
    pub fn payload(&self, number: &[u8; 16]) -> Result<LessSafeKey> {
        aead(&derive(number, &self.0, b"payload")?)
    }

    fn mac_key(&self) -> Result<hmac::Key> {
        Ok(hmac::Key::new(hmac::HMAC_SHA256, &derive(&[], &self.0, b"header")?))
    }
}

fn wrap_key(shared: &[u8; 32], share: &[u8; 32], recipient: &[u8; 32]) -> Result<LessSafeKey> {
    aead(&derive(&[&share[..], recipient].concat(), shared, WRAP)?)
}

/// The number of the only message under a key.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

/// HKDF of SHA-256.
fn derive(salt: &[u8], secret: &[u8], info: &[u8]) -> Result<[u8; 32]> {
    let mut key = [0; 32];
    let made = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
    let filled = made.expand(&[info], hkdf::HKDF_SHA256).and_then(|made| made.fill(&mut key));
    filled.map(|()| key).map_err(|_| Error::new("derive a key"))
}

fn aead(key: &[u8; 32]) -> Result<LessSafeKey> {
    UnboundKey::new(&CHACHA20_POLY1305, key).map(LessSafeKey::new).map_err(|_| Error::new("use a key"))
}

/// Bytes that nobody can guess.
pub(super) fn random<const LEN: usize>() -> Result<[u8; LEN]> {
    let mut bytes = [0; LEN];
    let got = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()).doing("get random bytes")?;
    if got == LEN { Ok(bytes) } else { Err(Error::new("get random bytes: too few came")) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    const SECRET: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
    const PUBLIC: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";

    #[test]
    fn the_known_pair_belongs_together() {
        let identity = Identity::parse(SECRET).unwrap();
        assert_eq!((identity.0, identity.recipient().to_string()), ([0x42; 32], PUBLIC.to_owned()));
        assert_eq!(Recipient::parse(PUBLIC).unwrap(), identity.recipient());
        assert!(!format!("{identity:?}").contains("SECRET"));
    }

    #[test]
    fn files_of_identities_are_read_and_their_mistakes_kept_secret() {
        let text = format!("# created: now\n# public key: {PUBLIC}\n{SECRET}\n\n");
        assert_eq!(identities(&text).unwrap().len(), 1);
        assert_eq!(identities("# nothing\n").unwrap_err().to_string(), "it holds no identity");
        let wrong = identities(&format!("# a\n{}\n", SECRET.replace("GFPY", "GFPX"))).unwrap_err().to_string();
        assert!(wrong.starts_with("line 2: this is no identity") && !wrong.contains("GFPX"), "{wrong}");
        for wrong in [PUBLIC, &SECRET.to_ascii_lowercase(), ""] {
            assert!(Identity::parse(wrong).is_err());
        }
        for wrong in [SECRET, &PUBLIC.to_ascii_uppercase(), "age1", ""] {
            assert!(Recipient::parse(wrong).is_err());
        }
    }

    #[test]
    fn a_key_reaches_its_recipients_and_nobody_else() {
        let (one, two, other) = (Identity([1; 32]), Identity([2; 32]), Identity([3; 32]));
        let key = FileKey::random().unwrap();
        let header = key.header(&[one.recipient(), two.recipient()]).unwrap();
        for identity in [one, two] {
            assert_eq!(FileKey::of(&header, &[other.clone(), identity]).unwrap().0, key.0);
        }
        let why = FileKey::of(&header, &[other]).map(|_| ()).unwrap_err().to_string();
        assert!(why.contains("another identity"), "{why}");
    }

    #[test]
    fn shares_that_hide_nothing_are_refused() {
        let key = FileKey([9; 16]);
        assert!(Recipient([0; 32]).wrap(&key).is_err());
        let words = vec![KIND.into(), STANDARD_NO_PAD.encode([0; 32])];
        assert!(Identity([1; 32]).unwrap(&Stanza { words, body: vec![0; 32] }).is_err());
    }
}
