//! `fdisk [-l] DISK` changes a partition table by letters that are read from standard input; `-l` lists.
//!
//! Letters: `p` print, `n` new, `d` delete, `t` type, `a` mark to be started from, `l` list types, `g` new GPT, `o` new MBR, `w` write
//! and leave, `q` leave without writing, `m` help. The disk is changed by `w` only. A disk that is in use is refused at `w`.
//!
//! Example: `printf 'g\nn\n\n\n+512M\nt\nuefi\nw\n' | fdisk /dev/sda`.

use std::ffi::OsString;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use clap::Parser;
use disk::make::random;
use kit::{Applet, Context, Error, Exit, Place, Result, parse};

use crate::partitions::disk::Target;
use crate::partitions::kinds::{BYTES, GUIDS, Kind};
use crate::partitions::list;
use crate::partitions::model::{Table, Want};
use crate::size;

/// Partition tables by questions and answers.
pub const FDISK: Applet = Applet { name: "fdisk", about: "change a partition table", place: Place::Sbin, run };

const HELP: &str = "\nHelp:\n\n   d   delete a partition\n   l   list known partition types\n   n   add a new partition\n   \
    p   print the partition table\n   t   change a partition type\n   a   toggle the bootable flag (MBR)\n   m   print this menu\n   \
    w   write table to disk and exit\n   q   quit without saving changes\n   g   create a new empty GPT partition table\n   \
    o   create a new empty DOS partition table\n";

#[derive(Parser)]
struct Options {
    /// List partitions
    #[arg(short, long)]
    list: bool,
    /// The disks
    disks: Vec<PathBuf>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let failed = |e: Error| if e.is_text() { e } else { e.with_exit(Exit::FAILED) };
    let options: Options = parse(&FDISK, args).map_err(failed)?;
    if options.list {
        return listed(&options.disks).map_err(failed);
    }
    let [path] = options.disks.as_slice() else { return Err(failed(Error::usage("one disk is wanted"))) };
    talk(path).map(|()| Exit::OK).map_err(failed)
}

fn listed(given: &[PathBuf]) -> Result<Exit> {
    let disks = if given.is_empty() { disk::signature::devices()? } else { given.to_vec() };
    let mut exit = Exit::OK;
    for path in &disks {
        match Target::look(path) {
            Ok(target) => kit::print(&list::whole(&target, target.table().as_ref()))?,
            // A drive without a medium is no failure when nobody asked for it.
            Err(_) if given.is_empty() => {}
            Err(e) => {
                kit::warn("fdisk", &e);
                exit = Exit::FAILED;
            }
        }
    }
    Ok(exit)
}

/// Asks; the end of the input is an error, for nothing is to be written then.
fn ask(question: &str) -> Result<String> {
    kit::print(question)?;
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer).doing("read standard input")?;
    if read == 0 {
        return Err(Error::new("the input ended; nothing was written"));
    }
    Ok(answer.trim().to_owned())
}

fn talk(path: &Path) -> Result<()> {
    let target = Target::look(path)?;
    let found = target.table();
    if found.is_none() {
        kit::print(
            "Device does not contain a recognized partition table.
",
        )?;
    }
    let mut table = found.map_or_else(|| target.fresh(false), Ok)?;
    loop {
        let answer = ask("\nCommand (m for help): ")?;
        let done = match answer.as_str() {
            "" => Ok(()),
            "q" => return Ok(()),
            "w" => match Target::take(path, false).and_then(|target| target.write(&table, true)) {
                Ok(()) => return kit::print("The partition table has been altered.\nSyncing disks.\n"),
                Err(e) => Err(e),
            },
            "m" => kit::print(HELP),
            "p" => kit::print(&list::whole(&target, Some(&table))),
            "g" | "o" => target.fresh(answer == "g").and_then(|new| {
                table = new;
                kit::print(&format!("Created a new {}.\n", if answer == "g" { "GPT disklabel" } else { "DOS (MBR) disklabel" }))
            }),
            "n" => add(&mut table),
            "d" => which(&table).and_then(|number| {
                table.delete(number)?;
                kit::print(&format!("Partition {number} has been deleted.\n"))
            }),
            "t" => retype(&mut table),
            "a" if table.is_gpt() => Err(Error::new("only an MBR marks a partition to be started from")),
            "a" => which(&table).and_then(|number| table.part(number).map(|part| part.boots = !part.boots)),
            "l" => kinds(&table),
            other => Err(Error::new(format!("{other}: unknown command"))),
        };
        if let Err(e) = done {
            // The end of the input ends the talk at the next question.
            kit::warn("fdisk", &e);
        }
    }
}

