//! Options of GNU's commands and ours: a table in `OPTIONS.md`, made of our definitions and of what the machine's own commands
//! print for `--help`.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Options of GNU's that are refused, and why.
const REFUSED: &[(&str, &str, &str)] =
    &[("find", "-context", "there is no SELinux on a node"), ("find", "-D", "prints the internals of GNU find")];

/// Options that GNU's help names in the first column: `-x`, `--long`.
fn of_gnu(command: &str) -> Option<BTreeSet<String>> {
    let output = Command::new(command).arg("--help").env("LC_ALL", "C").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !text.contains("gnu.org") {
        return None;
    }
    let head = |line: &str| line.trim_start().split("  ").next().unwrap_or_default().to_owned();
    let lines = text.lines().filter(|line| line.trim_start().starts_with('-')).map(head);
    let words = lines.flat_map(|line| line.split([',', ' ']).map(str::to_owned).collect::<Vec<_>>());
    let name = |word: String| {
        let end = word.find(['=', '[']).unwrap_or(word.len());
        let name = word[..end].to_owned();
        (name.len() > 1 && name.starts_with('-') && name != "--").then_some(name)
    };
    Some(words.filter_map(name).collect())
}

/// Words that GNU find's help names anywhere.
fn of_gnu_find() -> Option<BTreeSet<String>> {
    of_gnu("find")?;
    let output = Command::new("find").arg("--help").env("LC_ALL", "C").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let words = text.split_whitespace().map(|word| word.trim_matches(|c| matches!(c, '[' | ']' | ';' | ':' | '.' | '\'')));
    let is_word =
        |word: &&str| *word != "-N" && word.starts_with('-') && word[1..].starts_with(|c: char| c.is_ascii_alphabetic());
    Some(words.filter(is_word).map(|word| if word == "-Olevel" { "-O" } else { word }.to_owned()).collect())
}

/// Tell if our find knows a word, whatever follows it.
fn find_knows(word: &str) -> bool {
    if ["-H", "-L", "-P", "-O", "-a", "-o", "-and", "-or", "-not"].contains(&word) {
        return true;
    }
    let words: Vec<std::ffi::OsString> = [word, "/dev/null", "/dev/null", ";"].iter().map(Into::into).collect();
    let parsed = crate::find::parse_words(&words);
    parsed.err().is_none_or(|e| !e.to_string().ends_with(&format!("no such test or action: {word}")))
}

#[test]
fn options_are_those_of_gnu() {
    let mut table = String::from(
        "# Options of GNU's commands\n\nMade by the test `gnu` of this crate.\n\n| command | option | here |\n|---|---|---|\n",
    );
    let (mut same, mut all) = (0, 0);
    let ours = crate::xargs::names();
    for name in ["find", "xargs"] {
        let theirs = if name == "find" { of_gnu_find() } else { of_gnu(name) };
        let Some(theirs) = theirs else { return };
        for option in theirs {
            let known = if name == "find" { find_knows(&option) } else { ours.contains(&option) };
            let refused = REFUSED.iter().find(|(command, refused, _)| *command == name && *refused == option);
            let here = match refused {
                Some((.., why)) => format!("refused: {why}"),
                None if known => "same".into(),
                None => "not yet".into(),
            };
            assert_ne!(here, "not yet", "{name} {option}");
            all += 1;
            same += usize::from(here == "same");
            table.extend([format!("| {name} | `{option}` | {here} |\n")]);
        }
    }
    assert!(same * 100 >= all * 95, "{same} of {all} options are the same");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("OPTIONS.md");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &table).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), table, "UPDATE=1 cargo test -p coreutils writes it anew");
}
