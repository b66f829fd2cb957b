//! Lines of `readelf` about the head of a file, its sections and its segments.

use crate::elf::{Elf, Section, Segment};
use crate::elf_words::{MACHINES, SECTIONS, SEGMENTS, SYSTEMS, word};

/// Word, or the number where there is none.
fn named(table: &[(u64, &'static str)], number: u64) -> String {
    word(table, number).map_or_else(|| format!("<unknown: {number:x}>"), str::to_owned)
}

/// Kind of the file.
fn kind(elf: &Elf<'_>, segments: &[Segment]) -> String {
    let dynamic = segments.iter().find(|segment| segment.kind == 2);
    let entries = dynamic.map(|dynamic| elf.dynamic(dynamic.offset, dynamic.in_file)).unwrap_or_default();
    let pie = entries.iter().any(|(tag, value)| *tag == 0x6fff_fffb && value & 0x0800_0000 != 0);
    match elf.head.kind {
        0 => "NONE (None)".to_owned(),
        1 => "REL (Relocatable file)".to_owned(),
        2 => "EXEC (Executable file)".to_owned(),
        3 if pie => "DYN (Position-Independent Executable file)".to_owned(),
        3 => "DYN (Shared object file)".to_owned(),
        4 => "CORE (Core file)".to_owned(),
        other => format!("<unknown>: {other:x}"),
    }
}

/// Lines about the head.
pub fn head(elf: &Elf<'_>) -> Vec<String> {
    let (head, ident) = (&elf.head, elf.part(0, 16));
    let byte = |at: usize| u64::from(ident.get(at).copied().unwrap_or(0));
    let class = word(&[(0, "none"), (1, "ELF32"), (2, "ELF64")], byte(4));
    let orders = &[(0, "none"), (1, "2's complement, little endian"), (2, "2's complement, big endian")];
    let sections = elf.sections();
    let more = |from_first: bool, value: Option<u64>| match value {
        Some(value) if from_first => format!(" ({value})"),
        _ => String::new(),
    };
    let first = sections.first();
    let version = if byte(6) == 1 { " (current)" } else { "" };
    let line = |name: &str, value: String| format!("  {name:<34} {value}");
    vec![
        "ELF Header:".to_owned(),
        format!("  Magic:   {} ", kit::hex::joined(ident, " ")),
        line("Class:", class.map_or_else(|| format!("<unknown: {:x}>", byte(4)), str::to_owned)),
        line("Data:", named(orders, byte(5))),
        line("Version:", format!("{}{version}", byte(6))),
        line("OS/ABI:", named(SYSTEMS, byte(7))),
        line("ABI Version:", byte(8).to_string()),
        line("Type:", kind(elf, &elf.segments())),
        line("Machine:", word(MACHINES, head.machine).map_or_else(|| format!("<unknown>: 0x{:x}", head.machine), str::to_owned)),
        line("Version:", format!("0x{:x}", head.version)),
        line("Entry point address:", format!("0x{:x}", head.entry)),
        line("Start of program headers:", format!("{} (bytes into file)", head.segments_at)),
        line("Start of section headers:", format!("{} (bytes into file)", head.sections_at)),
        line("Flags:", format!("0x{:x}", head.flags)),
        line("Size of this header:", format!("{} (bytes)", head.size)),
        line("Size of program headers:", format!("{} (bytes)", head.segment_size)),
        line("Number of program headers:", head.segments.to_string()),
        line("Size of section headers:", format!("{} (bytes)", head.section_size)),
        line(
            "Number of section headers:",
            format!("{}{}", head.sections, more(head.sections == 0, first.map(|s| s.size).filter(|n| *n != 0))),
        ),
        line(
            "Section header string table index:",
            format!("{}{}", head.names, more(head.names == 0xffff, first.map(|s| s.link))),
        ),
    ]
}

/// Flags of a section as letters.
fn letters(flags: u64) -> String {
    const LETTERS: [(u64, char); 13] = [
        (0x1, 'W'),
        (0x2, 'A'),
        (0x4, 'X'),
        (0x10, 'M'),
        (0x20, 'S'),
        (0x40, 'I'),
        (0x80, 'L'),
        (0x100, 'O'),
        (0x200, 'G'),
        (0x400, 'T'),
        (0x800, 'C'),
        (0x20_0000, 'R'),
        (0x8000_0000, 'E'),
    ];
    let mut letters: String = LETTERS.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, letter)| *letter).collect();
    let rest = flags & !LETTERS.iter().fold(0, |all, (bit, _)| all | bit);
    for (mask, letter) in [(0x0ff0_0000, 'o'), (0xf000_0000, 'p'), (!0xfff0_0000, 'x')] {
        if rest & mask != 0 {
            letters.push(letter);
        }
    }
    letters
}

/// Text of so many characters at most, with a mark where it was cut.
pub fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(5)).chain("[...]".chars()).collect()
}

