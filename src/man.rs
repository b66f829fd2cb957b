//! `man NAME`: shows the manual of a command, by `less` where standard output is a terminal.
//!
//! Usage: man NAME
//!        man -k WORD
//!
//! With `-k` it lists the commands whose name or summary has the word.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::process::{Command, Stdio};

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, out};

use crate::registry;

/// The table of this file.
pub const APPLETS: &[Applet] = &[Applet { name: "man", about: "show the manual of a command", place: Place::Bin, run }];

/// The running program.
const SELF: &str = "/proc/self/exe";
/// Manuals by the names of applets, sorted: the head comments of their sources.
const MANUALS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/manuals.rs"));

#[derive(Parser)]
struct Options {
    /// List the commands whose name or summary has the word
    #[arg(short = 'k', long = "apropos", value_name = "WORD", conflicts_with = "name")]
    word: Option<String>,
    /// Command
    #[arg(required_unless_present = "word")]
    name: Option<String>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&APPLETS[0], args)?;
    match (options.word, options.name) {
        (Some(word), _) => show(&found(&word)?),
        (None, Some(name)) => show(&page(&name)?),
        (None, None) => Err(Error::usage("name a command")),
    }
}

/// Commands whose name or summary has the word, a line each.
fn found(word: &str) -> Result<String> {
    let word = word.to_lowercase();
    let has = |applet: &&Applet| applet.name.contains(&word) || applet.about.to_lowercase().contains(&word);
    let lines: Vec<String> =
        registry::all().filter(has).map(|applet| format!("{:<16} {}\n", applet.name, applet.about)).collect();
    if lines.is_empty() {
        return Err(Error::new(format!("no command's name or summary has {word:?}")));
    }
    Ok(lines.concat())
}

/// Name and summary, the manual, and the options.
fn page(name: &str) -> Result<String> {
    let applet =
        registry::find(name).or_else(|| registry::find_by_argument(name)).or_else(|| registry::all().find(|a| a.name == name));
    let Some(applet) = applet else {
        return Err(Error::new(format!("no command {name}; man -k WORD looks for one")));
    };
    let call = if applet.place.dir().is_some() { "" } else { "kutties " };
    let mut text = format!("NAME\n    {call}{name} - {}\n", applet.about);
    if let Ok(at) = MANUALS.binary_search_by(|(known, _)| (*known).cmp(name)) {
        text.push_str("\nDESCRIPTION\n");
        for line in MANUALS[at].1.lines() {
            // Writing to a string can't fail.
            let _ = if line.is_empty() { writeln!(text) } else { writeln!(text, "    {line}") };
        }
    }
    let _ = write!(text, "\nOPTIONS\n{}", indented(&help(name)?));
    Ok(text)
}

/// Answer to `--help`, of the applet in a process of its own: those of uutils print it themselves.
fn help(name: &str) -> Result<String> {
    let output = Command::new(SELF).args([name, "--help"]).stdin(Stdio::null()).output().on("run", SELF)?;
    let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn indented(text: &str) -> String {
    text.lines().fold(String::new(), |all, line| if line.is_empty() { all + "\n" } else { format!("{all}    {line}\n") })
}

/// Writes a text, or shows it page by page on a terminal.
fn show(text: &str) -> Result<Exit> {
    if std::io::stdout().is_terminal() {
        let mut less = Command::new(SELF).arg("less").stdin(Stdio::piped()).spawn().doing("start less")?;
        if let Some(mut input) = less.stdin.take() {
            // A person who leaves the pager early wants no more of it.
            let _ = input.write_all(text.as_bytes());
        }
        less.wait().doing("wait for less")?;
        return Ok(Exit::OK);
    }
    let mut out = out();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).doing("write standard output")?;
    Ok(Exit::OK)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn manuals_are_sorted_and_of_applets() {
        assert!(MANUALS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        let unknown: Vec<&str> =
            MANUALS.iter().map(|(name, _)| *name).filter(|name| !registry::all().any(|a| a.name == *name)).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        let of = |name: &str| MANUALS.iter().find(|(known, _)| *known == name).unwrap().1;
        assert!(of("sed").contains("Addresses:") && of("man").contains("man -k WORD"));
        assert_eq!(of("grep"), of("egrep"));
    }

    #[test]
    fn a_word_finds_commands() {
        assert!(found("manual").unwrap().starts_with("man "));
        assert!(found("no-such-word-anywhere").is_err());
    }
}
