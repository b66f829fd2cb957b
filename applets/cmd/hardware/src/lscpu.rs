//! `lscpu` shows the processors: model, cores, caches, nodes of memory, and what is known of their faults.
//!
//! ```text
//! lscpu                    a line a field
//! lscpu -e                 a table with a line a processor
//! lscpu -p=CPU,SOCKET      the same for scripts
//! lscpu -C                 a table with a line a kind of cache
//! lscpu -J                 as JSON
//! ```

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Parser;
use kit::{Applet, Error, Exit, Place, Result, parse};

use crate::columns::{Cell, Table};
use crate::cpu::{Cpu, Machine, machine};
use crate::output::show;
use crate::{caches, cpu_summary};

/// Processors.
pub const LSCPU: Applet = Applet { name: "lscpu", about: "show the processors", place: Place::Bin, run };

#[derive(Parser)]
struct Options {
    /// Show processors that are online and that are not.
    #[arg(short, long)]
    all: bool,
    /// Show those online alone.
    #[arg(short = 'b', long)]
    online: bool,
    /// Show those that are not online alone.
    #[arg(short = 'c', long)]
    offline: bool,
    /// Show a table of these columns.
    #[arg(short, long, value_name = "LIST", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    extended: Option<String>,
    /// Show lines of these columns for scripts.
    #[arg(short, long, value_name = "LIST", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    parse: Option<String>,
    /// Show a table of the caches with these columns.
    #[arg(short = 'C', long, value_name = "LIST", num_args = 0..=1, require_equals = true, default_missing_value = "",
        conflicts_with_all = ["extended", "parse"])]
    caches: Option<String>,
    /// Show sizes of caches in bytes.
    #[arg(short = 'B', long)]
    bytes: bool,
    /// Show JSON.
    #[arg(short = 'J', long)]
    json: bool,
    /// Read /sys and /proc below this directory.
    #[arg(short, long, value_name = "DIR", default_value = "/")]
    sysroot: PathBuf,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&LSCPU, args)?;
    show(&lines(&options.sysroot, &options)?)?;
    Ok(Exit::OK)
}

fn lines(root: &Path, options: &Options) -> Result<Vec<String>> {
    let machine = machine(root);
    let chosen = |all: bool| -> Vec<&Cpu> {
        let is_chosen = |cpu: &&Cpu| match (options.online, options.offline) {
            (false, false) => options.all || all || cpu.online,
            (true, true) => true,
            (online, _) => cpu.online == online,
        };
        machine.cpus.iter().filter(is_chosen).collect()
    };
    if let Some(list) = &options.caches {
        let table = caches::table(&machine, list, options.bytes)?;
        return Ok(if options.json { table.json("caches") } else { table.aligned(true, &str::len) });
    }
    match (&options.extended, &options.parse) {
        (Some(_), Some(_)) => Err(Error::usage("-e and -p exclude each other")),
        (None, Some(_)) if options.json => Err(Error::usage("-J and -p exclude each other")),
        (Some(list), None) => {
            let columns = columns(list, &machine, &["CPU", "NODE", "SOCKET", "CORE", "CACHE", "ONLINE", "MAXMHZ", "MINMHZ"])?;
            let table = table(&machine, &columns, &chosen(true));
            Ok(if options.json { table.json("cpus") } else { table.aligned(true, &str::len) })
        }
        (None, Some(list)) => {
            let columns = columns(list, &machine, &["CPU", "CORE", "SOCKET", "NODE", "", "CACHE"])?;
            Ok(for_scripts(&machine, &columns, &chosen(false), list.is_empty()))
        }
        (None, None) if options.all || options.online || options.offline => Err(Error::usage("-a, -b and -c want -e or -p")),
        (None, None) => Ok(summary(root, &machine, options.json, options.bytes)),
    }
}

fn summary(root: &Path, machine: &Machine, json: bool, bytes: bool) -> Vec<String> {
    let fields = cpu_summary::fields(root, machine, bytes);
    let row = |(name, value): (String, String)| vec![Cell::Text(format!("{name}:")), Cell::Text(value)];
    let columns = ["field", "data"].map(|name| (name.to_owned(), true)).to_vec();
    let table = Table { columns, rows: fields.into_iter().map(row).collect() };
    if json { table.json("lscpu") } else { table.aligned(false, &|_| 0) }
}

