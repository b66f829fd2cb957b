//! First words of doc comments: a noun or a verb, as rustdoc has it.

use std::collections::BTreeMap;

use crate::sources::Crate;

/// Words that make a clause of a sentence which should have said its noun.
const QUESTIONS: &[&str] =
    &["How", "What", "Whatever", "When", "Where", "Whether", "Which", "Who", "Whoever", "Whom", "Whose", "Why"];

/// Number of doc comments that begin so, by crate.
pub fn questions(crates: &[Crate]) -> BTreeMap<String, usize> {
    let count = |one: &Crate| one.files.iter().map(|file| in_text(&file.text)).sum::<usize>();
    crates.iter().map(|one| (one.name.clone(), count(one))).filter(|(_, count)| *count > 0).collect()
}

fn in_text(text: &str) -> usize {
    let mut is_inside = false;
    let mut count = 0;
    for line in text.lines() {
        let line = line.trim_start();
        let doc = line.strip_prefix("///").or_else(|| line.strip_prefix("//!"));
        if let (Some(doc), false) = (doc, is_inside) {
            let word = doc.trim_start().split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
            count += usize::from(QUESTIONS.contains(&word));
        }
        is_inside = doc.is_some();
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_word_of_a_comment_counts() {
        assert_eq!(in_text("//! What it is\n\n/// Tells\n/// whether it is\n/// What\nfn a() {}\n    /// Whose is it\n"), 2);
    }
}
