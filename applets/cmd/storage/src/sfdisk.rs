//! `sfdisk [-a] [-f] [-n] [-q] [-X dos|gpt] [--no-reread] [--no-tell-kernel] DISK <SCRIPT` writes a partition table;
//! `sfdisk -l|-d|-J|-s [DISK...]` shows it; `sfdisk --delete DISK [NUMBER...]`, `-A DISK [NUMBER...]`, `--part-type DISK NUMBER TYPE`,
//! `--part-label DISK NUMBER NAME` and `--part-uuid DISK NUMBER UUID` change it.
//!
//! A line of a script is `START,SIZE,TYPE,*` or `start=, size=, type=, uuid=, name=, attrs=, bootable`; `label:` and `label-id:` come
//! before. All is written at the end, or nothing. A disk that is in use is refused without `-f` or `--no-reread`.
//!
//! Example: `printf 'label: gpt\n,512M,U\n,,L\n' | sfdisk /dev/sda`.

mod dump;
mod script;

use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Parser;
use disk::make::random;
use kit::{Applet, Context, Error, Exit, Place, Result, parse};

use crate::partitions::disk::Target;
use crate::partitions::kinds::{Kind, guid};
use crate::partitions::list;
use crate::partitions::model::{Label, Table};

/// Partition tables by scripts.
pub const SFDISK: Applet = Applet { name: "sfdisk", about: "show and write partition tables", place: Place::Sbin, run };

#[derive(Parser)]
#[expect(clippy::struct_excessive_bools, reason = "options of a command")]
struct Options {
    /// List partitions
    #[arg(short, long)]
    list: bool,
    /// Show a script that makes the table
    #[arg(short, long)]
    dump: bool,
    /// Show the table as JSON
    #[arg(short = 'J', long)]
    json: bool,
    /// Show the size in KiB
    #[arg(short = 's', long)]
    show_size: bool,
    /// Add to the table
    #[arg(short, long)]
    append: bool,
    /// Delete all or some partitions
    #[arg(long)]
    delete: bool,
    /// Mark partitions to be started from
    #[arg(short = 'A', long)]
    activate: bool,
    /// Change a partition's type
    #[arg(long)]
    part_type: bool,
    /// Change a partition's name
    #[arg(long)]
    part_label: bool,
    /// Change a partition's number
    #[arg(long)]
    part_uuid: bool,
    /// Form of a new table
    #[arg(short = 'X', long, value_name = "NAME", value_parser = ["dos", "gpt"])]
    label: Option<String>,
    /// Also a disk that is in use
    #[arg(short, long)]
    force: bool,
    /// Do not look if it is in use
    #[arg(long)]
    no_reread: bool,
    /// Do not tell the kernel
    #[arg(long)]
    no_tell_kernel: bool,
    /// Write nothing
    #[arg(short, long)]
    no_act: bool,
    /// Say less
    #[arg(short, long)]
    quiet: bool,
    /// The disk, and what belongs to it
    words: Vec<OsString>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let failed = |e: Error| if e.is_text() { e } else { e.with_exit(Exit::FAILED) };
    let options: Options = parse(&SFDISK, args).map_err(failed)?;
    let shows = options.list || options.dump || options.json || options.show_size;
    if shows { show(&options).map_err(failed) } else { change(&options).map(|()| Exit::OK).map_err(failed) }
}

fn show(options: &Options) -> Result<Exit> {
    let given = options.words.iter().map(PathBuf::from).collect::<Vec<_>>();
    let all = given.is_empty();
    let disks = if all { disk::signature::devices()? } else { given };
    let mut exit = Exit::OK;
    for path in &disks {
        match text(options, path) {
            Ok(text) => kit::print(&text)?,
            // A drive without a medium is no failure when nobody asked for it.
            Err(_) if all => {}
            Err(e) => {
                kit::warn("sfdisk", &e);
                exit = Exit::FAILED;
            }
        }
    }
    Ok(exit)
}

fn text(options: &Options, path: &Path) -> Result<String> {
    let target = Target::look(path)?;
    let table = target.table();
    if options.show_size {
        return Ok(format!("{}\n", target.sectors * target.sector / 1024));
    }
    if options.list {
        return Ok(list::whole(&target, table.as_ref()));
    }
    let table = table.ok_or_else(|| Error::new(format!("{} does not contain a recognized partition table", path.display())))?;
    Ok(if options.json { dump::json(path, &table) } else { dump::script(path, &table) })
}

