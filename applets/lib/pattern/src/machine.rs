//! Runs a program over a text: leftmost, longest, and among the ways to the longest match the first, as glibc does.
//!
//! All ways from a place are tried, the first alternative and one more repetition first. A split that was tried at a place in the
//! text is not tried there again, whatever way leads to it: what follows would be the same. So the time is at most the steps of
//! the program times the length of the text. With back-references what follows depends on the groups they name, too, and the
//! number of steps is limited.

use std::collections::HashSet;

use super::bytes::{char_at, char_before, next_char};
use super::class::is_word;
use super::node::Place;
use super::program::{Op, Program};

/// Steps of one search for a pattern with back-references: some seconds.
const MOST_STEPS: u64 = 100_000_000;
/// Tries that are remembered for one: some hundred bytes each.
const MOST_TRIES: usize = 200_000;
/// Words of 64 bits that tries may take: half a gigabyte is out of question on a small node.
const MOST_WORDS: usize = 8 << 20;
/// Place of a group that has not matched.
pub(crate) const NOWHERE: usize = usize::MAX;

/// The search took too many steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMany;

/// Memory of a search. Kept for the next one for its memory alone.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// A bit for each mark, for each place in the text from `base` on.
    tried: Vec<u64>,
    base: usize,
    /// With back-references: marks, places, and places of the groups they name.
    recalled: HashSet<(u32, usize, Vec<usize>)>,
    jobs: Vec<Job>,
    slots: Vec<usize>,
    best: Vec<usize>,
    steps: u64,
    /// There is no room for more tries.
    full: bool,
}

#[derive(Debug)]
enum Job {
    Go { op: usize, at: usize },
    Restore { slot: usize, place: usize },
}

impl Program {
    /// Places of the longest match that begins at the first place from `at` on where one does; in `memory.best` those of the groups.
    pub fn search<'m>(&self, text: &[u8], at: usize, memory: &'m mut Memory) -> Result<Option<&'m [usize]>, TooMany> {
        memory.reset(at);
        let mut start = at;
        loop {
            if self.run(text, start, memory)? {
                return Ok(Some(&memory.best));
            }
            if start >= text.len() {
                return Ok(None);
            }
            start = next_char(text, start);
        }
    }

    /// The same for a match that begins at `at` and nowhere else.
    pub fn longest<'m>(&self, text: &[u8], at: usize, memory: &'m mut Memory) -> Result<Option<&'m [usize]>, TooMany> {
        memory.reset(at);
        Ok(if self.run(text, at, memory)? { Some(&memory.best) } else { None })
    }

    /// Try all ways from a place.
    fn run(&self, text: &[u8], start: usize, memory: &mut Memory) -> Result<bool, TooMany> {
        memory.slots.clear();
        memory.slots.resize(self.slots, NOWHERE);
        memory.slots[0] = start;
        memory.best.clear();
        memory.jobs.clear();
        memory.jobs.push(Job::Go { op: 0, at: start });
        while let Some(job) = memory.jobs.pop() {
            match job {
                Job::Restore { slot, place } => memory.slots[slot] = place,
                Job::Go { op, at } => {
                    if let Some(end) = self.follow(text, op, at, memory)?
                        && memory.best.get(1).is_none_or(|best| *best < end)
                    {
                        memory.slots[1] = end;
                        memory.best.clone_from(&memory.slots);
                        if end == text.len() {
                            return Ok(true);
                        }
                    }
                }
            }
        }
        Ok(!memory.best.is_empty())
    }

    /// Follow one way to its end: that of a match, or none.
    fn follow(&self, text: &[u8], op: usize, at: usize, memory: &mut Memory) -> Result<Option<usize>, TooMany> {
        let (mut op, mut at) = (op, at);
        loop {
            memory.steps += 1;
            if (memory.steps > MOST_STEPS && !self.recalled.is_empty()) || memory.full {
                return Err(TooMany);
            }
            let Some(step) = self.ops.get(op) else { return Ok(None) };
            op += 1;
            let next = match *step {
                Op::Byte(byte) => (text.get(at) == Some(&byte)).then_some(at + 1),
                Op::Set(number) => self.set(number, text, at),
                Op::Place(place) => is_at(place, text, at).then_some(at),
                Op::Jump(to) => {
                    op = to as usize;
                    Some(at)
                }
                Op::Save(slot) => {
                    memory.set(slot, at);
                    Some(at)
                }
                Op::Split { first, second, mark } => {
                    if mark.is_some_and(|mark| !self.is_new(mark, at, memory)) {
                        return Ok(None);
                    }
                    memory.jobs.push(Job::Go { op: second as usize, at });
                    op = first as usize;
                    Some(at)
                }
                Op::Forget(slot) => {
                    memory.set(slot, NOWHERE);
                    Some(at)
                }
                Op::Moved(slot) => (memory.slots[slot as usize] != at).then_some(at),
                Op::Recall(group) => self.recall(group as usize, text, at, memory),
                Op::Done => return Ok(Some(at)),
            };
            match next {
                Some(next) => at = next,
                None => return Ok(None),
            }
        }
    }

    fn set(&self, number: u32, text: &[u8], at: usize) -> Option<usize> {
        let set = self.sets.get(number as usize)?;
        match char_at(text, at) {
            Some(c) if set.has(c) => Some(at + c.len_utf8()),
            _ => set.bytes.contains(text.get(at)?).then_some(at + 1),
        }
    }

    /// The place behind the text of a group, if it stands here.
    fn recall(&self, group: usize, text: &[u8], at: usize, memory: &mut Memory) -> Option<usize> {
        let span = *memory.slots.get(group * 2)?..*memory.slots.get(group * 2 + 1)?;
        let wanted = text.get(span)?;
        memory.steps += wanted.len() as u64;
        if self.any_case {
            same_letters(wanted, text, at)
        } else {
            text.get(at..)?.starts_with(wanted).then_some(at + wanted.len())
        }
    }

    /// Remember a try. False: there was one.
    fn is_new(&self, mark: u32, at: usize, memory: &mut Memory) -> bool {
        if !self.recalled.is_empty() {
            let slots = &memory.slots;
            let groups = self.recalled.iter().flat_map(|group| [slots[group * 2], slots[group * 2 + 1]]);
            let loops = slots.iter().skip((self.groups + 1) * 2).copied();
            let key = (mark, at, groups.chain(loops).collect());
            return if memory.recalled.len() < MOST_TRIES {
                memory.recalled.insert(key)
            } else {
                !memory.recalled.contains(&key)
            };
        }
        let bit = (at - memory.base) * self.marks + mark as usize;
        let (word, bit) = (bit / 64, 1u64 << (bit % 64));
        if word > MOST_WORDS {
            memory.full = true;
            return false;
        }
        if memory.tried.len() <= word {
            memory.tried.resize(word + 1 + self.marks / 64, 0);
        }
        let is_new = memory.tried[word] & bit == 0;
        memory.tried[word] |= bit;
        is_new
    }
}

