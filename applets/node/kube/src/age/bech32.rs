//! Bech32 (BIP 173) of 32 bytes, as recipients and identities are written.

/// The digits, by their value.
const DIGITS: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
/// Digits of the checksum.
const SUM: usize = 6;
/// Digits of 32 bytes.
const DATA: usize = 52;
/// The checksum's polynomial.
const GENERATORS: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];

/// The text of 32 bytes behind the small letters of a prefix.
pub fn encode(prefix: &str, bytes: &[u8; 32]) -> String {
    let mut values = digits(bytes);
    let sum = polymod(prefix, values.iter().copied().chain([0; SUM])) ^ 1;
    values.extend((0..SUM).map(|at| (sum >> (5 * (SUM - 1 - at)) & 31) as u8));
    let text = values.iter().filter_map(|value| DIGITS.get(usize::from(*value))).map(|digit| char::from(*digit));
    format!("{prefix}1{}", text.collect::<String>())
}

/// The bytes of such a text; none when its prefix is another one, its letters are of both sizes, or
/// its checksum is wrong.
pub fn decode(prefix: &str, text: &str) -> Option<[u8; 32]> {
    let small = text.to_ascii_lowercase();
    if text != small && text != text.to_ascii_uppercase() {
        return None;
    }
    let rest = small.strip_prefix(prefix)?.strip_prefix('1')?;
    let value = |digit: u8| DIGITS.iter().position(|known| *known == digit).map(|at| at as u8);
    let values: Vec<u8> = rest.bytes().map(value).collect::<Option<_>>()?;
    if values.len() != DATA + SUM || polymod(prefix, values.iter().copied()) != 1 {
        return None;
    }
    let (mut bytes, mut filled) = ([0; 32], 0);
    let (mut bits, mut count) = (0u32, 0);
    for value in values.get(..DATA)? {
        bits = bits << 5 | u32::from(*value);
        count += 5;
        if count >= 8 {
            count -= 8;
            *bytes.get_mut(filled)? = (bits >> count) as u8;
            filled += 1;
            bits &= (1 << count) - 1;
        }
    }
    // The bits that fill up the last digit say nothing.
    (bits == 0).then_some(bytes)
}

/// The bytes as digits of five bits.
fn digits(bytes: &[u8; 32]) -> Vec<u8> {
    let (mut values, mut bits, mut count) = (Vec::with_capacity(DATA + SUM), 0u32, 0);
    for byte in bytes {
        bits = bits << 8 | u32::from(*byte);
        count += 8;
        while count >= 5 {
            count -= 5;
            values.push((bits >> count & 31) as u8);
        }
        bits &= (1 << count) - 1;
    }
    values.push((bits << (5 - count) & 31) as u8);
    values
}

fn polymod(prefix: &str, values: impl Iterator<Item = u8>) -> u32 {
    let high = prefix.bytes().map(|b| b >> 5);
    let low = prefix.bytes().map(|b| b & 31);
    high.chain([0]).chain(low).chain(values).fold(1, |sum, value| {
        let top = sum >> 25;
        let sum = (sum & 0x01ff_ffff) << 5 ^ u32::from(value);
        let used = GENERATORS.iter().enumerate().filter(|(at, _)| top >> at & 1 == 1);
        used.fold(sum, |sum, (_, generator)| sum ^ generator)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_the_way_out_and_in() {
        for bytes in [[0; 32], [0x42; 32], [0xff; 32], std::array::from_fn(|at| at as u8 * 7)] {
            let text = encode("age", &bytes);
            assert_eq!((text.len(), decode("age", &text)), (62, Some(bytes)));
            assert_eq!(decode("age", &text.to_ascii_uppercase()), Some(bytes));
            assert_eq!(decode("agf", &text), None);
        }
    }

    #[test]
    fn one_wrong_letter_is_noticed() {
        let text = encode("age", &[7; 32]);
        for at in 4..text.len() {
            let mut wrong = text.clone().into_bytes();
            wrong[at] = if wrong[at] == b'q' { b'p' } else { b'q' };
            assert_eq!(decode("age", &String::from_utf8_lossy(&wrong)), None, "{at}");
        }
        for wrong in
            ["", "age", "age1", &text[..61], &format!("{text}q"), &format!("{}b", &text[..61]), &text.replacen('a', "A", 1)]
        {
            assert_eq!(decode("age", wrong), None, "{wrong}");
        }
    }
}
