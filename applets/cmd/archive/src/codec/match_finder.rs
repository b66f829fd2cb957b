//! Search for repeated parts by chains of equal hashes, for the zstd compressor.

use ruzstd::encoding::{CompressionLevel, Matcher, Sequence};

/// Bytes of input in a frame, and so the farthest that a match may be away.
pub(super) const FRAME: usize = 4 << 20;
/// Bytes in a block: the format's limit.
const BLOCK: usize = 128 << 10;
/// Bytes that are hashed, and so the shortest match.
const HASHED: usize = 4;
/// Bits of a hash: a table of 512 KiB.
const HASH_BITS: u32 = 17;
/// A match of this length is taken without looking for a better one.
const GOOD: usize = 128;

/// The input of one frame, and where each hash was seen.
pub(super) struct Finder {
    data: Vec<u8>,
    /// Beginning of the block that is compressed.
    block: usize,
    /// Last place of each hash, plus one.
    heads: Vec<u32>,
    /// Place before, of the same hash, plus one.
    chain: Vec<u32>,
    depth: usize,
    lazy: bool,
    window: u64,
}

/// A repeated part.
#[derive(Clone, Copy, Default)]
struct Found {
    len: usize,
    offset: usize,
}

impl Finder {
    /// A finder for a frame of `len` bytes. Higher levels follow longer chains.
    pub(super) fn new(level: u32, len: usize) -> Self {
        let depth = match level {
            0 | 1 => 2,
            2 => 4,
            3 => 8,
            4..=6 => 16,
            7..=9 => 32,
            10..=12 => 64,
            13..=15 => 128,
            _ => 512,
        };
        let window = len.next_power_of_two().clamp(BLOCK, FRAME) as u64;
        Self {
            data: Vec::with_capacity(len),
            block: 0,
            heads: vec![0; 1 << HASH_BITS],
            chain: Vec::with_capacity(len),
            depth,
            lazy: level > 2,
            window,
        }
    }

    fn hash(&self, at: usize) -> Option<usize> {
        let bytes: [u8; HASHED] = self.data.get(at..at + HASHED)?.try_into().ok()?;
        Some((u32::from_le_bytes(bytes).wrapping_mul(0x9e37_79b1) >> (32 - HASH_BITS)) as usize)
    }

    /// Note a place; all are noted in their order.
    fn note(&mut self, upto: usize) {
        while self.chain.len() < upto {
            let at = self.chain.len();
            let before = match self.hash(at) {
                Some(hash) => std::mem::replace(&mut self.heads[hash], at as u32 + 1),
                None => 0,
            };
            self.chain.push(before);
        }
    }

    /// The longest match at a place, of those that pay.
    fn find(&mut self, at: usize) -> Found {
        self.note(at);
        let mut best = Found::default();
        let Some(hash) = self.hash(at) else { return best };
        let limit = self.data.len() - at;
        let mut next = self.heads[hash];
        for _ in 0..self.depth {
            let Some(place) = (next as usize).checked_sub(1) else { break };
            next = self.chain[place];
            if best.len > 0 && self.data.get(place + best.len) != self.data.get(at + best.len) {
                continue;
            }
            let len = self.data[place..].iter().zip(&self.data[at..]).take(limit).take_while(|(a, b)| a == b).count();
            if len > best.len && len >= least(at - place) {
                best = Found { len, offset: at - place };
                if len >= GOOD || len == limit {
                    break;
                }
            }
        }
        best
    }
}

/// Shortest match that pays: far ones cost more bits.
const fn least(offset: usize) -> usize {
    match offset {
        0..0x800 => 4,
        0x800..0x4_0000 => 5,
        _ => 6,
    }
}

impl Matcher for Finder {
    fn get_next_space(&mut self) -> Vec<u8> {
        vec![0; BLOCK]
    }

    fn get_last_space(&mut self) -> &[u8] {
        &self.data[self.block..]
    }

    fn commit_space(&mut self, space: Vec<u8>) {
        self.block = self.data.len();
        self.data.extend_from_slice(&space);
    }

    fn skip_matching(&mut self) {
        self.note(self.data.len());
    }

    fn start_matching(&mut self, mut handle_sequence: impl for<'a> FnMut(Sequence<'a>)) {
        // The first match comes behind a literal: the crate panics when no match of a block does.
        let (mut at, mut literals) = (self.block + 1, self.block);
        while at + HASHED <= self.data.len() {
            let mut found = self.find(at);
            if found.len == 0 {
                // Bytes that do not repeat are passed over faster and faster.
                at += 1 + ((at - literals) >> 8);
                continue;
            }
            while self.lazy && found.len < GOOD {
                let later = self.find(at + 1);
                if later.len <= found.len {
                    break;
                }
                found = later;
                at += 1;
            }
            handle_sequence(Sequence::Triple { literals: &self.data[literals..at], offset: found.offset, match_len: found.len });
            at += found.len;
            literals = at;
        }
        self.note(self.data.len());
        if literals < self.data.len() {
            handle_sequence(Sequence::Literals { literals: &self.data[literals..] });
        }
    }

    fn reset(&mut self, _: CompressionLevel) {
        self.data.clear();
        self.chain.clear();
        self.heads.fill(0);
        self.block = 0;
    }

    fn window_size(&self) -> u64 {
        self.window
    }
}
