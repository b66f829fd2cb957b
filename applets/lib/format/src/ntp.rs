//! Questions to time servers and their answers (RFC 5905, as much as a client needs). Answers are strangers' bytes: what does not fit the
//! question, what a server says about itself, and what time can't be, is told apart.

use core::fmt;

/// Bytes of a message without extensions, which may follow and are not read.
pub const LEN: usize = 48;
/// From 1900, where NTP's time begins, to 1970, in seconds.
const EPOCH: i64 = 2_208_988_800;
/// Seconds in one era of NTP: the second begins in 2036.
const ERA: i64 = 1 << 32;
/// Nanoseconds in a second.
const NANOS: i128 = 1_000_000_000;
/// Range of times that are believed, counted from the floor, in seconds: forty years. A server
/// whose clock stands at 1970 would else be taken for one of the next era.
const WINDOW: i64 = 40 * 31_556_952;
/// The largest error that a server may admit, RFC 5905's MAXDIST, in units of 2^-16 s: 1.5 s.
const DISTANCE: u64 = 3 << 15;
/// The highest stratum that is a synchronised clock's.
const STRATA: u8 = 15;

/// Answer of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Arrival of the question: nanoseconds since 1970.
    pub received: i128,
    /// Departure of the answer: nanoseconds since 1970, not before `received`.
    pub sent: i128,
    /// Distance from a real clock: 1 has one.
    pub stratum: u8,
    /// By how much its clock may be wrong, in nanoseconds.
    pub distance: i128,
}

/// Reason why an answer does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// Shorter than a message.
    Short,
    /// Of another version, or no server's answer.
    Mode,
    /// It repeats another question's number, or none.
    Origin,
    /// The server tells to go away, with a word of four letters.
    Kiss([u8; 4]),
    /// The server's own clock is not set.
    Unset,
    /// It admits too large an error.
    Distance,
    /// The time is before the floor, or decades after it.
    Time,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => f.write_str("the answer is too short"),
            Self::Mode => f.write_str("this is no time server's answer"),
            Self::Origin => f.write_str("the answer is not to this question"),
            Self::Kiss(word) => {
                f.write_str("it sends us away: ")?;
                word.iter().try_for_each(|b| write!(f, "{}", if b.is_ascii_graphic() { char::from(*b) } else { '?' }))
            }
            Self::Unset => f.write_str("its own clock is not set"),
            Self::Distance => f.write_str("its clock may be wrong by more than 1.5 s"),
            Self::Time => f.write_str("it tells a time before this system was made, or decades after it"),
        }
    }
}

/// A question. Its number, which only the one who gets it knows, stands where a clock's time could.
pub fn question(number: u64) -> [u8; LEN] {
    /// No leap second known, version 4, a client.
    const HEAD: u8 = 4 << 3 | 3;
    let mut bytes = [0; LEN];
    bytes[0] = HEAD;
    bytes[LEN - 8..].copy_from_slice(&number.to_be_bytes());
    bytes
}

/// The answer to question `number`; `floor` is the earliest time that can be, in seconds since 1970.
pub fn answer(bytes: &[u8], number: u64, floor: i64) -> Result<Answer, Wrong> {
    let bytes: &[u8; LEN] = bytes.first_chunk().ok_or(Wrong::Short)?;
    let (leap, version, mode, stratum) = (bytes[0] >> 6, bytes[0] >> 3 & 7, bytes[0] & 7, bytes[1]);
    if mode != 4 || !(3..=4).contains(&version) {
        return Err(Wrong::Mode);
    }
    // Before anything else is believed: whoever did not see the question can't send us away either.
    if long(bytes, 24) != number {
        return Err(Wrong::Origin);
    }
    if stratum == 0 {
        return Err(Wrong::Kiss([bytes[12], bytes[13], bytes[14], bytes[15]]));
    }
    let (received, sent) = (long(bytes, 32), long(bytes, 40));
    if leap == 3 || stratum > STRATA || received == 0 || sent == 0 {
        return Err(Wrong::Unset);
    }
    let distance = u64::from(short(bytes, 4)) / 2 + u64::from(short(bytes, 8));
    if distance > DISTANCE {
        return Err(Wrong::Distance);
    }
    let (received, sent) = (time(received, floor).ok_or(Wrong::Time)?, time(sent, floor).ok_or(Wrong::Time)?);
    if sent < received {
        return Err(Wrong::Time);
    }
    Ok(Answer { received, sent, stratum, distance: (i128::from(distance) * NANOS) >> 16 })
}

