//! `man NAME`: shows the manual of a command, by `less` where standard output is a terminal.
//! `kutties docs DIRECTORY`: writes the manuals of all commands as pages for another system's `man`.
//!
//! Usage: man NAME
//!        man -k WORD
//!        kutties docs DIRECTORY
//!
//! NAME is that of a command, or `kutties-NAME` for a command of the node's own that has no link, such
//! as `man kutties-join`. With `-k` it lists the commands whose name or summary has the word.
//!
//! The pages are `man1/NAME.1`, and `man8/NAME.8` for commands in /sbin; commands without a link are
//! `man1/kutties-NAME.1`. CNI plugins have none.
//!
//! Example: write the pages and read one on another system.
//!
//!     kutties docs /tmp/man && man -M /tmp/man grep

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use clap::Parser;
use kit::fs::{self, Form};
use kit::{Applet, Context, Error, Exit, Place, Result, out};

use crate::manual::{Manual, SELF};
use crate::{registry, roff};

/// The table of this file.
pub const APPLETS: &[Applet] = &[
    Applet { name: "docs", about: "write the manuals as man pages", place: Place::Node, run: docs },
    Applet { name: "man", about: "show the manual of a command", place: Place::Bin, run },
];

#[derive(Parser)]
struct Options {
    /// List the commands whose name or summary has the word
    #[arg(short = 'k', long = "apropos", value_name = "WORD", conflicts_with = "name")]
    word: Option<String>,
    /// Command
    #[arg(required_unless_present = "word")]
    name: Option<String>,
}

#[derive(Parser)]
struct DocsOptions {
    /// Directory to write into; it is made when it is missing
    directory: PathBuf,
}

fn docs(args: &[OsString]) -> Result<Exit> {
    let options: DocsOptions = kit::parse(&APPLETS[0], args)?;
    for applet in registry::all().filter(|applet| applet.place != Place::Cni) {
        let path = options.directory.join(roff::file(applet));
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory).on("make", directory)?;
        }
        fs::replace(&path, roff::page(applet, &Manual::of(applet)?).as_bytes(), Form::PLAIN)?;
    }
    Ok(Exit::OK)
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&APPLETS[1], args)?;
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
    let Some(applet) = find(name) else {
        return Err(Error::new(format!("no command {name}; man -k WORD looks for one")));
    };
    Manual::of(applet).map(|manual| manual.text())
}

/// Returns the applet of that name; a linked one comes before a command of the node's own, which
/// `kutties-NAME` means.
fn find(name: &str) -> Option<&'static Applet> {
    if let Some(own) = name.strip_prefix("kutties-") {
        return registry::all().find(|applet| applet.place.dir().is_none() && applet.name == own);
    }
    registry::find(name).or_else(|| registry::find_by_argument(name)).or_else(|| registry::all().find(|a| a.name == name))
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
    fn a_name_is_the_link_s_before_the_node_s() {
        let place = |name: &str| find(name).map(|applet| applet.place);
        assert_eq!(
            (place("join"), place("kutties-join"), place("run")),
            (Some(Place::Bin), Some(Place::Node), Some(Place::Node))
        );
        assert!(place("kutties-ls").is_none() && place("no-such-command").is_none());
    }

    #[test]
    fn each_manual_has_a_page_of_its_own() {
        let mut files: Vec<PathBuf> = registry::all().filter(|applet| applet.place != Place::Cni).map(roff::file).collect();
        let count = files.len();
        files.sort();
        files.dedup();
        assert_eq!(files.len(), count);
    }

    #[test]
    fn a_word_finds_commands() {
        assert!(found("manual").unwrap().contains("\nman "));
        assert!(found("no-such-word-anywhere").is_err());
    }
}
