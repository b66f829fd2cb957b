//! `efivar` lists, shows and writes variables of the UEFI firmware.
//!
//! ```text
//! efivar -l
//! efivar -p -n 8be4df61-93ca-11d2-aa0d-00e098032b8c-BootOrder
//! efivar -w -n 605dab50-e046-4300-abb6-3dd810dd8b23-Mine -f value.bin
//! efivar -a -n GUID-NAME -f more.bin      adds to the value
//! ```
//!
//! A write to a wrong variable can keep a machine from starting: note what was there before.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;
use kit::{Applet, Error, Exit, Place, Result, parse};

use crate::attribute::{bounded, parse as number};
use crate::efi_store::{APPEND, Store, USUAL, split};
use crate::output::show;

/// Variables of the firmware.
pub const EFIVAR: Applet =
    Applet { name: "efivar", about: "list, show and write variables of the UEFI firmware", place: Place::Bin, run };

/// Bytes of a value that is written.
const LARGEST: u64 = 1 << 20;

/// Names of attributes, the lowest bit first.
const ATTRIBUTES: [&str; 7] = [
    "Non-Volatile",
    "Boot Service Access",
    "Runtime Service Access",
    "Hardware Error Record",
    "Authenticated Write Access",
    "Time-Based Authenticated Write Access",
    "Append Write",
];

#[derive(Parser)]
struct Options {
    /// List the variables.
    #[arg(short, long, group = "function")]
    list: bool,
    /// Show a variable.
    #[arg(short, long, group = "function", requires = "name")]
    print: bool,
    /// Show the value of a variable in decimal bytes.
    #[arg(short = 'd', long, group = "function", requires = "name")]
    print_decimal: bool,
    /// Write a variable.
    #[arg(short, long, group = "function", requires_all = ["name", "fromfile"])]
    write: bool,
    /// Add to a variable.
    #[arg(short, long, group = "function", requires_all = ["name", "fromfile"])]
    append: bool,
    /// Variable, as GUID-NAME.
    #[arg(short, long, value_name = "GUID-NAME")]
    name: Option<String>,
    /// Take the value from this file.
    #[arg(short, long, value_name = "FILE")]
    fromfile: Option<PathBuf>,
    /// Write with these attributes in place of those that it has (7 for a new one).
    #[arg(short = 't', long, value_name = "NUMBER")]
    attributes: Option<String>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&EFIVAR, args)?;
    let store = Store::of_system()?;
    if options.list {
        let turned = |name: &String| split(name).map(|(name, guid)| format!("{guid}-{name}"));
        show(&store.names().iter().filter_map(turned).collect::<Vec<_>>())?;
        return Ok(Exit::OK);
    }
    let given = options.name.as_deref().ok_or_else(|| Error::usage("-l, -p, -d, -w or -a is missing"))?;
    let name = turned(given).ok_or_else(|| Error::usage(format!("{given}: not of the form GUID-NAME")))?;
    let old = store.read(&name)?;
    if let Some(file) = options.fromfile.as_deref().filter(|_| options.write || options.append) {
        let value = bounded(file, LARGEST)?;
        let wanted = options.attributes.as_deref().map(|text| {
            let number = number(text).and_then(|n| u32::try_from(n).ok());
            number.ok_or_else(|| Error::usage(format!("{text}: not a number")))
        });
        let kept = old.map_or(USUAL, |(attributes, _)| attributes);
        let add = if options.append { APPEND } else { 0 };
        store.write(&name, wanted.transpose()?.unwrap_or(kept) | add, &value)?;
        return Ok(Exit::OK);
    }
    let (attributes, value) = old.ok_or_else(|| Error::new(format!("{given}: no such variable")))?;
    if options.print_decimal {
        // A blank after each byte, and one more after each eighth.
        let byte = |(at, byte): (usize, &u8)| if at % 8 == 7 { format!("{byte}  ") } else { format!("{byte} ") };
        show(&[value.iter().enumerate().map(byte).collect::<String>()])?;
    } else if options.print {
        show(&shown(&name, attributes, &value))?;
    } else {
        return Err(Error::usage("-p, -d, -w or -a is missing"));
    }
    Ok(Exit::OK)
}

/// `NAME-GUID` of `GUID-NAME`.
fn turned(name: &str) -> Option<String> {
    let (guid, name) = (name.get(..36)?, name.get(36..)?.strip_prefix('-')?);
    let turned = format!("{name}-{}", guid.to_ascii_lowercase());
    split(&turned).is_some().then_some(turned)
}

fn shown(name: &str, attributes: u32, value: &[u8]) -> Vec<String> {
    let (name, guid) = split(name).unwrap_or_default();
    let mut lines = vec![format!("GUID: {guid}"), format!("Name: \"{name}\""), "Attributes:".to_owned()];
    let set = ATTRIBUTES.iter().enumerate().filter(|(bit, _)| attributes >> bit & 1 != 0);
    lines.extend(set.map(|(_, name)| format!("\t{name}")));
    lines.push("Value:".to_owned());
    for (at, part) in value.chunks(16).enumerate() {
        let byte = |at: usize| part.get(at).map_or("   ".to_owned(), |byte| format!("{byte:02x} "));
        let bytes: Vec<String> = (0..16).map(byte).collect();
        let (left, right) = bytes.split_at(8);
        let text: String = part.iter().map(|b| if (0x20..0x7f).contains(b) { char::from(*b) } else { '.' }).collect();
        lines.push(format!("{:08x}  {} {} |{text:<16}|", at * 16, left.concat(), right.concat()));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_two_orders() {
        let guid = "8BE4DF61-93ca-11d2-aa0d-00e098032b8c";
        assert_eq!(turned(&format!("{guid}-Boot-1")), Some(format!("Boot-1-{}", guid.to_lowercase())));
        assert_eq!((turned(guid), turned("x"), turned(&format!("{guid}x-"))), (None, None, None));
    }

    #[test]
    fn values_are_shown_in_bytes() {
        let lines = shown("A-8be4df61-93ca-11d2-aa0d-00e098032b8c", 7, b"0123456789abcdef\x01");
        assert_eq!(lines[3..6], ["\tNon-Volatile", "\tBoot Service Access", "\tRuntime Service Access"]);
        assert_eq!(lines[7], "00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|");
    }
}
