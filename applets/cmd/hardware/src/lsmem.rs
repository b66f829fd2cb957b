//! `lsmem` shows the ranges of memory and their state: what can be taken away, and to what node it belongs.
//!
//! ```text
//! lsmem                    ranges of the same state, and sums
//! lsmem -a                 each block
//! lsmem -J -b -o RANGE,SIZE,NODE
//! ```

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Parser, ValueEnum};
use kit::{Applet, Error, Exit, Place, Result, parse};

use crate::attribute::{entries, hexadecimal, name, number, text};
use crate::columns::{Cell, Table, size};
use crate::output::show;

/// Ranges of memory.
pub const LSMEM: Applet = Applet { name: "lsmem", about: "show the ranges of memory", place: Place::Bin, run };

#[derive(Parser)]
struct Options {
    /// Show each block.
    #[arg(short, long)]
    all: bool,
    /// Show sizes in bytes.
    #[arg(short, long)]
    bytes: bool,
    /// Leave headings away.
    #[arg(short, long)]
    noheadings: bool,
    /// Show JSON.
    #[arg(short = 'J', long)]
    json: bool,
    /// Show pairs of name and value.
    #[arg(short = 'P', long)]
    pairs: bool,
    /// Show columns with one blank between them.
    #[arg(short, long)]
    raw: bool,
    /// Show these columns.
    #[arg(short, long, value_name = "LIST", default_value = "RANGE,SIZE,STATE,REMOVABLE,BLOCK")]
    output: String,
    /// Begin a new range where one of these columns changes.
    #[arg(short = 'S', long, value_name = "LIST")]
    split: Option<String>,
    /// Show sums: never, always or only.
    #[arg(long, value_name = "WHEN", num_args = 0..=1, require_equals = true, default_missing_value = "only")]
    summary: Option<Summary>,
    /// Read /sys below this directory.
    #[arg(short, long, value_name = "DIR", default_value = "/")]
    sysroot: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Summary {
    Never,
    Always,
    Only,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Block {
    first: u64,
    last: u64,
    state: String,
    removable: bool,
    node: Option<u64>,
    zones: String,
}

const COLUMNS: [&str; 7] = ["RANGE", "SIZE", "STATE", "REMOVABLE", "BLOCK", "NODE", "ZONES"];

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&LSMEM, args)?;
    show(&lines(&options.sysroot, &options)?)?;
    Ok(Exit::OK)
}

fn lines(root: &Path, options: &Options) -> Result<Vec<String>> {
    let directory = root.join("sys/devices/system/memory");
    let missing = || Error::new("this kernel does not show its blocks of memory");
    let each = hexadecimal(directory.join("block_size_bytes")).ok_or_else(missing)?;
    let blocks = blocks(&directory);
    let columns = columns(&options.output)?;
    let split = options.split.as_deref().map_or_else(|| Ok(columns.clone()), self::columns)?;
    let for_programs = options.json || options.pairs || options.raw;
    let summary = options.summary.unwrap_or(if for_programs { Summary::Never } else { Summary::Always });
    if for_programs && summary != Summary::Never {
        return Err(Error::usage("sums are for people: not with -J, -P or -r"));
    }
    let ranges = if options.all { blocks.clone() } else { joined(&blocks, &split) };
    let row = |range: &Block| columns.iter().map(|column| cell(range, column, each, options)).collect();
    // One blank more stands before sizes with a unit in util-linux' table.
    let widest = if options.bytes { 3 } else { ranges.iter().map(|r| size(bytes_of(r, each), false).len()).max().unwrap_or(3) };
    let heading = |column: &&str| ((*column).to_owned(), *column == "RANGE");
    let table = Table { columns: columns.iter().map(heading).collect(), rows: ranges.iter().map(row).collect() };
    let mut lines = match () {
        () if summary == Summary::Only => Vec::new(),
        () if options.json => table.json("memory"),
        () if options.pairs => table.pairs(),
        () if options.raw => table.raw(!options.noheadings),
        () => table.aligned(!options.noheadings, &|column| if column == "SIZE" { widest + 1 } else { column.len() }),
    };
    if summary == Summary::Always {
        lines.push(String::new());
    }
    if summary != Summary::Never {
        lines.extend(sums(&blocks, each, options.bytes));
    }
    Ok(lines)
}

