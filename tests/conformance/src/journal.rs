//! Results of specs: lines of JSON that the program appends, in a file that outlives a run, so that
//! the next one goes on where it stopped.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use kit::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

/// Result of one spec.
#[derive(Debug, Clone, Deserialize, PartialEq)]
pub struct Entry {
    /// The spec's full name.
    pub name: String,
    /// ginkgo's word for it: `passed`, `skipped`, `failed`, `timedout`, `panicked`, `interrupted`, `aborted`.
    pub state: String,
    /// Duration in seconds.
    #[serde(default)]
    pub seconds: f64,
    /// Message of a failure or a skip.
    #[serde(default)]
    pub message: String,
    /// Place of the failure in upstream's source.
    #[serde(default)]
    pub place: String,
    /// All that it said, if it failed.
    #[serde(default)]
    pub said: String,
}

impl Entry {
    /// Tells if it passed.
    pub fn passed(&self) -> bool {
        self.state == "passed"
    }

    /// Tells if it ended because the whole run did, which says nothing of the node.
    pub fn cut_off(&self) -> bool {
        matches!(self.state.as_str(), "interrupted" | "aborted")
    }
}

/// The file.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    /// Number of bytes that were read.
    read: usize,
}

impl Journal {
    /// The specs that passed with the build of this mark, or, if `any`, with whichever. The file stays as it is: another
    /// run may be writing to it.
    pub fn passed(path: &Path, built: &str, any: bool) -> BTreeMap<String, Entry> {
        let text = fs::read_to_string(path).unwrap_or_default();
        let same = text.lines().next().is_some_and(|first| decode(first).is_some_and(|line| line["built"] == built));
        if !same && !any {
            return BTreeMap::new();
        }
        entries(&text).filter(Entry::passed).map(|entry| (entry.name.clone(), entry)).collect()
    }

    /// Begins a run of the build with this mark: what passed stays in the file, all else goes.
    pub fn begin(path: &Path, built: &str, passed: &BTreeMap<String, Entry>) -> Result<Self> {
        let head = json!({ "built": built }).to_string();
        let lines = passed
            .values()
            .map(|entry| json!({ "name": entry.name, "state": entry.state, "seconds": entry.seconds }).to_string());
        let text: String = std::iter::once(head).chain(lines).map(|line| line + "\n").collect();
        fs::write(path, &text).on("write", path)?;
        Ok(Self { path: path.to_owned(), read: text.len() })
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the entries that were appended since the last call.
    pub fn news(&mut self) -> Result<Vec<Entry>> {
        let bytes = fs::read(&self.path).on("read", &self.path)?;
        let fresh = bytes.get(self.read..).unwrap_or_default();
        // The last line may be half written.
        let whole = fresh.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        self.read += whole;
        Ok(entries(&String::from_utf8_lossy(&fresh[..whole])).collect())
    }
}

fn entries(text: &str) -> impl Iterator<Item = Entry> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok())
}

fn decode(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::io::Write;

    #[test]
    fn a_run_goes_on_where_the_last_one_stopped() {
        let path = std::env::temp_dir().join(format!("kutties-journal-{}", std::process::id()));
        let _ = fs::remove_file(&path);
        assert!(Journal::passed(&path, "one", false).is_empty());
        let mut journal = Journal::begin(&path, "one", &BTreeMap::new()).unwrap();
        assert!(journal.news().unwrap().is_empty());
        let mut file = fs::File::options().append(true).open(&path).unwrap();
        writeln!(file, r#"{{"name": "a", "state": "passed", "seconds": 2.5}}"#).unwrap();
        write!(file, r#"{{"name": "b", "state": "fai"#).unwrap();
        let news = journal.news().unwrap();
        assert_eq!((news.len(), news[0].name.as_str(), news[0].passed()), (1, "a", true));
        writeln!(file, r#"led", "message": "no"}}"#).unwrap();
        assert_eq!(journal.news().unwrap()[0].message, "no");
        let passed = Journal::passed(&path, "one", false);
        assert_eq!(passed.keys().collect::<Vec<_>>(), ["a"]);
        assert!(journal.news().unwrap().is_empty(), "a look changed the file");
        assert!(Journal::passed(&path, "two", false).is_empty());
        assert_eq!(Journal::passed(&path, "two", true).len(), 1);
        assert!(Journal::begin(&path, "two", &passed).unwrap().news().unwrap().is_empty());
        assert_eq!(Journal::passed(&path, "two", false).keys().collect::<Vec<_>>(), ["a"]);
        fs::remove_file(&path).unwrap();
    }
}
