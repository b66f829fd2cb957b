//! Lines of `readelf` about the dynamic section and notes.

use crate::elf::Elf;
use crate::elf_words::{FLAGS, FLAGS_1, TAGS, word};

/// Lines about the dynamic section.
pub fn dynamic(elf: &Elf<'_>) -> Vec<String> {
    let segments = elf.segments();
    let Some(segment) = segments.iter().find(|segment| segment.kind == 2) else {
        return vec![String::new(), "There is no dynamic section in this file.".to_owned()];
    };
    let entries = elf.dynamic(segment.offset, segment.in_file);
    let value = |tag: u64| entries.iter().find(|(known, _)| *known == tag).map(|(_, value)| *value);
    let texts = value(5).and_then(|address| Elf::place(&segments, address));
    let texts = texts.map(|place| elf.part(place, value(10).unwrap_or(0))).unwrap_or_default();
    let count = if entries.len() == 1 { "1 entry" } else { &format!("{} entries", entries.len()) };
    let mut lines = vec![
        String::new(),
        format!("Dynamic section at offset 0x{:x} contains {count}:", segment.offset),
        format!("  Tag        Type{}Name/Value", " ".repeat(25)),
    ];
    let digits = elf.digits();
    for (tag, value) in entries {
        let name = word(TAGS, tag).map_or_else(|| format!("<unknown>: {tag:x}"), str::to_owned);
        let width = if elf.wide { 18 } else { 26 };
        let between = " ".repeat(usize::saturating_sub(width, name.len()));
        lines.push(format!(" 0x{tag:0digits$x} ({name}){between} {}", shown(tag, value, texts)));
    }
    lines
}

fn shown(tag: u64, value: u64, texts: &[u8]) -> String {
    let text = || Elf::text(texts, value);
    match tag {
        1 => format!("Shared library: [{}]", text()),
        14 => format!("Library soname: [{}]", text()),
        15 => format!("Library rpath: [{}]", text()),
        29 => format!("Library runpath: [{}]", text()),
        0x7fff_fffd => format!("Auxiliary library: [{}]", text()),
        0x7fff_ffff => format!("Filter library: [{}]", text()),
        2 | 8 | 9 | 10 | 11 | 18 | 19 | 27 | 28 | 33 | 35 | 37 => format!("{value} (bytes)"),
        20 if value == 7 => "RELA".to_owned(),
        20 if value == 17 => "REL".to_owned(),
        30 => flags(value, FLAGS),
        0x6fff_fffb => format!("Flags:{}", named(value, FLAGS_1)),
        0x6fff_fff9 | 0x6fff_fffa | 0x6fff_fffd | 0x6fff_ffff => value.to_string(),
        _ => format!("0x{value:x}"),
    }
}

fn flags(value: u64, names: &[&str]) -> String {
    named(value, names).trim_start().to_owned()
}

/// Names of bits, each after a blank, and what has none.
fn named(value: u64, names: &[&str]) -> String {
    let set = names.iter().enumerate().filter(|(bit, _)| value >> bit & 1 != 0);
    let words: Vec<_> = set.map(|(_, name)| format!(" {name}")).collect();
    let rest = value.checked_shr(names.len() as u32).unwrap_or(0) << names.len();
    if rest == 0 { words.concat() } else { format!("{} {rest:x}", words.concat()) }
}

/// Lines about the notes of all sections, or of all segments where there are no sections.
pub fn notes(elf: &Elf<'_>) -> Vec<String> {
    let sections = elf.sections();
    let mut lines = Vec::new();
    let mut add = |title: String, at: u64, size: u64, align: u64| {
        lines.extend([String::new(), title]);
        lines.push("  Owner                Data size \tDescription".to_owned());
        lines.extend(of(elf, elf.part(at, size), align));
    };
    for section in sections.iter().filter(|section| section.kind == 7) {
        let title = format!("Displaying notes found in: {}", elf.name(&sections, section));
        add(title, section.offset, section.size, section.align);
    }
    if sections.is_empty() {
        for s in elf.segments().iter().filter(|segment| segment.kind == 4) {
            let title = format!("Displaying notes found at file offset 0x{:08x} with length 0x{:08x}:", s.offset, s.in_file);
            add(title, s.offset, s.in_file, s.align);
        }
    }
    lines
}

