//! Decimal numbers: a natural number, a sign, and a scale, which is the number of digits behind the point. The rules of scale are
//! bc's.

use std::cmp::Ordering;

use crate::natural::{self as natural, Limbs};

/// Most digits of a result: what is larger would take the memory, and hours.
pub const MOST_DIGITS: usize = 200_000_000;

/// Number.
#[derive(Debug, Clone, Default)]
pub struct Decimal {
    pub negative: bool,
    pub limbs: Limbs,
    pub scale: usize,
}

/// Result of a calculation, or one sentence.
pub type Calculated = Result<Decimal, String>;

impl Decimal {
    pub fn new(negative: bool, limbs: Limbs, scale: usize) -> Self {
        Self { negative: negative && !limbs.is_empty(), limbs, scale }
    }

    pub fn from(n: u64) -> Self {
        Self::new(false, natural::from(n), 0)
    }

    pub fn is_zero(&self) -> bool {
        self.limbs.is_empty()
    }

    /// 1 or 0.
    pub fn of(truth: bool) -> Self {
        Self::from(u64::from(truth))
    }

    /// With another scale: digits are cut or zeros put.
    pub fn with_scale(&self, scale: usize) -> Self {
        let limbs = if scale >= self.scale {
            natural::shift_up(&self.limbs, scale - self.scale)
        } else {
            natural::shift_down(&self.limbs, self.scale - scale)
        };
        Self::new(self.negative, limbs, scale)
    }

    /// The part before the point, as a machine's number, if it fits and is not negative.
    pub fn to_u64(&self) -> Option<u64> {
        let whole = self.with_scale(0);
        if whole.negative { None } else { natural::to_u64(&whole.limbs) }
    }

    #[must_use]
    pub fn negated(mut self) -> Self {
        self.negative = !self.negative && !self.limbs.is_empty();
        self
    }

    pub fn compare(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => return Ordering::Greater,
            (true, false) => return Ordering::Less,
            _ => {}
        }
        let (a, b) = self.aligned(other);
        let order = natural::compare(&a, &b);
        if self.negative { order.reverse() } else { order }
    }

    fn aligned(&self, other: &Self) -> (Limbs, Limbs) {
        let scale = self.scale.max(other.scale);
        (natural::shift_up(&self.limbs, scale - self.scale), natural::shift_up(&other.limbs, scale - other.scale))
    }

    pub fn add(&self, other: &Self) -> Self {
        let scale = self.scale.max(other.scale);
        let (a, b) = self.aligned(other);
        if self.negative == other.negative {
            return Self::new(self.negative, natural::add(&a, &b), scale);
        }
        if natural::compare(&a, &b) == Ordering::Less {
            return Self::new(other.negative, natural::subtract(&b, &a), scale);
        }
        Self::new(self.negative, natural::subtract(&a, &b), scale)
    }

    pub fn subtract(&self, other: &Self) -> Self {
        self.add(&other.clone().negated())
    }

    pub fn multiply(&self, other: &Self, scale: usize) -> Self {
        let full = self.exact_product(other);
        let wanted = full.scale.min(scale.max(self.scale).max(other.scale));
        full.with_scale(wanted)
    }

    fn exact_product(&self, other: &Self) -> Self {
        let limbs = natural::multiply(&self.limbs, &other.limbs);
        Self::new(self.negative != other.negative, limbs, self.scale + other.scale)
    }

    pub fn divide(&self, other: &Self, scale: usize) -> Calculated {
        if other.is_zero() {
            return Err("divide by zero".into());
        }
        // a/10^s / (b/10^t) * 10^scale = a * 10^(scale + t - s) / b
        let up = scale + other.scale;
        let a = if up >= self.scale {
            natural::shift_up(&self.limbs, up - self.scale)
        } else {
            natural::shift_down(&self.limbs, self.scale - up)
        };
        let (quotient, _) = natural::divide(&a, &other.limbs);
        Ok(Self::new(self.negative != other.negative, quotient, scale))
    }

    /// Returns the remainder of the division with that scale.
    pub fn remainder(&self, other: &Self, scale: usize) -> Calculated {
        let quotient = self.divide(other, scale)?;
        let rest = self.subtract(&quotient.exact_product(other));
        Ok(rest.with_scale(self.scale.max(scale + other.scale)))
    }

    pub fn power(&self, exponent: &Self, scale: usize) -> Calculated {
        let whole = exponent.with_scale(0);
        let Some(count) = natural::to_u64(&whole.limbs) else { return Err("the exponent is too large".into()) };
        let digits = natural::digits(&self.limbs).max(self.scale) as u64;
        if natural::compare(&self.limbs, &[1]) == Ordering::Greater && digits.saturating_mul(count) > MOST_DIGITS as u64 {
            return Err("the exponent is too large".into());
        }
        if count == 0 {
            return Ok(Self::from(1));
        }
        let (mut result, mut square, mut left) = (Self::from(1), self.clone(), count);
        while left > 0 {
            if left & 1 == 1 {
                result = result.exact_product(&square);
            }
            left >>= 1;
            if left > 0 {
                square = square.exact_product(&square);
            }
        }
        if exponent.negative {
            return Self::from(1).divide(&result, scale);
        }
        let wanted = result.scale.min(scale.max(self.scale));
        Ok(result.with_scale(wanted))
    }

    /// `self ^ exponent % modulus` of whole numbers.
    pub fn power_of(&self, exponent: &Self, modulus: &Self) -> Calculated {
        if exponent.negative || exponent.scale > 0 || self.scale > 0 || modulus.scale > 0 {
            return Err("raise with a modulus: all must be whole numbers, the exponent not negative".into());
        }
        let mut result = Self::from(1);
        if modulus.is_zero() {
            return Err("divide by zero".into());
        }
        let (mut square, mut left) = (self.remainder(modulus, 0)?, exponent.limbs.clone());
        while !left.is_empty() {
            let (half, odd) = natural::divide_small(&left, 2);
            if odd == 1 {
                result = result.exact_product(&square).remainder(modulus, 0)?;
            }
            left = half;
            square = square.exact_product(&square).remainder(modulus, 0)?;
        }
        Ok(result)
    }

    pub fn root(&self, scale: usize) -> Calculated {
        if self.negative {
            return Err("take the root of a negative number".into());
        }
        let scale = scale.max(self.scale);
        let limbs = natural::shift_up(&self.limbs, 2 * scale - self.scale);
        Ok(Self::new(false, natural::root(&limbs), scale))
    }

    /// Number of digits, without zeros before them.
    pub fn length(&self) -> usize {
        if self.is_zero() { self.scale.max(1) } else { natural::digits(&self.limbs) }
    }
}
