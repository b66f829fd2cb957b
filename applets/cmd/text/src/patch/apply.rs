//! Changes put into a text: at their place, or near it, or with fewer lines around.

use std::fmt::Write as _;

use super::parse::{Hunk, Sort};

/// Tell if the first change does not fit as it is, but the whole patch taken back does.
pub(super) fn is_reversed(text: &[u8], hunks: &[Hunk], blanks: bool) -> bool {
    let Some(first) = hunks.first() else { return false };
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let old = first.side(Sort::Old);
    let told = if old.is_empty() { first.old } else { first.old.saturating_sub(1) };
    if find(&lines, first, &old, (told, 0), 0, blanks).is_some() {
        return false;
    }
    let reversed: Vec<Hunk> = hunks.iter().map(Hunk::reversed).collect();
    all(text, &reversed, 0, blanks).failed.is_empty()
}

/// A text with changes.
#[derive(Default)]
pub(super) struct Applied {
    pub(super) text: Vec<u8>,
    /// Indexes of changes that fit nowhere.
    pub(super) failed: Vec<usize>,
    /// Some fitted elsewhere, or not wholly.
    pub(super) moved: bool,
    /// Messages.
    pub(super) notes: Vec<String>,
}

/// Position at which a change fits.
struct Found {
    at: usize,
    /// Lines left out at its beginning and its end.
    prefix: usize,
    suffix: usize,
}

/// Apply all changes, each behind the one before.
pub(super) fn all(text: &[u8], hunks: &[Hunk], fuzz: usize, blanks: bool) -> Applied {
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let mut applied = Applied::default();
    // Lines of the old text that are done, and how far changes lie from where they are told.
    let (mut done, mut offset) = (0_usize, 0_isize);
    // Lines that the text has more than before.
    let mut grown = 0_isize;
    for (number, hunk) in hunks.iter().enumerate() {
        let old = hunk.side(Sort::Old);
        // A place without lines is the one behind the line that is told.
        let told = if old.is_empty() { hunk.old } else { hunk.old.saturating_sub(1) };
        let guess = told.saturating_add_signed(offset);
        let most = fuzz.min(around(hunk));
        let found = (0..=most).find_map(|fuzz| Some((find(&lines, hunk, &old, (guess, done), fuzz, blanks)?, fuzz)));
        let Some((found, used)) = found else {
            applied.failed.push(number);
            let line = (told + 1).saturating_add_signed(offset + grown);
            applied.notes.push(format!("Hunk #{} FAILED at {line}.", number + 1));
            continue;
        };
        let first = found.at.saturating_sub(found.prefix);
        let off = first as isize - told as isize;
        if off != 0 || used > 0 {
            applied.moved = true;
            applied.notes.push(note(number + 1, (first as isize + 1 + grown) as usize, used, off));
        }
        offset = off;
        for line in &lines[done..found.at] {
            push(&mut applied.text, line);
        }
        done = put(&mut applied.text, &lines, hunk, &found, old.len());
        grown += hunk.side(Sort::New).len() as isize - old.len() as isize;
    }
    for line in &lines[done.min(lines.len())..] {
        push(&mut applied.text, line);
    }
    applied
}

fn note(number: usize, line: usize, fuzz: usize, off: isize) -> String {
    let mut text = format!("Hunk #{number} succeeded at {line}");
    if fuzz > 0 {
        // Writing to a string can't fail.
        let _ = write!(text, " with fuzz {fuzz}");
    }
    if off != 0 {
        // As above.
        let _ = write!(text, " (offset {off} line{})", if off.abs() == 1 { "" } else { "s" });
    }
    text.push('.');
    text
}

/// A line behind another one that has no end gets one between.
fn push(text: &mut Vec<u8>, line: &[u8]) {
    if text.last().is_some_and(|byte| *byte != b'\n') {
        text.push(b'\n');
    }
    text.extend_from_slice(line);
}

/// Put the change in; gives the number of old lines that are done. Lines around it stay as the file has them.
fn put(text: &mut Vec<u8>, lines: &[&[u8]], hunk: &Hunk, found: &Found, old: usize) -> usize {
    let mut at = found.at;
    let end = found.at + old - found.prefix - found.suffix;
    let skip = hunk.lines.iter().skip(found.prefix).take(hunk.lines.len() - found.prefix - found.suffix);
    for (sort, line) in skip {
        match sort {
            Sort::Both => {
                push(text, lines.get(at).copied().unwrap_or(line));
                at += 1;
            }
            Sort::Old => at += 1,
            Sort::New => push(text, line),
        }
    }
    end
}

/// Lines around a change at its beginning and its end.
fn edges(hunk: &Hunk) -> (usize, usize) {
    let is_around = |(sort, _): &&(Sort, Vec<u8>)| *sort == Sort::Both;
    let prefix = hunk.lines.iter().take_while(is_around).count();
    let suffix = hunk.lines.iter().rev().take_while(is_around).count();
    (prefix, suffix.min(hunk.lines.len() - prefix))
}

fn around(hunk: &Hunk) -> usize {
    let (prefix, suffix) = edges(hunk);
    prefix.max(suffix)
}

/// The place that is nearest to the one that is told.
fn find(lines: &[&[u8]], hunk: &Hunk, old: &[&[u8]], (guess, done): (usize, usize), fuzz: usize, blanks: bool) -> Option<Found> {
    let (prefix, suffix) = edges(hunk);
    let most = prefix.max(suffix);
    let (skip, cut) = ((fuzz + prefix).saturating_sub(most), (fuzz + suffix).saturating_sub(most));
    let wanted = &old[skip..old.len() - cut];
    let guess = guess + skip;
    let last = lines.len().checked_sub(wanted.len())?;
    let fits = |at: usize| lines[at..at + wanted.len()].iter().zip(wanted).all(|(have, want)| same(have, want, blanks));
    let found = |at: usize| Found { at, prefix: skip, suffix: cut };
    // Fewer lines on one side tell of the file's beginning or end, unless some of the other side are left out.
    if fuzz + prefix < most {
        return (done == 0 && fits(0)).then(|| found(0));
    }
    if fuzz + suffix < most {
        return (last >= done && fits(last)).then(|| found(last));
    }
    if old.is_empty() {
        return (guess <= lines.len() && guess >= done)
            .then(|| found(guess))
            .or_else(|| (lines.len() >= done).then(|| found(lines.len())));
    }
    near(guess, done, last, fits).map(found)
}

fn near(guess: usize, done: usize, last: usize, fits: impl Fn(usize) -> bool) -> Option<usize> {
    if done > last {
        return None;
    }
    // A patch may tell of a place far behind the file: steps count from the nearest line that is there.
    let start = guess.abs_diff(guess.clamp(done, last));
    let reach = guess.abs_diff(done).max(guess.abs_diff(last));
    for off in start..=reach {
        for at in [guess.checked_add(off), guess.checked_sub(off)].into_iter().flatten() {
            if at >= done && at <= last && fits(at) {
                return Some(at);
            }
        }
    }
    None
}

fn same(have: &[u8], want: &[u8], blanks: bool) -> bool {
    if have == want || !blanks {
        return have == want;
    }
    let words = |line: &[u8]| -> Vec<Vec<u8>> {
        line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).map(<[u8]>::to_vec).collect()
    };
    words(have) == words(want)
}
