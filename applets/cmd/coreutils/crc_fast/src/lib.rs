//! The part of the crate `crc-fast` that uutils calls, on `crc32fast`, which the binary has for gzip.
//!
//! The original brings a quarter of a megabyte (packed) of tables and kernels for every width and
//! polynomial, and `cksum` uses two sums of one polynomial. Only what is called is here: a uutils
//! that calls for more does not compile, or ends at [`CrcParams::new`].

use crc32fast::Hasher;

/// Polynomial of both sums, highest power first.
const POLYNOMIAL: u64 = 0x04c1_1db7;
/// Bytes whose bits are reversed at a time: small enough for the stack, large enough for a kernel of `crc32fast`.
const PIECE: usize = 4096;

/// A sum in the words of Rocksoft's model.
#[derive(Clone, Copy, Debug)]
pub struct CrcParams {
    init: u32,
    reflected: bool,
    xorout: u32,
}

impl CrcParams {
    /// Describes a sum of 32 bits over [`POLYNOMIAL`].
    ///
    /// # Panics
    /// The width or the polynomial is another one.
    pub fn new(_name: &'static str, width: u8, polynomial: u64, init: u64, reflected: bool, xorout: u64, _check: u64) -> Self {
        assert!(width == 32 && polynomial == POLYNOMIAL, "only CRC-32 is here");
        Self { init: init as u32, reflected, xorout: xorout as u32 }
    }
}

/// Sums with a name.
#[derive(Clone, Copy, Debug)]
pub enum CrcAlgorithm {
    /// The sum of gzip, zip and PNG.
    Crc32IsoHdlc,
}

/// A running sum.
#[derive(Clone, Debug)]
pub struct Digest {
    params: CrcParams,
    hasher: Hasher,
}

impl Digest {
    /// Begins a sum with a name.
    pub fn new(algorithm: CrcAlgorithm) -> Self {
        match algorithm {
            CrcAlgorithm::Crc32IsoHdlc => Self::new_with_params(CrcParams { init: u32::MAX, reflected: true, xorout: u32::MAX }),
        }
    }

    /// Begins any sum.
    pub fn new_with_params(params: CrcParams) -> Self {
        Self { params, hasher: begin(params) }
    }

    /// Adds bytes.
    pub fn update(&mut self, data: &[u8]) {
        if self.params.reflected {
            return self.hasher.update(data);
        }
        // A sum that takes each byte's highest bit first is the other one with all bits reversed.
        let mut reversed = [0; PIECE];
        for piece in data.chunks(PIECE) {
            for (to, from) in reversed.iter_mut().zip(piece) {
                *to = from.reverse_bits();
            }
            self.hasher.update(&reversed[..piece.len()]);
        }
    }

    /// Returns the sum so far, in the lower 32 bits.
    pub fn finalize(&self) -> u64 {
        // The hasher inverts its register at the end.
        let register = !self.hasher.clone().finalize();
        let sum = if self.params.reflected { register } else { register.reverse_bits() };
        u64::from(sum ^ self.params.xorout)
    }

    /// Forgets all bytes.
    pub fn reset(&mut self) {
        self.hasher = begin(self.params);
    }
}

/// A hasher whose register holds the initial value; it inverts what it is given.
fn begin(params: CrcParams) -> Hasher {
    Hasher::new_with_initial(!params.init.reverse_bits())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check string of Rocksoft's catalogue.
    const CHECK: &[u8] = b"123456789";

    fn cksum() -> Digest {
        Digest::new_with_params(CrcParams::new("CRC-32/CKSUM", 32, POLYNOMIAL, 0, false, 0xffff_ffff, 0))
    }

    #[test]
    fn sums_have_the_catalogues_values() {
        for (mut digest, sum) in [(Digest::new(CrcAlgorithm::Crc32IsoHdlc), 0xcbf4_3926), (cksum(), 0x765e_7680)] {
            digest.update(CHECK);
            assert_eq!(digest.finalize(), sum);
            digest.reset();
            // Piece by piece, across the size of a piece.
            let long: Vec<u8> = (0..3 * PIECE).map(|at| at as u8).collect();
            digest.update(&long);
            let whole = digest.finalize();
            digest.reset();
            long.chunks(77).for_each(|part| digest.update(part));
            assert_eq!(digest.finalize(), whole);
        }
    }
}
