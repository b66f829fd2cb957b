//! A page: its lines, each with what kind of line it is. Just enough Markdown for the checks.

use std::path::{Path, PathBuf};

use crate::repository::Problem;

/// A Markdown file.
pub struct Page {
    /// Path below the root of the repository.
    pub path: PathBuf,
    /// Its lines.
    pub lines: Vec<Line>,
}

/// One line.
pub struct Line {
    /// Number, from 1.
    pub number: usize,
    /// Its text.
    pub text: String,
    /// The language of the code block that holds it, or none outside of blocks.
    pub block: Option<String>,
}

impl Page {
    /// Reads a page's text.
    pub fn parse(path: PathBuf, text: &str) -> Self {
        let mut block: Option<String> = None;
        let mut lines = Vec::new();
        for (at, text) in text.lines().enumerate() {
            let fence = text.trim_start().strip_prefix("```");
            // The fence itself is a line of the block, which no check looks at.
            let inside = match (&block, fence) {
                (None, Some(language)) => {
                    block = Some(language.trim().to_owned());
                    Some("fence".to_owned())
                }
                (Some(_), Some(_)) => {
                    block = None;
                    Some("fence".to_owned())
                }
                (current, None) => current.clone(),
            };
            lines.push(Line { number: at + 1, text: text.to_owned(), block: inside });
        }
        Self { path, lines }
    }

    /// Returns true for a page at the root of the repository or in the book.
    pub fn is_manual(&self) -> bool {
        self.path.parent() == Some(Path::new("")) || self.path.starts_with("docs")
    }

    /// Lines outside of code blocks.
    pub fn prose(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| line.block.is_none())
    }

    /// Lines of code blocks of a language.
    pub fn block(&self, language: &'static str) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(move |line| line.block.as_deref() == Some(language))
    }

    /// Anchors of the page's headings, as GitHub and mdBook make them.
    pub fn anchors(&self) -> Vec<String> {
        let headings = self.prose().filter(|line| line.text.starts_with('#'));
        headings.map(|line| anchor(line.text.trim_start_matches('#'))).collect()
    }

    /// A problem at a line of this page.
    pub fn problem(&self, line: &Line, text: impl Into<String>) -> Problem {
        Problem { path: self.path.clone(), line: line.number, text: text.into() }
    }
}

impl Line {
    /// Texts between single backticks.
    pub fn spans(&self) -> Vec<&str> {
        self.text.split('`').skip(1).step_by(2).collect()
    }

    /// Targets of links: `[text](target)`. Code spans are not looked at.
    pub fn links(&self) -> Vec<&str> {
        let outside = self.text.split('`').step_by(2);
        outside
            .flat_map(|text| text.split("](").skip(1).filter_map(|rest| rest.split(')').next()))
            .collect()
    }
}

/// The anchor of a heading.
fn anchor(heading: &str) -> String {
    let letters = heading.trim().chars().flat_map(char::to_lowercase);
    let kept = letters.filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# A `b` title\n\n[x](y.md#z) and `[n](o)`\n```console\n$ ls\n```\nend\n";

    #[test]
    fn blocks_headings_spans_and_links_are_told_apart() {
        let page = Page::parse("README.md".into(), TEXT);
        assert_eq!(
            page.block("console").map(|line| line.text.as_str()).collect::<Vec<_>>(),
            ["$ ls"]
        );
        assert_eq!(page.anchors(), ["a-b-title"]);
        let links: Vec<_> = page.prose().flat_map(Line::links).collect();
        assert_eq!(links, ["y.md#z"]);
        let spans: Vec<_> = page.prose().flat_map(Line::spans).collect();
        assert_eq!(spans, ["b", "[n](o)"]);
        assert!(page.is_manual());
    }

    #[test]
    fn numbers_count_from_one_and_fences_belong_to_no_language() {
        let page = Page::parse("a/b.md".into(), TEXT);
        assert_eq!(page.prose().last().map(|line| line.number), Some(7));
        assert!(!page.is_manual());
    }
}