fn of(elf: &Elf<'_>, bytes: &[u8], align: u64) -> Vec<String> {
    let align = if align == 8 { 8 } else { 4 };
    let number = |at: usize| {
        let bytes = bytes.get(at..at + 4)?;
        let add = |number: usize, byte: &u8| number << 8 | usize::from(*byte);
        Some(if elf.big { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) })
    };
    let mut lines = Vec::new();
    let mut at = 0;
    while let (Some(name_size), Some(size), Some(kind)) = (number(at), number(at + 4), number(at + 8)) {
        let start = (at + 12 + name_size).next_multiple_of(align);
        let (Some(name), Some(data)) = (bytes.get(at + 12..at + 12 + name_size), bytes.get(start..start + size)) else {
            break;
        };
        let owner = Elf::text(name, 0);
        lines.push(format!("  {owner:<20} 0x{size:08x}\t{}", describe(&owner, kind)));
        lines.extend(detail(elf, &owner, kind, data));
        at = (start + size).next_multiple_of(align);
    }
    lines
}

fn describe(owner: &str, kind: usize) -> String {
    let known = match (owner, kind) {
        ("GNU", 1) => "NT_GNU_ABI_TAG (ABI version tag)",
        ("GNU", 2) => "NT_GNU_HWCAP (DSO-supplied software HWCAP info)",
        ("GNU", 3) => "NT_GNU_BUILD_ID (unique build ID bitstring)",
        ("GNU", 4) => "NT_GNU_GOLD_VERSION (gold version)",
        ("GNU", 5) => "NT_GNU_PROPERTY_TYPE_0",
        ("Go", 4) => "GO BUILDID",
        ("FDO", 0xcafe_1a7e) => "FDO_PACKAGING_METADATA",
        ("stapsdt", 3) => "NT_STAPSDT (SystemTap probe descriptors)",
        ("CORE" | "LINUX", 1) => "NT_PRSTATUS (prstatus structure)",
        ("CORE", 2) => "NT_FPREGSET (floating point registers)",
        ("CORE", 3) => "NT_PRPSINFO (prpsinfo structure)",
        ("CORE", 6) => "NT_AUXV (auxiliary vector)",
        ("CORE", 0x4649_4c45) => "NT_FILE (mapped files)",
        ("CORE", 0x5349_4749) => "NT_SIGINFO (siginfo_t data)",
        ("LINUX", 0x202) => "NT_X86_XSTATE (x86 XSAVE extended state)",
        (_, 0x100) => "OPEN",
        (_, 0x101) => "func",
        (_, 1) => "NT_VERSION (version)",
        (_, 2) => "NT_ARCH (architecture)",
        _ => return format!("Unknown note type: (0x{kind:08x})"),
    };
    known.to_owned()
}

fn detail(elf: &Elf<'_>, owner: &str, kind: usize, data: &[u8]) -> Vec<String> {
    let word = |at: usize| {
        let bytes = data.get(at..at + 4)?;
        let add = |number: u32, byte: &u8| number << 8 | u32::from(*byte);
        Some(if elf.big { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) })
    };
    match (owner, kind) {
        ("GNU", 1) => {
            const SYSTEMS: [&str; 6] = ["Linux", "Hurd", "Solaris", "FreeBSD", "NetBSD", "Syllable"];
            let (Some(system), Some(a), Some(b), Some(c)) = (word(0), word(4), word(8), word(12)) else { return Vec::new() };
            let system = SYSTEMS.get(system as usize).copied().unwrap_or("Unknown");
            vec![format!("    OS: {system}, ABI: {a}.{b}.{c}")]
        }
        ("GNU", 3) => vec![format!("    Build ID: {}", kit::hex::encode(data))],
        ("GNU", 4) => vec![format!("    Version: {}", Elf::text(data, 0))],
        ("GNU", 5) => properties(elf, data, &word),
        ("FDO", 0xcafe_1a7e) => vec![format!("    Packaging Metadata: {}", Elf::text(data, 0))],
        ("stapsdt", 3) => probe(elf, data),
        ("GNU" | "CORE" | "LINUX", _) => Vec::new(),
        _ if data.is_empty() => Vec::new(),
        _ => vec![format!("   description data: {} ", kit::hex::joined(data, " "))],
    }
}

