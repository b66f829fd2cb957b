//! Lines of `readelf` about symbols and relocations.

use crate::elf::{Elf, Section, Symbol};
use crate::elf_headers::cut;
use crate::elf_versions::Versions;
use crate::elf_words::{AARCH64, BINDS, SYMBOLS, VISIBILITIES, X86_64, word};

/// Section of a symbol.
fn place(elf: &Elf<'_>, section: u64) -> String {
    match section {
        0 => "UND".to_owned(),
        0xfff1 => "ABS".to_owned(),
        0xfff2 => "COM".to_owned(),
        0xff02 if elf.head.machine == 62 => "LARGE_COM".to_owned(),
        0xff00..=0xff1f => format!("PRC[0x{section:04x}]"),
        0xff20..=0xff3f => format!("OS [0x{section:04x}]"),
        0xff40.. => format!("RSV[0x{section:04x}]"),
        section => format!("{section:3}"),
    }
}

/// Name of a symbol; one of a section has the section's.
fn name(elf: &Elf<'_>, sections: &[Section], symbol: &Symbol, names: &[u8]) -> String {
    if symbol.info & 15 == 3 && symbol.name == 0 {
        let section = usize::try_from(symbol.section).ok().and_then(|at| sections.get(at));
        return section.map_or_else(String::new, |section| elf.name(sections, section));
    }
    Elf::text(names, symbol.name)
}

/// Lines about the symbol tables.
pub fn symbols(elf: &Elf<'_>, long: bool) -> Vec<String> {
    let sections = elf.sections();
    let versions = Versions::new(elf, &sections);
    let mut lines = Vec::new();
    for section in sections.iter().filter(|section| matches!(section.kind, 2 | 11)) {
        let count = section.size / elf.symbol_size();
        let entries = if count == 1 { "1 entry" } else { &format!("{count} entries") };
        lines.extend([String::new(), format!("Symbol table '{}' contains {entries}:", elf.name(&sections, section))]);
        lines.push(
            if elf.wide {
                "   Num:    Value          Size Type    Bind   Vis      Ndx Name"
            } else {
                "   Num:    Value  Size Type    Bind   Vis      Ndx Name"
            }
            .to_owned(),
        );
        let link = usize::try_from(section.link).ok().and_then(|link| sections.get(link));
        let names = link.map(|link| elf.content(link)).unwrap_or_default();
        for (at, symbol) in elf.symbols(section.offset, section.size).enumerate() {
            let mut name = name(elf, &sections, &symbol, names);
            let version = if section.kind == 11 { versions.of(at as u64, symbol.section != 0) } else { None };
            let (version, number) = version.unwrap_or_default();
            let number = number.map_or_else(String::new, |number| format!(" ({number})"));
            // A version's own symbol has its name.
            let version = if version.trim_start_matches('@') == name { String::new() } else { version };
            if !long {
                name = if version.is_empty() { cut(&name, 21) } else { beside(&name, version.len() + number.len()) };
            }
            lines.push(symbol_line(elf, at, &symbol) + &name + &version + &number);
        }
    }
    lines
}

/// Name in the room of 21 characters that a version of this length leaves. Where it leaves none, GNU's program takes the
/// number without its sign for a width.
fn beside(name: &str, length: usize) -> String {
    let room = length.abs_diff(21);
    let cut = if name.chars().count() <= room {
        name.to_owned()
    } else {
        name.chars().take(room.saturating_sub(5)).chain("[...]".chars()).collect()
    };
    if length > 21 { format!("{cut:<room$}") } else { cut }
}

