//! Manual of an applet: its name, its summary, the head comment of its source, and its `--help`.

use std::fmt::Write as _;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use kit::{Applet, Context, Result};

/// The running program.
pub const SELF: &str = "/proc/self/exe";
/// Head comments of the applets' sources by the applets' calls, sorted.
const MANUALS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/manuals.rs"));

/// Manual of one applet.
pub struct Manual {
    /// Words by which it is called.
    pub call: String,
    /// Summary in a few words.
    pub about: &'static str,
    /// Head comment of its source, if it has one.
    pub description: Option<&'static str>,
    /// Output of `--help`.
    pub help: String,
}

impl Manual {
    /// Reads the manual of an applet; it asks the applet for its help in a process of its own,
    /// because those of uutils print it themselves.
    pub fn of(applet: &Applet) -> Result<Self> {
        let mut command = Command::new(SELF);
        match applet.place.dir() {
            Some(_) => command.arg0(applet.name).arg("--help"),
            None => command.args([applet.name, "--help"]),
        };
        let output = command.stdin(Stdio::null()).output().on("run", SELF)?;
        let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
        let call = call(applet);
        Ok(Self { about: applet.about, description: description(&call), call, help: String::from_utf8_lossy(&text).into_owned() })
    }

    /// Returns the manual as a text for a terminal.
    pub fn text(&self) -> String {
        let mut text = format!("NAME\n    {} - {}\n", self.call, self.about);
        // Writing to a string can't fail.
        if let Some(description) = self.description {
            let _ = write!(text, "\nDESCRIPTION\n{}", indented(description));
        }
        if !self.help.is_empty() {
            let _ = write!(text, "\nOPTIONS\n{}", indented(&self.help));
        }
        text
    }
}

/// Returns the words by which an applet is called.
fn call(applet: &Applet) -> String {
    let prefix = if applet.place.dir().is_some() { "" } else { "kutties " };
    format!("{prefix}{}", applet.name)
}

/// Returns the head comment of the source of the applet that is called so.
fn description(call: &str) -> Option<&'static str> {
    let at = MANUALS.binary_search_by(|(known, _)| (*known).cmp(call)).ok()?;
    MANUALS.get(at).map(|(_, text)| *text)
}

fn indented(text: &str) -> String {
    text.lines().fold(String::new(), |all, line| if line.is_empty() { all + "\n" } else { format!("{all}    {line}\n") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry;

    #[test]
    fn manuals_are_sorted_and_of_applets() {
        assert!(MANUALS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        let unknown: Vec<&str> =
            MANUALS.iter().map(|(known, _)| *known).filter(|known| !registry::all().any(|a| call(a) == *known)).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        let of = |name: &str| description(name).unwrap_or_default();
        assert!(of("sed").contains("Addresses:") && of("man").contains("man -k WORD"));
        assert_eq!(of("grep"), of("egrep"));
        // `join` of lines is uutils', which has no head comment here.
        assert!(of("kutties join").contains("cluster") && of("join").is_empty());
    }

    #[test]
    fn a_manual_is_shown_with_its_sections() {
        let manual = Manual { call: "x".into(), about: "do x", description: Some("`x`: does x.\n\nMore."), help: "-a\n".into() };
        assert_eq!(manual.text(), "NAME\n    x - do x\n\nDESCRIPTION\n    `x`: does x.\n\n    More.\n\nOPTIONS\n    -a\n");
    }
}
