//! The needs of a program in the ELF format: its loader and its libraries.

/// `DT_NEEDED`: the value is the place of a library's name among the strings.
const NEEDED: u64 = 1;

/// Path of the program that loads it; none for a library or a static program.
pub fn loader(file: &[u8]) -> Option<&str> {
    text(format::elf::section(file, ".interp")?, 0)
}

/// Names of the libraries that it asks for.
pub fn needed(file: &[u8]) -> Vec<&str> {
    let entries = format::elf::section(file, ".dynamic").unwrap_or_default();
    let strings = format::elf::section(file, ".dynstr").unwrap_or_default();
    let word = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).unwrap_or_default();
    let needed = entries.chunks_exact(16).filter(|entry| word(&entry[..8]) == NEEDED);
    needed.filter_map(|entry| text(strings, usize::try_from(word(&entry[8..])).ok()?)).collect()
}

/// The text that begins at `from` and ends with a zero.
fn text(bytes: &[u8], from: usize) -> Option<&str> {
    let rest = bytes.get(from..)?;
    std::str::from_utf8(rest.split(|byte| *byte == 0).next()?).ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_program_names_its_libraries() {
        // This one is linked with the C library, as tests are.
        let file = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(needed(&file).contains(&"libc.so.6"), "{:?}", needed(&file));
        assert!(loader(&file).unwrap().contains("/ld-linux"));
        assert!(needed(b"no program").is_empty() && loader(b"no program").is_none());
    }
}
