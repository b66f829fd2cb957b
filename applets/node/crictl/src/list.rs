//! Common parts of the lists of pods and of containers: filters and formats.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::Write;

use clap::{Args, ValueEnum};
use kit::{Context, Exit, Result};
use serde_json::{Value, json};

use super::{label, table};

/// The options of every list.
#[derive(Debug, Args)]
#[group(skip)]
pub struct Options {
    /// Only the one of that id, or beginning
    #[arg(long, value_name = "ID", default_value = "")]
    pub id: String,
    /// Only those whose name holds that
    #[arg(long, value_name = "TEXT", default_value = "")]
    name: String,
    /// Only those of that namespace
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// Only those with that label
    #[arg(long, value_name = "NAME=VALUE", value_parser = label)]
    label: Vec<(String, String)>,
    /// The latest alone
    #[arg(long, short)]
    latest: bool,
    /// Only the last so many that were made, whatever their state
    #[arg(long, short = 'n', value_name = "N")]
    last: Option<usize>,
    /// Only the ids
    #[arg(long, short, conflicts_with = "output")]
    quiet: bool,
    /// Whole ids
    #[arg(long)]
    no_trunc: bool,
    /// The form
    #[arg(long, short, value_enum, default_value_t = Form::Table)]
    output: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Table,
    Json,
}

/// Format of a list's rows.
pub struct Kind<T> {
    /// Name of the list in the interface's JSON.
    pub list: &'static str,
    /// The columns' titles.
    pub titles: &'static [&'static str],
    /// Its id.
    pub id: fn(&T) -> &str,
    /// Time of its creation.
    pub made: fn(&T) -> i64,
    /// Its name and its namespace.
    pub names: fn(&T) -> (String, String),
    /// Its columns; ids whole or short.
    pub row: fn(&T, bool) -> Vec<String>,
    /// All of it, with the interface's names.
    pub json: fn(&T) -> Value,
}

impl Options {
    /// The labels that are asked for.
    pub fn labels(&self) -> BTreeMap<String, String> {
        self.label.iter().cloned().collect()
    }

    /// Tells if the last ones are asked for, which may have ended.
    pub const fn of_any_state(&self) -> bool {
        self.latest || self.last.is_some()
    }

    /// Show those of `found` that are asked for, the latest first.
    pub fn show<T>(&self, mut found: Vec<T>, kind: &Kind<T>) -> Result<Exit> {
        found.retain(|one| {
            let (name, namespace) = (kind.names)(one);
            name.contains(&self.name) && self.namespace.as_ref().is_none_or(|wanted| namespace == *wanted)
        });
        found.sort_by_key(|one| Reverse((kind.made)(one)));
        found.truncate(self.last.or(self.latest.then_some(1)).unwrap_or(usize::MAX));
        if self.output == Form::Table && !self.quiet {
            table::write(kind.titles, &found.iter().map(|one| (kind.row)(one, self.no_trunc)).collect::<Vec<_>>())?;
            return Ok(Exit::OK);
        }
        let text: String = if self.quiet {
            found.iter().flat_map(|one| [(kind.id)(one), "\n"]).collect()
        } else {
            let mut all = json!({});
            all[kind.list] = found.iter().map(kind.json).collect();
            format!("{all:#}\n")
        };
        let mut out = kit::out();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).doing("write the list")?;
        Ok(Exit::OK)
    }
}
