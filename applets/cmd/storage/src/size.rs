//! Sizes as util-linux reads and shows them.

/// Bytes of `10`, `10K`, `10KiB` (1024 each) or `10KB` (1000 each), up to E.
pub fn read(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..end].parse().ok()?;
    let unit = text[end..].to_ascii_uppercase();
    let (letter, rest) = unit.split_at_checked(1).unwrap_or(("", ""));
    let power = match letter {
        "" => return Some(number),
        "B" if rest.is_empty() => return Some(number),
        letter => u32::try_from("KMGTPE".find(letter)?).ok()? + 1,
    };
    let base: u64 = match rest {
        "" | "IB" => 1024,
        "B" => 1000,
        _ => return None,
    };
    number.checked_mul(base.checked_pow(power)?)
}

/// `1.5G`: at most one digit behind the point, none where it would be 0.
pub fn shown(bytes: u64) -> String {
    let mut power = 0;
    while power < 6 && bytes >> (10 * (power + 1)) > 0 {
        power += 1;
    }
    let unit = b"BKMGTPE"[power] as char;
    if power == 0 {
        return format!("{bytes}{unit}");
    }
    let one = 1_u128 << (10 * power);
    // Tenths, rounded half up.
    let tenths = (u128::from(bytes) * 10 + one / 2) / one;
    match (tenths / 10, tenths % 10) {
        (whole, 0) => format!("{whole}{unit}"),
        (whole, rest) => format!("{whole}.{rest}{unit}"),
    }
}

/// `1.5 GiB`, with a blank and the whole unit.
pub fn spelled(bytes: u64) -> String {
    let text = shown(bytes);
    let (number, unit) = text.split_at(text.len() - 1);
    if unit == "B" { format!("{number} B") } else { format!("{number} {unit}iB") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        assert_eq!(read("10"), Some(10));
        assert_eq!(read("2KiB"), Some(2048));
        assert_eq!(read("2k"), Some(2048));
        assert_eq!(read("2MB"), Some(2_000_000));
        assert_eq!(read("16EiB"), None);
        assert_eq!(read("x"), None);
        assert_eq!(read("1Q"), None);
        assert_eq!((shown(0), shown(1023), shown(1024), shown(1536)), ("0B".into(), "1023B".into(), "1K".into(), "1.5K".into()));
        assert_eq!(shown(256 << 30), "256G");
        assert_eq!(shown(u64::MAX), "16E");
    }
}
