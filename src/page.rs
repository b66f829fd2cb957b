//! Reference page of the applets, `docs/src/reference/applets.md`: generated from the tables.
//!
//! `make docs WRITE=1` writes it; the test here compares.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fmt::Write;
use std::fs;
use std::path::Path;

use kit::{Applet, Place};

use crate::registry;

/// Text before the tables.
const HEAD: &str = "\
# Applets

<!-- Generated from the tables of applets by `make docs WRITE=1`. -->

An applet is a command of the one binary. It is called by a symbolic link of its name, or as
`kutties NAME`. `APPLET --help` lists the options of one, `kutties --list` the names, and
`kutties --install DIR` makes the links below a directory. GNU and POSIX names of options and exit
codes hold; an option that is not implemented is an error.
";

/// Sections: the places whose applets are in it, its heading, and its text.
const SECTIONS: &[(&[Place], &str, &str)] = &[
    (
        &[Place::Node, Place::Hidden],
        "Commands of the node",
        "Said behind `kutties`. They have no links: names such as `join` are commands as well.",
    ),
    (&[Place::Bin, Place::Sbin, Place::Root], "Commands with a link", "In /bin, /sbin and /."),
    (&[Place::Cni], "CNI plugins", "In /opt/cni/bin, for whoever sets `CNI_COMMAND`."),
];

/// The whole page.
fn page() -> String {
    let mut text = HEAD.to_owned();
    for (places, heading, about) in SECTIONS {
        let placed = registry::all().filter(|applet| places.contains(&applet.place));
        let mut applets: Vec<&Applet> = placed.collect();
        applets.sort_unstable_by_key(|applet| applet.name);
        writeln!(text, "\n## {heading}\n\n{about}\n").unwrap();
        writeln!(text, "| command | what it does |\n|---|---|").unwrap();
        for applet in applets {
            let about = applet.about.replace('|', "\\|").replace('<', "&lt;");
            writeln!(text, "| `{}` | {about} |", call(applet)).unwrap();
        }
    }
    text
}

/// The words by which an applet is called.
fn call(applet: &Applet) -> String {
    match applet.place {
        Place::Node | Place::Hidden => format!("kutties {}", applet.name),
        _ => applet.name.to_owned(),
    }
}

#[test]
fn the_reference_page_equals_the_tables() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src/reference/applets.md");
    let page = page();
    if std::env::var_os("KUTTIES_WRITE_PAGES").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == page, "{} is not current: make docs WRITE=1 writes it", path.display());
}

#[test]
fn each_applet_is_in_one_section() {
    for applet in registry::all() {
        let sections = SECTIONS.iter().filter(|(places, ..)| places.contains(&applet.place));
        assert_eq!(sections.count(), 1, "{}", applet.name);
    }
}
