//! Paths of the repository in text, and the width of lines.

use crate::repository::{Problem, Repository};

/// First parts of paths that are checked.
const TOP: &[&str] = &["applets/", "board/", "docs/", "firmware/", "initramfs/", "tests/"];
/// The widest line of text, in characters.
const COLUMNS: usize = 100;

/// Each path of the repository in a code span exists. Names with placeholders are left out.
pub fn check(repository: &Repository) -> Vec<Problem> {
    let mut problems = Vec::new();
    for page in repository.manual() {
        for line in page.prose() {
            let paths = line.spans().into_iter().filter(|span| is_path(span));
            let missing = paths.filter(|path| !repository.root.join(path).exists());
            problems.extend(missing.map(|path| page.problem(line, format!("there is no {path}"))));
        }
    }
    problems
}

fn is_path(span: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
    let placeholder = |part: &str| part.len() > 2 && part.chars().all(char::is_uppercase);
    let parts: Vec<&str> = span.split(['/', '.', '-', '_']).collect();
    let placed =
        span.split('/').any(|name| placeholder(name.split('.').next().unwrap_or_default()));
    // The file of a case, whose name stands for a command, and real files in capitals.
    let named = ["README", "CVES"].iter().any(|name| parts.contains(name));
    TOP.iter().any(|top| span.starts_with(top)) && span.chars().all(plain) && (named || !placed)
}

/// Lines of text are not wider than others may read them. Tables are.
pub fn columns(repository: &Repository) -> Vec<Problem> {
    let mut problems = Vec::new();
    for page in repository.manual() {
        let wide = |text: &str| {
            text.chars().count() > COLUMNS && !text.starts_with('|') && !text.starts_with("<!--")
        };
        let lines = page.prose().filter(|line| wide(&line.text));
        problems
            .extend(lines.map(|line| page.problem(line, format!("more than {COLUMNS} columns"))));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_and_patterns_are_no_paths() {
        assert!(is_path("applets/lib/kit/src/own.rs") && is_path("firmware/README.md"));
        assert!(!is_path("applets/cmd/NAME/src/lib.rs") && !is_path("tests/cases/NAME.toml"));
        assert!(!is_path("board/*.toml") && !is_path("out/x86_64-pc/disk.img"));
    }
}
