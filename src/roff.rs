//! Manuals as pages for another system's `man`, in man(7)'s form.

use std::path::{Path, PathBuf};

use kit::{Applet, Place};

use crate::manual::Manual;

/// Returns the section of an applet's page.
const fn section(applet: &Applet) -> u8 {
    if matches!(applet.place, Place::Sbin | Place::Root) { 8 } else { 1 }
}

/// Returns the path of an applet's page below the directory: `man1/NAME.1`, and `man8/NAME.8` for
/// commands in /sbin; that of a command without a link is `man1/kutties-NAME.1`.
pub fn file(applet: &Applet) -> PathBuf {
    let (section, name) = (section(applet), applet.name);
    let prefix = if applet.place.dir().is_some() { "" } else { "kutties-" };
    Path::new(&format!("man{section}")).join(format!("{prefix}{name}.{section}"))
}

/// Returns the page in man(7)'s form.
pub fn page(applet: &Applet, manual: &Manual) -> String {
    let title = escaped(&manual.call.replace(' ', "-")).to_uppercase();
    let mut text = format!(".TH \"{title}\" {} \"\" \"kutties {}\" \"kutties\"\n", section(applet), kit::version());
    text.extend([".SH NAME\n", &escaped(&manual.call), " \\- ", &escaped(manual.about), "\n"]);
    if let Some(description) = manual.description {
        text.push_str(".SH DESCRIPTION\n");
        description.split("\n\n").for_each(|block| paragraph(&mut text, block));
    }
    if !manual.help.is_empty() {
        text.push_str(".SH OPTIONS\n");
        literal(&mut text, &manual.help);
    }
    text
}

/// Adds a paragraph: a list of items, prose, or lines that stay as they are.
fn paragraph(text: &mut String, block: &str) {
    if block.starts_with("* ") {
        for line in block.lines() {
            match line.strip_prefix("* ") {
                Some(item) => text.extend([".IP \\(bu 2\n", &prose(item), "\n"]),
                None => text.extend([prose(line.trim_start()).as_str(), "\n"]),
            }
        }
    } else if block.starts_with([' ', '|']) || block.starts_with("Usage:") || block.starts_with("```") || block.contains("\n ") {
        literal(text, block);
    } else {
        begin(text);
        block.lines().for_each(|line| text.extend([prose(line).as_str(), "\n"]));
    }
}

/// Begins a paragraph; below a heading there is one already.
fn begin(text: &mut String) {
    if !text.lines().next_back().is_some_and(|line| line.starts_with(".SH ")) {
        text.push_str(".PP\n");
    }
}

/// Adds lines that stay as they are.
fn literal(text: &mut String, lines: &str) {
    begin(text);
    text.push_str(".nf\n");
    lines.lines().for_each(|line| text.extend([escaped(line).as_str(), "\n"]));
    text.push_str(".fi\n");
}

/// Returns a line of prose, with code between backquotes in bold.
fn prose(line: &str) -> String {
    let parts: Vec<&str> = line.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return escaped(line);
    }
    let bold = parts.iter().enumerate().map(|(at, part)| {
        let part = plain(part);
        if at % 2 == 0 { part } else { format!("\\fB{part}\\fR") }
    });
    protected(bold.collect())
}

/// Returns a line without meaning for roff.
fn escaped(line: &str) -> String {
    protected(plain(line))
}

/// Returns a text in which no character but a point or an apostrophe at the begin has a meaning.
fn plain(text: &str) -> String {
    text.chars().fold(String::new(), |all, c| match c {
        '\\' => all + "\\e",
        '-' => all + "\\-",
        c if c.is_ascii() => format!("{all}{c}"),
        c => format!("{all}\\[u{:04X}]", u32::from(c)),
    })
}

/// Protects a point or an apostrophe at the line's begin, which would make it a request.
fn protected(line: String) -> String {
    if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applet(place: Place) -> Applet {
        Applet { name: "x-y", about: "do x", place, run: |_| Ok(kit::Exit::OK) }
    }

    #[test]
    fn a_page_has_its_place() {
        for (place, path) in [
            (Place::Bin, "man1/x-y.1"),
            (Place::Sbin, "man8/x-y.8"),
            (Place::Node, "man1/kutties-x-y.1"),
            (Place::Hidden, "man1/kutties-x-y.1"),
        ] {
            assert_eq!(file(&applet(place)), Path::new(path));
        }
    }

    #[test]
    fn a_page_is_roff() {
        let description =
            "`x-y`: does x.\n\nUsage: x-y [-a]\n       x-y -b\n\n* one\n  more\n* two `c`\n\n.profile is read.\n'\\'";
        let manual =
            Manual { call: "x-y".into(), about: "do x", description: Some(description), help: "Options:\n  -a\n".into() };
        let page = page(&applet(Place::Bin), &manual);
        let body = page.split_once(".SH NAME\n").map_or("", |(_, body)| body);
        assert!(page.starts_with(".TH \"X\\-Y\" 1 \"\" \"kutties "), "{page}");
        assert_eq!(
            body,
            "x\\-y \\- do x\n.SH DESCRIPTION\n\\fBx\\-y\\fR: does x.\n.PP\n.nf\nUsage: x\\-y [\\-a]\n       x\\-y \\-b\n.fi\n\
             .IP \\(bu 2\none\nmore\n.IP \\(bu 2\ntwo \\fBc\\fR\n.PP\n\\&.profile is read.\n\\&'\\e'\n\
             .SH OPTIONS\n.nf\nOptions:\n  \\-a\n.fi\n"
        );
    }
}