/// Probe of SystemTap: three addresses and three texts.
fn probe(elf: &Elf<'_>, data: &[u8]) -> Vec<String> {
    let (each, digits) = (elf.digits() / 2, elf.digits());
    let Some((numbers, texts)) = data.split_at_checked(3 * each) else { return Vec::new() };
    let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
    let number = |part: &[u8]| if elf.big { part.iter().fold(0, add) } else { part.iter().rev().fold(0, add) };
    let numbers: Vec<_> = numbers.chunks(each).map(|part| format!("0x{:0digits$x}", number(part))).collect();
    let mut texts = texts.split(|byte| *byte == 0).map(|text| Elf::text(text, 0));
    let mut text = || texts.next().unwrap_or_default();
    let (provider, name, arguments) = (text(), text(), text());
    let [location, base, semaphore] = numbers.as_slice() else { return Vec::new() };
    vec![
        format!("    Provider: {provider}"),
        format!("    Name: {name}"),
        format!("    Location: {location}, Base: {base}, Semaphore: {semaphore}"),
        format!("    Arguments: {arguments}"),
    ]
}

/// Properties: type and size, and data up to a multiple of the file's width.
fn properties(elf: &Elf<'_>, data: &[u8], word: &dyn Fn(usize) -> Option<u32>) -> Vec<String> {
    let mut texts = Vec::new();
    let mut at = 0;
    while let (Some(kind), Some(size)) = (word(at), word(at + 4)) {
        let size = size as usize;
        if data.len() < at + 8 || data.len() - at - 8 < size {
            break;
        }
        let value = if size == 4 { word(at + 8).unwrap_or(0) } else { 0 };
        texts.push(property(elf, kind, size, value));
        at = (at + 8 + size).next_multiple_of(if elf.wide { 8 } else { 4 });
    }
    let first = "      Properties: ";
    texts.iter().enumerate().map(|(at, text)| format!("{}{text}", if at == 0 { first } else { "\t" })).collect()
}

fn property(elf: &Elf<'_>, kind: u32, size: usize, value: u32) -> String {
    let list = |names: &[&str]| {
        let set = names.iter().enumerate().filter(|(bit, _)| value >> bit & 1 != 0).map(|(_, name)| *name);
        let text = set.collect::<Vec<_>>().join(", ");
        if text.is_empty() { "<None>".to_owned() } else { text }
    };
    let levels = &["x86-64-baseline", "x86-64-v2", "x86-64-v3", "x86-64-v4"];
    match (elf.head.machine, kind) {
        (3 | 62, 0xc000_0002) => format!("x86 feature: {}", list(&["IBT", "SHSTK", "LAM_U48", "LAM_U57"])),
        (3 | 62, 0xc000_8002) => format!("x86 ISA needed: {}", list(levels)),
        (3 | 62, 0xc001_0002) => format!("x86 ISA used: {}", list(levels)),
        (3 | 62, 0xc000_8001) => {
            format!(
                "x86 feature needed: {}",
                list(&["x86", "x87", "MMX", "XMM", "YMM", "ZMM", "FXSR", "XSAVE", "XSAVEOPT", "XSAVEC", "TMM", "MASK"])
            )
        }
        (3 | 62, 0xc001_0001) => {
            format!(
                "x86 feature used: {}",
                list(&["x86", "x87", "MMX", "XMM", "YMM", "ZMM", "FXSR", "XSAVE", "XSAVEOPT", "XSAVEC", "TMM", "MASK"])
            )
        }
        (183, 0xc000_0000) => format!("AArch64 feature: {}", list(&["BTI", "PAC"])),
        (_, 1) => "stack size: ".to_owned(),
        (_, 2) => "no copy on protected ".to_owned(),
        _ => format!("<unknown type 0x{kind:x} data: {size} bytes>"),
    }
}
