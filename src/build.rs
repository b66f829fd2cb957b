//! Build script: collects the manuals, which are the head comments of the applets' sources.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Begin of an applet's record in a source file, blanks left out.
const RECORD: &str = "Applet{name:\"";

fn main() -> io::Result<()> {
    let mut sources = Vec::new();
    for directory in ["applets", "src"] {
        println!("cargo::rerun-if-changed={directory}");
        collect(Path::new(directory), &mut sources)?;
    }
    sources.sort();
    let mut manuals: BTreeMap<String, String> = BTreeMap::new();
    for path in sources {
        let source = fs::read_to_string(&path)?;
        let manual = head(&source);
        for name in names(without_tests(&source)) {
            manuals.entry(name).or_insert_with(|| manual.clone());
        }
    }
    let mut table = String::from("&[\n");
    for (name, manual) in manuals {
        // Writing to a string can't fail.
        let _ = writeln!(table, "    ({name:?}, {manual:?}),");
    }
    table.push_str("]\n");
    let directory = std::env::var_os("OUT_DIR").map(PathBuf::from).ok_or_else(|| io::Error::other("OUT_DIR is not set"))?;
    fs::write(directory.join("manuals.rs"), table)
}

fn collect(directory: &Path, sources: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.ends_with("examples") || path.ends_with("tests") {
            continue;
        }
        if path.is_dir() {
            collect(&path, sources)?;
        } else if path.extension().is_some_and(|end| end == "rs") {
            sources.push(path);
        }
    }
    Ok(())
}

/// Comment at the top of a file, without its marks.
fn head(source: &str) -> String {
    let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

/// Source in front of its unit tests.
fn without_tests(source: &str) -> &str {
    source.split_once("#[cfg(test)]").map_or(source, |(code, _)| code)
}

/// Calls of the applets whose records are in a file: `NAME`, or `kutties NAME` for one without a
/// link, which may have the name of another.
fn names(source: &str) -> Vec<String> {
    let plain: String = source.split_whitespace().collect();
    plain.split(RECORD).skip(1).filter_map(call).collect()
}

fn call(record: &str) -> Option<String> {
    let (name, rest) = record.split_once('"')?;
    let (_, place) = rest.split_once("place:Place::")?;
    let has_link = !place.starts_with("Node") && !place.starts_with("Hidden");
    Some(if has_link { name.to_owned() } else { format!("kutties {name}") })
}