/// Type of a section.
fn section_kind(elf: &Elf<'_>, kind: u64) -> String {
    let special = match (elf.head.machine, kind) {
        (62, 0x7000_0001) => Some("X86_64_UNWIND"),
        (40, 0x7000_0001) => Some("ARM_EXIDX"),
        (40, 0x7000_0003) => Some("ARM_ATTRIBUTES"),
        (243, 0x7000_0003) => Some("RISCV_ATTRIBUTES"),
        (8, 0x7000_0006) => Some("MIPS_REGINFO"),
        (8, 0x7000_001e) => Some("MIPS_DWARF"),
        (8, 0x7000_002a) => Some("MIPS_ABIFLAGS"),
        _ => None,
    };
    let unknown = || match kind {
        0x6000_0000..0x7000_0000 => format!("LOOS+{:#x}", kind - 0x6000_0000),
        0x7000_0000..0x8000_0000 => format!("LOPROC+{:#x}", kind - 0x7000_0000),
        0x8000_0000.. => format!("LOUSER+{:#x}", kind - 0x8000_0000),
        kind => format!("{kind:08x}: <unknown>"),
    };
    special.or_else(|| word(SECTIONS, kind)).map_or_else(unknown, str::to_owned)
}

/// Lines about the sections.
pub fn sections(elf: &Elf<'_>, long: bool, with_count: bool) -> Vec<String> {
    let sections = elf.sections();
    if sections.is_empty() {
        return vec![String::new(), "There are no sections in this file.".to_owned()];
    }
    let mut lines = Vec::new();
    if with_count {
        let verb = if sections.len() == 1 { "is 1 section header" } else { &format!("are {} section headers", sections.len()) };
        lines.push(format!("There {verb}, starting at offset 0x{:x}:", elf.head.sections_at));
    }
    let title = if sections.len() == 1 { "Section Header:" } else { "Section Headers:" };
    lines.extend([String::new(), title.to_owned()]);
    match (elf.wide, long) {
        (true, false) => {
            lines.push("  [Nr] Name              Type             Address           Offset".to_owned());
            lines.push("       Size              EntSize          Flags  Link  Info  Align".to_owned());
        }
        (true, true) => {
            lines.push("  [Nr] Name              Type            Address          Off    Size   ES Flg Lk Inf Al".to_owned());
        }
        (false, _) => lines.push("  [Nr] Name              Type            Addr     Off    Size   ES Flg Lk Inf Al".to_owned()),
    }
    for (at, s) in sections.iter().enumerate() {
        let name = elf.name(&sections, s);
        let name = if long { format!("{name:<17}") } else { format!("{:<17}", cut(&name, 17)) };
        let kind = section_kind(elf, s.kind);
        let flags = letters(s.flags);
        let Section { address, offset, size, link, info, align, each, .. } = *s;
        if elf.wide && !long {
            lines.push(format!("  [{at:2}] {name} {kind:<16.15} {address:016x}  {offset:08x}"));
            lines.push(format!("       {size:016x}  {each:016x} {flags:>3}      {link:2}   {info:3}     {align}"));
        } else {
            let digits = elf.digits();
            lines.push(format!(
                "  [{at:2}] {name} {kind:<15} {address:0digits$x} {offset:06x} {size:06x} {each:02x} {flags:>3} {link:2} {info:3} {align:2}"
            ));
        }
    }
    lines.push("Key to Flags:".to_owned());
    lines.push("  W (write), A (alloc), X (execute), M (merge), S (strings), I (info),".to_owned());
    lines.push("  L (link order), O (extra OS processing required), G (group), T (TLS),".to_owned());
    lines.push("  C (compressed), x (unknown), o (OS specific), E (exclude),".to_owned());
    lines.push(format!("  {}", key(elf)));
    lines
}

/// Last line of the key: which flags there are depends on machine and system.
fn key(elf: &Elf<'_>) -> String {
    let retain = if elf.part(7, 1) == [3] { "R (retain), " } else { "" };
    let machine = match elf.head.machine {
        62 => "l (large), ",
        40 => "y (purecode), ",
        20 => "v (VLE), ",
        _ => "",
    };
    format!("{retain}D (mbind), {machine}p (processor specific)")
}

/// Type of a segment.
fn segment_kind(elf: &Elf<'_>, kind: u64) -> String {
    let special = match (elf.head.machine, kind) {
        (40, 0x7000_0001) => Some("EXIDX"),
        (243, 0x7000_0003) => Some("RISCV_ATTRIBUT"),
        (8, 0x7000_0000) => Some("REGINFO"),
        (8, 0x7000_0003) => Some("ABIFLAGS"),
        _ => None,
    };
    let unknown = || match kind {
        0x6000_0000..0x7000_0000 => format!("LOOS+{:#x}", kind - 0x6000_0000),
        0x7000_0000..0x8000_0000 => format!("LOPROC+{:#x}", kind - 0x7000_0000),
        kind => format!("<unknown>: {kind:x}"),
    };
    special.or_else(|| word(SEGMENTS, kind)).map_or_else(unknown, str::to_owned)
}

