//! Parts of the crate `icu_collator` that uutils calls, without its tables.
//!
//! They are more than a megabyte, for orders of words that nobody asks of a node. Here every language orders by bytes, which for UTF-8
//! is by code points: as `LC_ALL=C` does everywhere, and busybox. Only what is called is here: a
//! uutils that calls for more does not compile, which is better than to link the tables unseen.

use std::cmp::Ordering;
use std::convert::Infallible;

use icu_locale_core::Locale;

/// Orders of words that a person may want. None of it matters for bytes.
pub mod options {
    /// Treatment of punctuation.
    #[derive(Clone, Copy, Debug)]
    pub enum AlternateHandling {
        /// It counts like letters.
        NonIgnorable,
        /// It counts last.
        Shifted,
    }

    /// Order of case before accents.
    #[derive(Clone, Copy, Debug)]
    pub enum CaseLevel {
        /// No.
        Off,
        /// Yes.
        On,
    }

    /// Reach of [`AlternateHandling::Shifted`].
    #[derive(Clone, Copy, Debug)]
    pub enum MaxVariable {
        /// Over spaces.
        Space,
        /// Over punctuation, too.
        Punctuation,
    }

    /// Number of levels of difference that count.
    #[derive(Clone, Copy, Debug)]
    pub enum Strength {
        /// Letters.
        Primary,
        /// Punctuation, too.
        Quaternary,
    }

    /// All of them.
    #[derive(Clone, Copy, Debug, Default)]
    #[non_exhaustive]
    pub struct CollatorOptions {
        /// Treatment of punctuation.
        pub alternate_handling: Option<AlternateHandling>,
        /// Order of case before accents.
        pub case_level: Option<CaseLevel>,
        /// Reach of shifting.
        pub max_variable: Option<MaxVariable>,
        /// Number of levels of difference that count.
        pub strength: Option<Strength>,
    }
}

/// The language, which does not matter either.
#[derive(Clone, Copy, Debug)]
pub struct CollatorPreferences;

impl From<Locale> for CollatorPreferences {
    fn from(_: Locale) -> Self {
        Self
    }
}

/// Compares by bytes.
#[derive(Clone, Copy, Debug)]
pub struct CollatorBorrowed(());

impl CollatorBorrowed {
    /// A comparer for a language: the one that there is.
    pub fn try_new(_: CollatorPreferences, _: options::CollatorOptions) -> Result<Self, Infallible> {
        Ok(Self(()))
    }

    /// The order of two texts.
    pub fn compare_utf8(&self, left: &[u8], right: &[u8]) -> Ordering {
        left.cmp(right)
    }

    /// Append the bytes by whose order texts are ordered.
    pub fn write_sort_key_utf8_to(&self, text: &[u8], key: &mut Vec<u8>) -> Result<(), Infallible> {
        key.extend_from_slice(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_comparisons_agree() {
        let Ok(collator) = CollatorBorrowed::try_new(CollatorPreferences, options::CollatorOptions::default());
        let texts: [&[u8]; 6] = [b"", b"B", b"a", b"a b", b"ab", "\u{e4}".as_bytes()];
        let mut keys = Vec::new();
        for pair in texts.windows(2) {
            assert_eq!(collator.compare_utf8(pair[0], pair[1]), Ordering::Less);
            let mut key = Vec::new();
            let Ok(()) = collator.write_sort_key_utf8_to(pair[0], &mut key);
            keys.push(key);
        }
        assert!(keys.is_sorted());
    }
}
