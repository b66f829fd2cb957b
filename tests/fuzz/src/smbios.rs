//! Tables and variables of the firmware, and files that `readelf` shows.

/// No text is longer than the table, and none is empty.
pub fn table(input: &[u8]) {
    for text in format::smbios::oem_strings(input) {
        assert!(!text.is_empty() && text.len() < input.len());
    }
}

/// A table as `dmidecode` shows it: what is told of each structure is bounded by its bytes and by the names of its fields.
pub fn shown(input: &[u8]) {
    assert!(hardware::fuzz::smbios(input) <= 8192 * (input.len() + 1));
}

/// Entry of the firmware's boot menu: its text is not much longer than its bytes.
pub fn load_option(input: &[u8]) {
    assert!(hardware::fuzz::load_option(input) <= 64 * (input.len() + 1));
}

/// File as `readelf` shows it: it comes to an end.
pub fn elf_shown(input: &[u8]) {
    hardware::fuzz::elf(input);
}
