//! Size of a terminal that the system does not know: a serial console. The terminal itself is asked.

use std::time::{Duration, Instant};

use rustix::termios::Winsize;
use sys::descriptor;

use super::keys::unread;

/// Save the place, go to the far corner, ask where that is, come back.
const QUESTION: &[u8] = b"\x1b7\x1b[999;999H\x1b[6n\x1b8";
/// Time for the answer: 9600 baud takes 10 ms for it, a network more.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(250);
/// Longest answer.
const LONGEST: usize = 32;

/// Size that the terminal answers. The terminal must give single keys; what was typed meanwhile is
/// read again by the next key.
pub fn ask() -> Option<Winsize> {
    let mut answer = Vec::new();
    let size = listen(&mut answer).and_then(|()| parse(&answer));
    let typed = if size.is_some() { start(&answer).unwrap_or(0) } else { answer.len() };
    unread(answer.get(..typed).unwrap_or_default());
    size
}

/// Reads until an answer may be complete.
fn listen(answer: &mut Vec<u8>) -> Option<()> {
    descriptor::write_all(2, QUESTION).ok()?;
    let until = Instant::now() + ANSWER_TIMEOUT;
    while answer.len() < LONGEST {
        let left = until.saturating_duration_since(Instant::now());
        let left = i32::try_from(left.as_millis()).unwrap_or(0);
        if left == 0 || !descriptor::wait_readable(0, left).ok()? {
            return None;
        }
        let mut byte = [0];
        if descriptor::read(0, &mut byte).ok()? == 0 {
            return None;
        }
        answer.push(byte[0]);
        // An R may be typed, too.
        if byte[0] == b'R' && parse(answer).is_some() {
            return Some(());
        }
    }
    None
}

/// Place of the last escape sequence.
fn start(answer: &[u8]) -> Option<usize> {
    answer.windows(2).rposition(|pair| pair == b"\x1b[")
}

/// Size in `ESC [ rows ; columns R`, whatever was typed before it.
fn parse(answer: &[u8]) -> Option<Winsize> {
    let at = start(answer)?;
    let text = std::str::from_utf8(answer.get(at + 2..)?.strip_suffix(b"R")?).ok()?;
    let (rows, columns) = text.split_once(';')?;
    let (ws_row, ws_col) = (rows.parse().ok()?, columns.parse().ok()?);
    (ws_row > 1 && ws_col > 1).then_some(Winsize { ws_row, ws_col, ws_xpixel: 0, ws_ypixel: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        let size = |answer: &[u8]| parse(answer).map(|size| (size.ws_row, size.ws_col));
        assert_eq!(size(b"\x1b[24;132R"), Some((24, 132)));
        assert_eq!(size(b"ls\x1b[50;80R"), Some((50, 80)));
        assert_eq!(size(b"\x1b[1;1R"), None);
        assert_eq!(size(b"R"), None);
    }
}
