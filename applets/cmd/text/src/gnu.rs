//! Options of GNU's commands and ours: a table in `OPTIONS.md`, made of our definitions and of what the machine's own commands
//! print for `--help`.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Options of GNU's that are refused, and why.
const REFUSED: &[(&str, &str, &str)] = &[
    ("grep", "-P", "patterns of Perl's need an engine of their own"),
    ("grep", "--perl-regexp", "as -P"),
    ("sed", "--debug", "prints the internals of GNU sed"),
];

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

/// Names of a definition's options.
fn of_ours(command: &clap::Command) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for arg in command.get_arguments() {
        let shorts = arg.get_short().into_iter().chain(arg.get_all_short_aliases().unwrap_or_default());
        names.extend(shorts.map(|c| format!("-{c}")));
        let longs = arg.get_long().into_iter().chain(arg.get_all_aliases().unwrap_or_default());
        names.extend(longs.map(|long| format!("--{long}")));
    }
    names
}

#[test]
fn options_are_those_of_gnu() {
    // Forms that are no options of clap's: digits of grep's, the short -i of sed's, and help and version, which come by themselves.
    let others = [
        ("grep", "-NUM"),
        ("sed", "-i"),
        ("sed", "--help"),
        ("sed", "--version"),
        ("cmp", "--help"),
        ("grep", "--version"),
        ("grep", "-V"),
    ];
    let commands = [("cmp", super::compare::command()), ("grep", super::grep::command()), ("sed", super::sed::command())];
    let mut table = String::from(
        "# Options of GNU's commands\n\nMade by the test `gnu` of this crate.\n\n| command | option | here |\n|---|---|---|\n",
    );
    let (mut same, mut all) = (0, 0);
    for (name, command) in &commands {
        let Some(theirs) = of_gnu(name) else { return };
        let mut ours = of_ours(command);
        ours.extend(others.iter().filter(|(command, _)| command == name).map(|(_, option)| (*option).to_owned()));
        for option in theirs {
            let refused = REFUSED.iter().find(|(command, refused, _)| command == name && *refused == option);
            let here = match refused {
                Some((.., why)) => format!("refused: {why}"),
                None if ours.contains(&option) => "same".into(),
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
    assert_eq!(fs::read_to_string(&path).unwrap(), table, "UPDATE=1 cargo test -p text writes it anew");
}
