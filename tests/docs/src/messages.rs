//! Messages that the page of symptoms quotes.

use std::path::Path;

use crate::repository::{Problem, Repository};

/// The page of symptoms.
const PAGE: &str = "docs/src/troubleshooting.md";
/// Character in the place of those parts of a message that differ.
const GAP: char = '…';
/// Words from which on a text between gaps is looked up: fewer are no message.
const LEAST_WORDS: usize = 3;

/// Each message in the first column is in a source, but for its gaps.
pub fn check(repository: &Repository) -> Vec<Problem> {
    let Some(page) = repository.pages.iter().find(|page| page.path == Path::new(PAGE)) else {
        return vec![Problem { path: PAGE.into(), line: 1, text: "there is no such page".into() }];
    };
    let sources = joined(&repository.sources("applets"));
    let mut problems = Vec::new();
    for line in page.prose().filter(|line| line.text.starts_with('|')) {
        let first = line.text.split(" | ").next().unwrap_or_default();
        let quoted = first
            .split('`')
            .skip(1)
            .step_by(2)
            .flat_map(|message| message.split(GAP))
            .map(str::trim);
        let texts = quoted.filter(|text| text.split_whitespace().count() >= LEAST_WORDS);
        let missing = texts.filter(|text| !sources.contains(*text));
        problems.extend(missing.map(|text| page.problem(line, format!("no source says {text:?}"))));
    }
    problems
}

/// Sources with the lines of a string put together that a backslash continues.
fn joined(sources: &str) -> String {
    let mut parts = sources.split("\\\n");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(part.trim_start());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_of_several_lines_are_one() {
        assert_eq!(joined("\"one \\\n     two\""), "\"one two\"");
    }
}