/// The partition that is meant; the only one without a question.
fn which(table: &Table) -> Result<u32> {
    let (first, last) = match table.parts.as_slice() {
        [] => return Err(Error::new("no partition is defined yet")),
        [only] => return Ok(only.number),
        [first, .., last] => (first.number, last.number),
    };
    let answer = ask(&format!("Partition number ({first}-{last}, default {last}): "))?;
    if answer.is_empty() { Ok(last) } else { answer.parse().map_err(|_| Error::new(format!("{answer} is no number"))) }
}

fn retype(table: &mut Table) -> Result<()> {
    let number = which(table)?;
    let is_gpt = table.is_gpt();
    let mut answer = ask("Partition type or alias (type L to list all): ")?;
    if answer == "L" {
        kinds(table)?;
        answer = ask("Partition type or alias: ")?;
    }
    // The list counts GPT's types from 1.
    let counted = answer.parse::<usize>().ok().filter(|_| is_gpt).and_then(|at| GUIDS.get(at.checked_sub(1)?));
    let text = counted.map_or(answer.as_str(), |row| row.0);
    let kind = Kind::read(text, is_gpt).ok_or_else(|| Error::new(format!("unknown type {answer}")))?;
    let is_logical = !is_gpt && number > 4;
    let part = table.part(number)?;
    if part.kind.is_extended() != kind.is_extended() || is_logical && kind.is_extended() {
        return Err(Error::new("an extended partition is made and deleted, not changed"));
    }
    part.kind = kind;
    kit::print(&format!("Changed type of partition {number} to '{}'.\n", kind.name()))
}

fn kinds(table: &Table) -> Result<()> {
    let lines: Vec<String> = if table.is_gpt() {
        GUIDS.iter().zip(1..).map(|(row, at)| format!("{at:3} {:30} {}", row.1, row.0)).collect()
    } else {
        BYTES.iter().map(|row| format!("{:02x} {}", row.0, row.1)).collect()
    };
    kit::print(
        &(lines.join(
            "
",
        ) + "
"),
    )
}

fn add(table: &mut Table) -> Result<()> {
    let mut want = Want { is_logical: Some(false), ..Want::default() };
    if !table.is_gpt() {
        let has = table.extended().is_some();
        let second = if has { "l   logical" } else { "e   extended" };
        match ask(&format!("Partition type\n   p   primary\n   {second}\nSelect (default p): "))?.as_str() {
            "" | "p" => {}
            "e" if !has => want.kind = Some(Kind::Byte(5)),
            "l" if has => want.is_logical = Some(true),
            other => return Err(Error::new(format!("{other}: unknown partition type"))),
        }
    }
    let is_logical = want.is_logical == Some(true);
    let free = table.free_number(is_logical).ok_or_else(|| Error::new("all numbers are in use"))?;
    if !is_logical {
        let answer = ask(&format!("Partition number (default {free}): "))?;
        let number = if answer.is_empty() { Ok(free) } else { answer.parse() };
        want.number = Some(number.map_err(|_| Error::new(format!("{answer} is no number")))?);
    }
    let rooms = table.rooms(is_logical);
    let start = rooms.first().ok_or_else(|| Error::new("no room is left"))?.0;
    let answer = ask(&format!("First sector (default {start}): "))?;
    let start = if answer.is_empty() { start } else { place(&answer, table, 0)? };
    want.start = Some(start);
    let end = table.gaps(is_logical).into_iter().find(|gap| (gap.0..=gap.1).contains(&start)).map(|gap| gap.1);
    let end = end.ok_or_else(|| Error::new(format!("sector {start} is in use or outside")))?;
    let answer = ask(&format!("Last sector, +/-sectors or +/-size{{K,M,G,T,P}} (default {end}): "))?;
    if !answer.is_empty() {
        let last = match answer.strip_prefix('-') {
            Some(less) => end.checked_sub(place(less, table, 0)?),
            None => Some(place(&answer, table, start)?),
        };
        let size = last.and_then(|last| last.checked_sub(start)).ok_or_else(|| Error::new("it would end before it begins"))?;
        want.size = Some(size + 1);
    }
    let number = table.add(want, random()?)?;
    let part = table.part(number)?.clone();
    let size = size::spelled(part.size * table.sector);
    kit::print(&format!("\nCreated a new partition {number} of type '{}' and of size {size}.\n", part.kind.name()))
}

/// A sector; `+` counts from a first one, and a size with a unit makes a partition of that size.
fn place(text: &str, table: &Table, start: u64) -> Result<u64> {
    let wrong = || Error::new(format!("{text} is no sector"));
    let (digits, base) = text.strip_prefix('+').map_or((text, 0), |digits| (digits, start));
    let number = size::read(digits).ok_or_else(wrong)?;
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return base.checked_add(number).ok_or_else(wrong);
    }
    let end = base.checked_add(number / table.sector).ok_or_else(wrong)?;
    Ok(if base == 0 { end } else { end - 1 })
}
