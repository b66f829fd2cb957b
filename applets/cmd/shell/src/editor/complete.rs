//! Candidates for Tab: commands, files, variables, and options of the programs in this binary.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

use crate::ast::Bytes;
use crate::shell::Shell;

/// Candidates for the word at a place in a line.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Offers {
    /// Begin of the word, in bytes.
    pub start: usize,
    /// Bytes that each candidate replaces.
    pub replaces: usize,
    /// The candidates, quoted as needed and closed with a space or a slash.
    pub words: Vec<String>,
}

/// Bytes that end a word.
const ENDS: &[u8] = b" \t;&|<>(){}`=:";
/// Bytes behind which a command begins.
const BEGINS: &[u8] = b";&|({`";

/// The candidates for the word that ends at byte `at`.
pub fn complete(shell: &mut Shell, line: &str, at: usize) -> Offers {
    let before = line.as_bytes().get(..at).unwrap_or_default();
    let start = word_start(before);
    let word = unescaped(before.get(start..).unwrap_or_default());
    let head = before.get(..start).unwrap_or_default().trim_ascii_end();
    let first = head.is_empty() || head.last().is_some_and(|byte| BEGINS.contains(byte));
    let mut words = if let Some(prefix) = word.strip_prefix(b"$") {
        let names = shell.vars.iter().filter(|(name, _)| name.starts_with(prefix));
        names.map(|(name, _)| format!("${} ", String::from_utf8_lossy(name))).collect()
    } else if word.starts_with(b"-") && !first {
        options(shell, head, &word)
    } else if first && !word.contains(&b'/') {
        let mut names = names(shell, b"command", &word);
        names.extend(directories(&word));
        names.iter().map(|name| finish(name)).collect()
    } else {
        files(shell, &word).iter().map(|name| finish(name)).collect::<Vec<_>>()
    };
    words.sort_unstable();
    words.dedup();
    Offers { start, replaces: before.len() - start, words }
}

fn word_start(before: &[u8]) -> usize {
    let mut at = before.len();
    while at > 0 {
        let escaped = at > 1 && before.get(at - 2) == Some(&b'\\');
        if before.get(at - 1).is_some_and(|byte| ENDS.contains(byte)) && !escaped {
            break;
        }
        at -= 1;
    }
    at
}

fn unescaped(word: &[u8]) -> Bytes {
    let mut text = Bytes::new();
    let mut bytes = word.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => text.extend(bytes.next()),
            b'"' | b'\'' => {}
            _ => text.push(*byte),
        }
    }
    text
}

/// A candidate as it is put into the line.
fn finish(name: &[u8]) -> String {
    let (bare, end) = match name.strip_suffix(b"/") {
        Some(bare) => (bare, "/"),
        None => (name, " "),
    };
    if bare.is_empty() {
        return end.into();
    }
    let (tilde, bare) = match bare.strip_prefix(b"~") {
        Some(rest) => ("~", rest),
        None => ("", bare),
    };
    let quoted = if bare.is_empty() { Bytes::new() } else { crate::expand::escape::backslashed(bare) };
    format!("{tilde}{}{end}", String::from_utf8_lossy(&quoted))
}

/// Names of a kind, as `compgen -A` has them.
pub fn names(shell: &Shell, kind: &[u8], prefix: &[u8]) -> Vec<Bytes> {
    let mut all: BTreeSet<Bytes> = BTreeSet::new();
    let command = kind == b"command";
    if command || kind == b"alias" {
        all.extend(shell.settings.aliases.borrow().keys().cloned());
    }
    if command || kind == b"function" {
        all.extend(shell.functions.keys().cloned());
    }
    if command || kind == b"builtin" {
        all.extend(crate::builtins::ALL.iter().map(|builtin| builtin.name.as_bytes().to_vec()));
    }
    if kind == b"variable" {
        all.extend(shell.vars.iter().map(|(name, _)| name.clone()));
    }
    if kind == b"file" || kind == b"directory" {
        let found = files(shell, prefix).into_iter();
        let wanted = found.filter(|name| kind == b"file" || name.ends_with(b"/"));
        all.extend(wanted.map(|name| name.strip_suffix(b"/").map_or(name.clone(), <[u8]>::to_vec)));
    }
    if command {
        let path = shell.vars.text(b"PATH").cloned().unwrap_or_default();
        for directory in path.split(|byte| *byte == b':').filter(|directory| !directory.is_empty()) {
            let Ok(entries) = fs::read_dir(OsStr::from_bytes(directory)) else { continue };
            let fits = entries.flatten().map(|entry| entry.file_name().into_vec());
            all.extend(fits.filter(|name| name.starts_with(prefix)));
        }
    }
    all.into_iter().filter(|name| name.starts_with(prefix)).collect()
}