fn change(options: &Options) -> Result<()> {
    let (path, words) = options.words.split_first().ok_or_else(|| Error::usage("no disk device specified"))?;
    let path = Path::new(path);
    let words: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let edits = options.delete || options.activate || options.part_type || options.part_label || options.part_uuid;
    let is_forced = options.force || options.no_reread;
    let target = if options.no_act { Target::look(path)? } else { Target::take(path, is_forced)? };
    let old = target.table();
    let table = if edits {
        let none = || Error::new(format!("{} does not contain a recognized partition table", path.display()));
        edit(options, old.ok_or_else(none)?, &words)?
    } else if words.is_empty() {
        scripted(options, &target, old)?
    } else {
        return Err(Error::usage("a part of a table is not changed by a script"));
    };
    table.check()?;
    if !options.quiet {
        kit::print(&list::whole(&target, Some(&table)))?;
    }
    if options.no_act {
        return Ok(());
    }
    target.write(&table, !options.no_tell_kernel)?;
    if options.quiet { Ok(()) } else { kit::print("\nThe partition table has been altered.\n") }
}

fn scripted(options: &Options, target: &Target, old: Option<Table>) -> Result<Table> {
    let mut bytes = Vec::new();
    std::io::stdin().take(script::LIMIT + 1).read_to_end(&mut bytes).doing("read the script")?;
    if bytes.len() as u64 > script::LIMIT {
        return Err(Error::new("the script is too long"));
    }
    let text = String::from_utf8(bytes).map_err(|_| Error::new("the script is not UTF-8"))?;
    let (head, lines) = script::split(&text)?;
    let mut table = match old {
        Some(old) if options.append => old,
        old => {
            let label = head.label.as_deref().or(options.label.as_deref());
            let is_gpt = match label {
                Some("gpt") => true,
                Some("dos" | "mbr") => false,
                Some(other) => return Err(Error::new(format!("a table of the form {other} is not supported"))),
                None => old.is_some_and(|old| old.is_gpt()),
            };
            target.fresh(is_gpt)?
        }
    };
    if let Some(id) = head.id.filter(|_| table.parts.is_empty()) {
        let dos = || u32::from_str_radix(id.trim_start_matches("0x"), 16).ok().map(Label::Dos);
        let label = if table.is_gpt() { guid(&id).map(Label::Gpt) } else { dos() };
        table.label = label.ok_or_else(|| Error::new(format!("{id} is no number of a disk")))?;
    }
    for (number, line) in lines {
        let want = script::partition(number, line, table.sector, table.is_gpt())?;
        table.add(want, random()?).map_err(|e| Error::new(format!("line {number}: {e}")))?;
    }
    Ok(table)
}

fn edit(options: &Options, mut table: Table, words: &[String]) -> Result<Table> {
    let number = |word: &String| word.parse::<u32>().map_err(|_| Error::usage(format!("{word} is no partition's number")));
    if options.delete || options.activate {
        let mut numbers = words.iter().map(number).collect::<Result<Vec<_>>>()?;
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        if options.activate {
            if table.is_gpt() {
                return Err(Error::new("only an MBR marks a partition to be started from"));
            }
            table.parts.iter_mut().for_each(|part| part.boots = false);
        } else if numbers.is_empty() {
            table.parts.clear();
        }
        for number in numbers {
            if options.activate { table.part(number)?.boots = true } else { table.delete(number)? }
        }
        return Ok(table);
    }
    let [which, value] = words else { return Err(Error::usage("a partition's number and a value are wanted")) };
    let is_gpt = table.is_gpt();
    let part = table.part(number(which)?)?;
    if options.part_type {
        part.kind = Kind::read(value, is_gpt).ok_or_else(|| Error::usage(format!("unknown type {value}")))?;
    } else if !is_gpt {
        return Err(Error::new("partitions of an MBR have no names and numbers"));
    } else if options.part_label {
        part.name.clone_from(value);
    } else {
        part.id = guid(value).ok_or_else(|| Error::usage(format!("{value} is no UUID")))?;
    }
    Ok(table)
}
