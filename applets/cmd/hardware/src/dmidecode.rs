//! `dmidecode` shows what the firmware tells about the machine: maker, model, serial numbers, memory modules (SMBIOS).
//!
//! ```text
//! dmidecode                       all structures
//! dmidecode -t memory             memory, with its modules; -t takes numbers, too: -t 16,17
//! dmidecode -s system-uuid        one text, for scripts
//! dmidecode --from-dump FILE      what another machine's `dmidecode --dump-bin` wrote
//! ```
//!
//! The tables come from `/sys/firmware/dmi/tables`. Types that are rarely asked for are shown in bytes;
//! of a processor the signature, the flags and the kind of socket are left out (`lscpu` has the flags).

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Parser;
use kit::{Applet, Error, Exit, Place, Result, parse};

use crate::attribute::{bounded, parse as number};
use crate::dmi::{Entry, Structure, entry, structures};
use crate::dmi_fields::{fields, title};
use crate::dmi_form::{capacity, shown};
use crate::dmi_memory;
use crate::output::show;

/// Firmware's tables.
pub const DMIDECODE: Applet =
    Applet { name: "dmidecode", about: "show what the firmware tells about the machine", place: Place::Sbin, run };

/// Bytes of a table. Those of servers have some 20 KiB; 3.0 allows more than 64 KiB.
const LARGEST: u64 = 1 << 20;

/// Words for types.
const TYPES: [(&str, &[u8]); 9] = [
    ("bios", &[0, 13]),
    ("system", &[1, 12, 15, 23, 32]),
    ("baseboard", &[2, 10, 41]),
    ("chassis", &[3]),
    ("processor", &[4]),
    ("memory", &[5, 6, 16, 17]),
    ("cache", &[7]),
    ("connector", &[8]),
    ("slot", &[9]),
];

/// Words for fields that are shown alone: type and name of the field.
const KEYWORDS: [(&str, u8, &str); 26] = [
    ("bios-vendor", 0, "Vendor"),
    ("bios-version", 0, "Version"),
    ("bios-release-date", 0, "Release Date"),
    ("bios-revision", 0, "BIOS Revision"),
    ("firmware-revision", 0, "Firmware Revision"),
    ("system-manufacturer", 1, "Manufacturer"),
    ("system-product-name", 1, "Product Name"),
    ("system-version", 1, "Version"),
    ("system-serial-number", 1, "Serial Number"),
    ("system-uuid", 1, "UUID"),
    ("system-sku-number", 1, "SKU Number"),
    ("system-family", 1, "Family"),
    ("baseboard-manufacturer", 2, "Manufacturer"),
    ("baseboard-product-name", 2, "Product Name"),
    ("baseboard-version", 2, "Version"),
    ("baseboard-serial-number", 2, "Serial Number"),
    ("baseboard-asset-tag", 2, "Asset Tag"),
    ("chassis-manufacturer", 3, "Manufacturer"),
    ("chassis-type", 3, "Type"),
    ("chassis-version", 3, "Version"),
    ("chassis-serial-number", 3, "Serial Number"),
    ("chassis-asset-tag", 3, "Asset Tag"),
    ("processor-family", 4, "Family"),
    ("processor-manufacturer", 4, "Manufacturer"),
    ("processor-version", 4, "Version"),
    ("processor-frequency", 4, "Current Speed"),
];

#[derive(Parser)]
struct Options {
    /// Show structures of these types alone: numbers, or a word such as memory.
    #[arg(short = 't', long = "type", value_name = "TYPE", value_delimiter = ',')]
    types: Vec<String>,
    /// Show one text, for example system-uuid.
    #[arg(short, long, value_name = "KEYWORD", conflicts_with = "types")]
    string: Option<String>,
    /// Leave away handles and what is no field.
    #[arg(short, long)]
    quiet: bool,
    /// Read the tables from a file.
    #[arg(long, value_name = "FILE")]
    from_dump: Option<PathBuf>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&DMIDECODE, args)?;
    show(&lines(Path::new("/"), &options)?)?;
    Ok(Exit::OK)
}

