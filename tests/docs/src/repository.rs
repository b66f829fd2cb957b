//! The repository as the checks see it: its Markdown files, and texts that are looked up.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::page::Page;

/// Directories that hold no documentation of ours.
const SKIPPED: &[&str] = &["target", "out", ".git", "node_modules"];

/// All Markdown files of the repository.
pub struct Repository {
    /// Its root.
    pub root: PathBuf,
    /// Its pages, sorted by path.
    pub pages: Vec<Page>,
}

/// A mistake at a line of a page.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    /// Path of the page below the root.
    pub path: PathBuf,
    /// Number of the line, from 1.
    pub line: usize,
    /// The mistake, and what it concerns.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path.display(), self.line, self.text)
    }
}

impl Repository {
    /// Reads it, from the place of this crate.
    pub fn read() -> Result<Self, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let root = root.canonicalize().map_err(|e| format!("find {}: {e}", root.display()))?;
        let mut paths = Vec::new();
        find(&root, "md", &mut paths)?;
        paths.sort();
        let mut pages = Vec::new();
        for path in paths {
            let name = path.strip_prefix(&root).unwrap_or(&path).to_path_buf();
            pages.push(Page::parse(name, &text(&path)?));
        }
        Ok(Self { root, pages })
    }

    /// Pages that people read first: those at the root, and the book's.
    pub fn manual(&self) -> impl Iterator<Item = &Page> {
        self.pages.iter().filter(|page| page.is_manual())
    }

    /// Text of a file that a check needs; an empty one when it cannot be read, which then is found
    /// by each lookup in it.
    pub fn text(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap_or_default()
    }

    /// Text of all Rust sources below a directory.
    pub fn sources(&self, directory: &str) -> String {
        let mut paths = Vec::new();
        if find(&self.root.join(directory), "rs", &mut paths).is_err() {
            return String::new();
        }
        paths.iter().filter_map(|path| fs::read_to_string(path).ok()).collect()
    }
}

fn text(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|e| format!("read {}: {e}", path.display()))
}

/// Adds all files with that extension below a directory.
fn find(directory: &Path, extension: &str, paths: &mut Vec<PathBuf>) -> Result<(), String> {
    let entries =
        fs::read_dir(directory).map_err(|e| format!("list {}: {e}", directory.display()))?;
    for entry in entries {
        let path = entry.map_err(|e| format!("list {}: {e}", directory.display()))?.path();
        let skipped =
            path.file_name().is_some_and(|name| SKIPPED.iter().any(|skipped| name == *skipped));
        if path.is_symlink() || skipped {
            continue;
        }
        if path.is_dir() {
            find(&path, extension, paths)?;
        } else if path.extension().is_some_and(|found| found == extension) {
            paths.push(path);
        }
    }
    Ok(())
}
