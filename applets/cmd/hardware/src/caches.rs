//! Table of `lscpu -C`: kinds of caches.

use kit::{Error, Result};

use crate::attribute::{number, text};
use crate::columns::{Cell, Table, size};
use crate::cpu::{Cache, Machine};

const COLUMNS: [&str; 9] = ["NAME", "ONE-SIZE", "ALL-SIZE", "WAYS", "TYPE", "LEVEL", "SETS", "PHY-LINE", "COHERENCY-SIZE"];

/// Table of the columns that were named, or of all.
pub fn table(machine: &Machine, list: &str, bytes: bool) -> Result<Table> {
    let known = |name: &str| {
        let found = COLUMNS.iter().find(|known| known.eq_ignore_ascii_case(name)).copied();
        found.ok_or_else(|| Error::usage(format!("{name}: no such column (there are {})", COLUMNS.join(", "))))
    };
    let columns: Vec<_> = if list.is_empty() { COLUMNS.to_vec() } else { list.split(',').map(known).collect::<Result<_>>()? };
    let heading = |column: &&str| ((*column).to_owned(), matches!(*column, "NAME" | "TYPE"));
    let row = |cache: &Cache| columns.iter().map(|column| cell(cache, column, bytes)).collect();
    Ok(Table { columns: columns.iter().map(heading).collect(), rows: machine.caches.iter().map(row).collect() })
}

fn cell(cache: &Cache, column: &str, bytes: bool) -> Cell {
    let attribute = |name: &str| number(cache.path.join(name)).map_or(Cell::Missing, Cell::Number);
    let size = |count: u64| if bytes { Cell::Number(count) } else { Cell::Text(size(count, false)) };
    match column {
        "NAME" => Cell::Text(cache.name.clone()),
        "ONE-SIZE" => size(cache.size),
        "ALL-SIZE" => size(cache.size.saturating_mul(cache.shared.len() as u64)),
        "WAYS" => attribute("ways_of_associativity"),
        "TYPE" => text(cache.path.join("type")).map_or(Cell::Missing, Cell::Text),
        "LEVEL" => attribute("level"),
        "SETS" => attribute("number_of_sets"),
        "PHY-LINE" => attribute("physical_line_partition"),
        _ => attribute("coherency_line_size"),
    }
}