fn lines(root: &Path, options: &Options) -> Result<Vec<String>> {
    let types = types(&options.types)?;
    let keyword = options.string.as_deref().map(keyword).transpose()?;
    let (from, entry, table) = tables(root, options.from_dump.as_deref())?;
    let found = structures(&table);
    if let Some((kind, name)) = keyword {
        let of_type = found.iter().filter(|s| s.kind() == kind);
        return Ok(of_type.filter_map(|s| field(s, name)).collect());
    }
    let mut lines = Vec::new();
    if !options.quiet {
        let (major, minor, revision) = entry.version;
        let revision = revision.map_or_else(String::new, |revision| format!(".{revision}"));
        lines.extend(["# dmidecode of kutties".to_owned(), from, format!("SMBIOS {major}.{minor}{revision} present.")]);
        if options.types.is_empty() {
            lines.extend(entry.count.map(|count| format!("{count} structures occupying {} bytes.", entry.length)));
            let place = format!("Table at 0x{:08X}.", entry.address);
            lines.extend(options.from_dump.is_none().then_some(place));
        }
        lines.push(String::new());
    }
    let chosen = found.iter().filter(|s| options.types.is_empty() || types.contains(&s.kind()));
    for s in chosen.filter(|s| !options.quiet || !matches!(s.kind(), 126 | 127)) {
        if !options.quiet {
            lines.push(format!("Handle 0x{:04X}, DMI type {}, {} bytes", s.handle(), s.kind(), s.bytes.len()));
        }
        lines.push(title(s.kind()).to_owned());
        lines.extend(body(s, options.quiet).lines().map(str::to_owned));
        lines.push(String::new());
    }
    Ok(lines)
}

fn types(words: &[String]) -> Result<Vec<u8>> {
    let mut types = Vec::new();
    for word in words {
        let known = TYPES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, types)| types.to_vec());
        let by_number = || number(word).and_then(|number| u8::try_from(number).ok()).map(|number| vec![number]);
        let wrong = || {
            let names = TYPES.map(|(name, _)| name).join(", ");
            Error::usage(format!("{word}: types are numbers up to 255, or {names}"))
        };
        types.extend(known.or_else(by_number).ok_or_else(wrong)?);
    }
    Ok(types)
}

fn keyword(word: &str) -> Result<(u8, &'static str)> {
    let found = KEYWORDS.iter().find(|(name, ..)| name.eq_ignore_ascii_case(word));
    let names = || KEYWORDS.map(|(name, ..)| format!("\n  {name}")).concat();
    let wrong = || Error::usage(format!("{word}: no such keyword; there are:{}", names()));
    found.map(|(_, kind, name)| (*kind, *name)).ok_or_else(wrong)
}

/// Tables with a line that tells their source.
fn tables(root: &Path, dump: Option<&Path>) -> Result<(String, Entry, Vec<u8>)> {
    if let Some(dump) = dump {
        let mut bytes = bounded(dump, LARGEST)?;
        let entry = entry(&bytes).map_err(|e| e.below(dump.display()))?;
        let start = usize::try_from(entry.address).ok().filter(|start| *start <= bytes.len());
        let start = start.ok_or_else(|| Error::new(format!("{}: the table is not in the file", dump.display())))?;
        bytes.drain(..start);
        bytes.truncate(entry.length as usize);
        return Ok((format!("Reading SMBIOS/DMI data from file {}.", dump.display()), entry, bytes));
    }
    let directory = root.join("sys/firmware/dmi/tables");
    if !directory.exists() {
        return Err(Error::new("the firmware of this machine shows no SMBIOS tables"));
    }
    let entry = entry(&bounded(&directory.join("smbios_entry_point"), 64)?)?;
    let table = bounded(&directory.join("DMI"), LARGEST)?;
    Ok(("Getting SMBIOS data from sysfs.".to_owned(), entry, table))
}

