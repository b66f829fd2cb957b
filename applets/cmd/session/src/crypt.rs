//! Passwords as /etc/shadow has them: SHA-256 and SHA-512 with rounds, after Ulrich Drepper's "Unix crypt using SHA-256 and SHA-512".

use kit::{Error, Result};
use sha2::{Digest, Sha256, Sha512};

/// Characters of a hash, in the order of their values.
const DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Rounds without a word, the fewest, and the most that are done: a hash must not hold a login for minutes.
const USUAL_ROUNDS: u32 = 5000;
const LEAST_ROUNDS: u32 = 1000;
const MOST_ROUNDS: u32 = 10_000_000;
/// Longest salt that counts.
const MOST_SALT: usize = 16;

/// Outcome of a comparison.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the password.
    Right,
    /// It is not.
    Wrong,
    /// The hash is of a kind that is not known here.
    Unknown,
}

/// Compare a password with a hash of /etc/shadow, in a time that tells nothing of the place where they differ.
pub fn verify(password: &[u8], hash: &str) -> Verdict {
    let made = match hash.get(..3) {
        Some("$6$") => make::<Sha512>(password, hash, "$6$"),
        Some("$5$") => make::<Sha256>(password, hash, "$5$"),
        _ => return Verdict::Unknown,
    };
    let Some(made) = made else { return Verdict::Unknown };
    let differences = made.bytes().zip(hash.bytes()).fold(0, |found, (a, b)| found | (a ^ b));
    if differences == 0 && made.len() == hash.len() { Verdict::Right } else { Verdict::Wrong }
}

/// The password must have that hash. The error says so when nobody could tell: the hash is of a kind that is not known here.
pub fn check(password: &[u8], hash: &str) -> Result<()> {
    match verify(password, hash) {
        Verdict::Right => Ok(()),
        Verdict::Unknown if hash.starts_with('$') => {
            Err(Error::new("the password's hash is of an unsupported kind (supported: SHA-256, SHA-512)"))
        }
        Verdict::Wrong | Verdict::Unknown => Err(Error::new("authentication failure")),
    }
}

/// A new hash by SHA-512.
pub fn hash(password: &[u8], random: &[u8; MOST_SALT]) -> String {
    let salt: String = random.iter().map(|byte| char::from(DIGITS[usize::from(byte & 63)])).collect();
    make::<Sha512>(password, &format!("$6${salt}$"), "$6$").unwrap_or_default()
}

/// The hash of a password by the salt and the rounds of a setting; none for a setting that is none.
fn make<D: Digest>(password: &[u8], setting: &str, prefix: &str) -> Option<String> {
    let rest = setting.strip_prefix(prefix)?;
    let (named, rest) = match rest.strip_prefix("rounds=").and_then(|rest| rest.split_once('$')) {
        Some((number, rest)) => (Some(number.parse::<u32>().ok()?), rest),
        None => (None, rest),
    };
    let rounds = named.unwrap_or(USUAL_ROUNDS).clamp(LEAST_ROUNDS, MOST_ROUNDS);
    let salt = rest.split('$').next()?;
    let salt = salt.get(..salt.len().min(MOST_SALT))?;
    let bytes = rounds_of::<D>(password, salt.as_bytes(), rounds);
    let words = named.map(|_| format!("rounds={rounds}$")).unwrap_or_default();
    Some(format!("{prefix}{words}{salt}${}", encoded(&bytes)))
}

/// The bytes again and again up to a length.
fn stretched(bytes: &[u8], length: usize) -> Vec<u8> {
    bytes.iter().copied().cycle().take(length).collect()
}