impl Memory {
    /// Remember a place until the way is given up.
    fn set(&mut self, slot: u32, place: usize) {
        let slot = slot as usize;
        self.jobs.push(Job::Restore { slot, place: self.slots[slot] });
        self.slots[slot] = place;
    }

    fn reset(&mut self, base: usize) {
        self.tried.clear();
        self.recalled.clear();
        self.base = base;
        self.steps = 0;
        self.full = false;
    }
}

/// The place behind the same letters, of either case.
fn same_letters(wanted: &[u8], text: &[u8], at: usize) -> Option<usize> {
    let (mut from, mut at) = (0, at);
    while from < wanted.len() {
        match (char_at(wanted, from), char_at(text, at)) {
            (Some(a), Some(b)) if a == b || a.to_lowercase().eq(b.to_lowercase()) => {}
            (None, None) if wanted.get(from) == text.get(at) => {}
            _ => return None,
        }
        (from, at) = (next_char(wanted, from), next_char(text, at));
    }
    Some(at)
}

/// Tell if a place is one of these.
pub(crate) fn is_at(place: Place, text: &[u8], at: usize) -> bool {
    let before = || char_before(text, at).is_some_and(is_word);
    let after = || char_at(text, at).is_some_and(is_word);
    match place {
        Place::Start => at == 0,
        Place::End => at == text.len(),
        Place::LineStart => at == 0 || text.get(at - 1) == Some(&b'\n'),
        Place::LineEnd => text.get(at).is_none_or(|byte| *byte == b'\n'),
        Place::WordEdge => before() != after(),
        Place::NoWordEdge => before() == after(),
        Place::WordStart => !before() && after(),
        Place::WordEnd => before() && !after(),
        Place::NotInWordBefore => !before(),
        Place::NotInWordAfter => !after(),
    }
}
