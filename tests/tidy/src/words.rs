//! Words: comments begin with a noun or a verb, as rustdoc has it, and a directory is called one.

use std::collections::BTreeMap;

use crate::sources::Crate;

/// Words that make a clause of a sentence which should have said its noun.
const QUESTIONS: &[&str] =
    &["How", "What", "Whatever", "When", "Where", "Whether", "Which", "Who", "Whoever", "Whom", "Whose", "Why"];

/// Desktop words for terms of the field, in two parts so that this table does not hold them.
const DESKTOP: &[(&str, &str)] = &[("fol", "der")];

/// Number of comments that begin so, by crate.
pub fn questions(crates: &[Crate]) -> BTreeMap<String, usize> {
    count(crates, questions_in)
}

/// Number of lines with a desktop word, in any case and as a part of a name, by crate.
pub fn desktop(crates: &[Crate]) -> BTreeMap<String, usize> {
    count(crates, desktop_in)
}

fn count(crates: &[Crate], in_text: fn(&str) -> usize) -> BTreeMap<String, usize> {
    let of = |one: &Crate| one.files.iter().map(|file| in_text(&file.text)).sum::<usize>();
    crates.iter().map(|one| (one.name.clone(), of(one))).filter(|(_, count)| *count > 0).collect()
}

fn desktop_in(text: &str) -> usize {
    let words: Vec<_> = DESKTOP.iter().map(|(head, tail)| format!("{head}{tail}")).collect();
    let holds = |line: &&str| words.iter().any(|word| line.to_lowercase().contains(word));
    text.lines().filter(holds).count()
}

fn questions_in(text: &str) -> usize {
    let mut is_inside = false;
    let mut count = 0;
    for line in text.lines() {
        let line = line.trim_start();
        let comment = line.strip_prefix("//").map(|rest| rest.trim_start_matches(['/', '!']));
        if let (Some(comment), false) = (comment, is_inside) {
            let word = comment.trim_start().split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
            count += usize::from(QUESTIONS.contains(&word));
        }
        is_inside = comment.is_some();
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_word_of_a_comment_counts() {
        let text = "//! What it is\n\n/// Tells\n/// whether it is\n/// What\nfn a() {}\n    /// Whose is it\n    // How\n";
        assert_eq!(questions_in(text), 2);
        assert_eq!(questions_in("fn a() {\n    // How\n}\n"), 1);
    }

    #[test]
    fn a_desktop_word_counts_in_names_too() {
        let word = format!("{}{}", DESKTOP[0].0, DESKTOP[0].1);
        let text = format!("// A {word}\nfn remove_{word}() {{}}\nstruct {};\n// A directory\n", word.to_uppercase());
        assert_eq!(desktop_in(&text), 3);
    }
}