/// Directories here, where a command may stand.
fn directories(prefix: &[u8]) -> Vec<Bytes> {
    if prefix.is_empty() { Vec::new() } else { listed(b".", b"", prefix, true) }
}

/// Files that begin so; directories end in a slash.
fn files(shell: &Shell, word: &[u8]) -> Vec<Bytes> {
    let at = word.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
    let (shown, prefix) = word.split_at(at);
    let home = shell.vars.text(b"HOME").filter(|_| shown.starts_with(b"~/"));
    let directory = match (home, shown) {
        (Some(home), _) => [home.as_slice(), &shown[1..]].concat(),
        (None, b"") => b".".to_vec(),
        (None, shown) => shown.to_vec(),
    };
    listed(&directory, shown, prefix, false)
}

fn listed(directory: &[u8], shown: &[u8], prefix: &[u8], only_directories: bool) -> Vec<Bytes> {
    let Ok(entries) = fs::read_dir(OsStr::from_bytes(directory)) else { return Vec::new() };
    let mut all = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name().into_vec();
        if !name.starts_with(prefix) || name.starts_with(b".") && !prefix.starts_with(b".") {
            continue;
        }
        let is_directory = fs::metadata(entry.path()).is_ok_and(|found| found.is_dir());
        if is_directory || !only_directories {
            let end: &[u8] = if is_directory { b"/" } else { b"" };
            all.push([shown, &name, end].concat());
        }
    }
    all
}

/// Options that a program of this binary lists in its help. Other programs are not started for that.
fn options(shell: &Shell, head: &[u8], prefix: &[u8]) -> Vec<String> {
    let start = head.iter().rposition(|byte| BEGINS.contains(byte)).map_or(0, |at| at + 1);
    let words = head.get(start..).unwrap_or_default().split(u8::is_ascii_whitespace);
    let name = words.filter(|word| !word.is_empty()).find(|word| !word.contains(&b'=')).unwrap_or_default();
    let Some(path) = shell.in_path(name, None) else { return Vec::new() };
    let same = |a: fs::Metadata, b: fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
    let ours = match (fs::metadata(OsStr::from_bytes(&path)), fs::metadata("/proc/self/exe")) {
        (Ok(a), Ok(b)) => same(a, b),
        _ => false,
    };
    if !ours {
        return Vec::new();
    }
    let help = Command::new(OsStr::from_bytes(&path)).arg("--help").stdin(Stdio::null()).stderr(Stdio::null()).output();
    let text = help.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let prefix = String::from_utf8_lossy(prefix).into_owned();
    let option = |word: &str| {
        let end = word.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(word.len());
        word[..end].to_owned()
    };
    text.split_whitespace()
        .filter(|word| word.starts_with('-') && word.len() > 1)
        .map(option)
        .filter(|word| word.starts_with(&prefix) && word.len() > 1)
        .map(|word| format!("{word} "))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn begins_of_words() {
        assert_eq!(word_start(b"cat /etc"), 4);
        assert_eq!(word_start(b"a;b"), 2);
        assert_eq!(word_start(br"cat a\ b"), 4);
        assert_eq!(word_start(b"x=/e"), 2);
    }

    #[test]
    fn candidates_are_quoted() {
        assert_eq!(finish(b"a b"), "a\\ b ");
        assert_eq!(finish(b"etc/"), "etc/");
        assert_eq!(finish(b"~/x"), "~/x ");
    }

    #[test]
    fn variables_and_builtins() {
        let mut shell = Shell::new(b"sh".to_vec(), true);
        shell.vars.set(b"LONG_NAME", b"x".to_vec());
        assert_eq!(complete(&mut shell, "echo $LONG", 10).words, ["$LONG_NAME "]);
        assert!(complete(&mut shell, "expo", 4).words.contains(&"export ".to_owned()));
    }
}
