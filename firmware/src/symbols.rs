//! Bytes of the binary by crate: the sizes of its symbols, by the crate that their names begin with.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use format::elf;

/// A symbol of ELF64: its name's place, and its size.
const SYMBOL: usize = 24;
const SIZE_AT: usize = 16;
/// Label of bytes that belong to no crate.
const NATIVE: &str = "(C and assembly)";

/// Bytes by crate, out of a program with its symbols.
pub fn crates(program: &[u8]) -> Result<BTreeMap<String, u64>> {
    let symbols = elf::section(program, ".symtab").context("read the program's symbols: it has none")?;
    let names = elf::section(program, ".strtab").context("read the program's symbols: they have no names")?;
    let mut sums = BTreeMap::new();
    for symbol in symbols.chunks_exact(SYMBOL) {
        let name = u32::from_le_bytes(symbol[..4].try_into()?) as usize;
        let size = u64::from_le_bytes(symbol[SIZE_AT..SYMBOL].try_into()?);
        let name = names.get(name..).unwrap_or_default().split(|byte| *byte == 0).next().unwrap_or_default();
        if size > 0 {
            *sums.entry(crate_of(&String::from_utf8_lossy(name))).or_default() += size;
        }
    }
    Ok(sums)
}

/// A mangled name's crate, in either of Rust's schemes.
fn crate_of(name: &str) -> String {
    let found = match (name.strip_prefix("_ZN"), name.strip_prefix("_R")) {
        (Some(rest), _) => legacy(rest),
        (_, Some(rest)) => v0(rest),
        _ => None,
    };
    found.unwrap_or(NATIVE).to_owned()
}

/// `4core3fmt…`, or `63_$LT$alloc..vec..Vec$LT$T$GT$…` for what a type was given.
fn legacy(rest: &str) -> Option<&str> {
    let first = counted(rest)?;
    let mut plain = first.trim_start_matches('_');
    for mark in ["$LT$", "$RF$", "mut$u20$", "dyn$u20$", "$u5b$", "$LP$", "$BP$const$u20$", "$BP$mut$u20$"] {
        plain = plain.strip_prefix(mark).unwrap_or(plain);
    }
    let end = plain.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(plain.len());
    // A type without a crate in front is the language's own, or a parameter.
    Some(&plain[..end]).filter(|name| name.len() > 1 && plain[end..].starts_with("..") || plain == first)
}

/// The first `C`, a number that sets crates of a name apart, and the name: `Cs5pm_4core`.
fn v0(rest: &str) -> Option<&str> {
    rest.match_indices('C').find_map(|(at, _)| {
        let after = &rest[at + 1..];
        let name = match after.strip_prefix('s') {
            Some(number) => number.split_once('_').map(|(_, name)| name)?,
            None => after,
        };
        counted(name)
    })
}

/// A length and that many bytes; an underscore between them sets digits apart.
fn counted(text: &str) -> Option<&str> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let len: usize = text[..digits].parse().ok().filter(|len| *len > 0)?;
    let rest = &text[digits..];
    rest.strip_prefix('_').filter(|_| rest.get(..len).is_none()).unwrap_or(rest).get(..len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_by_name() {
        for (name, expected) in [
            ("_ZN4core3fmt5write17h0123456789abcdefE", "core"),
            ("_ZN63_$LT$alloc..vec..Vec$LT$T$GT$$u20$as$u20$core..ops..drop..Drop$GT$4drop17h0E", "alloc"),
            ("_RNvNtCs5pmPq_4core3fmt5write", "core"),
            ("_RNvXs_Cs1a_7kuttiesNtB4_1XNtNtCs5pmPq_4core3fmt5Debug3fmt", "kutties"),
            ("aes_gcm_enc", NATIVE),
        ] {
            assert_eq!(crate_of(name), expected, "{name}");
        }
    }

    #[test]
    fn a_program_without_symbols_is_refused() {
        let error = crates(b"\x7fELF").map_err(|e| e.to_string());
        assert_eq!(error, Err("read the program's symbols: it has none".to_owned()));
    }
}
