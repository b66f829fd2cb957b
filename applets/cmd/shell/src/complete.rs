//! What Tab offers: brush's own completion of commands, files and variables.

use std::path::Path;

use brush_core::escape::{QuoteMode, quote_if_needed};
use brush_core::{Shell, ShellExtensions};
use tokio::runtime::Handle;

/// Candidates for the word at a place in a line.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Offers {
    /// Where the word begins, in bytes.
    pub start: usize,
    /// How many bytes each candidate replaces.
    pub replaces: usize,
    /// The candidates, quoted as needed and closed with a space or a slash.
    pub words: Vec<String>,
}

/// The candidates for the word that ends at byte `at`. None when completion itself goes wrong.
pub fn complete(shell: &mut Shell<impl ShellExtensions>, line: &str, at: usize) -> Offers {
    tokio::task::block_in_place(|| {
        let Ok(found) = Handle::current().block_on(shell.complete(line, at)) else { return Offers::default() };
        let folder = shell.working_dir().to_path_buf();
        let mut words: Vec<_> = found.candidates.iter().map(|c| finish(c, found.options.treat_as_filenames, &folder)).collect();
        words.sort_unstable();
        words.dedup();
        Offers { start: found.insertion_index, replaces: found.delete_count, words }
    })
}

/// A candidate as it is put into the line.
fn finish(candidate: &str, is_file: bool, folder: &Path) -> String {
    let bare = candidate.trim_end_matches('/');
    if !is_file {
        return format!("{candidate} ");
    }
    let end = if folder.join(candidate).is_dir() { '/' } else { ' ' };
    format!("{}{end}", quote_if_needed(if bare.is_empty() { candidate } else { bare }, QuoteMode::BackslashEscape))
}