fn symbol_line(elf: &Elf<'_>, at: usize, symbol: &Symbol) -> String {
    let unknown = |number: u64| {
        move || match number {
            10..=12 => format!("<OS specific>: {number}"),
            13..=15 => format!("<processor specific>: {number}"),
            number => format!("<unknown>: {number}"),
        }
    };
    let kind = word(SYMBOLS, symbol.info & 15).map_or_else(unknown(symbol.info & 15), str::to_owned);
    let bind = word(BINDS, symbol.info >> 4).map_or_else(unknown(symbol.info >> 4), str::to_owned);
    let visibility = VISIBILITIES.get((symbol.other & 3) as usize).copied().unwrap_or_default();
    let size = if symbol.size > 99_999 { format!("{:#x}", symbol.size) } else { symbol.size.to_string() };
    let other = if symbol.other >> 2 == 0 { String::new() } else { format!("[<other>: {:x}] ", symbol.other & !3) };
    let (value, digits) = (symbol.value, elf.digits());
    let place = place(elf, symbol.section);
    format!("{at:6}: {value:0digits$x} {size:>5} {kind:<7} {bind:<6} {visibility:<7} {other}{place:>4} ")
}

/// Name of a kind of relocation.
fn relocation(elf: &Elf<'_>, kind: u64) -> String {
    let (table, machine) = match elf.head.machine {
        62 => (X86_64, "R_X86_64_"),
        183 => (AARCH64, "R_AARCH64_"),
        _ => (&[][..], ""),
    };
    word(table, kind).map_or_else(|| format!("unrecognized: {kind:<7x}"), |word| format!("{machine}{word}"))
}

/// Lines about the relocations.
pub fn relocations(elf: &Elf<'_>, long: bool) -> Vec<String> {
    let sections = elf.sections();
    let mut lines = Vec::new();
    for section in sections.iter().filter(|section| matches!(section.kind, 4 | 9) && section.size != 0) {
        let with_addend = section.kind == 4;
        let each = if elf.wide { 16 } else { 8 }
            + if !with_addend {
                0
            } else if elf.wide {
                8
            } else {
                4
            };
        let count = section.size / each;
        let entries = if count == 1 { "1 entry" } else { &format!("{count} entries") };
        lines.push(String::new());
        let (name, offset) = (elf.name(&sections, section), section.offset);
        lines.push(format!("Relocation section '{name}' at offset 0x{offset:x} contains {entries}:"));
        lines.push(heading(elf, long, with_addend));
        let table = Table::new(elf, &sections, section);
        let most = count.min(elf.bytes.len() as u64 / each);
        let places = (0..most).map_while(|at| section.offset.checked_add(at * each));
        lines.extend(places.map_while(|at| table.line(at, long, with_addend)));
    }
    for section in sections.iter().filter(|section| section.kind == 19 && section.size != 0) {
        lines.extend(packed(elf, &sections, section));
    }
    if lines.is_empty() {
        lines.extend([String::new(), "There are no relocations in this file.".to_owned()]);
    }
    lines
}

/// Relative relocations in their packed form: an address, then words whose bits stand for the places after it.
fn packed(elf: &Elf<'_>, sections: &[Section], section: &Section) -> Vec<String> {
    let each = elf.digits() as u64 / 2;
    let (count, digits) = (section.size / each, elf.digits());
    let most = count.min(elf.bytes.len() as u64 / each);
    let places = (0..most).map_while(|at| section.offset.checked_add(at * each));
    let (mut offsets, mut next) = (Vec::new(), 0_u64);
    for entry in places.map_while(|at| elf.fields(at)?.native()) {
        if entry & 1 == 0 {
            offsets.push(entry);
            next = entry.wrapping_add(each);
            continue;
        }
        let set = (1..each * 8).filter(|bit| entry >> bit & 1 != 0);
        offsets.extend(set.map(|bit| next.wrapping_add((bit - 1) * each)));
        next = next.wrapping_add((each * 8 - 1) * each);
    }
    let entries = if count == 1 { "1 entry" } else { &format!("{count} entries") };
    let name = elf.name(sections, section);
    let head = [
        String::new(),
        format!("Relocation section '{name}' at offset 0x{:x} contains {entries}:", section.offset),
        format!("  {} offsets", offsets.len()),
    ];
    head.into_iter().chain(offsets.iter().map(|offset| format!("{offset:0digits$x}"))).collect()
}

