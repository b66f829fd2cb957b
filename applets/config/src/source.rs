//! Where values come from. A new source is one function and one row of [`SOURCES`].

use std::fs;
use std::path::{Path, PathBuf};

use kit::paths;

use crate::value::Value;
use crate::{Config, command_line};

/// What the sources read.
#[derive(Debug)]
pub struct Places {
    /// The folder with `board.toml` and the other `*.toml`.
    pub folder: PathBuf,
    /// The kernel's command line.
    pub command_line: String,
}

impl Default for Places {
    fn default() -> Self {
        Self { folder: paths::CONFIG.into(), command_line: fs::read_to_string("/proc/cmdline").unwrap_or_default() }
    }
}

/// Puts what it finds into the configuration.
type Source = fn(&Places, &mut Config);

/// In order of precedence: the later wins.
pub const SOURCES: &[Source] = &[board, files, words];

/// The name of the file that the board's builder writes.
const BOARD: &str = "board.toml";

fn board(places: &Places, config: &mut Config) {
    let path = places.folder.join(BOARD);
    if path.exists() {
        file(&path, config);
    }
}

fn files(places: &Places, config: &mut Config) {
    let Ok(entries) = fs::read_dir(&places.folder) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "toml") && path.file_name().is_some_and(|name| name != BOARD));
    paths.sort();
    for path in paths {
        file(&path, config);
    }
}

/// `kutties.KEY=VALUE`; without a value it means yes.
fn words(places: &Places, config: &mut Config) {
    for word in command_line::words(&places.command_line) {
        let Some(setting) = word.strip_prefix("kutties.") else { continue };
        let (name, value) = setting.split_once('=').unwrap_or((setting, "yes"));
        config.set(name, Value::One(value.to_owned()), "on the kernel's command line");
    }
}

fn file(path: &Path, config: &mut Config) {
    let read = fs::read_to_string(path).map_err(|e| e.to_string());
    let parsed = read.and_then(|text| text.parse::<toml::Table>().map_err(|e| e.message().to_owned()));
    match parsed {
        Ok(table) => flatten("", &table, &format!("in {}", path.display()), config),
        Err(why) => config.complain(format!("read {}: {why}", path.display())),
    }
}

/// Tables become dots.
fn flatten(prefix: &str, table: &toml::Table, source: &str, config: &mut Config) {
    for (name, value) in table {
        let name = format!("{prefix}{name}");
        match value {
            toml::Value::Table(inner) => flatten(&format!("{name}."), inner, source, config),
            other => match Value::from_toml(other) {
                Some(value) => config.set(&name, value, source),
                None => config.complain(format!("key {name} {source} must be a text, a number, yes or no, or a list of those")),
            },
        }
    }
}