fn field(s: &Structure<'_>, name: &str) -> Option<String> {
    let (at, _, form) = fields(s.kind())?.iter().find(|(_, known, _)| *known == name)?;
    shown(s, *at, form)
}

/// Lines of a structure. Takes any bytes; the lengths in them bound the text.
fn body(s: &Structure<'_>, quiet: bool) -> String {
    let line = |word: &str, (at, text): (usize, String)| format!("\t{word} {}: {text}\n", at + 1);
    let numbered = |word: &str| s.strings().enumerate().map(|text| line(word, text)).collect::<Vec<_>>().concat();
    match s.kind() {
        11 => return numbered("String"),
        12 => return numbered("Option"),
        _ => {}
    }
    let Some(fields) = fields(s.kind()) else { return raw(s) };
    let empty = s.kind() == 17 && s.word(0x0c) == Some(0);
    let fields =
        fields.iter().filter(|(at, name, _)| (!empty || *at < dmi_memory::OF_MODULE) && !(quiet && name.ends_with(" Handle")));
    let line = |(at, name, form): &(usize, &str, _)| {
        let text = shown(s, *at, form)?;
        let between = if text.is_empty() || text.starts_with('\n') { "" } else { " " };
        Some(format!("\t{name}:{between}{text}\n"))
    };
    fields.filter_map(line).collect()
}

fn raw(s: &Structure<'_>) -> String {
    let lines = s.bytes.chunks(16).map(|part| format!("\t\t{}\n", kit::hex::joined(part, " ").to_uppercase()));
    let strings: Vec<_> = s.strings().map(|text| format!("\t\t{text}\n")).collect();
    let heading = if strings.is_empty() { "" } else { "\tStrings:\n" };
    ["\tHeader and Data:\n".to_owned()].into_iter().chain(lines).chain([heading.to_owned()]).chain(strings).collect()
}

/// Reads any bytes as entry point and table, as `--from-dump` does, for the fuzzer. No structure becomes longer than its
/// fields can be.
pub fn any(bytes: &[u8]) -> usize {
    let _ = entry(bytes);
    let _ = capacity(bytes.len() as u64, 0);
    structures(bytes).iter().map(|s| body(s, false).len()).sum()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn tables_are_read_from_sys() {
        let root = std::env::temp_dir().join(format!("dmi-{}", std::process::id()));
        let path = root.join("sys/firmware/dmi/tables");
        std::fs::create_dir_all(&path).unwrap();
        let mut head = b"_SM3_\0\x18\x03\x02\x00\x01\x00\x40\0\0\0\0\0\0\0\0\0\0\0".to_vec();
        head[5] = head.iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte));
        std::fs::write(path.join("smbios_entry_point"), head).unwrap();
        let table =
            [&[1, 8, 0, 1, 1, 2, 0, 3][..], b"Maker\0Model\0S1\0\0", &[200, 5, 2, 0, 7, 0, 0], &[127, 4, 3, 0, 0, 0]].concat();
        std::fs::write(path.join("DMI"), &table).unwrap();
        let shown = |args: &[&str]| lines(&root, &Options::try_parse_from([&["dmidecode"], args].concat()).unwrap());
        assert_eq!(shown(&["-s", "system-product-name"]).unwrap(), ["Model"]);
        assert_eq!(shown(&["-q", "-t", "200"]).unwrap(), ["OEM-specific Type", "\tHeader and Data:", "\t\tC8 05 02 00 07", ""]);
        assert_eq!(shown(&["-q", "-t", "system"]).unwrap()[3], "\tVersion: Not Specified");
        assert_eq!(shown(&[]).unwrap()[2], "SMBIOS 3.2.0 present.");
        assert!(shown(&["-t", "256"]).is_err() && shown(&["-s", "nope"]).is_err());
        for end in 0..table.len() {
            any(&table[..end]);
        }
        std::fs::remove_dir_all(&root).unwrap();
        assert!(shown(&[]).is_err());
    }
}
