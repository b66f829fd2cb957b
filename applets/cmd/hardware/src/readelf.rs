//! `readelf` shows what is in ELF files: programs, libraries, modules of the kernel and objects.
//!
//! ```text
//! readelf -h FILE       the head: machine, kind, entry point
//! readelf -lW FILE      segments, with the interpreter; -W: long lines
//! readelf -d FILE       libraries that it needs
//! readelf -SsrnW FILE   sections, symbols, relocations, notes
//! readelf -a FILE       all of these
//! ```
//!
//! Files of 32 and 64 bits in both byte orders are read. Kinds of relocation have names for x86-64 and arm64, and
//! numbers for other machines.

use std::ffi::OsString;
use std::io::{Write, stderr};
use std::path::{Path, PathBuf};

use clap::Parser;
use kit::{Applet, Error, Exit, Place, Result, parse};

use crate::attribute::bounded;
use crate::elf::Elf;
use crate::output::show;
use crate::{elf_dynamic, elf_headers, elf_symbols};

/// ELF files.
pub const READELF: Applet = Applet { name: "readelf", about: "show what is in ELF files", place: Place::Bin, run };

/// Bytes of a file: the largest programs with all their debugging data have some 2 GiB.
const LARGEST: u64 = 4 << 30;

#[derive(Parser)]
#[command(disable_help_flag = true)]
struct Options {
    /// Show all: -h -l -S -s -r -d -n.
    #[arg(short, long)]
    all: bool,
    /// Show the head of the file.
    #[arg(short = 'h', long)]
    file_header: bool,
    /// Show the segments.
    #[arg(short = 'l', long, visible_alias = "segments")]
    program_headers: bool,
    /// Show the sections.
    #[arg(short = 'S', long, visible_alias = "sections")]
    section_headers: bool,
    /// Show -h, -l and -S.
    #[arg(short = 'e', long)]
    headers: bool,
    /// Show the symbols.
    #[arg(short, long, visible_alias = "symbols")]
    syms: bool,
    /// Show the notes.
    #[arg(short, long)]
    notes: bool,
    /// Show the relocations.
    #[arg(short, long)]
    relocs: bool,
    /// Show the dynamic section.
    #[arg(short, long)]
    dynamic: bool,
    /// Let lines be long, and cut no names.
    #[arg(short = 'W', long)]
    wide: bool,
    /// Show this help.
    #[arg(short = 'H', long, action = clap::ArgAction::Help)]
    help: Option<bool>,
    /// Files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let mut options: Options = parse(&READELF, args)?;
    let Options { all, headers, .. } = options;
    for (option, of_headers) in [
        (&mut options.file_header, true),
        (&mut options.program_headers, true),
        (&mut options.section_headers, true),
        (&mut options.syms, false),
        (&mut options.notes, false),
        (&mut options.relocs, false),
        (&mut options.dynamic, false),
    ] {
        *option |= all || headers && of_headers;
    }
    let o = &options;
    if ![o.file_header, o.program_headers, o.section_headers, o.syms, o.notes, o.relocs, o.dynamic].contains(&true) {
        return Err(Error::usage("say what to show: -a, -h, -l, -S, -s, -r, -d or -n"));
    }
    let mut exit = Exit::OK;
    for path in &options.files {
        if options.files.len() > 1 {
            show(&[String::new(), format!("File: {}", path.display())])?;
        }
        // The other files are shown even so.
        if let Err(e) = file(path, &options) {
            let _ = writeln!(stderr(), "readelf: {e}");
            exit = Exit::FAILED;
        }
    }
    Ok(exit)
}

fn file(path: &Path, options: &Options) -> Result<()> {
    let bytes = bounded(path, LARGEST)?;
    let elf = Elf::new(&bytes).ok_or_else(|| Error::new(format!("{}: no ELF file", path.display())))?;
    for part in parts(&elf, options) {
        show(&part())?;
    }
    Ok(())
}

type Part<'a> = Box<dyn Fn() -> Vec<String> + 'a>;

/// Parts that were asked for, each made when it is its turn: the lists of large files are long.
fn parts<'a>(elf: &'a Elf<'a>, options: &Options) -> Vec<Part<'a>> {
    let (wide, head) = (options.wide, options.file_header);
    let mut parts: Vec<Part<'a>> = Vec::new();
    if head {
        parts.push(Box::new(move || elf_headers::head(elf)));
    }
    if options.section_headers {
        parts.push(Box::new(move || elf_headers::sections(elf, wide, !head)));
    }
    if options.program_headers {
        parts.push(Box::new(move || elf_headers::segments(elf, wide, !head)));
    }
    if options.dynamic {
        parts.push(Box::new(move || elf_dynamic::dynamic(elf)));
    }
    if options.relocs {
        parts.push(Box::new(move || elf_symbols::relocations(elf, wide)));
    }
    if options.syms {
        parts.push(Box::new(move || elf_symbols::symbols(elf, wide)));
    }
    if options.notes {
        parts.push(Box::new(move || elf_dynamic::notes(elf)));
    }
    parts
}

/// Shows any bytes in all ways, for the fuzzer; returns the bytes of the lines.
pub fn any(bytes: &[u8]) -> usize {
    let Some(elf) = Elf::new(bytes) else { return 0 };
    let both = |wide: bool| {
        [
            elf_headers::head(&elf),
            elf_headers::sections(&elf, wide, true),
            elf_headers::segments(&elf, wide, true),
            elf_dynamic::dynamic(&elf),
            elf_symbols::relocations(&elf, wide),
            elf_symbols::symbols(&elf, wide),
            elf_dynamic::notes(&elf),
        ]
    };
    [both(true), both(false)].iter().flatten().flatten().map(String::len).sum()
}
