//! New inputs from old ones.

/// The longest input that is made, in bytes.
const LIMIT: usize = 64 * 1024;
/// Numbers at which parsers stumble.
const ODD: &[u32] = &[0, 1, 3, 7, 8, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

/// Makes inputs; the same seed makes the same ones.
#[derive(Debug, Clone)]
pub struct Mutator(u64);

impl Mutator {
    /// With a seed.
    pub fn new(seed: u64) -> Self {
        // Zero would stay zero.
        Self(seed.wrapping_mul(2).wrapping_add(0x9e37_79b9_7f4a_7c15))
    }

    /// Xorshift64*.
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    /// A number below `limit`; 0 for 0.
    fn below(&mut self, limit: usize) -> usize {
        (self.next() as usize).checked_rem(limit).unwrap_or(0)
    }

    /// An input from one or two of these, with up to eight changes.
    pub fn input(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut input = corpus[self.below(corpus.len())].clone();
        if self.below(3) == 0 {
            let other = &corpus[self.below(corpus.len())];
            input.truncate(self.below(input.len() + 1));
            input.extend_from_slice(&other[self.below(other.len() + 1)..]);
        }
        for _ in 0..=self.below(8) {
            self.change(&mut input);
        }
        input.truncate(LIMIT);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len());
        let length = self.below(32).min(input.len() - at);
        match self.below(8) {
            0 if !input.is_empty() => input[at] ^= 1 << self.below(8),
            1 if !input.is_empty() => input[at] = self.next() as u8,
            2 => drop(input.drain(at..at + length)),
            3 => {
                let bytes: Vec<u8> = (0..length).map(|_| self.next() as u8).collect();
                input.splice(at..at, bytes);
            }
            4 => {
                let copy = input[at..at + length].to_vec();
                let to = self.below(input.len() + 1);
                input.splice(to..to, copy);
            }
            5 => {
                let number = ODD[self.below(ODD.len())].to_be_bytes();
                let width = [1, 2, 3, 4][self.below(4)].min(input.len() - at);
                input[at..at + width].copy_from_slice(&number[4 - width..]);
            }
            6 => input.truncate(at),
            _ if !input.is_empty() => input[at] = input[at].wrapping_add([1, 255][self.below(2)]),
            _ => input.push(self.next() as u8),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_the_same_inputs_and_another_seed_others() {
        let corpus = [b"some input".to_vec(), b"another".to_vec(), Vec::new()];
        let made = |seed| {
            let mut mutator = Mutator::new(seed);
            (0..200).map(|_| mutator.input(&corpus)).collect::<Vec<_>>()
        };
        assert_eq!(made(1), made(1));
        assert_ne!(made(1), made(2));
        assert!(made(1).iter().filter(|input| !corpus.contains(input)).count() > 150);
    }
}