fn columns(list: &str) -> Result<Vec<&'static str>> {
    let known = |name: &str| {
        let found = COLUMNS.iter().find(|known| known.eq_ignore_ascii_case(name)).copied();
        found.ok_or_else(|| Error::usage(format!("{name}: no such column (there are {})", COLUMNS.join(", "))))
    };
    list.trim_start_matches('+').split(',').map(known).collect()
}

fn blocks(directory: &Path) -> Vec<Block> {
    let block = |path: PathBuf| {
        let first: u64 = name(&path).strip_prefix("memory")?.parse().ok()?;
        let node = entries(&path).iter().find_map(|entry| name(entry).strip_prefix("node")?.parse().ok());
        Some(Block {
            first,
            last: first,
            state: text(path.join("state"))?,
            removable: number(path.join("removable")).unwrap_or(0) != 0,
            node,
            zones: text(path.join("valid_zones")).unwrap_or_default().replace(' ', "/").replace("none", "None"),
        })
    };
    let mut blocks: Vec<_> = entries(directory).into_iter().filter_map(block).collect();
    blocks.sort_by_key(|block| block.first);
    blocks
}

/// Neighbours that are alike in these columns as one.
fn joined(blocks: &[Block], split: &[&str]) -> Vec<Block> {
    let alike = |a: &Block, b: &Block| {
        split.iter().all(|column| match *column {
            "STATE" => a.state == b.state,
            "REMOVABLE" => a.removable == b.removable,
            "NODE" => a.node == b.node,
            "ZONES" => a.zones == b.zones,
            _ => true,
        })
    };
    let mut ranges: Vec<Block> = Vec::new();
    for block in blocks {
        match ranges.last_mut() {
            Some(last) if last.last + 1 == block.first && alike(last, block) => last.last = block.last,
            _ => ranges.push(block.clone()),
        }
    }
    ranges
}

fn bytes_of(range: &Block, each: u64) -> u64 {
    (range.last - range.first + 1).saturating_mul(each)
}

fn cell(range: &Block, column: &str, each: u64, options: &Options) -> Cell {
    let start = range.first.saturating_mul(each);
    let length = bytes_of(range, each);
    match column {
        "RANGE" => Cell::Text(format!("0x{start:016x}-0x{:016x}", start.saturating_add(length).saturating_sub(1))),
        "SIZE" if options.bytes => Cell::Number(length),
        "SIZE" => Cell::Text(size(length, false)),
        "STATE" => Cell::Text(range.state.clone()),
        // Memory that is offline is neither; JSON has no third value for a flag.
        "REMOVABLE" if range.state != "online" && options.json => Cell::Flag(false),
        "REMOVABLE" if range.state != "online" => Cell::Text(String::new()),
        "REMOVABLE" => Cell::Flag(range.removable),
        "BLOCK" if range.first == range.last => Cell::Text(range.first.to_string()),
        "BLOCK" => Cell::Text(format!("{}-{}", range.first, range.last)),
        "NODE" => range.node.map_or(Cell::Missing, Cell::Number),
        _ => Cell::Text(range.zones.clone()),
    }
}

fn sums(blocks: &[Block], each: u64, bytes: bool) -> Vec<String> {
    let sum = |online: bool| blocks.iter().filter(|b| (b.state == "online") == online).map(|b| bytes_of(b, each)).sum();
    let size = |count: u64| if bytes { count.to_string() } else { size(count, false) };
    let rows = [("Memory block size:", each), ("Total online memory:", sum(true)), ("Total offline memory:", sum(false))];
    let rows = rows.map(|(name, count)| (name, size(count)));
    // Widths of util-linux' own table.
    let width = if bytes { 15 } else { 5 };
    rows.iter().map(|(name, size)| format!("{name:<23} {size:>width$}")).collect()
}