/// Nanoseconds since 1970 of a timestamp, in that era which puts it into the window.
fn time(stamp: u64, floor: i64) -> Option<i128> {
    let (seconds, fraction) = ((stamp >> 32) as i64, i128::from(stamp & 0xffff_ffff));
    let after = (seconds - EPOCH - floor).rem_euclid(ERA);
    (after <= WINDOW).then(|| i128::from(floor + after) * NANOS + ((fraction * NANOS) >> 32))
}

/// A time, nanoseconds since 1970, as a timestamp: for those who answer.
pub fn stamp(nanos: i128) -> u64 {
    let seconds = (nanos.div_euclid(NANOS) as i64 + EPOCH) as u64;
    seconds << 32 | ((nanos.rem_euclid(NANOS) << 32) / NANOS) as u64
}

fn long(bytes: &[u8; LEN], at: usize) -> u64 {
    u64::from(short(bytes, at)) << 32 | u64::from(short(bytes, at + 4))
}

fn short(bytes: &[u8; LEN], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    /// 2026-01-01.
    const FLOOR: i64 = 1_767_225_600;

    fn good(number: u64, seconds: i64) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        (bytes[0], bytes[1]) = (4 << 3 | 4, 2);
        bytes[24..32].copy_from_slice(&number.to_be_bytes());
        bytes[32..40].copy_from_slice(&stamp(i128::from(seconds) * NANOS).to_be_bytes());
        bytes[40..].copy_from_slice(&stamp(i128::from(seconds) * NANOS + NANOS / 2).to_be_bytes());
        bytes
    }

    #[test]
    fn an_answer_is_read_in_both_eras() {
        for seconds in [FLOOR, FLOOR + 1, 2_085_978_495, 2_085_978_497, FLOOR + WINDOW - 1] {
            let answer = answer(&good(7, seconds), 7, FLOOR).unwrap();
            assert_eq!((answer.received, answer.stratum), (i128::from(seconds) * NANOS, 2));
            assert_eq!(answer.sent - answer.received, NANOS / 2);
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        let why = |change: &dyn Fn(&mut [u8; LEN])| {
            let mut bytes = good(7, FLOOR + 5);
            change(&mut bytes);
            answer(&bytes, 7, FLOOR).unwrap_err()
        };
        assert_eq!(answer(&good(7, FLOOR)[..47], 7, FLOOR), Err(Wrong::Short));
        assert_eq!(why(&|b| b[0] = 4 << 3 | 3), Wrong::Mode);
        assert_eq!(why(&|b| b[0] = 2 << 3 | 4), Wrong::Mode);
        assert_eq!(why(&|b| b[31] = 8), Wrong::Origin);
        assert_eq!(why(&|b| (b[1], b[31]) = (0, 8)), Wrong::Origin);
        let kiss = why(&|b| {
            b[1] = 0;
            b[12..16].copy_from_slice(b"RA\x1bE");
        });
        assert_eq!(format!("{kiss}"), "it sends us away: RA?E");
        assert_eq!(why(&|b| b[0] |= 3 << 6), Wrong::Unset);
        assert_eq!(why(&|b| b[1] = 16), Wrong::Unset);
        assert_eq!(why(&|b| b[40..].fill(0)), Wrong::Unset);
        assert_eq!(why(&|b| b[9] = 2), Wrong::Distance);
        assert_eq!(why(&|b| b[4..12].fill(0xff)), Wrong::Distance);
    }

    #[test]
    fn times_that_can_not_be_are_refused() {
        // 1970, 1999, the second before the floor, the year 2100, and an answer before its question came.
        for seconds in [1, 915_148_800, FLOOR - 1, FLOOR + WINDOW + 1, 4_102_444_800] {
            assert_eq!(answer(&good(7, seconds), 7, FLOOR), Err(Wrong::Time), "{seconds}");
        }
        let mut bytes = good(7, FLOOR + 5);
        let (a, b) = bytes.split_at_mut(40);
        a[32..].swap_with_slice(b);
        assert_eq!(answer(&bytes, 7, FLOOR), Err(Wrong::Time));
    }

    #[test]
    fn a_question_carries_its_number_and_no_time() {
        let bytes = question(0x0102_0304_0506_0708);
        assert_eq!((bytes[0], &bytes[40..]), (0x23, &[1, 2, 3, 4, 5, 6, 7, 8][..]));
        assert!(bytes[1..40].iter().all(|b| *b == 0));
    }
}
