//! Plain texts, up to hundreds of thousands at once.

use std::collections::HashSet;
use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};

use super::Extent;
use super::machine::is_at;
use super::node::Place;

/// A list of texts to look for.
#[derive(Debug)]
pub(crate) enum Words {
    /// Whole lines alone; their letters small where either case is meant.
    Lines { lines: HashSet<Vec<u8>>, any_case: bool },
    /// Anywhere.
    Anywhere(AhoCorasick),
    /// Only where no word goes on; all matches are looked at.
    Bounded(AhoCorasick),
}

impl Words {
    /// Prepare a list. Letters of either case: ASCII's alone.
    ///
    /// # Errors
    /// They are too many.
    pub fn new(words: &[Vec<u8>], extent: Extent, any_case: bool) -> Result<Self, String> {
        if extent == Extent::Lines {
            let line = |word: &Vec<u8>| if any_case { word.to_ascii_lowercase() } else { word.clone() };
            return Ok(Self::Lines { lines: words.iter().map(line).collect(), any_case });
        }
        let kind = if extent == Extent::Words { MatchKind::Standard } else { MatchKind::LeftmostLongest };
        let mut builder = AhoCorasick::builder();
        let finder = builder.match_kind(kind).ascii_case_insensitive(any_case).build(words);
        let finder = finder.map_err(|e| format!("there are too many texts: {e}"))?;
        Ok(if extent == Extent::Words { Self::Bounded(finder) } else { Self::Anywhere(finder) })
    }

    /// Tell if one of them is in a line.
    pub fn is_match(&self, text: &[u8]) -> bool {
        match self {
            Self::Anywhere(finder) => finder.is_match(text),
            Self::Lines { .. } => self.find(text, 0).is_some(),
            Self::Bounded(finder) => finder.find_overlapping_iter(text).any(|found| is_bounded(text, &found.range())),
        }
    }

    /// The longest at the first place from `at` on.
    pub fn find(&self, text: &[u8], at: usize) -> Option<Range<usize>> {
        match self {
            Self::Anywhere(finder) => {
                let input = aho_corasick::Input::new(text).range(at..);
                finder.find(input).map(|found| found.range())
            }
            Self::Lines { lines, any_case } => {
                let is_one = if *any_case { lines.contains(&text.to_ascii_lowercase()) } else { lines.contains(text) };
                (is_one && at == 0).then_some(0..text.len())
            }
            Self::Bounded(finder) => {
                let input = aho_corasick::Input::new(text).range(at..);
                let mut best: Option<Range<usize>> = None;
                for found in finder.find_overlapping_iter(input).map(|found| found.range()) {
                    if is_bounded(text, &found)
                        && best.as_ref().is_none_or(|best| (found.start, best.end) < (best.start, found.end))
                    {
                        best = Some(found);
                    }
                }
                best
            }
        }
    }
}

fn is_bounded(text: &[u8], span: &Range<usize>) -> bool {
    is_at(Place::NotInWordBefore, text, span.start) && is_at(Place::NotInWordAfter, text, span.end)
}
