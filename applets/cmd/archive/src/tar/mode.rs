//! Changes to modes, as chmod takes them: `--mode`.

use kit::{Error, Result};

/// A list of changes.
#[derive(Clone, Debug)]
pub(super) struct Change(Vec<Step>);

#[derive(Clone, Debug)]
enum Step {
    Set(u32),
    /// Bits that it is about, the operator, and the permissions.
    Symbolic {
        about: u32,
        operator: u8,
        permissions: String,
        masked: bool,
    },
}

impl Change {
    /// From `644` or `u+w,go-rx`.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let wrong = || Error::usage(format!("{text} is no mode"));
        if text.starts_with(|first: char| first.is_ascii_digit()) {
            let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o7777).ok_or_else(wrong)?;
            return Ok(Self(vec![Step::Set(mode)]));
        }
        let mut steps = Vec::new();
        for clause in text.split(',') {
            let start = clause.find(['+', '-', '=']).ok_or_else(wrong)?;
            let mut about = 0;
            for who in clause[..start].chars() {
                about |= match who {
                    'u' => 0o4700,
                    'g' => 0o2070,
                    'o' => 0o1007,
                    'a' => 0o7777,
                    _ => return Err(wrong()),
                };
            }
            let masked = about == 0;
            let mut rest = &clause[start..];
            while let Some(operator) = rest.bytes().next() {
                let end = rest[1..].find(['+', '-', '=']).map_or(rest.len(), |at| at + 1);
                let permissions = &rest[1..end];
                if !permissions.chars().all(|letter| "rwxXstugo".contains(letter)) {
                    return Err(wrong());
                }
                let about = if masked { 0o7777 } else { about };
                steps.push(Step::Symbolic { about, operator, permissions: permissions.to_owned(), masked });
                rest = &rest[end..];
            }
        }
        Ok(Self(steps))
    }

    /// The changed mode of a file, less the umask where nobody was named.
    pub(super) fn apply(&self, mode: u32, directory: bool, umask: u32) -> u32 {
        self.0.iter().fold(mode, |mode, step| match step {
            Step::Set(to) => *to,
            Step::Symbolic { about, operator, permissions, masked } => {
                let about = if *masked { about & !umask } else { *about };
                let bits = bits(permissions, mode, directory) & about;
                match operator {
                    b'+' => mode | bits,
                    b'-' => mode & !bits,
                    // The set-ID bits of a directory stay.
                    _ => (mode & !(about & if directory { 0o1777 } else { 0o7777 })) | bits,
                }
            }
        })
    }
}

fn bits(permissions: &str, mode: u32, directory: bool) -> u32 {
    permissions.chars().fold(0, |bits, letter| {
        bits | match letter {
            'r' => 0o444,
            'w' => 0o222,
            'x' => 0o111,
            'X' if directory || mode & 0o111 != 0 => 0o111,
            's' => 0o6000,
            't' => 0o1000,
            'u' => (mode >> 6 & 7) * 0o111,
            'g' => (mode >> 3 & 7) * 0o111,
            'o' => (mode & 7) * 0o111,
            _ => 0,
        }
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn as_chmod_does() {
        for (text, mode, directory, expected) in [
            ("600", 0o755, false, 0o600),
            ("u+w,go-rx", 0o555, false, 0o700),
            ("a+X", 0o644, false, 0o644),
            ("a+X", 0o644, true, 0o755),
            ("g=u", 0o740, false, 0o770),
            ("u=rwx,go=", 0o777, false, 0o700),
            ("+w", 0o444, false, 0o644),
            ("a-s", 0o4755, false, 0o755),
        ] {
            assert_eq!(Change::parse(text).unwrap().apply(mode, directory, 0o022), expected, "{text}");
        }
        for wrong in ["x", "9", "u+q", "77777", "u"] {
            assert!(Change::parse(wrong).is_err(), "{wrong}");
        }
    }
}
