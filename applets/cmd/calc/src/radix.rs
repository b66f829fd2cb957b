//! Numbers in other bases.

use crate::decimal::Decimal;
use crate::natural::{self as natural, Limbs};

/// The value of a digit: letters are those from ten on.
fn digit(c: u8) -> u32 {
    char::from(c).to_digit(36).unwrap_or(0)
}

/// Reads digits with at most one point. A digit that the base does not have counts as its highest, but for a single one.
pub fn parse(text: &[u8], base: u32) -> Decimal {
    let (whole, part) = match text.iter().position(|c| *c == b'.') {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, &[][..]),
    };
    // Zeros before it do not make it more than a single one.
    let zeros = whole.iter().take_while(|c| **c == b'0').count().min(whole.len().saturating_sub(1));
    let whole = &whole[zeros..];
    let single = whole.len() + part.len() == 1;
    let value = |c: &u8| if single { digit(*c) } else { digit(*c).min(base - 1) };
    if base == 10 {
        let digits: Vec<u8> = whole.iter().chain(part).map(|c| b'0' + (value(c).min(9)) as u8).collect();
        if !(single && digit(whole.first().or(part.first()).copied().unwrap_or(b'0')) > 9) {
            return Decimal::new(false, natural::parse(&digits), part.len());
        }
    }
    let gather = |text: &[u8]| {
        let mut limbs = Limbs::new();
        for c in text {
            limbs = natural::add(&natural::multiply_small(&limbs, base), &natural::from(value(c).into()));
        }
        limbs
    };
    let whole = Decimal::new(false, gather(whole), 0);
    if part.is_empty() {
        return whole;
    }
    let mut divisor = natural::from(1);
    for _ in part {
        divisor = natural::multiply_small(&divisor, base);
    }
    let shifted = natural::shift_up(&gather(part), part.len());
    let (fraction, _) = natural::divide(&shifted, &divisor);
    whole.add(&Decimal::new(false, fraction, part.len()))
}

/// The number in a base of two or more.
pub fn text(number: &Decimal, base: u32) -> String {
    if number.is_zero() {
        return "0".into();
    }
    let mut out = String::new();
    if number.negative {
        out.push('-');
    }
    if base == 10 {
        let digits = natural::text(&number.limbs);
        let scale = number.scale;
        if digits.len() > scale {
            out.push_str(&digits[..digits.len() - scale]);
        }
        if scale > 0 {
            out.push('.');
            let part = &digits[digits.len().saturating_sub(scale)..];
            out.extend(std::iter::repeat_n('0', scale - part.len()));
            out.push_str(part);
        }
        return out;
    }
    let whole = natural::shift_down(&number.limbs, number.scale);
    for digit in digits(&whole, base).iter().rev() {
        put_digit(&mut out, *digit, base);
    }
    if number.scale > 0 {
        out.push('.');
        let fraction = natural::subtract(&number.limbs, &natural::shift_up(&whole, number.scale));
        put_fraction(&mut out, fraction, number.scale, base);
    }
    out
}

/// Digits, the lowest first. As many as fit are taken off with one division.
fn digits(whole: &[u32], base: u32) -> Vec<u32> {
    let (mut chunk, mut count) = (base, 1);
    while u64::from(chunk) * u64::from(base) < u64::from(natural::BASE) {
        chunk *= base;
        count += 1;
    }
    let mut digits = Vec::new();
    let mut rest = whole.to_vec();
    while !rest.is_empty() {
        let (quotient, mut part) = natural::divide_small(&rest, chunk);
        rest = quotient;
        for _ in 0..count {
            digits.push(part % base);
            part /= base;
        }
    }
    while digits.last() == Some(&0) {
        digits.pop();
    }
    digits
}

/// As many digits as say what the decimal ones do.
fn put_fraction(out: &mut String, mut fraction: Limbs, scale: usize, base: u32) {
    let mut reach = natural::from(1);
    let mut first = true;
    while natural::digits(&reach) <= scale {
        fraction = natural::multiply_small(&fraction, base);
        let digit = natural::shift_down(&fraction, scale);
        fraction = natural::subtract(&fraction, &natural::shift_up(&digit, scale));
        // The first digit of a wide base stands behind the point without a blank.
        let digit = digit.first().copied().unwrap_or(0);
        if first && base > 16 {
            let width = (base - 1).to_string().len();
            out.extend([format!("{digit:0width$}")]);
        } else {
            put_digit(out, digit, base);
        }
        first = false;
        reach = natural::multiply_small(&reach, base);
    }
}

fn put_digit(out: &mut String, digit: u32, base: u32) {
    if base <= 16 {
        out.extend(char::from_digit(digit, 36).map(|c| c.to_ascii_uppercase()));
        return;
    }
    let width = (base - 1).to_string().len();
    out.extend([format!(" {digit:0width$}")]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases() {
        let said = |digits: &str, from, to| text(&parse(digits.as_bytes(), from), to);
        assert_eq!(said("FF", 16, 10), "255");
        assert_eq!(said("255.5", 10, 16), "FF.8");
        assert_eq!(said("ZZ", 10, 10), "99");
        assert_eq!(said("Z", 10, 10), "35");
        assert_eq!(said("ZZ", 36, 10), "1295");
        assert_eq!(said(".1", 2, 10), ".5");
        assert_eq!(said("1000", 10, 100), " 10 00");
        assert_eq!(said("-", 10, 10), "0");
        assert_eq!(said("0.050", 10, 10), ".050");
        assert_eq!(said(&"9".repeat(30), 10, 2).len(), 100);
    }
}
