//! `-perm`.

use kit::{Error, Result};

/// `644`, `-644` (all of them), `/644` (any of them).
#[derive(Debug, Clone, Copy)]
pub(crate) enum Permissions {
    Exactly(u32),
    All(u32),
    Any(u32),
}

impl Permissions {
    /// Read a mode by digits or letters.
    pub fn parse(text: &str) -> Result<Self> {
        let (kind, rest): (fn(u32) -> Self, &str) = match text.as_bytes().first() {
            Some(b'-') => (Self::All, &text[1..]),
            Some(b'/') => (Self::Any, &text[1..]),
            _ => (Self::Exactly, text),
        };
        let by_digits = u32::from_str_radix(rest, 8).ok().filter(|bits| *bits <= 0o7777 && !rest.starts_with('+'));
        let bits = by_digits.or_else(|| symbolic(rest));
        bits.map(kind).ok_or_else(|| Error::usage(format!("-perm can't be {text}")))
    }

    pub fn hold(self, mode: u32) -> bool {
        let mode = mode & 0o7777;
        match self {
            Self::Exactly(bits) => mode == bits,
            Self::All(bits) => mode & bits == bits,
            Self::Any(bits) => bits == 0 || mode & bits != 0,
        }
    }
}

/// `u+x,g=rw,o=u`: what such a change makes of a file that has no permissions.
fn symbolic(text: &str) -> Option<u32> {
    let mut mode = 0;
    for clause in text.split(',') {
        let at = clause.find(['+', '=', '-'])?;
        let mut who = 0;
        for c in clause[..at].chars() {
            who |= match c {
                'u' => 0o4700,
                'g' => 0o2070,
                'o' => 0o1007,
                'a' => 0o7777,
                _ => return None,
            };
        }
        let who = if at == 0 { 0o7777 } else { who };
        let mut rest = &clause[at..];
        while let Some(operator) = rest.chars().next() {
            let end = rest[1..].find(['+', '=', '-']).map_or(rest.len(), |end| end + 1);
            let bits = bits(&rest[1..end], mode)? & who;
            match operator {
                '+' => mode |= bits,
                '-' => mode &= !bits,
                _ => mode = mode & !(who & 0o777) | bits,
            }
            rest = &rest[end..];
        }
    }
    Some(mode)
}

/// Letters of permissions for everybody.
fn bits(letters: &str, mode: u32) -> Option<u32> {
    let mut bits = 0;
    for c in letters.chars() {
        bits |= match c {
            'r' => 0o444,
            'w' => 0o222,
            'x' => 0o111,
            'X' if mode & 0o111 != 0 => 0o111,
            'X' => 0,
            's' => 0o6000,
            't' => 0o1000,
            'u' => (mode >> 6 & 7) * 0o111,
            'g' => (mode >> 3 & 7) * 0o111,
            'o' => (mode & 7) * 0o111,
            _ => return None,
        };
    }
    Some(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_by_letters() {
        assert_eq!(symbolic("u+x,g=rw"), Some(0o160));
        assert_eq!(symbolic("+r"), Some(0o444));
        assert_eq!(symbolic("u=rwx,g=u,o=g-w"), Some(0o775));
        assert_eq!(symbolic("u+s,g+s,+t"), Some(0o7000));
        assert_eq!(symbolic("q+x"), None);
    }
}
