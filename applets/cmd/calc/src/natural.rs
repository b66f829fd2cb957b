//! Natural numbers of any size: limbs of nine decimal digits, the lowest first, none at the top that is zero.

use std::cmp::Ordering;

/// Limbs; none is zero.
pub type Limbs = Vec<u32>;

/// Base of a limb.
pub const BASE: u32 = 1_000_000_000;
/// Decimal digits of a limb.
pub const DIGITS: usize = 9;

fn trim(mut limbs: Limbs) -> Limbs {
    while limbs.last() == Some(&0) {
        limbs.pop();
    }
    limbs
}

/// From a machine's number.
pub fn from(mut n: u64) -> Limbs {
    let mut limbs = Limbs::new();
    while n > 0 {
        limbs.push((n % u64::from(BASE)) as u32);
        n /= u64::from(BASE);
    }
    limbs
}

/// As a machine's number, if it fits.
pub fn to_u64(limbs: &[u32]) -> Option<u64> {
    limbs.iter().rev().try_fold(0u64, |n, limb| n.checked_mul(u64::from(BASE))?.checked_add(u64::from(*limb)))
}

pub fn compare(a: &[u32], b: &[u32]) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.iter().rev().cmp(b.iter().rev()))
}

pub fn add(a: &[u32], b: &[u32]) -> Limbs {
    let (long, short) = if a.len() >= b.len() { (a, b) } else { (b, a) };
    let mut sum = Limbs::with_capacity(long.len() + 1);
    let mut carry = 0;
    for (at, limb) in long.iter().enumerate() {
        let all = limb + short.get(at).copied().unwrap_or(0) + carry;
        carry = u32::from(all >= BASE);
        sum.push(all - carry * BASE);
    }
    if carry > 0 {
        sum.push(carry);
    }
    sum
}

/// `a - b`, of which `b` is not the larger.
pub fn subtract(a: &[u32], b: &[u32]) -> Limbs {
    let mut rest = Limbs::with_capacity(a.len());
    let mut borrow = 0;
    for (at, limb) in a.iter().enumerate() {
        let take = b.get(at).copied().unwrap_or(0) + borrow;
        borrow = u32::from(*limb < take);
        rest.push(limb + borrow * BASE - take);
    }
    trim(rest)
}

/// Limbs from which on three multiplications of halves beat four.
const KARATSUBA: usize = 40;

pub fn multiply(a: &[u32], b: &[u32]) -> Limbs {
    if a.len().min(b.len()) >= KARATSUBA {
        return by_halves(a, b);
    }
    if a.is_empty() || b.is_empty() {
        return Limbs::new();
    }
    let mut product = vec![0u32; a.len() + b.len()];
    for (at, limb) in a.iter().enumerate() {
        let mut carry = 0;
        for (to, other) in product[at..].iter_mut().zip(b) {
            let all = u64::from(*limb) * u64::from(*other) + u64::from(*to) + carry;
            *to = (all % u64::from(BASE)) as u32;
            carry = all / u64::from(BASE);
        }
        product[at + b.len()] = carry as u32;
    }
    trim(product)
}

fn by_halves(a: &[u32], b: &[u32]) -> Limbs {
    let half = a.len().max(b.len()).div_ceil(2);
    let split = |n: &[u32]| {
        let at = half.min(n.len());
        (trim(n[..at].to_vec()), n[at..].to_vec())
    };
    let ((a0, a1), (b0, b1)) = (split(a), split(b));
    let (low, high) = (multiply(&a0, &b0), multiply(&a1, &b1));
    let middle = multiply(&add(&a0, &a1), &add(&b0, &b1));
    let middle = subtract(&subtract(&middle, &low), &high);
    let raised = |n: &[u32], by: usize| if n.is_empty() { Limbs::new() } else { [vec![0; by], n.to_vec()].concat() };
    add(&add(&low, &raised(&middle, half)), &raised(&high, 2 * half))
}

pub fn multiply_small(a: &[u32], by: u32) -> Limbs {
    let mut product = Limbs::with_capacity(a.len() + 1);
    let mut carry = 0;
    for limb in a {
        let all = u64::from(*limb) * u64::from(by) + carry;
        product.push((all % u64::from(BASE)) as u32);
        carry = all / u64::from(BASE);
    }
    product.extend(from(carry));
    trim(product)
}

/// Quotient and remainder.
pub fn divide_small(a: &[u32], by: u32) -> (Limbs, u32) {
    let mut quotient = vec![0; a.len()];
    let mut rest = 0u64;
    for (to, limb) in quotient.iter_mut().zip(a).rev() {
        let all = rest * u64::from(BASE) + u64::from(*limb);
        *to = (all / u64::from(by)) as u32;
        rest = all % u64::from(by);
    }
    (trim(quotient), rest as u32)
}

