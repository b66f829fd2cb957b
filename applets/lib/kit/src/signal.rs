//! Signals by name, as people, images and Kubernetes write them.

use crate::{Error, Result};

/// Linux's numbers on x86, Arm and RISC-V, see signal(7); the first name of a number is the one to show.
const NAMES: &[(&str, i32)] = &[
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("TRAP", 5),
    ("ABRT", 6),
    ("IOT", 6),
    ("BUS", 7),
    ("FPE", 8),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("STKFLT", 16),
    ("CHLD", 17),
    ("CLD", 17),
    ("CONT", 18),
    ("STOP", 19),
    ("TSTP", 20),
    ("TTIN", 21),
    ("TTOU", 22),
    ("URG", 23),
    ("XCPU", 24),
    ("XFSZ", 25),
    ("VTALRM", 26),
    ("PROF", 27),
    ("WINCH", 28),
    ("IO", 29),
    ("POLL", 29),
    ("PWR", 30),
    ("SYS", 31),
];

/// The real-time signals that programs may use: the C libraries keep the first ones to themselves.
const RTMIN: i32 = 34;
const RTMAX: i32 = 64;

/// The number of `SIGTERM`, `TERM`, `15`, `SIGRTMIN+3` or `SIGRTMINPLUS3`.
pub fn number(name: &str) -> Result<i32> {
    let upper = name.trim().to_ascii_uppercase();
    let short = upper.strip_prefix("SIG").unwrap_or(&upper);
    let known = NAMES.iter().find(|(known, _)| *known == short).map(|(_, number)| *number);
    let plain = || short.parse().ok().filter(|number| (1..=RTMAX).contains(number));
    known.or_else(plain).or_else(|| real_time(short)).ok_or_else(|| Error::new(format!("there is no signal {name}")))
}

/// The names without `SIG`, each number's once; real-time signals have none here.
pub fn names() -> impl Iterator<Item = &'static str> {
    let first = |at: &usize| *at == 0 || NAMES.get(at - 1).map(|(_, n)| n) != NAMES.get(*at).map(|(_, n)| n);
    (0..NAMES.len()).filter(first).filter_map(|at| NAMES.get(at)).map(|(name, _)| *name)
}

/// The name of a number as the interface spells it: `SIGTERM`, `SIGRTMINPLUS3`.
pub fn name(number: i32) -> String {
    if let Some((name, _)) = NAMES.iter().find(|(_, known)| *known == number) {
        return format!("SIG{name}");
    }
    match number {
        RTMIN => "SIGRTMIN".into(),
        RTMAX => "SIGRTMAX".into(),
        35..=49 => format!("SIGRTMINPLUS{}", number - RTMIN),
        _ => format!("SIGRTMAXMINUS{}", RTMAX - number),
    }
}

fn real_time(name: &str) -> Option<i32> {
    let (base, rest, sign) = match (name.strip_prefix("RTMIN"), name.strip_prefix("RTMAX")) {
        (Some(rest), _) => (RTMIN, rest.strip_prefix('+').or(rest.strip_prefix("PLUS")).unwrap_or(rest), 1),
        (_, Some(rest)) => (RTMAX, rest.strip_prefix('-').or(rest.strip_prefix("MINUS")).unwrap_or(rest), -1),
        _ => return None,
    };
    // A number without a sign of its own.
    let offset: u8 = if rest.is_empty() { 0 } else { rest.parse().ok().filter(|_| !rest.starts_with('+'))? };
    let offset = i32::from(offset);
    Some(base + sign * offset).filter(|number| (RTMIN..=RTMAX).contains(number))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn every_spelling_counts() {
        for (text, wanted) in
            [("SIGTERM", 15), ("term", 15), ("9", 9), ("SIGRTMIN+3", 37), ("RTMAX-14", 50), ("SIGRTMINPLUS15", 49)]
        {
            assert_eq!(number(text).unwrap(), wanted, "{text}");
        }
        assert_eq!(names().count(), 31);
        for text in ["", "SIGNOT", "0", "65", "RTMIN+31", "RTMAX+1"] {
            assert!(number(text).is_err(), "{text}");
        }
    }
}