fn heading(elf: &Elf<'_>, long: bool, with_addend: bool) -> String {
    let text = match (elf.wide, long) {
        (true, false) => "  Offset          Info           Type           Sym. Value    Sym. Name",
        (true, true) => "    Offset             Info             Type               Symbol's Value  Symbol's Name",
        (false, false) => " Offset     Info    Type            Sym.Value  Sym. Name",
        (false, true) => " Offset     Info    Type                Sym. Value  Symbol's Name",
    };
    format!("{text}{}", if with_addend { " + Addend" } else { "" })
}

/// Relocations of one section, with the symbols that they name.
struct Table<'a> {
    elf: &'a Elf<'a>,
    sections: &'a [Section],
    symbols: Option<&'a Section>,
    names: &'a [u8],
    versions: Option<Versions<'a>>,
}

impl<'a> Table<'a> {
    fn new(elf: &'a Elf<'a>, sections: &'a [Section], section: &Section) -> Self {
        let at = |link: u64| usize::try_from(link).ok().and_then(|link| sections.get(link));
        let symbols = at(section.link).filter(|symbols| matches!(symbols.kind, 2 | 11));
        let names = symbols.and_then(|symbols| at(symbols.link)).map(|names| elf.content(names)).unwrap_or_default();
        let versions = symbols.filter(|symbols| symbols.kind == 11).map(|_| Versions::new(elf, sections));
        Self { elf, sections, symbols, names, versions }
    }

    fn symbol(&self, index: u64) -> Option<Symbol> {
        let table = self.symbols?;
        let at = table.offset.checked_add(index.checked_mul(self.elf.symbol_size())?)?;
        self.elf.symbols(at, self.elf.symbol_size()).next()
    }

    fn line(&self, at: u64, long: bool, with_addend: bool) -> Option<String> {
        let elf = self.elf;
        let mut f = elf.fields(at)?;
        let (offset, info) = (f.native()?, f.native()?);
        let addend = if with_addend { f.native()? } else { 0 };
        let (index, kind) = if elf.wide { (info >> 32, info & 0xffff_ffff) } else { (info >> 8, info & 0xff) };
        let kind = relocation(elf, kind);
        let (digits, width) = match (elf.wide, long) {
            (true, false) => (12, 17),
            (true, true) => (16, 22),
            (false, false) => (8, 17),
            (false, true) => (8, 22),
        };
        let kind = if long { kind } else { kind.chars().take(width).collect() };
        let head = format!("{offset:0digits$x}  {info:0digits$x} {kind:<width$}");
        // Addends are signed, and shown so.
        let signed = if elf.wide { addend.cast_signed() } else { i64::from((addend as u32).cast_signed()) };
        let sign = if signed < 0 { '-' } else { '+' };
        let symbol = if index == 0 { None } else { self.symbol(index) };
        let Some(symbol) = symbol else {
            let space = if elf.wide { 19 } else { 11 };
            let minus = if signed < 0 { "-" } else { "" };
            let value = format!("{minus}{:x}", signed.unsigned_abs());
            return Some(if with_addend { format!("{head} {}{value}", " ".repeat(space)) } else { head });
        };
        let name = name(elf, self.sections, &symbol, self.names);
        let version = self.versions.as_ref().and_then(|versions| versions.of(index, symbol.section != 0));
        let name = if long { name } else { cut(&name, 22) } + &version.unwrap_or_default().0;
        let value_digits = if elf.wide { 16 } else { 8 };
        let value = format!("{:0value_digits$x}", symbol.value);
        let more = if with_addend { format!(" {sign} {:x}", signed.unsigned_abs()) } else { String::new() };
        let between = if elf.wide { " " } else { "   " };
        Some(format!("{head} {value}{between}{name}{more}"))
    }
}
