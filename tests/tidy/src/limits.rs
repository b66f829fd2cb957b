//! Exceptions that are left of before the rules: `limits.toml`.

use std::collections::BTreeMap;
use std::path::Path;

use kit::{Context, Result};
use serde::Deserialize;

/// The file's tables, by name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Arrows that the floors do not allow (`from to`), and why.
    pub arrows: BTreeMap<String, String>,
    /// Files in circles, by crate.
    pub circles: BTreeMap<String, usize>,
    /// Long functions (`path function`), and why.
    pub functions: BTreeMap<String, String>,
    /// Long files, and why.
    pub files: BTreeMap<String, String>,
}

/// Reads them.
pub fn load(repository: &Path) -> Result<Limits> {
    let path = repository.join("tests/tidy/limits.toml");
    let text = std::fs::read_to_string(&path).on("read", &path)?;
    toml::from_str(&text).on("read", &path)
}

/// Compares numbers by crate with their limits; what has none has the limit 0. A limit of what is gone is a complaint, too.
pub fn compare(found: &BTreeMap<String, usize>, limits: &BTreeMap<String, usize>, what: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for (name, count) in found {
        let limit = limits.get(name).copied().unwrap_or(0);
        if *count > limit {
            complaints.push(format!("{name} = {count}: {what}, {limit} are allowed"));
        }
    }
    let gone = limits.keys().filter(|name| found.get(*name).copied().unwrap_or(0) == 0);
    complaints.extend(gone.map(|name| format!("{name}: it has none any more, so limits.toml needs no line for it")));
    complaints
}

/// Compares names with those that have a reason.
pub fn listed(found: &[String], reasons: &BTreeMap<String, String>, what: &str) -> Vec<String> {
    let new = found.iter().filter(|name| !reasons.contains_key(*name)).map(|name| format!("{name}: {what}"));
    let gone = reasons.keys().filter(|name| !found.contains(*name));
    new.chain(gone.map(|name| format!("{name}: limits.toml needs no line for it any more"))).collect()
}