fn rounds_of<D: Digest>(password: &[u8], salt: &[u8], rounds: u32) -> Vec<u8> {
    let other = D::new().chain_update(password).chain_update(salt).chain_update(password).finalize();
    let mut first = D::new().chain_update(password).chain_update(salt).chain_update(stretched(&other, password.len()));
    let mut bits = password.len();
    while bits > 0 {
        if bits & 1 == 1 {
            first.update(&other);
        } else {
            first.update(password);
        }
        bits >>= 1;
    }
    let mut last = first.finalize();
    let mut repeated = D::new();
    for _ in 0..password.len() {
        repeated.update(password);
    }
    let password = stretched(&repeated.finalize(), password.len());
    let mut repeated = D::new();
    for _ in 0..16 + usize::from(last[0]) {
        repeated.update(salt);
    }
    let salt = stretched(&repeated.finalize(), salt.len());
    for round in 0..rounds {
        let mut next = D::new();
        if round & 1 == 1 {
            next.update(&password);
        } else {
            next.update(&last);
        }
        if round % 3 != 0 {
            next.update(&salt);
        }
        if round % 7 != 0 {
            next.update(&password);
        }
        if round & 1 == 1 {
            next.update(&last);
        } else {
            next.update(&password);
        }
        last = next.finalize();
    }
    last.to_vec()
}

/// The bytes in the order of the specification, six bits a character.
fn encoded(bytes: &[u8]) -> String {
    let mut text = String::new();
    let mut group = |a: u8, b: u8, c: u8, count: usize| {
        let mut word = u32::from(a) << 16 | u32::from(b) << 8 | u32::from(c);
        for _ in 0..count {
            text.push(char::from(DIGITS[(word & 63) as usize]));
            word >>= 6;
        }
    };
    let third = bytes.len() / 3;
    for step in 0..third {
        // The three columns change places from row to row: one way for 64 bytes, the other for 32.
        let [a, b, c] = [bytes[step], bytes[step + third], bytes[step + 2 * third]];
        match (bytes.len() == 64, step % 3) {
            (_, 0) => group(a, b, c, 4),
            (true, 1) | (false, 2) => group(b, c, a, 4),
            _ => group(c, a, b, 4),
        }
    }
    match bytes.len() {
        64 => group(0, 0, bytes[63], 2),
        _ => group(0, bytes[31], bytes[30], 3),
    }
    text
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    /// Hashes that the C library of Debian 12 makes of the specification's examples.
    const EXAMPLES: [(&str, &str); 5] = [
        ("Hello world!", "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"),
        (
            "Hello world!",
            "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.",
        ),
        (
            "we have a short salt string but not a short password",
            "$6$rounds=77777$short$WuQyW2YR.hBNpjjRhpYD/ifIw05xdfeEyQoMxIXbkvr0gge1a1x3yRULJ5CCaUeOxFmtlcGZelFl5CxtgfiAc0",
        ),
        ("Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"),
        ("Hello world!", "$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA"),
    ];

    #[test]
    fn examples_of_the_specification() {
        for (password, hash) in EXAMPLES {
            assert_eq!(verify(password.as_bytes(), hash), Verdict::Right, "{hash}");
            assert_eq!(verify(b"other", hash), Verdict::Wrong);
        }
    }

    #[test]
    fn own_hashes_are_verified() {
        for password in [&b""[..], b"a", "pässwörd, long enough for more than one block of the digest, and some more".as_bytes()]
        {
            let made = hash(password, &[7; 16]);
            assert!(made.starts_with("$6$") && made.len() == 3 + 16 + 1 + 86, "{made}");
            assert_eq!(verify(password, &made), Verdict::Right);
            assert_eq!(verify(b"x", &made), Verdict::Wrong);
        }
        assert_eq!(verify(b"a", "$y$j9T$abc$def"), Verdict::Unknown);
        assert!(check(b"a", "$y$j9T$abc$def").unwrap_err().to_string().contains("unsupported"));
        assert!(!check(b"a", "*").unwrap_err().to_string().contains("unsupported"));
        assert_eq!(verify(b"a", "*"), Verdict::Unknown);
        assert_eq!(verify(b"a", "$6$rounds=x$abc$"), Verdict::Unknown);
    }
}
