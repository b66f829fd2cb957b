//! `lsblk [-abdfilmnprtJP] [-o COLUMNS] [DEVICE]...` shows block devices, and what lies on them, as a tree.
//!
//! `-o` chooses columns (`+COLUMN` adds), `-O` takes all, `-f` those of file systems, `-m` those of permissions, `-t` those of the topology; `-l` is a
//! list, `-r` without padding, `-P` pairs, `-J` JSON. `-a` shows empty devices, `-d` no partitions, `-b` bytes, `-p` whole paths, `-n` no headings.
//!
//! Example: `lsblk -f`, `lsblk -ndo SIZE -b /dev/vda`.

mod columns;
mod device;
mod print;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;
use kit::{Applet, Error, Exit, Place, Result, parse};

use columns::Column;
use device::Device;

/// Block devices.
pub const LSBLK: Applet = Applet { name: "lsblk", about: "show block devices and what lies on them", place: Place::Bin, run };

/// Exit status when no device of those named is there.
const NONE_FOUND: Exit = Exit(32);
/// Exit status when some of them are.
const SOME_FOUND: Exit = Exit(64);

#[derive(Parser)]
struct Options {
    /// Empty devices and RAM disks, too
    #[arg(short, long)]
    all: bool,
    /// Sizes in bytes
    #[arg(short, long)]
    bytes: bool,
    /// Without partitions
    #[arg(short = 'd', long)]
    nodeps: bool,
    /// Columns of file systems
    #[arg(short, long)]
    fs: bool,
    /// Lines of ASCII
    #[arg(short = 'i', long)]
    ascii: bool,
    /// A list
    #[arg(short, long)]
    list: bool,
    /// Columns of permissions
    #[arg(short = 'm', long)]
    perms: bool,
    /// No headings
    #[arg(short, long)]
    noheadings: bool,
    /// Columns
    #[arg(short, long, value_name = "COLUMNS", value_delimiter = ',')]
    output: Vec<String>,
    /// All columns
    #[arg(short = 'O', long)]
    output_all: bool,
    /// Whole paths
    #[arg(short, long)]
    paths: bool,
    /// Without padding
    #[arg(short, long)]
    raw: bool,
    /// Columns of the topology
    #[arg(short = 't', long)]
    topology: bool,
    /// JSON
    #[arg(short = 'J', long)]
    json: bool,
    /// Pairs for a shell
    #[arg(short = 'P', long)]
    pairs: bool,
    /// Without these major numbers
    #[arg(short, long, value_delimiter = ',', value_name = "MAJORS")]
    exclude: Vec<u32>,
    /// These major numbers alone
    #[arg(short = 'I', long, value_delimiter = ',', value_name = "MAJORS")]
    include: Vec<u32>,
    /// The devices
    devices: Vec<PathBuf>,
}

/// Columns without an option, and of the options that stand for some.
const USUAL: &str = "NAME,MAJ:MIN,RM,SIZE,RO,TYPE,MOUNTPOINTS";
const FILE_SYSTEMS: &str = "NAME,FSTYPE,LABEL,UUID,FSAVAIL,FSUSE%,MOUNTPOINTS";
const PERMISSIONS: &str = "NAME,SIZE,OWNER,GROUP,MODE";
const TOPOLOGY: &str = "NAME,ALIGNMENT,MIN-IO,OPT-IO,PHY-SEC,LOG-SEC,ROTA,SCHED,RQ-SIZE,RA";

impl Options {
    fn columns(&self) -> Result<Vec<&'static Column>> {
        if self.output_all {
            return Ok(columns::ALL.iter().collect());
        }
        let usual = match (self.fs, self.perms, self.topology) {
            (true, ..) => FILE_SYSTEMS,
            (_, true, _) => PERMISSIONS,
            (.., true) => TOPOLOGY,
            _ => USUAL,
        };
        let adds = self.output.first().is_some_and(|name| name.starts_with('+'));
        let given = self.output.iter().map(|name| name.trim_start_matches('+'));
        let names: Vec<&str> =
            if self.output.is_empty() || adds { usual.split(',').chain(given).collect() } else { given.collect() };
        let column = |name: &&str| {
            let found = columns::ALL.iter().find(|column| column.name.eq_ignore_ascii_case(name));
            found.ok_or_else(|| Error::usage(format!("unknown column: {name}")).with_exit(Exit::FAILED))
        };
        names.iter().map(column).collect()
    }

    fn is_wanted(&self, device: &Device) -> bool {
        let is_empty = device.sectors == 0 && device.name.starts_with("loop");
        let is_memory = device.major == 1;
        (self.all || !(is_empty || is_memory && self.include.is_empty()))
            && !self.exclude.contains(&device.major)
            && (self.include.is_empty() || self.include.contains(&device.major))
    }
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&LSBLK, args).map_err(|e| if e.is_text() { e } else { e.with_exit(Exit::FAILED) })?;
    let columns = options.columns()?;
    let mut all = device::all()?;
    let mut exit = Exit::OK;
    let mut roots = Vec::new();
    if options.devices.is_empty() {
        all.retain(|device| options.is_wanted(device));
        roots = all;
    } else {
        let mut missing = 0;
        for path in &options.devices {
            match device::find(&all, path) {
                Ok(device) => roots.push(device),
                Err(e) => {
                    kit::warn("lsblk", &e);
                    missing += 1;
                }
            }
        }
        if missing > 0 {
            exit = if roots.is_empty() { NONE_FOUND } else { SOME_FOUND };
        }
    }
    if options.nodeps {
        for device in &mut roots {
            device.children.clear();
        }
    }
    let style = print::Style {
        has_headings: !options.noheadings,
        is_tree: !(options.list || options.raw || options.pairs || options.nodeps),
        is_raw: options.raw,
        is_ascii: options.ascii,
        context: columns::Context { in_bytes: options.bytes, whole_paths: options.paths },
    };
    let text = match (options.json, options.pairs) {
        (true, _) => print::json(&roots, &columns, &style),
        (_, true) => print::pairs(&roots, &columns, &style),
        _ => print::table(&roots, &columns, &style),
    };
    kit::print(&text)?;
    Ok(exit)
}