/// Lines about the segments.
pub fn segments(elf: &Elf<'_>, long: bool, with_kind: bool) -> Vec<String> {
    let (sections, segments) = (elf.sections(), elf.segments());
    if segments.is_empty() {
        return vec![String::new(), "There are no program headers in this file.".to_owned()];
    }
    let mut lines = vec![String::new()];
    if with_kind {
        let many = if segments.len() == 1 { "is 1 program header" } else { &format!("are {} program headers", segments.len()) };
        lines.push(format!("Elf file type is {}", kind(elf, &segments)));
        lines.push(format!("Entry point 0x{:x}", elf.head.entry));
        lines.extend([format!("There {many}, starting at offset {}", elf.head.segments_at), String::new()]);
    }
    lines.push(if segments.len() == 1 { "Program Header:" } else { "Program Headers:" }.to_owned());
    match (elf.wide, long) {
        (true, false) => {
            lines.push("  Type           Offset             VirtAddr           PhysAddr".to_owned());
            lines.push("                 FileSiz            MemSiz              Flags  Align".to_owned());
        }
        (true, true) => {
            lines.push("  Type           Offset   VirtAddr           PhysAddr           FileSiz  MemSiz   Flg Align".to_owned());
        }
        (false, _) => lines.push("  Type           Offset   VirtAddr   PhysAddr   FileSiz MemSiz  Flg Align".to_owned()),
    }
    for s in &segments {
        segment(elf, s, long, &mut lines);
    }
    if !sections.is_empty() {
        mapping(elf, &sections, &segments, &mut lines);
    }
    lines
}

fn segment(elf: &Elf<'_>, s: &Segment, long: bool, lines: &mut Vec<String>) {
    let kind = segment_kind(elf, s.kind);
    let letter = |bit: u64, letter: char| if s.flags & bit != 0 { letter } else { ' ' };
    let flags: String = [letter(4, 'R'), letter(2, 'W'), letter(1, 'E')].into_iter().collect();
    let Segment { offset, address, physical, in_file, in_memory, align, .. } = *s;
    if elf.wide && !long {
        lines.push(format!("  {kind:<14} 0x{offset:016x} 0x{address:016x} 0x{physical:016x}"));
        lines.push(format!("                 0x{in_file:016x} 0x{in_memory:016x}  {flags}    0x{align:x}"));
    } else {
        let (digits, short) = (elf.digits(), if elf.wide { 6 } else { 5 });
        lines.push(format!(
            "  {kind:<14} 0x{offset:06x} 0x{address:0digits$x} 0x{physical:0digits$x} 0x{in_file:0short$x} 0x{in_memory:0short$x} {flags} 0x{align:x}",
        ));
    }
    if s.kind == 3 {
        let name = Elf::text(elf.part(offset, in_file), 0);
        lines.push(format!("      [Requesting program interpreter: {name}]"));
    }
}

fn mapping(elf: &Elf<'_>, sections: &[Section], segments: &[Segment], lines: &mut Vec<String>) {
    lines.extend([String::new(), " Section to Segment mapping:".to_owned(), "  Segment Sections...".to_owned()]);
    for (at, segment) in segments.iter().enumerate() {
        let inside = sections.iter().skip(1).filter(|section| holds(segment, section));
        let names: String = inside.map(|section| elf.name(sections, section) + " ").collect();
        lines.push(format!("   {at:02}     {names}"));
    }
}

/// Tells if a section lies in a segment, in the file and in memory.
fn holds(segment: &Segment, section: &Section) -> bool {
    const RELRO: u64 = 0x6474_e552;
    let (is_tls, no_bits, allocated) = (section.flags & 0x400 != 0, section.kind == 8, section.flags & 2 != 0);
    // Thread-local data that is zero takes no room but in the segment that describes it.
    if is_tls && no_bits && segment.kind != 7 {
        return false;
    }
    let fits = if is_tls { matches!(segment.kind, 1 | 7 | RELRO) } else { !matches!(segment.kind, 6 | 7) };
    let fits = fits && (allocated || !matches!(segment.kind, 1 | 2 | 0x6474_e550..=RELRO));
    let inside = |start: u64, length: u64, at: u64| {
        let ahead = at.checked_sub(start);
        ahead.is_some_and(|ahead| {
            (length == 0 || ahead < length) && ahead.checked_add(section.size).is_some_and(|end| end <= length)
        })
    };
    // An empty section at the edge of a list belongs to its neighbour.
    let at_edge = matches!(segment.kind, 2 | 4)
        && section.size == 0
        && segment.in_memory != 0
        && (!no_bits && section.offset == segment.offset || allocated && section.address == segment.address);
    let in_file = no_bits || inside(segment.offset, segment.in_file, section.offset);
    fits && in_file && (!allocated || inside(segment.address, segment.in_memory, section.address)) && !at_edge
}
