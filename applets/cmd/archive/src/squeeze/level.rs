//! Levels: `-1` to `-9`, of which the last one counts, wherever it stands among letters.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// The arguments without levels, and the last level. `valued` are letters whose option takes a value.
pub(crate) fn take(args: &[OsString], valued: &[u8]) -> (Vec<OsString>, Option<u32>) {
    let (mut rest, mut level) = (Vec::new(), None);
    let mut args = args.iter();
    rest.extend(args.next().cloned());
    while let Some(arg) = args.next() {
        let bytes = arg.as_bytes();
        let letters = match bytes {
            b"--" => {
                rest.push(arg.clone());
                break;
            }
            [b'-', letter, ..] if *letter != b'-' => &bytes[1..],
            _ => {
                rest.push(arg.clone());
                continue;
            }
        };
        let value_at = letters.iter().position(|letter| valued.contains(letter)).unwrap_or(letters.len());
        let digits: Vec<u8> = letters[..value_at].iter().copied().filter(u8::is_ascii_digit).collect();
        if let Some(number) = last_level(&letters[..value_at]).filter(|_| !digits.is_empty()) {
            level = Some(number);
        }
        let mut kept = vec![b'-'];
        kept.extend(letters[..value_at].iter().filter(|letter| !letter.is_ascii_digit()));
        kept.extend(&letters[value_at..]);
        if kept.len() > 1 {
            rest.push(OsString::from_vec(kept));
        }
        if value_at + 1 == letters.len() {
            rest.extend(args.next().cloned());
        }
    }
    rest.extend(args.cloned());
    (rest, level)
}

/// The last run of digits.
fn last_level(letters: &[u8]) -> Option<u32> {
    let run = letters.split(|letter| !letter.is_ascii_digit()).rfind(|run| !run.is_empty())?;
    std::str::from_utf8(run).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_taken_out() {
        let taken = |args: &[&str]| {
            let args: Vec<OsString> = args.iter().map(OsString::from).collect();
            let (rest, level) = take(&args, b"S");
            (rest.iter().map(|arg| arg.display().to_string()).collect::<Vec<_>>().join(" "), level)
        };
        assert_eq!(taken(&["x", "-9c", "-1", "a"]), ("x -c a".into(), Some(1)));
        assert_eq!(taken(&["x", "-19", "-S", "-9", "--", "-3"]), ("x -S -9 -- -3".into(), Some(19)));
        assert_eq!(taken(&["x", "-S1", "a9", "-"]), ("x -S1 a9 -".into(), None));
    }
}