/// Quotient and remainder; `b` is not zero. Knuth's algorithm D.
pub fn divide(a: &[u32], b: &[u32]) -> (Limbs, Limbs) {
    if compare(a, b) == Ordering::Less {
        return (Limbs::new(), a.to_vec());
    }
    if let [only] = b {
        let (quotient, rest) = divide_small(a, *only);
        return (quotient, from(rest.into()));
    }
    // The highest limb of the divisor must be at least half of what a limb holds, or the guesses are bad.
    let factor = BASE / (b[b.len() - 1] + 1);
    let mut rest = multiply_small(a, factor);
    let divisor = multiply_small(b, factor);
    rest.resize(a.len() + 1, 0);
    let n = divisor.len();
    let mut quotient = vec![0; rest.len() - n];
    for at in (0..quotient.len()).rev() {
        quotient[at] = step(&mut rest[at..=at + n], &divisor);
    }
    let (rest, _) = divide_small(&trim(rest), factor);
    (trim(quotient), rest)
}

/// One digit of a division: `part` becomes the remainder.
fn step(part: &mut [u32], divisor: &[u32]) -> u32 {
    let n = divisor.len();
    let base = u64::from(BASE);
    let head = u64::from(part[n]) * base + u64::from(part[n - 1]);
    let top = u64::from(divisor[n - 1]);
    let (mut guess, mut left) = (head / top, head % top);
    while guess >= base || guess * u64::from(divisor[n - 2]) > left * base + u64::from(part[n - 2]) {
        guess -= 1;
        left += top;
        if left >= base {
            break;
        }
    }
    let (mut carry, mut borrow) = (0u64, 0);
    for (limb, other) in part.iter_mut().zip(divisor.iter().copied().chain([0])) {
        let all = guess * u64::from(other) + carry;
        carry = all / base;
        let take = (all % base) as u32 + borrow;
        borrow = u32::from(*limb < take);
        *limb = *limb + borrow * BASE - take;
    }
    if borrow > 0 {
        guess -= 1;
        let mut carry = 0;
        for (limb, other) in part.iter_mut().zip(divisor.iter().copied().chain([0])) {
            let all = *limb + other + carry;
            carry = u32::from(all >= BASE);
            *limb = all - carry * BASE;
        }
    }
    guess as u32
}

/// 10 to a power below that of a limb.
pub const fn ten(power: usize) -> u32 {
    10u32.pow(power as u32)
}

/// Times a power of ten.
pub fn shift_up(a: &[u32], digits: usize) -> Limbs {
    if a.is_empty() {
        return Limbs::new();
    }
    let mut shifted = vec![0; digits / DIGITS];
    shifted.extend(multiply_small(a, ten(digits % DIGITS)));
    shifted
}

/// Divided by a power of ten, without the rest.
pub fn shift_down(a: &[u32], digits: usize) -> Limbs {
    let whole = a.get(digits / DIGITS..).unwrap_or_default();
    divide_small(whole, ten(digits % DIGITS)).0
}

/// Number of decimal digits; 0 for zero.
pub fn digits(a: &[u32]) -> usize {
    a.last().map_or(0, |top| (a.len() - 1) * DIGITS + top.ilog10() as usize + 1)
}

/// Decimal digits, none for zero.
pub fn text(a: &[u32]) -> String {
    let Some((top, rest)) = a.split_last() else { return String::new() };
    std::iter::once(top.to_string()).chain(rest.iter().rev().map(|limb| format!("{limb:09}"))).collect()
}

/// From decimal digits.
pub fn parse(digits: &[u8]) -> Limbs {
    let limb = |part: &[u8]| part.iter().fold(0, |n, c| n * 10 + u32::from(c - b'0'));
    trim(digits.rchunks(DIGITS).map(limb).collect())
}

/// The root, without the rest.
pub fn root(a: &[u32]) -> Limbs {
    if a.is_empty() {
        return Limbs::new();
    }
    // From above, so that it falls until it falls no more.
    let mut guess = shift_up(&[1], digits(a).div_ceil(2));
    loop {
        let (next, _) = divide_small(&add(&guess, &divide(a, &guess).0), 2);
        if compare(&next, &guess) != Ordering::Less {
            return guess;
        }
        guess = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn division_undoes_multiplication() {
        let mut seed = 12_345u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            // Limbs at the ends are where guesses go wrong.
            match seed >> 61 {
                0 => 0,
                1 => BASE - 1,
                _ => (seed >> 33) as u32 % BASE,
            }
        };
        for round in 0..700 {
            let a = trim((0..round % 17 + round / 5).map(|_| next()).collect());
            let mut b = trim((0..=round % 7 + round / 10).map(|_| next()).collect());
            if b.is_empty() {
                b.push(1);
            }
            let (quotient, rest) = divide(&a, &b);
            assert!(compare(&rest, &b) == Ordering::Less);
            assert_eq!(add(&multiply(&quotient, &b), &rest), a);
            let square = multiply(&a, &a);
            assert_eq!(root(&square), a);
            assert_eq!(parse(text(&a).as_bytes()), a);
            assert_eq!(shift_down(&shift_up(&a, round % 30), round % 30), a);
        }
    }
}
