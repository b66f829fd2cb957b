//! `list`: all containers.

use std::io::Write;

use clap::{Args, ValueEnum};
use kit::{Context, Exit, Result, out};
use serde_json::Value;

use crate::context::Oci;
use crate::directory::Known;
use crate::state;

/// Options of `list`.
#[derive(Debug, Args)]
pub struct Options {
    /// Output format
    #[arg(long, short, default_value = "table")]
    format: Format,
    /// Names alone
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Table,
    Json,
}

/// Enter.
pub fn run(oci: &Oci, options: &Options) -> Result<Exit> {
    let all = all(oci)?;
    let mut text = String::new();
    if options.quiet {
        text.extend(all.iter().map(|one| field(one, "id") + "\n"));
    } else if matches!(options.format, Format::Json) {
        text = format!("{}\n", if all.is_empty() { Value::Null } else { Value::Array(all) });
    } else {
        text = table(&all);
    }
    let mut out = out();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).doing("print the list")?;
    Ok(Exit::OK)
}

/// One that goes away while we look is not listed.
fn all(oci: &Oci) -> Result<Vec<Value>> {
    let entries = match std::fs::read_dir(&oci.root) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.on("read", &oci.root)?,
    };
    let mut names: Vec<String> = entries.flatten().filter_map(|e| e.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names.iter().filter_map(|name| Known::load(&oci.root, name).ok()).map(|known| state::of(&known)).collect())
}

fn table(all: &[Value]) -> String {
    const COLUMNS: [&str; 6] = ["id", "pid", "status", "bundle", "created", "owner"];
    let mut rows = vec![COLUMNS.map(str::to_uppercase)];
    rows.extend(all.iter().map(|one| COLUMNS.map(|column| field(one, column))));
    let widths: Vec<usize> =
        (0..COLUMNS.len()).map(|at| rows.iter().map(|row| row[at].len()).max().unwrap_or_default()).collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}   "));
        text.push_str(cells.collect::<String>().trim_end());
        text.push('\n');
    }
    text
}

fn field(one: &Value, name: &str) -> String {
    match &one[name] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
