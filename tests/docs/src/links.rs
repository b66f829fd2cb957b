//! Links between pages, and the book's table of contents.

use std::path::{Component, Path, PathBuf};

use crate::page::{Line, Page};
use crate::repository::{Problem, Repository};

/// The book's table of contents.
const SUMMARY: &str = "docs/src/SUMMARY.md";
/// Directory of the book's pages.
const BOOK: &str = "docs/src";

/// Each relative link leads to a file, and its anchor to a heading.
pub fn check(repository: &Repository) -> Vec<Problem> {
    let mut problems = Vec::new();
    for page in &repository.pages {
        for line in page.prose() {
            problems.extend(
                line.links().into_iter().filter_map(|link| broken(repository, page, line, link)),
            );
        }
    }
    problems
}

fn broken(repository: &Repository, page: &Page, at: &Line, link: &str) -> Option<Problem> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if file.is_empty() { page.path.clone() } else { plain(&page.path, file) };
    if !repository.root.join(&target).exists() {
        return Some(page.problem(at, format!("the link {link} leads to no file")));
    }
    if page.path.starts_with(BOOK) && !target.starts_with(BOOK) {
        return Some(
            page.problem(
                at,
                format!("the link {link} leads out of the book: name the path instead"),
            ),
        );
    }
    let found = repository.pages.iter().find(|other| other.path == target);
    let heading =
        found.is_none_or(|other| anchor.is_empty() || other.anchors().iter().any(|a| a == anchor));
    (!heading).then(|| page.problem(at, format!("the link {link} leads to no heading")))
}

/// The path below the root to which a link of a page leads.
fn plain(page: &Path, link: &str) -> PathBuf {
    let mut path = page.parent().unwrap_or(Path::new("")).to_path_buf();
    for part in Path::new(link).components() {
        match part {
            Component::ParentDir => drop(path.pop()),
            Component::Normal(name) => path.push(name),
            _ => {}
        }
    }
    path
}

/// Each page of the book is in its table of contents.
pub fn contents(repository: &Repository) -> Vec<Problem> {
    let Some(summary) = repository.pages.iter().find(|page| page.path == Path::new(SUMMARY)) else {
        return vec![Problem {
            path: SUMMARY.into(),
            line: 1,
            text: "there is no table of contents".into(),
        }];
    };
    let listed: Vec<PathBuf> =
        summary.prose().flat_map(Line::links).map(|link| Path::new(BOOK).join(link)).collect();
    let pages = repository.pages.iter().map(|page| &page.path);
    let missing = pages.filter(|path| {
        path.starts_with(BOOK) && *path != Path::new(SUMMARY) && !listed.contains(path)
    });
    missing
        .map(|path| Problem {
            path: path.clone(),
            line: 1,
            text: "is not in the table of contents".into(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_relative_to_their_page() {
        assert_eq!(
            plain(Path::new("docs/src/how/boot.md"), "../disks.md"),
            Path::new("docs/src/disks.md")
        );
        assert_eq!(
            plain(Path::new("README.md"), "docs/src/disks.md"),
            Path::new("docs/src/disks.md")
        );
    }
}