/// Columns that were named, or those of `usual` of which the machine tells anything.
fn columns<'a>(list: &str, machine: &Machine, usual: &[&'a str]) -> Result<Vec<&'a str>> {
    const KNOWN: [&str; 8] = ["CPU", "CORE", "SOCKET", "NODE", "CACHE", "ONLINE", "MAXMHZ", "MINMHZ"];
    if list.is_empty() {
        let fast = machine.cpus.iter().any(|cpu| cpu.frequency.0.is_some());
        let has = |name: &&&str| match **name {
            "MAXMHZ" | "MINMHZ" => fast,
            "CACHE" => !machine.caches.is_empty(),
            "NODE" => !machine.nodes.is_empty(),
            _ => true,
        };
        return Ok(usual.iter().filter(has).copied().collect());
    }
    let known = |name: &str| {
        let found = KNOWN.iter().find(|known| known.eq_ignore_ascii_case(name)).copied();
        found.ok_or_else(|| Error::usage(format!("{name}: no such column (there are {})", KNOWN.join(", "))))
    };
    list.split(',').map(known).collect()
}

fn cell(cpu: &Cpu, column: &str) -> Cell {
    let number = |number: Option<u64>| number.map_or(Cell::Missing, Cell::Number);
    let megahertz =
        |khz: Option<u64>| khz.map_or(Cell::Missing, |khz| Cell::Text(format!("{}.{:04}", khz / 1000, khz % 1000 * 10)));
    match column {
        "CPU" => Cell::Number(cpu.number.into()),
        "CORE" => number(cpu.core),
        "SOCKET" => number(cpu.socket),
        "NODE" => number(cpu.node),
        "ONLINE" => Cell::Flag(cpu.online),
        "MAXMHZ" => megahertz(cpu.frequency.0),
        "MINMHZ" => megahertz(cpu.frequency.1),
        _ => Cell::Missing,
    }
}

fn table(machine: &Machine, columns: &[&str], chosen: &[&Cpu]) -> Table {
    let names: Vec<_> = machine.caches.iter().map(|cache| cache.name.as_str()).collect();
    let heading = |column: &&str| match *column {
        "CACHE" => (names.join(":"), true),
        name => (name.to_owned(), false),
    };
    let caches = |cpu: &Cpu| cpu.caches.iter().map(|c| c.map_or("-".to_owned(), |c| c.to_string())).collect::<Vec<_>>().join(":");
    let cell =
        |cpu: &Cpu, column: &str| if column == "CACHE" && cpu.online { Cell::Text(caches(cpu)) } else { cell(cpu, column) };
    let row = |cpu: &&Cpu| columns.iter().map(|column| cell(cpu, column)).collect();
    Table { columns: columns.iter().map(heading).collect(), rows: chosen.iter().map(row).collect() }
}

fn for_scripts(machine: &Machine, columns: &[&str], chosen: &[&Cpu], usual: bool) -> Vec<String> {
    // The form of old: caches are separated by commas, and an empty column stands before them.
    let between = if usual { "," } else { ":" };
    let names: Vec<_> = machine.caches.iter().map(|cache| cache.name.as_str()).collect();
    let heading = |column: &&str| match *column {
        "CACHE" => names.join(between),
        "CPU" | "" | "MAXMHZ" | "MINMHZ" => (*column).to_owned(),
        name => format!("{}{}", &name[..1], name[1..].to_lowercase()),
    };
    let caches =
        |cpu: &Cpu| cpu.caches.iter().map(|c| c.map_or(String::new(), |c| c.to_string())).collect::<Vec<_>>().join(between);
    let cell = |cpu: &Cpu, column: &&str| match *column {
        "CACHE" if cpu.online => caches(cpu),
        "ONLINE" => if cpu.online { "Y" } else { "N" }.to_owned(),
        column => cell(cpu, column).text(""),
    };
    let head = "# The following is the parsable format, which can be fed to other\n# programs. Each different item in every column has an unique ID\n# starting usually from zero.";
    let names = columns.iter().map(heading).collect::<Vec<_>>().join(",");
    let rows = chosen.iter().map(|cpu| columns.iter().map(|c| cell(cpu, c)).collect::<Vec<_>>().join(","));
    [head.to_owned(), format!("# {names}")].into_iter().chain(rows).collect()
}
